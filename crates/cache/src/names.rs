//! Which version of a path is kept, and under which key.

use std::fs::{self, File};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use law_storage::Path;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::lock::{Lock, try_lock};
use crate::map::crc32c;
use crate::store::{PLAIN, Store, now};
use crate::version::{Version, hex};

/// What is known of a path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// For people, who may find bytes in it replaced that are no UTF-8.
    pub(crate) file_system: String,
    pub(crate) path: String,
    /// The name of the object that has the content.
    pub(crate) object: String,
    pub(crate) version: Version,
    /// When the storage was asked last, in milliseconds since 1970.
    pub(crate) seen: u64,
    /// It stays, whatever room is needed.
    #[serde(default)]
    pub(crate) pinned: bool,
    /// The doors of the storage that said so.
    #[serde(default)]
    pub(crate) doors: Vec<String>,
    /// Another version would have looked like another one.
    #[serde(default)]
    pub(crate) settled: bool,
    /// What was forgotten before: no content from before it comes back.
    #[serde(default)]
    pub(crate) after: String,
}

impl Known {
    /// How long ago the storage was asked.
    pub(crate) fn age(&self) -> Duration {
        // After a clock was set back nothing is known.
        now().checked_sub(self.seen).map_or(Duration::MAX, Duration::from_millis)
    }
}

/// What a file of the index has: something known, or that nothing is known since some moment, which no other moment looks like.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Entry {
    raw: Vec<u8>,
    pub(crate) known: Option<Known>,
}

impl Entry {
    /// What was forgotten last, as a text that nothing else looks like.
    pub(crate) fn after(&self) -> String {
        match &self.known {
            Some(known) => known.after.clone(),
            None => String::from_utf8_lossy(&self.raw).into_owned(),
        }
    }
}

/// The index of one file system.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    store: Arc<Store>,
    file_system: Arc<str>,
}

impl Names {
    pub(crate) fn new(store: Arc<Store>, file_system: Arc<str>) -> Self {
        Self { store, file_system }
    }

    fn file(&self, path: &Path) -> PathBuf {
        let mut hash = Sha256::new();
        hash.update((self.file_system.len() as u64).to_le_bytes());
        hash.update(self.file_system.as_bytes());
        hash.update(path.as_bytes());
        let name = hex(&hash.finalize());
        self.store.names().join(&name[..2]).join(&name[2..])
    }

    /// What is known of a path. What cannot be read or understood is not known.
    pub(crate) fn read(&self, path: &Path) -> Entry {
        let raw = fs::read(self.file(path)).unwrap_or_default();
        let known = parse(&raw).filter(|known| *known.file_system == *self.file_system);
        Entry { raw, known }
    }

    /// Notes what is known now, unless somebody else has noted something since `before` was read, or is changing the path.
    pub(crate) fn replace(&self, path: &Path, before: &Entry, known: &Known) -> io::Result<bool> {
        let file = self.file(path);
        let shard = self.alone(&file)?;
        let begin = Instant::now();
        if !try_lock(&shard, Lock::Exclusive, change_of(&file), 1)? || read(&file) != before.raw {
            return Ok(false);
        }
        let new = self.prepare(&encode(known)?)?;
        // Who was stopped meanwhile is not waited for any more.
        let in_time = begin.elapsed() < LATE;
        if in_time {
            new.persist(&file).map_err(|error| error.error)?;
        }
        Ok(in_time)
    }

    /// Whatever was known of a path counts no more, also for those who are asking the storage just now.
    pub(crate) fn forget(&self, path: &Path) -> io::Result<Option<Known>> {
        let file = self.file(path);
        // Who does not go on is not waited for, and notes nothing when he does.
        let _alone = self.alone(&file);
        let raw = read(&file);
        let moment = format!("{{\"forgotten\":\"{} {:016x}\"}}", now(), RandomState::new().build_hasher().finish());
        // A disk that is full must not keep what is wrong from now on.
        self.write(&file, moment.as_bytes()).or_else(|_| overwrite(&file, moment.as_bytes()))?;
        Ok(parse(&raw))
    }

    /// Nobody notes anything about a path as long as this is open.
    pub(crate) fn changing(&self, path: &Path) -> io::Result<File> {
        let file = self.file(path);
        let shard = self.shard(&file)?;
        self.store.lock(&shard, Lock::Shared, change_of(&file))?;
        Ok(shard)
    }

    /// What is known of all paths of all file systems.
    pub(crate) fn all(store: &Store) -> Vec<(PathBuf, Known)> {
        Self::files(store).filter_map(|file| Some((file.path(), parse(&read(&file.path()))?))).collect()
    }

    /// Removes what says only that nothing is known, if that is no news: nobody is asking the storage since before.
    pub(crate) fn tidy(store: &Store, age: Duration) -> io::Result<()> {
        for file in Self::files(store) {
            let modified = file.metadata().and_then(|found| found.modified());
            let old = modified.is_ok_and(|time| time.elapsed().is_ok_and(|passed| passed >= age));
            if old && file.file_name() != "lock" && parse(&read(&file.path())).is_none() {
                Self::remove(&file.path())?;
            }
        }
        Ok(())
    }

    /// Removes an entry, unless somebody else was faster.
    pub(crate) fn remove(entry: &std::path::Path) -> io::Result<()> {
        match fs::remove_file(entry) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn files(store: &Store) -> impl Iterator<Item = fs::DirEntry> {
        let shards = fs::read_dir(store.names()).into_iter().flatten().flatten();
        shards.filter_map(|shard| fs::read_dir(shard.path()).ok()).flatten().flatten()
    }

    /// Paths below a directory of which something is known.
    pub(crate) fn below(&self, top: &Path) -> Vec<Path> {
        let known = Self::all(&self.store).into_iter().filter(|(_, known)| *known.file_system == *self.file_system);
        let paths = known.filter_map(|(_, known)| Path::parse(known.path).ok());
        paths.filter(|path| path != top && path.strip_prefix(top).is_some()).collect()
    }

    /// Nobody else changes this part of the index meanwhile.
    fn alone(&self, file: &std::path::Path) -> io::Result<File> {
        let shard = self.shard(file)?;
        self.store.lock(&shard, Lock::Exclusive, 0)?;
        Ok(shard)
    }

    /// What has the locks of this part of the index.
    fn shard(&self, file: &std::path::Path) -> io::Result<File> {
        let shard = file.parent().unwrap_or(file);
        self.store.make_directory(shard)?;
        self.store.open_or_make(&shard.join("lock"))
    }

    fn write(&self, file: &std::path::Path, bytes: &[u8]) -> io::Result<()> {
        self.prepare(bytes)?.persist(file).map_err(|error| error.error)?;
        Ok(())
    }

    fn prepare(&self, bytes: &[u8]) -> io::Result<NamedTempFile> {
        let mut new = self.store.temporary_file()?;
        new.write_all(bytes)?;
        Ok(new)
    }
}

/// Writes over what is there, which takes no room; who reads it meanwhile finds nothing that makes sense.
fn overwrite(file: &std::path::Path, bytes: &[u8]) -> io::Result<()> {
    let over = || {
        let file = File::options().write(true).custom_flags(PLAIN).open(file)?;
        file.write_all_at(bytes, 0)?;
        file.set_len(bytes.len() as u64)
    };
    over().or_else(|_: io::Error| fs::remove_file(file))
}

/// The bytes of a plain file of the index; none if it is none.
fn read(file: &std::path::Path) -> Vec<u8> {
    let mut raw = Vec::new();
    // Whatever somebody else has put there: a link is not followed, and a pipe not waited for.
    let opened = File::options().read(true).custom_flags(PLAIN).open(file);
    let length = opened.map(|file| file.take(LONGEST).read_to_end(&mut raw));
    if matches!(length, Ok(Ok(_))) { raw } else { Vec::new() }
}

/// An entry is a few hundred bytes.
const LONGEST: u64 = 1 << 20;

/// A line with the checksum (CRC-32C) of the one behind it.
fn encode(known: &Known) -> io::Result<Vec<u8>> {
    let text = serde_json::to_vec(known)?;
    Ok([format!("{:08x}\n", crc32c(&text)).as_bytes(), &text].concat())
}

/// What an entry says; none if it is not what was written.
fn parse(raw: &[u8]) -> Option<Known> {
    let (checksum, text) = (raw.get(..8)?, raw.get(9..)?);
    let right = std::str::from_utf8(checksum).is_ok_and(|told| told == format!("{:08x}", crc32c(text)));
    let known = right.then(|| serde_json::from_slice::<Known>(text).ok())??;
    is_key(&known.object).then_some(known)
}

/// What takes longer under the lock of a shard is given up, before others stop waiting for it.
const LATE: Duration = Duration::from_secs(5);

/// The byte of a shard that is locked while a path is being changed. Two paths may share it.
fn change_of(file: &std::path::Path) -> u64 {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    1 + u64::from_str_radix(name.get(..8).unwrap_or_default(), 16).unwrap_or_default()
}

/// Whether a text can be the name of an object: nothing else becomes a part of a path.
pub(crate) fn is_key(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// A moment for the index.
pub(crate) fn moment(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
