//! Files that are on this machine already.

use std::any::Any;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An open local file, its path, and whatever must live as long as both are used (a pin in a cache, a temporary
/// directory). It is read-only to whoever gets it.
#[derive(Clone)]
pub struct LocalFile {
    file: Arc<File>,
    path: PathBuf,
    guard: Option<Arc<dyn Any + Send + Sync>>,
}

impl LocalFile {
    /// A file that stays by itself.
    pub fn new(file: File, path: PathBuf) -> Self {
        Self { file: Arc::new(file), path, guard: None }
    }

    /// A file that stays as long as `guard`.
    #[must_use]
    pub fn guarded(mut self, guard: Arc<dyn Any + Send + Sync>) -> Self {
        self.guard = Some(guard);
        self
    }

    /// The open file: it stays the same version even if the path is replaced.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The path, for programs that must open it themselves.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl std::fmt::Debug for LocalFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LocalFile({}{})", self.path.display(), if self.guard.is_some() { ", guarded" } else { "" })
    }
}
