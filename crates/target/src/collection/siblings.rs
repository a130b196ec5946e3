//! Files of one directory, and of several: one question for each directory.

use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;

use law_storage::{Error, ErrorKind, Kind, Result};

use super::survey::Look;
use super::{FileCollection, Key, TargetCollection, Threshold};
use crate::{DirectoryTarget, FileTarget};

/// Files of one directory. One listing of it answers for all of them.
#[derive(Clone)]
pub struct SiblingFileCollection<K = usize> {
    files: FileCollection<K>,
    directory: DirectoryTarget,
}

impl SiblingFileCollection {
    /// A list of files.
    ///
    /// # Errors
    /// `InvalidInput` if there is none, or if they are not all in one directory.
    pub fn new(files: impl IntoIterator<Item = FileTarget>) -> Result<Self> {
        Self::keyed(files.into_iter().enumerate())
    }

    /// The files that a directory has now, or those of them whose names match a pattern (`*`, `?`, `[ab]`, `{a,b}`).
    ///
    /// # Errors
    /// Those of listing; `InvalidInput` for a bad pattern, or if there is no such file.
    pub fn from_directory(directory: &DirectoryTarget, pattern: impl Into<Option<&'static str>>) -> Result<Self> {
        let names = directory.listdir(pattern, Kind::File)?;
        Self::new(names.into_iter().map(|name| directory.child(name)))
    }

    /// As [`from_directory`](Self::from_directory), within a runtime.
    ///
    /// # Errors
    /// As [`from_directory`](Self::from_directory).
    pub async fn from_directory_async(directory: &DirectoryTarget, pattern: Option<&str>) -> Result<Self> {
        let names = directory.listdir_async(pattern, Some(Kind::File)).await?;
        Self::new(names.into_iter().map(|name| directory.child(name)))
    }
}

impl<K: Key> SiblingFileCollection<K> {
    /// Files under keys of their own.
    ///
    /// # Errors
    /// As [`new`](SiblingFileCollection::new).
    pub fn keyed(files: impl IntoIterator<Item = (K, FileTarget)>) -> Result<Self> {
        let files = TargetCollection::looking(files, Look::ByDirectory);
        let empty = || Error::new(ErrorKind::InvalidInput, "a collection of siblings without a file");
        let directory = files.first().ok_or_else(empty)?.parent();
        if let Some((_, stranger)) = files.iter().find(|(_, file)| file.parent() != directory) {
            let message = format!("a collection of siblings in {directory} cannot have");
            return Err(Error::new(ErrorKind::InvalidInput, message).at(stranger));
        }
        Ok(Self { files, directory })
    }

    /// The directory.
    pub fn directory(&self) -> &DirectoryTarget {
        &self.directory
    }

    /// The same files, of which so many must exist.
    #[must_use]
    pub fn with_threshold(self, threshold: Threshold) -> Self {
        Self { files: self.files.with_threshold(threshold), ..self }
    }
}

/// Files of any number of directories. One listing of each directory answers for its files; several are asked at once.
#[derive(Clone)]
pub struct NestedSiblingFileCollection<K = usize>(FileCollection<K>);

impl NestedSiblingFileCollection {
    /// A list of files.
    pub fn new(files: impl IntoIterator<Item = FileTarget>) -> Self {
        Self::keyed(files.into_iter().enumerate())
    }
}

impl<K: Key> NestedSiblingFileCollection<K> {
    /// Files under keys of their own.
    pub fn keyed(files: impl IntoIterator<Item = (K, FileTarget)>) -> Self {
        Self(TargetCollection::looking(files, Look::ByDirectory))
    }

    /// The directories, each once, in the order of their first files.
    pub fn directories(&self) -> Vec<DirectoryTarget> {
        let mut seen = HashSet::new();
        let parents = self.0.iter().map(|(_, file)| file.parent());
        parents.filter(|directory| seen.insert(directory.uri())).collect()
    }

    /// The same files, of which so many must exist.
    #[must_use]
    pub fn with_threshold(self, threshold: Threshold) -> Self {
        Self(self.0.with_threshold(threshold))
    }
}

impl<K> Deref for SiblingFileCollection<K> {
    type Target = FileCollection<K>;

    fn deref(&self) -> &FileCollection<K> {
        &self.files
    }
}

impl<K> Deref for NestedSiblingFileCollection<K> {
    type Target = FileCollection<K>;

    fn deref(&self) -> &FileCollection<K> {
        &self.0
    }
}

impl<K: Key> fmt::Debug for SiblingFileCollection<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SiblingFileCollection({} in {})", self.files, self.directory)
    }
}

impl<K: Key> fmt::Debug for NestedSiblingFileCollection<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NestedSiblingFileCollection({})", self.0)
    }
}
