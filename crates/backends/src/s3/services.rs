//! What services do differently.

use law_storage::{NameRules, NoClobber, Path};

/// A kind of service, by what it calls itself.
pub(super) struct Service {
    name: &'static str,
    /// What "never replace" guarantees: many take no notice of the condition.
    pub(super) no_clobber: NoClobber,
    pub(super) names: NameRules,
}

/// What XML cannot tell (most control characters) travels encoded.
const NAMES: NameRules = NameRules::TEXT;

static KNOWN: [Service; 4] = [
    Service { name: "AmazonS3", no_clobber: NoClobber::Atomic, names: NAMES },
    Service { name: "MinIO", no_clobber: NoClobber::Atomic, names: NAMES },
    // 4.48 keeps to the condition of a whole file, and of one in parts when two end at the same moment it does not. It takes a
    // backslash for a slash, and its names are those of a disk.
    Service {
        name: "SeaweedFS",
        no_clobber: NoClobber::CheckThenAct,
        names: NameRules { forbidden: b"\\", longest: Some(255), ..NAMES },
    },
    Service { name: "", no_clobber: NoClobber::CheckThenAct, names: NAMES },
];

impl Service {
    /// One of which nothing is known.
    pub(super) fn unknown() -> &'static Self {
        &KNOWN[KNOWN.len() - 1]
    }

    /// The one that a `Server` header names.
    pub(super) fn of(header: &str) -> &'static Self {
        // The last one's name begins every text.
        KNOWN.iter().find(|service| header.starts_with(service.name)).unwrap_or(Self::unknown())
    }

    /// Whether some of them would mistreat this name.
    pub(super) fn matters_for(path: &Path) -> bool {
        KNOWN.iter().any(|service| service.names.refusal(path).is_some())
    }
}
