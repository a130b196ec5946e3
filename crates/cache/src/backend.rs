//! The wrapper.

use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use law_storage::{
    Access, Algorithm, Backend, ByteRange, ByteStream, Call, Capabilities, Destination, Digest, Error, ErrorKind,
    ListOptions, Listing, LocalFile, Metadata, Order as TransferOrder, Parents, Path, PutOptions, ReadOptions, Reading,
    Receipt, Result, Source, Space, Support, TapeAnswer, TapeOrder, UnfinishedUpload, Validator, read_local,
};

use crate::fill::{Order, may_keep};
use crate::names::{Entry, Names};
use crate::object::{LARGEST_BLOCK, Object};
use crate::resolve::{Resolved, Shared, on_disk};
use crate::statistics::Counters;
use crate::store::Store;
use crate::version::{Version, is_file};
use crate::{Policy, reading, whole};

/// Another backend, of whose files copies are kept on this machine.
///
/// Reads come from here where the version is here, whatever door the storage would be reached by. Changes go to the storage, and what was
/// known of the path before counts no more. Listings are the storage's. A disk that is full or broken, and a version that cannot be
/// told from the next, are read past the cache: it never fails a read.
#[derive(Clone)]
pub struct Cache(Arc<Shared>);

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cache({}, {:?})", self.0.name, self.0.inner)
    }
}

/// How often a file may be replaced between the look for it and its first bytes.
const RACES: usize = 8;

/// A stream whose first bytes are there.
async fn begun(mut stream: ByteStream) -> Result<ByteStream> {
    let first = stream.next().await.transpose()?;
    Ok(stream::iter(first.map(Ok)).chain(stream).boxed())
}

impl Cache {
    /// Keeps files of `inner`, which is called `name`, in `store`, in blocks of so many bytes.
    ///
    /// `doors` are the addresses of the storage: what another storage of the same name has left is not taken for its files.
    pub fn new(
        inner: Arc<dyn Backend>,
        name: impl Into<Arc<str>>,
        doors: Vec<String>,
        store: Arc<Store>,
        policy: Policy,
        block: u64,
    ) -> Self {
        let name = name.into();
        let names = Names::new(store.clone(), name.clone());
        let block = block.clamp(4 << 10, LARGEST_BLOCK);
        Self(Arc::new(Shared { inner, name, store, names, policy, counters: Counters::default(), doors, block }))
    }

    /// Where it keeps them.
    pub fn store(&self) -> &Arc<Store> {
        &self.0.store
    }

    fn order(&self, call: &Call, path: &Path, resolved: (Arc<Object>, Validator, Vec<Digest>)) -> Arc<Order> {
        let (object, validator, digests) = resolved;
        Arc::new(Order { shared: self.0.clone(), call: call.clone(), path: path.clone(), validator, object, digests })
    }

    /// Does something that changes a path, before and after which nothing that was known of it counts.
    async fn changing<T>(&self, path: &Path, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let change = Change::begin(&self.0, path).await;
        let done = work.await;
        change.end().await;
        done
    }

    /// Brings all of a file here, and keeps it whatever room is needed.
    ///
    /// # Errors
    /// Those of reading; `NoSpace` if there is no room for it.
    pub async fn pin(&self, call: &Call, path: &Path) -> Result<u64> {
        let local = self.local_file(call, path, None).await?;
        let size = local.as_ref().and_then(|local| local.file().metadata().ok()).map(|found| found.len());
        let error = || Error::new(ErrorKind::NoSpace, "the cache has no room for it").at(self.0.inner.url(path));
        let (size, shared, path) = (size.ok_or_else(error)?, self.0.clone(), path.clone());
        on_disk(move || whole::pin(&shared.store, &shared.names, &path, true)).await?;
        drop(local);
        Ok(size)
    }

    /// A file that was pinned may go again. False if none was.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn unpin(&self, path: &Path) -> Result<bool> {
        let (shared, path) = (self.0.clone(), path.clone());
        on_disk(move || whole::pin(&shared.store, &shared.names, &path, false)).await
    }
}

/// A path that is being changed: nobody notes anything about it, and at the end, however it comes, nothing that was known counts.
struct Change {
    shared: Arc<Shared>,
    path: Path,
    lock: Option<std::fs::File>,
    ended: bool,
}

impl Change {
    async fn begin(shared: &Arc<Shared>, path: &Path) -> Self {
        let (work, of) = (shared.clone(), path.clone());
        let lock = on_disk(move || work.names.changing(&of)).await;
        shared.forget(path).await;
        Self { shared: shared.clone(), path: path.clone(), lock: lock.ok(), ended: false }
    }

    async fn end(mut self) {
        self.ended = true;
        self.shared.forget(&self.path).await;
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        if !self.ended {
            let (shared, path, lock) = (self.shared.clone(), self.path.clone(), self.lock.take());
            law_storage::cleanup::start(async move {
                shared.forget(&path).await;
                drop(lock);
            });
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Backend for Cache {
    fn url(&self, path: &Path) -> String {
        self.0.inner.url(path)
    }

    fn capabilities(&self) -> Capabilities {
        let inner = self.0.inner.capabilities();
        let local_files = if inner.local_files == Support::No { Support::Unknown } else { inner.local_files };
        Capabilities { local_files, ..inner }
    }

    async fn probe(&self, call: &Call) -> Result<Capabilities> {
        self.0.inner.probe(call).await?;
        Ok(self.capabilities())
    }

    async fn stat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        call.check()?;
        let entry = self.0.names.read(path);
        let known = entry.known.as_ref().filter(|known| self.0.policy.trusts(known.age()));
        if let Some(metadata) = known.and_then(|known| known.version.metadata()) {
            return Ok(Some(metadata));
        }
        let found = self.0.inner.stat(call, path).await?;
        if entry.known.is_some() {
            self.learn(path, entry, found.as_ref()).await;
        }
        Ok(found)
    }

    async fn lstat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        self.0.inner.lstat(call, path).await
    }

    async fn read(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        for _ in 0..RACES {
            match self.try_read(call, path, options).await {
                // It was replaced before anything was read: who wants no certain version gets the new one.
                Err(error) if error.kind() == ErrorKind::Changed && options.validator.is_none() => {}
                other => return other,
            }
        }
        self.0.inner.read(call, path, options).await
    }

    async fn read_ranges(
        &self,
        call: &Call,
        path: &Path,
        ranges: &[ByteRange],
        validator: Option<&Validator>,
    ) -> Result<Vec<Bytes>> {
        let Resolved::Kept(_, version, _) = self.0.resolve(call, path, validator).await? else {
            return self.0.inner.read_ranges(call, path, ranges, validator).await;
        };
        let mut parts = Vec::with_capacity(ranges.len());
        for range in ranges {
            let options = ReadOptions::part(*range).pinned(version.clone());
            parts.push(self.read(call, path, &options).await?.collect(u64::MAX).await?);
        }
        Ok(parts)
    }

    async fn read_into(
        &self,
        call: &Call,
        path: &Path,
        offset: u64,
        buffer: &mut [u8],
        validator: Option<&Validator>,
    ) -> Result<usize> {
        let range = ByteRange::new(offset, buffer.len() as u64);
        let options = ReadOptions { range: Some(range), validator: validator.cloned() };
        let mut stream = self.read(call, path, &options).await?.stream;
        let mut filled = 0;
        while let Some(bytes) = stream.next().await.transpose()? {
            buffer[filled..filled + bytes.len()].copy_from_slice(&bytes);
            filled += bytes.len();
        }
        Ok(filled)
    }

    async fn put(&self, call: &Call, path: &Path, source: &dyn Source, options: &PutOptions) -> Result<Receipt> {
        let was_pinned = self.0.names.read(path).known.is_some_and(|known| known.pinned);
        let receipt = self.changing(path, self.0.inner.put(call, path, source, options)).await?;
        if let Err(error) = whole::keep_what_was_written(&self.0, call, path, source, &receipt).await {
            tracing::debug!("what was written is not kept: {error}");
        }
        if was_pinned && let Err(error) = self.pin(call, path).await {
            tracing::warn!("what was written is not pinned any more: {error}");
        }
        Ok(receipt)
    }

    async fn list(&self, call: &Call, path: &Path, options: &ListOptions) -> Result<Listing> {
        self.0.inner.list(call, path, options).await
    }

    async fn create_directory(&self, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        self.0.inner.create_directory(call, path, parents).await
    }

    async fn remove_file(&self, call: &Call, path: &Path) -> Result<()> {
        self.changing(path, self.0.inner.remove_file(call, path)).await
    }

    async fn remove_directory(&self, call: &Call, path: &Path) -> Result<()> {
        self.changing(path, self.0.inner.remove_directory(call, path)).await
    }

    async fn rename(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        self.forget_below(from).await;
        let done = self.changing(from, self.changing(to, self.0.inner.rename(call, from, to, destination))).await;
        self.forget_below(from).await;
        done
    }

    async fn copy(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        self.changing(to, self.0.inner.copy(call, from, to, destination)).await
    }

    fn access(&self, path: &Path) -> Result<Access> {
        self.0.inner.access(path)
    }

    async fn third_party(&self, call: &Call, path: &Path, order: &TransferOrder<'_>) -> Result<()> {
        self.changing(path, self.0.inner.third_party(call, path, order)).await
    }

    async fn tape(&self, call: &Call, order: &TapeOrder<'_>) -> Result<TapeAnswer> {
        self.0.inner.tape(call, order).await
    }

    async fn unfinished_uploads(&self, call: &Call, top: &Path) -> Result<Vec<UnfinishedUpload>> {
        self.0.inner.unfinished_uploads(call, top).await
    }

    async fn abandon_upload(&self, call: &Call, upload: &UnfinishedUpload) -> Result<()> {
        self.0.inner.abandon_upload(call, upload).await
    }

    async fn digest(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>> {
        self.0.inner.digest(call, path, wanted).await
    }

    async fn local_file(&self, call: &Call, path: &Path, validator: Option<&Validator>) -> Result<Option<LocalFile>> {
        if self.0.inner.capabilities().local_files != Support::No
            && let Some(local) = self.0.inner.local_file(call, path, validator).await?
        {
            return Ok(Some(local));
        }
        let begin = Instant::now();
        let done = match self.hand_out(call, path, validator).await {
            // What was damaged on its way is not kept, and may come as it is the next time.
            Err(error) if error.kind() == ErrorKind::Integrity => self.hand_out(call, path, validator).await,
            other => other,
        };
        if done.as_ref().is_err_and(|error| error.kind() == ErrorKind::Integrity) {
            call.trail().found_damage();
        }
        self.0.write_down().await;
        tracing::debug!(milliseconds = begin.elapsed().as_millis() as u64, "a whole file");
        done
    }

    async fn local_file_here(
        &self,
        call: &Call,
        path: &Path,
        validator: Option<&Validator>,
    ) -> Result<Option<LocalFile>> {
        if self.0.inner.capabilities().local_files != Support::No
            && let Some(local) = self.0.inner.local_file_here(call, path, validator).await?
        {
            return Ok(Some(local));
        }
        let Resolved::Kept(object, version, digests) = self.0.resolve(call, path, validator).await? else {
            return Ok(None);
        };
        if !object.is_whole() {
            return Ok(None);
        }
        let done = whole::hand_out(self.order(call, path, (object, version, digests))).await;
        self.0.write_down().await;
        match done {
            // What was damaged is not kept: it comes anew.
            Err(error) if error.kind() == ErrorKind::Integrity => Ok(None),
            other => other,
        }
    }

    async fn local_directory(&self, call: &Call, path: &Path) -> Result<Option<std::path::PathBuf>> {
        self.0.inner.local_directory(call, path).await
    }

    async fn set_modified(&self, call: &Call, path: &Path, time: SystemTime) -> Result<()> {
        self.changing(path, self.0.inner.set_modified(call, path, time)).await
    }

    async fn set_mode(&self, call: &Call, path: &Path, mode: u32) -> Result<()> {
        self.changing(path, self.0.inner.set_mode(call, path, mode)).await
    }

    async fn create_link(&self, call: &Call, path: &Path, target: &[u8]) -> Result<()> {
        self.changing(path, self.0.inner.create_link(call, path, target)).await
    }

    async fn read_link(&self, call: &Call, path: &Path) -> Result<Vec<u8>> {
        self.0.inner.read_link(call, path).await
    }

    async fn attributes(&self, call: &Call, path: &Path) -> Result<Vec<String>> {
        self.0.inner.attributes(call, path).await
    }

    async fn attribute(&self, call: &Call, path: &Path, name: &str) -> Result<Option<Vec<u8>>> {
        self.0.inner.attribute(call, path, name).await
    }

    async fn set_attribute(&self, call: &Call, path: &Path, name: &str, value: Option<&[u8]>) -> Result<()> {
        self.0.inner.set_attribute(call, path, name, value).await
    }

    async fn space(&self, call: &Call, path: &Path) -> Result<Space> {
        self.0.inner.space(call, path).await
    }
}

impl Cache {
    async fn try_read(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        let resolved = self.0.resolve(call, path, options.validator.as_ref()).await?;
        let Resolved::Kept(object, validator, digests) = resolved else {
            let reading = self.0.inner.read(call, path, options).await?;
            Counters::count(&self.0.counters.bytes_past, reading.range.length);
            return Ok(reading);
        };
        let size = object.meta.size;
        let range = options.range.unwrap_or(ByteRange::whole(size)).clamp(size);
        let here = range.is_empty() || object.has(object.meta.block_of(range.offset));
        Counters::count(if here { &self.0.counters.hits } else { &self.0.counters.misses }, 1);
        let stream = if object.seal_holds() == Some(true) {
            self.read_whole(object, range).await?
        } else {
            let order = self.order(call, path, (object, validator.clone(), digests.clone()));
            let stream = reading::stream_of(order, range);
            if here { stream } else { begun(stream).await? }
        };
        Ok(Reading { size, range, validator, digests, stream })
    }

    async fn hand_out(&self, call: &Call, path: &Path, validator: Option<&Validator>) -> Result<Option<LocalFile>> {
        match self.0.resolve(call, path, validator).await? {
            Resolved::Kept(object, version, digests) => {
                whole::hand_out(self.order(call, path, (object, version, digests))).await
            }
            Resolved::Past => self.0.inner.local_file(call, path, validator).await,
        }
    }

    /// Of a file that was handed out, and that nobody has changed since.
    async fn read_whole(&self, object: Arc<Object>, range: ByteRange) -> Result<ByteStream> {
        Counters::count(&self.0.counters.bytes_here, range.length);
        object.use_all();
        let file = object.data().try_clone()?;
        self.0.write_down().await;
        Ok(read_local(LocalFile::new(file, object.path()).guarded(object), range))
    }

    /// What the storage says of a path of which something is known.
    async fn learn(&self, path: &Path, entry: Entry, found: Option<&Metadata>) {
        let version = found.filter(|found| is_file(found)).and_then(Version::of);
        let Some(version) = version.filter(|version| may_keep(self.0.policy, version)) else {
            self.0.forget(path).await;
            return;
        };
        let settled = entry.known.as_ref().is_some_and(|known| known.version == version);
        if settled && self.0.policy == Policy::Strict {
            return;
        }
        let (shared, path) = (self.0.clone(), path.clone());
        let _ = on_disk(move || shared.note(&path, &entry, version).map(|_| ())).await;
    }

    /// Forgets a path and everything below it.
    async fn forget_below(&self, path: &Path) {
        self.0.forget(path).await;
        let (shared, top) = (self.0.clone(), path.clone());
        let below = on_disk(move || Ok(shared.names.below(&top))).await;
        for path in below.unwrap_or_default() {
            self.0.forget(&path).await;
        }
    }
}
