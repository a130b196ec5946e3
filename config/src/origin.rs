//! Where a value came from.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A configuration file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    pub(crate) path: PathBuf,
    pub(crate) mode: u32,
    pub(crate) is_own: bool,
}

impl ConfigFile {
    /// Its path, as it was found.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether you or root own it, and not everybody may write it.
    pub fn is_own(&self) -> bool {
        self.is_own
    }
}

/// Where a value came from. `Display` is meant for people: `/etc/law/law.toml:3:8`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The built-in `defaults/law.toml`.
    Default {
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
    },
    /// A file.
    File {
        /// Which one.
        file: Arc<ConfigFile>,
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
    },
    /// An environment variable `LAW__section__option`.
    Environment {
        /// Its name.
        variable: String,
    },
    /// `--set`.
    CommandLine,
}

impl Origin {
    /// Whether a value from here may decide where credentials go.
    pub(crate) fn is_trusted(&self) -> bool {
        match self {
            Self::File { file, .. } => file.is_own,
            Self::Default { .. } | Self::Environment { .. } | Self::CommandLine => true,
        }
    }

    /// The file, where it is one.
    pub fn file(&self) -> Option<&ConfigFile> {
        match self {
            Self::File { file, .. } => Some(file),
            Self::Default { .. } | Self::Environment { .. } | Self::CommandLine => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default { line, .. } => write!(f, "law config defaults, line {line}"),
            Self::File { file, line, column } => write!(f, "{}:{line}:{column}", file.path.display()),
            Self::Environment { variable } => write!(f, "environment variable {variable}"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}
