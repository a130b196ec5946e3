//! Random operations and disturbances on the whole stack, and on a map that knows what must come out.
//!
//! A read gives exactly the bytes of the map, or an error that the doors explain; what happens to the directory of the cache explains none. At the end
//! everything is kept again, though nobody has repaired anything. A case is a seed: one that fails tells it, and its steps, and
//! `LAW_TEST_SEED=7 cargo nextest run -p law-cache model` does it again.

mod damage;
mod steps;
mod world;

use law_cache::Policy;

use world::World;

/// Cases of each kind; more by hand: `LAW_TEST_SEEDS=1000 cargo nextest run -p law-cache model`.
const SEEDS: u64 = 40;

/// Steps of a case.
const STEPS: usize = 60;

/// A small generator, so that a seed means the same everywhere (Marsaglia's xorshift64*).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides.max(1)
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.next(sides) == 0
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let at = self.next(all.len() as u64) as usize;
        all.get(at)
    }
}

/// What a case runs on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    policy: Policy,
    /// Of the storage; a single one stands without `Doors`, as in `law_target`.
    doors: usize,
    /// Versions have etags, and not only sizes and times.
    etags: bool,
    /// Bytes that the cache may hold.
    cap: u64,
    /// There is room for all files.
    fits: bool,
}

const STRICT: Kind = Kind { policy: Policy::Strict, doors: 3, etags: true, cap: 1 << 30, fits: true };

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs cases in a directory for each.
fn run(kind: Kind, directory: impl Fn() -> tempfile::TempDir) {
    let (first, last) = match number("LAW_TEST_SEED") {
        Some(seed) => (seed, seed),
        None => (1, number("LAW_TEST_SEEDS").unwrap_or(SEEDS)),
    };
    for seed in first..=last {
        // Pauses of retries take no time.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(case(kind, seed, directory()));
    }
}

async fn case(kind: Kind, seed: u64, directory: tempfile::TempDir) {
    let mut world = World::new(kind, seed, directory);
    for _ in 0..STEPS {
        world.step().await;
    }
    world.ends_well().await;
}

fn anywhere() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn over_several_doors() {
    run(STRICT, anywhere);
}

#[test]
fn over_one_door() {
    run(Kind { doors: 1, ..STRICT }, anywhere);
}

#[test]
fn with_versions_that_only_their_time_tells() {
    run(Kind { etags: false, ..STRICT }, anywhere);
}

#[test]
fn of_files_that_only_this_machine_changes() {
    run(Kind { policy: Policy::Immutable, ..STRICT }, anywhere);
}

#[test]
fn with_files_that_do_not_fit() {
    run(Kind { cap: 120_000, fits: false, ..STRICT }, anywhere);
}

/// On a disk that is full now and then, whatever the cache has counted.
pub(crate) fn on_a_small_disk(disk: &std::path::Path) {
    let directory = || tempfile::tempdir_in(disk).unwrap();
    run(Kind { fits: false, ..STRICT }, directory);
    run(Kind { fits: false, policy: Policy::Immutable, doors: 1, ..STRICT }, directory);
}
