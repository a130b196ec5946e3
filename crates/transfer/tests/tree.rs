//! Whole trees on a storage that is gone, and on one that says yes and does nothing.

#![allow(clippy::unwrap_used, reason = "this is all test code, also where no function is a test")]

use std::sync::Arc;

use law_storage::{
    Backend, BytesSource, Call, ErrorKind, Fault, Faulty, FileSystem, Memory, Operation, Path, PutOptions,
};
use law_transfer::{CopyOptions, Place, copy_tree, remove_tree};

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

/// So many files below `top`, and a directory with one more.
async fn tree(files: usize) -> Arc<Memory> {
    let memory = Memory::new();
    let names = (0..files).map(|n| format!("top/file{n}")).chain(["top/deep/er/file".to_owned()]);
    for name in names {
        let options = PutOptions { parents: law_storage::Parents::Create, ..PutOptions::default() };
        memory.put(&Call::new(), &path(&name), &BytesSource::new("content"), &options).await.unwrap();
    }
    Arc::new(memory)
}

fn place(backend: Arc<dyn Backend>) -> Place {
    Place::new(FileSystem::new("there", Path::root(), backend), path("top"))
}

fn destination(backend: Arc<dyn Backend>) -> Place {
    Place::new(FileSystem::new("here", Path::root(), backend), path("copy"))
}

#[tokio::test]
async fn a_storage_that_is_gone_is_not_asked_for_every_file() {
    let from = place(tree(100).await);
    let gone =
        Arc::new(Faulty::new(Arc::new(Memory::new()), [Fault::Fail(ErrorKind::Unavailable).always(Operation::Put)]));
    let to = destination(gone.clone());
    let report = copy_tree(&Call::new(), &from, &to, &CopyOptions::default(), &mut |_| {}).await.unwrap();
    assert_eq!((report.failed.len(), report.copied), (17, 0));
    let last = report.failed.last().unwrap().to_string();
    assert!(last.contains("given up after 16 files in a row without an answer"), "{last}");
    assert!(gone.calls(Operation::Put) < 40, "{}", gone.calls(Operation::Put));
}

#[tokio::test]
async fn a_storage_that_answers_now_and_then_gets_every_file() {
    let from = place(tree(100).await);
    let now_and_then = (1..=50).map(|n| Fault::Fail(ErrorKind::Unavailable).on(Operation::Put, n * 2));
    let to = destination(Arc::new(Faulty::new(Arc::new(Memory::new()), now_and_then)));
    let report = copy_tree(&Call::new(), &from, &to, &CopyOptions::default(), &mut |_| {}).await.unwrap();
    assert_eq!((report.failed.len(), report.copied), (50, 51));
}

#[tokio::test]
async fn a_tree_is_removed_with_everything_in_it() {
    let memory = tree(20).await;
    let mut told = Vec::new();
    remove_tree(&Call::new(), &place(memory.clone()), &mut |entry| told.push(entry.path.to_string())).await.unwrap();
    assert_eq!(memory.stat(&Call::new(), &path("top")).await.unwrap(), None);
    assert_eq!(told.len(), 23);
    assert_eq!(told[21..], ["top/deep/er", "top/deep"], "a directory after what it had");
}

#[tokio::test]
async fn a_file_that_cannot_be_removed_keeps_its_directory() {
    let memory = tree(20).await;
    let refusing = Faulty::new(memory.clone(), [Fault::Fail(ErrorKind::Unavailable).on(Operation::Remove, 5)]);
    let error = remove_tree(&Call::new(), &place(Arc::new(refusing)), &mut |_| {}).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(memory.stat(&Call::new(), &path("top")).await.unwrap().is_some());
}
