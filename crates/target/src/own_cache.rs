//! The cache of one process: a directory that nobody else uses, and that goes when the process ends.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use tempfile::TempDir;

/// What such directories are called.
const PREFIX: &str = "law-cache-of-one-process-";

/// The file in it that is locked as long as its process lives.
const ALIVE: &str = "alive";

/// Such a directory. Dropping it removes it; if nobody can, the next process that makes one there does.
#[derive(Debug)]
pub(crate) struct OwnDirectory {
    directory: TempDir,
    _alive: File,
}

impl OwnDirectory {
    /// Makes one in a directory, which is made if it is not there, and removes those whose processes have ended without it.
    pub(crate) fn make(above: &Path) -> io::Result<Self> {
        fs::create_dir_all(above)?;
        sweep(above);
        loop {
            let directory = tempfile::Builder::new().prefix(PREFIX).tempdir_in(above)?;
            let alive = File::create(directory.path().join(ALIVE))?;
            // Somebody may have taken it for one that was left.
            if alive.try_lock().is_ok() && alive.metadata()?.nlink() > 0 {
                return Ok(Self { directory, _alive: alive });
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Removes what processes have left that were killed. What cannot be removed stays.
fn sweep(above: &Path) {
    let entries = fs::read_dir(above).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    for directory in ours.map(|entry| entry.path()).filter(|directory| was_left(directory.as_path())) {
        let _ = fs::remove_dir_all(directory);
    }
}

fn was_left(directory: &Path) -> bool {
    // What somebody else has put there may be anything, a pipe that never opens as well.
    let ours = |found: &fs::Metadata| found.is_dir() && found.uid() == rustix::process::geteuid().as_raw();
    fs::symlink_metadata(directory).is_ok_and(|found| ours(&found))
        && File::open(directory.join(ALIVE)).is_ok_and(|alive| alive.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_with_its_process_or_with_the_next() {
        let above = tempfile::tempdir().unwrap();
        let one = OwnDirectory::make(above.path()).unwrap();
        let two = OwnDirectory::make(above.path()).unwrap();
        fs::write(two.path().join("file"), "x").unwrap();
        assert!(one.path().exists() && two.path() != one.path());
        let left = two.path().to_owned();
        let OwnDirectory { directory, _alive } = two;
        // As after kill -9: the lock goes, and the directory stays.
        let _ = directory.keep();
        drop(_alive);
        let three = OwnDirectory::make(above.path()).unwrap();
        assert!(!left.exists() && one.path().exists());
        drop((one, three));
        assert_eq!(fs::read_dir(above.path()).unwrap().count(), 0);
    }
}
