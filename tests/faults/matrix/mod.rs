//! The whole matrix: every fault, each operation, with one door and with three.
//!
//! The property: exit 0 if and only if what was asked for has happened, byte for byte and exactly once. Else there is a code,
//! one line that says why, the old content, and no temporary file that the line does not name.

mod cell;
mod judge;
mod page;
mod peers;
mod rows;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fmt, thread};

use cell::Cell;
use judge::Verdict;
use rows::Row;
use world::World;

/// Cells that run at once: most of them wait.
const AT_ONCE: usize = 12;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Download,
    Upload,
    List,
    Rename,
    Remove,
}

impl Action {
    const ALL: [Self; 5] = [Self::Download, Self::Upload, Self::List, Self::Rename, Self::Remove];

    fn name(self) -> &'static str {
        match self {
            Self::Download => "Download",
            Self::Upload => "Upload",
            Self::List => "Listing",
            Self::Rename => "Rename",
            Self::Remove => "Removal",
        }
    }

    /// The request that does it.
    fn method(self) -> &'static str {
        match self {
            Self::Download => "GET",
            Self::Upload => "PUT",
            Self::List => "PROPFIND",
            Self::Rename => "MOVE",
            Self::Remove => "DELETE",
        }
    }
}

/// The doors of a storage, and which of them are bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doors {
    /// One, which is bad once.
    Once,
    /// One, which is bad.
    One,
    /// Three, of which one is bad.
    OneOfThree,
    /// Three, of which two are bad.
    TwoOfThree,
}

impl Doors {
    const ALL: [Self; 4] = [Self::Once, Self::One, Self::OneOfThree, Self::TwoOfThree];

    fn count(self) -> usize {
        if matches!(self, Self::Once | Self::One) { 1 } else { 3 }
    }

    fn bad(self) -> usize {
        if self == Self::TwoOfThree { 2 } else { 1 }
    }
}

impl fmt::Display for Doors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Once => "one door, once",
            Self::One => "one door",
            Self::OneOfThree => "one of three",
            Self::TwoOfThree => "two of three",
        })
    }
}

/// Does the work of each item, many at once; results in the order of the items.
fn all<T: Sync, R: Send>(items: &[T], work: impl Fn(usize, &T) -> R + Sync) -> Vec<R> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(place) else { break };
                    let result = work(place, item);
                    results.lock().unwrap().push((place, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Every cell of these rows.
fn cells(rows: &[Row]) -> Vec<Cell<'_>> {
    let all = rows.iter().flat_map(|row| Doors::ALL.map(|doors| (row, doors)));
    let cell = |(row, doors)| move |offset| Cell { row, offset, doors, cached: false };
    let cells = all.flat_map(|at: (&Row, Doors)| (0..at.0.rules.len()).map(cell(at)));
    cells.filter(Cell::makes_sense).collect()
}

/// The same with a cache before the storage, of what passes it.
fn cached<'a>(cells: &[Cell<'a>]) -> Vec<Cell<'a>> {
    let passes = cells.iter().filter(|cell| matches!(cell.row.action, Action::Download | Action::Upload));
    passes.map(|cell| Cell { cached: true, ..*cell }).collect()
}

/// Runs every cell.
fn run(world: &World, cells: &[Cell<'_>]) -> Vec<Verdict> {
    all(cells, |place, cell| cell.run(world, place))
}

/// Fails with all cells that are not as they should be.
fn hold(cells: &[Cell<'_>], verdicts: &[Verdict]) {
    println!("{}", page::table(cells, verdicts));
    let broken: Vec<String> =
        cells.iter().zip(verdicts).filter_map(|(cell, verdict)| verdict.complaint(cell)).collect();
    println!("{} cells, {} that are not as they should be", cells.len(), broken.len());
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_promise_holds_in_every_cell() {
    let world = World::ours();
    let rows = rows::rows(world.listing_length());
    let cells = cells(&rows);
    hold(&cells, &run(&world, &cells));
}

/// Also through a cache, which afterwards has nothing that is wrong.
#[test]
fn the_promise_holds_in_every_cell_behind_a_cache() {
    let world = World::ours();
    let rows = rows::rows(world.listing_length());
    let cells = cached(&cells(&rows));
    hold(&cells, &run(&world, &cells));
}

/// Plans in which anything may happen to any request.
#[test]
fn random_plans_break_no_promise() {
    let world = World::ours();
    let actions = [Action::Download, Action::Upload, Action::Rename, Action::Remove];
    let rows: Vec<Row> = actions.iter().flat_map(|action| (0..10).map(|seed| rows::random(*action, seed))).collect();
    let cells = cells(&rows);
    hold(&cells, &run(&world, &cells));
}

#[test]
#[ignore = "takes minutes, and writes docs/faults.md: cargo xtask fault-matrix"]
fn the_page() {
    let path = std::env::var("LAW_TEST_FAULTS_PAGE").expect("cargo xtask fault-matrix says where the page goes");
    let (server, (rows, verdicts)) = world::measured(|world| {
        let rows = rows::rows(world.listing_length());
        let verdicts = run(world, &cells(&rows));
        (rows, verdicts)
    });
    let cells = cells(&rows);
    hold(&cells, &verdicts);
    std::fs::write(path, page::page(&server, &cells, &verdicts, &peers::run(&rows))).unwrap();
}
