//! Places as object stores: for readers of Parquet, Zarr and Arrow, by the trait that their ecosystem shares.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use law_storage::{
    ByteRange, BytesSource, Call, Error, ErrorKind, Existing, FileSource, Metadata, Parents, PutOptions, ReadOptions,
    Receipt, Source, Validator, list_all,
};
use law_transfer::{Place, Policy, copy_file, move_to, walk};
use object_store::path::Path as Key;
use object_store::{
    Attributes, CopyMode, CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutPayload, PutResult, RenameOptions, RenameTargetMode,
    UploadPart,
};
use tempfile::NamedTempFile;

/// What is below a place, as an object store. Everything that holds for the file system holds here: doors, retries, proof before
/// publication. Directories are made as they are needed, and are not objects.
///
/// An entity tag is the storage's, or made of size and time where it has none.
#[derive(Debug, Clone)]
pub struct Objects(Place);

impl Objects {
    /// The objects below a place.
    pub fn new(place: Place) -> Self {
        Self(place)
    }

    /// The place of an object.
    fn place(&self, key: &Key) -> object_store::Result<Place> {
        let path = law_storage::Path::parse(key.as_ref()).map_err(|error| told(Error::from(error), key))?;
        Ok(self.0.join(&path))
    }

    async fn look(&self, call: &Call, key: &Key) -> object_store::Result<(Place, Metadata)> {
        let place = self.place(key)?;
        let found = place.backend().stat(call, &place.resolved()).await.map_err(|error| told(error, key))?;
        match found.filter(Metadata::is_file) {
            Some(found) => Ok((place, found)),
            None => Err(told(Error::new(ErrorKind::NotFound, "not found").at(&place), key)),
        }
    }

    async fn write(&self, key: &Key, source: &dyn Source, mode: &PutMode) -> object_store::Result<PutResult> {
        let call = Call::new();
        let existing = match mode {
            PutMode::Overwrite => Existing::Replace,
            PutMode::Create => Existing::Refuse,
            PutMode::Update(version) => {
                let (_, found) = self.look(&call, key).await?;
                if version.e_tag != tag_of(&found) {
                    return Err(told(Error::new(ErrorKind::Changed, "another version is there").at(&self.0), key));
                }
                Existing::ReplaceOnly(found.identity())
            }
        };
        let place = self.place(key)?;
        let verify = place.fs.verify();
        let options = PutOptions { existing, parents: Parents::Create, verify, ..PutOptions::default() };
        let receipt = place.backend().put(&call, &place.resolved(), source, &options).await;
        let Receipt { validator, .. } = receipt.map_err(|error| told(error, key))?;
        let told_tag = validator.as_ref().and_then(Validator::entity_tag).map(str::to_owned);
        let e_tag = match told_tag {
            Some(tag) => Some(tag),
            None => tag_of(&self.look(&call, key).await?.1),
        };
        Ok(PutResult { e_tag, version: None, extensions: Default::default() })
    }

    fn key(&self, path: &law_storage::Path) -> object_store::Result<Key> {
        let below = path.strip_prefix(&self.0.resolved()).unwrap_or_default();
        let text = below.to_str().ok_or_else(|| {
            let error = Error::new(ErrorKind::InvalidInput, "a name that is not UTF-8").at(&self.0);
            told(error, &Key::default())
        })?;
        Ok(Key::parse(text)?)
    }

    fn object(&self, path: &law_storage::Path, metadata: &Metadata) -> object_store::Result<ObjectMeta> {
        Ok(meta(self.key(path)?, metadata))
    }
}

impl fmt::Display for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

fn meta(location: Key, metadata: &Metadata) -> ObjectMeta {
    let modified = metadata.modified.map_or(std::time::UNIX_EPOCH, |modified| modified.time);
    ObjectMeta {
        location,
        last_modified: modified.into(),
        size: metadata.size.unwrap_or_default(),
        e_tag: tag_of(metadata),
        version: None,
    }
}

/// The storage's entity tag, or one of size and time.
fn tag_of(metadata: &Metadata) -> Option<String> {
    if let Some(tag) = metadata.identity().entity_tag() {
        return Some(tag.to_owned());
    }
    let since = metadata.modified?.time.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(format!("\"{:x}-{:x}\"", since.as_nanos(), metadata.size?))
}

/// An error in the words of the other trait; nothing of it is lost.
fn told(error: Error, key: &Key) -> object_store::Error {
    let (path, kind) = (key.to_string(), error.kind());
    let source = Box::new(error);
    match kind {
        ErrorKind::NotFound | ErrorKind::NotADirectory => object_store::Error::NotFound { path, source },
        ErrorKind::AlreadyExists => object_store::Error::AlreadyExists { path, source },
        ErrorKind::Changed => object_store::Error::Precondition { path, source },
        ErrorKind::PermissionDenied | ErrorKind::ReadOnly => object_store::Error::PermissionDenied { path, source },
        ErrorKind::Unauthenticated => object_store::Error::Unauthenticated { path, source },
        ErrorKind::Unsupported => object_store::Error::NotSupported { source },
        _ => object_store::Error::Generic { store: "law", source },
    }
}

fn refuse_attributes(attributes: &Attributes) -> object_store::Result<()> {
    match attributes.is_empty() {
        true => Ok(()),
        false => Err(told(Error::new(ErrorKind::Unsupported, "no attributes can be kept"), &Key::default())),
    }
}

#[async_trait]
impl ObjectStore for Objects {
    async fn put_opts(
        &self,
        location: &Key,
        payload: PutPayload,
        options: object_store::PutOptions,
    ) -> object_store::Result<PutResult> {
        refuse_attributes(&options.attributes)?;
        self.write(location, &BytesSource::new(Bytes::from(payload)), &options.mode).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Key,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        refuse_attributes(&options.attributes)?;
        Ok(Box::new(Staged::new(self.clone(), location.clone())?))
    }

    async fn get_opts(&self, location: &Key, options: GetOptions) -> object_store::Result<GetResult> {
        let call = Call::new();
        let (place, found) = self.look(&call, location).await?;
        let meta = meta(location.clone(), &found);
        options.check_preconditions(&meta)?;
        let range = match &options.range {
            Some(range) => range
                .as_range(meta.size)
                .map_err(|source| object_store::Error::Generic { store: "law", source: Box::new(source) })?,
            None => 0..meta.size,
        };
        let payload = match options.head {
            true => stream::empty().boxed(),
            false => {
                let part = ByteRange::new(range.start, range.end - range.start);
                let options = ReadOptions::part(part).pinned(found.identity());
                let reading = place.backend().read(&call, &place.resolved(), &options).await;
                let key = location.clone();
                let reading = reading.map_err(|error| told(error, location))?;
                reading.stream.map_err(move |error| told(error, &key)).boxed()
            }
        };
        let payload = GetResultPayload::Stream(payload);
        Ok(GetResult { payload, meta, range, attributes: Attributes::default(), extensions: Default::default() })
    }

    async fn get_ranges(&self, location: &Key, ranges: &[Range<u64>]) -> object_store::Result<Vec<Bytes>> {
        let call = Call::new();
        let (place, found) = self.look(&call, location).await?;
        let parts: Vec<ByteRange> =
            ranges.iter().map(|range| ByteRange::new(range.start, range.end.saturating_sub(range.start))).collect();
        let read = place.backend().read_ranges(&call, &place.resolved(), &parts, Some(&found.identity())).await;
        read.map_err(|error| told(error, location))
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Key>>,
    ) -> BoxStream<'static, object_store::Result<Key>> {
        let objects = self.clone();
        locations
            .and_then(move |key| {
                let objects = objects.clone();
                async move {
                    let place = objects.place(&key)?;
                    let removed = place.backend().remove_file(&Call::new(), &place.resolved()).await;
                    removed.map(|()| key.clone()).map_err(|error| told(error, &key))
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        let (objects, prefix) = (self.clone(), prefix.cloned().unwrap_or_default());
        let work = async move {
            let (call, top) = (Call::new(), objects.place(&prefix)?);
            let there = top.backend().stat(&call, &top.resolved()).await.map_err(|error| told(error, &prefix))?;
            let walked = match there.is_some_and(|there| there.is_directory()) {
                true => walk(&call, &top),
                // Nothing has this prefix.
                false => stream::empty().boxed(),
            };
            let found = walked.filter_map(move |step| {
                let (objects, prefix) = (objects.clone(), prefix.clone());
                async move {
                    match step {
                        Ok(step) if step.entry.metadata.is_file() => {
                            Some(objects.object(&step.entry.path, &step.entry.metadata))
                        }
                        Ok(_) => None,
                        Err(error) => Some(Err(told(error, &prefix))),
                    }
                }
            });
            Ok::<_, object_store::Error>(found)
        };
        stream::once(work).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Key>) -> object_store::Result<ListResult> {
        let prefix = prefix.cloned().unwrap_or_default();
        let place = self.place(&prefix)?;
        let entries = match list_all(place.backend(), &Call::new(), &place.resolved()).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            other => other.map_err(|error| told(error, &prefix))?,
        };
        let (directories, files): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .filter(|e| e.metadata.is_file() || e.metadata.is_directory())
            .partition(|e| e.metadata.is_directory());
        Ok(ListResult {
            common_prefixes: directories.iter().map(|entry| self.key(&entry.path)).collect::<Result<_, _>>()?,
            objects: files.iter().map(|entry| self.object(&entry.path, &entry.metadata)).collect::<Result<_, _>>()?,
            extensions: Default::default(),
        })
    }

    async fn copy_opts(&self, from: &Key, to: &Key, options: CopyOptions) -> object_store::Result<()> {
        let call = Call::new();
        let (source, _) = self.look(&call, from).await?;
        let target = self.place(to)?;
        if from == to {
            return Ok(());
        }
        let copied = copy_file(&call, &source, &target, &wishes(options.mode == CopyMode::Create)).await;
        copied.map(drop).map_err(|error| told(error, to))
    }

    async fn rename_opts(&self, from: &Key, to: &Key, options: RenameOptions) -> object_store::Result<()> {
        let call = Call::new();
        let (source, found) = self.look(&call, from).await?;
        let target = self.place(to)?;
        if from == to {
            return Ok(());
        }
        make_parent(&call, &target).await.map_err(|error| told(error, to))?;
        let wishes = wishes(options.target_mode == RenameTargetMode::Create);
        move_to(&call, &source, &target, &found, &wishes).await.map(drop).map_err(|error| told(error, to))
    }
}

/// A copy that is proven, and replaces or does not.
fn wishes(new: bool) -> law_transfer::CopyOptions {
    let policy = if new { Policy::Fail } else { Policy::Always };
    law_transfer::CopyOptions { policy, parents: Parents::Create, ..law_transfer::CopyOptions::default() }
}

async fn make_parent(call: &Call, place: &Place) -> Result<(), Error> {
    match place.resolved().parent().filter(|parent| !parent.is_root()) {
        Some(parent) => place.backend().create_directory(call, &parent, Parents::Create).await,
        None => Ok(()),
    }
}

/// Parts wait in a file of this machine; nothing is published before all are there.
#[derive(Debug)]
struct Staged {
    objects: Objects,
    key: Key,
    file: Arc<NamedTempFile>,
    length: u64,
    /// Bytes that have arrived.
    written: Arc<AtomicU64>,
}

impl Staged {
    fn new(objects: Objects, key: Key) -> object_store::Result<Self> {
        let file = NamedTempFile::new().map_err(|error| told(law_storage::no_scratch(error), &key))?;
        Ok(Self { objects, key, file: Arc::new(file), length: 0, written: Arc::default() })
    }
}

#[async_trait]
impl MultipartUpload for Staged {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        use std::os::unix::fs::FileExt as _;
        let (file, key, offset) = (self.file.clone(), self.key.clone(), self.length);
        let arrived = self.written.clone();
        self.length += data.content_length() as u64;
        Box::pin(async move {
            let write = move || {
                let mut at = offset;
                data.iter().try_for_each(|chunk| {
                    file.as_file().write_all_at(chunk, at)?;
                    at += chunk.len() as u64;
                    Ok::<_, std::io::Error>(())
                })?;
                arrived.fetch_add(at - offset, Ordering::Relaxed);
                Ok::<_, std::io::Error>(())
            };
            let written = tokio::task::spawn_blocking(write).await.map_err(std::io::Error::other);
            written.and_then(|written| written).map_err(|error| told(Error::from(error), &key))
        })
    }

    async fn complete(&mut self) -> object_store::Result<PutResult> {
        let written = self.written.load(Ordering::Relaxed);
        if written != self.length {
            let message = format!("{written} of {} bytes have arrived", self.length);
            return Err(told(Error::new(ErrorKind::Integrity, message).leaving("nothing was published"), &self.key));
        }
        let source = FileSource::open(self.file.path()).map_err(|error| told(error, &self.key))?;
        self.objects.write(&self.key, &source, &PutMode::Overwrite).await
    }

    async fn abort(&mut self) -> object_store::Result<()> {
        // What was given up is never complete.
        self.length = u64::MAX;
        Ok(())
    }
}
