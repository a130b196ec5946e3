//! What a storage says about a file, and what identifies a version of it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::Digest;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// Bytes.
    File,
    /// A collection of entries.
    Directory,
    /// A symbolic link, seen only by `lstat` and listings.
    Symlink,
    /// A device, a socket, a pipe: never read, never copied.
    Other,
}

/// A time of last modification, as exact as the storage tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modified {
    /// The time.
    pub time: SystemTime,
    /// The step of the storage's clock: one second for HTTP dates, nanoseconds for a local disk.
    pub resolution: Duration,
}

impl Modified {
    /// A time that is exact to one second, as HTTP dates are.
    pub fn seconds(time: SystemTime) -> Self {
        Self { time, resolution: Duration::from_secs(1) }
    }

    /// A time that is exact to one nanosecond.
    pub fn nanoseconds(time: SystemTime) -> Self {
        Self { time, resolution: Duration::from_nanos(1) }
    }

    /// Whether both may be the same moment, given the coarser of the two clocks.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let step = self.resolution.max(other.resolution);
        let apart = self.time.duration_since(other.time).or_else(|_| other.time.duration_since(self.time));
        apart.is_ok_and(|apart| apart < step)
    }
}

/// How much a [`Validator`] proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Two versions may share it: size and mtime, with a clock of seconds.
    Weak,
    /// No two versions share it.
    Strong,
}

/// What identifies a version of a file: an etag, else size and mtime, plus a checksum where one is known.
#[derive(Debug, Clone, Default)]
pub struct Validator {
    etag: Option<String>,
    /// Whose etag it is, where there is more than one door.
    scope: Option<Arc<str>>,
    size: Option<u64>,
    modified: Option<Modified>,
    digest: Option<Digest>,
    doubtful: bool,
}

/// The outcome of comparing two validators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Everything that both know agrees, and they share at least one fact.
    Same,
    /// Something differs: another version.
    Different,
    /// They share no fact.
    Unknown,
}

impl Validator {
    /// From a strong entity tag (RFC 9110 section 8.8.3), quotes included; a weak one (`W/...`) counts for nothing.
    pub fn etag(etag: impl Into<String>) -> Self {
        let etag = etag.into();
        let strong = !etag.is_empty() && !etag.starts_with("W/");
        Self { etag: strong.then_some(etag), ..Self::default() }
    }

    /// From size and time of modification.
    pub fn weak(size: Option<u64>, modified: Option<Modified>) -> Self {
        Self { size, modified, ..Self::default() }
    }

    /// Adds the size.
    #[must_use]
    pub fn with_size(mut self, size: Option<u64>) -> Self {
        self.size = size;
        self
    }

    /// Adds the time of modification.
    #[must_use]
    pub fn with_modified(mut self, modified: Option<Modified>) -> Self {
        self.modified = modified;
        self
    }

    /// Adds the time of modification, unless it is part of it already.
    #[must_use]
    pub fn and_modified(mut self, modified: Option<Modified>) -> Self {
        self.modified = self.modified.or(modified);
        self
    }

    /// Adds a checksum of the content.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }

    /// Of an endpoint that may tell one version and send another: its etag is still compared, but counts as weak.
    #[must_use]
    pub fn doubtful(mut self) -> Self {
        self.doubtful = true;
        self
    }

    /// Of this door: another one may have another etag for the same version.
    #[must_use]
    pub fn of_door(mut self, door: &Arc<str>) -> Self {
        self.scope = self.etag.is_some().then(|| door.clone());
        self
    }

    /// What this door can be asked to compare with: everything, but no etag of another door.
    #[must_use]
    pub fn for_door(mut self, door: &str) -> Self {
        let foreign = self.scope.take().is_some_and(|scope| *scope != *door);
        self.etag = self.etag.filter(|_| !foreign);
        self
    }

    /// The door that gave the etag.
    pub fn door(&self) -> Option<&Arc<str>> {
        self.scope.as_ref()
    }

    /// Whether both are known to be of one version: by an etag or a checksum, and not only by size and mtime.
    pub fn is_surely(&self, other: &Self) -> bool {
        let strong = self.strength() == Strength::Strong && other.strength() == Strength::Strong;
        let facts = [self.etags(other), both(&self.digest, &other.digest, |a, b| a == b)];
        strong && facts.contains(&Some(true)) && self.compare(other) == Comparison::Same
    }

    /// Whether both are of one version, as far as anything but the size tells.
    pub fn is_version(&self, other: &Self) -> bool {
        let modified = both(&self.modified, &other.modified, Modified::agrees_with);
        let facts = [self.etags(other), modified, both(&self.digest, &other.digest, |a, b| a == b)];
        facts.contains(&Some(true)) && self.compare(other) == Comparison::Same
    }

    /// Different etags of different doors tell nothing.
    fn etags(&self, other: &Self) -> Option<bool> {
        let same = both(&self.etag, &other.etag, |a, b| a == b)?;
        (same || self.scope == other.scope).then_some(same)
    }

    /// How much it proves.
    pub fn strength(&self) -> Strength {
        let strong = (self.etag.is_some() && !self.doubtful) || self.digest.is_some();
        if strong { Strength::Strong } else { Strength::Weak }
    }

    /// The entity tag, where there is a strong one.
    pub fn entity_tag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// The size, where it is part of it.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// The time of modification, where it is part of it.
    pub fn modified(&self) -> Option<Modified> {
        self.modified
    }

    /// Whether its etag counts as weak: see [`doubtful`](Self::doubtful).
    pub fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// The checksum, where it is part of it.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Compares all facts that both have.
    pub fn compare(&self, other: &Self) -> Comparison {
        let facts = [
            self.etags(other),
            both(&self.size, &other.size, |a, b| a == b),
            both(&self.modified, &other.modified, Modified::agrees_with),
            both(&self.digest, &other.digest, same_digest),
        ];
        let mut known = facts.into_iter().flatten().peekable();
        // The size alone does not bring together what the etags of two doors leave apart.
        let apart = facts[0].is_none() && self.etag.is_some() && other.etag.is_some();
        let only_size = facts[2].is_none() && facts[3].is_none() && facts[1] == Some(true);
        if known.peek().is_none() || (apart && only_size) {
            return Comparison::Unknown;
        }
        if known.all(|agrees| agrees) { Comparison::Same } else { Comparison::Different }
    }
}

/// The same facts, whichever door told them.
impl PartialEq for Validator {
    fn eq(&self, other: &Self) -> bool {
        let facts = |v: &Self| (v.etag.clone(), v.size, v.modified, v.digest.clone(), v.doubtful);
        facts(self) == facts(other)
    }
}

impl Eq for Validator {}

fn both<T>(a: &Option<T>, b: &Option<T>, agree: impl Fn(&T, &T) -> bool) -> Option<bool> {
    Some(agree(a.as_ref()?, b.as_ref()?))
}

fn same_digest(a: &Digest, b: &Digest) -> bool {
    a.algorithm() != b.algorithm() || a == b
}

/// What a storage says about one entry.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Metadata {
    /// File, directory, link or other.
    pub kind: Kind,
    /// Bytes, for files whose size is known.
    pub size: Option<u64>,
    /// Time of last modification, where the storage tells it.
    pub modified: Option<Modified>,
    /// Identifies this version, for files.
    pub validator: Option<Validator>,
    /// Checksums that came for free.
    pub digests: Vec<Digest>,
    /// Permission bits as in `chmod`, where the storage has them.
    pub mode: Option<u32>,
}

impl Metadata {
    /// A directory of which nothing else is known.
    pub fn directory() -> Self {
        Self::of(Kind::Directory)
    }

    /// A file of that size.
    pub fn file(size: u64) -> Self {
        Self { size: Some(size), ..Self::of(Kind::File) }
    }

    /// An entry of which only the kind is known.
    pub fn of(kind: Kind) -> Self {
        Self { kind, size: None, modified: None, validator: None, digests: Vec::new(), mode: None }
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }

    /// Whether it is a file.
    pub fn is_file(&self) -> bool {
        self.kind == Kind::File
    }

    /// The validator, made from size and mtime where the storage gave no better one.
    pub fn identity(&self) -> Validator {
        self.validator.clone().unwrap_or_else(|| Validator::weak(self.size, self.modified))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_etags_prove_nothing() {
        assert_eq!(Validator::etag("W/\"1\"").strength(), Strength::Weak);
        assert_eq!(Validator::etag("\"1\"").strength(), Strength::Strong);
    }

    #[test]
    fn clocks_of_different_steps_are_compared_by_the_coarser() {
        let exact = Modified::nanoseconds(SystemTime::UNIX_EPOCH + Duration::from_millis(1_900));
        let coarse = Modified::seconds(SystemTime::UNIX_EPOCH + Duration::from_secs(1));
        assert!(exact.agrees_with(&coarse));
        assert!(!exact.agrees_with(&Modified::nanoseconds(coarse.time)));
    }

    #[test]
    fn an_etag_means_something_at_its_own_door_only() {
        let [one, two] = ["one", "two"].map(Arc::<str>::from);
        let here = Validator::etag("\"a\"").with_size(Some(3)).of_door(&one);
        let there = Validator::etag("\"b\"").with_size(Some(3)).of_door(&two);
        assert_eq!(here.compare(&there), Comparison::Unknown);
        assert_eq!(here.compare(&there.clone().with_size(Some(4))), Comparison::Different);
        let time = Some(Modified::seconds(SystemTime::UNIX_EPOCH));
        assert_eq!(here.clone().and_modified(time).compare(&there.clone().and_modified(time)), Comparison::Same);
        assert!(!here.is_surely(&there));
        assert!(here.is_surely(&Validator::etag("\"a\"").with_size(Some(3)).of_door(&two)));
        assert_eq!(here.compare(&Validator::etag("\"b\"").with_size(Some(3)).of_door(&one)), Comparison::Different);
        assert_eq!(here.clone().for_door("two").entity_tag(), None);
        assert_eq!(here.for_door("one"), Validator::etag("\"a\"").with_size(Some(3)));
    }

    #[test]
    fn one_different_fact_is_enough() {
        let old = Validator::etag("\"a\"").with_size(Some(3));
        assert_eq!(old.compare(&Validator::etag("\"a\"").with_size(Some(4))), Comparison::Different);
        assert_eq!(old.compare(&Validator::weak(Some(3), None)), Comparison::Same);
        assert_eq!(old.compare(&Validator::default()), Comparison::Unknown);
        assert!(old.is_version(&old) && !old.is_version(&Validator::weak(Some(3), None)));
    }
}
