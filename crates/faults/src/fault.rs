//! One way to misbehave.

use std::fmt;

/// One way to misbehave. Offsets (`at`) count bytes of the body from 0: `at` bytes pass unharmed.
///
/// A fault that needs an offset and meets a body that ends before it does nothing ([`crate::Seen::fired`] stays
/// false). On an answer without a body (to HEAD, 204, 304, `Content-Length: 0`) `Stall` and `Reset` withhold the
/// head, and `ShortLength`, `WrongLength`, `NoLength` still lie in the head.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Honest head, `at` bytes of body, then the connection is closed; at 0 between head and body.
    Truncate {
        /// Bytes of body that pass.
        at: u64,
    },
    /// `Content-Length` says `at` and `at` bytes follow: complete, well-formed, and too short.
    ShortLength {
        /// Bytes of body that pass.
        at: u64,
    },
    /// No `Content-Length`, `Connection: close`, `at` bytes of body, then the end: the client cannot see the cut.
    NoLength {
        /// Bytes of body that pass.
        at: u64,
    },
    /// The byte at this offset is inverted, everything else is honest.
    FlipByte {
        /// Offset of the broken byte.
        at: u64,
    },
    /// Head and `at` bytes of body, then silence; the connection stays open until the proxy stops.
    Stall {
        /// Bytes of body that pass.
        at: u64,
    },
    /// The request reaches the server, its answer is withheld, and the connection stays open until the proxy stops.
    StallHead,
    /// Head and `at` bytes of body, then a TCP reset. A reset discards what the kernel has not sent yet, so a large
    /// `at` is an upper limit.
    Reset {
        /// Bytes of body that pass.
        at: u64,
    },
    /// The proxy answers by itself, the server sees nothing. See [`Fault::status`].
    Status(StatusFault),
    /// A 200 with an HTML page instead of the server's answer; the server sees nothing.
    HtmlPage,
    /// `Content-Length` is larger than the body by `delta`; after the body the connection is closed. The body of a
    /// server that did not tell its length is collected in memory first.
    WrongLength {
        /// Bytes too many.
        delta: u64,
    },
    /// The body is sent chunked, whole or cut at an offset, and a trailer `X-Transfer-Status` says how it went: the
    /// way in which XRootD and dCache tell of a failure behind a 200.
    ChunkedTrailer {
        /// The value of the trailer, such as `500: read error`.
        status: String,
        /// Bytes of body that pass; `None` is the whole body.
        at: Option<u64>,
    },
    /// A redirect answered by the proxy; the server sees nothing. [`RedirectTo::Itself`] makes a loop.
    Redirect {
        /// Where to.
        to: RedirectTo,
        /// The status code, such as 302 or 307.
        code: u16,
    },
    /// The server's answer waits this long before its head is passed on.
    Delay {
        /// Milliseconds.
        millis: u64,
    },
    /// The request, body included, reaches the server and is performed; its answer is swallowed and the connection
    /// closed. The ambiguous end of a PUT, MOVE or COPY.
    CloseBeforeResponse,
    /// After `at` bytes of the request's body went up, the client is reset and the server's connection closed.
    ResetUpload {
        /// Bytes of body that reach the server.
        at: u64,
    },
    /// After `at` bytes of the request's body went up, the proxy takes no more; both connections stay open.
    StallUpload {
        /// Bytes of body that reach the server.
        at: u64,
    },
    /// The byte at this offset of the request's body is inverted on its way up.
    FlipUploadByte {
        /// Offset of the broken byte.
        at: u64,
    },
    /// The `Digest` header (RFC 3230) of the answer is replaced by this value, or added.
    LieDigest {
        /// Such as `adler32=deadbeef`.
        value: String,
    },
    /// Bodies pass in both directions, but no faster than this.
    Bandwidth {
        /// Bytes per second, at least 1.
        per_second: u64,
    },
    /// Every byte of the answer's body is inverted: a head that is right, above bytes that are no XML and no content.
    Garbage,
    /// The last entry of a PROPFIND answer comes twice. The body is collected in memory first.
    DuplicateEntry,
    /// `100 Continue` of the server is withheld this long; a client that sends its body without it is served.
    DelayContinue {
        /// Milliseconds.
        millis: u64,
    },
    /// `100 Continue` of the server is never passed on; a client that sends its body without it is served.
    NoContinue,
    /// Of a request for a range the server gets one that begins and ends so many bytes later: a 206 that says honestly
    /// that it is about another range.
    ShiftRange {
        /// Bytes by which the range is moved.
        by: u64,
    },
    /// A 206 says in its `Content-Range` that the whole file has so many bytes more than it has.
    WrongTotal {
        /// Bytes too many.
        delta: u64,
    },
    /// The server never learns that a range was asked for: a 200 with the whole file.
    IgnoreRange,
    /// One of three requests, chosen by the seed and by how many came before, meets a fault that the same numbers
    /// choose among those that make sense for its method; the others pass. [`crate::Seen::fault`] says which it was.
    Seeded {
        /// The same seed is the same plan.
        seed: u64,
    },
}

/// An answer that the proxy makes up; see [`Fault::status`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusFault {
    pub(crate) code: u16,
    pub(crate) retry_after: Option<RetryAfter>,
    pub(crate) body: String,
}

/// The two forms of `Retry-After` (RFC 9110 section 10.2.3), in seconds from the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryAfter {
    Seconds(u64),
    Date(u64),
}

/// Where a [`Fault::Redirect`] leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectTo {
    /// The same target on this proxy, as an absolute URL.
    Itself,
    /// The same target with `again` in its query, and without it from there: two URLs that lead to each other.
    Pair,
    /// This URL or path, literally.
    Url(String),
}

impl Fault {
    /// An answer with this status code, an empty body and no `Retry-After`; turn it `into()` a fault when complete.
    /// A request that waits for `100 Continue` gets it at once and the connection closes; otherwise the request's
    /// body is read first and the connection is kept.
    pub fn status(code: u16) -> StatusFault {
        StatusFault { code, retry_after: None, body: String::new() }
    }

    /// A redirect with status 302 to the same target on this proxy: with [`crate::Match::any`] an endless loop.
    pub fn redirect_loop() -> Self {
        Self::Redirect { to: RedirectTo::Itself, code: 302 }
    }
}

impl StatusFault {
    /// With `Retry-After` in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(RetryAfter::Seconds(seconds));
        self
    }

    /// With `Retry-After` as the date that is so many seconds away, when the answer is given.
    #[must_use]
    pub fn retry_after_date(mut self, seconds: u64) -> Self {
        self.retry_after = Some(RetryAfter::Date(seconds));
        self
    }

    /// With this text as body.
    #[must_use]
    pub fn body(mut self, text: &str) -> Self {
        text.clone_into(&mut self.body);
        self
    }
}

impl From<StatusFault> for Fault {
    fn from(status: StatusFault) -> Self {
        Self::Status(status)
    }
}

impl fmt::Display for RedirectTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Itself => f.write_str("self"),
            Self::Pair => f.write_str("pair"),
            Self::Url(url) => f.write_str(url),
        }
    }
}
