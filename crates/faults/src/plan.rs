//! From a fault to what is done with a message: pure decisions, no bytes are moved here.

use std::io;

use crate::body::{BodyReader, Edit};
use crate::head::{Framing, Headers, RequestHead, ResponseHead};
use crate::script::{Fault, RedirectTo, StatusFault};

/// What happens to the connections when a message has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The message was complete.
    Finish,
    /// Both connections are closed.
    Close,
    /// The client is reset, the server's connection closed.
    Reset,
    /// Both connections stay open and silent.
    Stall,
}

/// How an answer of the server is passed on.
pub(crate) struct Plan {
    /// The framing that the client sees.
    pub(crate) framing: Framing,
    pub(crate) edit: Edit,
    /// What follows a cut.
    pub(crate) after_cut: End,
    /// What follows the whole body.
    pub(crate) after_whole: End,
    /// The trailer to send instead of the server's.
    pub(crate) trailer: Option<Headers>,
    /// Whether the head alone is already a lie.
    pub(crate) fires_at_head: bool,
}

impl Plan {
    /// Passes on what comes.
    fn honest(framing: Framing) -> Self {
        let edit = Edit::default();
        Self { framing, edit, after_cut: End::Close, after_whole: End::Finish, trailer: None, fires_at_head: false }
    }

    fn cut(framing: Framing, at: u64, after_cut: End) -> Self {
        Self { edit: Edit { cut: reached(framing, at), flip: None }, after_cut, ..Self::honest(framing) }
    }

    /// Decides about an answer and changes its head. `framing` is the server's, `body` may be read to learn its length.
    pub(crate) async fn for_answer(
        fault: Option<&Fault>,
        head: &mut ResponseHead,
        framing: Framing,
        body: &mut BodyReader<'_>,
    ) -> io::Result<Self> {
        Ok(match fault {
            Some(Fault::Truncate { at }) => Self::cut(framing, *at, End::Close),
            Some(Fault::Stall { at }) => Self::cut(framing, *at, End::Stall),
            Some(Fault::Reset { at }) => Self::cut(framing, *at, End::Reset),
            Some(Fault::FlipByte { at }) => Self { edit: Edit { flip: Some(*at), cut: None }, ..Self::honest(framing) },
            Some(Fault::ShortLength { at }) => Self::short_length(head, framing, body, *at).await?,
            Some(Fault::WrongLength { delta }) => Self::wrong_length(head, framing, body, *delta).await?,
            Some(Fault::NoLength { at }) => Self::no_length(head, framing, *at),
            Some(Fault::ChunkedTrailer { status, at }) => Self::chunked_trailer(head, framing, status, *at),
            Some(Fault::LieDigest { value }) => {
                head.headers.set("Digest", value.as_bytes());
                Self { fires_at_head: true, ..Self::honest(framing) }
            }
            Some(Fault::Delay { .. }) => Self { fires_at_head: true, ..Self::honest(framing) },
            _ => Self::honest(framing),
        })
    }

    async fn short_length(
        head: &mut ResponseHead,
        framing: Framing,
        body: &mut BodyReader<'_>,
        at: u64,
    ) -> io::Result<Self> {
        match length_of(head, framing, body).await? {
            Some(length) if at < length => set_length(head, at),
            _ => return Ok(Self::honest(framing)),
        }
        let framing = if framing == Framing::Empty { Framing::Empty } else { Framing::Length(at) };
        let edit = Edit { cut: Some(at), flip: None };
        Ok(Self { edit, after_cut: End::Finish, fires_at_head: true, ..Self::honest(framing) })
    }

    async fn wrong_length(
        head: &mut ResponseHead,
        framing: Framing,
        body: &mut BodyReader<'_>,
        delta: u64,
    ) -> io::Result<Self> {
        let Some(length) = length_of(head, framing, body).await? else { return Ok(Self::honest(framing)) };
        let announced = length.saturating_add(delta);
        set_length(head, announced);
        if framing == Framing::Empty {
            return Ok(Self { fires_at_head: true, ..Self::honest(framing) });
        }
        let framing = Framing::Length(announced);
        Ok(Self { after_whole: End::Close, fires_at_head: true, ..Self::honest(framing) })
    }

    fn no_length(head: &mut ResponseHead, framing: Framing, at: u64) -> Self {
        let is_reached = framing == Framing::Empty || reached(framing, at).is_some();
        if !is_reached {
            return Self::honest(framing);
        }
        let fires_at_head = head.headers.content_length().is_ok_and(|length| length.is_some());
        head.headers.remove("Content-Length");
        head.headers.remove("Transfer-Encoding");
        head.headers.set("Connection", "close");
        let framing = if framing == Framing::Empty { Framing::Empty } else { Framing::Close };
        Self { fires_at_head, after_whole: End::Close, ..Self::cut(framing, at, End::Close) }
    }

    fn chunked_trailer(head: &mut ResponseHead, framing: Framing, status: &str, at: Option<u64>) -> Self {
        if framing == Framing::Empty {
            return Self::honest(framing);
        }
        head.headers.remove("Content-Length");
        head.headers.set("Transfer-Encoding", "chunked");
        head.headers.set("Trailer", "X-Transfer-Status");
        let mut trailer = Headers::default();
        trailer.set("X-Transfer-Status", status);
        let edit = Edit { cut: at.and_then(|at| reached(framing, at)), flip: None };
        let honest = Self::honest(Framing::Chunked);
        Self { edit, after_cut: End::Finish, trailer: Some(trailer), fires_at_head: true, ..honest }
    }
}

/// What happens to a request's body on its way up, and what follows a cut.
pub(crate) fn for_upload(fault: Option<&Fault>, framing: Framing) -> (Edit, End) {
    match fault {
        Some(Fault::ResetUpload { at }) => (Edit { cut: reached(framing, *at), flip: None }, End::Reset),
        Some(Fault::StallUpload { at }) => (Edit { cut: reached(framing, *at), flip: None }, End::Stall),
        Some(Fault::FlipUploadByte { at }) => (Edit { cut: None, flip: Some(*at) }, End::Finish),
        _ => (Edit::default(), End::Finish),
    }
}

/// What happens instead of passing on the head of an answer, if anything.
pub(crate) fn instead_of_answer(fault: Option<&Fault>, framing: Framing) -> Option<End> {
    let is_bare = matches!(framing, Framing::Empty | Framing::Length(0));
    match fault {
        Some(Fault::StallHead) => Some(End::Stall),
        Some(Fault::Stall { .. }) if is_bare => Some(End::Stall),
        Some(Fault::Reset { .. }) if is_bare => Some(End::Reset),
        Some(Fault::CloseBeforeResponse) => Some(End::Close),
        _ => None,
    }
}

/// The offset, unless the body is known to end at it or before.
fn reached(framing: Framing, at: u64) -> Option<u64> {
    match framing {
        Framing::Empty => None,
        Framing::Length(length) => (at < length).then_some(at),
        Framing::Chunked | Framing::Close => Some(at),
    }
}

/// The length that the server told, or that its body turns out to have; `None` where there is no body to measure.
async fn length_of(head: &ResponseHead, framing: Framing, body: &mut BodyReader<'_>) -> io::Result<Option<u64>> {
    match framing {
        Framing::Empty => head.headers.content_length(),
        Framing::Length(length) => Ok(Some(length)),
        Framing::Chunked | Framing::Close => body.collect().await.map(Some),
    }
}

fn set_length(head: &mut ResponseHead, length: u64) {
    head.headers.remove("Transfer-Encoding");
    head.headers.remove("Trailer");
    head.headers.set("Content-Length", length.to_string());
}

/// An answer that the proxy gives without asking the server.
pub(crate) struct MadeUp {
    pub(crate) head: ResponseHead,
    pub(crate) body: Vec<u8>,
}

impl MadeUp {
    /// The answer, if the fault is one that needs no server. `own_url` is the proxy's.
    pub(crate) fn for_request(fault: Option<&Fault>, request: &RequestHead, own_url: &str) -> Option<Self> {
        match fault? {
            Fault::Status(status) => Some(Self::status(status)),
            Fault::HtmlPage => Some(Self::html_page()),
            Fault::Redirect { to, code } => Some(Self::redirect(to, *code, &request.target, own_url)),
            _ => None,
        }
    }

    /// An answer in plain text about a failure of the proxy's own.
    pub(crate) fn text(status: u16, reason: &str, text: &str) -> Self {
        let mut head = ResponseHead::new(status, reason);
        head.headers.set("Content-Type", "text/plain");
        Self::with_body(head, format!("{text}\n").into_bytes())
    }

    fn status(fault: &StatusFault) -> Self {
        let mut head = ResponseHead::new(fault.code, "Scripted");
        if let Some(seconds) = fault.retry_after {
            head.headers.set("Retry-After", seconds.to_string());
        }
        Self::with_body(head, fault.body.clone().into_bytes())
    }

    fn html_page() -> Self {
        let mut head = ResponseHead::new(200, "OK");
        head.headers.set("Content-Type", "text/html; charset=utf-8");
        let page = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in.</body></html>\n";
        Self::with_body(head, page.into())
    }

    fn redirect(to: &RedirectTo, code: u16, target: &str, own_url: &str) -> Self {
        let mut head = ResponseHead::new(code, "Scripted");
        let location = match to {
            RedirectTo::Itself if target.starts_with('/') => format!("{own_url}{target}"),
            RedirectTo::Itself => target.to_owned(),
            RedirectTo::Url(url) => url.clone(),
        };
        head.headers.set("Location", location);
        Self::with_body(head, Vec::new())
    }

    fn with_body(mut head: ResponseHead, body: Vec<u8>) -> Self {
        if !matches!(head.status, 204 | 304) {
            head.headers.set("Content-Length", body.len().to_string());
        }
        Self { head, body }
    }
}
