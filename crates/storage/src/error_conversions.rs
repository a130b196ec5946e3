//! Errors of others in our words, and back.

use crate::{Error, ErrorKind};

impl From<crate::path::PathError> for Error {
    fn from(error: crate::path::PathError) -> Self {
        Self::new(ErrorKind::InvalidInput, error.to_string())
    }
}

/// The operating system's errors in our words.
impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        // An error of ours that travelled through std::io keeps everything that it knows.
        match error.downcast::<Self>() {
            Ok(ours) => ours,
            Err(error) => {
                let kind = kind_of(&error);
                let ours = Self::new(kind, kind.phrase());
                if says_no_more(&error) { ours } else { ours.because(error) }
            }
        }
    }
}

/// For code that must return `std::io::Error`; [`From`] takes it out again whole.
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind() {
            ErrorKind::NotFound => Io::NotFound,
            ErrorKind::AlreadyExists => Io::AlreadyExists,
            ErrorKind::PermissionDenied | ErrorKind::Unauthenticated => Io::PermissionDenied,
            ErrorKind::Timeout => Io::TimedOut,
            ErrorKind::Malformed | ErrorKind::Integrity => Io::InvalidData,
            ErrorKind::InvalidInput => Io::InvalidInput,
            ErrorKind::Unsupported => Io::Unsupported,
            _ => Io::Other,
        };
        Self::new(kind, error)
    }
}

/// Whether the phrase of the kind says what the operating system says.
fn says_no_more(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    const SAME: [Errno; 7] =
        [Errno::NOENT, Errno::EXIST, Errno::NOTDIR, Errno::ISDIR, Errno::NOTEMPTY, Errno::ACCESS, Errno::NOSPC];
    error.raw_os_error().is_some_and(|number| SAME.iter().any(|errno| errno.raw_os_error() == number))
}

fn kind_of(error: &std::io::Error) -> ErrorKind {
    use std::io::ErrorKind as Io;
    match error.kind() {
        Io::NotFound => ErrorKind::NotFound,
        Io::AlreadyExists => ErrorKind::AlreadyExists,
        Io::NotADirectory => ErrorKind::NotADirectory,
        Io::IsADirectory => ErrorKind::IsADirectory,
        Io::DirectoryNotEmpty => ErrorKind::NotEmpty,
        Io::PermissionDenied => ErrorKind::PermissionDenied,
        Io::ReadOnlyFilesystem => ErrorKind::ReadOnly,
        Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => ErrorKind::NoSpace,
        Io::InvalidFilename => ErrorKind::NameTooLong,
        Io::TimedOut => ErrorKind::Timeout,
        Io::InvalidInput => ErrorKind::InvalidInput,
        Io::Unsupported | Io::CrossesDevices => ErrorKind::Unsupported,
        _ => ErrorKind::Unavailable,
    }
}
