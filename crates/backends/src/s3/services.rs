//! What services do differently.

use http::{HeaderMap, HeaderName, header};
use law_storage::{NameRules, NoClobber, Overwrite, Path};

/// A kind of service, by what it calls itself.
pub(super) struct Service {
    name: &'static str,
    /// A header without which it is somebody else behind the same front.
    beside: Option<HeaderName>,
    /// What "never replace" guarantees: many take no notice of the condition.
    pub(super) no_clobber: NoClobber,
    pub(super) overwrite: Overwrite,
    pub(super) names: NameRules,
}

/// What XML cannot tell (most control characters) travels encoded.
const NAMES: NameRules = NameRules::TEXT;

/// One of which nothing is known.
static UNKNOWN: Service = PLAIN;

const PLAIN: Service =
    Service { name: "", beside: None, no_clobber: NoClobber::CheckThenAct, overwrite: Overwrite::Atomic, names: NAMES };

/// What its own answers have had since 2023.
const OF_MINIO: HeaderName = HeaderName::from_static("x-amz-id-2");

static KNOWN: [Service; 4] = [
    Service { name: "AmazonS3", no_clobber: NoClobber::Atomic, ..PLAIN },
    Service { name: "MinIO", beside: Some(OF_MINIO), no_clobber: NoClobber::Atomic, ..PLAIN },
    // MinIO's front on the storage of others: JuiceFS 1.4.2 takes no notice of the condition, and while a file is replaced it gives
    // the bytes of one version in the length, and with the tag, of the other.
    Service { name: "MinIO", overwrite: Overwrite::Unsafe, ..PLAIN },
    // 4.48 keeps to the condition of a whole file, and of one in parts when two end at the same moment it does not. It takes a
    // backslash for a slash, and its names are those of a disk.
    Service { name: "SeaweedFS", names: NameRules { forbidden: b"\\", longest: Some(255), ..NAMES }, ..PLAIN },
];

impl Service {
    /// One of which nothing is known.
    pub(super) fn unknown() -> &'static Self {
        &UNKNOWN
    }

    /// The one that has answered; none if the answer does not tell.
    pub(super) fn of(answer: &HeaderMap) -> Option<&'static Self> {
        let name = answer.get(header::SERVER)?.to_str().ok()?;
        let is = |service: &&Self| {
            name.starts_with(service.name) && service.beside.as_ref().is_none_or(|beside| answer.contains_key(beside))
        };
        Some(KNOWN.iter().find(is).unwrap_or(&UNKNOWN))
    }

    /// Whether some of them would mistreat this name.
    pub(super) fn matters_for(path: &Path) -> bool {
        KNOWN.iter().any(|service| service.names.refusal(path).is_some())
    }
}
