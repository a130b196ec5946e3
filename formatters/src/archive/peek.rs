//! A look at the first members.

use std::cell::Cell;
use std::io;
use std::path::Path;

use super::{Archive, Content, Member};
use crate::{Input, Result};

/// The first members of an archive, at most `most`, and whether these are all. A zip is listed from its end, a tar from its beginning:
/// of it `bytes` are read at most, as in a compressed one nothing can be passed over.
///
/// # Errors
/// As those of loading a list.
pub fn first_members(
    archive: &impl Archive,
    input: &dyn Input,
    most: usize,
    bytes: u64,
) -> Result<(Vec<Member>, bool)> {
    let budget = if archive.name() == "zip" { u64::MAX } else { bytes };
    let input = Budgeted { input, left: Cell::new(budget), is_over: Cell::new(false) };
    let (mut members, mut whole) = (Vec::new(), true);
    let visited = archive.visit(&input, Content::Skipped, &mut |member, _| {
        whole = members.len() < most;
        if whole {
            members.push(member);
        }
        Ok(whole)
    });
    if input.is_over.get() {
        return Ok((members, false));
    }
    visited.map(|()| (members, whole))
}

/// An input that ends in an error when enough was read.
struct Budgeted<'a> {
    input: &'a dyn Input,
    left: Cell<u64>,
    is_over: Cell<bool>,
}

impl Input for Budgeted<'_> {
    fn name(&self) -> &str {
        self.input.name()
    }

    fn length(&self) -> io::Result<u64> {
        self.input.length()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(left) = self.left.get().checked_sub(buffer.len() as u64) else {
            self.is_over.set(true);
            return Err(io::Error::other("enough was read"));
        };
        self.left.set(left);
        self.input.read_at(offset, buffer)
    }

    fn local_path(&self) -> Option<&Path> {
        self.input.local_path()
    }
}
