//! What happens to the directory of the cache.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::Dice;

/// Bytes of a record of the map.
const RECORD: u64 = 32;

/// Damages some file of a cache. What was done, and to which file.
pub(super) fn damage(root: &Path, dice: &mut Dice) -> Option<(String, PathBuf)> {
    let victim = dice.pick(&files(root)).cloned()?;
    let before = fs::metadata(&victim).ok()?;
    let _ = fs::set_permissions(&victim, Permissions::from_mode(0o600));
    let file = File::options().read(true).write(true).open(&victim).ok()?;
    let length = before.len();
    let at = dice.next(length);
    let done = match dice.next(5) {
        0 => fs::remove_file(&victim).map(|()| "removed".to_owned()),
        1 => file.set_len(at).map(|()| format!("cut at {at}")),
        2 => flip(&file, at, 1 << dice.next(8)).map(|()| format!("a bit of byte {at} flipped")),
        3 => torn(&file, at, length).map(|()| format!("zeros from {at} on")),
        _ => torn(&file, at, (at / RECORD + 1) * RECORD.min(length)).map(|()| format!("torn at {at}")),
    };
    changes_its_time(&file, &before);
    Some((format!("{} {}", victim.display(), done.ok()?), victim))
}

fn flip(file: &File, at: u64, bit: u8) -> std::io::Result<()> {
    let mut byte = [0];
    file.read_exact_at(&mut byte, at)?;
    file.write_all_at(&[byte[0] ^ bit], at)
}

/// What was on its way to the disk has not come, from one place to another.
fn torn(file: &File, from: u64, to: u64) -> std::io::Result<()> {
    file.write_all_at(&vec![0; to.saturating_sub(from) as usize], from)
}

/// The clock of a file system goes in steps of some milliseconds: who changes a file in the one in which it was sealed, is not seen.
fn changes_its_time(file: &File, before: &fs::Metadata) {
    let time = |found: &fs::Metadata| (found.ctime(), found.ctime_nsec());
    while file.metadata().is_ok_and(|now| time(&now) == time(before)) {
        let _ = file.set_permissions(Permissions::from_mode(0o600));
    }
}

/// All files below a directory, in an order that is always the same.
fn files(root: &Path) -> Vec<PathBuf> {
    let (mut found, mut directories) = (Vec::new(), vec![root.to_owned()]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let all = if entry.path().is_dir() { &mut directories } else { &mut found };
            all.push(entry.path());
        }
    }
    found.sort();
    found
}
