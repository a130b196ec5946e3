//! One tree made like another, compared, and tidied.

#![allow(clippy::unwrap_used, reason = "this is all test code, also where no function is a test")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use law_storage::{
    Backend, BytesSource, Call, ErrorKind, Fault, Faulty, FileSystem, Memory, Operation, Parents, Path, PutOptions,
    aside_path, temporary_path,
};
use law_transfer::{
    CopyOptions, Difference, Filter, MaxDelete, Place, Policy, Remedy, SyncOptions, SyncReport, Thoroughness,
    compare_trees, leftovers, sync_tree, walk,
};

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

async fn write(memory: &Memory, name: &str, content: &str, age: u64) {
    let modified = SystemTime::now() - Duration::from_secs(age);
    let options = PutOptions { parents: Parents::Create, modified: Some(modified), ..PutOptions::default() };
    memory.put(&Call::new(), &path(name), &BytesSource::new(content.to_owned()), &options).await.unwrap();
}

fn place(name: &str, top: &str, backend: &Arc<Memory>) -> Place {
    Place::new(FileSystem::new(name, Path::root(), backend.clone()), path(top))
}

/// Two trees: `a` is the same, `b` differs, `c` is missing, `d/e` is extra.
async fn trees() -> (Place, Place, Arc<Memory>) {
    let memory = Arc::new(Memory::new());
    for (name, content, age) in [
        ("from/a", "the same", 100),
        ("from/b", "new bytes", 10),
        ("from/c/x", "missing", 100),
        ("to/a", "the same", 100),
        ("to/b", "old bytes", 50),
        ("to/d/e", "extra", 100),
    ] {
        write(&memory, name, content, age).await;
    }
    (place("one", "from", &memory), place("two", "to", &memory), memory)
}

async fn names(place: &Place) -> Vec<String> {
    use futures_util::TryStreamExt as _;
    let mut names: Vec<String> =
        walk(&Call::new(), place).map_ok(|walked| walked.below.to_string()).try_collect().await.unwrap();
    names.sort();
    names
}

fn options(delete: Option<MaxDelete>) -> SyncOptions {
    let copy =
        CopyOptions { policy: Policy::Modified, preserve: law_transfer::Preserve::ALL, ..CopyOptions::default() };
    SyncOptions { copy, delete }
}

async fn sync(from: &Place, to: &Place, options: &SyncOptions) -> law_storage::Result<SyncReport> {
    sync_tree(&Call::new(), from, to, options, &mut |_| {}).await
}

#[tokio::test]
async fn what_differs_is_copied_and_what_is_extra_goes_if_that_is_wanted() {
    let (from, to, _) = trees().await;
    let report = sync(&from, &to, &options(None)).await.unwrap();
    assert_eq!((report.copies.copied, report.copies.unchanged, report.deleted), (2, 1, 0));
    assert_eq!(names(&to).await, ["a", "b", "c", "c/x", "d", "d/e"]);
    let again = sync(&from, &to, &options(Some(MaxDelete::Careful))).await.unwrap();
    assert_eq!((again.copies.copied, again.copies.unchanged, again.deleted), (0, 3, 1));
    assert_eq!(names(&to).await, ["a", "b", "c", "c/x"], "with the directory that it left empty");
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let (from, to, _) = trees().await;
    let before = names(&to).await;
    let mut wanted = options(Some(MaxDelete::Careful));
    wanted.copy.dry_run = true;
    let report = sync(&from, &to, &wanted).await.unwrap();
    assert_eq!((report.copies.copied, report.deleted), (2, 1));
    assert_eq!(names(&to).await, before);
}

#[tokio::test]
async fn deletion_is_guarded() {
    let (from, to, memory) = trees().await;
    let refused = sync(&from, &to, &options(Some(MaxDelete::Files(0)))).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("1 of 3 files would be deleted"), "{refused}");
    write(&memory, "empty/.x.0123456789abcdef.lawpart", "no file of anybody", 1).await;
    let refused = sync(&place("one", "empty", &memory), &to, &options(Some(MaxDelete::Files(99)))).await.unwrap_err();
    assert!(refused.to_string().contains("has no files"), "{refused}");
    assert_eq!(names(&to).await, ["a", "b", "d", "d/e"], "nothing was done");
    for number in 0..300 {
        write(&memory, &format!("to/many{number}"), "", 1).await;
    }
    let refused = sync(&from, &to, &options(Some(MaxDelete::Careful))).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn nothing_is_deleted_where_a_listing_or_a_copy_failed() {
    for (operation, kind) in
        [(Operation::List, ErrorKind::PermissionDenied), (Operation::Read, ErrorKind::PermissionDenied)]
    {
        let (from, to, _) = trees().await;
        let faulty = Faulty::new(from.fs.backend().clone(), [Fault::Fail(kind).on(operation, 2)]);
        let from = Place { fs: FileSystem::new("one", Path::root(), Arc::new(faulty)), ..from };
        let ended = sync(&from, &to, &options(Some(MaxDelete::Careful))).await;
        assert!(ended.is_err() || ended.is_ok_and(|report| report.deleted == 0 && report.spared == 1));
        assert!(names(&to).await.contains(&"d/e".to_owned()));
    }
}

#[tokio::test]
async fn what_is_replaced_or_deleted_can_be_kept() {
    let (from, to, memory) = trees().await;
    let mut wanted = options(Some(MaxDelete::Careful));
    wanted.copy.backup = Some(place("kept", "kept", &memory));
    sync(&from, &to, &wanted).await.unwrap();
    let kept = place("kept", "kept", &memory);
    assert_eq!(names(&kept).await, ["b", "d", "d/e"]);
    let old = law_transfer::read_small(&Call::new(), &kept.join(&path("b")), None, 100).await.unwrap();
    assert_eq!(old, "old bytes");
}

#[tokio::test]
async fn what_a_filter_does_not_mean_is_neither_copied_nor_deleted() {
    let (from, to, _) = trees().await;
    let mut wanted = options(Some(MaxDelete::Careful));
    wanted.copy.filter = Arc::new(Filter::default().exclude("d/").unwrap().exclude("b").unwrap());
    let report = sync(&from, &to, &wanted).await.unwrap();
    assert_eq!((report.copies.copied, report.deleted), (1, 0));
    assert_eq!(names(&to).await, ["a", "b", "c", "c/x", "d", "d/e"]);
}

async fn compared(from: &Place, to: &Place, how: Thoroughness) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut tell = |path: &Path, difference: Difference| {
        found.insert(path.to_string(), format!("{difference:?}").chars().take_while(|c| *c != '(').collect());
    };
    compare_trees(&Call::new(), from, to, &Arc::default(), how, &mut tell).await.unwrap();
    found
}

#[tokio::test]
async fn trees_are_compared_file_by_file() {
    let (from, to, _) = trees().await;
    let found = compared(&from, &to, Thoroughness::Content).await;
    let found: Vec<_> = found.iter().map(|(path, word)| (path.as_str(), word.as_str())).collect();
    assert_eq!(found, [("a", "Same"), ("b", "Different"), ("c/x", "Missing"), ("d/e", "Extra")]);
    let sizes = compared(&from, &to, Thoroughness::Size).await;
    assert_eq!(sizes["b"], "Same", "they have the same size");
}

#[tokio::test]
async fn leftovers_are_found_and_tidied() {
    let memory = Arc::new(Memory::new());
    let top = place("one", "top", &memory);
    let aside = |name: &str| aside_path(&path(name)).unwrap().to_string();
    let temporary = temporary_path(&path("top/deep/part")).unwrap().to_string();
    let (lost, replaced, nameless) =
        (aside("top/lost"), aside("top/replaced"), aside(&format!("top/{}", "n".repeat(130))));
    for name in [&temporary, &lost, &replaced, &nameless, "top/replaced", "top/fine", ".lawpart"] {
        write(&memory, name, name, 7200).await;
    }
    let young = temporary_path(&path("top/young")).unwrap().to_string();
    write(&memory, &young, "under way", 5).await;
    let hour = Duration::from_secs(3600);
    let found = leftovers(&Call::new(), &top, hour, &mut |error| panic!("{error}")).await.unwrap();
    let remedy =
        |name: &str| found.iter().find(|found| found.place.path == path(name)).map(|found| found.remedy.clone());
    assert_eq!(remedy(&temporary), Some(Remedy::Remove));
    assert_eq!(remedy(&lost), Some(Remedy::Restore(place("one", "top/lost", &memory))));
    assert_eq!(remedy(&replaced), Some(Remedy::Replaced));
    assert_eq!(remedy(&nameless), Some(Remedy::Look));
    assert_eq!(found.len(), 4);
    for leftover in &found {
        leftover.clean(&Call::new()).await.unwrap();
    }
    let left = names(&top).await;
    assert_eq!(left.len(), 6, "{left:?}");
    let back = law_transfer::read_small(&Call::new(), &place("one", "top/lost", &memory), None, 200).await.unwrap();
    assert_eq!(back, lost.as_bytes());
}
