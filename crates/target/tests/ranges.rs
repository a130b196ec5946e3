//! Files that are read by parts.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::sync::Arc;

use law_formatters::{Input, Text};
use law_storage::{Error, ErrorKind, Faulty, FileSystem, Memory, Operation, Path, Result};
use law_target::{DirectoryTarget, FileTarget, RangeInput};
use law_transfer::Place;

/// A file at a server with etags, or without.
fn file(etags: bool) -> (FileTarget, Place, Arc<Faulty>) {
    let memory = if etags { Memory::new() } else { Memory::new().without_etags() };
    let backend = Arc::new(Faulty::new(Arc::new(memory), []));
    let fs = FileSystem::new("storage", Path::root(), backend.clone());
    let file = DirectoryTarget::new(Place::new(fs, Path::root())).child("file");
    file.dump("old old".to_owned(), Text).unwrap();
    (file.clone(), file.place().unwrap().clone(), backend)
}

/// Three bytes from `offset` on.
fn part(input: &RangeInput, offset: u64) -> Result<Vec<u8>> {
    let mut buffer = [0; 3];
    let count = input.read_at(offset, &mut buffer).map_err(Error::from)?;
    Ok(buffer[..count].to_vec())
}

#[test]
fn a_file_is_read_by_parts() {
    for etags in [true, false] {
        let parts =
            RangeInput::read(file(etags).1, |input| Ok([part(input, 0)?, part(input, 3)?, part(input, 6)?].concat()));
        assert_eq!(parts.unwrap(), b"old old");
    }
}

/// A server without etags does not know that another version was asked for.
#[test]
fn parts_of_two_versions_of_equal_size_make_nothing() {
    let (file, place, _) = file(false);
    let replaced = RangeInput::read(place.clone(), |input| {
        let first = part(input, 0)?;
        file.dump("new new".to_owned(), Text).unwrap();
        Ok(first)
    });
    assert_eq!(replaced.unwrap_err().kind(), ErrorKind::Changed);
    let removed: Result<()> = RangeInput::read(place, |_| {
        file.remove().unwrap();
        Err(Error::new(ErrorKind::Malformed, "not of this format"))
    });
    assert_eq!(removed.unwrap_err().kind(), ErrorKind::Changed);
}

#[test]
fn what_no_other_version_explains_is_told_as_it_is() {
    for (kind, looks) in [(ErrorKind::Malformed, 2), (ErrorKind::Unavailable, 1)] {
        let (_, place, backend) = file(false);
        let before = backend.calls(Operation::Stat);
        let broken: Result<()> = RangeInput::read(place, |_| Err(Error::new(kind, "as it is")));
        assert_eq!(broken.unwrap_err().message(), "as it is");
        assert_eq!(backend.calls(Operation::Stat) - before, looks);
    }
}

#[test]
fn an_etag_needs_no_second_look() {
    let (_, place, backend) = file(true);
    let before = backend.calls(Operation::Stat);
    assert_eq!(RangeInput::read(place, |input| part(input, 0)).unwrap(), b"old");
    assert_eq!(backend.calls(Operation::Stat), before + 1);
}
