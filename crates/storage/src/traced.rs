//! A wrapper that says what passes through a layer: the data path, as `-v` shows it.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use tracing::{Instrument as _, Level};

use crate::{
    Access, Algorithm, Backend, ByteRange, Call, Capabilities, Destination, Digest, ListOptions, Listing, LocalFile,
    Metadata, Order, Parents, Path, Proof, PutOptions, ReadOptions, Reading, Receipt, Result, Source, Space,
    TapeAnswer, TapeOrder, UnfinishedUpload, Validator,
};

/// Another backend, with a span around each of its calls and a line at the end of each: the operation, the path, the outcome, the time.
/// Of a read and a listing the line comes when they are open. Where nobody listens it costs nothing.
#[derive(Debug, Clone)]
pub struct Traced {
    layer: Arc<str>,
    inner: Arc<dyn Backend>,
}

impl Traced {
    /// Wraps `inner`, which is called `layer` in the log.
    pub fn new(layer: impl Into<Arc<str>>, inner: Arc<dyn Backend>) -> Self {
        Self { layer: layer.into(), inner }
    }

    async fn tell<T>(
        &self,
        operation: &'static str,
        path: &Path,
        work: impl Future<Output = Result<T>> + Send,
        outcome: impl Fn(&T) -> String + Send,
    ) -> Result<T> {
        if !tracing::enabled!(Level::INFO) {
            return work.await;
        }
        let span =
            tracing::info_span!("call", layer = %self.layer, operation = %operation, path = %format_args!("/{path}"));
        let told = async {
            let begin = Instant::now();
            let result = work.await;
            let milliseconds = begin.elapsed().as_millis() as u64;
            match &result {
                Ok(value) => tracing::info!(milliseconds, "{}", outcome(value)),
                Err(error) => tracing::info!(milliseconds, "failed: {error}"),
            }
            result
        };
        told.instrument(span).await
    }
}

fn done(_: &()) -> String {
    "done".into()
}

fn proven(proof: &Proof) -> String {
    match proof {
        Proof::Checksum(algorithm) => format!("{algorithm} agrees"),
        Proof::Local => "written by the kernel".into(),
        Proof::ReadBack => "read back, and the same".into(),
        Proof::Size => "size agrees".into(),
        Proof::None => "not verified".into(),
    }
}

/// What is there, in few words.
fn shown(found: &Option<Metadata>) -> String {
    match found {
        None => "nothing there".into(),
        Some(metadata) => match metadata.size {
            Some(size) if metadata.is_file() => format!("a file of {size} bytes"),
            _ => format!("{:?}", metadata.kind).to_lowercase(),
        },
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Backend for Traced {
    fn url(&self, path: &Path) -> String {
        self.inner.url(path)
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn probe(&self, call: &Call) -> Result<Capabilities> {
        self.tell("probe", &Path::root(), self.inner.probe(call), |_| "known now".into()).await
    }

    async fn stat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        self.tell("stat", path, self.inner.stat(call, path), shown).await
    }

    async fn lstat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        self.tell("lstat", path, self.inner.lstat(call, path), shown).await
    }

    async fn read(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        self.tell("read", path, self.inner.read(call, path, options), |reading: &Reading| {
            format!("{} bytes from {}", reading.range.length, reading.range.offset)
        })
        .await
    }

    async fn read_ranges(
        &self,
        call: &Call,
        path: &Path,
        ranges: &[ByteRange],
        validator: Option<&Validator>,
    ) -> Result<Vec<Bytes>> {
        self.tell("read_ranges", path, self.inner.read_ranges(call, path, ranges, validator), |parts: &Vec<Bytes>| {
            format!("{} parts", parts.len())
        })
        .await
    }

    async fn read_into(
        &self,
        call: &Call,
        path: &Path,
        offset: u64,
        buffer: &mut [u8],
        validator: Option<&Validator>,
    ) -> Result<usize> {
        self.tell("read_into", path, self.inner.read_into(call, path, offset, buffer, validator), |read: &usize| {
            format!("{read} bytes")
        })
        .await
    }

    async fn put(&self, call: &Call, path: &Path, source: &dyn Source, options: &PutOptions) -> Result<Receipt> {
        self.tell("put", path, self.inner.put(call, path, source, options), |receipt: &Receipt| {
            format!("{} bytes, {}", receipt.size, proven(&receipt.proof))
        })
        .await
    }

    async fn list(&self, call: &Call, path: &Path, options: &ListOptions) -> Result<Listing> {
        self.tell("list", path, self.inner.list(call, path, options), |_| "open".into()).await
    }

    async fn create_directory(&self, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        self.tell("create_directory", path, self.inner.create_directory(call, path, parents), done).await
    }

    async fn remove_file(&self, call: &Call, path: &Path) -> Result<()> {
        self.tell("remove_file", path, self.inner.remove_file(call, path), done).await
    }

    async fn remove_directory(&self, call: &Call, path: &Path) -> Result<()> {
        self.tell("remove_directory", path, self.inner.remove_directory(call, path), done).await
    }

    async fn rename(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        self.tell("rename", from, self.inner.rename(call, from, to, destination), done).await
    }

    async fn copy(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        self.tell("copy", from, self.inner.copy(call, from, to, destination), done).await
    }

    fn access(&self, path: &Path) -> Result<Access> {
        self.inner.access(path)
    }

    async fn third_party(&self, call: &Call, path: &Path, order: &Order<'_>) -> Result<()> {
        self.tell("third_party", path, self.inner.third_party(call, path, order), done).await
    }

    async fn tape(&self, call: &Call, order: &TapeOrder<'_>) -> Result<TapeAnswer> {
        self.tell("tape", &Path::root(), self.inner.tape(call, order), |_: &TapeAnswer| "answered".into()).await
    }

    async fn unfinished_uploads(&self, call: &Call, top: &Path) -> Result<Vec<UnfinishedUpload>> {
        self.tell(
            "unfinished_uploads",
            top,
            self.inner.unfinished_uploads(call, top),
            |found: &Vec<UnfinishedUpload>| format!("{} uploads", found.len()),
        )
        .await
    }

    async fn abandon_upload(&self, call: &Call, upload: &UnfinishedUpload) -> Result<()> {
        self.tell("abandon_upload", &upload.path, self.inner.abandon_upload(call, upload), done).await
    }

    async fn digest(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>> {
        self.tell("digest", path, self.inner.digest(call, path, wanted), |digest: &Option<Digest>| {
            digest.as_ref().map_or("none".into(), ToString::to_string)
        })
        .await
    }

    async fn local_file(&self, call: &Call, path: &Path, validator: Option<&Validator>) -> Result<Option<LocalFile>> {
        self.tell("local_file", path, self.inner.local_file(call, path, validator), |file: &Option<LocalFile>| {
            if file.is_some() { "a local file".into() } else { "not local".into() }
        })
        .await
    }

    async fn local_file_here(
        &self,
        call: &Call,
        path: &Path,
        validator: Option<&Validator>,
    ) -> Result<Option<LocalFile>> {
        let local = self.inner.local_file_here(call, path, validator);
        self.tell("local_file_here", path, local, |file: &Option<LocalFile>| {
            if file.is_some() { "a local file".into() } else { "not local".into() }
        })
        .await
    }

    async fn local_directory(&self, call: &Call, path: &Path) -> Result<Option<std::path::PathBuf>> {
        let told = |directory: &Option<std::path::PathBuf>| match directory {
            Some(_) => "a local directory".into(),
            None => "not local".into(),
        };
        self.tell("local_directory", path, self.inner.local_directory(call, path), told).await
    }

    async fn set_modified(&self, call: &Call, path: &Path, time: SystemTime) -> Result<()> {
        self.tell("set_modified", path, self.inner.set_modified(call, path, time), done).await
    }

    async fn set_mode(&self, call: &Call, path: &Path, mode: u32) -> Result<()> {
        self.tell("set_mode", path, self.inner.set_mode(call, path, mode), done).await
    }

    async fn create_link(&self, call: &Call, path: &Path, target: &[u8]) -> Result<()> {
        self.tell("create_link", path, self.inner.create_link(call, path, target), done).await
    }

    async fn read_link(&self, call: &Call, path: &Path) -> Result<Vec<u8>> {
        self.tell("read_link", path, self.inner.read_link(call, path), |target: &Vec<u8>| {
            String::from_utf8_lossy(target).into_owned()
        })
        .await
    }

    async fn attributes(&self, call: &Call, path: &Path) -> Result<Vec<String>> {
        self.tell("attributes", path, self.inner.attributes(call, path), |names: &Vec<String>| {
            format!("{}", names.len())
        })
        .await
    }

    async fn attribute(&self, call: &Call, path: &Path, name: &str) -> Result<Option<Vec<u8>>> {
        self.tell("attribute", path, self.inner.attribute(call, path, name), |value: &Option<Vec<u8>>| {
            if value.is_some() { "there".into() } else { "not there".into() }
        })
        .await
    }

    async fn set_attribute(&self, call: &Call, path: &Path, name: &str, value: Option<&[u8]>) -> Result<()> {
        self.tell("set_attribute", path, self.inner.set_attribute(call, path, name, value), done).await
    }

    async fn space(&self, call: &Call, path: &Path) -> Result<Space> {
        self.tell("space", path, self.inner.space(call, path), |_| "told".into()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BytesSource, Memory};

    #[tokio::test]
    async fn what_passes_is_what_the_backend_says() {
        let traced = Traced::new("memory", Arc::new(Memory::new()));
        let (call, path) = (Call::new(), Path::parse("/a").unwrap());
        assert_eq!(traced.stat(&call, &path).await.unwrap(), None);
        let receipt = traced.put(&call, &path, &BytesSource::new("abc"), &PutOptions::default()).await.unwrap();
        assert_eq!(receipt.size, 3);
        assert_eq!(traced.stat(&call, &path).await.unwrap().unwrap().size, Some(3));
    }
}
