//! A source whose failures are not the destination's.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::StreamExt as _;

use crate::{Algorithm, ByteRange, ByteStream, Call, Error, LocalFile, Proof, Result, Source, Status, Taken};

/// A source whose errors are final for who writes its bytes: what can be done about them has been done by its own storage,
/// and no other attempt, and no other door of the destination, would help.
#[derive(Debug)]
pub(crate) struct FinalSource<'a> {
    inner: &'a dyn Source,
    /// How it has proven itself.
    proof: Mutex<Option<Proof>>,
}

impl<'a> FinalSource<'a> {
    pub(crate) fn new(inner: &'a dyn Source) -> Self {
        Self { inner, proof: Mutex::new(None) }
    }

    /// The proof that it has given, before something was published; else one of now.
    pub(crate) async fn proven(&self, call: &Call, taken: &Taken) -> Result<Proof> {
        let given = self.proof.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match given {
            Some(proof) => Ok(proof),
            None => self.prove(call, taken).await,
        }
    }
}

fn end(error: Error) -> Error {
    error.with_status(Status::Permanent)
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Source for FinalSource<'_> {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn size(&self) -> Option<u64> {
        self.inner.size()
    }

    async fn open(&self, call: &Call, offset: u64) -> Result<ByteStream> {
        let stream = self.inner.open(call, offset).await.map_err(end)?;
        Ok(stream.map(|item| item.map_err(end)).boxed())
    }

    async fn open_part(&self, call: &Call, range: ByteRange) -> Result<Option<ByteStream>> {
        let stream = self.inner.open_part(call, range).await.map_err(end)?;
        Ok(stream.map(|stream| stream.map(|item| item.map_err(end)).boxed()))
    }

    fn has_parts(&self) -> bool {
        self.inner.has_parts()
    }

    fn is_in_memory(&self) -> bool {
        self.inner.is_in_memory()
    }

    fn wanted(&self) -> Vec<Algorithm> {
        self.inner.wanted()
    }

    async fn prove(&self, call: &Call, taken: &Taken) -> Result<Proof> {
        let proof = self.inner.prove(call, taken).await.map_err(end)?;
        *self.proof.lock().unwrap_or_else(PoisonError::into_inner) = Some(proof.clone());
        Ok(proof)
    }

    async fn local_file(&self) -> Result<Option<LocalFile>> {
        self.inner.local_file().await.map_err(end)
    }
}
