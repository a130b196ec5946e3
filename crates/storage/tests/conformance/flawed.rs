//! A backend that is wrong in one way.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use law_storage::{
    Algorithm, Backend, ByteRange, BytesSource, Call, Capabilities, Destination, Digest, Entry, Existing, ListOptions,
    Listing, LocalFile, Memory, Metadata, Page, Parents, Path, Proof, PutOptions, ReadOptions, Reading, Receipt,
    Result, Source, Space, Support, Taken, Validator, ready,
};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    CallsAreIgnored,
    ErrorsAreMissing,
    StatIsStale,
    LinksAreAlwaysFollowed,
    ReadsAreShort,
    ReadsAreNotClamped,
    ReadsTakeAnyVersion,
    DirectoriesAreRead,
    RangesAreSorted,
    OverwritesAreTorn,
    OverwritesRemoveFirst,
    ProofComesTooLate,
    TemporariesStay,
    DropsPublish,
    WritersOverlook,
    ParentsAreMade,
    TimesAreForgotten,
    ReceiptsProveNothing,
    PagesGetLost,
    DirectoriesListThemselves,
    PartialListings,
    FullDirectoriesAreRemoved,
    RenamesReplace,
    RenamesOfNothing,
    NamesAreDecoded,
    DigestsAreWrong,
    WishesAreIgnored,
    ModesAreIgnored,
    SpacePanics,
}

#[derive(Debug)]
pub(crate) struct Flawed {
    inner: Memory,
    flaw: Flaw,
    seen: Mutex<HashMap<Path, Metadata>>,
}

impl Flawed {
    pub(crate) fn new(flaw: Flaw) -> Self {
        Self { inner: Memory::new(), flaw, seen: Mutex::default() }
    }

    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn call(&self, call: &Call) -> Call {
        if self.is(Flaw::CallsAreIgnored) { Call::new() } else { call.clone() }
    }

    fn path(&self, path: &Path) -> Path {
        match (self.is(Flaw::NamesAreDecoded), path.to_str()) {
            (true, Some(text)) => Path::parse(text.replace("%41", "A")).expect("a good path"),
            _ => path.clone(),
        }
    }

    async fn exists(&self, path: &Path) -> bool {
        self.inner.lstat(&Call::new(), path).await.is_ok_and(|found| found.is_some())
    }

    /// Writes without looking at anything.
    async fn force(&self, path: &Path, content: Bytes) {
        let options = PutOptions::default();
        drop(self.inner.put(&Call::new(), path, &BytesSource::new(content), &options).await);
    }
}

async fn beginning_of(source: &dyn Source) -> Result<Bytes> {
    let first = source.open(&Call::new(), 0).await?.next().await.transpose()?.unwrap_or_default();
    Ok(first.slice(..first.len() / 2))
}

/// A source that is always right.
#[derive(Debug)]
struct Unproven<'a>(&'a dyn Source);

#[async_trait]
impl Source for Unproven<'_> {
    fn describe(&self) -> String {
        self.0.describe()
    }

    fn size(&self) -> Option<u64> {
        self.0.size()
    }

    async fn open(&self, call: &Call, offset: u64) -> Result<law_storage::ByteStream> {
        self.0.open(call, offset).await
    }

    fn wanted(&self) -> Vec<Algorithm> {
        self.0.wanted()
    }

    async fn prove(&self, _call: &Call, _taken: &Taken) -> Result<Proof> {
        Ok(Proof::None)
    }

    async fn local_file(&self) -> Result<Option<LocalFile>> {
        Ok(None)
    }
}

/// Publishes half a file when it is dropped.
struct Dropped<'a>(&'a Flawed, &'a Path, bool);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        if !self.2 {
            self.0.force(self.1, "half a file".into()).now_or_never();
        }
    }
}

/// The ways to write wrongly.
impl Flawed {
    async fn write(&self, call: &Call, path: &Path, source: &dyn Source, options: &PutOptions) -> Result<Receipt> {
        let inner = &self.inner;
        match self.flaw {
            Flaw::OverwritesAreTorn if options.existing == Existing::Replace && self.exists(path).await => {
                self.force(path, beginning_of(source).await?).await;
                tokio::task::yield_now().await;
                inner.put(call, path, source, options).await
            }
            Flaw::OverwritesRemoveFirst if options.existing == Existing::Replace => {
                drop(inner.remove_file(call, path).await);
                inner.put(call, path, source, options).await
            }
            Flaw::ProofComesTooLate => {
                let receipt = inner.put(call, path, &Unproven(source), options).await?;
                let digests = receipt.digests.iter().map(|(digest, _)| digest.clone()).collect();
                let source_proof = source.prove(call, &Taken { size: receipt.size, digests }).await?;
                Ok(Receipt { source_proof, ..receipt })
            }
            Flaw::TemporariesStay => {
                let temporary = law_storage::temporary_path(path)?;
                self.force(&temporary, "half".into()).await;
                let receipt = inner.put(call, path, source, options).await?;
                drop(inner.remove_file(call, &temporary).await);
                Ok(receipt)
            }
            Flaw::DropsPublish => {
                let mut guard = Dropped(self, path, false);
                let written = inner.put(call, path, source, options).await;
                guard.2 = true;
                written
            }
            Flaw::WritersOverlook if options.existing == Existing::Refuse && !self.exists(path).await => {
                let options = PutOptions { existing: Existing::Replace, ..options.clone() };
                inner.put(call, path, source, &options).await
            }
            Flaw::ParentsAreMade => {
                let options = PutOptions { parents: Parents::Create, ..options.clone() };
                inner.put(call, path, source, &options).await
            }
            Flaw::TimesAreForgotten => {
                inner.put(call, path, source, &PutOptions { modified: None, ..options.clone() }).await
            }
            Flaw::ReceiptsProveNothing => {
                let receipt = inner.put(call, path, source, options).await?;
                Ok(Receipt { digests: Vec::new(), proof: Proof::None, ..receipt })
            }
            _ => inner.put(call, path, source, options).await,
        }
    }

    async fn pages(&self, call: &Call, path: &Path, options: &ListOptions) -> Result<Listing> {
        let mut pages: Vec<Result<Page>> = self.inner.list(call, path, options).await?.collect().await;
        if self.is(Flaw::PagesGetLost) && pages.len() > 1 {
            pages.pop();
        }
        // As servers that repeat the directory at the top of each page.
        if self.is(Flaw::DirectoriesListThemselves) && pages.len() > 1 {
            let own = Entry { path: path.clone(), metadata: Metadata::directory() };
            pages.push(Ok(Page { entries: vec![own], continuation: None }));
        }
        Ok(stream::iter(pages).boxed())
    }

    async fn wrong_reading(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        let directory = self.inner.stat(call, path).await?.is_some_and(|found| found.is_directory());
        if self.is(Flaw::DirectoriesAreRead) && directory {
            let (page, range) = (Bytes::from("<html>Index of /</html>"), ByteRange::whole(23));
            let (validator, digests) = (Validator::default(), Vec::new());
            return Ok(Reading { size: 23, range, validator, digests, stream: ready(page) });
        }
        let mut options = options.clone();
        if self.is(Flaw::ReadsTakeAnyVersion) {
            options.validator = None;
        }
        let reading = self.inner.read(call, path, &options).await?;
        match self.flaw {
            // As a server that answers 416.
            Flaw::ReadsAreNotClamped if options.range.is_some_and(|range| range.offset > reading.size) => {
                Err(law_storage::Error::new(law_storage::ErrorKind::Malformed, "range not satisfiable"))
            }
            Flaw::ReadsAreShort if reading.size > 1 << 20 => {
                Ok(Reading { stream: reading.stream.take(3).boxed(), ..reading })
            }
            _ => Ok(reading),
        }
    }
}

#[async_trait]
impl Backend for Flawed {
    fn url(&self, path: &Path) -> String {
        self.inner.url(path)
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.inner.capabilities();
        if self.is(Flaw::PartialListings) {
            capabilities.list = Support::No;
        }
        capabilities
    }

    async fn probe(&self, call: &Call) -> Result<Capabilities> {
        self.inner.probe(call).await?;
        Ok(self.capabilities())
    }

    async fn stat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        let found = self.inner.stat(&self.call(call), &self.path(path)).await;
        match self.flaw {
            Flaw::ErrorsAreMissing => Ok(found.unwrap_or_default()),
            Flaw::StatIsStale => {
                let mut seen = self.seen.lock().expect("no panic");
                Ok(found?.map(|found| seen.entry(path.clone()).or_insert(found).clone()))
            }
            _ => found,
        }
    }

    async fn lstat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        match self.is(Flaw::LinksAreAlwaysFollowed) {
            true => self.inner.stat(call, path).await,
            false => self.inner.lstat(call, &self.path(path)).await,
        }
    }

    async fn read(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        self.wrong_reading(call, &self.path(path), options).await
    }

    async fn read_ranges(
        &self,
        call: &Call,
        path: &Path,
        ranges: &[ByteRange],
        validator: Option<&Validator>,
    ) -> Result<Vec<Bytes>> {
        let mut ranges = ranges.to_vec();
        if self.is(Flaw::RangesAreSorted) {
            ranges.sort_by_key(|range| range.offset);
        }
        let validator = validator.filter(|_| !self.is(Flaw::ReadsTakeAnyVersion));
        self.inner.read_ranges(call, &self.path(path), &ranges, validator).await
    }

    async fn read_into(
        &self,
        call: &Call,
        path: &Path,
        offset: u64,
        buffer: &mut [u8],
        validator: Option<&Validator>,
    ) -> Result<usize> {
        self.inner.read_into(call, &self.path(path), offset, buffer, validator).await
    }

    async fn put(&self, call: &Call, path: &Path, source: &dyn Source, options: &PutOptions) -> Result<Receipt> {
        self.write(call, &self.path(path), source, options).await
    }

    async fn list(&self, call: &Call, path: &Path, options: &ListOptions) -> Result<Listing> {
        self.pages(&self.call(call), &self.path(path), options).await
    }

    async fn create_directory(&self, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        self.inner.create_directory(call, &self.path(path), parents).await
    }

    async fn remove_file(&self, call: &Call, path: &Path) -> Result<()> {
        self.inner.remove_file(call, &self.path(path)).await
    }

    async fn remove_directory(&self, call: &Call, path: &Path) -> Result<()> {
        if self.is(Flaw::FullDirectoriesAreRemoved) {
            for entry in law_storage::list_all(&self.inner, call, path).await? {
                match entry.metadata.is_directory() {
                    true => self.remove_directory(call, &entry.path).await?,
                    false => self.inner.remove_file(call, &entry.path).await?,
                }
            }
        }
        self.inner.remove_directory(call, &self.path(path)).await
    }

    async fn rename(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        let destination = if self.is(Flaw::RenamesReplace) { Destination::Replace } else { destination };
        match self.inner.rename(call, &self.path(from), &self.path(to), destination).await {
            Err(error) if self.is(Flaw::RenamesOfNothing) && error.kind() == law_storage::ErrorKind::NotFound => Ok(()),
            renamed => renamed,
        }
    }

    async fn copy(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        self.inner.copy(call, from, to, destination).await
    }

    async fn digest(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>> {
        let wanted = if self.is(Flaw::WishesAreIgnored) { &[] } else { wanted };
        let found = self.inner.digest(&self.call(call), &self.path(path), wanted).await?;
        Ok(match self.is(Flaw::DigestsAreWrong) {
            true => found.and_then(|digest| Digest::new(digest.algorithm(), &vec![1; digest.value().len()])),
            false => found,
        })
    }

    async fn local_file(&self, call: &Call, path: &Path, validator: Option<&Validator>) -> Result<Option<LocalFile>> {
        self.inner.local_file(call, path, validator).await
    }

    async fn set_modified(&self, call: &Call, path: &Path, time: SystemTime) -> Result<()> {
        self.inner.set_modified(call, path, time).await
    }

    async fn set_mode(&self, call: &Call, path: &Path, mode: u32) -> Result<()> {
        match self.is(Flaw::ModesAreIgnored) {
            true => self.inner.stat(call, path).await.map(drop),
            false => self.inner.set_mode(call, path, mode).await,
        }
    }

    async fn create_link(&self, call: &Call, path: &Path, target: &[u8]) -> Result<()> {
        self.inner.create_link(call, path, target).await
    }

    async fn read_link(&self, call: &Call, path: &Path) -> Result<Vec<u8>> {
        self.inner.read_link(call, path).await
    }

    async fn attributes(&self, call: &Call, path: &Path) -> Result<Vec<String>> {
        self.inner.attributes(call, path).await
    }

    async fn attribute(&self, call: &Call, path: &Path, name: &str) -> Result<Option<Vec<u8>>> {
        self.inner.attribute(call, path, name).await
    }

    async fn set_attribute(&self, call: &Call, path: &Path, name: &str, value: Option<&[u8]>) -> Result<()> {
        self.inner.set_attribute(call, path, name, value).await
    }

    async fn space(&self, call: &Call, path: &Path) -> Result<Space> {
        let space = self.inner.space(call, path).await?;
        assert!(!self.is(Flaw::SpacePanics), "nobody asks for space");
        Ok(space)
    }
}
