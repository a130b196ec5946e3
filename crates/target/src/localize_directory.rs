//! Local directories for remote ones, so that any program can use them.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path as OsPath, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::TryStreamExt as _;
use law_storage::{Call, Durability, Error, ErrorKind, Kind, Operation, Path, Result, is_temporary};
use law_transfer::{CopyOptions, Place, Policy, copy_tree, walk_where};
use tempfile::TempDir;

use crate::DirectoryTarget;
use crate::build::local;
use crate::localize::{name_of, temporary_directory};
use crate::publish_directory::{PublishedDirectory, publish_directory};
use crate::runtime::wait;

/// A local directory with everything that is below a directory target. It is read-only by agreement, and gone when this
/// and its clones are dropped, unless the target is local itself.
#[derive(Debug, Clone)]
pub struct LocalizedDirectory {
    path: PathBuf,
    /// The copy, where there is one.
    _copy: Option<Arc<TempDir>>,
}

impl LocalizedDirectory {
    /// The path.
    pub fn path(&self) -> &OsPath {
        &self.path
    }
}

impl AsRef<OsPath> for LocalizedDirectory {
    fn as_ref(&self) -> &OsPath {
        self.path()
    }
}

/// A local directory to write to, which becomes the target with [`commit`](Self::commit). Dropped without it, nothing is
/// published and the directory is gone.
#[derive(Debug)]
pub struct LocalizedDirectoryWrite {
    directory: TempDir,
    path: PathBuf,
    place: Place,
}

impl LocalizedDirectoryWrite {
    /// The path to write below; it has the name of the target, and is there and empty.
    pub fn path(&self) -> &OsPath {
        &self.path
    }

    /// Publishes all that was written, each file proven: the directory appears under its name with everything in it, or not at
    /// all. The directories above it are made, and stay.
    ///
    /// It is written beside its name, as `.NAME.<16 hex>.lawpart`, and renamed. Where the storage cannot rename
    /// directories (XRootD behind a redirector), its files are published one by one under their final names, and
    /// [`at_once`](PublishedDirectory::at_once) of the answer is false: a reader may have seen some before the others,
    /// and two who publish the same name at once may both write there (no file of the other is replaced).
    ///
    /// A failure leaves nothing: what was written is removed, or the error names what stays. The same holds, within 10 s and
    /// without an error, where [`commit_async`](Self::commit_async) is dropped. After `kill -9` the `.lawpart` directory may stay.
    ///
    /// # Errors
    /// `AlreadyExists` if anything has that name, be it an empty directory: nothing is merged or replaced. `Unsupported`
    /// for links and other things that are no files, before anything is sent. `NotFound` if the local directory was taken
    /// away. Those of making directories, of writing, and of renaming.
    pub fn commit(self) -> Result<PublishedDirectory> {
        wait(async move { self.commit_async().await })
    }

    /// As [`commit`](Self::commit), within a runtime.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub async fn commit_async(self) -> Result<PublishedDirectory> {
        let published = publish_directory(&local_place(&self.path)?, &self.place).await?;
        // It is a directory of ours in the place for temporary files; whoever cleans there may have been faster.
        drop(self.directory.close());
        Ok(published)
    }
}

impl DirectoryTarget {
    /// A local directory with everything below this one, for any program: the directory itself where it is local, else a
    /// copy, each file of it proven, that is gone when the result is dropped. Temporary files of writes that go on
    /// elsewhere are left out.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`; `Changed` if anything in it came, went or changed meanwhile (as far as names, sizes and times
    /// tell); `Unsupported` for links and other things that are no files, and where a storage cannot list; `Integrity`; those
    /// of reading and of the local disk. A failure leaves nothing.
    pub fn localize_read(&self) -> Result<LocalizedDirectory> {
        let target = self.clone();
        wait(async move { target.localize_read_async().await })
    }

    /// As [`localize_read`](Self::localize_read), within a runtime.
    ///
    /// # Errors
    /// As [`localize_read`](Self::localize_read).
    pub async fn localize_read_async(&self) -> Result<LocalizedDirectory> {
        localize(self.place()?).await
    }

    /// An empty local directory to write to, for any program; [`commit`](LocalizedDirectoryWrite::commit) publishes it whole.
    ///
    /// # Errors
    /// `InvalidInput` for a name that cannot be; those of the local disk.
    pub fn localize_write(&self) -> Result<LocalizedDirectoryWrite> {
        let place = self.place()?;
        let (directory, path) = empty_directory(place)?;
        Ok(LocalizedDirectoryWrite { directory, path, place: place.clone() })
    }
}

async fn localize(place: &Place) -> Result<LocalizedDirectory> {
    let call = Call::new();
    if let Some(path) = place.backend().local_directory(&call, &place.resolved()).await? {
        return Ok(LocalizedDirectory { path, _copy: None });
    }
    let before = contents(&call, place).await?;
    let (directory, path) = empty_directory(place)?;
    let options = CopyOptions { policy: Policy::Always, ..CopyOptions::default() };
    let mut report = copy_tree(&call, place, &local_place(&path)?, &options, &mut |_| {}).await?;
    report.skipped.retain(|(place, _)| !is_temporary(place.path.name().unwrap_or_default()));
    if let Some(error) = report.what_is_missing("localize") {
        return Err(error);
    }
    if contents(&call, place).await? != before {
        let error = Error::new(ErrorKind::Changed, "the directory changed while it was read");
        return Err(error.at(place).during(Operation::Read));
    }
    Ok(LocalizedDirectory { path, _copy: Some(Arc::new(directory)) })
}

/// What tells one state of a tree from another; the time of a directory changes with whoever looks after it.
async fn contents(
    call: &Call,
    place: &Place,
) -> Result<BTreeMap<Path, (Kind, Option<(Option<u64>, Option<SystemTime>)>)>> {
    let published = |below: &Path| !is_temporary(below.name().unwrap_or_default());
    let walked = walk_where(call, place, published);
    let states = walked.try_filter_map(|found| async move {
        let metadata = found.entry.metadata;
        let file =
            (!metadata.is_directory()).then_some((metadata.size, metadata.modified.map(|modified| modified.time)));
        Ok(published(&found.below).then_some((found.below, (metadata.kind, file))))
    });
    states.try_collect().await
}

/// An empty directory of that name, in a temporary one.
fn empty_directory(place: &Place) -> Result<(TempDir, PathBuf)> {
    let directory = temporary_directory()?;
    let path = directory.path().join(name_of(place));
    std::fs::create_dir(&path).map_err(|e| Error::from(e).at(path.display()))?;
    Ok((directory, path))
}

/// A copy that nobody else sees and that is gone after a power loss anyway need not be synced.
fn local_place(path: &OsPath) -> Result<Place> {
    Ok(Place::new(local(Durability::None), Path::parse(path.as_os_str().as_bytes())?))
}
