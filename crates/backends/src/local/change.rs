//! Directories, names, and what belongs to a file beside its bytes.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::SystemTime;

use law_storage::{Destination, Durability, Error, ErrorKind, Operation, Parents, Result};
use rustix::fs::{CWD, RenameFlags, XattrFlags};
use rustix::io::Errno;

use super::inspect::attribute_failure;
use super::{failure, refusal};

pub(super) fn create_directory(path: &Path, parents: Parents, durability: Durability) -> Result<()> {
    match fs::create_dir(path) {
        Ok(()) => sync_parent(path, durability),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => existing_directory(path),
        Err(e) if e.kind() == io::ErrorKind::NotFound && parents == Parents::Create => {
            let above = path.parent().ok_or_else(|| failure(e, path, Operation::CreateDirectory))?;
            create_directory(above, parents, durability).map_err(|e| below_a_file(e, path))?;
            create_directory(path, Parents::Require, durability)
        }
        Err(e) => Err(failure(e, path, Operation::CreateDirectory)),
    }
}

/// A file above a directory to be made is `NotADirectory`; a file in its place is `AlreadyExists`.
fn below_a_file(error: Error, path: &Path) -> Error {
    if error.kind() == ErrorKind::AlreadyExists {
        return refusal(ErrorKind::NotADirectory, path.parent().unwrap_or(path), Operation::CreateDirectory);
    }
    error
}

fn existing_directory(path: &Path) -> Result<()> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        return Ok(());
    }
    Err(refusal(ErrorKind::AlreadyExists, path, Operation::CreateDirectory))
}

/// Makes the entry itself durable: its directory is what remembers a name.
pub(super) fn sync_parent(path: &Path, durability: Durability) -> Result<()> {
    let Some(parent) = path.parent().filter(|_| durability == Durability::Full) else { return Ok(()) };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let synced = match fs::File::open(parent) {
        // A drop box: what may be written but not read cannot be synced, and the change has happened already.
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
        other => other.and_then(|directory| directory.sync_all()),
    };
    match synced {
        // Some file systems cannot sync a directory, and need not.
        Err(e) if e.kind() == io::ErrorKind::InvalidInput => Ok(()),
        other => other.map_err(|e| {
            failure(e, parent, Operation::Put).leaving("the change has happened, but a power loss may take it back")
        }),
    }
}

pub(super) fn rename(from: &Path, to: &Path, destination: Destination, durability: Durability) -> Result<()> {
    let metadata = fs::symlink_metadata(from).map_err(|e| failure(e, from, Operation::Rename))?;
    if from == to {
        return Ok(());
    }
    if to.starts_with(from) {
        let error = Error::new(ErrorKind::InvalidInput, "a directory cannot be moved into itself");
        return Err(error.at(super::shown(from)).during(Operation::Rename));
    }
    // A directory is never replaced, not even an empty one by a directory.
    let replace = destination == Destination::Replace && !metadata.is_dir();
    let renamed = if replace { fs::rename(from, to) } else { rename_new(from, to) };
    renamed.map_err(|e| failure(e, to, Operation::Rename))?;
    sync_parent(to, durability)?;
    if from.parent() != to.parent() { sync_parent(from, durability) } else { Ok(()) }
}

/// Renames unless the name is taken, atomically where the file system can.
pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => rename_checked(from, to),
        other => Ok(other?),
    }
}

/// For file systems without such a rename (NFS, some FUSE): a hard link refuses a taken name just as well.
fn rename_checked(from: &Path, to: &Path) -> io::Result<()> {
    if fs::symlink_metadata(from)?.is_dir() {
        return match fs::symlink_metadata(to) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(from, to),
        };
    }
    fs::hard_link(from, to)?;
    fs::remove_file(from)
}

pub(super) fn set_modified(path: &Path, time: SystemTime) -> Result<()> {
    let file = fs::File::open(path).map_err(|e| failure(e, path, Operation::SetMetadata))?;
    file.set_modified(time).map_err(|e| failure(e, path, Operation::SetMetadata))
}

pub(super) fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|e| failure(e, path, Operation::SetMetadata))
}

pub(super) fn set_attribute(path: &Path, name: &str, value: Option<&[u8]>) -> Result<()> {
    let changed = match value {
        Some(value) => rustix::fs::setxattr(path, name, value, XattrFlags::empty()),
        None => rustix::fs::removexattr(path, name),
    };
    match changed {
        Err(Errno::NODATA) => Ok(()),
        other => other.map_err(|errno| attribute_failure(errno, path)),
    }
}
