//! What goes wrong, and when.

use std::fmt;

/// An ordered list of rules; the first one that matches a request decides about it.
///
/// Built by [`Script::on`] and [`Script::refuse_connections`], or parsed from text ([`Script`]'s `FromStr`). `Display`
/// prints the text form, which parses back to the same script. The default script is empty: everything is relayed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    pub(crate) rules: Vec<Rule>,
    pub(crate) refusals: Vec<Occurrences>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) when: Match,
    pub(crate) fault: Fault,
}

impl Script {
    /// A script without rules: the proxy relays everything unharmed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule behind the existing ones.
    #[must_use]
    pub fn on(mut self, when: Match, fault: Fault) -> Self {
        self.rules.push(Rule { when, fault });
        self
    }

    /// Accepts these connections (counted over the life of the script, from 1) and resets them at once, before a
    /// byte is read. To a client this is a reset, not `ECONNREFUSED`; for that one, stop the proxy.
    #[must_use]
    pub fn refuse_connections(mut self, which: Occurrences) -> Self {
        self.refusals.push(which);
        self
    }
}

/// Which requests a rule is for: by method, target, and how many of those came before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// The method, compared exactly (methods are case-sensitive, RFC 9110 section 9.1); `None` is any.
    pub method: Option<String>,
    /// What the request target must look like.
    pub target: Target,
    /// Which of the requests that match and reach this rule it takes.
    pub occurrences: Occurrences,
}

/// A condition on the request target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// Any target.
    #[default]
    Any,
    /// The target as sent, query included, contains this text.
    Contains(String),
    /// The target's path, without query, ends in this text.
    EndsWith(String),
}

/// Which ones of a counted series; counting starts at 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occurrences {
    /// From the `first` one on, `count` of them, or all that follow.
    Window {
        /// The first one that is taken, from 1.
        first: u64,
        /// How many are taken; `None` is no end.
        count: Option<u64>,
    },
    /// Exactly these.
    Only(Vec<u64>),
}

impl Default for Occurrences {
    fn default() -> Self {
        Self::ALWAYS
    }
}

impl Occurrences {
    /// Every one.
    pub const ALWAYS: Self = Self::Window { first: 1, count: None };
    /// The first one.
    pub const ONCE: Self = Self::Window { first: 1, count: Some(1) };

    /// Whether number `n` (from 1) is one of them.
    pub fn contains(&self, n: u64) -> bool {
        match self {
            Self::Window { first, count } => n >= *first && count.is_none_or(|count| n - first < count),
            Self::Only(numbers) => numbers.contains(&n),
        }
    }
}

impl Match {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Every request with this method.
    pub fn method(method: &str) -> Self {
        Self { method: Some(method.to_owned()), ..Self::default() }
    }

    /// Every GET whose target contains `part`.
    pub fn get(part: &str) -> Self {
        Self::method("GET").containing(part)
    }

    /// Every PUT whose target contains `part`.
    pub fn put(part: &str) -> Self {
        Self::method("PUT").containing(part)
    }

    /// Only where the target, query included, contains `part`.
    #[must_use]
    pub fn containing(mut self, part: &str) -> Self {
        self.target = Target::Contains(part.to_owned());
        self
    }

    /// Only where the target's path, without query, ends in `end`.
    #[must_use]
    pub fn ending_in(mut self, end: &str) -> Self {
        self.target = Target::EndsWith(end.to_owned());
        self
    }

    /// Only the first one.
    #[must_use]
    pub fn once(self) -> Self {
        self.occurring(Occurrences::ONCE)
    }

    /// Only the first `count`.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        self.occurring(Occurrences::Window { first: 1, count: Some(count) })
    }

    /// Only from number `first` (from 1) on.
    #[must_use]
    pub fn from(self, first: u64) -> Self {
        self.occurring(Occurrences::Window { first, count: None })
    }

    /// Only those with these numbers (from 1).
    #[must_use]
    pub fn nth(self, numbers: impl IntoIterator<Item = u64>) -> Self {
        self.occurring(Occurrences::Only(numbers.into_iter().collect()))
    }

    /// Only those with these numbers.
    #[must_use]
    pub fn occurring(mut self, occurrences: Occurrences) -> Self {
        self.occurrences = occurrences;
        self
    }

    /// Whether method and target match, whatever the count.
    pub(crate) fn fits(&self, method: &str, target: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method) && self.target.fits(target)
    }
}

impl Target {
    fn fits(&self, target: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Contains(part) => target.contains(part.as_str()),
            Self::EndsWith(end) => path_of(target).ends_with(end.as_str()),
        }
    }
}

/// The target without its query.
pub(crate) fn path_of(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

/// One way to misbehave. Offsets (`at`) count bytes of the body from 0: `at` bytes pass unharmed.
///
/// A fault that needs an offset and meets a body that ends before it does nothing ([`crate::Seen::fired`] stays
/// false). On an answer without a body (to HEAD, 204, 304, `Content-Length: 0`) `Stall` and `Reset` withhold the
/// head, and `ShortLength`, `WrongLength`, `NoLength` still lie in the head.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Honest head, `at` bytes of body, then the connection is closed.
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
}

/// An answer that the proxy makes up; see [`Fault::status`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusFault {
    pub(crate) code: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: String,
}

/// Where a [`Fault::Redirect`] leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectTo {
    /// The same target on this proxy, as an absolute URL.
    Itself,
    /// This URL, literally.
    Url(String),
}

impl Fault {
    /// An answer with this status code, an empty body and no `Retry-After`; turn it `into()` a fault when complete.
    /// A request that waits for `100 Continue` gets it at once and the connection closes; otherwise the request's
    /// body is read first and the connection is kept.
    pub fn status(code: u16) -> StatusFault {
        StatusFault { code, retry_after: None, body: String::new() }
    }

    /// A redirect with status 302 to the same target on this proxy: with [`Match::any`] an endless loop.
    pub fn redirect_loop() -> Self {
        Self::Redirect { to: RedirectTo::Itself, code: 302 }
    }
}

impl StatusFault {
    /// With `Retry-After` in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
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

/// A script with its counters.
#[derive(Debug, Default)]
pub(crate) struct Play {
    script: Script,
    reached: Vec<u64>,
    connections: u64,
}

impl Play {
    pub(crate) fn new(script: Script) -> Self {
        Self { reached: vec![0; script.rules.len()], script, connections: 0 }
    }

    /// Whether the next connection is refused.
    pub(crate) fn refuses_connection(&mut self) -> bool {
        self.connections += 1;
        self.script.refusals.iter().any(|which| which.contains(self.connections))
    }

    /// The fault of the next request.
    pub(crate) fn decide(&mut self, method: &str, target: &str) -> Option<Fault> {
        let rules = self.script.rules.iter().zip(&mut self.reached);
        for (rule, reached) in rules.filter(|(rule, _)| rule.when.fits(method, target)) {
            *reached += 1;
            if rule.when.occurrences.contains(*reached) {
                return Some(rule.fault.clone());
            }
        }
        None
    }
}

impl fmt::Display for RedirectTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Itself => f.write_str("self"),
            Self::Url(url) => f.write_str(url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_read_as_a_play() {
        let script = Script::new()
            .on(Match::method("GET").once(), Fault::status(503).into())
            .on(Match::method("GET").once(), Fault::Truncate { at: 10 });
        let mut play = Play::new(script);
        assert_eq!(play.decide("GET", "/a"), Some(Fault::status(503).into()));
        assert_eq!(play.decide("PUT", "/a"), None);
        assert_eq!(play.decide("GET", "/a"), Some(Fault::Truncate { at: 10 }));
        assert_eq!(play.decide("GET", "/a"), None);
    }

    #[test]
    fn occurrences_count_from_one() {
        let window = Occurrences::Window { first: 3, count: Some(2) };
        assert_eq!((1..=6).filter(|n| window.contains(*n)).collect::<Vec<_>>(), [3, 4]);
        let only = Occurrences::Only(vec![2, 5]);
        assert_eq!((1..=6).filter(|n| only.contains(*n)).collect::<Vec<_>>(), [2, 5]);
        assert!(!Occurrences::ONCE.contains(2));
        assert!(Occurrences::ALWAYS.contains(u64::MAX));
    }

    #[test]
    fn targets_match_by_part_and_by_end() {
        let part = Match::any().containing("uploadId=");
        assert!(part.fits("PUT", "/a?uploadId=1") && !part.fits("PUT", "/a"));
        let end = Match::any().ending_in(".root");
        assert!(end.fits("GET", "/a.root?authz=x") && !end.fits("GET", "/a.root.md5"));
        assert!(!Match::get("").fits("get", "/a"));
    }

    #[test]
    fn refusals_count_connections() {
        let mut play = Play::new(Script::new().refuse_connections(Occurrences::Only(vec![2])));
        assert_eq!(
            [play.refuses_connection(), play.refuses_connection(), play.refuses_connection()],
            [false, true, false]
        );
    }
}
