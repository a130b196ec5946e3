//! A wrapper for a storage that is mounted on this machine as well.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    Access, Algorithm, Backend, ByteRange, Call, Capabilities, Comparison, Destination, Digest, Error, ErrorKind,
    ListOptions, Listing, LocalFile, Metadata, Order, Parents, Path, PutOptions, ReadOptions, Reading, Receipt, Result,
    Source, Space, Support, TapeAnswer, TapeOrder, UnfinishedUpload, Validator,
};

/// How long a mount may take to show what was changed behind it.
const PATIENCE: Duration = Duration::from_secs(45);

/// The first pause between two looks at the mount; each is longer than the one before.
const PAUSE: Duration = Duration::from_millis(20);

/// A storage, and a mount of it.
///
/// The storage tells what there is. The bytes of what is below `base` come from the mount where it shows the same version, by size and time, and from
/// the storage where it does not: a mount may be behind. Changes go to the storage alone, which proves them, and are waited for at the mount: one that
/// does not show them within 45 s is a warning, as they are done. Checksums are the storage's. While the storage cannot be reached, what the mount shows
/// is believed, with a warning.
#[derive(Debug, Clone)]
pub struct Mirrored {
    storage: Arc<dyn Backend>,
    mount: Arc<dyn Backend>,
    base: Path,
    /// It was said that the mount is believed alone.
    told: Arc<AtomicBool>,
}

/// A file at the mount.
struct AtMount {
    below: Path,
    /// As the mount calls its version.
    here: Validator,
    /// As whoever asks calls it.
    version: Validator,
}

/// What the mount must show.
enum Shows {
    Something(Option<u64>),
    Nothing,
}

impl Mirrored {
    /// `mount` is the directory of this machine where `base` of `storage` is mounted.
    pub fn new(storage: Arc<dyn Backend>, mount: Arc<dyn Backend>, base: Path) -> Self {
        Self { storage, mount, base, told: Arc::default() }
    }

    /// The same path at the mount, if it has something there. A mount that cannot tell has nothing.
    async fn at_mount(&self, call: &Call, path: &Path) -> Option<(Path, Metadata)> {
        let below = path.strip_prefix(&self.base)?;
        let found = self.mount.stat(call, &below).await.ok().flatten()?;
        Some((below, found))
    }

    /// The file at the mount, if it is the version that is wanted, or else the one that the storage has.
    async fn version_at_mount(&self, call: &Call, path: &Path, wanted: Option<&Validator>) -> Option<AtMount> {
        let (below, found) = self.at_mount(call, path).await.filter(|(_, found)| found.is_file())?;
        let here = found.identity();
        let version = match wanted {
            Some(wanted) => wanted.clone(),
            None => self.stat(call, path).await.ok()??.identity(),
        };
        let fits = version.compare(&here) == Comparison::Same || same(&version, &found);
        fits.then_some(AtMount { below, here, version })
    }

    /// The mount alone, while the storage is away.
    async fn without_storage(&self, call: &Call, path: &Path, error: Error) -> Result<Option<Metadata>> {
        let away = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout);
        let Some((below, found)) = self.at_mount(call, path).await.filter(|_| away) else { return Err(error) };
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "what {} shows is believed, as the storage does not answer: {error}",
                self.mount.url(&below)
            );
        }
        Ok(Some(found))
    }

    /// Waits until the mount shows what was done.
    async fn wait(&self, call: &Call, path: &Path, shows: Shows) {
        let Some(below) = path.strip_prefix(&self.base) else { return };
        let call = call.clone().within(PATIENCE);
        // What is not mounted shows nothing.
        if !matches!(self.mount.stat(&call, &Path::root()).await, Ok(Some(_))) {
            return;
        }
        let mut pause = PAUSE;
        loop {
            let found = self.mount.stat(&call, &below).await;
            let done = match (&shows, &found) {
                (Shows::Nothing, Ok(found)) => found.is_none(),
                (Shows::Something(None), Ok(Some(_))) => true,
                (Shows::Something(size), Ok(Some(found))) => {
                    // Another writer may have been faster with another one.
                    found.size == *size || self.storage_has(&call, path, found.size).await
                }
                _ => false,
            };
            if done {
                return;
            }
            if call.pause(pause).await.is_err() {
                tracing::warn!("it is done, and the mount does not show it yet: {}", self.mount.url(&below));
                return;
            }
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    async fn storage_has(&self, call: &Call, path: &Path, size: Option<u64>) -> bool {
        self.storage.stat(call, path).await.is_ok_and(|found| found.is_some_and(|found| found.size == size))
    }

    async fn waiting<T>(&self, call: &Call, path: &Path, shows: Shows, done: Result<T>) -> Result<T> {
        if done.is_ok() {
            self.wait(call, path, shows).await;
        }
        done
    }
}

/// Whether the file at the mount has the size and the time of a version, as far as both tell.
fn same(wanted: &Validator, found: &Metadata) -> bool {
    // The tags of a mount are none of the storage's, and the size alone tells no versions apart.
    wanted.is_version(&Validator::weak(found.size, found.modified))
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Backend for Mirrored {
    fn url(&self, path: &Path) -> String {
        self.storage.url(path)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { local_files: Support::Unknown, ..self.storage.capabilities() }
    }

    async fn probe(&self, call: &Call) -> Result<Capabilities> {
        self.storage.probe(call).await?;
        Ok(self.capabilities())
    }

    async fn stat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        match self.storage.stat(call, path).await {
            Err(error) => self.without_storage(call, path, error).await,
            told => told,
        }
    }

    async fn lstat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        // Whoever removes or moves asks so, and must not believe an old version.
        self.storage.lstat(call, path).await
    }

    async fn read(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        let Some(AtMount { below, here, version }) =
            self.version_at_mount(call, path, options.validator.as_ref()).await
        else {
            return self.storage.read(call, path, options).await;
        };
        let options = ReadOptions { validator: Some(here), ..options.clone() };
        let reading = self.mount.read(call, &below, &options).await?;
        Ok(Reading { validator: version, ..reading })
    }

    async fn read_ranges(
        &self,
        call: &Call,
        path: &Path,
        ranges: &[ByteRange],
        validator: Option<&Validator>,
    ) -> Result<Vec<Bytes>> {
        match self.version_at_mount(call, path, validator).await {
            Some(at) => self.mount.read_ranges(call, &at.below, ranges, Some(&at.here)).await,
            None => self.storage.read_ranges(call, path, ranges, validator).await,
        }
    }

    async fn read_into(
        &self,
        call: &Call,
        path: &Path,
        offset: u64,
        buffer: &mut [u8],
        validator: Option<&Validator>,
    ) -> Result<usize> {
        match self.version_at_mount(call, path, validator).await {
            Some(at) => self.mount.read_into(call, &at.below, offset, buffer, Some(&at.here)).await,
            None => self.storage.read_into(call, path, offset, buffer, validator).await,
        }
    }

    async fn put(&self, call: &Call, path: &Path, source: &dyn Source, options: &PutOptions) -> Result<Receipt> {
        let done = self.storage.put(call, path, source, options).await;
        let size = done.as_ref().ok().map(|receipt| receipt.size);
        self.waiting(call, path, Shows::Something(size), done).await
    }

    async fn list(&self, call: &Call, path: &Path, options: &ListOptions) -> Result<Listing> {
        self.storage.list(call, path, options).await
    }

    async fn create_directory(&self, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        let done = self.storage.create_directory(call, path, parents).await;
        self.waiting(call, path, Shows::Something(None), done).await
    }

    async fn remove_file(&self, call: &Call, path: &Path) -> Result<()> {
        let done = self.storage.remove_file(call, path).await;
        self.waiting(call, path, Shows::Nothing, done).await
    }

    async fn remove_directory(&self, call: &Call, path: &Path) -> Result<()> {
        let done = self.storage.remove_directory(call, path).await;
        self.waiting(call, path, Shows::Nothing, done).await
    }

    async fn rename(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        let done = self.storage.rename(call, from, to, destination).await;
        let done = self.waiting(call, to, Shows::Something(None), done).await;
        let gone = if from == to { Shows::Something(None) } else { Shows::Nothing };
        self.waiting(call, from, gone, done).await
    }

    async fn copy(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        let done = self.storage.copy(call, from, to, destination).await;
        self.waiting(call, to, Shows::Something(None), done).await
    }

    fn access(&self, path: &Path) -> Result<Access> {
        self.storage.access(path)
    }

    async fn third_party(&self, call: &Call, path: &Path, order: &Order<'_>) -> Result<()> {
        self.storage.third_party(call, path, order).await
    }

    async fn tape(&self, call: &Call, order: &TapeOrder<'_>) -> Result<TapeAnswer> {
        self.storage.tape(call, order).await
    }

    async fn unfinished_uploads(&self, call: &Call, top: &Path) -> Result<Vec<UnfinishedUpload>> {
        self.storage.unfinished_uploads(call, top).await
    }

    async fn abandon_upload(&self, call: &Call, upload: &UnfinishedUpload) -> Result<()> {
        self.storage.abandon_upload(call, upload).await
    }

    async fn digest(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>> {
        self.storage.digest(call, path, wanted).await
    }

    async fn local_file(&self, call: &Call, path: &Path, validator: Option<&Validator>) -> Result<Option<LocalFile>> {
        match self.version_at_mount(call, path, validator).await {
            Some(at) => self.mount.local_file(call, &at.below, Some(&at.here)).await,
            None => self.storage.local_file(call, path, validator).await,
        }
    }

    async fn local_file_here(
        &self,
        call: &Call,
        path: &Path,
        validator: Option<&Validator>,
    ) -> Result<Option<LocalFile>> {
        match self.version_at_mount(call, path, validator).await {
            Some(at) => self.mount.local_file_here(call, &at.below, Some(&at.here)).await,
            None => self.storage.local_file_here(call, path, validator).await,
        }
    }

    async fn local_directory(&self, call: &Call, path: &Path) -> Result<Option<std::path::PathBuf>> {
        self.storage.local_directory(call, path).await
    }

    async fn set_modified(&self, call: &Call, path: &Path, time: SystemTime) -> Result<()> {
        self.storage.set_modified(call, path, time).await
    }

    async fn set_mode(&self, call: &Call, path: &Path, mode: u32) -> Result<()> {
        self.storage.set_mode(call, path, mode).await
    }

    async fn create_link(&self, call: &Call, path: &Path, target: &[u8]) -> Result<()> {
        self.storage.create_link(call, path, target).await
    }

    async fn read_link(&self, call: &Call, path: &Path) -> Result<Vec<u8>> {
        self.storage.read_link(call, path).await
    }

    async fn attributes(&self, call: &Call, path: &Path) -> Result<Vec<String>> {
        self.storage.attributes(call, path).await
    }

    async fn attribute(&self, call: &Call, path: &Path, name: &str) -> Result<Option<Vec<u8>>> {
        self.storage.attribute(call, path, name).await
    }

    async fn set_attribute(&self, call: &Call, path: &Path, name: &str, value: Option<&[u8]>) -> Result<()> {
        self.storage.set_attribute(call, path, name, value).await
    }

    async fn space(&self, call: &Call, path: &Path) -> Result<Space> {
        self.storage.space(call, path).await
    }
}
