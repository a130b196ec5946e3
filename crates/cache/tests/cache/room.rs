//! How much it holds.

use law_cache::{Limits, Policy};
use law_storage::{Backend as _, Call, ReadOptions};

use crate::{BLOCK, Stack, content, path, plenty};

/// Bytes of the disk below a directory.
fn on_disk(stack: &Stack) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let objects = stack.cache.store().root().join("objects");
    let mut sum = 0;
    let mut directories = vec![objects];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
            // Others may be at it. The directories of directories are always the same.
            let Ok(found) = entry.metadata() else { continue };
            sum += if directory.ends_with("objects") { 0 } else { found.blocks() * 512 };
            if entry.path().is_dir() {
                directories.push(entry.path());
            }
        }
    }
    sum
}

#[tokio::test(flavor = "multi_thread")]
async fn it_never_holds_more_than_it_may() {
    let cap = 256 * BLOCK;
    let stack = Stack::limited(Policy::Immutable, Limits { all: cap, ..plenty() });
    for number in 0..40u8 {
        let file = content(number, 20 * BLOCK as usize);
        stack.store(&format!("file{number}"), &file).await;
        assert!(stack.read(&format!("file{number}")).await == file);
        assert!(on_disk(&stack) <= cap + cap / 100, "{} of {cap}", on_disk(&stack));
    }
    assert!(on_disk(&stack) > cap / 2, "it is used: {}", on_disk(&stack));
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_writers_keep_to_it_together() {
    let cap = 256 * BLOCK;
    let stack = Stack::limited(Policy::Immutable, Limits { all: cap, ..plenty() });
    for number in 0..64u8 {
        stack.store(&format!("file{number}"), &content(number, 20 * BLOCK as usize)).await;
    }
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let process = stack.again();
            tokio::spawn(async move {
                for number in (0..64u8).filter(|number| number % 8 == writer) {
                    let file = content(number, 20 * BLOCK as usize);
                    assert!(process.read(&format!("file{number}")).await == file);
                    // While it is looked one object goes and another one comes, and both are counted: `small_disk` asks the disk itself.
                    let held = (0..8).map(|_| on_disk(&process)).min().unwrap();
                    assert!(held <= cap + cap / 100, "{held} of {cap}");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_again_survives_a_scan() {
    let stack = Stack::limited(Policy::Immutable, Limits { all: 200 * BLOCK, ..plenty() });
    let hot = content(0, 16 * BLOCK as usize);
    stack.store("hot", &hot).await;
    stack.read("hot").await;
    for number in 0..60u8 {
        let name = format!("cold{number}");
        stack.store(&name, &content(number, 16 * BLOCK as usize)).await;
        stack.read(&name).await;
        stack.read("hot").await;
    }
    let before = stack.reads();
    assert!(stack.read("hot").await == hot);
    assert_eq!(stack.reads(), before, "it stayed");
    assert_eq!(before, 61, "and was fetched once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_use_or_pinned_stays_and_reads_pass_by() {
    let stack = Stack::limited(Policy::Immutable, Limits { all: 64 * BLOCK, ..plenty() });
    let (held, pinned) = (content(1, 20 * BLOCK as usize), content(2, 20 * BLOCK as usize));
    stack.store("held", &held).await;
    stack.store("pinned", &pinned).await;
    let local = stack.cache.local_file(&Call::new(), &path("held"), None).await.unwrap().unwrap();
    stack.cache.pin(&Call::new(), &path("pinned")).await.unwrap();
    for number in 3..30u8 {
        let file = content(number, 40 * BLOCK as usize);
        stack.store("large", &file).await;
        let reading = stack.cache.read(&Call::new(), &path("large"), &ReadOptions::whole()).await.unwrap();
        drop(reading);
        stack.storage.remove_file(&Call::new(), &path("large")).await.unwrap();
        let name = format!("large{number}");
        stack.store(&name, &file).await;
        assert!(stack.read(&name).await == file);
    }
    assert!(std::fs::read(local.path()).unwrap() == held);
    let reads = stack.reads();
    assert!(stack.read("held").await == held && stack.read("pinned").await == pinned);
    assert_eq!(stack.reads(), reads);
    drop(local);
    assert!(stack.cache.unpin(&path("pinned")).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_pinned_stays_so_when_it_is_written() {
    let stack = Stack::new(Policy::Strict);
    stack.store("file", &content(1, 5 * BLOCK as usize)).await;
    stack.cache.pin(&Call::new(), &path("file")).await.unwrap();
    for seed in 2..4 {
        crate::put(&stack.cache, "file", &content(seed, 5 * BLOCK as usize)).await.unwrap();
        let contents = stack.cache.store().contents();
        let pinned: Vec<_> = contents.iter().filter(|content| content.pinned).collect();
        assert!(pinned.len() == 1 && pinned[0].here == 5 * BLOCK, "{contents:?}");
    }
    assert!(stack.cache.unpin(&path("file")).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_has_no_room_left_fails_no_read() {
    let stack = Stack::limited(Policy::Immutable, Limits { free: u64::MAX / 2, ..plenty() });
    let file = content(1, 20 * BLOCK as usize);
    stack.store("file", &file).await;
    for _ in 0..2 {
        assert!(stack.read("file").await == file);
    }
    assert_eq!(stack.cache.local_file(&Call::new(), &path("file"), None).await.unwrap().map(|_| ()), None);
    assert_eq!(stack.statistics().bytes_past, 2 * file.len() as u64);
}
