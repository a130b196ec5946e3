//! Versions of files, as they are written down.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use law_storage::{Algorithm, Digest, Kind, Metadata, Modified, Strength, Validator};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The metadata of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    /// The door that gave the tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    door: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    doubtful: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    validator_modified: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validator_digest: Option<Sum>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    digests: Vec<Sum>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<u32>,
    /// All that the storage says of the file, and not only what tells its versions apart.
    whole: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Time {
    seconds: u64,
    nanoseconds: u32,
    resolution: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Sum {
    algorithm: String,
    hex: String,
}

impl Time {
    /// None before 1970, which no storage means.
    fn of(modified: &Modified) -> Option<Self> {
        let since = modified.time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let resolution = u64::try_from(modified.resolution.as_nanos()).ok()?;
        Some(Self { seconds: since.as_secs(), nanoseconds: since.subsec_nanos(), resolution })
    }

    fn modified(self) -> Option<Modified> {
        let since = Duration::from_secs(self.seconds).checked_add(Duration::from_nanos(self.nanoseconds.into()))?;
        let time = SystemTime::UNIX_EPOCH.checked_add(since)?;
        Some(Modified { time, resolution: Duration::from_nanos(self.resolution) })
    }
}

impl Sum {
    fn of(digest: &Digest) -> Self {
        Self { algorithm: digest.algorithm().name().to_owned(), hex: digest.hex() }
    }

    fn digest(&self) -> Option<Digest> {
        Digest::parse(Algorithm::parse(&self.algorithm)?, &self.hex)
    }
}

impl Version {
    /// What the storage says of a file; none without a size.
    pub(crate) fn of(metadata: &Metadata) -> Option<Self> {
        let told = Self::identified(&metadata.identity())?;
        Some(Self {
            size: metadata.size?,
            modified: metadata.modified.as_ref().and_then(Time::of),
            digests: metadata.digests.iter().map(Sum::of).collect(),
            mode: metadata.mode,
            whole: true,
            ..told
        })
    }

    /// The version that a caller has seen, of which the rest is not known; none without a size.
    pub(crate) fn identified(validator: &Validator) -> Option<Self> {
        Some(Self {
            size: validator.size()?,
            modified: validator.modified().as_ref().and_then(Time::of),
            tag: validator.entity_tag().map(str::to_owned),
            door: validator.door().map(|door| door.to_string()),
            doubtful: validator.is_doubtful(),
            validator_modified: validator.modified().as_ref().and_then(Time::of),
            validator_digest: validator.digest().map(Sum::of),
            digests: Vec::new(),
            mode: None,
            whole: false,
        })
    }

    pub(crate) fn validator(&self) -> Validator {
        let tagged = match (&self.tag, &self.door) {
            (Some(tag), Some(door)) => Validator::etag(tag.clone()).of_door(&Arc::from(door.as_str())),
            (Some(tag), None) => Validator::etag(tag.clone()),
            (None, _) => Validator::default(),
        };
        let modified = self.validator_modified.and_then(Time::modified);
        let plain = tagged.with_size(Some(self.size)).with_modified(modified);
        let plain = match self.validator_digest.as_ref().and_then(Sum::digest) {
            Some(digest) => plain.with_digest(digest),
            None => plain,
        };
        if self.doubtful { plain.doubtful() } else { plain }
    }

    /// What the storage said of it; none if not all of that is known.
    pub(crate) fn metadata(&self) -> Option<Metadata> {
        self.whole.then(|| {
            let mut metadata = Metadata::file(self.size);
            metadata.modified = self.modified.and_then(Time::modified);
            metadata.validator = Some(self.validator());
            metadata.digests = self.digests();
            metadata.mode = self.mode;
            metadata
        })
    }

    /// Checksums that the storage told.
    pub(crate) fn digests(&self) -> Vec<Digest> {
        self.digests.iter().chain(&self.validator_digest).filter_map(Sum::digest).collect()
    }

    /// Whether another version of the file may look like this one: there is only its time, and that is not long ago.
    pub(crate) fn may_be_another_soon(&self, now: SystemTime) -> bool {
        let validator = self.validator();
        if !is_weak(&validator) {
            return false;
        }
        let Some(modified) = validator.modified() else { return true };
        let age = now.duration_since(modified.time).unwrap_or_default();
        age < SETTLED + modified.resolution * 2
    }

    /// What an object of this version is called: by file system, path and version, by what was forgotten of the path before, and by which doors the storage
    /// had when it was first seen. No door is needed to find it again.
    pub(crate) fn key(&self, file_system: &str, path: &[u8], after: &str, doors: &[String]) -> String {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        part(file_system.as_bytes());
        part(path);
        let facts = (self.size, &self.tag, self.validator_modified, &self.validator_digest);
        part(serde_json::to_string(&facts).unwrap_or_default().as_bytes());
        part(after.as_bytes());
        doors.iter().for_each(|door| part(door.as_bytes()));
        hex(&hash.finalize())
    }
}

/// Whether two versions may share it. The tag of one of several doors is not what the others would say, so it counts for nothing here.
pub(crate) fn is_weak(validator: &Validator) -> bool {
    let scoped = validator.door().is_some() && validator.digest().is_none();
    validator.strength() == Strength::Weak || scoped
}

/// A clock that is wrong by less does not make two versions one.
const SETTLED: Duration = Duration::from_secs(10);

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The kind of a file: the cache keeps nothing else.
pub(crate) fn is_file(metadata: &Metadata) -> bool {
    metadata.kind == Kind::File
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(seconds: u64) -> Metadata {
        let mut metadata = Metadata::file(5);
        metadata.modified = Some(Modified::seconds(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)));
        metadata
    }

    #[test]
    fn what_is_written_down_comes_back() {
        let mut metadata = seen(1_000_000);
        let door = Arc::<str>::from("one");
        metadata.validator = Some(Validator::etag("\"a\"").with_size(Some(5)).of_door(&door).doubtful());
        metadata.digests = vec![Digest::parse(Algorithm::Adler32, "11e60398").unwrap()];
        metadata.mode = Some(0o640);
        let version = Version::of(&metadata).unwrap();
        let text = serde_json::to_string(&version).unwrap();
        let back: Version = serde_json::from_str(&text).unwrap();
        assert_eq!((&back, back.metadata()), (&version, Some(metadata.clone())));
        assert_eq!(back.validator().door(), Some(&door));
        assert_eq!(Version::identified(&metadata.identity()).unwrap().metadata(), None, "not all is known");
    }

    #[test]
    fn the_door_is_no_part_of_the_key() {
        let tagged = |door: &str, tag: &str| {
            Version::identified(&Validator::etag(tag).with_size(Some(5)).of_door(&door.into())).unwrap()
        };
        let key = tagged("one", "\"a\"").key("wlcg", b"x", "", &[]);
        assert_eq!(key, tagged("two", "\"a\"").key("wlcg", b"x", "", &[]));
        for other in
            [tagged("one", "\"b\"").key("wlcg", b"x", "", &[]), tagged("one", "\"a\"").key("wlcg", b"y", "", &[])]
        {
            assert_ne!(key, other);
        }
        assert_ne!(tagged("", "\"a\"").key("a", b"bc", "", &[]), tagged("", "\"a\"").key("ab", b"c", "", &[]));
    }

    #[test]
    fn two_versions_of_one_second_are_not_told_apart_by_their_time() {
        let version = Version::of(&seen(1_000)).unwrap();
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(version.may_be_another_soon(at(1_001)) && version.may_be_another_soon(at(900)));
        assert!(!version.may_be_another_soon(at(1_020)));
        let tagged = Version::identified(&Validator::etag("\"a\"").with_size(Some(5))).unwrap();
        assert!(!tagged.may_be_another_soon(at(0)));
        let sized = Version::identified(&Validator::weak(Some(5), None)).unwrap();
        assert!(sized.may_be_another_soon(at(1_000_000)), "a size tells nothing");
    }
}
