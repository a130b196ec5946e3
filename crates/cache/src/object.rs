//! One version of one file, as far as it is here.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use law_storage::ByteRange;
use serde::{Deserialize, Serialize};

use crate::map::{Claim, Map, Record, Sealing, crc32c};
use crate::seal::Seal;
use crate::space::{Ledger, Used};
use crate::store::{PLAIN, Store, now};

/// What an object needs on the disk beside its content.
pub(crate) const OVERHEAD: u64 = 16 << 10;

/// Bytes of a block at most.
pub(crate) const LARGEST_BLOCK: u64 = 64 << 20;

/// Whose content it is, for those who look at the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub(crate) file_system: String,
    pub(crate) path: String,
    pub(crate) size: u64,
    /// Bytes of a block.
    pub(crate) block: u64,
    /// The file with the content: `data`, or `data.EXTENSION`.
    pub(crate) name: String,
    /// Milliseconds since 1970.
    pub(crate) made: u64,
}

impl Meta {
    pub(crate) fn new(file_system: &str, path: &law_storage::Path, size: u64, block: u64) -> Self {
        let name = match extension(path.name().unwrap_or_default()) {
            Some(extension) => format!("data.{extension}"),
            None => "data".to_owned(),
        };
        Self { file_system: file_system.to_owned(), path: path.to_string(), size, block, name, made: now() }
    }

    /// Of the object in a directory; none if it cannot be read or understood.
    pub(crate) fn of(directory: &Path) -> Option<Self> {
        let meta: Self = serde_json::from_slice(&fs::read(directory.join("meta")).ok()?).ok()?;
        let plain = meta.name == "data" || meta.name.strip_prefix("data.").is_some_and(is_extension);
        let sized = (1..=LARGEST_BLOCK).contains(&meta.block) && meta.blocks() < 1 << 32;
        (sized && plain).then_some(meta)
    }

    pub(crate) fn blocks(&self) -> u64 {
        self.size.div_ceil(self.block)
    }

    /// The block that has a byte.
    pub(crate) fn block_of(&self, offset: u64) -> u64 {
        offset / self.block
    }

    /// The bytes of some blocks.
    pub(crate) fn bytes_of(&self, first: u64, end: u64) -> ByteRange {
        ByteRange::new(first * self.block, (end - first) * self.block).clamp(self.size)
    }
}

/// What other programs tell formats by.
fn extension(name: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(name).ok()?;
    let (stem, extension) = name.rsplit_once('.')?;
    (!stem.is_empty() && is_extension(extension)).then_some(extension)
}

fn is_extension(text: &str) -> bool {
    (1..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// What became of the look for a block.
#[derive(Debug)]
pub(crate) enum Found {
    Content(Bytes),
    Missing,
    /// Something is there, and it is not what was written.
    Bad,
}

/// An object that does not go away as long as this is open.
#[derive(Debug)]
pub(crate) struct Object {
    directory: PathBuf,
    pub(crate) meta: Meta,
    map: Map,
    data: File,
    sealed: Option<Seal>,
    /// It was made by this opening, and nothing of it is counted yet.
    pub(crate) fresh: bool,
}

impl Object {
    /// The object of that name; none if there is none, or it is about to go.
    pub(crate) fn open(store: &Store, key: &str) -> io::Result<Option<Self>> {
        Self::open_in(store.object(key))
    }

    pub(crate) fn open_in(directory: PathBuf) -> io::Result<Option<Self>> {
        let Some(meta) = Meta::of(&directory) else { return Ok(None) };
        let Some(map) = open_map(&directory, &meta)? else { return Ok(None) };
        if !map.hold()? || map.file().metadata()?.nlink() == 0 {
            return Ok(None);
        }
        let data = match File::open(directory.join(&meta.name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let sealed = Seal::of_directory(&directory);
        Ok(Some(Self { directory, meta, map, data, sealed, fresh: false }))
    }

    /// The object of that name, which is made if there is none, or none that makes sense. None if somebody is just removing it.
    pub(crate) fn open_or_make(store: &Store, key: &str, meta: &Meta) -> io::Result<Option<Self>> {
        let open = || Ok::<_, io::Error>(Self::open(store, key)?.filter(|object| object.meta.size == meta.size));
        if let Some(object) = open()? {
            return Ok(Some(object));
        }
        let made = make(store, key, meta)? || (open()?.is_none() && discard(store, key)? && make(store, key, meta)?);
        Ok(open()?.map(|object| Self { fresh: made, ..object }))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.join(&self.meta.name)
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn data(&self) -> &File {
        &self.data
    }

    /// Whether it was handed out, and what is there is what was handed out. `Some(false)`: somebody has changed it.
    pub(crate) fn seal_holds(&self) -> Option<bool> {
        self.sealed.as_ref().map(|seal| seal.holds(&self.data))
    }

    /// It is not to be handed out any more as it is.
    pub(crate) fn break_seal(&mut self) -> io::Result<()> {
        self.sealed = None;
        match fs::remove_file(self.directory.join("sealed")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether a block is here, without reading it.
    pub(crate) fn has(&self, block: u64) -> bool {
        self.map.record(block).is_ok_and(|record| record.is_some())
    }

    /// Reads a block, and compares it with its checksum.
    pub(crate) fn block(&self, block: u64) -> io::Result<Found> {
        let Some(record) = self.map.record(block)? else { return Ok(Found::Missing) };
        let range = self.meta.bytes_of(block, block + 1);
        if u64::from(record.length) != range.length {
            return Ok(Found::Bad);
        }
        let mut content = vec![0; range.length as usize];
        match self.data.read_exact_at(&mut content, range.offset) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Found::Bad),
            other => other?,
        }
        if crc32c(&content) != record.checksum {
            return Ok(Found::Bad);
        }
        // A mark that cannot be set makes the block go earlier, and nothing else.
        let _ = self.map.use_block(block);
        Ok(Found::Content(content.into()))
    }

    /// Somebody reads all of it.
    pub(crate) fn use_all(&self) {
        for block in (0..self.meta.blocks()).step_by(crate::map::GROUP as usize) {
            let _ = self.map.use_block(block);
        }
    }

    /// The first block from `first` to before `end` that is missing, and the end of those that are missing behind it.
    pub(crate) fn missing(&self, first: u64, end: u64) -> Option<(u64, u64)> {
        let first = (first..end).find(|block| !self.has(*block))?;
        let end = (first + 1..end).find(|block| self.has(*block)).unwrap_or(end);
        Some((first, end))
    }

    /// Whether all blocks are here.
    pub(crate) fn is_whole(&self) -> bool {
        (0..self.meta.blocks()).all(|block| self.has(block))
    }

    /// Blocks that nobody else writes; none if somebody does.
    pub(crate) fn claim(&self, first: u64, end: u64) -> io::Result<Option<Claim>> {
        match open_map(&self.directory, &self.meta)? {
            Some(map) => Claim::take(map, first, end),
            None => Ok(None),
        }
    }

    /// Waits until nobody else seals it, as long as it takes to read all of it from a slow disk.
    pub(crate) fn sealing(&self) -> io::Result<Option<Sealing>> {
        let patience = Duration::from_secs(30 + (self.meta.size >> 25));
        open_map(&self.directory, &self.meta)?.map(|map| Sealing::begin(map, patience)).transpose()
    }

    /// Forgets a block that is not what was written.
    pub(crate) fn drop_block(&self, block: u64) -> io::Result<()> {
        self.map.clear(block)
    }

    /// The content, to be written to.
    pub(crate) fn writer(&self) -> io::Result<File> {
        writer(&self.directory, &self.meta)
    }

    /// Nothing of it is right.
    pub(crate) fn drop_all(&self) -> io::Result<()> {
        (0..self.meta.blocks()).try_for_each(|block| self.map.clear(block))
    }
}

/// The content of an object, to be written to.
pub(crate) fn writer(directory: &Path, meta: &Meta) -> io::Result<File> {
    let path = directory.join(&meta.name);
    let open = || OpenOptions::new().write(true).custom_flags(PLAIN).open(&path);
    match open() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            // It was sealed once.
            let shared = fs::metadata(directory)?.mode() & 0o020 != 0;
            fs::set_permissions(&path, Permissions::from_mode(if shared { 0o660 } else { 0o600 }))?;
            open()
        }
        other => other,
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(PLAIN).open(path)
}

fn open_map(directory: &Path, meta: &Meta) -> io::Result<Option<Map>> {
    let file = match open_file(&directory.join("map")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    // What was made as a map is as long as one.
    let fits = file.metadata()?.len() == Map::length(meta.blocks());
    Ok(fits.then(|| Map::new(file, meta.blocks())))
}

/// Makes an object in which nothing is yet; false if somebody else was faster.
fn make(store: &Store, key: &str, meta: &Meta) -> io::Result<bool> {
    let new = store.temporary_directory()?;
    let made = fill_new(store, &new, meta).and_then(|()| {
        let directory = store.object(key);
        if let Some(shard) = directory.parent() {
            store.make_directory(shard)?;
        }
        match fs::rename(&new, &directory) {
            Err(error) if matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists) => {
                Ok(false)
            }
            other => other.map(|()| true),
        }
    });
    if !matches!(made, Ok(true)) {
        let _ = fs::remove_dir_all(&new);
    }
    made
}

fn fill_new(store: &Store, directory: &Path, meta: &Meta) -> io::Result<()> {
    store.open_or_make(&directory.join("meta"))?.write_all(&serde_json::to_vec(meta)?)?;
    store.open_or_make(&directory.join("map"))?.set_len(Map::length(meta.blocks()))?;
    store.open_or_make(&directory.join(&meta.name))?.set_len(meta.size)
}

/// Writes a block that was claimed; it counts once its record is written, too.
pub(crate) fn write_block(data: &File, meta: &Meta, block: u64, chunks: &[Bytes]) -> io::Result<Record> {
    let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    let begin = meta.bytes_of(block, block + 1).offset;
    let mut at = begin;
    for chunk in chunks {
        data.write_all_at(chunk, at)?;
        digest.update(chunk);
        at += chunk.len() as u64;
    }
    Ok(Record { checksum: digest.finalize() as u32, length: (at - begin) as u32, written: now() })
}

/// Removes an object as a whole, unless it is in use.
pub(crate) fn discard(store: &Store, key: &str) -> io::Result<bool> {
    let mut ledger = Ledger::open(store)?;
    let gone = remove(store, &store.object(key), &mut ledger.used)?;
    ledger.save()?;
    Ok(gone)
}

/// As [`discard`], for those who have the ledger.
pub(crate) fn remove(store: &Store, directory: &Path, used: &mut Used) -> io::Result<bool> {
    let (bytes, meta) = (bytes_on_disk(directory), Meta::of(directory));
    // Who holds it has the lock, whatever has become of the rest.
    let lock = lock_of(directory)?;
    if lock.as_ref().is_some_and(|lock| !lock.hold_alone().unwrap_or(false)) {
        return Ok(false);
    }
    remove_directory(store, directory)?;
    if let Some(meta) = &meta {
        used.subtract(&meta.file_system, bytes);
    }
    Ok(true)
}

/// The map of an object for its locks alone; none if there is none, so that nobody can hold the object.
fn lock_of(directory: &Path) -> io::Result<Option<Map>> {
    match open_file(&directory.join("map")) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => Ok(None),
        other => Ok(Some(Map::new(other?, 0))),
    }
}

/// Whether an object can never be opened as it is.
pub(crate) fn is_broken(directory: &Path) -> bool {
    let Some(meta) = Meta::of(directory) else { return true };
    matches!(open_map(directory, &meta), Ok(None)) || !directory.join(&meta.name).exists()
}

/// Nobody sees a part of what is being removed.
fn remove_directory(store: &Store, directory: &Path) -> io::Result<()> {
    let aside = store.temporary_directory()?;
    match fs::rename(directory, &aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::remove_dir_all(aside)
}

/// Bytes of the disk that an object has.
pub(crate) fn bytes_on_disk(directory: &Path) -> u64 {
    let of = |path: &Path| fs::symlink_metadata(path).map_or(0, |found| found.blocks() * 512);
    let files = fs::read_dir(directory).into_iter().flatten().flatten();
    of(directory) + files.map(|file| of(&file.path())).sum::<u64>()
}

/// Opens a map to do something that needs the object alone.
pub(crate) fn map_of(directory: &Path, meta: &Meta) -> io::Result<Option<Map>> {
    open_map(directory, meta)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_what_programs_tell_formats_by() {
        for (name, data) in [
            ("a.npz", "data.npz"),
            ("a.tar.gz", "data.gz"),
            (".bashrc", "data"),
            ("a", "data"),
            ("a.b/c", "data"),
            ("a.", "data"),
            ("a.aaaaaaaaaaaaaaaaa", "data"),
        ] {
            let path = law_storage::Path::parse(format!("d/{name}")).unwrap();
            assert_eq!(Meta::new("m", &path, 1, 1).name, data, "{name}");
        }
    }
}
