//! What happens to a file that is there already.

use futures_util::StreamExt as _;
use law_storage::{Algorithm, Call, Digest, Error, ErrorKind, Hasher, Metadata, Operation, Result, Support};

use crate::{CopyOptions, Outcome, Place, Progress, read_proven};

/// What happens to a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// It is replaced unless it is known to have the same content.
    #[default]
    Differs,
    /// It is replaced if it is known to be older.
    Newer,
    /// It is replaced unless it has the same size and was not modified before the source; where the destination keeps times, they
    /// must be the same, or the checksums.
    Modified,
    /// It is replaced unless it has the same checksum; where a storage has none, the bytes are read.
    Checksum,
    /// It stays, and that is fine.
    Never,
    /// It is replaced.
    Always,
    /// It stays, and that is an error.
    Fail,
}

/// Whether the copy can be spared: the destination exists and stays, or has the same content.
pub(crate) async fn spare(
    call: &Call,
    from: &Place,
    source: &Metadata,
    to: &Place,
    existing: Option<&Metadata>,
    options: &CopyOptions,
) -> Result<Option<Outcome>> {
    let Some(existing) = existing else { return Ok(None) };
    let refuse = |kind: ErrorKind| Err(Error::new(kind, kind.phrase()).at(to).during(Operation::Copy));
    if existing.is_directory() {
        return refuse(ErrorKind::IsADirectory);
    }
    match options.policy {
        Policy::Always => Ok(None),
        Policy::Never => Ok(Some(Outcome::Kept)),
        Policy::Fail => refuse(ErrorKind::AlreadyExists),
        Policy::Newer => Ok(is_not_older(existing, source).then_some(Outcome::Kept)),
        Policy::Differs | Policy::Modified | Policy::Checksum if existing.size != source.size => Ok(None),
        Policy::Modified if is_unmodified(to, existing, source) => Ok(Some(Outcome::Unmodified)),
        Policy::Differs | Policy::Modified => Ok(same_checksum(call, from, to).await?.map(Outcome::Same)),
        Policy::Checksum => Ok(same_content(call, from, to).await?.map(Outcome::Same)),
    }
}

/// Whether a file was modified when another one was, or later; not if nobody knows.
fn is_not_older(file: &Metadata, other: &Metadata) -> bool {
    let (Some(file), Some(other)) = (file.modified, other.modified) else { return false };
    file.time >= other.time
}

/// Whether times say that a copy of the same size is one of this source.
fn is_unmodified(to: &Place, copy: &Metadata, source: &Metadata) -> bool {
    let (Some(copied), Some(original)) = (copy.modified, source.modified) else { return false };
    if to.backend().capabilities().keeps_modified != Support::Yes {
        return copied.time >= original.time;
    }
    // The coarser of two clocks cuts off the rest of the finer one.
    let resolution = copied.resolution.max(original.resolution);
    let difference = copied.time.duration_since(original.time).unwrap_or_else(|e| e.duration());
    difference < resolution.max(std::time::Duration::from_micros(1))
}

/// As [`same_checksum`], but what a storage does not tell is computed from its bytes.
pub(crate) async fn same_content(call: &Call, from: &Place, to: &Place) -> Result<Option<Digest>> {
    if let Some(same) = same_checksum(call, from, to).await? {
        return Ok(Some(same));
    }
    let told = from.backend().digest(call, &from.resolved(), &[]).await?;
    let told = match told {
        Some(told) => Some(told),
        None => to.backend().digest(call, &to.resolved(), &[]).await?,
    };
    let algorithm = told.map_or(Algorithm::Sha256, |told| told.algorithm());
    let one = digest_of(call, from, algorithm).await?;
    let other = digest_of(call, to, algorithm).await?;
    Ok((one == other).then_some(one))
}

/// The checksum of a file, by its storage or else by reading it.
async fn digest_of(call: &Call, place: &Place, algorithm: Algorithm) -> Result<Digest> {
    if let Some(digest) = place.backend().digest(call, &place.resolved(), &[algorithm]).await? {
        return Ok(digest);
    }
    let mut bytes = read_proven(call, place, None, &Progress::default()).await?;
    let mut hasher = Hasher::new([algorithm]);
    while let Some(chunk) = bytes.next().await.transpose()? {
        hasher.update(&chunk);
    }
    hasher.finish().pop().ok_or_else(|| Error::new(ErrorKind::Internal, "a checksum that was not computed"))
}

/// The checksum that two files of one size share; none if they differ, or if nobody can tell.
async fn same_checksum(call: &Call, from: &Place, to: &Place) -> Result<Option<Digest>> {
    // The side that has checksums of its own says which kind; a local disk can compute any.
    let (first, second) =
        if from.backend().capabilities().local_files == Support::Yes { (to, from) } else { (from, to) };
    let Some(one) = first.backend().digest(call, &first.resolved(), &[]).await? else { return Ok(None) };
    let other = second.backend().digest(call, &second.resolved(), &[one.algorithm()]).await?;
    Ok(other.filter(|other| *other == one))
}
