//! A path on a file system.

use std::fmt;
use std::os::unix::ffi::OsStrExt as _;

use law_storage::{Backend, FileSystem, Location, Path, PathError, Url};

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

    /// Whether this is `top` or something below it, by whatever names both are called.
    ///
    /// Two accounts, and a disk that is also reached by a server, cannot be told to be one.
    pub fn is_within(&self, top: &Self) -> bool {
        if self.fs == top.fs {
            return self.path.starts_with(&top.path);
        }
        let (Some((here, path)), Some((there, above))) = (self.address(), top.address()) else { return false };
        self.fs.service() == top.fs.service() && here == there && path.starts_with(&above)
    }

    /// Server and path behind its URL.
    fn address(&self) -> Option<(String, Path)> {
        let url = Url::parse(self.fs.url(&self.path)).ok()?;
        match url.location() {
            Location::Remote(remote) => Some((remote.server(), remote.path().clone())),
            Location::Local(path) => Some((String::new(), Path::parse(path.as_os_str().as_bytes()).ok()?)),
            _ => None,
        }
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
