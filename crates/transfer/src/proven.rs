//! Reading with proof, for those who do not write a file.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use law_storage::{ByteStream, Call, Error, ErrorKind, Hasher, Operation, Result, Source, Taken, Trail, Verify};

use crate::copy::source_of;
use crate::damaged::Damaged;
use crate::{Place, Progress};

/// The bytes of a file, whose stream ends in an error unless they are proven to be its bytes: the proof comes after
/// the last byte, so that nothing of it may be used before the end was reached.
///
/// # Errors
/// `NotFound`, `IsADirectory`, and in the stream those of reading and `Integrity`.
pub async fn read_proven(call: &Call, from: &Place, verify: Option<Verify>, progress: &Progress) -> Result<ByteStream> {
    let metadata = from.backend().stat(call, &from.resolved()).await?;
    let refuse = |kind: ErrorKind| Error::new(kind, kind.phrase()).at(from).during(Operation::Read);
    let metadata = metadata.ok_or_else(|| refuse(ErrorKind::NotFound))?;
    if metadata.is_directory() {
        return Err(refuse(ErrorKind::IsADirectory));
    }
    let source = source_of(call, from, &metadata, verify.unwrap_or(from.fs.verify()), progress).await?;
    let bytes = source.open(call, 0).await?;
    let hasher = Hasher::new(source.wanted());
    let state = Proving { bytes, hasher: Some(hasher), source, call: call.clone() };
    Ok(stream::try_unfold(state, Proving::next).boxed())
}

/// The whole of a small file in memory, proven.
///
/// # Errors
/// As [`read_proven`]; `NoSpace` if it has more than `limit` bytes.
pub async fn read_small(call: &Call, from: &Place, verify: Option<Verify>, limit: usize) -> Result<Bytes> {
    let mut damaged = Damaged::default();
    loop {
        let trail = Trail::default();
        let call = call.clone().on(trail.clone()).avoiding(damaged.doors());
        match read_small_once(&call, from, verify, limit).await {
            Err(error) if trail.is_damaged() => damaged.add(from, &trail, error)?,
            other => return other,
        }
    }
}

async fn read_small_once(call: &Call, from: &Place, verify: Option<Verify>, limit: usize) -> Result<Bytes> {
    let mut stream = read_proven(call, from, verify, &Progress::default()).await?;
    let mut all = Vec::new();
    while let Some(chunk) = stream.next().await {
        all.extend_from_slice(&chunk?);
        if all.len() > limit {
            return Err(Error::new(ErrorKind::NoSpace, format!("more than {limit} bytes in memory")).at(from));
        }
    }
    Ok(all.into())
}

struct Proving {
    bytes: ByteStream,
    hasher: Option<Hasher>,
    source: Box<dyn Source>,
    call: Call,
}

impl Proving {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>> {
        if let Some(chunk) = self.bytes.next().await.transpose()? {
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&chunk);
            }
            return Ok(Some((chunk, self)));
        }
        if let Some(hasher) = self.hasher.take() {
            let taken = Taken { size: hasher.length(), digests: hasher.finish() };
            self.source.prove(&self.call, &taken).await?;
        }
        Ok(None)
    }
}
