//! Errors as part of the product: what, where, why, what was tried, what is left.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::attempt::{Attempt, History, Outcome};
use crate::operation::Operation;

/// Short for results of this workspace's storage crates.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, to match on. The exit codes of `law fs` follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The storage says, with authority, that nothing has this path.
    NotFound,
    /// Something has this path, and must not be replaced.
    AlreadyExists,
    /// A file where a directory was needed.
    NotADirectory,
    /// A directory where a file was needed.
    IsADirectory,
    /// A directory that is to be removed or replaced has entries.
    NotEmpty,
    /// The storage knows who asks, and says no.
    PermissionDenied,
    /// A credential is missing, expired or not accepted.
    Unauthenticated,
    /// The storage takes no changes.
    ReadOnly,
    /// A name or path is longer than the storage can hold.
    NameTooLong,
    /// The storage cannot be reached, or says that it cannot answer now.
    Unavailable,
    /// Nothing, or not everything, came in time.
    Timeout,
    /// The caller gave up.
    Cancelled,
    /// Bytes differ from what they must be: a size or a checksum.
    Integrity,
    /// The file changed while it was read.
    Changed,
    /// Bytes that do not follow their format: a protocol answer, a file.
    Malformed,
    /// No space left, or a quota is used up.
    NoSpace,
    /// The storage, or this client, cannot do this.
    Unsupported,
    /// The file is on tape, and not on disk.
    NotOnline,
    /// The request makes no sense: a bad URL, a bad name, a bad option.
    InvalidInput,
    /// A defect of this program.
    Internal,
}

impl ErrorKind {
    /// A few words for people.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::NotFound => "not found",
            Self::AlreadyExists => "already exists",
            Self::NotADirectory => "not a directory",
            Self::IsADirectory => "is a directory",
            Self::NotEmpty => "directory not empty",
            Self::PermissionDenied => "permission denied",
            Self::Unauthenticated => "not authenticated",
            Self::ReadOnly => "read-only storage",
            Self::NameTooLong => "name too long",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timed out",
            Self::Cancelled => "cancelled",
            Self::Integrity => "integrity error",
            Self::Changed => "changed meanwhile",
            Self::Malformed => "malformed",
            Self::NoSpace => "no space left",
            Self::Unsupported => "not supported",
            Self::NotOnline => "not online (on tape)",
            Self::InvalidInput => "invalid input",
            Self::Internal => "internal error",
        }
    }

    /// The name of the kind in `--json` output: snake case, stable.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::NotADirectory => "not_a_directory",
            Self::IsADirectory => "is_a_directory",
            Self::NotEmpty => "not_empty",
            Self::PermissionDenied => "permission_denied",
            Self::Unauthenticated => "unauthenticated",
            Self::ReadOnly => "read_only",
            Self::NameTooLong => "name_too_long",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Integrity => "integrity",
            Self::Changed => "changed",
            Self::Malformed => "malformed",
            Self::NoSpace => "no_space",
            Self::Unsupported => "unsupported",
            Self::NotOnline => "not_online",
            Self::InvalidInput => "invalid_input",
            Self::Internal => "internal",
        }
    }

    fn status(self) -> Status {
        match self {
            Self::Unavailable | Self::Timeout => Status::Temporary,
            Self::Unauthenticated | Self::Unsupported | Self::Integrity | Self::Malformed => Status::Exhausted,
            _ => Status::Permanent,
        }
    }
}

/// What the layer above may do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Stop: no repetition and no other door would help.
    Permanent,
    /// The same request may succeed later: Retry acts.
    Temporary,
    /// This door cannot help any more; Doors takes the next.
    Exhausted,
}

/// What went wrong, where, why, what was tried and what is left behind.
///
/// One pointer wide. `Display` is one line for people; `source` is the cause where there is one.
pub struct Error(Box<Details>);

struct Details {
    kind: ErrorKind,
    status: Status,
    operation: Option<Operation>,
    url: Option<String>,
    message: String,
    attempts: Vec<Attempt>,
    /// How long all attempts took together.
    lasted: Option<Duration>,
    left_behind: Option<String>,
    hint: Option<String>,
    retry_after: Option<Duration>,
    reached: Option<u64>,
    outcome: Outcome,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of that kind; `message` says what and why in lower case, without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind,
            status: kind.status(),
            operation: None,
            url: None,
            message: message.into(),
            attempts: Vec::new(),
            lasted: None,
            left_behind: None,
            hint: None,
            retry_after: None,
            reached: None,
            outcome: Outcome::NotDone,
            source: None,
        }))
    }

    /// Adds where it happened, if that is not yet known: a URL without its secrets.
    #[must_use]
    pub fn at(mut self, url: impl fmt::Display) -> Self {
        self.0.url.get_or_insert_with(|| url.to_string());
        self
    }

    /// Replaces the place where it happened, which would mean nothing to the user: a temporary name.
    #[must_use]
    pub fn instead_at(mut self, url: impl fmt::Display) -> Self {
        self.0.url = Some(url.to_string());
        self
    }

    /// Adds what was being done, if that is not yet known.
    #[must_use]
    pub fn during(mut self, operation: Operation) -> Self {
        self.0.operation.get_or_insert(operation);
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds what was left behind, such as `nothing was published`.
    #[must_use]
    pub fn leaving(mut self, left_behind: impl Into<String>) -> Self {
        self.0.left_behind = Some(left_behind.into());
        self
    }

    /// As [`leaving`](Self::leaving), unless something is said of it already.
    #[must_use]
    pub fn or_leaving(self, left_behind: impl Into<String>) -> Self {
        if self.0.left_behind.is_some() { self } else { self.leaving(left_behind) }
    }

    /// Adds whose error it is, before what it says.
    #[must_use]
    pub fn of(mut self, whose: impl fmt::Display) -> Self {
        self.0.message = format!("{whose}: {}", self.0.message);
        self
    }

    /// Overrides what the layer above may do.
    #[must_use]
    pub fn with_status(mut self, status: Status) -> Self {
        self.0.status = status;
        self
    }

    /// Overrides the kind, and with it the status.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self.0.status = kind.status();
        self
    }

    /// Adds the wait that the server asked for.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Adds the offset up to which bytes arrived and may be kept.
    #[must_use]
    pub fn reached(mut self, offset: u64) -> Self {
        self.0.reached = Some(offset);
        self
    }

    /// Says whether it may have happened all the same.
    #[must_use]
    pub fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.0.outcome = outcome;
        self
    }

    /// Replaces the history.
    #[must_use]
    pub fn with_attempts(mut self, attempts: Vec<Attempt>) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// Says how long all of the history took, with the pauses: tries that ran side by side took less than their sum.
    #[must_use]
    pub fn lasting(mut self, time: Duration) -> Self {
        self.0.lasted = Some(time);
        self
    }

    /// Adds a failed try to the history.
    #[must_use]
    pub fn attempt(mut self, attempt: Attempt) -> Self {
        self.0.attempts.push(attempt);
        self
    }

    /// What went wrong, to match on.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What the layer above may do.
    pub fn status(&self) -> Status {
        self.0.status
    }

    /// What was being done, where known.
    pub fn operation(&self) -> Option<Operation> {
        self.0.operation
    }

    /// Where it happened, without secrets.
    pub fn url(&self) -> Option<&str> {
        self.0.url.as_deref()
    }

    /// What and why, without the place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it.
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// What was left behind, where that is known.
    pub fn left_behind(&self) -> Option<&str> {
        self.0.left_behind.as_deref()
    }

    /// The tries that failed.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// How long all that was tried took.
    pub fn lasted(&self) -> Duration {
        self.0.lasted.unwrap_or_else(|| self.0.attempts.iter().map(|attempt| attempt.elapsed).sum())
    }

    /// Whether it may have happened all the same.
    pub fn outcome(&self) -> &Outcome {
        &self.0.outcome
    }

    /// The wait that the server asked for.
    pub fn wait(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The offset up to which bytes arrived and may be kept.
    pub fn offset(&self) -> Option<u64> {
        self.0.reached
    }

    /// A short form for the history of a later error: what, and the innermost cause.
    pub fn reason(&self) -> String {
        let mut cause = self.source();
        while let Some(deeper) = cause.and_then(StdError::source) {
            cause = Some(deeper);
        }
        let what = self.0.message.trim_end_matches(" to");
        match cause {
            Some(cause) => {
                let cause = cause.to_string().replace('\n', " ");
                format!("{what}: {}", cause.split(" (os error").next().unwrap_or_default())
            }
            None => what.to_owned(),
        }
    }
}

/// `WHAT AND WHY WHERE: CAUSE: tried A, B; WHAT IS LEFT`, on one line.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if let Some(url) = &self.0.url {
            write!(f, " {url}")?;
        }
        let mut cause: Option<&(dyn StdError + 'static)> = self.source();
        let mut before = String::new();
        while let Some(error) = cause {
            let text = error.to_string().replace('\n', " ");
            // Some causes say what theirs says already.
            if !before.contains(&text) {
                write!(f, ": {text}")?;
                before = text;
            }
            cause = error.source();
        }
        if !self.0.attempts.is_empty() {
            write!(f, ": {}", History(&self.0.attempts, self.lasted()))?;
        }
        if let Some(left) = &self.0.left_behind {
            write!(f, "; {left}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ({:?}", self.0.kind, self.0.status)?;
        if let Some(operation) = self.0.operation {
            write!(f, ", {operation:?}")?;
        }
        write!(f, "): {self}")
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_everything() {
        let error = Error::new(ErrorKind::Integrity, "checksum mismatch (adler32 1 at the source, 2 at door2)")
            .at("davs://door2/x.root")
            .attempt(Attempt { door: "door2".into(), elapsed: Duration::from_millis(40), reason: "mismatch".into() })
            .leaving("nothing was published");
        assert_eq!(
            error.to_string(),
            "checksum mismatch (adler32 1 at the source, 2 at door2) davs://door2/x.root: tried once in 0.0 s; nothing was published"
        );
        assert_eq!(error.status(), Status::Exhausted);
        assert_eq!(std::mem::size_of::<Error>(), std::mem::size_of::<usize>());
    }

    #[test]
    fn our_errors_survive_a_journey_through_io() {
        let there: std::io::Error = Error::new(ErrorKind::NotOnline, "on tape").at("davs://x/y").into();
        let back = Error::from(there);
        assert_eq!(back.kind(), ErrorKind::NotOnline);
        assert_eq!(back.url(), Some("davs://x/y"));
    }

    #[test]
    fn the_first_place_wins() {
        assert_eq!(Error::new(ErrorKind::NotFound, "x").at("inner").at("outer").url(), Some("inner"));
    }
}
