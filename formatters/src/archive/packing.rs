//! Local files on their way into an archive.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::{Error, Result};

/// What is packed: the content of a directory, sorted by name, or one file. Links are packed as links.
#[doc(hidden)]
#[derive(Debug)]
pub struct Packed {
    base: PathBuf,
    /// Below the base, parents first.
    paths: Vec<PathBuf>,
}

/// One of the packed.
pub(super) struct Item {
    /// The name in the archive.
    pub(super) name: Vec<u8>,
    pub(super) mode: u32,
    pub(super) modified: Option<SystemTime>,
    pub(super) what: What,
}

pub(super) enum What {
    /// A file that is open, and how many bytes are packed of it.
    File(File, u64),
    Directory,
    Symlink(PathBuf),
}

impl Packed {
    pub(super) fn of(path: &Path) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(|e| unreadable(path, e))?;
        if metadata.is_dir() {
            let mut paths = Vec::new();
            collect(path, Path::new(""), &mut paths)?;
            return Ok(Self { base: path.to_owned(), paths });
        }
        let name = path.file_name().ok_or_else(|| Error::unsupported(format!("{path:?} has no name")))?;
        let base = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { base, paths: vec![name.into()] })
    }

    /// Opens one after the other.
    pub(super) fn items(&self) -> impl Iterator<Item = Result<Item>> {
        self.paths.iter().map(|path| item(&self.base.join(path), path))
    }
}

fn collect(directory: &Path, below: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(directory).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    let mut entries = entries.map_err(|e| unreadable(directory, e))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = below.join(entry.file_name());
        paths.push(path.clone());
        if entry.file_type().map_err(|e| unreadable(&entry.path(), e))?.is_dir() {
            collect(&entry.path(), &path, paths)?;
        }
    }
    Ok(())
}

fn item(full: &Path, path: &Path) -> Result<Item> {
    let metadata = fs::symlink_metadata(full).map_err(|e| unreadable(full, e))?;
    let mut name = path.as_os_str().as_bytes().to_owned();
    let what = what(full, &metadata)?;
    if matches!(what, What::Directory) {
        name.push(b'/');
    }
    Ok(Item { name, mode: metadata.mode() & 0o777, modified: metadata.modified().ok(), what })
}

fn what(full: &Path, metadata: &Metadata) -> Result<What> {
    if metadata.is_dir() {
        return Ok(What::Directory);
    }
    if metadata.is_symlink() {
        return Ok(What::Symlink(fs::read_link(full).map_err(|e| unreadable(full, e))?));
    }
    if !metadata.is_file() {
        return Err(Error::unsupported(format!("{full:?} is neither file, directory nor link")));
    }
    let file = File::open(full).map_err(|e| unreadable(full, e))?;
    let size = file.metadata().map_err(|e| unreadable(full, e))?.len();
    Ok(What::File(file, size))
}

/// The storage's error names the archive; this one is about something else.
fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::on_disk(path, error)
}

/// Copies exactly the bytes that were announced.
pub(super) fn copy_exactly(item: &[u8], file: &File, size: u64, output: &mut (impl io::Write + ?Sized)) -> Result<()> {
    let copied = io::copy(&mut io::Read::take(file, size), output)?;
    match copied == size {
        true => Ok(()),
        false => Err(Error::from(io::Error::other(format!(
            "{}: it became shorter while it was packed",
            String::from_utf8_lossy(item)
        )))),
    }
}
