//! Which version of a path is kept, and under which key.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use law_storage::Path;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::lock::{Lock, lock};
use crate::store::{Store, now};
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
}

impl Known {
    /// How long ago the storage was asked.
    pub(crate) fn age(&self) -> Duration {
        Duration::from_millis(now().saturating_sub(self.seen))
    }
}

/// What a file of the index has: something known, or that nothing is known since some moment, which no other moment looks like.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Entry {
    raw: Vec<u8>,
    pub(crate) known: Option<Known>,
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
        let known = serde_json::from_slice::<Known>(&raw).ok();
        let known = known.filter(|known| *known.file_system == *self.file_system && is_key(&known.object));
        Entry { raw, known }
    }

    /// Notes what is known now, unless somebody else has noted something since `before` was read.
    pub(crate) fn replace(&self, path: &Path, before: &Entry, known: &Known) -> io::Result<bool> {
        let file = self.file(path);
        let _alone = self.alone(&file)?;
        if fs::read(&file).unwrap_or_default() != before.raw {
            return Ok(false);
        }
        self.write(&file, &serde_json::to_vec(known)?)?;
        Ok(true)
    }

    /// Whatever was known of a path counts no more, also for those who are asking the storage just now.
    pub(crate) fn forget(&self, path: &Path) -> io::Result<Option<Known>> {
        let file = self.file(path);
        let _alone = self.alone(&file)?;
        let raw = fs::read(&file).unwrap_or_default();
        self.write(&file, format!("{{\"forgotten\":\"{} {}\"}}", now(), std::process::id()).as_bytes())?;
        Ok(serde_json::from_slice(&raw).ok())
    }

    /// What is known of all paths of all file systems.
    pub(crate) fn all(store: &Store) -> Vec<(PathBuf, Known)> {
        let shards = fs::read_dir(store.names()).into_iter().flatten().flatten();
        let files = shards.filter_map(|shard| fs::read_dir(shard.path()).ok()).flatten().flatten();
        let known =
            |file: fs::DirEntry| Some((file.path(), serde_json::from_slice(&fs::read(file.path()).ok()?).ok()?));
        files.filter_map(known).collect()
    }

    /// Paths below a directory of which something is known.
    pub(crate) fn below(&self, top: &Path) -> Vec<Path> {
        let known = Self::all(&self.store).into_iter().filter(|(_, known)| *known.file_system == *self.file_system);
        let paths = known.filter_map(|(_, known)| Path::parse(known.path).ok());
        paths.filter(|path| path != top && path.strip_prefix(top).is_some()).collect()
    }

    /// Nobody else changes this part of the index meanwhile.
    fn alone(&self, file: &std::path::Path) -> io::Result<File> {
        let shard = file.parent().unwrap_or(file);
        self.store.make_directory(shard)?;
        let guard = self.store.open_or_make(&shard.join("lock"))?;
        lock(&guard, Lock::Exclusive, 0, 1)?;
        Ok(guard)
    }

    fn write(&self, file: &std::path::Path, bytes: &[u8]) -> io::Result<()> {
        let mut new = self.store.temporary_file()?;
        new.write_all(bytes)?;
        new.persist(file).map_err(|error| error.error)?;
        Ok(())
    }
}

/// Whether a text can be the name of an object: nothing else becomes a part of a path.
pub(crate) fn is_key(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// A moment for the index.
pub(crate) fn moment(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
