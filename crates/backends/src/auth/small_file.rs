//! Files that hold a secret: small, and regular ones, as any other could wait for ever, or never end.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// All of a file.
///
/// # Errors
/// Those of the disk; for what is no regular file, and for one of more than `most` bytes.
pub(crate) fn read_small(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(io::Error::other(format!("it is longer than {most} bytes"))) } else { Ok(bytes) }
}
