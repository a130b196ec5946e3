//! Whatever happens to the directory, nobody reads a wrong byte.

use std::os::unix::fs::{FileExt as _, PermissionsExt as _};

use law_cache::{Limits, Policy};
use law_storage::{Backend as _, Call};

use crate::{BLOCK, Stack, content, path, plenty};

fn flip(file: &std::path::Path, at: u64) {
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let file = std::fs::File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 4], at).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_a_miss() {
    let stack = Stack::new(Policy::Immutable);
    let file = content(1, 10 * BLOCK as usize);
    stack.store("file", &file).await;
    stack.read("file").await;
    flip(&stack.files("data")[0], 3 * BLOCK + 100);
    assert!(stack.read("file").await == file);
    assert!(stack.read("file").await == file);
    let statistics = stack.statistics();
    assert_eq!((statistics.bad, statistics.bytes_fetched), (1, 11 * BLOCK));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_handed_out_and_changed_is_not_handed_out_again() {
    let stack = Stack::new(Policy::Immutable);
    let file = content(1, 10 * BLOCK as usize);
    stack.store("file", &file).await;
    let call = Call::new();
    let local = stack.cache.local_file(&call, &path("file"), None).await.unwrap().unwrap();
    flip(local.path(), 9 * BLOCK + 1);
    drop(local);
    let local = stack.cache.local_file(&call, &path("file"), None).await.unwrap().unwrap();
    assert!(std::fs::read(local.path()).unwrap() == file);
    drop(local);
    let statistics = stack.statistics();
    assert!(statistics.bad >= 1 && statistics.bytes_fetched == 11 * BLOCK, "{statistics:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_of_the_directory_may_be_garbage_or_gone() {
    let file = content(1, 10 * BLOCK as usize);
    for name in ["data", "map", "meta", "names", "space", "statistics", "sealed", "hand"] {
        for damage in 0..4 {
            let stack = Stack::new(Policy::Immutable);
            stack.store("file", &file).await;
            stack.read("file").await;
            drop(stack.cache.local_file(&Call::new(), &path("file"), None).await.unwrap());
            let victims = if name == "names" { index(&stack) } else { stack.files(name) };
            for victim in victims {
                std::fs::set_permissions(&victim, std::fs::Permissions::from_mode(0o600)).unwrap();
                let length = std::fs::metadata(&victim).unwrap().len() as usize;
                match damage {
                    0 => std::fs::remove_file(&victim).unwrap(),
                    1 => std::fs::write(&victim, "").unwrap(),
                    2 => std::fs::write(&victim, vec![0xff; length]).unwrap(),
                    _ => flip(&victim, length as u64 / 2),
                }
            }
            assert!(stack.again().read("file").await == file, "{name} {damage}");
            let local = stack.again().cache.local_file(&Call::new(), &path("file"), None).await.unwrap();
            if let Some(local) = local {
                assert!(std::fs::read(local.path()).unwrap() == file, "{name} {damage}");
            }
            assert!(stack.read("file").await == file, "{name} {damage}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_stays_whatever_happens_to_what_is_written_about_it() {
    let stack = Stack::new(Policy::Immutable);
    let file = content(1, 10 * BLOCK as usize);
    stack.store("file", &file).await;
    let held = stack.cache.local_file(&Call::new(), &path("file"), None).await.unwrap().unwrap();
    std::fs::write(&stack.files("meta")[0], "").unwrap();
    stack.cache.store().tidy().unwrap();
    assert!(std::fs::read(held.path()).unwrap() == file);
    assert!(stack.again().read("file").await == file);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_place_is_damaged_is_kept_again_at_once() {
    for name in ["data", "map", "meta"] {
        let stack = Stack::new(Policy::Immutable);
        let file = content(1, 10 * BLOCK as usize);
        stack.store("file", &file).await;
        stack.read("file").await;
        std::fs::remove_file(&stack.files(name)[0]).unwrap();
        let mut reads = 0;
        // Who has fetched the last block may still be at it: then one more passes by.
        while reads != stack.reads() {
            assert!(stack.read("file").await == file);
            reads = stack.reads();
            assert!(stack.read("file").await == file);
        }
        assert!(reads < 8, "{reads} without its {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_open_makes_room() {
    let stack = Stack::limited(Policy::Immutable, Limits { all: 64 * BLOCK, ..plenty() });
    for number in 0..20u8 {
        let file = content(number, 20 * BLOCK as usize);
        stack.store(&format!("file{number}"), &file).await;
        assert!(stack.read(&format!("file{number}")).await == file);
        stack.files("map").iter().for_each(|map| std::fs::write(map, "").unwrap());
    }
    let past = stack.statistics().bytes_past;
    assert_eq!(past, 0, "nothing found no room");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_flipped_bit_of_the_index_is_believed() {
    let stack = Stack::new(Policy::Immutable);
    let file = content(1, 3 * BLOCK as usize);
    stack.store("file", &file).await;
    let told = stack.cache.stat(&Call::new(), &path("file")).await.unwrap();
    stack.read("file").await;
    let entry = index(&stack).remove(0);
    let right = std::fs::read(&entry).unwrap();
    for at in 0..right.len() {
        let mut wrong = right.clone();
        wrong[at] ^= 1;
        std::fs::write(&entry, wrong).unwrap();
        assert_eq!(stack.cache.stat(&Call::new(), &path("file")).await.unwrap(), told, "byte {at}");
    }
    assert!(stack.read("file").await == file);
}

fn index(stack: &Stack) -> Vec<std::path::PathBuf> {
    let names = stack.cache.store().root().join("names");
    let shards = std::fs::read_dir(names).unwrap().flatten();
    let files = shards.flat_map(|shard| std::fs::read_dir(shard.path()).unwrap().flatten());
    files.map(|file| file.path()).filter(|file| !file.ends_with("lock")).collect()
}
