//! Going on with a large file whose writer was killed.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path as OsPath;
use std::sync::Arc;

use law_storage::{Algorithm, Checkpoint, Hasher, Unfinished, is_temporary};

/// After so many bytes it is noted how far a write is.
const STEP: u64 = 64 << 20;

/// The temporary file of another process, cut to what was noted of it, and the checksums of that. None if it is gone, or is not
/// what was noted: then it is removed.
pub(super) fn reopen(directory: &OsPath, part: &Unfinished, algorithms: &[Algorithm]) -> Option<(File, Hasher)> {
    if !is_temporary(part.name.as_bytes()) || part.name.contains('/') {
        return None;
    }
    let path = directory.join(&part.name);
    let file = OpenOptions::new().read(true).write(true).open(&path).ok()?;
    match hash(&file, part, algorithms).filter(|_| file.set_len(part.length).is_ok()) {
        Some(hasher) => Some((file, hasher)),
        None => {
            tracing::info!("{} is not what was noted of it, and is begun anew", path.display());
            // It stays under a name that a clean-up knows.
            let _ = std::fs::remove_file(&path);
            None
        }
    }
}

/// The checksums of the noted part, if that is what it is.
fn hash(file: &File, part: &Unfinished, algorithms: &[Algorithm]) -> Option<Hasher> {
    let noted = part.digest.algorithm();
    let mut check = Hasher::new([noted]);
    let mut hasher = Hasher::new(algorithms.iter().copied());
    read(file, part.length, |bytes| {
        check.update(bytes);
        hasher.update(bytes);
    })
    .ok()?;
    (check.length() == part.length && check.finish().first() == Some(&part.digest)).then_some(hasher)
}

fn read(file: &File, length: u64, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; law_storage::CHUNK];
    let mut bytes = file.take(length);
    loop {
        match bytes.read(&mut buffer)? {
            0 => return Ok(()),
            count => take(&buffer[..count]),
        }
    }
}

/// Notes how far the front of a file is.
#[derive(Debug, Clone)]
pub(super) struct Notes {
    to: Arc<dyn Checkpoint>,
    name: String,
    noted: u64,
}

impl Notes {
    /// Under a name that is no text nothing can be noted.
    pub(super) fn new(to: Option<&Arc<dyn Checkpoint>>, temporary: &OsPath) -> Option<Self> {
        let name = temporary.file_name()?.to_str()?.to_owned();
        Some(Self { to: to?.clone(), name, noted: 0 })
    }

    /// Everything that `hasher` has seen is written.
    pub(super) fn reached(&mut self, hasher: &Hasher) {
        let length = hasher.length();
        if length - self.noted < STEP {
            return;
        }
        let Some(digest) = hasher.clone().finish().into_iter().next() else { return };
        self.noted = length;
        self.to.reached(&Unfinished { name: self.name.clone(), length, digest });
    }
}
