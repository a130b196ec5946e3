//! What is in the cache, for those who look after it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::evict;
use crate::names::Names;
use crate::object::{Found, Meta, Object, bytes_on_disk, map_of, remove};
use crate::space::Ledger;
use crate::store::Store;

/// One version of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The file system that has the file.
    pub file_system: String,
    /// Its path there, with what is no UTF-8 replaced.
    pub path: String,
    /// Bytes of the file.
    pub size: u64,
    /// Bytes of it that are here.
    pub here: u64,
    /// Bytes of the disk.
    pub on_disk: u64,
    /// Whether it is whole, and is handed out as a file.
    pub sealed: bool,
    /// Whether it stays, whatever room is needed.
    pub pinned: bool,
    /// When it was first read.
    pub since: SystemTime,
    directory: PathBuf,
}

/// What was found by reading everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Blocks that are right.
    pub blocks: u64,
    /// Files with blocks that are not, and how many. They are forgotten, and fetched when they are needed.
    pub bad: Vec<(Content, u64)>,
}

/// Nobody has been asking a storage for so long.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// What became of a tidying.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Bytes of the disk that are free now.
    pub bytes: u64,
    /// Objects that went.
    pub gone: u64,
    /// Objects that stay because somebody is reading them.
    pub in_use: u64,
}

impl Store {
    /// Everything that is here, by file system and path.
    pub fn contents(&self) -> Vec<Content> {
        let mut all: Vec<Content> = self.all_objects().filter_map(content).collect();
        all.sort_by(|a, b| (&a.file_system, &a.path, a.since).cmp(&(&b.file_system, &b.path, b.since)));
        all
    }

    /// Bytes of the disk that each file system uses.
    pub fn usage(&self) -> BTreeMap<String, u64> {
        let mut usage = BTreeMap::new();
        for content in self.contents() {
            *usage.entry(content.file_system).or_default() += content.on_disk;
        }
        usage
    }

    /// Reads everything that is here, and compares it with its checksums.
    ///
    /// # Errors
    /// What the disk says.
    pub fn check(&self) -> io::Result<Checked> {
        let mut checked = Checked::default();
        for content in self.contents() {
            let Some(object) = Object::open_in(content.directory.clone())? else { continue };
            let (right, bad) = check(object)?;
            checked.blocks += right;
            if bad > 0 {
                checked.bad.push((content, bad));
            }
        }
        Ok(checked)
    }

    /// Removes what no path is kept as any more, what has no name, and as much else as there must be room for.
    ///
    /// # Errors
    /// What the disk says.
    pub fn tidy(self: &Arc<Self>) -> io::Result<Tidied> {
        let mut ledger = Ledger::open(self)?;
        ledger.used = evict::used(self)?;
        let (gone, bytes) = evict::tidy(self, &mut ledger.used)?;
        let over = self.lacking(&ledger.used, "", 0)?;
        let bytes = bytes + if over > 0 { evict::make_room(self, &mut ledger.used, None, over, over)? } else { 0 };
        ledger.save()?;
        Ok(Tidied { bytes, gone, in_use: 0 })
    }

    /// Removes everything, or everything of a file system, but what somebody is reading.
    ///
    /// # Errors
    /// What the disk says.
    pub fn clear(self: &Arc<Self>, of: Option<&str>) -> io::Result<Tidied> {
        for (file, known) in Names::all(self) {
            if of.is_none_or(|of| of == known.file_system) {
                Names::remove(&file)?;
            }
        }
        if of.is_none() {
            Names::tidy(self, FORGOTTEN)?;
        }
        let mut ledger = Ledger::open(self)?;
        let mut tidied = Tidied::default();
        for content in self.contents().into_iter().filter(|content| of.is_none_or(|of| of == content.file_system)) {
            if remove(self, &content.directory, &mut ledger.used)? {
                tidied = Tidied { bytes: tidied.bytes + content.on_disk, gone: tidied.gone + 1, ..tidied };
            } else {
                tidied.in_use += 1;
            }
        }
        ledger.used = evict::used(self)?;
        ledger.save()?;
        Ok(tidied)
    }
}

fn content(directory: PathBuf) -> Option<Content> {
    let meta = Meta::of(&directory)?;
    let (records, _) = map_of(&directory, &meta).ok()??.all().ok()?;
    Some(Content {
        here: records.iter().flatten().map(|record| u64::from(record.length)).sum(),
        on_disk: bytes_on_disk(&directory),
        sealed: directory.join("sealed").exists(),
        pinned: directory.join("pinned").exists(),
        since: SystemTime::UNIX_EPOCH + Duration::from_millis(meta.made),
        file_system: meta.file_system,
        path: meta.path,
        size: meta.size,
        directory,
    })
}

/// How many blocks are right, and how many are not; these are forgotten, and the file is not handed out as it is.
fn check(mut object: Object) -> io::Result<(u64, u64)> {
    let (mut right, mut bad) = (0, 0);
    for block in 0..object.meta.blocks() {
        match object.block(block)? {
            Found::Content(_) => right += 1,
            Found::Missing => {}
            Found::Bad => {
                object.drop_block(block)?;
                bad += 1;
            }
        }
    }
    if bad > 0 {
        object.break_seal()?;
    }
    Ok((right, bad))
}
