//! Local paths for all files or directories of a collection.

use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use law_storage::Result;

use super::{DirectoryCollection, FileCollection, Key};
use crate::localize::{LocalizedRead, LocalizedWrite};
use crate::localize_directory::{LocalizedDirectory, LocalizedDirectoryWrite};
use crate::publish_directory::NOTHING;
use crate::runtime::wait;

/// Files that travel at once.
const AT_ONCE: usize = 8;

/// Local files, or directories, with the content of a collection's members, by their keys. They are gone when this is
/// dropped, where the targets are not local themselves.
#[derive(Debug)]
pub struct LocalizedCollection<K = usize, L = LocalizedRead>(Vec<(K, L)>);

impl<K: Key, L> LocalizedCollection<K, L> {
    /// The local files or directories with their keys, in the order of the collection.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &L)> {
        self.0.iter().map(|(key, local)| (key, local))
    }

    /// The local file or directory under a key.
    pub fn get(&self, key: &K) -> Option<&L> {
        self.iter().find(|(found, _)| *found == key).map(|(_, local)| local)
    }
}

/// Local paths to write to, which become the collection's members with `commit`. Dropped without it, nothing is published.
#[derive(Debug)]
pub struct LocalizedCollectionWrite<K = usize, W = LocalizedWrite>(Vec<(K, W)>);

impl<K: Key, W> LocalizedCollectionWrite<K, W> {
    /// The paths with their keys, in the order of the collection.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &W)> {
        self.0.iter().map(|(key, local)| (key, local))
    }

    /// The path to write to under a key.
    pub fn get(&self, key: &K) -> Option<&W> {
        self.iter().find(|(found, _)| *found == key).map(|(_, local)| local)
    }
}

impl<K: Key> LocalizedCollectionWrite<K> {
    /// Publishes what was written: each file proven and at once, several side by side.
    ///
    /// # Errors
    /// `NotFound` if a file was not written, before any is published; the first that could not be published, with the number of those that
    /// were.
    pub fn commit(self) -> Result<()> {
        wait(async move { self.commit_async().await })
    }

    /// As [`commit`](Self::commit), within a runtime.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub async fn commit_async(self) -> Result<()> {
        for (_, file) in &self.0 {
            file.check_written()?;
        }
        let commits = self.0.into_iter().map(|(_, file)| file.commit_async());
        let results = stream::iter(commits).buffer_unordered(AT_ONCE).collect().await;
        all_published(results, "files")
    }
}

impl<K: Key> LocalizedCollectionWrite<K, LocalizedDirectoryWrite> {
    /// Publishes what was written: each directory whole, one after the other (of each the files travel side by side).
    ///
    /// # Errors
    /// The first that could not be published, with the number of those that were; see
    /// [`LocalizedDirectoryWrite::commit`].
    pub fn commit(self) -> Result<()> {
        wait(async move { self.commit_async().await })
    }

    /// As [`commit`](Self::commit), within a runtime.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub async fn commit_async(self) -> Result<()> {
        let commits = self.0.into_iter().map(|(_, directory)| directory.commit_async());
        all_published(stream::iter(commits).then(|commit| commit).collect().await, "directories")
    }
}

fn all_published<P>(results: Vec<Result<P>>, what: &str) -> Result<()> {
    let (all, published) = (results.len(), results.iter().filter(|result| result.is_ok()).count());
    match results.into_iter().find_map(Result::err) {
        None => Ok(()),
        Some(error) => {
            // What the one that failed left behind must not be lost.
            let left = error.left_behind().filter(|left| *left != NOTHING).map(|left| left.trim_start_matches(NOTHING));
            let left = left.map(|left| format!("; {}", left.trim_start_matches("; "))).unwrap_or_default();
            Err(error.leaving(format!("{published} of {all} {what} of the collection were published{left}")))
        }
    }
}

impl<K: Key> FileCollection<K> {
    /// Local paths with the content of all files, several fetched at once.
    ///
    /// # Errors
    /// Those of the first file that cannot be localized.
    pub fn localize_read(&self) -> Result<LocalizedCollection<K>> {
        let this = self.clone();
        wait(async move { this.localize_read_async().await })
    }

    /// As [`localize_read`](Self::localize_read), within a runtime.
    ///
    /// # Errors
    /// As [`localize_read`](Self::localize_read).
    pub async fn localize_read_async(&self) -> Result<LocalizedCollection<K>> {
        let fetches: Vec<_> = self.iter().map(|(_, file)| file.localize_read_async().boxed()).collect();
        let files: Vec<_> = stream::iter(fetches).buffered(AT_ONCE).try_collect().await?;
        Ok(LocalizedCollection(self.keys().cloned().zip(files).collect()))
    }

    /// Local paths to write all files to; [`commit`](LocalizedCollectionWrite::commit) publishes them.
    ///
    /// # Errors
    /// `InvalidInput` for a name that cannot be; those of the local disk.
    pub fn localize_write(&self) -> Result<LocalizedCollectionWrite<K>> {
        let files = self.iter().map(|(key, file)| Ok((key.clone(), file.localize_write()?)));
        Ok(LocalizedCollectionWrite(files.collect::<Result<_>>()?))
    }
}

impl<K: Key> DirectoryCollection<K> {
    /// Local directories with the content of all of them, one after the other (of each the files travel side by side).
    ///
    /// # Errors
    /// Those of the first directory that cannot be localized: see
    /// [`localize_read`](crate::DirectoryTarget::localize_read).
    pub fn localize_read(&self) -> Result<LocalizedCollection<K, LocalizedDirectory>> {
        let this = self.clone();
        wait(async move { this.localize_read_async().await })
    }

    /// As [`localize_read`](Self::localize_read), within a runtime.
    ///
    /// # Errors
    /// As [`localize_read`](Self::localize_read).
    pub async fn localize_read_async(&self) -> Result<LocalizedCollection<K, LocalizedDirectory>> {
        let mut directories = Vec::new();
        for (key, directory) in self.iter() {
            directories.push((key.clone(), directory.localize_read_async().await?));
        }
        Ok(LocalizedCollection(directories))
    }

    /// Empty local directories for all of them; `commit` publishes each whole.
    ///
    /// # Errors
    /// `InvalidInput` for a name that cannot be; those of the local disk.
    pub fn localize_write(&self) -> Result<LocalizedCollectionWrite<K, LocalizedDirectoryWrite>> {
        let directories = self.iter().map(|(key, directory)| Ok((key.clone(), directory.localize_write()?)));
        Ok(LocalizedCollectionWrite(directories.collect::<Result<_>>()?))
    }
}
