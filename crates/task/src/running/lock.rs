//! A task is run by one process at a time: who runs it holds a lock, which the kernel lets go of when the process ends.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use md5::{Digest as _, Md5};

use crate::TaskId;
use crate::output::NamedTarget;

/// A lock that this process holds; it is gone when this is dropped, however that happens.
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// The lock of a task in a directory, by where the task writes; none if another process has it.
    ///
    /// # Errors
    /// A directory that cannot be written, or whose file system has no locks.
    pub(crate) fn take(directory: &Path, id: &TaskId, targets: &[NamedTarget]) -> io::Result<Option<Self>> {
        fs::create_dir_all(directory)?;
        let path = directory.join(name(id, targets)?);
        loop {
            let file = File::options().create(true).read(true).append(true).open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Whoever had it may have removed the file between the two steps; then the lock is one that nobody else sees.
            if fs::metadata(&path).is_ok_and(|there| file.metadata().is_ok_and(|own| own.ino() == there.ino())) {
                return Ok(Some(Self { file, path }));
            }
        }
    }
}

impl Lock {
    /// The same lock, for a program to hold as well: whoever has this has the lock. There is nothing to read in it.
    ///
    /// # Errors
    /// Too many open files.
    pub(crate) fn share(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Still locked, so that nobody else's file is removed. A process that was left behind holds it no longer than this.
        let _ = fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

/// A name for what a task writes; for the task itself and where it was started, if it writes nothing.
fn name(id: &TaskId, targets: &[NamedTarget]) -> io::Result<String> {
    let mut hash = Md5::new();
    let mut places: Vec<String> = targets.iter().map(|named| named.target.to_string()).collect();
    places.sort_unstable();
    if places.is_empty() {
        places.push(format!("{id} {}", std::env::current_dir()?.display()));
    }
    places.iter().for_each(|place| hash.update(format!("{place}\n")));
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_has_it_and_nothing_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let id = |family: &str| TaskId::new(family, []);
        let take = |family| Lock::take(directory.path(), &id(family), &[]).unwrap();
        let held = take("One").unwrap();
        assert!(take("One").is_none());
        assert!(take("Other").is_some());
        drop(held);
        assert!(take("One").is_some());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
