//! Making room: SIEVE over groups of blocks.
//!
//! The groups stand in the order in which they came. A hand goes from the oldest to the newest, and begins again: a group that somebody has read since
//! the hand was there stays, one that nobody has read goes. What is read once, as by a scan of everything, is so the first to go (Zhang et al.,
//! "SIEVE is Simpler than LRU", NSDI 2024). A file that was handed out as a whole goes as a whole; what is in use or pinned stays.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate};
use serde::{Deserialize, Serialize};

use crate::map::GROUP;
use crate::names::Names;
use crate::object::{Meta, bytes_on_disk, is_broken, map_of, remove, writer};
use crate::space::Used;
use crate::store::Store;

/// Some blocks that go together.
#[derive(Debug)]
struct Group {
    position: Position,
    directory: PathBuf,
    meta: Meta,
    /// All of the object.
    whole: bool,
    bytes: u64,
    used: bool,
}

/// Where a group stands: when it came, and what it is called.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Position {
    came: u64,
    object: String,
    group: u64,
}

/// What the disk says of all objects.
pub(crate) fn used(store: &Store) -> io::Result<Used> {
    let mut used = Used::default();
    for directory in store.all_objects() {
        if let Some(meta) = Meta::of(&directory) {
            used.add(&meta.file_system, bytes_on_disk(&directory));
        }
    }
    Ok(used)
}

/// Lets groups go until `wanted` bytes are free, or at least `needed`; of one file system, or of all. The caller has the ledger.
pub(crate) fn make_room(store: &Store, used: &mut Used, of: Option<&str>, wanted: u64, needed: u64) -> io::Result<u64> {
    sweep(store, used)?;
    let mut groups = groups(store, of);
    groups.sort_by(|a, b| a.position.cmp(&b.position));
    let mut hand = read_hand(store);
    let start = groups.partition_point(|group| group.position <= hand);
    let mut freed = 0;
    // In the second round nobody has used anything.
    let rounds: Vec<usize> = (0..2 * groups.len()).map(|step| (start + step) % groups.len()).collect();
    for (step, at) in rounds.into_iter().enumerate() {
        if freed >= wanted || (freed >= needed && step >= groups.len()) {
            break;
        }
        let group = &mut groups[at];
        hand = group.position.clone();
        if group.bytes == 0 {
            continue;
        }
        if std::mem::take(&mut group.used) {
            let _ = unuse(group);
        } else {
            // One that cannot go is no reason for the others to stay.
            freed += let_go(store, group, used).unwrap_or_default();
            group.bytes = 0;
        }
    }
    write_hand(store, &hand)?;
    tracing::debug!(freed, "the cache made room");
    Ok(freed)
}

fn groups(store: &Store, of: Option<&str>) -> Vec<Group> {
    let mut groups = Vec::new();
    for directory in store.all_objects() {
        let Some(meta) = Meta::of(&directory) else { continue };
        if of.is_none_or(|of| of == meta.file_system) && !directory.join("pinned").exists() {
            // An object that cannot be read keeps its place.
            let _ = groups_of(directory, meta, &mut groups);
        }
    }
    groups
}

fn groups_of(directory: PathBuf, meta: Meta, groups: &mut Vec<Group>) -> io::Result<()> {
    let Some(map) = map_of(&directory, &meta)? else { return Ok(()) };
    let (records, used) = map.all()?;
    let name = directory.to_string_lossy().into_owned();
    let whole = directory.join("sealed").exists() || records.iter().all(Option::is_none);
    let came = |records: &[Option<crate::map::Record>]| records.iter().flatten().map(|record| record.written).min();
    let group = |came: u64, group: u64, bytes: u64, used: bool| Group {
        position: Position { came, object: name.clone(), group },
        directory: directory.clone(),
        meta: meta.clone(),
        whole,
        bytes,
        used,
    };
    if whole {
        let bytes = bytes_on_disk(&directory);
        groups.push(group(came(&records).unwrap_or(meta.made), 0, bytes, used.contains(&true)));
        return Ok(());
    }
    for (number, records) in (0..).zip(records.chunks(GROUP as usize)) {
        let bytes = records.iter().flatten().map(|record| u64::from(record.length)).sum();
        if let Some(came) = came(records) {
            groups.push(group(came, number, bytes, used.get(number as usize).copied().unwrap_or_default()));
        }
    }
    Ok(())
}

/// It has been seen, and must be used again to stay.
fn unuse(group: &Group) -> io::Result<()> {
    let Some(map) = map_of(&group.directory, &group.meta)? else { return Ok(()) };
    if !group.whole {
        return map.unuse(group.position.group);
    }
    (0..group.meta.blocks().div_ceil(GROUP)).try_for_each(|number| map.unuse(number))
}

/// Bytes that became free: none if somebody is reading.
fn let_go(store: &Store, group: &Group, used: &mut Used) -> io::Result<u64> {
    if group.whole {
        return Ok(if remove(store, &group.directory, used)? { group.bytes } else { 0 });
    }
    let Some(map) = map_of(&group.directory, &group.meta)? else { return Ok(0) };
    if !map.hold_alone()? {
        return Ok(0);
    }
    let first = group.position.group * GROUP;
    let end = (first + GROUP).min(group.meta.blocks());
    let range = group.meta.bytes_of(first, end);
    let data = writer(&group.directory, &group.meta)?;
    (first..end).try_for_each(|block| map.clear(block))?;
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    let punched = fallocate(&data, hole, range.offset, range.length).is_ok();
    let empty = map.all()?.0.iter().all(Option::is_none);
    if !empty && punched {
        used.subtract(&group.meta.file_system, group.bytes);
        return Ok(group.bytes);
    }
    // Nothing is left, or this disk gives nothing back before the file is gone.
    drop(map);
    let bytes = if punched { group.bytes } else { bytes_on_disk(&group.directory) };
    if punched {
        used.subtract(&group.meta.file_system, group.bytes);
    }
    remove(store, &group.directory, used)?;
    Ok(bytes)
}

fn read_hand(store: &Store) -> Position {
    let text = fs::read(store.root().join("hand")).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn write_hand(store: &Store, position: &Position) -> io::Result<()> {
    let mut file = store.open_or_make(&store.root().join("hand"))?;
    let text = serde_json::to_vec(position)?;
    file.set_len(0)?;
    file.write_all(&text)
}

/// Removes what nobody can come to any more: objects that no path is kept as, and what was left without a name. How many objects went, and how many
/// bytes became free.
pub(crate) fn tidy(store: &Store, used: &mut Used) -> io::Result<(u64, u64)> {
    let known: BTreeSet<PathBuf> =
        Names::all(store).into_iter().map(|(_, known)| store.object(&known.object)).collect();
    let (mut gone, mut freed) = (0, 0);
    for directory in store.all_objects().filter(|directory| !known.contains(directory)) {
        let bytes = bytes_on_disk(&directory);
        if remove(store, &directory, used)? {
            (gone, freed) = (gone + 1, freed + bytes);
        }
    }
    sweep(store, used)?;
    Names::tidy(store, LEFT)?;
    Ok((gone, freed))
}

/// Removes what was left without a name, and objects that nobody can open.
fn sweep(store: &Store, used: &mut Used) -> io::Result<()> {
    for left in fs::read_dir(store.root().join("new"))?.flatten() {
        let age = left.metadata().and_then(|found| found.modified()).map(|time| time.elapsed().unwrap_or_default());
        if age.is_ok_and(|age| age > LEFT) {
            let _ = if left.path().is_dir() { fs::remove_dir_all(left.path()) } else { fs::remove_file(left.path()) };
        }
    }
    for directory in store.all_objects().filter(|directory| is_broken(directory)) {
        // One that somebody holds goes another time.
        let _ = remove(store, &directory, used);
    }
    Ok(())
}

/// What has no name for so long gets none any more.
const LEFT: Duration = Duration::from_secs(3600);
