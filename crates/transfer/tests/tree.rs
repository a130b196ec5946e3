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
    tree_at("top", files).await
}

async fn tree_at(top: &str, files: usize) -> Arc<Memory> {
    let memory = Memory::new();
    let names = (0..files).map(|n| format!("{top}/file{n}")).chain([format!("{top}/deep/er/file")]);
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

#[tokio::test(start_paused = true)]
async fn a_storage_that_stays_away_is_waited_for_and_then_given_up() {
    let from = place(tree(100).await);
    let gone = Faulty::new(Arc::new(Memory::new()), [Fault::Fail(ErrorKind::Unavailable).always(Operation::Put)]);
    let to = destination(Arc::new(gone));
    let begin = tokio::time::Instant::now();
    let report = copy_tree(&Call::new(), &from, &to, &CopyOptions::default(), &mut |_| {}).await.unwrap();
    let last = report.failed.last().unwrap().to_string();
    assert!(last.contains("given up, as nothing answered any more"), "{last}");
    assert_eq!(report.copied, 0);
    assert!(report.failures.values().sum::<u64>() < 70, "not every file is told of: {}", report.failed.len());
    assert!(begin.elapsed().as_secs() >= 60);
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_comes_back_gets_every_file() {
    let from = place(tree(100).await);
    let away = (1..=150).map(|n| Fault::Fail(ErrorKind::Unavailable).on(Operation::Put, n));
    let to = destination(Arc::new(Faulty::new(Arc::new(Memory::new()), away)));
    let report = copy_tree(&Call::new(), &from, &to, &CopyOptions::default(), &mut |_| {}).await.unwrap();
    assert_eq!((report.failed.len(), report.copied), (0, 101));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_fails_beside_others_is_told_of_and_the_others_go_on() {
    let from = place(tree(100).await);
    let to = destination(Arc::new(Memory::new()));
    let unreadable = Fault::Fail(ErrorKind::PermissionDenied).on(Operation::Read, 7);
    let from = Place {
        fs: FileSystem::new("there", Path::root(), Arc::new(Faulty::new(from.fs.backend().clone(), [unreadable]))),
        ..from
    };
    let report = copy_tree(&Call::new(), &from, &to, &CopyOptions::default(), &mut |_| {}).await.unwrap();
    assert_eq!((report.failed.len(), report.copied), (1, 100));
}

#[tokio::test]
async fn a_directory_is_listed_once_and_not_looked_at_file_by_file() {
    let from = place(tree(100).await);
    let asked = Arc::new(Faulty::new(tree_at("copy", 50).await, []));
    let to = destination(asked.clone());
    let report = copy_tree(&Call::new(), &from, &to, &CopyOptions::default(), &mut |_| {}).await.unwrap();
    assert_eq!((report.failed.len(), report.copied, report.unchanged), (0, 50, 51));
    assert_eq!((asked.calls(Operation::Stat), asked.calls(Operation::List)), (0, 3));
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

/// Files of a storage that may not be asked for checksums: who asks waits for ever.
async fn losing_digests(fault: Option<Fault>) -> (Place, Arc<Faulty>) {
    let memory = (*tree(20).await).clone().with_capabilities(|capabilities| capabilities.loses_digests = true);
    let silent = Fault::Fail(ErrorKind::Internal).always(Operation::Digest);
    let faulty = Arc::new(Faulty::new(
        Arc::new(memory),
        [silent].into_iter().chain(fault.map(|fault| fault.on(Operation::Read, 7))),
    ));
    (place(faulty.clone()), faulty)
}

#[tokio::test]
async fn small_files_are_read_twice_where_asking_for_checksums_is_risky() {
    let (from, faulty) = losing_digests(None).await;
    let to = destination(Arc::new(Memory::new()));
    let report = copy_tree(&Call::new(), &from, &to, &CopyOptions::default(), &mut |_| {}).await.unwrap();
    assert_eq!((report.failed.len(), report.copied), (0, 21));
    assert_eq!(faulty.calls(Operation::Read), 42);
    assert_eq!(faulty.calls(Operation::Digest), 0);
}

#[tokio::test]
async fn a_byte_that_flips_in_one_of_two_readings_is_noticed() {
    let (from, _) = losing_digests(Some(Fault::Flip { at: 3 })).await;
    let memory = Arc::new(Memory::new());
    let to = destination(memory.clone());
    let report = copy_tree(&Call::new(), &from, &to, &CopyOptions::default(), &mut |_| {}).await.unwrap();
    assert_eq!((report.failed.len(), report.copied), (0, 21));
    for name in (0..20).map(|n| format!("copy/file{n}")).chain(["copy/deep/er/file".into()]) {
        let reading = memory.read(&Call::new(), &path(&name), &law_storage::ReadOptions::whole()).await.unwrap();
        assert_eq!(reading.collect(100).await.unwrap(), "content");
    }
}

#[tokio::test]
async fn a_copy_lists_each_directory_of_its_source_once() {
    let memory = (*tree(20).await).clone();
    let faulty = Arc::new(Faulty::new(Arc::new(memory), []));
    let (from, to) = (place(faulty.clone()), destination(Arc::new(Memory::new())));
    let report =
        law_transfer::sync_tree(&Call::new(), &from, &to, &law_transfer::SyncOptions::default(), &mut |_| {}).await;
    assert_eq!(report.unwrap().copies.copied, 21);
    assert_eq!(faulty.calls(Operation::List), 3);
}
