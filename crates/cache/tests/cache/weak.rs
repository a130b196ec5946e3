//! Versions that are told apart by their time alone, and changes in the wrong moment.

use law_cache::{Cache, Policy, Store};
use law_storage::{Backend as _, Call, ErrorKind, Fault, Gate, Operation, ReadOptions};
use std::sync::Arc;

use crate::{BLOCK, Stack, content, get, path, plenty, put};

#[tokio::test(flavor = "multi_thread")]
async fn a_young_file_is_not_kept_and_an_old_one_is() {
    let stack = Stack::weak(Policy::Strict);
    let file = content(1, 5 * BLOCK as usize);
    stack.store("file", &file).await;
    for reads in 1..4 {
        assert!(stack.read("file").await == file);
        assert_eq!(stack.reads(), reads, "it may change once more within its second");
    }
    stack.age("file", 3600).await;
    for _ in 0..3 {
        assert!(stack.read("file").await == file);
        assert_eq!(stack.reads(), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_it_is_read_is_told_and_not_kept() {
    let stack = Stack::weak(Policy::Strict);
    let (old, new) = (content(1, 6 * BLOCK as usize), content(2, 6 * BLOCK as usize));
    stack.store("file", &old).await;
    stack.age("file", 3600).await;
    let gate = Gate::new();
    stack.storage.add(Fault::Hold { at: 5 * BLOCK, gate: gate.clone() }.on(Operation::Read, 1));
    let reader = {
        let cache = stack.cache.clone();
        tokio::spawn(async move { get(&cache, "file").await })
    };
    gate.reached().await;
    stack.store("file", &new).await;
    stack.age("file", 1800).await;
    gate.open();
    assert_eq!(reader.await.unwrap().unwrap_err().kind(), ErrorKind::Changed);
    assert!(stack.read("file").await == new && stack.read("file").await == new);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_content_of_the_same_size_and_time_is_seen_if_it_was_written_here() {
    for policy in [Policy::Strict, Policy::Immutable] {
        let stack = Stack::weak(policy);
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        let call = Call::new();
        let (old, new) = (content(1, 3 * BLOCK as usize), content(2, 3 * BLOCK as usize));
        put(&stack.cache, "file", &old).await.unwrap();
        stack.cache.set_modified(&call, &path("file"), time).await.unwrap();
        let held = stack.cache.local_file(&call, &path("file"), None).await.unwrap().unwrap();
        put(&stack.cache, "file", &new).await.unwrap();
        stack.cache.set_modified(&call, &path("file"), time).await.unwrap();
        assert!(stack.read("file").await == new, "{policy:?}");
        assert!(std::fs::read(held.path()).unwrap() == old, "who holds the old one keeps it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_who_goes_away_leaves_nothing_old_behind() {
    let stack = Stack::new(Policy::Immutable);
    let (old, new) = (content(1, 3 * BLOCK as usize), content(2, 3 * BLOCK as usize));
    stack.store("file", &old).await;
    stack.read("file").await;
    let gate = Gate::new();
    stack.storage.add(Fault::Hold { at: 0, gate: gate.clone() }.on(Operation::Put, 1));
    let writer = {
        let (cache, new) = (stack.cache.clone(), new.clone());
        tokio::spawn(async move { put(&cache, "file", &new).await.map(|_| ()) })
    };
    gate.reached().await;
    // Another process asks just now, and must not note what it is told.
    assert!(stack.again().read("file").await == old);
    writer.abort();
    assert!(writer.await.unwrap_err().is_cancelled());
    law_storage::cleanup::finish().await;
    // What was on its way arrives after all.
    stack.store("file", &new).await;
    assert!(stack.read("file").await == new);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_that_flips_on_its_way_is_noticed_and_fetched_again() {
    let stack = Stack::new(Policy::Immutable);
    let file = content(1, 5 * BLOCK as usize);
    stack.store("file", &file).await;
    let call = Call::new();
    stack.storage.add(Fault::Flip { at: 2 * BLOCK }.always(Operation::Read));
    let error = stack.cache.local_file(&call, &path("file"), None).await.unwrap_err();
    assert_eq!((error.kind(), call.trail().is_damaged()), (ErrorKind::Integrity, true));
    stack.storage.heal();
    stack.storage.add(Fault::Flip { at: 2 * BLOCK }.on(Operation::Read, 1));
    let local = stack.cache.local_file(&call, &path("file"), None).await.unwrap().unwrap();
    assert!(std::fs::read(local.path()).unwrap() == file);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_storage_of_the_same_name_is_another_one() {
    let stack = Stack::new(Policy::Immutable);
    stack.store("file", &content(1, 100)).await;
    let over = |storage: &Stack, door: &str| {
        let store = Arc::new(Store::open(stack.directory.path(), plenty()).unwrap());
        Cache::new(storage.storage.clone(), "lab", vec![door.to_owned()], store, Policy::Immutable, BLOCK)
    };
    let other = Stack::new(Policy::Immutable);
    other.store("file", &content(2, 100)).await;
    assert!(get(&over(&stack, "davs://one"), "file").await.unwrap() == content(1, 100));
    assert!(get(&over(&other, "davs://two"), "file").await.unwrap() == content(2, 100));
    assert!(get(&over(&other, "davs://two"), "file").await.unwrap() == content(2, 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_written_there_leads_out_of_the_directory() {
    let stack = Stack::new(Policy::Immutable);
    stack.store("file", &content(1, 100)).await;
    stack.read("file").await;
    let victim = stack.directory.path().join("victim");
    std::fs::create_dir(&victim).unwrap();
    let names = stack.cache.store().root().join("names");
    let shard = std::fs::read_dir(names).unwrap().flatten().next().unwrap().path();
    let entry = std::fs::read_dir(shard).unwrap().flatten().map(|entry| entry.path());
    let entry = entry.into_iter().find(|entry| !entry.ends_with("lock")).unwrap();
    let text = std::fs::read_to_string(&entry).unwrap();
    let begin = text.find("\"object\":\"").unwrap() + 10;
    let end = begin + text[begin..].find('"').unwrap();
    for object in [format!("xx{}", victim.display()), String::new(), "../".repeat(20)] {
        let line = format!("{}{object}{}", &text[9..begin], &text[end..]);
        let checksum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, line.as_bytes());
        std::fs::write(&entry, format!("{checksum:08x}\n{line}")).unwrap();
        put(&stack.cache, "file", &content(3, 100)).await.unwrap();
        assert!(stack.read("file").await == content(3, 100));
        assert!(victim.exists());
        stack.cache.store().tidy().unwrap();
        assert!(victim.exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_is_passed_by() {
    let stack = Stack::new(Policy::Immutable);
    let file = content(1, 5 * BLOCK as usize);
    stack.store("file", &file).await;
    stack.read("file").await;
    let data = stack.files("data").remove(0);
    std::fs::remove_file(&data).unwrap();
    std::fs::create_dir(&data).unwrap();
    assert!(stack.read("file").await == file);
    let whole = stack.cache.local_file(&Call::new(), &path("file"), None).await.unwrap();
    assert!(whole.is_none_or(|local| std::fs::read(local.path()).unwrap() == file));
    let reading = stack.cache.read(&Call::new(), &path("file"), &ReadOptions::whole()).await.unwrap();
    assert!(reading.collect(u64::MAX).await.unwrap() == file);
}
