//! Local paths for remote files, so that any program can use them.

use std::path::{Path as OsPath, PathBuf};
use std::sync::Arc;

use law_storage::{Call, Error, ErrorKind, FileSource, LocalFile, Parents, PutOptions, Receipt, Result};
use law_transfer::{CopyOptions, Place, Policy, copy_file};
use tempfile::TempDir;

use crate::build::local;
use crate::directory::basename;
use crate::runtime::wait;

/// A local file with the content of a target. It is read-only by agreement, and gone when this is dropped, unless the
/// target is local itself.
#[derive(Debug, Clone)]
pub struct LocalizedRead(LocalFile);

impl LocalizedRead {
    /// The path.
    pub fn path(&self) -> &OsPath {
        self.0.path()
    }

    pub(crate) fn file(&self) -> &LocalFile {
        &self.0
    }
}

impl AsRef<OsPath> for LocalizedRead {
    fn as_ref(&self) -> &OsPath {
        self.path()
    }
}

/// A local path to write to, which becomes the target with [`commit`](Self::commit). Dropped without it, nothing is
/// published and the file is gone.
#[derive(Debug)]
pub struct LocalizedWrite {
    directory: TempDir,
    path: PathBuf,
    place: Place,
}

impl LocalizedWrite {
    /// The path to write to; it has the name of the target, and nothing is there yet.
    pub fn path(&self) -> &OsPath {
        &self.path
    }

    /// That something was written.
    pub(crate) fn check_written(&self) -> Result<()> {
        match self.path.symlink_metadata() {
            Ok(_) => Ok(()),
            Err(error) => Err(self.unwritten(error.into())),
        }
    }

    fn unwritten(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::NotFound => Error::new(ErrorKind::NotFound, "nothing was written to").at(self.path.display()),
            _ => error,
        }
    }

    /// Publishes what was written: proven and at once, or not at all.
    ///
    /// # Errors
    /// `NotFound` if nothing was written; those of [`put`](law_storage::Backend::put), with the old content untouched.
    pub fn commit(self) -> Result<Receipt> {
        wait(async move { self.commit_async().await })
    }

    /// As [`commit`](Self::commit), within a runtime.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub async fn commit_async(self) -> Result<Receipt> {
        let source = FileSource::open(&self.path).map_err(|error| self.unwritten(error))?;
        let receipt = publish(&self.place, &source).await?;
        // It is a directory of ours in the place for temporary files; whoever cleans there may have been faster.
        drop(self.directory.close());
        Ok(receipt)
    }
}

pub(crate) async fn publish(place: &Place, source: &FileSource) -> Result<Receipt> {
    let options = PutOptions { parents: Parents::Create, verify: place.fs.verify(), ..PutOptions::default() };
    place.backend().put(&Call::new(), &place.resolved(), source, &options).await
}

/// The file itself where it is local, else a proven copy.
pub(crate) async fn localize_read(place: &Place) -> Result<LocalizedRead> {
    let call = Call::new();
    if let Some(local) = place.backend().local_file(&call, &place.resolved(), None).await? {
        return Ok(LocalizedRead(local));
    }
    let directory = temporary_directory()?;
    let path = directory.path().join(name_of(place));
    // A copy that nobody else sees and that is gone after a power loss anyway need not be synced.
    let fs = local(law_storage::Durability::None);
    let to = Place::new(fs, law_storage::Path::parse(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()))?);
    let options = CopyOptions { policy: Policy::Always, ..CopyOptions::default() };
    copy_file(&call, place, &to, &options).await.map_err(|error| match error.kind() {
        ErrorKind::NoSpace => error.hint("TMPDIR names another directory for temporary files"),
        _ => error,
    })?;
    let file = std::fs::File::open(&path)?;
    Ok(LocalizedRead(LocalFile::new(file, path).guarded(Arc::new(directory))))
}

pub(crate) fn localize_write(place: &Place) -> Result<LocalizedWrite> {
    let directory = temporary_directory()?;
    let path = directory.path().join(name_of(place));
    Ok(LocalizedWrite { directory, path, place: place.clone() })
}

pub(crate) fn temporary_directory() -> Result<TempDir> {
    tempfile::Builder::new().prefix("law-").tempdir().map_err(law_storage::no_scratch)
}

pub(crate) fn name_of(place: &Place) -> String {
    let name = basename(&place.path).replace('\u{fffd}', "_");
    if name.is_empty() { "file".into() } else { name }
}
