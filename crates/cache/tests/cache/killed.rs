//! `kill -9` in the middle of whatever processes do: the next ones go on, and nothing is repaired.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use law_cache::{Cache, Limits, Policy, Store};
use law_storage::{Backend as _, ByteRange, Call, Memory, ReadOptions};

use crate::model::Dice;
use crate::small_disk::{is_right, storage_of};
use crate::{BLOCK, path, plenty};

const FILES: u8 = 12;

/// Bytes of each file.
const SIZE: usize = 300_001;

/// Half of them fit.
const CAP: u64 = 2 << 20;

/// How often everybody is killed.
const ROUNDS: u64 = 10;

fn cache(memory: &Arc<Memory>, directory: &std::path::Path) -> Cache {
    let store = Arc::new(Store::open(directory, Limits { all: CAP, ..plenty() }).unwrap());
    Cache::new(memory.clone(), "lab", Vec::new(), store, Policy::Immutable, BLOCK)
}

#[tokio::test]
async fn nothing_needs_repair_after_a_kill() {
    let (directory, memory) = (tempfile::tempdir().unwrap(), storage_of(FILES, SIZE).await);
    for round in 1..=ROUNDS {
        let steps = Dice::of(round).next(40);
        let mut processes: Vec<Child> = (0..3).map(|number| start(directory.path(), 10 * round + number)).collect();
        let told = BufReader::new(processes[0].stdout.take().unwrap()).lines().map(Result::unwrap);
        // What the frame of tests prints comes before the first step.
        let done = told.filter(|line| line.contains("step")).take(steps as usize + 1).count();
        processes.iter_mut().for_each(|process| process.kill().unwrap());
        processes.iter_mut().for_each(|process| assert!(!process.wait().unwrap().success()));
        assert_eq!(done as u64, steps + 1, "it failed before it was killed");
        let cache = cache(&memory, directory.path());
        assert_eq!(cache.store().check().unwrap().bad, [], "round {round}");
        for number in 0..FILES {
            is_right(&cache, &memory, number).await;
        }
        let whole = cache.local_file(&Call::new(), &path("3"), None).await.unwrap();
        assert!(whole.is_some(), "there is room again for what nobody reads, round {round}");
    }
}

fn start(directory: &std::path::Path, seed: u64) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "killed::works", "--ignored", "--nocapture"]);
    command.env("LAW_TEST_SEED", seed.to_string()).env("LAW_TEST_CACHE", directory);
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// One of them: reads in all ways, until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is started and killed by the test above"]
async fn works() {
    let (memory, call) = (storage_of(FILES, SIZE).await, Call::new());
    let cache = cache(&memory, std::path::Path::new(&std::env::var("LAW_TEST_CACHE").unwrap()));
    let mut dice = Dice::of(std::env::var("LAW_TEST_SEED").unwrap().parse().unwrap());
    loop {
        let number = dice.next(FILES.into()) as u8;
        let name = path(&number.to_string());
        match dice.next(8) {
            0..4 => is_right(&cache, &memory, number).await,
            4..6 => {
                let part = ReadOptions::part(ByteRange::new(dice.next(SIZE as u64), 5 * BLOCK));
                drop(cache.read(&call, &name, &part).await.unwrap());
            }
            6 => drop(cache.local_file(&call, &name, None).await.unwrap()),
            _ => drop(cache.store().clear(Some("lab")).unwrap()),
        }
        println!("step");
    }
}
