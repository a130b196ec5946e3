//! Files that hold a secret: small, and regular ones, as any other could wait for ever, or never end.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

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

/// Tells, once for each file, that others may read it.
pub(super) fn warn_if_open(file: &Path, metadata: &Metadata) {
    static TOLD: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let is_open = metadata.is_file() && metadata.mode() & 0o077 != 0;
    // A set of names is right whatever panicked beside it.
    if is_open && TOLD.lock().unwrap_or_else(PoisonError::into_inner).insert(file.to_owned()) {
        let (file, mode) = (file.display(), metadata.mode() & 0o7777);
        tracing::warn!("others may read {file} (mode {mode:04o}): chmod 600 {file}");
    }
}
