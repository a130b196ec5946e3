//! From a fault to what is done with a message: pure decisions, no bytes are moved here.

use std::io;

use crate::body::{BodyReader, Edit};
use crate::fault::Fault;
use crate::head::{Framing, Headers, RequestHead, ResponseHead};
use crate::{listing, range};

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

    fn edited(framing: Framing, edit: Edit) -> Self {
        Self { edit, ..Self::honest(framing) }
    }

    fn cut(framing: Framing, at: u64, after_cut: End) -> Self {
        Self { edit: Edit { cut: reached(framing, at), ..Edit::default() }, after_cut, ..Self::honest(framing) }
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
            Some(Fault::FlipByte { at }) => Self::edited(framing, Edit { flip: Some(*at), ..Edit::default() }),
            Some(Fault::Garbage) => Self::edited(framing, Edit { invert: true, ..Edit::default() }),
            Some(Fault::Bandwidth { per_second }) => {
                Self::edited(framing, Edit { per_second: Some(*per_second), ..Edit::default() })
            }
            Some(Fault::DuplicateEntry) => Self::duplicate_entry(head, framing, body).await?,
            Some(Fault::WrongTotal { delta }) => {
                Self { fires_at_head: range::tell_wrong_total(head, *delta), ..Self::honest(framing) }
            }
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
        let edit = Edit { cut: Some(at), ..Edit::default() };
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

    async fn duplicate_entry(head: &mut ResponseHead, framing: Framing, body: &mut BodyReader<'_>) -> io::Result<Self> {
        if framing == Framing::Empty {
            return Ok(Self::honest(framing));
        }
        let length = body.collect().await?;
        let doubled = body.replace_collected(listing::with_last_entry_twice);
        set_length(head, doubled);
        Ok(Self { fires_at_head: doubled != length, ..Self::honest(Framing::Length(doubled)) })
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
        let edit = Edit { cut: at.and_then(|at| reached(framing, at)), ..Edit::default() };
        let honest = Self::honest(Framing::Chunked);
        Self { edit, after_cut: End::Finish, trailer: Some(trailer), fires_at_head: true, ..honest }
    }
}

/// What happens to a request's body on its way up, and what follows a cut.
pub(crate) fn for_upload(fault: Option<&Fault>, framing: Framing) -> (Edit, End) {
    let honest = Edit::default();
    match fault {
        Some(Fault::ResetUpload { at }) => (Edit { cut: reached(framing, *at), ..honest }, End::Reset),
        Some(Fault::StallUpload { at }) => (Edit { cut: reached(framing, *at), ..honest }, End::Stall),
        Some(Fault::FlipUploadByte { at }) => (Edit { flip: Some(*at), ..honest }, End::Finish),
        Some(Fault::Bandwidth { per_second }) => (Edit { per_second: Some(*per_second), ..honest }, End::Finish),
        _ => (Edit::default(), End::Finish),
    }
}

/// The request as the server gets it, if that is not as it came.
pub(crate) fn request_as_sent(fault: Option<&Fault>, request: &RequestHead) -> Option<RequestHead> {
    match fault? {
        Fault::ShiftRange { by } => range::shifted(request, *by),
        Fault::IgnoreRange => range::ignored(request),
        _ => None,
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
