//! A wrapper that adds nothing: the template of those that do.

use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    Access, Algorithm, Backend, ByteRange, Call, Capabilities, Destination, Digest, ListOptions, Listing, LocalFile,
    Metadata, Order, Parents, Path, PutOptions, ReadOptions, Reading, Receipt, Result, Source, Space, TapeAnswer,
    TapeOrder, UnfinishedUpload, Validator,
};

/// Forwards every method to another backend, and does nothing else.
///
/// It proves that a backend can be wrapped, and is what a new wrapper is copied from. Each wrapper carries the same
/// `#[deny(clippy::missing_trait_methods)]`, so that a method with a default, should [`Backend`] ever get one, cannot
/// slip past it.
#[derive(Debug, Clone)]
pub struct PassThrough<B>(B);

impl<B: Backend> PassThrough<B> {
    /// Wraps `inner`.
    pub fn new(inner: B) -> Self {
        Self(inner)
    }

    /// What is wrapped.
    pub fn inner(&self) -> &B {
        &self.0
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<B: Backend> Backend for PassThrough<B> {
    fn url(&self, path: &Path) -> String {
        self.0.url(path)
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn probe(&self, call: &Call) -> Result<Capabilities> {
        self.0.probe(call).await
    }

    async fn stat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        self.0.stat(call, path).await
    }

    async fn lstat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        self.0.lstat(call, path).await
    }

    async fn read(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        self.0.read(call, path, options).await
    }

    async fn read_ranges(
        &self,
        call: &Call,
        path: &Path,
        ranges: &[ByteRange],
        validator: Option<&Validator>,
    ) -> Result<Vec<Bytes>> {
        self.0.read_ranges(call, path, ranges, validator).await
    }

    async fn read_into(
        &self,
        call: &Call,
        path: &Path,
        offset: u64,
        buffer: &mut [u8],
        validator: Option<&Validator>,
    ) -> Result<usize> {
        self.0.read_into(call, path, offset, buffer, validator).await
    }

    async fn put(&self, call: &Call, path: &Path, source: &dyn Source, options: &PutOptions) -> Result<Receipt> {
        self.0.put(call, path, source, options).await
    }

    async fn list(&self, call: &Call, path: &Path, options: &ListOptions) -> Result<Listing> {
        self.0.list(call, path, options).await
    }

    async fn create_directory(&self, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        self.0.create_directory(call, path, parents).await
    }

    async fn remove_file(&self, call: &Call, path: &Path) -> Result<()> {
        self.0.remove_file(call, path).await
    }

    async fn remove_directory(&self, call: &Call, path: &Path) -> Result<()> {
        self.0.remove_directory(call, path).await
    }

    async fn rename(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        self.0.rename(call, from, to, destination).await
    }

    async fn copy(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        self.0.copy(call, from, to, destination).await
    }

    fn access(&self, path: &Path) -> Result<Access> {
        self.0.access(path)
    }

    async fn third_party(&self, call: &Call, path: &Path, order: &Order<'_>) -> Result<()> {
        self.0.third_party(call, path, order).await
    }

    async fn tape(&self, call: &Call, order: &TapeOrder<'_>) -> Result<TapeAnswer> {
        self.0.tape(call, order).await
    }

    async fn unfinished_uploads(&self, call: &Call, top: &Path) -> Result<Vec<UnfinishedUpload>> {
        self.0.unfinished_uploads(call, top).await
    }

    async fn abandon_upload(&self, call: &Call, upload: &UnfinishedUpload) -> Result<()> {
        self.0.abandon_upload(call, upload).await
    }

    async fn digest(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>> {
        self.0.digest(call, path, wanted).await
    }

    async fn local_file(&self, call: &Call, path: &Path, validator: Option<&Validator>) -> Result<Option<LocalFile>> {
        self.0.local_file(call, path, validator).await
    }

    async fn local_file_here(
        &self,
        call: &Call,
        path: &Path,
        validator: Option<&Validator>,
    ) -> Result<Option<LocalFile>> {
        self.0.local_file_here(call, path, validator).await
    }

    async fn local_directory(&self, call: &Call, path: &Path) -> Result<Option<std::path::PathBuf>> {
        self.0.local_directory(call, path).await
    }

    async fn set_modified(&self, call: &Call, path: &Path, time: SystemTime) -> Result<()> {
        self.0.set_modified(call, path, time).await
    }

    async fn set_mode(&self, call: &Call, path: &Path, mode: u32) -> Result<()> {
        self.0.set_mode(call, path, mode).await
    }

    async fn create_link(&self, call: &Call, path: &Path, target: &[u8]) -> Result<()> {
        self.0.create_link(call, path, target).await
    }

    async fn read_link(&self, call: &Call, path: &Path) -> Result<Vec<u8>> {
        self.0.read_link(call, path).await
    }

    async fn attributes(&self, call: &Call, path: &Path) -> Result<Vec<String>> {
        self.0.attributes(call, path).await
    }

    async fn attribute(&self, call: &Call, path: &Path, name: &str) -> Result<Option<Vec<u8>>> {
        self.0.attribute(call, path, name).await
    }

    async fn set_attribute(&self, call: &Call, path: &Path, name: &str, value: Option<&[u8]>) -> Result<()> {
        self.0.set_attribute(call, path, name, value).await
    }

    async fn space(&self, call: &Call, path: &Path) -> Result<Space> {
        self.0.space(call, path).await
    }
}
