//! A source whose bytes are counted on their way.

use async_trait::async_trait;
use futures_util::StreamExt as _;
use law_storage::{Algorithm, ByteStream, Call, LocalFile, Proof, Result, Source, Taken};

use crate::Progress;

/// Another source, and where its bytes are counted. What the kernel copies from file to file is not seen.
#[derive(Debug)]
pub(crate) struct Counted<S> {
    source: S,
    progress: Progress,
}

impl<S> Counted<S> {
    pub(crate) fn new(source: S, progress: Progress) -> Self {
        Self { source, progress }
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
        let progress = self.progress.clone();
        let count = move |chunk: &Result<bytes::Bytes>| {
            progress.add_bytes(chunk.as_ref().map_or(0, |chunk| chunk.len() as u64));
        };
        Ok(self.source.open(call, offset).await?.inspect(count).boxed())
    }

    fn wanted(&self) -> Vec<Algorithm> {
        self.source.wanted()
    }

    async fn prove(&self, call: &Call, taken: &Taken) -> Result<Proof> {
        self.source.prove(call, taken).await
    }

    async fn local_file(&self) -> Result<Option<LocalFile>> {
        self.source.local_file().await
    }
}
