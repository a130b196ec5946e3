//! A source, piece by piece in memory, with the checksums of each piece and of all.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use law_storage::{
    Algorithm, ByteStream, Call, Digest, Error, ErrorKind, Hasher, LocalFile, Proof, Result, Source, Taken,
};
use tokio::sync::{Semaphore, SemaphorePermit};

/// MiB of files that one endpoint may hold in memory.
pub(crate) const MEMORY: u32 = 128;

/// Some bytes of a source, in the chunks in which they came.
pub(crate) struct Piece<'a> {
    /// From 1.
    pub(crate) number: u32,
    pub(crate) length: u64,
    pub(crate) digests: Vec<Digest>,
    pub(crate) chunks: Vec<Bytes>,
    /// Its place in memory.
    pub(crate) place: SemaphorePermit<'a>,
}

/// Reads a source from its beginning to its end.
pub(crate) struct Pieces<'a> {
    stream: ByteStream,
    /// What is left of the last chunk.
    rest: Bytes,
    left: u64,
    size: u64,
    number: u32,
    sums: Vec<Algorithm>,
    whole: Hasher,
    memory: &'a Semaphore,
}

impl<'a> Pieces<'a> {
    /// All `size` bytes of a source; `whole` are the checksums of all of it.
    pub(crate) async fn of(
        (source, size): (&dyn Source, u64),
        call: &Call,
        whole: impl IntoIterator<Item = Algorithm>,
        memory: &'a Semaphore,
    ) -> Result<Self> {
        let stream = source.open(call, 0).await?;
        let (rest, sums) = (Bytes::new(), Vec::new());
        Ok(Self { stream, rest, left: size, size, number: 0, sums, whole: Hasher::new(whole), memory })
    }

    /// The next `most` bytes, or what is left of them, with these checksums; none at the end.
    pub(crate) async fn next(&mut self, call: &Call, most: u64, sums: &[Algorithm]) -> Result<Option<Piece<'a>>> {
        let length = most.min(self.left);
        if length == 0 && self.number > 0 {
            return Ok(None);
        }
        let mebibytes = u32::try_from((length >> 20) + 1).unwrap_or(u32::MAX).min(MEMORY);
        let place = call.bound(async { self.memory.acquire_many(mebibytes).await.map_err(closed) }).await?;
        self.sums = sums.to_vec();
        let mut hasher = Hasher::new(self.sums.iter().copied());
        let mut chunks = Vec::new();
        let mut missing = length;
        while missing > 0 {
            let chunk = self.chunk(call, missing).await?;
            hasher.update(&chunk);
            self.whole.update(&chunk);
            missing -= chunk.len() as u64;
            chunks.push(chunk);
        }
        self.left -= length;
        if self.left == 0 {
            self.check_end(call).await?;
        }
        self.number += 1;
        Ok(Some(Piece { number: self.number, length, digests: hasher.finish(), chunks, place }))
    }

    async fn chunk(&mut self, call: &Call, most: u64) -> Result<Bytes> {
        while self.rest.is_empty() {
            let next = call.bound(async { self.stream.next().await.transpose() }).await?;
            self.rest = next.ok_or_else(|| {
                Error::new(ErrorKind::Integrity, format!("the source ended before its {} bytes", self.size))
            })?;
        }
        let length = usize::try_from(most).map_or(self.rest.len(), |most| most.min(self.rest.len()));
        Ok(self.rest.split_to(length))
    }

    async fn check_end(&mut self, call: &Call) -> Result<()> {
        let mut more = !self.rest.is_empty();
        while let Some(chunk) = call.bound(async { self.stream.next().await.transpose() }).await? {
            more |= !chunk.is_empty();
        }
        if more {
            return Err(Error::new(ErrorKind::Integrity, "the source has more bytes than it said"));
        }
        Ok(())
    }

    /// What was read, once everything was.
    pub(crate) fn taken(&self) -> Taken {
        Taken { size: self.whole.length(), digests: self.whole.clone().finish() }
    }
}

fn closed(_: tokio::sync::AcquireError) -> Error {
    Error::new(ErrorKind::Internal, "places in memory that are no more")
}

/// The bytes of a piece, to be sent as often as it takes.
#[derive(Debug)]
pub(crate) struct Chunks(pub(crate) Vec<Bytes>);

#[async_trait]
impl Source for Chunks {
    fn describe(&self) -> String {
        "a piece in memory".into()
    }

    fn size(&self) -> Option<u64> {
        Some(self.0.iter().map(|chunk| chunk.len() as u64).sum())
    }

    async fn open(&self, _call: &Call, offset: u64) -> Result<ByteStream> {
        let mut skip = offset;
        let left = self.0.iter().filter_map(|chunk| {
            let skipped = skip.min(chunk.len() as u64);
            skip -= skipped;
            // No more than the length of the chunk.
            let rest = chunk.slice(skipped as usize..);
            (!rest.is_empty()).then_some(Ok(rest))
        });
        let stream: BoxStream<'static, _> = stream::iter(left.collect::<Vec<_>>()).boxed();
        Ok(stream)
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

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::TryStreamExt as _;
    use law_storage::BytesSource;

    async fn lengths(size: u64, said: u64, most: u64) -> Result<Vec<u64>> {
        let (source, memory, call) = (BytesSource::new(vec![7; size as usize]), Semaphore::new(8), Call::new());
        let mut pieces = Pieces::of((&source, said), &call, [Algorithm::Crc32c], &memory).await?;
        let mut lengths = Vec::new();
        while let Some(piece) = pieces.next(&call, most, &[Algorithm::Md5]).await? {
            assert_eq!(piece.digests.len(), 1);
            lengths.push(piece.length);
        }
        assert_eq!(pieces.taken().size, size);
        Ok(lengths)
    }

    #[tokio::test]
    async fn a_source_is_cut_into_pieces_of_one_size() {
        assert_eq!(lengths(10, 10, 4).await.unwrap(), [4, 4, 2]);
        assert_eq!(lengths(8, 8, 4).await.unwrap(), [4, 4]);
        assert_eq!(lengths(0, 0, 4).await.unwrap(), [0], "an empty file has one empty piece");
        assert_eq!(lengths(10, 11, 4).await.unwrap_err().kind(), ErrorKind::Integrity);
        assert_eq!(lengths(10, 9, 4).await.unwrap_err().kind(), ErrorKind::Integrity);
    }

    #[tokio::test]
    async fn a_piece_is_sent_from_any_byte_on() {
        let chunks = Chunks(vec![Bytes::from_static(b"012"), Bytes::from_static(b"34")]);
        for offset in 0..=5 {
            let parts: Vec<Bytes> = chunks.open(&Call::new(), offset).await.unwrap().try_collect().await.unwrap();
            assert_eq!(parts.concat(), &b"01234"[offset as usize..]);
        }
    }
}
