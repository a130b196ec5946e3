//! Local paths for all files of a collection.

use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use law_storage::Result;

use super::{FileCollection, Key};
use crate::localize::{LocalizedRead, LocalizedWrite};
use crate::runtime::wait;

/// Files that travel at once.
const AT_ONCE: usize = 8;

/// Local files with the content of a collection's files, by their keys. They are gone when this is dropped, where the
/// targets are not local themselves.
#[derive(Debug)]
pub struct LocalizedCollection<K = usize>(Vec<(K, LocalizedRead)>);

impl<K: Key> LocalizedCollection<K> {
    /// The local files with their keys, in the order of the collection.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &LocalizedRead)> {
        self.0.iter().map(|(key, file)| (key, file))
    }

    /// The local file under a key.
    pub fn get(&self, key: &K) -> Option<&LocalizedRead> {
        self.iter().find(|(found, _)| *found == key).map(|(_, file)| file)
    }
}

/// Local paths to write to, which become the collection's files with [`commit`](Self::commit). Dropped without it, nothing is
/// published.
#[derive(Debug)]
pub struct LocalizedCollectionWrite<K = usize>(Vec<(K, LocalizedWrite)>);

impl<K: Key> LocalizedCollectionWrite<K> {
    /// The paths with their keys, in the order of the collection.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &LocalizedWrite)> {
        self.0.iter().map(|(key, file)| (key, file))
    }

    /// The path to write to under a key.
    pub fn get(&self, key: &K) -> Option<&LocalizedWrite> {
        self.iter().find(|(found, _)| *found == key).map(|(_, file)| file)
    }

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
        let all = self.0.len();
        let commits = self.0.into_iter().map(|(_, file)| file.commit_async());
        let results: Vec<Result<_>> = stream::iter(commits).buffer_unordered(AT_ONCE).collect().await;
        let published = results.iter().filter(|result| result.is_ok()).count();
        match results.into_iter().find_map(Result::err) {
            None => Ok(()),
            Some(error) => Err(error.leaving(format!("{published} of {all} files of the collection were published"))),
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
