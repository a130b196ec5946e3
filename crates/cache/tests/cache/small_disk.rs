//! On a small disk: a tmpfs that nobody else sees, in which each test runs as a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use law_cache::{Cache, Limits, Policy, Store};
use law_storage::{Backend as _, Call, Memory};

use crate::{content, get, model, path, plenty, put};

/// Mounts the disk, and runs one of the tests below on it.
const MOUNT: &str =
    "mount -t tmpfs -o mode=700,size=$1 law \"$LAW_TEST_DISK\" && exec \"$2\" --exact \"$3\" --ignored --nocapture";

/// Runs a test of this file that is ignored elsewhere on a disk of so many bytes.
fn on_a_disk_of(size: &str, test: &str) {
    let mount = tempfile::tempdir().unwrap();
    let run = |namespaces: &str, program: &str, test: &str| {
        let mut command = Command::new("unshare");
        command.args([namespaces, "sh", "-c", MOUNT, "sh", size, program, test]);
        command.env("LAW_TEST_DISK", mount.path()).output()
    };
    let may = |namespaces: &&str| run(namespaces, "true", "").is_ok_and(|probe| probe.status.success());
    let Some(namespaces) = ["-Urm", "-m"].into_iter().find(may) else {
        assert!(std::env::var("CI").is_err(), "no disk of its own can be mounted");
        println!("skipped: no disk of its own can be mounted");
        return;
    };
    let this = std::env::current_exe().unwrap().display().to_string();
    let done = run(namespaces, &this, &format!("small_disk::{test}")).unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && told.contains("1 passed"), "{told}");
}

fn disk() -> PathBuf {
    std::env::var_os("LAW_TEST_DISK").unwrap().into()
}

/// Bytes of the disk that are free, and that are not.
fn free_and_used(disk: &Path) -> (u64, u64) {
    let found = rustix::fs::statvfs(disk).unwrap();
    (found.f_bavail * found.f_frsize, (found.f_blocks - found.f_bfree) * found.f_frsize)
}

#[test]
fn nothing_goes_wrong_on_a_disk_that_is_full() {
    on_a_disk_of("200k", "the_model");
}

#[test]
#[ignore = "runs on a disk of its own"]
fn the_model() {
    model::on_a_small_disk(&disk());
}

/// Bytes of each file of [`storage`].
const SIZE: usize = 1_250_000;

const FILES: u8 = 20;

async fn storage() -> Arc<Memory> {
    storage_of(FILES, SIZE).await
}

/// A storage that is the same in every process.
pub(crate) async fn storage_of(files: u8, size: usize) -> Arc<Memory> {
    let (memory, time) = (Memory::new().without_etags(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    for number in 0..files {
        let name = number.to_string();
        put(&memory, &name, &content(number, size)).await.unwrap();
        memory.set_modified(&Call::new(), &path(&name), time).await.unwrap();
    }
    Arc::new(memory)
}

/// Reads a file through the cache, and compares it with what the storage has.
pub(crate) async fn is_right(cache: &Cache, memory: &Memory, number: u8) {
    let name = number.to_string();
    assert!(get(cache, &name).await.unwrap() == get(memory, &name).await.unwrap(), "{name}");
}

fn cache(memory: &Arc<Memory>, limits: Limits) -> Cache {
    let store = Arc::new(Store::open(&disk(), limits).unwrap());
    Cache::new(memory.clone(), "lab", Vec::new(), store, Policy::Immutable, 256 << 10)
}

#[test]
fn what_shall_stay_free_stays_free() {
    on_a_disk_of("20m", "the_floor");
}

#[tokio::test]
#[ignore = "runs on a disk of its own"]
async fn the_floor() {
    let (memory, floor) = (storage().await, 8 << 20);
    let cache = cache(&memory, Limits { free: floor, ..plenty() });
    for number in 0..FILES {
        is_right(&cache, &memory, number).await;
        let (free, _) = free_and_used(&disk());
        assert!(free >= floor, "{free} of {floor} are free after {number}");
    }
    // Somebody else takes of the rest: the cache gives way.
    std::fs::write(disk().join("other"), vec![1; 6 << 20]).unwrap();
    is_right(&cache, &memory, 0).await;
    let (free, _) = free_and_used(&disk());
    assert!(free >= floor, "{free} of {floor} are free beside others");
}

fn somebody_takes_all_but(left: u64) {
    let (free, used) = free_and_used(&disk());
    std::fs::write(disk().join(used.to_string()), vec![1; free.saturating_sub(left) as usize]).unwrap();
    assert!(free_and_used(&disk()).0 <= left);
}

#[test]
fn a_disk_that_is_full_is_passed_by() {
    on_a_disk_of("4m", "no_space");
}

/// The cache believes that there is room, and the disk says no.
#[tokio::test]
#[ignore = "runs on a disk of its own"]
async fn no_space() {
    let memory = storage().await;
    let cache = cache(&memory, plenty());
    is_right(&cache, &memory, 0).await;
    for left in [300 << 10, 0] {
        somebody_takes_all_but(left);
        for number in 0..4 {
            is_right(&cache, &memory, number).await;
            let local = cache.local_file(&Call::new(), &path(&number.to_string()), None).await.unwrap();
            let content = content(number, SIZE);
            assert!(local.is_none_or(|local| std::fs::read(local.path()).unwrap() == content), "{number}");
        }
    }
}

#[test]
fn what_was_known_is_forgotten_without_room_for_a_note_of_it() {
    on_a_disk_of("4m", "forgets");
}

#[tokio::test]
#[ignore = "runs on a disk of its own"]
async fn forgets() {
    let memory = storage().await;
    let cache = cache(&memory, plenty());
    let held = cache.local_file(&Call::new(), &path("0"), None).await.unwrap();
    somebody_takes_all_but(0);
    is_right(&cache, &memory, 0).await;
    put(&cache, "0", &content(99, SIZE)).await.unwrap();
    is_right(&cache, &memory, 0).await;
    drop(held);
}

/// Bytes that the cache may hold.
const CAP: u64 = 16 << 20;

#[test]
fn eight_processes_keep_to_the_cap_together() {
    on_a_disk_of("64m", "eight_processes");
}

#[test]
#[ignore = "runs on a disk of its own"]
fn eight_processes() {
    let this = std::env::current_exe().unwrap();
    let fill = |number: u8| {
        let mut command = Command::new(&this);
        command.args(["--exact", "small_disk::fills", "--ignored"]).env("LAW_TEST_SEED", number.to_string());
        command.stdout(Stdio::null()).spawn().unwrap()
    };
    let mut processes: Vec<Child> = (0..8).map(fill).collect();
    let mut most = 0;
    while processes.iter_mut().any(|process| process.try_wait().unwrap().is_none()) {
        let (_, used) = free_and_used(&disk());
        most = most.max(used);
        assert!(used <= CAP + CAP / 100, "{used} of {CAP}");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(processes.iter_mut().all(|process| process.wait().unwrap().success()));
    assert!(most > CAP * 3 / 4, "it was never full: {most}");
}

/// One of them: reads all files, each process from another one on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs on a disk of its own"]
async fn fills() {
    let memory = storage().await;
    let cache = cache(&memory, Limits { all: CAP, ..plenty() });
    let first: u8 = std::env::var("LAW_TEST_SEED").unwrap().parse().unwrap();
    for number in (0..FILES).map(|number| (number + 4 * first) % FILES) {
        is_right(&cache, &memory, number).await;
    }
}
