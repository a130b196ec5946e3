//! A wrapper for a storage whose paths begin deeper at one door than at the others.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;

use crate::{
    Access, Algorithm, Backend, ByteRange, Call, Capabilities, Destination, Digest, Error, ErrorKind, ListOptions,
    Listing, LocalFile, Metadata, Operation, Order, Page, Parents, Path, PutOptions, ReadOptions, Reading, Receipt,
    Result, Source, Space, TapeAnswer, TapeOrder, UnfinishedUpload, Validator,
};

/// Another backend whose root is one of its directories.
#[derive(Debug, Clone)]
pub struct Rooted {
    inner: Arc<dyn Backend>,
    root: Path,
}

impl Rooted {
    /// The directory `root` of `inner`.
    pub fn new(inner: Arc<dyn Backend>, root: Path) -> Self {
        Self { inner, root }
    }

    /// It has no name here, though it has one behind.
    fn has_a_name(&self, path: &Path, operation: Operation) -> Result<()> {
        if !path.is_root() {
            return Ok(());
        }
        let error = Error::new(ErrorKind::InvalidInput, "the root cannot be moved or removed");
        Err(error.at(self.inner.url(&self.root)).during(operation))
    }

    fn below(&self, path: &Path) -> Path {
        self.root.join(path)
    }
}

/// A page as it is seen from `root`.
fn seen_from(root: &Path, mut page: Page) -> Result<Page> {
    for entry in &mut page.entries {
        let outside = || Error::new(ErrorKind::Malformed, "the listing has a name from elsewhere");
        entry.path = entry.path.strip_prefix(root).ok_or_else(outside)?;
    }
    Ok(page)
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Backend for Rooted {
    fn url(&self, path: &Path) -> String {
        self.inner.url(&self.below(path))
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn probe(&self, call: &Call) -> Result<Capabilities> {
        self.inner.probe(call).await
    }

    async fn stat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        self.inner.stat(call, &self.below(path)).await
    }

    async fn lstat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        self.inner.lstat(call, &self.below(path)).await
    }

    async fn read(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        self.inner.read(call, &self.below(path), options).await
    }

    async fn read_ranges(
        &self,
        call: &Call,
        path: &Path,
        ranges: &[ByteRange],
        validator: Option<&Validator>,
    ) -> Result<Vec<Bytes>> {
        self.inner.read_ranges(call, &self.below(path), ranges, validator).await
    }

    async fn read_into(
        &self,
        call: &Call,
        path: &Path,
        offset: u64,
        buffer: &mut [u8],
        validator: Option<&Validator>,
    ) -> Result<usize> {
        self.inner.read_into(call, &self.below(path), offset, buffer, validator).await
    }

    async fn put(&self, call: &Call, path: &Path, source: &dyn Source, options: &PutOptions) -> Result<Receipt> {
        self.inner.put(call, &self.below(path), source, options).await
    }

    async fn list(&self, call: &Call, path: &Path, options: &ListOptions) -> Result<Listing> {
        let (listing, root) = (self.inner.list(call, &self.below(path), options).await?, self.root.clone());
        Ok(listing.map(move |page| page.and_then(|page| seen_from(&root, page))).boxed())
    }

    async fn create_directory(&self, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        self.inner.create_directory(call, &self.below(path), parents).await
    }

    async fn remove_file(&self, call: &Call, path: &Path) -> Result<()> {
        self.inner.remove_file(call, &self.below(path)).await
    }

    async fn remove_directory(&self, call: &Call, path: &Path) -> Result<()> {
        self.has_a_name(path, Operation::Remove)?;
        self.inner.remove_directory(call, &self.below(path)).await
    }

    async fn rename(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        self.has_a_name(from, Operation::Rename)?;
        self.inner.rename(call, &self.below(from), &self.below(to), destination).await
    }

    async fn copy(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        self.inner.copy(call, &self.below(from), &self.below(to), destination).await
    }

    fn access(&self, path: &Path) -> Result<Access> {
        self.inner.access(&self.below(path))
    }

    async fn third_party(&self, call: &Call, path: &Path, order: &Order<'_>) -> Result<()> {
        self.inner.third_party(call, &self.below(path), order).await
    }

    async fn tape(&self, call: &Call, order: &TapeOrder<'_>) -> Result<TapeAnswer> {
        let files: Vec<Path> = order.files().iter().map(|path| self.below(path)).collect();
        let answer = self.inner.tape(call, &order.of(&files)).await?;
        Ok(answer.seen_from(&self.root))
    }

    async fn unfinished_uploads(&self, call: &Call, top: &Path) -> Result<Vec<UnfinishedUpload>> {
        let found = self.inner.unfinished_uploads(call, &self.below(top)).await?;
        let seen =
            |upload: UnfinishedUpload| Some(UnfinishedUpload { path: upload.path.strip_prefix(&self.root)?, ..upload });
        Ok(found.into_iter().filter_map(seen).collect())
    }

    async fn abandon_upload(&self, call: &Call, upload: &UnfinishedUpload) -> Result<()> {
        let upload = UnfinishedUpload { path: self.below(&upload.path), ..upload.clone() };
        self.inner.abandon_upload(call, &upload).await
    }

    async fn digest(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>> {
        self.inner.digest(call, &self.below(path), wanted).await
    }

    async fn local_file(&self, call: &Call, path: &Path, validator: Option<&Validator>) -> Result<Option<LocalFile>> {
        self.inner.local_file(call, &self.below(path), validator).await
    }

    async fn local_file_here(
        &self,
        call: &Call,
        path: &Path,
        validator: Option<&Validator>,
    ) -> Result<Option<LocalFile>> {
        self.inner.local_file_here(call, &self.below(path), validator).await
    }

    async fn local_directory(&self, call: &Call, path: &Path) -> Result<Option<std::path::PathBuf>> {
        self.inner.local_directory(call, &self.below(path)).await
    }

    async fn set_modified(&self, call: &Call, path: &Path, time: SystemTime) -> Result<()> {
        self.inner.set_modified(call, &self.below(path), time).await
    }

    async fn set_mode(&self, call: &Call, path: &Path, mode: u32) -> Result<()> {
        self.inner.set_mode(call, &self.below(path), mode).await
    }

    async fn create_link(&self, call: &Call, path: &Path, target: &[u8]) -> Result<()> {
        self.inner.create_link(call, &self.below(path), target).await
    }

    async fn read_link(&self, call: &Call, path: &Path) -> Result<Vec<u8>> {
        self.inner.read_link(call, &self.below(path)).await
    }

    async fn attributes(&self, call: &Call, path: &Path) -> Result<Vec<String>> {
        self.inner.attributes(call, &self.below(path)).await
    }

    async fn attribute(&self, call: &Call, path: &Path, name: &str) -> Result<Option<Vec<u8>>> {
        self.inner.attribute(call, &self.below(path), name).await
    }

    async fn set_attribute(&self, call: &Call, path: &Path, name: &str, value: Option<&[u8]>) -> Result<()> {
        self.inner.set_attribute(call, &self.below(path), name, value).await
    }

    async fn space(&self, call: &Call, path: &Path) -> Result<Space> {
        self.inner.space(call, &self.below(path)).await
    }
}
