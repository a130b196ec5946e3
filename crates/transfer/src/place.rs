//! A path on a file system.

use std::fmt;

use law_storage::{Backend, FileSystem, Path, PathError};

/// One end of a copy: a file system, and a path on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file system.
    pub fs: FileSystem,
    /// The path below its base.
    pub path: Path,
}

impl Place {
    /// Puts both together.
    pub fn new(fs: FileSystem, path: Path) -> Self {
        Self { fs, path }
    }

    /// The path on the backend.
    pub fn resolved(&self) -> Path {
        self.fs.resolve(&self.path)
    }

    /// The stack that has it.
    pub fn backend(&self) -> &dyn Backend {
        &**self.fs.backend()
    }

    /// A place below this one.
    ///
    /// # Errors
    /// If `name` is not one name.
    pub fn child(&self, name: impl AsRef<[u8]>) -> Result<Self, PathError> {
        Ok(Self { fs: self.fs.clone(), path: self.path.child(name)? })
    }

    /// A place below this one, by several names.
    #[must_use]
    pub fn join(&self, path: &Path) -> Self {
        Self { fs: self.fs.clone(), path: self.path.join(path) }
    }
}

/// The URL, without secrets; where a storage has several doors, its name and the path.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fs.shown(&self.path))
    }
}
