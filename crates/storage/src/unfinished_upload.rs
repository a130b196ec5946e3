//! Uploads that never became files.

use std::time::SystemTime;

use crate::Path;

/// An upload that was begun and has not become a file, which a storage keeps until somebody goes on with it or throws it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedUpload {
    /// What the file was to be called.
    pub path: Path,
    /// How the storage calls it.
    pub id: String,
    /// When it was begun, where the storage tells.
    pub begun: Option<SystemTime>,
}
