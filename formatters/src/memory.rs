//! Files in memory, for tests: what was asked of them is counted, and they can fail.

use std::cell::Cell;
use std::io::{self, Write};
use std::path::Path;

use crate::{Input, Output};

/// A file in memory.
pub(crate) struct Memory {
    name: String,
    bytes: Vec<u8>,
    requests: Cell<usize>,
    read: Cell<usize>,
    fails: bool,
}

impl Memory {
    pub(crate) fn new(name: &str, bytes: Vec<u8>) -> Self {
        Self { name: name.into(), bytes, requests: Cell::new(0), read: Cell::new(0), fails: false }
    }

    /// A file of `fixtures/data`.
    pub(crate) fn fixture(path: &str) -> Self {
        let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data").join(path);
        Self::new(path, std::fs::read(whole).unwrap())
    }

    /// The same, whose every read and write is an error.
    pub(crate) fn failing(mut self) -> Self {
        self.fails = true;
        self
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Calls of `read_at` so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests.get()
    }

    /// Bytes that were read so far.
    pub(crate) fn read(&self) -> usize {
        self.read.get()
    }

    fn check(&self) -> io::Result<()> {
        if self.fails { Err(io::Error::other("the door is closed")) } else { Ok(()) }
    }
}

impl Input for Memory {
    fn name(&self) -> &str {
        &self.name
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        let rest = self.bytes.get(offset as usize..).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        self.requests.set(self.requests.get() + 1);
        self.read.set(self.read.get() + read);
        Ok(read)
    }

    fn local_path(&self) -> Option<&Path> {
        None
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check()?;
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output for Memory {
    fn name(&self) -> &str {
        &self.name
    }
}
