//! How far a transfer has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that a transfer moves and that anybody may look at. Cheap to clone; all clones count together.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    bytes: AtomicU64,
    expected: AtomicU64,
    complete: AtomicU64,
    files: AtomicU64,
}

impl Progress {
    /// Bytes that were read from the source; a file that had to be read again counts again.
    pub fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// Bytes of all files that were begun.
    pub fn expected(&self) -> u64 {
        self.0.expected.load(Ordering::Relaxed)
    }

    /// Bytes of all files that are complete, also of those that did not pass here.
    pub fn complete_bytes(&self) -> u64 {
        self.0.complete.load(Ordering::Relaxed)
    }

    /// Files that are complete.
    pub fn files(&self) -> u64 {
        self.0.files.load(Ordering::Relaxed)
    }

    pub(crate) fn add_bytes(&self, bytes: u64) {
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn expect(&self, bytes: u64) {
        self.0.expected.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn complete(&self, bytes: u64) {
        self.0.complete.fetch_add(bytes, Ordering::Relaxed);
        self.0.files.fetch_add(1, Ordering::Relaxed);
    }
}
