//! A source whose bytes are counted on their way.

use async_trait::async_trait;
use futures_util::StreamExt as _;
use law_storage::{Algorithm, ByteRange, ByteStream, Call, LocalFile, Proof, Result, Source, Taken};

use crate::{Bandwidth, Progress};

/// Another source, and where its bytes are counted. What the kernel copies from file to file is not seen.
#[derive(Debug)]
pub(crate) struct Counted<S> {
    source: S,
    progress: Progress,
    limit: Option<Bandwidth>,
}

impl<S> Counted<S> {
    pub(crate) fn new(source: S, progress: Progress, limit: Option<Bandwidth>) -> Self {
        Self { source, progress, limit }
    }

    fn counted(&self, stream: ByteStream) -> ByteStream {
        let progress = self.progress.clone();
        let count = move |chunk: &Result<bytes::Bytes>| {
            progress.add_bytes(chunk.as_ref().map_or(0, |chunk| chunk.len() as u64));
        };
        let stream = stream.inspect(count);
        let Some(limit) = self.limit.clone() else { return stream.boxed() };
        let paced = stream.then(move |chunk| {
            let limit = limit.clone();
            async move {
                limit.take(chunk.as_ref().map_or(0, bytes::Bytes::len)).await;
                chunk
            }
        });
        paced.boxed()
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<S: Source> Source for Counted<S> {
    fn describe(&self) -> String {
        self.source.describe()
    }

    fn size(&self) -> Option<u64> {
        self.source.size()
    }

    async fn open(&self, call: &Call, offset: u64) -> Result<ByteStream> {
        Ok(self.counted(self.source.open(call, offset).await?))
    }

    async fn open_part(&self, call: &Call, range: ByteRange) -> Result<Option<ByteStream>> {
        Ok(self.source.open_part(call, range).await?.map(|stream| self.counted(stream)))
    }

    fn has_parts(&self) -> bool {
        self.source.has_parts()
    }

    fn is_in_memory(&self) -> bool {
        // What is taken once more would be counted once more.
        false
    }

    fn wanted(&self) -> Vec<Algorithm> {
        self.source.wanted()
    }

    async fn prove(&self, call: &Call, taken: &Taken) -> Result<Proof> {
        self.source.prove(call, taken).await
    }

    async fn local_file(&self) -> Result<Option<LocalFile>> {
        // The kernel knows no limit.
        if self.limit.is_some() { Ok(None) } else { self.source.local_file().await }
    }
}
