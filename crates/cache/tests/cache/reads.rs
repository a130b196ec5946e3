//! What is read twice is fetched once.

use std::sync::Arc;

use law_cache::Policy;
use law_storage::{Backend as _, ByteRange, Call, ErrorKind, Fault, Operation, ReadOptions};

use crate::{BLOCK, Stack, content, get, path};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_here_is_not_fetched() {
    let stack = Stack::new(Policy::Strict);
    let file = content(1, 5 * BLOCK as usize + 77);
    stack.store("file.npz", &file).await;
    assert!(stack.read("file.npz").await == file);
    assert_eq!(stack.reads(), 1);
    let other = stack.again();
    assert!(other.read("file.npz").await == file);
    assert_eq!(stack.reads(), 1, "by another process neither");
    drop(other);
    let statistics = stack.statistics();
    assert_eq!((statistics.bytes_fetched, statistics.bytes_here), (file.len() as u64, file.len() as u64));
    assert_eq!((statistics.hits, statistics.misses, statistics.bad), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_blocks_that_are_wanted_are_fetched() {
    let stack = Stack::new(Policy::Immutable);
    let file = content(2, 40 * BLOCK as usize);
    stack.store("file", &file).await;
    let ranges = [ByteRange::new(20 * BLOCK + 5, 10), ByteRange::new(3, 4), ByteRange::new(39 * BLOCK, 9 * BLOCK)];
    let parts = stack.cache.read_ranges(&Call::new(), &path("file"), &ranges, None).await.unwrap();
    for (part, range) in parts.iter().zip(ranges) {
        let range = range.clamp(file.len() as u64);
        assert_eq!(part[..], file[range.offset as usize..range.end() as usize]);
    }
    let mut buffer = vec![0; 100];
    let at = 21 * BLOCK as usize - 50;
    let filled = stack.cache.read_into(&Call::new(), &path("file"), at as u64, &mut buffer, None).await.unwrap();
    assert_eq!((filled, &buffer[..]), (100, &file[at..at + 100]));
    let fetched = stack.statistics().bytes_fetched;
    // The last read found the block before it here, and reads on.
    assert!(fetched <= (3 + 1 + 8) * BLOCK, "{fetched}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_readers_of_a_cold_file_one_fetches_each_block() {
    let stack = Stack::new(Policy::Immutable);
    let file = content(3, 100 * BLOCK as usize + 1);
    stack.store("file", &file).await;
    let readers: Vec<_> = (0..20)
        .map(|_| {
            let process = stack.again();
            tokio::spawn(async move { process.read("file").await })
        })
        .collect();
    for reader in readers {
        assert!(reader.await.unwrap() == file);
    }
    assert_eq!(stack.statistics().bytes_fetched, file.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_fails_is_an_error_and_the_next_reader_goes_on() {
    let stack = Stack::new(Policy::Immutable);
    let file = content(4, 10 * BLOCK as usize);
    stack.store("file", &file).await;
    stack.storage.add(Fault::Truncate { at: 4 * BLOCK + 9 }.on(Operation::Read, 1));
    let error = get(&stack.cache, "file").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error}");
    assert!(stack.read("file").await == file);
    let fetched = stack.statistics().bytes_fetched;
    assert!(fetched < 11 * BLOCK, "what was here stays: {fetched}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_goes_away_leaves_whole_blocks_behind() {
    use futures_util::StreamExt as _;
    let stack = Stack::new(Policy::Immutable);
    let file = content(5, 200 * BLOCK as usize);
    stack.store("file", &file).await;
    let mut reading = stack.cache.read(&Call::new(), &path("file"), &ReadOptions::whole()).await.unwrap();
    assert!(reading.stream.next().await.unwrap().is_ok());
    drop(reading);
    assert!(stack.read("file").await == file);
    let fetched = stack.statistics().bytes_fetched;
    assert_eq!(fetched, file.len() as u64, "what was fetched for the one who went is not fetched again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_file_is_a_file() {
    let stack = Stack::new(Policy::Immutable);
    stack.store("empty", b"").await;
    for _ in 0..2 {
        assert!(stack.read("empty").await == b"");
    }
    let local = stack.cache.local_file(&Call::new(), &path("empty"), None).await.unwrap().unwrap();
    assert!(std::fs::read(local.path()).unwrap() == b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_needs_no_file_does_not_wait_for_one() {
    let stack = Stack::new(Policy::Strict);
    let file = content(7, 200 * BLOCK as usize + 3);
    stack.store("file", &file).await;
    let here = async || stack.cache.local_file_here(&Call::new(), &path("file"), None).await.unwrap();
    assert!(here().await.is_none());
    assert_eq!(stack.reads(), 0, "nothing is fetched for it");
    let part = ReadOptions::part(ByteRange::new(30 * BLOCK, 5));
    let _ = stack.cache.read(&Call::new(), &path("file"), &part).await.unwrap().collect(9).await.unwrap();
    assert!(here().await.is_none(), "a part is no file");
    assert!(stack.read("file").await == file);
    let before = stack.reads();
    let local = here().await.unwrap();
    assert!(std::fs::read(local.path()).unwrap() == file);
    assert_eq!(stack.reads(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_file_is_handed_out_without_a_copy() {
    let stack = Stack::new(Policy::Strict);
    let file = content(6, 70 * BLOCK as usize + 3);
    stack.store("d/file.root", &file).await;
    let part = ReadOptions::part(ByteRange::new(30 * BLOCK, 5));
    let _ = stack.cache.read(&Call::new(), &path("d/file.root"), &part).await.unwrap().collect(9).await.unwrap();
    let local = stack.cache.local_file(&Call::new(), &path("d/file.root"), None).await.unwrap().unwrap();
    assert!(std::fs::read(local.path()).unwrap() == file);
    assert!(local.path().extension().is_some_and(|extension| extension == "root"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&local.file().metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o444);
    let before = stack.reads();
    let again = stack.again().cache.local_file(&Call::new(), &path("d/file.root"), None).await.unwrap().unwrap();
    assert_eq!((again.path(), stack.reads()), (local.path(), before));
    assert!(stack.read("d/file.root").await == file);
    assert_eq!(stack.reads(), before);
    let fetched = Arc::new(stack.statistics().bytes_fetched);
    assert_eq!(*fetched, file.len() as u64, "what was here is not fetched again");
}
