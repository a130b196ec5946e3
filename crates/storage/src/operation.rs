//! What is asked of a storage.

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is the method of Backend that has its name")]
pub enum Operation {
    Open,
    Stat,
    Read,
    Put,
    List,
    CreateDirectory,
    Remove,
    Rename,
    Copy,
    Digest,
    Tape,
    LocalFile,
    SetMetadata,
    Link,
    Space,
}

impl Operation {
    /// The word for it in `ops` of a door.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read | Self::LocalFile => "read",
            Self::Put | Self::SetMetadata | Self::Link => "write",
            Self::List => "list",
            Self::Stat | Self::Open | Self::Space => "stat",
            Self::CreateDirectory => "mkdir",
            Self::Remove => "remove",
            Self::Rename => "rename",
            Self::Copy => "copy",
            Self::Digest => "checksum",
            Self::Tape => "tape",
        }
    }
}
