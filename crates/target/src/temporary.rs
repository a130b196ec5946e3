//! Targets that are gone when they are no longer held.

use std::fmt;
use std::ops::Deref;
use std::os::unix::ffi::OsStrExt as _;

use law_storage::{Durability, Path, Result};
use law_transfer::Place;
use tempfile::TempDir;

use crate::build::local;
use crate::localize::temporary_directory;
use crate::{DirectoryTarget, FileTarget};

/// A target on the local disk, in a directory of its own in the place for temporary files, which is removed with all that it has when
/// this is dropped. A process that is killed leaves it behind.
pub struct Temporary<T> {
    target: T,
    directory: TempDir,
}

impl<T> Temporary<T> {
    /// The local path of the directory.
    pub fn path_of_directory(&self) -> &std::path::Path {
        self.directory.path()
    }
}

impl DirectoryTarget {
    /// A directory for temporary files, which is there already.
    ///
    /// # Errors
    /// Those of the local disk.
    pub fn temporary() -> Result<Temporary<Self>> {
        let directory = temporary_directory()?;
        let path = Path::parse(directory.path().as_os_str().as_bytes())?;
        // Nothing of it outlives a power loss, so that nothing need be synced.
        let target = Self::new(Place::new(local(Durability::None), path));
        Ok(Temporary { target, directory })
    }
}

impl FileTarget {
    /// A temporary file of that name, which is not there yet.
    ///
    /// # Errors
    /// Those of the local disk.
    pub fn temporary(name: impl AsRef<[u8]>) -> Result<Temporary<Self>> {
        let Temporary { target, directory } = DirectoryTarget::temporary()?;
        Ok(Temporary { target: target.child(name), directory })
    }
}

impl<T> Deref for Temporary<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.target
    }
}

impl<T: fmt::Display> fmt::Debug for Temporary<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Temporary({})", self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_gone_with_who_holds_them() {
        let file = FileTarget::temporary("data.json").unwrap();
        assert!(!file.exists().unwrap());
        file.touch().unwrap();
        let (held, directory) = (FileTarget::clone(&file), file.path_of_directory().to_owned());
        assert!(held.exists().unwrap() && directory.exists());
        drop(file);
        assert!(!held.exists().unwrap() && !directory.exists());
        assert!(DirectoryTarget::temporary().unwrap().exists().unwrap());
    }
}
