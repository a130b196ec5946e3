//! A file that has changed is another one.

use std::time::Duration;

use law_cache::Policy;
use law_storage::{Backend as _, Call, Destination, ErrorKind, Operation, ReadOptions};

use crate::{BLOCK, Stack, content, get, path, put};

#[tokio::test(flavor = "multi_thread")]
async fn strict_sees_every_change_and_keeps_only_the_newest() {
    let stack = Stack::new(Policy::Strict);
    for seed in 0..5 {
        let file = content(seed, 3 * BLOCK as usize);
        stack.store("file", &file).await;
        assert!(stack.read("file").await == file && stack.read("file").await == file);
    }
    assert_eq!(stack.reads(), 5);
    // One that was still being written when the next came is removed by the next who tidies up.
    while stack.files("data").len() > 1 {
        tokio::task::yield_now().await;
        stack.cache.store().tidy().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn immutable_asks_once_and_never_again() {
    let stack = Stack::new(Policy::Immutable);
    let file = content(1, 10);
    stack.store("file", &file).await;
    assert!(stack.read("file").await == file);
    let asked = stack.storage.calls(Operation::Stat);
    for _ in 0..5 {
        assert!(stack.again().read("file").await == file);
        assert_eq!(stack.cache.stat(&Call::new(), &path("file")).await.unwrap().unwrap().size, Some(10));
    }
    assert_eq!((stack.storage.calls(Operation::Stat), stack.reads()), (asked, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_to_live_ends() {
    for (time, asked) in [(Duration::from_secs(3600), 1), (Duration::ZERO, 3)] {
        let stack = Stack::new(Policy::TimeToLive(time));
        stack.store("file", &content(1, 10)).await;
        for _ in 0..3 {
            assert!(stack.read("file").await == content(1, 10));
        }
        assert_eq!((stack.storage.calls(Operation::Stat), stack.reads()), (asked, 1), "{time:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_through_the_cache_are_seen_at_once_whatever_the_policy() {
    let stack = Stack::new(Policy::Immutable);
    stack.store("file", &content(1, 100)).await;
    stack.store("d/below", &content(2, 100)).await;
    stack.read("file").await;
    stack.read("d/below").await;
    put(&stack.cache, "file", &content(3, 200)).await.unwrap();
    assert!(stack.read("file").await == content(3, 200));
    let (call, there) = (Call::new(), path("there"));
    stack.cache.rename(&call, &path("d"), &there, Destination::NoReplace).await.unwrap();
    assert_eq!(get(&stack.cache, "d/below").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(stack.read("there/below").await == content(2, 100));
    stack.cache.copy(&call, &path("file"), &path("there/below"), Destination::Replace).await.unwrap();
    assert!(stack.read("there/below").await == content(3, 200));
    stack.cache.remove_file(&call, &path("file")).await.unwrap();
    assert_eq!(get(&stack.cache, "file").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(stack.cache.stat(&call, &path("file")).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_here() {
    let stack = Stack::new(Policy::Strict);
    let file = content(1, 7 * BLOCK as usize + 5);
    put(&stack.cache, "file", &file).await.unwrap();
    assert!(stack.read("file").await == file);
    assert_eq!(stack.reads(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_seen_another_version_is_told() {
    let stack = Stack::new(Policy::Immutable);
    stack.store("file", &content(1, 100)).await;
    let old = stack.cache.stat(&Call::new(), &path("file")).await.unwrap().unwrap().identity();
    stack.read("file").await;
    stack.store("file", &content(2, 100)).await;
    let new = stack.storage.stat(&Call::new(), &path("file")).await.unwrap().unwrap().identity();
    let read = async |validator| {
        let reading = stack.cache.read(&Call::new(), &path("file"), &ReadOptions::whole().pinned(validator)).await?;
        reading.collect(u64::MAX).await
    };
    assert_eq!(read(new.clone()).await.unwrap(), content(2, 100));
    assert_eq!(read(old).await.unwrap_err().kind(), ErrorKind::Changed);
    assert_eq!(read(new).await.unwrap(), content(2, 100));
}
