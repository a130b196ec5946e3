//! Large files: in parts, several at once, each with its checksum; nothing has the name before all have arrived.

use std::time::Duration;

use futures_util::stream::{self, FuturesUnordered};
use futures_util::{FutureExt as _, StreamExt as _};
use http::{HeaderMap, Method, StatusCode};
use law_storage::{
    Algorithm, Digest, Error, ErrorKind, Existing, Operation, Outcome, Proof, Receipt, Result, Status, Taken,
};

use super::answers::{Made, quoted};
use super::asking::{About, Ask};
use super::going_on::{Arrived, begin_or_go_on};
use super::put::Job;
use super::sums::carrying;
use super::unfinished::{SentPart, Unfinished, tag_of};
use crate::http::Upload;
use crate::pieces::{Chunks, Piece, Pieces};

/// Up to this size a file is written in one request.
pub(super) const WHOLE: u64 = 16 << 20;
/// The least of a part, but for the last one.
const PART: u64 = 8 << 20;
/// The most parts that S3 takes.
const MOST: u64 = 10_000;
/// The most of a part. Each is held in memory, so that above 1.2 TB they travel one after the other.
const LARGEST: u64 = 1 << 30;
/// Parts that travel at once, unless somebody wants another number.
const AT_ONCE: usize = 4;
/// How often a part is sent before the whole upload is given up.
const TRIES: u32 = 4;

/// Parts are as small as their number allows.
fn part_size(size: u64) -> u64 {
    const STEP: u64 = 1 << 20;
    PART.max(size.div_ceil(MOST).div_ceil(STEP) * STEP)
}

pub(super) async fn by_parts(job: &Job<'_>) -> Result<Receipt> {
    let part = part_size(job.size);
    if part > LARGEST {
        let message = format!("a file of {} bytes is larger than what {MOST} parts of 1 GiB hold", job.size);
        return Err(Error::new(ErrorKind::Unsupported, message).at(job.bucket.url(job.path)).during(Operation::Put));
    }
    let sums = job.bucket.sums(job.options);
    let newer = sums.iter().copied().find(|kind| kind.is_combinable());
    let (upload, arrived) = begin_or_go_on(job, newer).await?;
    match sent(job, (&upload, &arrived), part, newer).await {
        Ok(receipt) => {
            upload.finished();
            Ok(receipt)
        }
        // It may be complete: whoever looks finds out.
        Err(error) if error.outcome().is_unknown() => {
            upload.finished();
            Err(error.leaving(format!("{}; parts that arrived may be left in the bucket, unseen", Outcome::UNSURE)))
        }
        Err(error) => Err(upload.abandon(error).await),
    }
}

/// Sends all parts, lets the source prove itself, and makes them one.
async fn sent(
    job: &Job<'_>,
    (upload, arrived): (&Unfinished<'_>, &Arrived),
    part: u64,
    newer: Option<Algorithm>,
) -> Result<Receipt> {
    let whole = job.source.wanted().into_iter().chain(newer).chain(job.algorithm());
    let pieces = Pieces::of((job.bytes, job.size), job.call, whole, &job.bucket.memory).await?;
    let (parts, taken) = all_parts(job, (upload, arrived), pieces, part).await?;
    let source_proof = job.source.prove(job.call, &taken).await?;
    let echoed = newer.filter(|kind| parts.iter().all(|part| part.digests.iter().any(|d| d.algorithm() == *kind)));
    let total = echoed.and_then(|kind| taken.digests.iter().find(|digest| digest.algorithm() == kind));
    let made = upload.complete(job.call, &parts, total, |ask| job.on_condition(ask)).await;
    let (headers, made) = made.map_err(|error| refused(job, error, &taken, &source_proof))?;
    let tag = tag_of(&headers, &made);
    match proven(job, &headers, &made, &parts, total).await {
        Ok(proof) => Ok(job.receipt(&taken, source_proof, proof, tag)),
        Err(error) => Err(job.remove_wrong(error).await),
    }
}

/// What an upload that could not be completed means for who wanted it.
fn refused(job: &Job<'_>, error: Error, taken: &Taken, source_proof: &Proof) -> Error {
    if error.outcome().is_unknown() {
        let receipt = job.receipt(taken, source_proof.clone(), Proof::None, None);
        return error.with_outcome(Outcome::UnknownAfter(Box::new(receipt)));
    }
    match error.kind() {
        ErrorKind::Changed if job.options.existing != Existing::Replace => error.with_kind(job.somebody_was_faster()),
        _ => error,
    }
}

/// What comes out of a source.
enum Step<'a> {
    Piece(Piece<'a>),
    /// That was all.
    End(Taken),
}

async fn all_parts(
    job: &Job<'_>,
    (upload, arrived): (&Unfinished<'_>, &Arrived),
    pieces: Pieces<'_>,
    part: u64,
) -> Result<(Vec<SentPart>, Taken)> {
    let at_once = job.options.streams.map_or(AT_ONCE, std::num::NonZeroUsize::get);
    let md5 = (!arrived.is_empty()).then_some(Algorithm::Md5);
    let sums: Vec<Algorithm> = job.bucket.sums(job.options).into_iter().chain(md5).collect();
    let mut steps = stream::try_unfold(Some(pieces), |pieces| next_step(job, pieces, (part, &sums))).boxed();
    let (mut sending, mut parts, mut end) = (FuturesUnordered::new(), Vec::new(), None);
    while end.is_none() || !sending.is_empty() {
        tokio::select! {
            step = steps.next(), if end.is_none() && sending.len() < at_once => match step.transpose()? {
                Some(Step::Piece(piece)) => match arrived.same(piece.number, piece.length, &piece.digests) {
                    Some(part) => parts.push(part),
                    None => sending.push(send(job, upload, piece).boxed()),
                },
                Some(Step::End(taken)) => end = Some(taken),
                None => return Err(Error::new(ErrorKind::Internal, "a source without an end")),
            },
            Some(sent) = sending.next() => parts.push(sent?),
        }
    }
    parts.sort_by_key(|part: &SentPart| part.number);
    end.map(|taken| (parts, taken)).ok_or_else(|| Error::new(ErrorKind::Internal, "a source without an end"))
}

async fn next_step<'a>(
    job: &Job<'_>,
    pieces: Option<Pieces<'a>>,
    (part, sums): (u64, &[Algorithm]),
) -> Result<Option<(Step<'a>, Option<Pieces<'a>>)>> {
    let Some(mut pieces) = pieces else { return Ok(None) };
    Ok(Some(match pieces.next(job.call, part, sums).await? {
        Some(piece) => (Step::Piece(piece), Some(pieces)),
        None => (Step::End(pieces.taken()), None),
    }))
}

/// Sends a part, again and again if need be: what has arrived of the others is worth it.
async fn send(job: &Job<'_>, upload: &Unfinished<'_>, piece: Piece<'_>) -> Result<SentPart> {
    let Piece { number, length, digests, chunks, place: _place } = piece;
    let body = Chunks(chunks);
    let mut pause = Duration::from_millis(200);
    for _ in 1..TRIES {
        match send_once(job, upload, (number, length), &digests, &body).await {
            Err(error) if error.status() == Status::Temporary => job.call.pause(pause).await?,
            other => return other,
        }
        pause *= 3;
    }
    send_once(job, upload, (number, length), &digests, &body).await
}

async fn send_once(
    job: &Job<'_>,
    upload: &Unfinished<'_>,
    (number, length): (u32, u64),
    digests: &[Digest],
    body: &Chunks,
) -> Result<SentPart> {
    let sending = Upload::new(body, length, Vec::new());
    let ask = Ask::new(Method::PUT, About::Object(job.path), Operation::Put)
        .query("partNumber", number.to_string())
        .query("uploadId", upload.id())
        .upload(&sending, job.signature(body)?);
    // A part that is not there is no object that may be there: it changes nothing that anybody sees.
    let answer = job.bucket.ask(job.call, &carrying(ask, digests)).await.map_err(unseen)?;
    if !answer.status.is_success() || answer.is_page() {
        let missing = answer.status == StatusCode::NOT_FOUND;
        let error = unseen(job.bucket.refused(answer, job.path, Operation::Put).await);
        return Err(if missing { error.with_kind(ErrorKind::Unavailable) } else { error });
    }
    let headers = answer.headers.clone();
    answer.body.discard().await;
    let proof = job.bucket.proof(&headers, digests, job.path).map_err(|e| e.with_status(Status::Temporary))?;
    let digests = match proof {
        Some(Proof::Checksum(kind)) => digests.iter().filter(|digest| digest.algorithm() == kind).cloned().collect(),
        _ => Vec::new(),
    };
    let tag = headers.get(http::header::ETAG).and_then(|tag| tag.to_str().ok()).map(quoted);
    let tag = tag.ok_or_else(|| job.bucket.error(ErrorKind::Malformed, job.path, Operation::Put))?;
    Ok(SentPart { number, tag, digests })
}

fn unseen(error: Error) -> Error {
    error.with_outcome(Outcome::NotDone)
}

/// How well it is known that the object has the right bytes: by the checksum of all of it, or because each part has proven itself.
async fn proven(
    job: &Job<'_>,
    headers: &HeaderMap,
    made: &Made,
    parts: &[SentPart],
    total: Option<&Digest>,
) -> Result<Proof> {
    if let Some(total) = total {
        let said = match total.algorithm() {
            Algorithm::Crc64Nvme => made.crc64nvme.as_deref(),
            Algorithm::Crc32c => made.crc32c.as_deref(),
            _ => made.crc32.as_deref(),
        };
        let stored = said.and_then(|text| Digest::parse(total.algorithm(), text));
        match stored.or_else(|| super::sums::told(headers).into_iter().find(|d| d.algorithm() == total.algorithm())) {
            Some(stored) if stored == *total => return Ok(Proof::Checksum(total.algorithm())),
            Some(stored) => return Err(job.bucket.mismatch(job.path, total, &stored)),
            None => {}
        }
    }
    let each = parts.first().and_then(|part| part.digests.first()).map(Digest::algorithm);
    let all = parts.iter().all(|part| !part.digests.is_empty());
    let wanted = tag_of(headers, made);
    let looked = job.look_again(total.map(std::slice::from_ref).unwrap_or_default(), wanted.as_deref()).await;
    match (looked, each.filter(|_| all)) {
        (Ok(Proof::Size), Some(kind)) => Ok(Proof::Checksum(kind)),
        (Err(error), Some(kind)) if error.kind() == ErrorKind::Unsupported => Ok(Proof::Checksum(kind)),
        (looked, _) => looked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_as_small_as_their_number_allows() {
        assert_eq!(part_size(WHOLE + 1), PART);
        assert_eq!(part_size(80_000 << 20), PART);
        for size in [(80_000u64 << 20) + 1, 500 << 30, 625 << 30] {
            assert!(size.div_ceil(part_size(size)) <= MOST && part_size(size).is_multiple_of(1 << 20), "{size}");
        }
        assert!(part_size(9 << 40) <= LARGEST);
    }
}
