//! Going on with a large file whose writer was killed.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path as OsPath;
use std::sync::Arc;

use law_storage::{Algorithm, Checkpoint, Hasher, Unfinished, is_temporary};
use rustix::fs::OFlags;

/// After so many bytes it is noted how far a write is.
const STEP: u64 = 16 << 20;

/// The temporary file of another process, cut to what was noted of it, and the checksums of that. None if it is gone, or is not
/// what was noted: then it is removed.
pub(super) fn reopen(directory: &OsPath, part: &Unfinished, algorithms: &[Algorithm]) -> Option<(File, Hasher)> {
    if !is_temporary(part.name.as_bytes()) || part.name.contains('/') {
        return None;
    }
    let path = directory.join(&part.name);
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or_default();
    let opened = OpenOptions::new().read(true).write(true).custom_flags(flags).open(&path);
    if opened.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return None;
    }
    let ours = opened.ok().filter(is_ours);
    let same = ours.and_then(|file| Some((hash(&file, part, algorithms)?, file)));
    match same.filter(|(_, file)| file.set_len(part.length).is_ok()) {
        Some((hasher, file)) => Some((file, hasher)),
        None => {
            tracing::info!("{} is not what was noted of it, and is begun anew", path.display());
            // It stays under a name that a clean-up knows.
            let _ = std::fs::remove_file(&path);
            None
        }
    }
}

/// A file that this user has made, and that has no other name.
fn is_ours(file: &File) -> bool {
    let ours = |metadata: &Metadata| metadata.nlink() == 1 && metadata.uid() == rustix::process::geteuid().as_raw();
    file.metadata().is_ok_and(|metadata| metadata.is_file() && ours(&metadata))
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

    /// Everything that `hasher` has seen is written. The first bytes are noted at once, so that whoever goes on finds the file that has them.
    pub(super) fn reached(&mut self, hasher: &Hasher) {
        let length = hasher.length();
        if self.noted > 0 && length - self.noted < STEP {
            return;
        }
        let Some(digest) = hasher.clone().finish().into_iter().next() else { return };
        self.noted = length;
        self.to.reached(&Unfinished { name: self.name.clone(), length, digest });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use law_storage::Digest;

    fn part(name: &str, content: &[u8]) -> Unfinished {
        let mut hasher = Hasher::new([Algorithm::Crc32c]);
        hasher.update(content);
        let digest: Digest = hasher.finish().remove(0);
        Unfinished { name: name.into(), length: content.len() as u64, digest }
    }

    #[test]
    fn only_what_was_noted_and_is_a_file_of_ours_is_gone_on_with() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let name = ".file.0123456789abcdef.lawpart";
        let open = |part: &Unfinished| {
            reopen(directory.path(), part, &[Algorithm::Adler32])
                .map(|(file, hasher)| (file.metadata().unwrap().len(), hasher.length()))
        };
        assert_eq!(open(&part(name, b"content")), None, "nothing is there");
        std::fs::write(path(name), b"content and more").unwrap();
        assert_eq!(open(&part(name, b"content")), Some((7, 7)));
        std::fs::write(path(name), b"contemt").unwrap();
        assert_eq!(open(&part(name, b"content")), None);
        assert!(!path(name).exists(), "what is not what was noted goes");
        std::fs::write(path("other"), b"content and more").unwrap();
        std::os::unix::fs::symlink(path("other"), path(name)).unwrap();
        assert_eq!(open(&part(name, b"content")), None);
        assert_eq!(std::fs::read(path("other")).unwrap(), b"content and more", "nobody else's file is cut");
        assert_eq!(open(&part("other", b"content")), None);
        assert_eq!(open(&part("../x.0123456789abcdef.lawpart", b"content")), None);
    }
}
