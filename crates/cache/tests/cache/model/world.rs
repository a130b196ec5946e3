//! The stack of a case, the map that it is compared with, and what happens to its doors.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use law_cache::{Cache, Limits, Store};
use law_storage::{
    Backend, Call, Door, Doors, DoorsSettings, Error, ErrorKind, Fault, Faulty, LocalFile, Memory, Operation, Result,
    Retry, RetrySettings,
};

use super::{Dice, Kind};
use crate::{get, path};

/// Bytes of a block: small, so that files have many.
pub(super) const BLOCK: u64 = 4 << 10;

/// Processes that share the directory.
const PROCESSES: usize = 2;

/// The names that files may have.
pub(super) const NAMES: [&str; 6] = ["a", "b.npz", "d/c", "d/e.root", "d/f/g", "h/i"];

/// Whatever asks a door.
const ASKED: [Operation; 12] = [
    Operation::Open,
    Operation::Stat,
    Operation::Read,
    Operation::Put,
    Operation::List,
    Operation::CreateDirectory,
    Operation::Remove,
    Operation::Rename,
    Operation::Copy,
    Operation::Digest,
    Operation::SetMetadata,
    Operation::LocalFile,
];

/// A file that was handed out, and what was in it.
pub(super) struct Held {
    pub(super) local: LocalFile,
    pub(super) content: Vec<u8>,
}

pub(super) struct World {
    pub(super) kind: Kind,
    pub(super) dice: Dice,
    pub(super) call: Call,
    /// What is behind all doors.
    pub(super) memory: Memory,
    pub(super) doors: Vec<Arc<Faulty>>,
    dead: Vec<bool>,
    pub(super) directory: tempfile::TempDir,
    pub(super) processes: Vec<Cache>,
    /// What must come out.
    pub(super) files: BTreeMap<&'static str, Vec<u8>>,
    pub(super) held: Vec<Held>,
    /// Nothing more fits on the disk.
    pub(super) full: bool,
    versions: u64,
    seed: u64,
    steps: Vec<String>,
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{:?}, LAW_TEST_SEED={}:\n  {}", self.kind, self.seed, self.steps.join("\n  "));
        }
    }
}

impl World {
    pub(super) fn new(kind: Kind, seed: u64, directory: tempfile::TempDir) -> Self {
        let memory = if kind.etags { Memory::new() } else { Memory::new().without_etags() };
        let door = |number| Arc::new(Faulty::new(Arc::new(memory.at_door(&format!("door{number}"))), []));
        let mut world = Self {
            kind,
            // Each kind has cases of its own.
            dice: Dice::of(seed.wrapping_mul(1009) ^ kind.cap ^ kind.doors as u64 ^ u64::from(kind.etags) << 20),
            call: Call::new(),
            doors: (0..kind.doors).map(door).collect(),
            dead: vec![false; kind.doors],
            memory,
            directory,
            processes: Vec::new(),
            files: BTreeMap::new(),
            held: Vec::new(),
            full: false,
            versions: 0,
            seed,
            steps: Vec::new(),
        };
        world.start();
        world
    }

    pub(super) fn tell(&mut self, step: String) {
        self.steps.push(step);
    }

    /// All processes end, and others start.
    pub(super) fn start(&mut self) {
        self.processes = (0..PROCESSES).map(|_| self.process()).collect();
    }

    /// `Cache(Doors(Retry(Faulty(Memory))))`, as `law_target` stacks it.
    pub(super) fn process(&self) -> Cache {
        let retry =
            |door: &Arc<Faulty>| -> Arc<dyn Backend> { Arc::new(Retry::new(door.clone(), RetrySettings::default())) };
        let storage = match &self.doors[..] {
            [door] => retry(door),
            doors => Arc::new(Doors::new(
                doors.iter().map(|door| Door::new(retry(door))).collect(),
                DoorsSettings::default(),
            )),
        };
        let free = if self.full { u64::MAX / 2 } else { 0 };
        let limits = Limits { all: self.kind.cap, free, ..Limits::default() };
        let store = Arc::new(Store::open(self.directory.path(), limits).unwrap());
        Cache::new(storage, "lab", Vec::new(), store, self.kind.policy, BLOCK)
    }

    pub(super) fn any_process(&mut self) -> Cache {
        let at = self.dice.next(PROCESSES as u64) as usize;
        self.processes[at].clone()
    }

    pub(super) fn any_name(&mut self) -> &'static str {
        NAMES[self.dice.next(NAMES.len() as u64) as usize]
    }

    /// A name that has a file, most of the time.
    pub(super) fn likely_name(&mut self) -> &'static str {
        let names: Vec<&'static str> = self.files.keys().copied().collect();
        if self.dice.one_in(8) { self.any_name() } else { self.dice.pick(&names).copied().unwrap_or("a") }
    }

    /// Bytes that no other version has at any place.
    pub(super) fn new_content(&mut self) -> Vec<u8> {
        self.versions += 1;
        let longest = if self.dice.one_in(4) { 40 * BLOCK } else { 6 * BLOCK };
        let (length, version) = (self.dice.next(longest), self.versions as u32);
        let words = (0..length.div_ceil(4) as u32).map(|word| word.wrapping_mul(2_654_435_761).wrapping_add(version));
        let mut content: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
        content.truncate(length as usize);
        content
    }

    /// A time long ago that no version had.
    pub(super) fn new_time(&mut self) -> SystemTime {
        self.versions += 1;
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + 100 * self.versions)
    }

    /// What the storage has, whatever its doors say.
    pub(super) async fn stored(&self, name: &str) -> Option<Vec<u8>> {
        match get(&self.memory, name).await {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            other => Some(other.unwrap()),
        }
    }

    /// No door answers.
    pub(super) fn is_away(&self) -> bool {
        self.dead.iter().all(|dead| *dead)
    }

    /// Whether no door answers, or those that would are left alone, as they did not a moment ago.
    pub(super) fn explains(&self, error: &Error) -> bool {
        self.is_away() || error.to_string().contains("left alone")
    }

    pub(super) fn door_dies_or_returns(&mut self) {
        let door = self.dice.next(self.doors.len() as u64) as usize;
        let dead = !self.dead[door];
        self.set_door(door, dead);
        self.tell(format!("door {door} {}", if dead { "dies" } else { "comes back" }));
    }

    fn set_door(&mut self, door: usize, dead: bool) {
        self.dead[door] = dead;
        self.doors[door].heal();
        if dead {
            let down = ASKED.into_iter().map(|asked| Fault::Fail(ErrorKind::Unavailable).always(asked));
            down.for_each(|fault| self.doors[door].add(fault));
        }
    }

    pub(super) fn all_doors_return(&mut self) {
        (0..self.doors.len()).for_each(|door| self.set_door(door, false));
    }

    /// Takes back what was ordered and did not happen.
    pub(super) fn settle(&mut self) {
        (0..self.doors.len()).for_each(|door| self.set_door(door, self.dead[door]));
    }

    /// Something that passes will happen at a door that is well. Its description, if there is one.
    pub(super) fn something_passing(&mut self) -> Option<String> {
        let door = self.dice.next(self.doors.len() as u64) as usize;
        let operation = ASKED[self.dice.next(ASKED.len() as u64) as usize];
        let at = self.dice.next(8 * BLOCK);
        let fault = match (self.dice.next(4), operation) {
            (0, _) => Fault::Fail(ErrorKind::Timeout),
            (1, Operation::Read | Operation::Put) => Fault::Break { at, kind: ErrorKind::Unavailable },
            (2, Operation::Read) => Fault::Truncate { at },
            (3, Operation::Put | Operation::Remove | Operation::Rename | Operation::Copy) => Fault::LoseAnswer,
            _ => Fault::Fail(ErrorKind::Unavailable),
        };
        let text = format!("{fault:?} at door {door} for {operation:?}");
        (!self.dead[door]).then(|| self.doors[door].add(fault.on(operation, 1)))?;
        Some(text)
    }

    /// The value, or an error that the doors explain.
    pub(super) fn explained<T>(&self, done: Result<T>) -> Option<T> {
        match done {
            Ok(value) => Some(value),
            Err(error) => {
                assert!(self.explains(&error), "{error:?}");
                None
            }
        }
    }

    /// Fails if a file that somebody holds is not what it was any more.
    pub(super) fn held_files_are_the_same(&self) {
        for held in &self.held {
            let now = std::fs::read(held.local.path());
            assert!(now.is_ok_and(|now| now == held.content), "{:?} has changed", held.local);
        }
    }

    /// Everything comes to rest, and is kept, without any repair.
    pub(super) async fn ends_well(&mut self) {
        self.tell("all is well again".to_owned());
        self.held.clear();
        self.all_doors_return();
        self.full = false;
        self.start();
        for (name, content) in self.files.clone() {
            self.is_kept_once_it_is_old(name).await;
            assert!(get(&self.processes[0], name).await.unwrap() == content, "{name}");
            let before = self.reads();
            assert!(get(&self.processes[1], name).await.unwrap() == content, "{name} by another process");
            assert!(!self.kind.fits || self.reads() == before, "{name} is not kept");
        }
    }

    /// A young version is not kept where only its time tells it.
    async fn is_kept_once_it_is_old(&mut self, name: &str) {
        let found = self.memory.stat(&self.call, &path(name)).await.unwrap().unwrap();
        if found.modified.is_none_or(|modified| modified.time.elapsed().is_ok_and(|age| age < Duration::from_secs(60)))
        {
            let time = self.new_time();
            self.processes[0].set_modified(&self.call, &path(name), time).await.unwrap();
        }
    }

    fn reads(&self) -> usize {
        self.doors.iter().map(|door| door.calls(Operation::Read)).sum()
    }
}
