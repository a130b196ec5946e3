//! A cache on disk for remote files: a [`Backend`](law_storage::Backend) over another one.
//!
//! One directory is shared by any number of processes, without a daemon and without a database. Files are kept in blocks, each with a checksum that is
//! compared whenever it is read; a block that is not right is fetched again. Of all processes that want the same block one fetches it, by locks that
//! the kernel gives back when their holder ends. Nothing needs to be repaired after a crash.

mod backend;
mod contents;
mod evict;
mod fill;
mod lock;
mod map;
mod names;
mod object;
mod reading;
mod resolve;
mod seal;
mod space;
mod statistics;
mod store;
mod version;
mod whole;

use std::time::Duration;

pub use backend::Cache;
pub use contents::{Checked, Content, Tidied};
pub use space::Limits;
pub use statistics::Statistics;
pub use store::Store;

/// When the storage is asked whether a file is still the version that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Never: files do not change once they are there.
    Immutable,
    /// Whenever a file is opened.
    Strict,
    /// When it was last asked longer ago than this.
    TimeToLive(Duration),
}

impl Policy {
    /// Whether what was seen so long ago still counts.
    pub(crate) fn trusts(self, age: Duration) -> bool {
        match self {
            Self::Immutable => true,
            Self::Strict => false,
            Self::TimeToLive(time) => age < time,
        }
    }
}
