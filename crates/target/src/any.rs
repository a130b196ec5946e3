//! A target of whichever kind the store says.

use std::fmt;

use crate::{DirectoryTarget, FileTarget};

/// What [`DirectoryTarget::child_any`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnyTarget {
    /// A file.
    File(FileTarget),
    /// A directory.
    Directory(DirectoryTarget),
}

impl AnyTarget {
    /// The file, if it is one.
    pub fn file(self) -> Option<FileTarget> {
        match self {
            Self::File(file) => Some(file),
            Self::Directory(_) => None,
        }
    }

    /// The directory, if it is one.
    pub fn directory(self) -> Option<DirectoryTarget> {
        match self {
            Self::Directory(directory) => Some(directory),
            Self::File(_) => None,
        }
    }
}

impl fmt::Display for AnyTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "{file}"),
            Self::Directory(directory) => write!(f, "{directory}"),
        }
    }
}
