//! Many targets as one.

mod existence;
mod localize;
mod siblings;
mod status;
mod survey;
mod threshold;

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::hash::{BuildHasher as _, Hash, Hasher as _, RandomState};
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use law_storage::Result;
use law_transfer::Place;

use crate::runtime::wait;
use crate::target::Target;
use crate::{DirectoryTarget, FileTarget};

pub use existence::existence;
pub use localize::{LocalizedCollection, LocalizedCollectionWrite};
pub use siblings::{NestedSiblingFileCollection, SiblingFileCollection};
pub use survey::Survey;
pub use threshold::Threshold;

use survey::{Look, ask};

/// Members that are removed at once.
const AT_ONCE: usize = 16;

/// What can name a member: a branch number, a word.
pub trait Key: Clone + Display + Eq + Hash + Send + Sync + 'static {}

impl<K: Clone + Display + Eq + Hash + Send + Sync + 'static> Key for K {}

/// Targets that exist together: as many as a [`Threshold`] says. Cheap to clone.
///
/// Members have keys: their places in a list, or what a map has them under. Methods block the calling thread, and have
/// async twins for use within a runtime. An error means "cannot tell", never "no".
pub struct TargetCollection<T, K = usize>(Arc<Inner<T, K>>);

/// Files that exist together. Each is asked for by itself; see [`SiblingFileCollection`] and
/// [`NestedSiblingFileCollection`] for one question per directory.
pub type FileCollection<K = usize> = TargetCollection<FileTarget, K>;

/// Directories that exist together.
pub type DirectoryCollection<K = usize> = TargetCollection<DirectoryTarget, K>;

struct Inner<T, K> {
    members: Vec<(K, T)>,
    places: HashMap<K, usize>,
    threshold: Threshold,
    look: Look,
}

impl<T: Target + 'static> TargetCollection<T> {
    /// A list, whose members have their places in it as keys.
    pub fn new(members: impl IntoIterator<Item = T>) -> Self {
        Self::keyed(members.into_iter().enumerate())
    }
}

impl<T: Target + 'static, K: Key> TargetCollection<T, K> {
    /// Members under keys of their own. Of two with one key the later one counts.
    pub fn keyed(members: impl IntoIterator<Item = (K, T)>) -> Self {
        Self::looking(members, Look::Each)
    }

    fn looking(members: impl IntoIterator<Item = (K, T)>, look: Look) -> Self {
        let mut inner = Inner { members: Vec::new(), places: HashMap::new(), threshold: Threshold::default(), look };
        for (key, member) in members {
            match inner.places.get(&key) {
                Some(place) => inner.members[*place].1 = member,
                None => {
                    inner.places.insert(key.clone(), inner.members.len());
                    inner.members.push((key, member));
                }
            }
        }
        Self(Arc::new(inner))
    }

    /// The same members, of which so many must exist.
    #[must_use]
    pub fn with_threshold(self, threshold: Threshold) -> Self
    where
        T: Clone,
    {
        let inner = Arc::unwrap_or_clone(self.0);
        Self(Arc::new(Inner { threshold, ..inner }))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.0.members.len()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.0.members.is_empty()
    }

    /// How many of them must exist.
    pub fn needed(&self) -> usize {
        self.0.threshold.of(self.len())
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.members.iter().map(|(key, _)| key)
    }

    /// The member under a key.
    pub fn get(&self, key: &K) -> Option<&T> {
        self.0.places.get(key).map(|place| &self.0.members[*place].1)
    }

    /// All members with their keys, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &T)> {
        self.0.members.iter().map(|(key, member)| (key, member))
    }

    /// The first member; none of an empty collection.
    pub fn first(&self) -> Option<&T> {
        self.0.members.first().map(|(_, member)| member)
    }

    /// Any member; none of an empty collection.
    pub fn random(&self) -> Option<&T> {
        // The standard library seeds its hashers from the system's randomness.
        let number = RandomState::new().build_hasher().finish() as usize;
        self.0.members.get(number % self.len().max(1)).map(|(_, member)| member)
    }

    /// Another collection under the same keys and threshold, such as that of the logs beside all files.
    #[must_use]
    pub fn map<U: Target + Clone + 'static>(&self, change: impl Fn(&T) -> U) -> TargetCollection<U, K> {
        let members = self.iter().map(|(key, member)| (key.clone(), change(member)));
        TargetCollection::looking(members, self.0.look).with_threshold(self.0.threshold)
    }

    /// Which members exist.
    ///
    /// # Errors
    /// "Cannot tell", for the first member that cannot be asked for.
    pub fn survey(&self) -> Result<Survey<K>> {
        let this = self.clone();
        wait(async move { this.survey_async().await })
    }

    /// As [`survey`](Self::survey), within a runtime.
    ///
    /// # Errors
    /// As [`survey`](Self::survey).
    pub async fn survey_async(&self) -> Result<Survey<K>> {
        let mut exists = vec![false; self.len()];
        let mut answers = ask(self.iter().map(|(_, member)| member), self.0.look);
        while let Some((place, answer)) = answers.try_next().await? {
            exists[place] = answer;
        }
        let mut survey = Survey { existing: Vec::new(), missing: Vec::new() };
        for (key, exists) in self.keys().zip(exists) {
            if exists { &mut survey.existing } else { &mut survey.missing }.push(key.clone());
        }
        Ok(survey)
    }

    /// How many members exist.
    ///
    /// # Errors
    /// As [`survey`](Self::survey).
    pub fn count(&self) -> Result<usize> {
        Ok(self.survey()?.existing.len())
    }

    /// As [`count`](Self::count), within a runtime.
    ///
    /// # Errors
    /// As [`survey`](Self::survey).
    pub async fn count_async(&self) -> Result<usize> {
        Ok(self.survey_async().await?.existing.len())
    }

    /// The members that exist.
    ///
    /// # Errors
    /// As [`survey`](Self::survey).
    pub fn iter_existing(&self) -> Result<impl Iterator<Item = (K, &T)>> {
        Ok(self.under(self.survey()?.existing))
    }

    /// As [`iter_existing`](Self::iter_existing), within a runtime.
    ///
    /// # Errors
    /// As [`survey`](Self::survey).
    pub async fn iter_existing_async(&self) -> Result<impl Iterator<Item = (K, &T)>> {
        Ok(self.under(self.survey_async().await?.existing))
    }

    /// The members that do not exist.
    ///
    /// # Errors
    /// As [`survey`](Self::survey).
    pub fn iter_missing(&self) -> Result<impl Iterator<Item = (K, &T)>> {
        Ok(self.under(self.survey()?.missing))
    }

    /// As [`iter_missing`](Self::iter_missing), within a runtime.
    ///
    /// # Errors
    /// As [`survey`](Self::survey).
    pub async fn iter_missing_async(&self) -> Result<impl Iterator<Item = (K, &T)>> {
        Ok(self.under(self.survey_async().await?.missing))
    }

    fn under(&self, keys: Vec<K>) -> impl Iterator<Item = (K, &T)> {
        keys.into_iter().filter_map(|key| self.get(&key).map(|member| (key, member)))
    }

    /// Whether as many members exist as must. It is asked for no more than that takes.
    ///
    /// # Errors
    /// "Cannot tell".
    pub fn exists(&self) -> Result<bool> {
        let this = self.clone();
        wait(async move { this.exists_async().await })
    }

    /// As [`exists`](Self::exists), within a runtime.
    ///
    /// # Errors
    /// As [`exists`](Self::exists).
    pub async fn exists_async(&self) -> Result<bool> {
        self.reaches(|_| false).await
    }

    /// As [`exists`](Self::exists), where a member that is optional counts as existing.
    ///
    /// # Errors
    /// "Cannot tell".
    pub fn complete(&self) -> Result<bool> {
        let this = self.clone();
        wait(async move { this.complete_async().await })
    }

    /// As [`complete`](Self::complete), within a runtime.
    ///
    /// # Errors
    /// As [`complete`](Self::complete).
    pub async fn complete_async(&self) -> Result<bool> {
        self.reaches(T::is_optional).await
    }

    /// Stops as soon as the members that are left cannot change the answer.
    async fn reaches(&self, spared: impl Fn(&T) -> bool) -> Result<bool> {
        let asked: Vec<&T> = self.iter().map(|(_, member)| member).filter(|member| !spared(member)).collect();
        let mut needed = self.needed().saturating_sub(self.len() - asked.len());
        let mut left = asked.len();
        let mut answers = ask(asked.into_iter(), self.0.look);
        while needed > 0 && needed <= left {
            let Some((_, exists)) = answers.try_next().await? else { break };
            left -= 1;
            needed -= usize::from(exists);
        }
        Ok(needed == 0)
    }

    /// Removes all members, several at once. How many were there.
    ///
    /// # Errors
    /// The first that could not be removed; others may be gone by then.
    pub fn remove(&self) -> Result<usize> {
        let this = self.clone();
        wait(async move { this.remove_async().await })
    }

    /// As [`remove`](Self::remove), within a runtime.
    ///
    /// # Errors
    /// As [`remove`](Self::remove).
    pub async fn remove_async(&self) -> Result<usize> {
        let removals: Vec<_> = self.iter().map(|(_, member)| member.remove_async()).collect();
        let removed: Vec<bool> = stream::iter(removals).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(removed.into_iter().filter(|was_there| *was_there).count())
    }
}

#[async_trait]
impl<T: Target + 'static, K: Key> Target for TargetCollection<T, K> {
    async fn exists_async(&self) -> Result<bool> {
        Self::exists_async(self).await
    }

    async fn remove_async(&self) -> Result<bool> {
        Ok(Self::remove_async(self).await? > 0)
    }

    fn has_members(&self) -> bool {
        true
    }

    fn places(&self) -> Vec<(&str, &Place)> {
        self.iter().flat_map(|(_, member)| member.places()).collect()
    }

    async fn members_status(&self, depth: usize, most: usize) -> Result<Option<String>> {
        self.status_text_with_members_async(depth, most).await.map(Some)
    }
}

impl<T, K> Clone for TargetCollection<T, K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Clone, K: Clone> Clone for Inner<T, K> {
    fn clone(&self) -> Self {
        let (members, places) = (self.members.clone(), self.places.clone());
        Self { members, places, threshold: self.threshold, look: self.look }
    }
}

impl<T: Target + 'static, K: Key> Display for TargetCollection<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} targets, {} needed", self.len(), self.needed())
    }
}

impl<T: Target + 'static, K: Key> fmt::Debug for TargetCollection<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TargetCollection({self})")
    }
}
