//! How much room there is, and who has it.
//!
//! One file has the bytes in use of each file system, and whoever wants room takes its lock, adds what it is going to write, and lets go. Only when that
//! is too much all objects are looked at, and some of them make room ([`crate::evict`]); then the numbers are what the disk says, and what processes that
//! live have asked for and not written yet, so that what a killed process had asked for is not lost for ever.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::PoisonError;

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::evict;
use crate::lock::{Lock, try_lock};
use crate::store::Store;

/// How much a cache may hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes on disk of all file systems together.
    pub all: u64,
    /// Bytes on disk of single file systems, by name.
    pub of_one: BTreeMap<String, u64>,
    /// Bytes of the disk that stay free for others.
    pub free: u64,
}

/// Bytes in use, by file system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Used(BTreeMap<String, u64>);

impl Used {
    pub(crate) fn add(&mut self, file_system: &str, bytes: u64) {
        *self.0.entry(file_system.to_owned()).or_default() += bytes;
    }

    pub(crate) fn subtract(&mut self, file_system: &str, bytes: u64) {
        if let Some(used) = self.0.get_mut(file_system) {
            *used = used.saturating_sub(bytes);
        }
    }

    pub(crate) fn all(&self) -> u64 {
        self.0.values().sum()
    }

    pub(crate) fn of(&self, file_system: &str) -> u64 {
        self.0.get(file_system).copied().unwrap_or_default()
    }
}

/// The file with the numbers, which nobody else changes meanwhile.
pub(crate) struct Ledger {
    file: File,
    pub(crate) used: Used,
}

impl Ledger {
    pub(crate) fn open(store: &Store) -> io::Result<Self> {
        let mut file = store.open_or_make(&store.root().join("space"))?;
        store.lock(&file, Lock::Exclusive, 0)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        // Numbers that cannot be read are those of an empty cache, until somebody looks.
        Ok(Self { file, used: serde_json::from_slice(&text).unwrap_or_default() })
    }

    pub(crate) fn save(mut self) -> io::Result<()> {
        let text = serde_json::to_vec(&self.used)?;
        self.file.rewind()?;
        self.file.set_len(0)?;
        self.file.write_all(&text)
    }
}

/// What a process is going to write, for others to see as long as it lives.
#[derive(Debug)]
pub(crate) struct Reserved {
    /// Locked as long as it is open.
    file: NamedTempFile,
    bytes: u64,
}

impl Reserved {
    fn new(store: &Store) -> io::Result<Self> {
        let file = tempfile::Builder::new().prefix("").tempfile_in(store.reservations())?;
        store.share(file.as_file())?;
        store.lock(file.as_file(), Lock::Exclusive, 0)?;
        Ok(Self { file, bytes: 0 })
    }
}

impl Store {
    /// Takes room for so many bytes of a file system; false if there is none, not even after others have made some.
    pub(crate) fn reserve(&self, file_system: &str, bytes: u64) -> io::Result<bool> {
        let mut ledger = Ledger::open(self)?;
        if self.lacking(&ledger.used, file_system, bytes)? > 0 {
            ledger.used = evict::used(self)?;
            self.add_reserved(&mut ledger.used)?;
            self.make_room(&mut ledger.used, file_system, bytes)?;
        }
        let enough = self.lacking(&ledger.used, file_system, bytes)? == 0;
        if enough {
            ledger.used.add(file_system, bytes);
            self.change_reserved(|reserved| reserved.saturating_add(bytes))?;
        }
        ledger.save()?;
        Ok(enough)
    }

    fn make_room(&self, used: &mut Used, file_system: &str, bytes: u64) -> io::Result<()> {
        let lacks = self.lacking(used, file_system, bytes)?;
        if lacks == 0 {
            return Ok(());
        }
        let own = used.of(file_system).saturating_add(bytes) > self.limit_of(file_system);
        let some_more = self.limits().all / 20;
        evict::make_room(self, used, own.then_some(file_system), lacks.saturating_add(some_more), lacks)?;
        Ok(())
    }

    /// How many bytes too many there would be with so many more.
    pub(crate) fn lacking(&self, used: &Used, file_system: &str, more: u64) -> io::Result<u64> {
        let too_many = self.over(used, file_system, more);
        Ok(too_many.max(more.saturating_add(self.limits().free).saturating_sub(self.free()?)))
    }

    /// Gives back what was reserved and not written.
    pub(crate) fn give_back(&self, file_system: &str, bytes: u64) {
        let given = || {
            let mut ledger = Ledger::open(self)?;
            ledger.used.subtract(file_system, bytes);
            self.change_reserved(|reserved| reserved.saturating_sub(bytes))?;
            ledger.save()
        };
        if let Err(error) = given() {
            tracing::debug!("the cache does not know how much it holds: {error}");
        }
    }

    /// So many of the bytes that were reserved are on the disk.
    pub(crate) fn written(&self, bytes: u64) {
        // What stays reserved makes others cautious, and nothing worse.
        let _ = self.change_reserved(|reserved| reserved.saturating_sub(bytes));
    }

    fn change_reserved(&self, how: impl FnOnce(u64) -> u64) -> io::Result<()> {
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        let reserved = match &mut *reserved {
            Some(reserved) => reserved,
            none => none.insert(Reserved::new(self)?),
        };
        reserved.bytes = how(reserved.bytes);
        reserved.file.as_file().write_all_at(&reserved.bytes.to_le_bytes(), 0)
    }

    /// What processes that live are going to write. What others have left is removed.
    fn add_reserved(&self, used: &mut Used) -> io::Result<()> {
        for entry in fs::read_dir(self.reservations())?.flatten() {
            let Ok(file) = File::options().read(true).write(true).open(entry.path()) else { continue };
            if try_lock(&file, Lock::Exclusive, 0, 1)? {
                let _ = fs::remove_file(entry.path());
                continue;
            }
            let mut bytes = [0; 8];
            if file.read_exact_at(&mut bytes, 0).is_ok() {
                used.add("", u64::from_le_bytes(bytes));
            }
        }
        Ok(())
    }

    fn limit_of(&self, file_system: &str) -> u64 {
        self.limits().of_one.get(file_system).copied().unwrap_or(u64::MAX)
    }

    /// So many bytes more than may be.
    fn over(&self, used: &Used, file_system: &str, more: u64) -> u64 {
        let all = used.all().saturating_add(more).saturating_sub(self.limits().all);
        let own = used.of(file_system).saturating_add(more).saturating_sub(self.limit_of(file_system));
        all.max(own)
    }

    /// Bytes of the disk that are free for this user.
    pub(crate) fn free(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(self.root())?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}
