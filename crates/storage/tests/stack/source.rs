//! A source that is watched, and may break.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use law_storage::{
    Algorithm, ByteStream, BytesSource, Call, Error, ErrorKind, LocalFile, Proof, Result, Source, Taken,
};

#[derive(Debug)]
pub(crate) struct Watched {
    bytes: BytesSource,
    wanted: Vec<Algorithm>,
    breaks: Option<ErrorKind>,
    opened: AtomicUsize,
}

impl Watched {
    pub(crate) fn new(text: &'static str) -> Self {
        Self { bytes: BytesSource::new(text), wanted: Vec::new(), breaks: None, opened: AtomicUsize::new(0) }
    }

    /// Wants this checksum.
    pub(crate) fn wanting(self, algorithm: Algorithm) -> Self {
        Self { wanted: vec![algorithm], ..self }
    }

    /// Cannot be opened.
    pub(crate) fn breaking(self, kind: ErrorKind) -> Self {
        Self { breaks: Some(kind), ..self }
    }

    /// How often it was opened.
    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Source for Watched {
    fn describe(&self) -> String {
        "a source that is watched".into()
    }

    fn size(&self) -> Option<u64> {
        self.bytes.size()
    }

    async fn open(&self, call: &Call, offset: u64) -> Result<ByteStream> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        match self.breaks {
            Some(kind) => Err(Error::new(kind, "the source is broken")),
            None => self.bytes.open(call, offset).await,
        }
    }

    fn wanted(&self) -> Vec<Algorithm> {
        self.wanted.clone()
    }

    async fn prove(&self, call: &Call, taken: &Taken) -> Result<Proof> {
        self.bytes.prove(call, taken).await
    }

    async fn local_file(&self) -> Result<Option<LocalFile>> {
        Ok(None)
    }
}
