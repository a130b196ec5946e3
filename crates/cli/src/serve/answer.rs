//! Answers: bodies, and the status of every error.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::Frame;
use law_storage::{ByteStream, Error, ErrorKind};

/// A body; its error cuts the connection, so that nobody takes a part for the whole.
pub(super) type Body = UnsyncBoxBody<Bytes, Error>;

/// An answer.
pub(super) type Answer = Response<Body>;

pub(super) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub(super) fn text(content: impl Into<Bytes>) -> Body {
    Full::new(content.into()).map_err(|never| match never {}).boxed_unsync()
}

pub(super) fn streamed(content: ByteStream) -> Body {
    StreamBody::new(content.map_ok(Frame::data)).boxed_unsync()
}

/// An answer without content.
pub(super) fn bare(status: StatusCode) -> Answer {
    let mut answer = Response::new(empty());
    *answer.status_mut() = status;
    answer
}

/// Why a request is not done: a status, and a line for people.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    reason: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into() }
    }

    /// The same under another status.
    #[must_use]
    pub(super) fn or(mut self, status: Option<StatusCode>) -> Self {
        self.status = status.unwrap_or(self.status);
        self
    }

    pub(super) fn into_answer(self) -> Answer {
        if self.status == StatusCode::NOT_MODIFIED {
            return bare(self.status);
        }
        let mut answer = Response::new(text(format!("{}\n", self.reason)));
        *answer.status_mut() = self.status;
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        answer
    }
}

/// The reason goes without the place: the path on the server is none of the client's business.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(status_of(error.kind()), error.message())
    }
}

/// The status of an error that has no meaning of its own for the method at hand.
fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory | ErrorKind::NotEmpty => StatusCode::CONFLICT,
        ErrorKind::IsADirectory => StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnly => StatusCode::FORBIDDEN,
        ErrorKind::NameTooLong => StatusCode::URI_TOO_LONG,
        ErrorKind::InvalidInput | ErrorKind::Cancelled => StatusCode::BAD_REQUEST,
        ErrorKind::Unavailable | ErrorKind::NotOnline | ErrorKind::Changed => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::NoSpace => StatusCode::INSUFFICIENT_STORAGE,
        ErrorKind::Unsupported => StatusCode::NOT_IMPLEMENTED,
        // Our own credential at the storage behind, or what that storage did: the client cannot help it.
        ErrorKind::Unauthenticated | ErrorKind::Integrity | ErrorKind::Malformed => StatusCode::BAD_GATEWAY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_never_missing() {
        for kind in [ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::Internal, ErrorKind::Unauthenticated] {
            assert!(status_of(kind).is_server_error(), "{kind:?}");
        }
    }

    #[test]
    fn the_place_on_the_server_is_not_told() {
        let refusal = Refusal::from(Error::new(ErrorKind::PermissionDenied, "no").at("/secret/place"));
        assert_eq!((refusal.status, refusal.reason.as_str()), (StatusCode::FORBIDDEN, "no"));
    }
}
