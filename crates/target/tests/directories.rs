//! Directories: localized with all that they have, and published whole.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::fs;
use std::sync::Arc;

use law_storage::{
    Error, ErrorKind, Fault, Faulty, FileSystem, Gate, Memory, Operation, Path, Support, cleanup, is_temporary,
};
use law_target::{AnyTarget, DirectoryCollection, DirectoryTarget};
use law_transfer::Place;

fn storage_of(memory: Memory) -> (Arc<Faulty>, DirectoryTarget) {
    let backend = Arc::new(Faulty::new(Arc::new(memory), []));
    let fs = FileSystem::new("storage", Path::root(), backend.clone());
    (backend, DirectoryTarget::new(Place::new(fs, Path::root())))
}

fn storage() -> (Arc<Faulty>, DirectoryTarget) {
    storage_of(Memory::new())
}

/// A storage whose directories keep their names.
fn without_renames() -> (Arc<Faulty>, DirectoryTarget) {
    storage_of(Memory::new().with_capabilities(|capabilities| capabilities.rename = Support::No))
}

/// Everything below, with the content of the files.
fn everything(directory: &DirectoryTarget) -> Vec<String> {
    let shown = |target| match target {
        AnyTarget::Directory(directory) => format!("{}/", directory.path()),
        AnyTarget::File(file) => {
            let content = fs::read_to_string(file.localize_read().unwrap().path()).unwrap();
            format!("{} {content}", file.path())
        }
    };
    directory.walk().map(|step| shown(step.unwrap())).collect()
}

const WHOLE: [&str; 6] = ["out/", "out/a one", "out/empty/", "out/sub/", "out/sub/deep/", "out/sub/deep/b two"];

/// A directory that was written, and is still to be published as `out`.
fn written(root: &DirectoryTarget) -> law_target::LocalizedDirectoryWrite {
    let write = root.child_dir("out").localize_write().unwrap();
    fs::create_dir_all(write.path().join("sub/deep")).unwrap();
    fs::create_dir(write.path().join("empty")).unwrap();
    fs::write(write.path().join("a"), "one").unwrap();
    fs::write(write.path().join("sub/deep/b"), "two").unwrap();
    write
}

fn left_behind(error: &Error) -> &str {
    error.left_behind().unwrap()
}

#[test]
fn a_directory_is_published_with_all_that_it_has() {
    let (backend, root) = storage();
    let write = written(&root);
    let local = write.path().to_owned();
    assert_eq!(local.file_name().unwrap(), "out");
    assert_eq!(everything(&root), [""; 0]);
    // The second rename gives it its name; before it nothing is there.
    let gate = Gate::new();
    backend.add(Fault::Hold { at: 0, gate: gate.clone() }.on(Operation::Rename, 2));
    let commit = std::thread::spawn(move || write.commit());
    reached(&gate);
    assert!(!root.child_dir("out").exists().unwrap());
    let staged = root.listdir(None, None).unwrap();
    assert!(staged.len() == 1 && is_temporary(staged[0].as_bytes()), "{staged:?}");
    gate.open();
    let published = commit.join().unwrap().unwrap();
    assert_eq!((published.files, published.bytes, published.at_once), (2, 6, true));
    assert_eq!(everything(&root), WHOLE);
    assert!(!local.exists());
}

/// Waits until something waits at the gate.
fn reached(gate: &Gate) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(gate.reached());
}

#[test]
fn dropped_it_is_discarded() {
    let (_, root) = storage();
    let write = written(&root);
    let local = write.path().to_owned();
    drop(write);
    assert!(!local.exists() && !local.parent().unwrap().exists());
    assert_eq!(everything(&root), [""; 0]);
}

#[test]
fn a_directory_that_is_there_already_is_never_mixed_with_another() {
    let (_, root) = storage();
    root.child("out/old").touch().unwrap();
    let error = written(&root).commit().unwrap_err();
    assert_eq!((error.kind(), left_behind(&error)), (ErrorKind::AlreadyExists, "nothing was published"));
    assert!(error.hint_text().unwrap().contains("remove"), "{error}");
    assert_eq!(everything(&root), ["out/", "out/old "]);
    root.child_dir("out").remove().unwrap();
    root.child("out").touch().unwrap();
    assert_eq!(written(&root).commit().unwrap_err().kind(), ErrorKind::AlreadyExists);
}

#[test]
fn somebody_who_was_faster_wins() {
    let (backend, root) = storage();
    let write = written(&root);
    let gate = Gate::new();
    backend.add(Fault::Hold { at: 0, gate: gate.clone() }.on(Operation::Rename, 2));
    let commit = std::thread::spawn(move || write.commit());
    reached(&gate);
    root.child("out/theirs").touch().unwrap();
    gate.open();
    let error = commit.join().unwrap().unwrap_err();
    assert_eq!((error.kind(), left_behind(&error)), (ErrorKind::AlreadyExists, "nothing was published"));
    assert_eq!(everything(&root), ["out/", "out/theirs "]);
}

#[test]
fn a_failure_leaves_nothing_whatever_fails() {
    for (operation, nth) in [
        (Operation::Stat, 1),
        (Operation::CreateDirectory, 1),
        (Operation::Rename, 1),
        (Operation::CreateDirectory, 2),
        (Operation::CreateDirectory, 4),
        (Operation::Put, 2),
        (Operation::Rename, 2),
    ] {
        let (backend, root) = storage();
        backend.add(Fault::Fail(ErrorKind::NoSpace).on(operation, nth));
        let error = written(&root).commit().unwrap_err();
        assert_eq!((error.kind(), backend.remaining()), (ErrorKind::NoSpace, 0), "{operation:?} {nth}: {error}");
        assert_eq!(everything(&root), [""; 0], "{operation:?} {nth}");
    }
}

#[test]
fn what_went_by_itself_need_not_be_removed() {
    let (backend, root) = storage();
    backend.add(Fault::Fail(ErrorKind::NoSpace).on(Operation::Put, 1));
    // Before it two find out that nothing has the one name, and that something is below the other.
    backend.add(Fault::Fail(ErrorKind::NotFound).on(Operation::Remove, 3));
    let error = written(&root).commit().unwrap_err();
    assert_eq!((left_behind(&error), backend.remaining()), ("nothing was published", 0));
    assert_eq!(everything(&root), [""; 0]);
}

#[test]
fn what_cannot_be_removed_is_named() {
    let (backend, root) = storage();
    backend.add(Fault::Fail(ErrorKind::NoSpace).on(Operation::Put, 1));
    backend.add(Fault::Fail(ErrorKind::PermissionDenied).always(Operation::Remove));
    let error = written(&root).commit().unwrap_err();
    let staged = root.listdir(None, None).unwrap();
    assert_eq!(staged.len(), 1);
    assert!(left_behind(&error).contains(&staged[0]) && left_behind(&error).contains("permission denied"), "{error}");
}

#[test]
fn a_name_that_was_given_although_the_answer_is_lost_counts() {
    let (backend, root) = storage();
    backend.add(Fault::LoseAnswer.on(Operation::Rename, 2));
    assert!(written(&root).commit().unwrap().at_once);
    assert_eq!(everything(&root), WHOLE);
}

#[test]
fn a_name_that_may_still_be_given_cannot_be_any_more() {
    let (backend, root) = storage();
    backend.add(Fault::Fail(ErrorKind::Timeout).on(Operation::Rename, 2));
    let error = written(&root).commit().unwrap_err();
    assert_eq!((error.kind(), left_behind(&error)), (ErrorKind::Timeout, "nothing was published"));
    assert_eq!(everything(&root), [""; 0]);
    assert_eq!(backend.calls(Operation::Rename), 3, "it took another name before its files were removed");

    for nth in 2..4 {
        backend.add(Fault::Fail(ErrorKind::Unavailable).on(Operation::Rename, nth));
    }
    let error = written(&root).commit().unwrap_err();
    let [staged] = &root.listdir(None, None).unwrap()[..] else { panic!("one directory") };
    assert!(left_behind(&error).contains("cannot be told") && left_behind(&error).contains(staged), "{error}");
    assert_eq!(everything(&root).len(), WHOLE.len(), "whole, for whoever looks there");
}

#[test]
fn a_trial_whose_answer_is_lost_leaves_nothing() {
    let (backend, root) = storage();
    backend.add(Fault::LoseAnswer.on(Operation::Rename, 1));
    assert_eq!(written(&root).commit().unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(everything(&root), [""; 0]);
}

#[tokio::test]
async fn an_interruption_leaves_nothing() {
    for operation in [Operation::Put, Operation::Rename] {
        let (backend, root) = storage();
        let write = tokio::task::spawn_blocking({
            let root = root.clone();
            move || written(&root)
        });
        let write = write.await.unwrap();
        let gate = Gate::new();
        let nth = if operation == Operation::Put { 1 } else { 2 };
        backend.add(Fault::Hold { at: 0, gate: gate.clone() }.on(operation, nth));
        tokio::select! {
            _ = write.commit_async() => panic!("it cannot end"),
            () = gate.reached() => {}
        }
        cleanup::finish().await;
        assert_eq!(root.listdir_async(None, None).await.unwrap(), [""; 0], "{operation:?}");
    }
}

#[test]
fn without_renames_it_is_published_file_by_file_and_says_so() {
    let (backend, root) = without_renames();
    let published = written(&root).commit().unwrap();
    assert_eq!((published.files, published.at_once), (2, false));
    assert_eq!(everything(&root), WHOLE);
    assert_eq!(written(&root).commit().unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(everything(&root), WHOLE);
    root.child_dir("out").remove().unwrap();

    root.child("other").touch().unwrap();
    backend.add(Fault::Fail(ErrorKind::NoSpace).on(Operation::Put, 2));
    let error = written(&root).commit().unwrap_err();
    assert_eq!((error.kind(), left_behind(&error)), (ErrorKind::NoSpace, "nothing was published"), "{error}");
    assert_eq!(everything(&root), ["other "]);
}

#[test]
fn a_storage_that_finds_out_late_that_it_cannot_rename() {
    let (backend, root) = storage();
    backend.add(Fault::Fail(ErrorKind::Unsupported).always(Operation::Rename));
    assert!(!written(&root).commit().unwrap().at_once);
    assert_eq!(everything(&root), WHOLE);
}

#[test]
fn file_by_file_nothing_of_somebody_else_is_removed() {
    let (backend, root) = without_renames();
    let write = written(&root);
    let gate = Gate::new();
    backend.add(Fault::Hold { at: 0, gate: gate.clone() }.on(Operation::Put, 1));
    backend.add(Fault::Fail(ErrorKind::NoSpace).on(Operation::Put, 2));
    let commit = std::thread::spawn(move || write.commit());
    reached(&gate);
    root.child_dir("out/theirs").touch().unwrap();
    gate.open();
    let error = commit.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace);
    assert!(left_behind(&error).contains("/out (directory not empty)"), "{error}");
    assert_eq!(everything(&root), ["out/", "out/theirs/"]);
}

#[test]
fn links_are_refused_before_anything_is_sent() {
    let (backend, root) = storage();
    let write = written(&root);
    std::os::unix::fs::symlink("a", write.path().join("link")).unwrap();
    let error = write.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("link"), "{error}");
    assert_eq!(backend.calls(Operation::CreateDirectory), 0);
}

#[test]
fn an_empty_directory_and_directories_above() {
    let (_, root) = storage();
    let published = root.child_dir("far/away/out").localize_write().unwrap().commit().unwrap();
    assert_eq!(published.files, 0);
    assert_eq!(everything(&root), ["far/", "far/away/", "far/away/out/"]);
}

#[test]
fn a_directory_is_localized_with_all_that_it_has() {
    let (_, root) = storage();
    written(&root).commit().unwrap();
    root.child(".b.0123456789abcdef.lawpart").touch().unwrap();
    root.child("out/.b.0123456789abcdef.lawpart").touch().unwrap();
    root.child("out/.c.0123456789abcdef.lawpart/inside").touch().unwrap();
    let read = root.child_dir("out").localize_read().unwrap();
    assert_eq!(fs::read_to_string(read.path().join("sub/deep/b")).unwrap(), "two");
    let mut names: Vec<_> = fs::read_dir(read.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["a", "empty", "sub"], "and nothing that is not published");
    let local = read.path().to_owned();
    let other = read.clone();
    drop(read);
    assert!(local.exists());
    drop(other);
    assert!(!local.parent().unwrap().exists());
}

#[test]
fn a_local_directory_is_itself() {
    let directory = DirectoryTarget::temporary().unwrap();
    let write = directory.child_dir("out").localize_write().unwrap();
    fs::write(write.path().join("a"), "one").unwrap();
    assert!(write.commit().unwrap().at_once);
    let read = directory.child_dir("out").localize_read().unwrap();
    assert_eq!(read.path(), directory.path_of_directory().join("out"));
    drop(read);
    assert_eq!(fs::read_dir(directory.path_of_directory()).unwrap().count(), 1);
    assert!(directory.child("out/a").exists().unwrap());
    let kind = |directory: DirectoryTarget| directory.localize_read().unwrap_err().kind();
    assert_eq!(kind(directory.child_dir("none")), ErrorKind::NotFound);
    assert_eq!(kind(directory.child_dir("out/a")), ErrorKind::NotADirectory);
}

#[test]
fn what_cannot_be_localized_whole_is_not_localized() {
    let (backend, root) = storage();
    written(&root).commit().unwrap();
    let kind = |name: &str| root.child_dir(name).localize_read().unwrap_err().kind();
    assert_eq!([kind("none"), kind("out/a")], [ErrorKind::NotFound, ErrorKind::NotADirectory]);
    backend.add(Fault::Fail(ErrorKind::PermissionDenied).on(Operation::List, 3));
    assert_eq!(kind("out"), ErrorKind::PermissionDenied);
    backend.add(Fault::Fail(ErrorKind::ReadOnly).on(Operation::Read, 2));
    assert_eq!(kind("out"), ErrorKind::ReadOnly);
    assert_eq!(backend.remaining(), 0);
    backend.add(Fault::Flip { at: 1 }.always(Operation::Read));
    assert_eq!(kind("out"), ErrorKind::Integrity);
}

#[test]
fn a_directory_that_changes_meanwhile_is_no_mixture() {
    let (backend, root) = storage();
    written(&root).commit().unwrap();
    let gate = Gate::new();
    backend.add(Fault::Hold { at: 0, gate: gate.clone() }.on(Operation::Read, 1));
    let out = root.child_dir("out");
    let read = std::thread::spawn(move || out.localize_read());
    reached(&gate);
    root.child("out/sub/new").touch().unwrap();
    gate.open();
    assert_eq!(read.join().unwrap().unwrap_err().kind(), ErrorKind::Changed);
}

#[test]
fn collections_of_directories() {
    let (backend, root) = storage();
    let runs = DirectoryCollection::new(["run1", "run2"].map(|name| root.child_dir(name)));
    let write = runs.localize_write().unwrap();
    write.iter().for_each(|(key, run)| fs::write(run.path().join("log"), format!("run {key}")).unwrap());
    write.commit().unwrap();
    assert!(runs.exists().unwrap());
    let read = runs.localize_read().unwrap();
    assert_eq!(fs::read_to_string(read.get(&1).unwrap().path().join("log")).unwrap(), "run 1");

    runs.remove().unwrap();
    let write = runs.localize_write().unwrap();
    write.iter().for_each(|(_, run)| fs::write(run.path().join("log"), "x").unwrap());
    backend.add(Fault::Fail(ErrorKind::NoSpace).on(Operation::Put, 2));
    let error = write.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace);
    assert_eq!(left_behind(&error), "1 of 2 directories of the collection were published");
    assert_eq!(runs.survey().unwrap().existing, [0]);
}
