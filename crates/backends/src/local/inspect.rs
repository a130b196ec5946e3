//! Looking at files without opening them.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use law_storage::{ErrorKind, Kind, Metadata, Modified, Operation, Result, Space, Validator};
use rustix::io::Errno;

use super::{failure, refusal};

pub(super) fn stat(path: &Path) -> Result<Option<Metadata>> {
    found(fs::metadata(path), path)
}

pub(super) fn lstat(path: &Path) -> Result<Option<Metadata>> {
    found(fs::symlink_metadata(path), path)
}

/// Nothing there, or a file where a directory should be on the way: that is missing. All else is an error.
fn found(answer: io::Result<fs::Metadata>, path: &Path) -> Result<Option<Metadata>> {
    match answer {
        Ok(metadata) => Ok(Some(describe(&metadata))),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(failure(e, path, Operation::Stat)),
    }
}

/// What the operating system says, in our words.
pub(super) fn describe(metadata: &fs::Metadata) -> Metadata {
    let mut described = Metadata::of(kind(metadata.file_type()));
    described.modified = metadata.modified().ok().map(Modified::nanoseconds);
    described.mode = Some(metadata.mode() & 0o7777);
    if described.is_file() {
        described.size = Some(metadata.len());
        described.validator = Some(validator(metadata));
    }
    described
}

/// The inode tells files apart that were replaced by renaming, the mtime those that were written in place. Within one
/// tick of the kernel's clock two writes in place could look alike; nobody who publishes by renaming is affected.
fn validator(metadata: &fs::Metadata) -> Validator {
    let tag =
        format!("\"{:x}-{:x}-{:x}.{:09}\"", metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec());
    Validator::etag(tag)
        .with_size(Some(metadata.len()))
        .with_modified(metadata.modified().ok().map(Modified::nanoseconds))
}

fn kind(file_type: fs::FileType) -> Kind {
    match file_type {
        t if t.is_file() => Kind::File,
        t if t.is_dir() => Kind::Directory,
        t if t.is_symlink() => Kind::Symlink,
        _ => Kind::Other,
    }
}

pub(super) fn attribute(path: &Path, name: &str) -> Result<Option<Vec<u8>>> {
    let mut value = vec![0; 64 * 1024];
    match rustix::fs::getxattr(path, name, &mut value[..]) {
        Ok(length) => {
            value.truncate(length);
            Ok(Some(value))
        }
        Err(Errno::NODATA) => Ok(None),
        Err(errno) => Err(attribute_failure(errno, path)),
    }
}

/// The names that any user may give: those of the system say how it keeps the file, not what it is.
pub(super) fn attributes(path: &Path) -> Result<Vec<String>> {
    let mut names = vec![0; 64 * 1024];
    let length = rustix::fs::listxattr(path, &mut names[..]).map_err(|errno| attribute_failure(errno, path))?;
    let named = names[..length].split(|byte| *byte == 0).filter_map(|name| std::str::from_utf8(name).ok());
    Ok(named.filter(|name| name.starts_with("user.")).map(str::to_owned).collect())
}

pub(super) fn attribute_failure(errno: Errno, path: &Path) -> law_storage::Error {
    match errno {
        Errno::NOTSUP => refusal(ErrorKind::Unsupported, path, Operation::SetMetadata),
        errno => failure(errno.into(), path, Operation::SetMetadata),
    }
}

pub(super) fn space(path: &Path) -> Result<Space> {
    let stat = rustix::fs::statvfs(path).map_err(|e| failure(e.into(), path, Operation::Space))?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Ok(Space { used: Some(bytes(stat.f_blocks - stat.f_bfree)), available: Some(bytes(stat.f_bavail)) })
}
