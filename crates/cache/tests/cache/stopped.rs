//! A process that is stopped while it holds a lock: the others go on without it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use law_cache::{Cache, Policy, Store};
use law_storage::{Backend as _, Call};
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use crate::{BLOCK, Stack, content, get, path, plenty, put};

const PATIENCE: Duration = Duration::from_millis(200);

/// Locks the first byte of a file, as a process does that was stopped right then.
fn stopped(file: &std::path::Path) -> std::fs::File {
    let file = std::fs::File::options().read(true).write(true).open(file).unwrap();
    let wish = libc::flock { l_type: libc::F_WRLCK as libc::c_short, l_whence: 0, l_start: 0, l_len: 1, l_pid: 0 };
    fcntl(&file, FcntlArg::F_OFD_SETLK(&wish)).unwrap();
    file
}

fn impatient(stack: &Stack) -> Cache {
    let store = Store::open(stack.directory.path(), plenty()).unwrap().with_patience(PATIENCE);
    Cache::new(stack.storage.clone(), "lab", Vec::new(), Arc::new(store), Policy::Immutable, BLOCK)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_ever_for_room() {
    let stack = Stack::new(Policy::Immutable);
    let file = content(1, 50 * BLOCK as usize);
    for name in ["one", "two", "three"] {
        stack.store(name, &file).await;
    }
    let (cache, begin) = (impatient(&stack), Instant::now());
    let lock = stopped(&cache.store().root().join("space"));
    for name in ["one", "two"] {
        assert!(get(&cache, name).await.unwrap() == file);
        assert!(cache.local_file(&Call::new(), &path(name), None).await.unwrap().is_none());
    }
    assert!(begin.elapsed() < PATIENCE * 20, "it is waited for once: {:?}", begin.elapsed());
    drop(lock);
    assert!(get(&impatient(&stack), "three").await.unwrap() == file);
    let reads = stack.reads();
    assert!(get(&impatient(&stack), "three").await.unwrap() == file);
    assert_eq!(stack.reads(), reads, "who comes later has a cache");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_seen_though_somebody_is_stopped_in_the_index() {
    let stack = Stack::new(Policy::Immutable);
    let (old, new) = (content(1, 5 * BLOCK as usize), content(2, 5 * BLOCK as usize));
    stack.store("file", &old).await;
    stack.read("file").await;
    let cache = impatient(&stack);
    let names = std::fs::read_dir(cache.store().root().join("names")).unwrap().flatten();
    let locks: Vec<_> = names.map(|shard| stopped(&shard.path().join("lock"))).collect();
    assert!(!locks.is_empty());
    put(&cache, "file", &new).await.unwrap();
    assert!(get(&cache, "file").await.unwrap() == new);
}
