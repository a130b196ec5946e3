//! What goes wrong, and when.

use crate::fault::Fault;

/// An ordered list of rules; the first one that matches a request decides about it.
///
/// Built by [`Script::on`] and [`Script::on_connection`], or parsed from text ([`Script`]'s `FromStr`). `Display`
/// prints the text form, which parses back to the same script. The default script is empty: everything is relayed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    pub(crate) rules: Vec<Rule>,
    pub(crate) connections: Vec<(ConnectionFault, Occurrences)>,
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

    /// Breaks these connections, counted over the life of the script, from 1.
    #[must_use]
    pub fn on_connection(mut self, fault: ConnectionFault, which: Occurrences) -> Self {
        self.connections.push((fault, which));
        self
    }

    /// [`ConnectionFault::Refuse`] for these connections.
    #[must_use]
    pub fn refuse_connections(self, which: Occurrences) -> Self {
        self.on_connection(ConnectionFault::Refuse, which)
    }

    /// A random plan, the same one for the same seed: see [`Fault::Seeded`].
    pub fn seeded(seed: u64) -> Self {
        Self::new().on(Match::any(), Fault::Seeded { seed })
    }
}

/// What happens to a connection before any request of it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionFault {
    /// It is accepted and reset at once, before a byte is read. To a client this is a reset, not `ECONNREFUSED`; for
    /// that one, stop the proxy.
    Refuse,
    /// It is accepted, and nothing is ever read from it or written to it.
    BlackHole,
    /// It is closed as soon as the client begins a TLS handshake; a client that speaks plain HTTP is served.
    TlsClose,
    /// A TLS handshake is answered with bytes that are not TLS, and closed; a client that speaks plain HTTP is served.
    TlsGarbage,
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
