//! PUT.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use law_storage::{ByteStream, Error, ErrorKind, Existing, Metadata, PutOptions, Receipt, Result, SpooledSource};

use super::answer::{Answer, Refusal, bare};
use super::conditions;
use super::digests::Wanted;
use super::service::{Asked, Service};

/// A client that sends nothing for so long is gone.
pub(super) const STALL: Duration = Duration::from_secs(60);

/// Stages the whole body in a file without a name, then publishes it as the storage does: an upload that breaks off
/// changes nothing.
///
/// # Errors
/// 409 without the directory above, 405 for a directory, 412 by the conditions, 400 for a body that breaks off or is
/// meant to be only a part of the file (RFC 9110 section 14.5), 507.
pub(super) async fn put(service: &Service, asked: &Asked, body: &mut Option<Incoming>) -> Result<Answer, Refusal> {
    let current = admit(service, asked).await?;
    let Some(body) = body.take() else { return Err(Refusal::new(StatusCode::BAD_REQUEST, "no body")) };
    let staged = SpooledSource::spool(content(body)).await?;
    let wanted = Wanted::of(&asked.parts.headers);
    let options = PutOptions {
        existing: existing(&asked.parts.headers, current.as_ref()),
        algorithm: wanted.as_ref().and_then(|wanted| wanted.algorithms.first().copied()),
        ..PutOptions::default()
    };
    let path = service.resolve(&asked.path);
    let receipt = service.backend().put(&asked.call, &path, staged.source(), &options).await.map_err(unpublished)?;
    let mut answer = bare(if current.is_some() { StatusCode::NO_CONTENT } else { StatusCode::CREATED });
    describe(answer.headers_mut(), &receipt, wanted.as_ref());
    Ok(answer)
}

/// Refuses what would not be published anyway before its bytes travel.
async fn admit(service: &Service, asked: &Asked) -> Result<Option<Metadata>, Refusal> {
    if asked.parts.headers.contains_key(header::CONTENT_RANGE) {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "a part of a file cannot be written"));
    }
    let current = service.current(asked).await?;
    let directory = asked.parts.uri.path().ends_with('/') || current.as_ref().is_some_and(Metadata::is_directory);
    if directory {
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "a directory cannot be written to"));
    }
    service.check_parent(&asked.call, &asked.path).await?;
    Ok(current)
}

/// The bytes of a body; one that breaks off, or stalls, is an error and never an end.
fn content(body: Incoming) -> ByteStream {
    stream::try_unfold(body, |mut body| async move { Ok(next(&mut body).await?.map(|bytes| (bytes, body))) }).boxed()
}

async fn next(body: &mut Incoming) -> Result<Option<Bytes>> {
    let stalled = |_| Error::new(ErrorKind::Timeout, "the upload stalled; nothing was published");
    let broken = |e| Error::new(ErrorKind::Cancelled, "the upload broke off; nothing was published").because(e);
    while let Some(frame) = tokio::time::timeout(STALL, body.frame()).await.map_err(stalled)? {
        if let Ok(bytes) = frame.map_err(broken)?.into_data() {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// The conditions once more, for the moment of publication.
fn existing(headers: &HeaderMap, current: Option<&Metadata>) -> Existing {
    let tags = headers.get(header::IF_MATCH).filter(|tags| tags.as_bytes() != b"*");
    match current {
        _ if conditions::wants_nothing_there(headers) => Existing::Refuse,
        Some(current) if tags.is_some() => Existing::ReplaceOnly(current.identity()),
        _ => Existing::Replace,
    }
}

fn unpublished(error: Error) -> Refusal {
    let status = match error.kind() {
        ErrorKind::AlreadyExists | ErrorKind::Changed => Some(StatusCode::PRECONDITION_FAILED),
        // The directory above, gone since it was looked at.
        ErrorKind::NotFound => Some(StatusCode::CONFLICT),
        _ => None,
    };
    Refusal::from(error).or(status)
}

fn describe(headers: &mut HeaderMap, receipt: &Receipt, wanted: Option<&Wanted>) {
    let tag = receipt.validator.as_ref().and_then(|validator| validator.entity_tag());
    headers.extend(tag.and_then(|tag| HeaderValue::from_str(tag).ok()).map(|tag| (header::ETAG, tag)));
    if let (Some(wanted), Some(digest)) = (wanted, receipt.storage_digest()) {
        wanted.tell(headers, digest);
    }
}
