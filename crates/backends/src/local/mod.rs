//! Local disks.
//!
//! Files are written beside their destination, synced, and renamed into place; copies stay within the kernel.

mod change;
mod inspect;
mod kernel;
mod list;
mod parallel;
mod read;
mod room;
mod unfinished;
mod write;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use law_storage::{
    Algorithm, Backend, ByteRange, Call, Capabilities, Destination, Digest, Durability, Error, ErrorKind, FileSource,
    ListOptions, Listing, LocalFile, Metadata, NameRules, NoClobber, Operation, Overwrite, Parents, Path, Publish,
    PutOptions, ReadOptions, Reading, Receipt, Result, Source, Space, Support, Validator, hash_local, show_bytes,
};

/// A directory of this machine as a storage. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Local {
    root: PathBuf,
    durability: Durability,
}

impl Local {
    /// Everything below `root`, which need not exist yet.
    pub fn new(root: PathBuf, durability: Durability) -> Self {
        Self { root, durability }
    }

    /// The path for the operating system.
    fn full(&self, path: &Path) -> PathBuf {
        if path.is_root() { self.root.clone() } else { self.root.join(OsStr::from_bytes(path.as_bytes())) }
    }
}

/// Runs blocking work on a thread that may block, under the deadline and the cancellation of the call. The work goes
/// on if it is given up, so that it must be short or look for itself whether it is still wanted.
async fn blocking<T: Send + 'static>(call: &Call, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    call.bound(async {
        let broken = |e| Error::new(ErrorKind::Internal, "a thread for the disk broke").because(e);
        tokio::task::spawn_blocking(work).await.map_err(broken)?
    })
    .await
}

/// An error of the operating system, with its path and what was being done.
fn failure(error: std::io::Error, path: &std::path::Path, operation: Operation) -> Error {
    let symlinks = error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
    let error = Error::from(error).during(operation).at(shown(path));
    if symlinks { error.with_kind(ErrorKind::InvalidInput) } else { error }
}

fn shown(path: &std::path::Path) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = show_bytes(path.as_os_str().as_bytes(), &mut text);
    text
}

/// An error with the operating system's words for it.
fn refusal(kind: ErrorKind, path: &std::path::Path, operation: Operation) -> Error {
    Error::new(kind, kind.phrase()).at(shown(path)).during(operation)
}

#[async_trait]
impl Backend for Local {
    fn url(&self, path: &Path) -> String {
        shown(&self.full(path))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            list: Support::Yes,
            ranges: Support::Yes,
            rename: Support::Yes,
            copy: Support::Yes,
            write: Support::Yes,
            symlinks: Support::Yes,
            modes: Support::Yes,
            set_modified: Support::Yes,
            keeps_modified: Support::Yes,
            space: Support::Yes,
            local_files: Support::Yes,
            digests: Algorithm::ALL.to_vec(),
            digests_differ: false,
            loses_digests: false,
            implied_directories: false,
            keeps_parts: false,
            bulk_removals: 1,
            overwrite: Overwrite::Atomic,
            no_clobber: NoClobber::Atomic,
            publish: Publish::Rename,
            names: NameRules::BYTES,
            modified_resolution: Some(Duration::from_nanos(1)),
        }
    }

    async fn probe(&self, call: &Call) -> Result<Capabilities> {
        call.check()?;
        Ok(self.capabilities())
    }

    async fn stat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        let full = self.full(path);
        blocking(call, move || inspect::stat(&full)).await
    }

    async fn lstat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        let full = self.full(path);
        blocking(call, move || inspect::lstat(&full)).await
    }

    async fn read(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        let (full, options, later) = (self.full(path), options.clone(), call.clone());
        blocking(call, move || read::read(full, &options, later)).await
    }

    async fn read_ranges(
        &self,
        call: &Call,
        path: &Path,
        ranges: &[ByteRange],
        validator: Option<&Validator>,
    ) -> Result<Vec<Bytes>> {
        let (full, ranges, validator) = (self.full(path), ranges.to_vec(), validator.cloned());
        blocking(call, move || read::read_ranges(full, &ranges, validator.as_ref())).await
    }

    async fn read_into(
        &self,
        call: &Call,
        path: &Path,
        offset: u64,
        buffer: &mut [u8],
        validator: Option<&Validator>,
    ) -> Result<usize> {
        let range = [ByteRange::new(offset, buffer.len() as u64)];
        let bytes = self.read_ranges(call, path, &range, validator).await?.remove(0);
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    async fn put(&self, call: &Call, path: &Path, source: &dyn Source, options: &PutOptions) -> Result<Receipt> {
        write::put(self, call, path, source, options).await
    }

    async fn list(&self, call: &Call, path: &Path, _options: &ListOptions) -> Result<Listing> {
        list::list(call, self.full(path), path.clone()).await
    }

    async fn create_directory(&self, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        let (full, durability) = (self.full(path), self.durability);
        blocking(call, move || change::create_directory(&full, parents, durability)).await
    }

    async fn remove_file(&self, call: &Call, path: &Path) -> Result<()> {
        let full = self.full(path);
        blocking(call, move || std::fs::remove_file(&full).map_err(|e| failure(e, &full, Operation::Remove))).await
    }

    async fn remove_directory(&self, call: &Call, path: &Path) -> Result<()> {
        let full = self.full(path);
        if path.is_root() {
            return Err(Error::new(ErrorKind::InvalidInput, "the root cannot be removed").at(shown(&full)));
        }
        blocking(call, move || std::fs::remove_dir(&full).map_err(|e| failure(e, &full, Operation::Remove))).await
    }

    async fn rename(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        let (from, to, durability) = (self.full(from), self.full(to), self.durability);
        blocking(call, move || change::rename(&from, &to, destination, durability)).await
    }

    async fn copy(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        let full = self.full(from);
        let source = blocking(call, move || read::open_file(&full).and_then(FileSource::new)).await?;
        if from == to {
            return Ok(());
        }
        let existing = match destination {
            Destination::Replace => law_storage::Existing::Replace,
            Destination::NoReplace => law_storage::Existing::Refuse,
        };
        let options = PutOptions { existing, ..PutOptions::default() };
        self.put(call, to, &source, &options).await.map(drop)
    }

    async fn digest(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>> {
        let full = self.full(path);
        let local = blocking(call, move || read::open_file(&full)).await?;
        let algorithm = wanted.first().copied().unwrap_or(Algorithm::ALL[0]);
        let hashed = call.bound(hash_local(local, vec![algorithm])).await?;
        Ok(hashed.digests.into_iter().next())
    }

    async fn local_file(&self, call: &Call, path: &Path, validator: Option<&Validator>) -> Result<Option<LocalFile>> {
        let (full, validator) = (self.full(path), validator.cloned());
        blocking(call, move || {
            let local = read::open_file(&full)?;
            read::check_version(&local, validator.as_ref())?;
            Ok(Some(local))
        })
        .await
    }

    async fn local_directory(&self, call: &Call, path: &Path) -> Result<Option<PathBuf>> {
        let full = self.full(path);
        blocking(call, move || match inspect::stat(&full)? {
            None => Err(refusal(ErrorKind::NotFound, &full, Operation::LocalFile)),
            Some(found) if !found.is_directory() => Err(refusal(ErrorKind::NotADirectory, &full, Operation::LocalFile)),
            Some(_) => Ok(Some(full)),
        })
        .await
    }

    async fn set_modified(&self, call: &Call, path: &Path, time: SystemTime) -> Result<()> {
        let full = self.full(path);
        blocking(call, move || change::set_modified(&full, time)).await
    }

    async fn set_mode(&self, call: &Call, path: &Path, mode: u32) -> Result<()> {
        let full = self.full(path);
        blocking(call, move || change::set_mode(&full, mode)).await
    }

    async fn create_link(&self, call: &Call, path: &Path, target: &[u8]) -> Result<()> {
        let (full, target) = (self.full(path), PathBuf::from(OsStr::from_bytes(target)));
        let link = move || std::os::unix::fs::symlink(target, &full).map_err(|e| failure(e, &full, Operation::Link));
        blocking(call, link).await
    }

    async fn read_link(&self, call: &Call, path: &Path) -> Result<Vec<u8>> {
        let full = self.full(path);
        blocking(call, move || match std::fs::read_link(&full) {
            Ok(target) => Ok(target.into_os_string().into_encoded_bytes()),
            Err(error) => Err(failure(error, &full, Operation::Link)),
        })
        .await
    }

    async fn attributes(&self, call: &Call, path: &Path) -> Result<Vec<String>> {
        let full = self.full(path);
        blocking(call, move || inspect::attributes(&full)).await
    }

    async fn attribute(&self, call: &Call, path: &Path, name: &str) -> Result<Option<Vec<u8>>> {
        let (full, name) = (self.full(path), name.to_owned());
        blocking(call, move || inspect::attribute(&full, &name)).await
    }

    async fn set_attribute(&self, call: &Call, path: &Path, name: &str, value: Option<&[u8]>) -> Result<()> {
        let (full, name, value) = (self.full(path), name.to_owned(), value.map(<[u8]>::to_vec));
        blocking(call, move || change::set_attribute(&full, &name, value.as_deref())).await
    }

    async fn space(&self, call: &Call, path: &Path) -> Result<Space> {
        let full = self.full(path);
        blocking(call, move || inspect::space(&full)).await
    }
}
