//! Whether a disk has room for a file.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;

use law_storage::{Error, ErrorKind, Result};
use rustix::fs::{FallocateFlags, StatFs};
use rustix::io::Errno;

/// Finds out before the first byte whether there is room. File systems that cannot are fine as they are.
///
/// More than what is free is not asked for: some disks give all they have to such a question, and everybody else has nothing meanwhile. A disk in
/// memory is not asked at all: to reserve its pages takes as long as to write them, and nothing there comes in a better order.
pub(super) fn preallocate(file: &File, expected: Option<u64>) -> Result<()> {
    let Some(size) = expected.filter(|size| *size > 0) else { return Ok(()) };
    let full = || Error::new(ErrorKind::NoSpace, format!("no room for {size} bytes"));
    match rustix::fs::fstatfs(file) {
        Ok(disk) if size.saturating_sub(held(file)) > free(&disk) => {
            return if counts_blocks(&disk) { Err(full()) } else { Ok(()) };
        }
        Ok(disk) if disk.f_type as u64 == TMPFS => return Ok(()),
        _ => {}
    }
    match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, size) {
        Err(Errno::NOSPC | Errno::DQUOT) => Err(full()),
        _ => Ok(()),
    }
}

/// What a file has already: one that is gone on with needs only the rest.
fn held(file: &File) -> u64 {
    file.metadata().map_or(0, |found| found.blocks() * 512)
}

/// Types of file systems, of statfs(2).
const TMPFS: u64 = 0x0102_1994;
const EXT4: u64 = 0xEF53;
const XFS: u64 = 0x5846_5342;

/// Whether as many bytes fit as are free; others compress, share, or do not know.
fn counts_blocks(disk: &StatFs) -> bool {
    [TMPFS, EXT4, XFS].contains(&(disk.f_type as u64))
}

/// The bytes that are free for everybody; one without a limit has no blocks at all.
fn free(disk: &StatFs) -> u64 {
    if disk.f_blocks == 0 { u64::MAX } else { disk.f_bavail.saturating_mul(disk.f_bsize.unsigned_abs()) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// More than any disk has is refused before the first byte, and takes nothing from others meanwhile; a disk in memory reserves nothing at all.
    #[test]
    fn what_has_no_room_is_not_begun() {
        for place in ["/var/tmp", "/dev/shm"] {
            let Ok(file) = tempfile::tempfile_in(place) else { continue };
            // Others take what they cannot give back to be true.
            if !counts_blocks(&rustix::fs::fstatfs(&file).unwrap()) {
                println!("skipped: {place} is on another kind of disk");
                continue;
            }
            let blocks = || file.metadata().unwrap().blocks();
            assert_eq!(preallocate(&file, Some(8 << 40)).map_err(|e| e.kind()), Err(ErrorKind::NoSpace), "{place}");
            assert_eq!(blocks(), 0);
            preallocate(&file, Some(1 << 20)).unwrap();
            assert_eq!(held(&file), blocks() * 512);
            assert_eq!(file.metadata().unwrap().len(), 0, "{place}");
            assert_eq!(blocks() == 0, place == "/dev/shm", "{place}");
        }
    }

    /// In memory nothing is reserved, so that this takes no more than the half that is there.
    #[test]
    fn who_goes_on_needs_room_for_the_rest_alone() {
        let Ok(file) = tempfile::tempfile_in("/dev/shm") else { return };
        if rustix::fs::fstatfs(&file).unwrap().f_type as u64 != TMPFS {
            println!("skipped: /dev/shm is no disk in memory");
            return;
        }
        (&file).write_all(&vec![1; 32 << 20]).unwrap();
        let free = free(&rustix::fs::fstatfs(&file).unwrap());
        preallocate(&file, Some(free + (16 << 20))).unwrap();
        assert!(preallocate(&file, Some(free.saturating_add(1 << 30))).is_err());
    }
}
