//! A network that flips bytes: what is published is right, or nothing is.

#![allow(clippy::unwrap_used, reason = "this is all test code, also where no function is a test")]

use std::sync::Arc;

use law_storage::{
    Backend, BytesSource, Call, Door, Doors, DoorsSettings, ErrorKind, Fault, Faulty, FileSystem, Memory, Operation,
    Path, Retry, RetrySettings,
};
use law_transfer::{CopyOptions, Place, copy_file, read_small};

const CONTENT: &str = "the only right content";

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

async fn source() -> Memory {
    let memory = Memory::new();
    memory.put(&Call::new(), &path("file"), &BytesSource::new(CONTENT), &Default::default()).await.unwrap();
    memory
}

/// Three doors to one file; at the first so many of them each byte that is read is another one.
async fn three_doors(flipping: usize) -> (Place, Vec<Arc<Faulty>>) {
    let memory = source().await;
    let faulty = |n: usize| {
        let fault = (n < flipping).then(|| Fault::Flip { at: 3 }.always(Operation::Read));
        Arc::new(Faulty::new(Arc::new(memory.at_door(&format!("door{n}"))), fault))
    };
    let faults: Vec<_> = (0..3).map(faulty).collect();
    let door = |f: &Arc<Faulty>| Door::new(Arc::new(Retry::new(f.clone(), RetrySettings::default())));
    let doors = Doors::new(faults.iter().map(door).collect(), DoorsSettings::default());
    let fs = FileSystem::new("three", Path::root(), Arc::new(doors.clone())).with_doors(doors);
    (Place::new(fs, path("file")), faults)
}

fn destination() -> Place {
    Place::new(FileSystem::new("here", Path::root(), Arc::new(Memory::new())), path("copy"))
}

async fn content(place: &Place) -> Option<Vec<u8>> {
    let found = place.backend().stat(&Call::new(), &place.resolved()).await.unwrap();
    found?;
    Some(read_small(&Call::new(), place, None, 1000).await.unwrap().to_vec())
}

#[tokio::test]
async fn damaged_bytes_are_read_again_from_other_doors() {
    for flipping in 0..=2 {
        // Whichever door is asked first.
        for _ in 0..10 {
            let (from, faults) = three_doors(flipping).await;
            let to = destination();
            copy_file(&Call::new(), &from, &to, &CopyOptions::default()).await.unwrap();
            assert_eq!(content(&to).await.as_deref(), Some(CONTENT.as_bytes()));
            assert!(faults.iter().all(|faulty| faulty.calls(Operation::Read) <= 1), "no door was asked twice");
            let small = read_small(&Call::new(), &from, None, 1000).await.unwrap();
            assert_eq!(small, CONTENT);
        }
    }
}

#[tokio::test]
async fn if_all_doors_give_damaged_bytes_nothing_is_published_and_all_are_named() {
    let (from, _) = three_doors(3).await;
    let to = destination();
    let error = copy_file(&Call::new(), &from, &to, &CopyOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    let line = error.to_string();
    assert!(line.contains("checksum mismatch (") && line.contains("at the source"), "{line}");
    for door in ["door0 (", "door1 (", "door2 ("] {
        assert!(line.contains(door), "{line}");
    }
    assert_eq!(content(&to).await, None);
}

#[tokio::test]
async fn the_only_door_is_asked_twice() {
    for (flips, right) in [(1, true), (2, false)] {
        let faults = (1..=flips).map(|n| Fault::Flip { at: 0 }.on(Operation::Read, n));
        let faulty = Arc::new(Faulty::new(Arc::new(source().await), faults));
        let retry = Retry::new(faulty.clone(), RetrySettings::default());
        let from = Place::new(FileSystem::new("one", Path::root(), Arc::new(retry)), path("file"));
        let to = destination();
        let copied = copy_file(&Call::new(), &from, &to, &CopyOptions::default()).await;
        assert_eq!(copied.is_ok(), right);
        assert_eq!(content(&to).await.is_some(), right);
        assert_eq!(faulty.calls(Operation::Read), 2);
    }
}
