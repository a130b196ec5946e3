//! Reads: ranges, streams of bytes, and the promise that a stream is as long as it said.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use futures_util::{Stream, TryStreamExt as _};

use crate::{Digest, Error, ErrorKind, Result, Validator};

/// Bytes as they come, or the error that ended them.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

/// A part of a file: where it begins and how many bytes it has. Always closed; an open end does not exist,
/// because servers disagree about it (XrdHttp answers one with nothing).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ByteRange {
    /// The first byte.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
}

impl ByteRange {
    /// `length` bytes from `offset` on.
    pub fn new(offset: u64, length: u64) -> Self {
        Self { offset, length }
    }

    /// The whole of a file.
    pub fn whole(size: u64) -> Self {
        Self::new(0, size)
    }

    /// One past the last byte; saturating.
    pub fn end(self) -> u64 {
        self.offset.saturating_add(self.length)
    }

    /// What of it lies within a file of that size: possibly nothing.
    #[must_use]
    pub fn clamp(self, size: u64) -> Self {
        let offset = self.offset.min(size);
        Self { offset, length: self.end().min(size) - offset }
    }

    /// What of it is left after its first `bytes`.
    #[must_use]
    pub fn after(self, bytes: u64) -> Self {
        let taken = bytes.min(self.length);
        Self { offset: self.offset + taken, length: self.length - taken }
    }

    /// Whether it has no bytes.
    pub fn is_empty(self) -> bool {
        self.length == 0
    }
}

/// What a read asks for.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// The part that is wanted; none is the whole file.
    pub range: Option<ByteRange>,
    /// The version that is wanted. Without it the backend looks first; with it a file that has changed
    /// is [`ErrorKind::Changed`] where the server can tell.
    pub validator: Option<Validator>,
}

impl ReadOptions {
    /// The whole file, whatever its version.
    pub fn whole() -> Self {
        Self::default()
    }

    /// That part of the file.
    pub fn part(range: ByteRange) -> Self {
        Self { range: Some(range), validator: None }
    }

    /// Pinned to that version.
    #[must_use]
    pub fn pinned(mut self, validator: Validator) -> Self {
        self.validator = Some(validator);
        self
    }
}

/// An answered read: what it is a part of, and its bytes.
pub struct Reading {
    /// The size of the whole file.
    pub size: u64,
    /// The part that the stream has, clamped to the size.
    pub range: ByteRange,
    /// The version that is read.
    pub validator: Validator,
    /// Checksums of the whole file that came with the answer.
    pub digests: Vec<Digest>,
    /// Exactly `range.length` bytes, or an error: see [`exactly`]. Where validators are weak, a read that was not pinned
    /// ends in [`ErrorKind::Changed`] if the file is another by then; who pinned it looks again for itself.
    pub stream: ByteStream,
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").field("size", &self.size).field("range", &self.range).finish_non_exhaustive()
    }
}

impl Reading {
    /// All bytes in memory: for small files.
    ///
    /// # Errors
    /// Those of the stream, and [`ErrorKind::NoSpace`] if there are more than `limit` bytes.
    pub async fn collect(self, limit: u64) -> Result<Bytes> {
        if self.range.length > limit {
            let message = format!("{} bytes are more than the {limit} that may be held in memory", self.range.length);
            return Err(Error::new(ErrorKind::NoSpace, message));
        }
        let mut chunks: Vec<Bytes> = self.stream.try_collect().await?;
        Ok(if chunks.len() == 1 { chunks.remove(0) } else { chunks.concat().into() })
    }
}

/// Makes a stream end in an error unless it has exactly the bytes of `range`: too few and too many are both
/// [`ErrorKind::Integrity`], with the offset that was reached.
pub fn exactly(range: ByteRange, stream: impl Stream<Item = Result<Bytes>> + Send + 'static) -> ByteStream {
    let state = Exact { range, taken: 0, inner: Some(Box::pin(stream)) };
    stream::unfold(state, Exact::next).boxed()
}

struct Exact {
    range: ByteRange,
    taken: u64,
    inner: Option<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>>,
}

impl Exact {
    async fn next(mut self) -> Option<(Result<Bytes>, Self)> {
        let item = self.inner.as_mut()?.next().await;
        let checked = match item {
            Some(Ok(bytes)) => self.take(bytes),
            Some(Err(error)) => Err(error.reached(self.range.offset + self.taken)),
            None if self.taken == self.range.length => return None,
            None => Err(self.short()),
        };
        if checked.is_err() {
            self.inner = None;
        }
        Some((checked, self))
    }

    fn take(&mut self, bytes: Bytes) -> Result<Bytes> {
        self.taken += bytes.len() as u64;
        if self.taken > self.range.length {
            let message = format!("more bytes than the {} that were announced", self.range.length);
            return Err(Error::new(ErrorKind::Integrity, message));
        }
        Ok(bytes)
    }

    fn short(&self) -> Error {
        let message = format!("the content ended after {} of {} bytes", self.taken, self.range.length);
        Error::new(ErrorKind::Integrity, message)
            .reached(self.range.offset + self.taken)
            .with_status(crate::Status::Temporary)
    }
}

/// A stream of bytes that are already here.
pub fn ready(bytes: Bytes) -> ByteStream {
    stream::iter((!bytes.is_empty()).then_some(Ok(bytes))).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_clamped() {
        assert_eq!(ByteRange::new(5, 10).clamp(8), ByteRange::new(5, 3));
        assert_eq!(ByteRange::new(9, 10).clamp(8), ByteRange::new(8, 0));
        assert_eq!(ByteRange::new(u64::MAX, u64::MAX).clamp(8), ByteRange::new(8, 0));
    }

    async fn lengths(announced: u64, chunks: &[usize]) -> Vec<Result<usize, (ErrorKind, Option<u64>)>> {
        let chunks: Vec<_> = chunks.iter().map(|&n| Ok(Bytes::from(vec![0; n]))).collect();
        exactly(ByteRange::new(100, announced), stream::iter(chunks))
            .map(|item| item.map(|b| b.len()).map_err(|e| (e.kind(), e.offset())))
            .collect()
            .await
    }

    #[tokio::test]
    async fn short_and_long_streams_are_errors() {
        assert_eq!(lengths(5, &[2, 3]).await, [Ok(2), Ok(3)]);
        assert_eq!(lengths(6, &[2, 3]).await, [Ok(2), Ok(3), Err((ErrorKind::Integrity, Some(105)))]);
        assert_eq!(lengths(4, &[2, 3, 1]).await, [Ok(2), Err((ErrorKind::Integrity, None))]);
    }
}
