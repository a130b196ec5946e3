//! Targets from everywhere: threads, runtimes of tokio, rayon's pool. What a fork does is in `fork.rs`.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use law_formatters::Json;
use law_storage::{ErrorKind, FileSystem, Memory, Path};
use law_target::{
    AnyTarget, DirectoryTarget, FileCollection, NestedSiblingFileCollection, SiblingFileCollection, runtime,
};
use law_transfer::Place;
use rayon::prelude::*;
use std::sync::Arc;

fn storage() -> DirectoryTarget {
    let fs = FileSystem::new("storage", Path::root(), Arc::new(Memory::new()));
    DirectoryTarget::new(Place::new(fs, Path::root()))
}

/// What a program does with targets, blocking, in a directory of its own.
fn blocking_work(root: &DirectoryTarget, number: usize) {
    let directory = root.child_dir(format!("d{number}"));
    let files: Vec<_> = (0..3).map(|n| directory.child(format!("{n}.json"))).collect();
    files.iter().for_each(|file| drop(file.dump(number, Json).unwrap()));
    assert_eq!(files[1].load::<usize>(Json).unwrap(), number);
    assert_eq!(NestedSiblingFileCollection::new(files.clone()).count().unwrap(), 3);
    let local = FileCollection::new(files).localize_read().unwrap();
    assert_eq!(std::fs::read_to_string(local.get(&2).unwrap().path()).unwrap(), number.to_string());
    let copy = root.child_dir(format!("copy{number}"));
    let write = copy.localize_write().unwrap();
    std::fs::write(write.path().join("a"), "content").unwrap();
    assert_eq!(write.commit().unwrap().files, 1);
    assert_eq!(copy.walk().map(Result::unwrap).filter_map(AnyTarget::file).count(), 1);
    assert!(directory.remove().unwrap() && !directory.exists().unwrap());
}

/// The same with the async twins.
async fn awaiting_work(root: &DirectoryTarget, number: usize) {
    let directory = root.child_dir(format!("d{number}"));
    let files: Vec<_> = (0..3).map(|n| directory.child(format!("{n}.json"))).collect();
    for file in &files {
        file.dump_async(number, Json).await.unwrap();
    }
    assert_eq!(files[1].load_async::<usize>(Json).await.unwrap(), number);
    let survey = NestedSiblingFileCollection::new(files.clone()).survey_async().await.unwrap();
    assert_eq!(survey.existing, [0, 1, 2]);
    let local = FileCollection::new(files).localize_read_async().await.unwrap();
    assert_eq!(std::fs::read_to_string(local.get(&2).unwrap().path()).unwrap(), number.to_string());
    let copy = root.child_dir(format!("copy{number}"));
    let write = copy.localize_write().unwrap();
    std::fs::write(write.path().join("a"), "content").unwrap();
    assert_eq!(write.commit_async().await.unwrap().files, 1);
    assert!(directory.remove_async().await.unwrap() && !directory.exists_async().await.unwrap());
}

/// That `work` was done so often.
fn done(root: &DirectoryTarget, times: usize) {
    assert_eq!(root.listdir("copy*", None).unwrap().len(), times);
    assert_eq!(root.listdir(None, None).unwrap().len(), times, "and nothing else is left");
}

#[test]
fn from_plain_threads() {
    let root = storage();
    std::thread::scope(|threads| {
        for number in 0..8 {
            let root = &root;
            threads.spawn(move || blocking_work(root, number));
        }
    });
    done(&root, 8);
}

#[test]
fn from_more_threads_of_rayon_than_the_runtime_has() {
    let root = storage();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(16).build().unwrap();
    pool.install(|| (0..64).into_par_iter().for_each(|number| blocking_work(&root, number)));
    done(&root, 64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_workers_of_tokio_with_the_async_twins() {
    let root = storage();
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let root = root.clone();
            tokio::spawn(async move { awaiting_work(&root, number).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    tokio::task::spawn_blocking(move || done(&root, 8)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_threads_of_tokio_that_may_block() {
    let root = storage();
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let root = root.clone();
            tokio::task::spawn_blocking(move || blocking_work(&root, number))
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    tokio::task::block_in_place(move || done(&root, 8));
}

#[tokio::test(flavor = "current_thread")]
async fn from_a_runtime_of_one_thread() {
    let root = storage();
    awaiting_work(&root, 0).await;
    // A blocking call blocks the only thread there is, and ends all the same: the work is done elsewhere.
    blocking_work(&root, 1);
    done(&root, 2);
}

#[test]
fn from_the_threads_that_move_the_bytes_every_blocking_call_names_the_way_out() {
    let root = storage();
    let inside = root.clone();
    let kinds = runtime::wait(async move {
        let file = inside.child("a.json");
        Ok([
            file.exists().map(drop),
            file.dump(1, Json).map(drop),
            file.load::<u8>(Json).map(drop),
            FileCollection::new([file.clone()]).count().map(drop),
            inside.localize_read().map(drop),
            inside.walk().try_for_each(|step| step.map(drop)),
        ])
    });
    for result in kinds.unwrap() {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.hint_text().unwrap().contains("async twin"), "{error}");
    }
    assert!(!root.child("a.json").exists().unwrap());
}

#[test]
fn the_first_calls_may_come_at_once_from_threads_of_a_foreign_runtime() {
    const AGAIN: &str = "LAW_TEST_FIRST_CALLS";
    const WORKERS: usize = 8;
    if std::env::var_os(AGAIN).is_none() {
        // The first call of a process is the first call of a new process; it is a matter of luck who is faster.
        for _ in 0..10 {
            let mut command = std::process::Command::new(std::env::current_exe().unwrap());
            command
                .args(["the_first_calls_may_come_at_once_from_threads_of_a_foreign_runtime", "--exact"])
                .env(AGAIN, "1");
            let output = command.output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
        return;
    }
    let foreign = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).build().unwrap();
    let together = Arc::new(std::sync::Barrier::new(WORKERS));
    let calls: Vec<_> = (0..WORKERS)
        .map(|_| {
            let (root, together) = (storage(), together.clone());
            foreign.spawn(async move {
                together.wait();
                root.exists().unwrap()
            })
        })
        .collect();
    calls.into_iter().for_each(|call| assert!(foreign.block_on(call).unwrap()));
}

/// Within our own runtime nothing may block: whatever can be asked or done there has a twin that does not.
#[tokio::test]
async fn what_can_be_asked_within_a_runtime() {
    let root = storage();
    let (one, two) = (root.child("1.json"), root.child("2.json"));
    one.dump_as_async(7).await.unwrap();
    assert_eq!(one.load_as_async::<u8>().await.unwrap(), 7);
    assert!(one.complete_async().await.unwrap() && !two.complete_async().await.unwrap());
    assert!(two.clone().optional().complete_async().await.unwrap() && root.complete_async().await.unwrap());
    let both = FileCollection::new([one.clone(), two.clone().optional()]);
    assert_eq!((both.count_async().await.unwrap(), both.exists_async().await.unwrap()), (1, false));
    assert!(both.complete_async().await.unwrap(), "the other one is optional");
    assert_eq!(both.status_text_async().await.unwrap(), "absent (1/2), missing branches: 1");
    let existing: Vec<_> = both.iter_existing_async().await.unwrap().collect();
    let missing: Vec<_> = both.iter_missing_async().await.unwrap().map(|(key, _)| key).collect();
    assert_eq!((existing, missing), (vec![(0, &one)], vec![1]));
    two.copy_from_async(&one).await.unwrap();
    let found = SiblingFileCollection::from_directory_async(&root, Some("*.json")).await.unwrap();
    assert_eq!((found.len(), root.stat_async().await.unwrap().unwrap().is_directory()), (2, true));
    assert_eq!(root.child_any_async("2.json").await.unwrap(), AnyTarget::File(two.clone()));
    let copy = root.child_dir("copy");
    copy.copy_from_async(&root.child_dir("none")).await.unwrap_err();
    two.set_mode_async(0o600).await.unwrap();
    assert_eq!(both.remove_async().await.unwrap(), 2);
}
