//! Collections: how often the storage is asked, and what an answer is worth.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::sync::Arc;

use law_storage::{ErrorKind, Fault, Faulty, FileSystem, Memory, Operation, Path};
use law_target::collection::Threshold;
use law_target::{DirectoryTarget, FileCollection, FileTarget, NestedSiblingFileCollection, SiblingFileCollection};
use law_transfer::Place;

/// A storage that counts what it is asked, and its root.
fn storage() -> (Arc<Faulty>, DirectoryTarget) {
    let backend = Arc::new(Faulty::new(Arc::new(Memory::new()), []));
    let fs = FileSystem::new("counted", Path::root(), backend.clone());
    (backend, DirectoryTarget::new(Place::new(fs, Path::root())))
}

fn asked(backend: &Faulty) -> [usize; 2] {
    [Operation::Stat, Operation::List].map(|operation| backend.calls(operation))
}

/// `files` names in each of `directories` directories, of which the first `existing` of each exist.
fn grid(root: &DirectoryTarget, directories: usize, files: usize, existing: usize) -> Vec<FileTarget> {
    let mut all = Vec::new();
    for directory in 0..directories {
        for file in 0..files {
            let target = root.child(format!("d{directory}/f{file}"));
            if file < existing {
                target.touch().unwrap();
            }
            all.push(target);
        }
    }
    all
}

#[test]
fn one_listing_answers_for_a_directory() {
    let (backend, root) = storage();
    let files = grid(&root, 1, 100, 60);
    let siblings = SiblingFileCollection::new(files).unwrap();
    let before = asked(&backend);
    assert_eq!(siblings.count().unwrap(), 60);
    assert_eq!(asked(&backend), [before[0], before[1] + 1]);
    assert!(!siblings.exists().unwrap());
    assert!(siblings.with_threshold(Threshold::Fraction(0.6)).exists().unwrap());
}

#[test]
fn one_listing_for_each_of_many_directories() {
    let (backend, root) = storage();
    let nested = NestedSiblingFileCollection::new(grid(&root, 10, 20, 20));
    let before = asked(&backend);
    assert_eq!(nested.count().unwrap(), 200);
    assert!(nested.exists().unwrap());
    assert_eq!(asked(&backend), [before[0], before[1] + 20]);
    assert_eq!(nested.directories().len(), 10);
}

#[test]
fn a_directory_that_is_missing_has_no_files_and_one_that_cannot_be_listed_is_an_error() {
    let (backend, root) = storage();
    let files = grid(&root, 2, 3, 3).into_iter().chain([root.child("none/f")]);
    let nested = NestedSiblingFileCollection::new(files);
    assert_eq!(nested.survey().unwrap().missing, [6]);
    backend.add(Fault::Fail(ErrorKind::PermissionDenied).on(Operation::List, 2));
    assert_eq!(nested.count().unwrap_err().kind(), ErrorKind::PermissionDenied);
    backend.add(Fault::Fail(ErrorKind::Unavailable).on(Operation::List, 1));
    assert_eq!(nested.exists().unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn no_more_is_asked_than_the_answer_takes() {
    let (backend, root) = storage();
    let files = FileCollection::new(grid(&root, 1, 1000, 0));
    let before = asked(&backend);
    assert!(!files.exists().unwrap());
    assert!(asked(&backend)[0] - before[0] <= 64, "one that is missing is enough");
    let before = asked(&backend);
    assert!(files.clone().with_threshold(Threshold::Count(0)).exists().unwrap());
    assert_eq!(asked(&backend), before, "nothing is needed");
}

#[test]
fn optional_members_are_missed_by_nobody() {
    let (_, root) = storage();
    root.child("there").touch().unwrap();
    let members = || [root.child("there"), root.child("maybe").optional()];
    let files = FileCollection::new(members());
    assert_eq!([files.exists().unwrap(), files.complete().unwrap()], [false, true]);
    assert_eq!(
        [root.child("maybe").optional().complete().unwrap(), root.child("maybe").complete().unwrap()],
        [true, false]
    );
    assert_eq!(root.child("maybe").optional(), root.child("maybe"), "the same place");
    assert_eq!(files.status_text().unwrap(), "absent (1/2), missing branches: 1");
}

#[test]
fn members_have_keys() {
    let (_, root) = storage();
    let files = FileCollection::keyed([("b", root.child("1")), ("a", root.child("2")), ("b", root.child("3"))]);
    assert_eq!(files.keys().copied().collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(files.get(&"b").unwrap().basename(), "3");
    assert_eq!(files.first().unwrap().basename(), "3");
    assert!(files.random().is_some());
    root.child("2.log").touch().unwrap();
    let logs = files.map(|file| file.sibling(format!("{}.log", file.basename())));
    assert_eq!(logs.iter_existing().unwrap().map(|(key, _)| key).collect::<Vec<_>>(), ["a"]);
    assert_eq!(logs.iter_missing().unwrap().map(|(key, _)| key).collect::<Vec<_>>(), ["b"]);
    assert_eq!(logs.remove().unwrap(), 1);
    assert_eq!(logs.count().unwrap(), 0);
}

#[test]
fn siblings_are_in_one_directory() {
    let (_, root) = storage();
    let error = SiblingFileCollection::new([root.child("a/x"), root.child("b/x")]).unwrap_err();
    assert!(error.to_string().contains("b/x"), "{error}");
    assert_eq!(SiblingFileCollection::new([]).unwrap_err().kind(), ErrorKind::InvalidInput);
    grid(&root, 1, 3, 3);
    root.child_dir("d0/sub").touch().unwrap();
    let found = SiblingFileCollection::from_directory(&root.child_dir("d0"), "f[01]").unwrap();
    assert_eq!(found.iter().map(|(_, file)| file.basename()).collect::<Vec<_>>(), ["f0", "f1"]);
}

#[test]
fn a_collection_is_localized_and_published_whole() {
    let (_, root) = storage();
    let files = FileCollection::new(["a", "b"].map(|name| root.child(name)));
    let write = files.localize_write().unwrap();
    std::fs::write(write.get(&0).unwrap().path(), "zero").unwrap();
    let error = write.commit().unwrap_err();
    assert_eq!((error.kind(), files.count().unwrap()), (ErrorKind::NotFound, 0), "{error}");

    let write = files.localize_write().unwrap();
    write.iter().for_each(|(key, file)| std::fs::write(file.path(), format!("content {key}")).unwrap());
    write.commit().unwrap();
    let read = files.localize_read().unwrap();
    assert_eq!(std::fs::read_to_string(read.get(&1).unwrap().path()).unwrap(), "content 1");
}

#[test]
fn what_was_published_before_a_failure_is_told() {
    let (backend, root) = storage();
    let files = FileCollection::new(["a", "b"].map(|name| root.child(name)));
    let write = files.localize_write().unwrap();
    write.iter().for_each(|(_, file)| std::fs::write(file.path(), "x").unwrap());
    backend.add(Fault::Fail(ErrorKind::NoSpace).on(Operation::Put, 2));
    let error = write.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace);
    assert!(error.to_string().contains("1 of 2 files"), "{error}");
}

#[test]
fn a_format_by_the_name_of_the_file() {
    let (_, root) = storage();
    for name in ["a.json", "a.yaml", "a.toml", "a.json.gz"] {
        let file = root.child(name);
        file.dump_as(std::collections::BTreeMap::from([("cut", 0.5)])).unwrap();
        let back: std::collections::BTreeMap<String, f64> = file.load_as().unwrap();
        assert_eq!(back["cut"], 0.5, "{name}");
    }
    assert_eq!(root.child("a.root").dump_as(1).unwrap_err().kind(), ErrorKind::Unsupported);
    assert!(!root.child("a.root").exists().unwrap());
}

#[test]
fn collections_are_targets() {
    let (_, root) = storage();
    let inner = |name: &str| FileCollection::new([root.child(format!("{name}/1")), root.child(format!("{name}/2"))]);
    let outer = law_target::TargetCollection::new([inner("a"), inner("b")]);
    inner("a").iter().for_each(|(_, file)| file.touch().unwrap());
    assert_eq!(outer.count().unwrap(), 1);
}

#[test]
fn the_status_of_members() {
    let (_, root) = storage();
    let files = FileCollection::keyed([
        ("a", root.child("a")),
        ("b", root.child("b").optional()),
        ("c", root.child("c").external()),
        ("d", root.child("d").external().optional()),
    ]);
    root.child("a").touch().unwrap();
    let text = files.status_text_with_members(1, 10).unwrap();
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        [
            "absent (1/4), missing branches: b,c,d",
            "a: existent (memory:///a)",
            "b: absent (memory:///b, optional)",
            "c: absent (memory:///c, external)",
            "d: absent (memory:///d, optional, external)",
        ]
    );
    assert_eq!(files.status_text_with_members(0, 10).unwrap(), files.status_text().unwrap());
}

#[test]
fn the_status_of_collections_within_collections() {
    let (_, root) = storage();
    let files = grid(&root, 2, 2, 1);
    let outer = law_target::TargetCollection::new(files.chunks(2).map(|files| FileCollection::new(files.to_vec())));
    let of_depth = |depth| outer.status_text_with_members(depth, 10).unwrap();
    let shallow = ["absent (0/2), missing branches: 0,1", "0: absent (1/2), missing branches: 1"];
    assert_eq!(of_depth(1).lines().take(2).collect::<Vec<_>>(), shallow);
    assert_eq!(of_depth(1).lines().count(), 3);
    let deep = of_depth(2);
    assert_eq!(deep.lines().nth(2), Some("  0: existent (memory:///d0/f0)"));
    assert_eq!(deep.lines().count(), 7);
    assert_eq!(of_depth(9), deep, "there is nothing deeper");
}

#[test]
fn a_status_is_bounded_and_asks_for_no_more_than_it_shows() {
    let (backend, root) = storage();
    let files = FileCollection::new(grid(&root, 1, 1000, 0));
    let text = files.status_text_with_members(1, 3).unwrap();
    let head = "absent (0/1000), missing branches: 0,1,2,...";
    assert_eq!((text.lines().next(), text.lines().last()), (Some(head), Some("... and 997 more")));
    assert_eq!(text.lines().count(), 5);

    let inner = (0..100).map(|_| FileCollection::new([root.child("x")]));
    let outer = law_target::TargetCollection::new(inner);
    let before = asked(&backend)[0];
    outer.status_text_with_members(2, 3).unwrap();
    assert_eq!(asked(&backend)[0] - before, 100 + 3, "what is not shown is asked for once");
}

#[test]
fn a_status_that_cannot_be_told_is_an_error() {
    let (backend, root) = storage();
    let files = FileCollection::new(grid(&root, 1, 3, 3));
    backend.add(Fault::Fail(ErrorKind::PermissionDenied).on(Operation::Stat, 2));
    assert_eq!(files.status_text_with_members(1, 10).unwrap_err().kind(), ErrorKind::PermissionDenied);
}
