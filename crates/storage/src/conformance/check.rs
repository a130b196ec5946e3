//! How a case says what it found.

use std::fmt::{self, Debug, Display};
use std::panic::Location;

use crate::{Error, ErrorKind, Result};

/// Why a case did not pass.
#[derive(Debug)]
pub enum Failure {
    /// The contract is broken: where in the suite, and how.
    Failed(String),
    /// It makes no sense on this endpoint.
    Skipped(String),
}

/// What a case, or a step of it, comes to.
pub type Checked<T = ()> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure that names the line of the suite that found it.
    #[track_caller]
    pub(super) fn here(message: impl Display) -> Self {
        let place = Location::caller();
        let file = place.file().rsplit('/').next().unwrap_or_default();
        Self::Failed(format!("{file}:{}: {message}", place.line()))
    }

    /// The same failure, with what it was about.
    pub(super) fn about(self, what: impl Display) -> Self {
        match self {
            Self::Failed(message) => Self::Failed(format!("{what}: {message}")),
            skipped => skipped,
        }
    }
}

impl From<Error> for Failure {
    #[track_caller]
    fn from(error: Error) -> Self {
        Self::here(format_args!("unexpected error: {error:?}"))
    }
}

impl From<std::io::Error> for Failure {
    #[track_caller]
    fn from(error: std::io::Error) -> Self {
        Self::here(format_args!("the suite itself: {error}"))
    }
}

/// Ends the case unless the condition holds.
macro_rules! check {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::conformance::check::Failure::here(format_args!($($message)+)));
        }
    };
}

/// Declares the cases of a theme: `cases!("theme", NEED => [case, ...], ...)`.
macro_rules! cases {
    ($theme:literal, $($need:ident => [$($name:ident),+ $(,)?]),+ $(,)?) => {
        pub(super) fn cases() -> Vec<$crate::conformance::Case> {
            vec![$($($crate::conformance::Case {
                name: concat!($theme, "::", stringify!($name)),
                needs: $crate::conformance::needs::$need,
                run: |subject| Box::pin(async move { $name(&subject).await }),
            }),+),+]
        }
    };
}

/// The error that `result` must be, of one of these kinds.
#[track_caller]
pub(super) fn fails<T>(what: impl Display, result: Result<T>, kinds: &[ErrorKind]) -> Checked<Error> {
    match result {
        Err(error) if kinds.contains(&error.kind()) => Ok(error),
        Err(error) => Err(Failure::here(format_args!("{what}: must be {kinds:?}, is {error:?}"))),
        Ok(_) => Err(Failure::here(format_args!("{what}: must be {kinds:?}, but succeeds"))),
    }
}

/// An error unless both are equal.
#[track_caller]
pub(super) fn same<T: PartialEq + Debug>(what: impl Display, found: T, wanted: T) -> Checked {
    if found == wanted {
        return Ok(());
    }
    Err(Failure::here(format_args!("{what}: must be {wanted:?}, is {found:?}")))
}

/// An error unless both are the same bytes.
#[track_caller]
pub(super) fn same_bytes(what: impl Display, found: &[u8], wanted: &[u8]) -> Checked {
    if found == wanted {
        return Ok(());
    }
    let (found, wanted) = (Content(found), Content(wanted));
    Err(Failure::here(format_args!("{what}: must be {wanted}, is {found}")))
}

/// Bytes for people: all of a few, else how many there are and how they begin.
pub(super) struct Content<'a>(pub(super) &'a [u8]);

impl Display for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.get(..40) {
            None => write!(f, "`{}`", self.0.escape_ascii()),
            Some(start) => write!(f, "{} bytes (`{}` ...)", self.0.len(), start.escape_ascii()),
        }
    }
}
