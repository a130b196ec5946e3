//! Where formatters read from and write to.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// A file that can be read at any offset. Blocking.
pub trait Input {
    /// The name of the file, for messages and for formats that differ by extension.
    fn name(&self) -> &str;

    /// Bytes of the file.
    ///
    /// # Errors
    /// Those of asking.
    fn length(&self) -> io::Result<u64>;

    /// Reads into `buffer` from `offset` on, and returns how many bytes there were; 0 is the end.
    ///
    /// # Errors
    /// Those of reading.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// A local path of the same bytes, where there is one: for libraries that open files themselves.
    fn local_path(&self) -> Option<&Path>;
}

/// A file that is being written, from its beginning to its end. Blocking.
pub trait Output: Write {
    /// The name that the file will have, for formats that differ by extension.
    fn name(&self) -> &str;
}

/// A local file that is open.
#[derive(Debug)]
pub struct FileInput {
    file: File,
    name: String,
}

impl FileInput {
    /// Reads `file` under that name.
    pub fn new(file: File, name: impl Into<String>) -> Self {
        Self { file, name: name.into() }
    }
}

impl Input for FileInput {
    fn name(&self) -> &str {
        &self.name
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    fn local_path(&self) -> Option<&Path> {
        None
    }
}
