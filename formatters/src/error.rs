//! What can go wrong between bytes and objects.

use std::fmt;
use std::io;

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
}

impl Error {
    /// Bytes that do not follow the format.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Malformed, message: message.into(), io: None }
    }

    /// Content of another type.
    pub fn wrong_type(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Type, message: message.into(), io: None }
    }

    /// A feature that is not there.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Unsupported, message: message.into(), io: None }
    }

    /// What went wrong, to match on.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The error of reading or writing, if it was one.
    pub fn into_io(self) -> Option<io::Error> {
        self.io
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.io {
            Some(error) => write!(f, "{error}"),
            None => f.write_str(&self.message),
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
            _ => Self { kind: ErrorKind::Io, message: String::new(), io: Some(error) },
        }
    }
}
