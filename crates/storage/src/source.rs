//! Where the bytes of a [`put`](crate::Backend::put) come from.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

use crate::reading::ready;
use crate::{Algorithm, ByteRange, ByteStream, Call, Digest, LocalFile, Result};

/// Bytes that can be read from any offset, again and again.
///
/// A redirect, a repetition and another door all replay the same bytes, so a source never is a mere stream. What
/// comes from a pipe is spooled to disk first ([`SpooledSource`](crate::SpooledSource)).
#[async_trait]
pub trait Source: fmt::Debug + Send + Sync {
    /// For messages: a path or a URL without secrets.
    fn describe(&self) -> String;

    /// How many bytes there are; none while that is not known (a file that still grows).
    fn size(&self) -> Option<u64>;

    /// The bytes from `offset` to the end. Every call opens anew. If the size is known, the stream has exactly the
    /// bytes that remain, or ends in an error.
    async fn open(&self, call: &Call, offset: u64) -> Result<ByteStream>;

    /// The bytes of a part, for those who take several at once; none if this source has only one stream at a time.
    async fn open_part(&self, _call: &Call, _range: ByteRange) -> Result<Option<ByteStream>> {
        Ok(None)
    }

    /// Whether parts can be had beside each other.
    fn has_parts(&self) -> bool {
        false
    }

    /// Whether its bytes are in memory, so that taking them once more costs nothing.
    fn is_in_memory(&self) -> bool {
        false
    }

    /// The checksums that [`Source::prove`] wants to have over the bytes; the backend computes them on the way.
    fn wanted(&self) -> Vec<Algorithm>;

    /// Compares what was taken with what the source knows of itself: its store's checksum, its size, that it did not
    /// change meanwhile. A backend calls it once, after the last byte and **before it publishes anything**.
    ///
    /// # Errors
    /// [`ErrorKind::Integrity`](crate::ErrorKind) if the bytes are not those of the source,
    /// [`ErrorKind::Changed`](crate::ErrorKind) if the source is another one by now: the backend then publishes nothing.
    async fn prove(&self, call: &Call, taken: &Taken) -> Result<Proof>;

    /// The local file that has these bytes, where there is one: for copies within the kernel.
    async fn local_file(&self) -> Result<Option<LocalFile>>;
}

/// What a backend took from a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Bytes.
    pub size: u64,
    /// Checksums over them.
    pub digests: Vec<Digest>,
}

/// How well it is known that bytes are the right ones. Better is greater.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// Nothing was compared.
    None,
    /// The size agrees.
    Size,
    /// The bytes were here all the time, or copied by the kernel, and did not change meanwhile.
    Local,
    /// The bytes were read back, and are the same.
    ReadBack,
    /// A checksum that the storage computed from its copy agrees with the bytes.
    Checksum(Algorithm),
}

/// Bytes in memory.
#[derive(Clone)]
pub struct BytesSource(Bytes);

impl BytesSource {
    /// These bytes.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for BytesSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BytesSource({} bytes)", self.0.len())
    }
}

#[async_trait]
impl Source for BytesSource {
    fn describe(&self) -> String {
        format!("{} bytes in memory", self.0.len())
    }

    fn size(&self) -> Option<u64> {
        Some(self.0.len() as u64)
    }

    async fn open(&self, _call: &Call, offset: u64) -> Result<ByteStream> {
        let offset = usize::try_from(offset).map_or(self.0.len(), |o| o.min(self.0.len()));
        Ok(ready(self.0.slice(offset..)))
    }

    fn is_in_memory(&self) -> bool {
        true
    }

    fn wanted(&self) -> Vec<Algorithm> {
        Vec::new()
    }

    async fn prove(&self, _call: &Call, _taken: &Taken) -> Result<Proof> {
        Ok(Proof::Local)
    }

    async fn local_file(&self) -> Result<Option<LocalFile>> {
        Ok(None)
    }
}
