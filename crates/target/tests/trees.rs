//! Trees of targets: found, walked, copied, moved.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::sync::Arc;

use law_storage::{ErrorKind, Fault, Faulty, FileSystem, Memory, Operation, Path};
use law_target::{AnyTarget, DirectoryTarget};
use law_transfer::Place;

fn storage(name: &str) -> (Arc<Faulty>, DirectoryTarget) {
    let backend = Arc::new(Faulty::new(Arc::new(Memory::new()), []));
    let fs = FileSystem::new(name, Path::root(), backend.clone());
    (backend, DirectoryTarget::new(Place::new(fs, Path::root())))
}

/// A directory with `a`, `sub/b.npz` and `sub/deep/c.npz`.
fn tree(root: &DirectoryTarget) -> DirectoryTarget {
    let tree = root.child_dir("tree");
    ["a", "sub/b.npz", "sub/deep/c.npz"].iter().for_each(|name| tree.child(name).touch().unwrap());
    tree
}

fn paths(targets: impl IntoIterator<Item = AnyTarget>) -> Vec<String> {
    let path = |target| match target {
        AnyTarget::File(file) => file.path().to_string(),
        AnyTarget::Directory(directory) => format!("{}/", directory.path()),
    };
    targets.into_iter().map(path).collect()
}

fn everything(directory: &DirectoryTarget) -> Vec<String> {
    paths(directory.walk().map(Result::unwrap))
}

const WHOLE: [&str; 5] = ["tree/a", "tree/sub/", "tree/sub/b.npz", "tree/sub/deep/", "tree/sub/deep/c.npz"];

#[test]
fn walked_step_by_step() {
    let (backend, root) = storage("one");
    let tree = tree(&root);
    let before = backend.calls(Operation::List);
    let mut walk = tree.walk();
    assert_eq!(backend.calls(Operation::List), before, "nothing is asked before the first step");
    assert_eq!(paths([walk.next().unwrap().unwrap()]), ["tree/a"]);
    assert_eq!(everything(&tree), WHOLE);
    let missing = root.child_dir("none").walk().next().unwrap().unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[test]
fn a_walk_that_fails_ends_in_the_error() {
    let (backend, root) = storage("one");
    let tree = tree(&root);
    backend.add(Fault::Fail(ErrorKind::PermissionDenied).on(Operation::List, 2));
    let steps: Vec<_> = tree.walk().map(|step| step.map(drop).map_err(|e| e.kind())).collect();
    assert_eq!(steps.last(), Some(&Err(ErrorKind::PermissionDenied)));
}

#[test]
fn found_by_patterns() {
    let (_, root) = storage("one");
    tree(&root);
    assert_eq!(paths(root.glob("tree/**/*.npz").unwrap()), ["tree/sub/b.npz", "tree/sub/deep/c.npz"]);
    assert_eq!(paths(root.glob("tree/s?b/{b,x}.npz").unwrap()), ["tree/sub/b.npz"]);
    assert_eq!(paths(root.glob("*").unwrap()), ["tree/"]);
    assert_eq!(root.glob("tree/[a").unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(root.child_dir("tree").listdir("*[!b]", None).unwrap(), ["a"]);
}

#[test]
fn copied_and_moved_between_storages() {
    let ((_, one), (_, two)) = (storage("one"), storage("two"));
    let from = tree(&one);
    let to = two.child_dir("far/away/tree");
    from.copy_to(&to).unwrap();
    assert_eq!((everything(&to).len(), everything(&from).len()), (WHOLE.len(), WHOLE.len()));
    let moved = two.child_dir("moved/tree");
    moved.copy_from(&from).unwrap();
    from.move_to(&two.child_dir("else/tree")).unwrap();
    assert_eq!(everything(&two.child_dir("else/tree")).len(), WHOLE.len());
    assert_eq!(one.listdir(None, None).unwrap(), Vec::<String>::new());
}

#[test]
fn moved_within_a_storage_by_its_name() {
    let (backend, root) = storage("one");
    tree(&root).move_to(&root.child_dir("new/place")).unwrap();
    assert_eq!(everything(&root.child_dir("new/place")).len(), WHOLE.len());
    let reads = backend.calls(Operation::Read);
    root.child("new/place/a").move_to(&root.child("b")).unwrap();
    assert!(root.child("b").exists().unwrap());
    assert_eq!(backend.calls(Operation::Read), reads, "no byte travels");
}

#[test]
fn kinds_are_not_mixed_up() {
    let (_, root) = storage("one");
    tree(&root);
    let kind = |result: law_storage::Result<()>| result.unwrap_err().kind();
    assert_eq!(kind(root.child("tree").move_to(&root.child("x"))), ErrorKind::IsADirectory);
    assert_eq!(kind(root.child_dir("tree/a").move_to(&root.child_dir("x"))), ErrorKind::NotADirectory);
    assert_eq!(kind(root.child("none").move_to(&root.child("x"))), ErrorKind::NotFound);
    assert_eq!(kind(root.child("tree").copy_to(&root.child("x"))), ErrorKind::IsADirectory);
}

#[test]
fn a_tree_that_cannot_be_copied_stays() {
    let ((backend, one), (_, two)) = (storage("one"), storage("two"));
    let from = tree(&one);
    backend.add(Fault::Fail(ErrorKind::PermissionDenied).on(Operation::Read, 2));
    let error = from.move_to(&two.child_dir("copy")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(error.to_string().contains("stays"), "{error}");
    assert_eq!(everything(&from), WHOLE);
}

#[test]
fn a_directory_that_is_still_being_published_is_not_copied() {
    let ((_, one), (_, two)) = (storage("one"), storage("two"));
    let from = tree(&one);
    from.child("sub/.out.0123456789abcdef.lawpart/half").touch().unwrap();
    let error = from.copy_to(&two.child_dir("copy/tree")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("a temporary directory"), "{error}");
    assert_eq!(everything(&two.child_dir("copy/tree")), WHOLE.map(|path| format!("copy/{path}")));
}
