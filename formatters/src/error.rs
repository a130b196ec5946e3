//! What can go wrong between bytes and objects.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Short for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, to match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes could not be read or written.
    Io,
    /// The bytes do not follow the format.
    Malformed,
    /// The content is of another type than was asked for, or of one that the format cannot hold.
    Type,
    /// A feature of the format that this crate does not have.
    Unsupported,
}

/// What went wrong and why, in one line.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    io: Option<io::Error>,
    place: Option<PathBuf>,
}

impl Error {
    /// The local disk failed at `place`, which is not the file that is read or written.
    pub(crate) fn on_disk(place: impl Into<PathBuf>, error: io::Error) -> Self {
        Self { kind: ErrorKind::Io, message: String::new(), io: Some(error), place: Some(place.into()) }
    }

    /// The directory for temporary files failed.
    pub(crate) fn on_scratch(error: io::Error) -> Self {
        Self::on_disk(std::env::temp_dir(), error)
    }

    /// Bytes that do not follow the format.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed, message.into())
    }

    /// Content of another type.
    pub fn wrong_type(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Type, message.into())
    }

    /// A feature that is not there.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message.into())
    }

    /// Messages quote foreign bytes: control characters are escaped, so that none forges terminal output.
    fn new(kind: ErrorKind, message: String) -> Self {
        let message = if message.contains(char::is_control) { escaped(&message) } else { message };
        Self { kind, message, io: None, place: None }
    }

    /// The same, where it is known that the storage did not fail: then the bytes are at fault.
    pub(crate) fn blaming_content(self) -> Self {
        match self.io {
            Some(io) => Self::malformed(io.to_string()),
            None => self,
        }
    }

    /// The same with what it is about in front; an error of the storage stays as it is, and one of the local disk keeps that apart.
    pub(crate) fn of(self, what: impl fmt::Display) -> Self {
        match (&self.io, &self.place) {
            (Some(_), None) => self,
            (Some(_), Some(_)) => Self { message: Self::new(self.kind, what.to_string()).message, ..self },
            (None, _) => Self::new(self.kind, format!("{what}: {}", self.message)),
        }
    }

    /// What went wrong, to match on.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Where on the local disk, if it was not the file itself that could not be read or written: a destination, the directory
    /// for temporary files.
    pub fn place(&self) -> Option<&Path> {
        self.place.as_deref()
    }

    /// What the local disk was to take when it failed, such as a member of an archive.
    pub fn about(&self) -> Option<&str> {
        self.place.as_ref().and(Some(self.message.as_str())).filter(|message| !message.is_empty())
    }

    /// The error of reading or writing, if it was one.
    pub fn into_io(self) -> Option<io::Error> {
        self.io
    }
}

fn escaped(message: &str) -> String {
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    message.chars().map(escape).collect()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(about) = self.about() {
            write!(f, "{about}: ")?;
        }
        match (&self.io, &self.place) {
            (Some(error), Some(place)) => write!(f, "{}: {error}", place.display()),
            (Some(error), None) => write!(f, "{error}"),
            (None, _) => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.io.as_ref().and_then(|error| error.source())
    }
}

/// An end that comes too early, or bytes that are none of the format, are the content's fault; the rest is the
/// storage's.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        let foreign = error.get_ref().is_some();
        match error.kind() {
            io::ErrorKind::UnexpectedEof if !foreign => Self::malformed("the file ends too early"),
            io::ErrorKind::InvalidData if !foreign => Self::malformed(error.to_string()),
            _ => Self { kind: ErrorKind::Io, message: String::new(), io: Some(error), place: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_without_control_characters() {
        assert_eq!(Error::malformed("a\x1b[2Jb\nc\u{e9}").to_string(), "a\\u{1b}[2Jb\\nc\u{e9}");
    }
}
