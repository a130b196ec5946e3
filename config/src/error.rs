//! Errors of one line: where, what and why, what to do.

use std::fmt;

/// The result of everything here that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file that was asked for by name is not there, or a file system of this name.
    NotFound,
    /// A file is there and cannot be read.
    Unreadable,
    /// A file is there, and its permissions keep it from its finder.
    Forbidden,
    /// A file is no TOML, or an override no `section.option=value`.
    Malformed,
    /// No such section or option.
    UnknownKey,
    /// An option has a value that it cannot have, or lacks one that it must have.
    InvalidValue,
    /// A stanza of this name exists already.
    AlreadyExists,
    /// A file cannot be written; the old one is as it was.
    Unwritable,
}

/// Why a configuration cannot be used. `Display` is one line that never holds a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    place: String,
    problem: String,
    remedy: String,
}

impl Error {
    /// `place` is a file with line and column, a variable, or the command line; `remedy` may be empty.
    pub(crate) fn new(
        kind: ErrorKind,
        place: impl fmt::Display,
        problem: impl fmt::Display,
        remedy: impl fmt::Display,
    ) -> Self {
        Self { kind, place: one_line(place), problem: one_line(problem), remedy: one_line(remedy) }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

/// Foreign text may hold line breaks and terminal escapes.
pub(crate) fn one_line(text: impl fmt::Display) -> String {
    text.to_string().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "; {}", self.remedy) }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.kind)
    }
}

impl std::error::Error for Error {}

/// "did you mean ...?", or the list of what is known where nothing is near.
pub(crate) fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<_> = known.into_iter().collect();
    let near = known.iter().map(|candidate| (strsim::osa_distance(word, candidate), *candidate)).min();
    match near {
        Some((distance, candidate)) if distance <= 1 + word.chars().count() / 4 => {
            format!("did you mean {candidate:?}?")
        }
        Some(_) => format!("known: {}", known.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_near_or_complete() {
        assert_eq!(suggestion("retires", ["base", "retries"]), "did you mean \"retries\"?");
        assert_eq!(suggestion("zzz", ["base", "retries"]), "known: base, retries");
        assert_eq!(suggestion("zzz", []), "");
    }

    #[test]
    fn errors_are_one_line() {
        let error = Error::new(ErrorKind::UnknownKey, "a\nb", "x\u{1b}[31m", "");
        assert_eq!(error.to_string(), "a\u{fffd}b: x\u{fffd}[31m");
    }
}
