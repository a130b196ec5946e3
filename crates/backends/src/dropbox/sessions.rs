//! Large files: in pieces, several at once, which become a file with the last request.

use std::time::Duration;

use futures_util::stream::{self, FuturesUnordered};
use futures_util::{FutureExt as _, StreamExt as _};
use law_storage::{Algorithm, Digest, Error, ErrorKind, Operation, Outcome, Receipt, Result, Status, Taken};
use serde_json::{Value, json};

use super::answers::{Entry, Session};
use super::asking::Asked;
use super::put::Job;
use crate::http::Upload;
use crate::pieces::{Chunks, Piece, Pieces};

/// Up to this size a file is written in one request.
pub(super) const WHOLE: u64 = 16 << 20;
/// Each piece but the last has a multiple of 4 MiB.
const PIECE: u64 = 16 << 20;
/// Pieces that travel at once, unless somebody wants another number.
const AT_ONCE: usize = 4;
/// How often a piece is sent before the whole upload is given up.
const TRIES: u32 = 4;

/// Sends all pieces, lets the source prove itself, and makes them a file. A session that is given up is forgotten by the service,
/// after seven days, and nobody sees it.
pub(super) async fn in_a_session(job: &Job<'_>) -> Result<Receipt> {
    let argument = json!({"close": false, "session_type": {".tag": "concurrent"}});
    let nothing = Chunks(Vec::new());
    let upload = Upload::new(&nothing, 0, Vec::new());
    let session: Session = job
        .account
        .upload(job.call, &asked(job, "files/upload_session/start", argument), &upload)
        .await
        .map_err(|refused| unseen(refused.error(job.account, job.path, Operation::Put)))?;
    let pieces = Pieces::of((job.bytes, job.size), job.call, job.sums(), &job.account.memory).await?;
    let taken = send_all(job, &session, pieces).await?;
    let source_proof = job.source.prove(job.call, &taken).await?;
    let cursor = json!({"session_id": session.session_id, "offset": job.size});
    let argument = json!({"cursor": cursor, "commit": job.commit()?});
    let finish = asked(job, "files/upload_session/finish", argument);
    let made = job.account.upload::<Entry>(job.call, &finish, &upload).await;
    job.published(made, &taken, source_proof).await
}

fn asked<'a>(job: &Job<'a>, endpoint: &'static str, argument: Value) -> Asked<'a> {
    Asked { endpoint, argument, path: job.path, operation: Operation::Put }
}

/// What comes out of a source.
enum Step<'a> {
    Piece(Piece<'a>),
    /// That was all.
    End(Taken),
}

/// Sends all pieces; the last one goes alone, as it closes the session.
async fn send_all(job: &Job<'_>, session: &Session, pieces: Pieces<'_>) -> Result<Taken> {
    let at_once = job.options.streams.map_or(AT_ONCE, std::num::NonZeroUsize::get);
    let mut steps = stream::try_unfold(Some(pieces), |pieces| next_step(job, pieces)).boxed();
    let (mut sending, mut last, mut end) = (FuturesUnordered::new(), None, None);
    while end.is_none() || !sending.is_empty() {
        tokio::select! {
            step = steps.next(), if end.is_none() && sending.len() < at_once => match step.transpose()? {
                Some(Step::Piece(piece)) if offset_of(&piece) + piece.length == job.size => last = Some(piece),
                Some(Step::Piece(piece)) => sending.push(send(job, session, piece).boxed()),
                Some(Step::End(taken)) => end = Some(taken),
                None => return Err(Error::new(ErrorKind::Internal, "a source without an end")),
            },
            Some(sent) = sending.next() => sent?,
        }
    }
    if let Some(last) = last {
        send(job, session, last).await?;
    }
    end.ok_or_else(|| Error::new(ErrorKind::Internal, "a source without an end"))
}

async fn next_step<'a>(job: &Job<'_>, pieces: Option<Pieces<'a>>) -> Result<Option<(Step<'a>, Option<Pieces<'a>>)>> {
    let Some(mut pieces) = pieces else { return Ok(None) };
    Ok(Some(match pieces.next(job.call, PIECE, &[Algorithm::Dropbox]).await? {
        Some(piece) => (Step::Piece(piece), Some(pieces)),
        None => (Step::End(pieces.taken()), None),
    }))
}

fn offset_of(piece: &Piece<'_>) -> u64 {
    u64::from(piece.number - 1) * PIECE
}

/// Sends a piece, again and again if need be: what has arrived of the others is worth it.
async fn send(job: &Job<'_>, session: &Session, piece: Piece<'_>) -> Result<()> {
    let (offset, length) = (offset_of(&piece), piece.length);
    let Piece { digests, chunks, place: _place, .. } = piece;
    let body = Chunks(chunks);
    let mut pause = Duration::from_millis(300);
    for _ in 1..TRIES {
        match send_once(job, session, (offset, length), &digests, &body).await {
            Err(error) if error.status() == Status::Temporary => {
                job.call.pause(error.wait().unwrap_or(pause)).await?;
            }
            other => return other,
        }
        pause *= 3;
    }
    send_once(job, session, (offset, length), &digests, &body).await
}

async fn send_once(
    job: &Job<'_>,
    session: &Session,
    (offset, length): (u64, u64),
    digests: &[Digest],
    body: &Chunks,
) -> Result<()> {
    let cursor = json!({"session_id": session.session_id, "offset": offset});
    let mut argument = json!({"cursor": cursor, "close": offset + length == job.size});
    if let Some(digest) = digests.first() {
        argument["content_hash"] = json!(digest.hex());
    }
    let upload = Upload::new(body, length, Vec::new());
    let append = asked(job, "files/upload_session/append_v2", argument);
    match job.account.upload::<Value>(job.call, &append, &upload).await {
        Ok(_) => Ok(()),
        // The answer to the try before was lost.
        Err(refused) if refused.says("closed") && offset + length == job.size => Ok(()),
        Err(refused) => Err(unseen(refused.error(job.account, job.path, Operation::Put))),
    }
}

/// A piece that is not there is no file that may be there: it changes nothing that anybody sees.
fn unseen(error: Error) -> Error {
    error.with_outcome(Outcome::NotDone)
}
