//! Files that a storage keeps on tape, and what it is asked about them.

use std::time::Duration;

use crate::Path;

/// What a storage is asked to do with files that are, or may be, on tape.
#[derive(Debug, Clone, Copy)]
pub enum TapeOrder<'a> {
    /// Copies of these shall come to a disk, and stay there so long if that is known.
    Stage {
        /// Which.
        files: &'a [Path],
        /// How long they are wanted.
        lifetime: Option<Duration>,
    },
    /// How far a request is.
    Progress {
        /// As the storage named it.
        request: &'a str,
    },
    /// These need not come any more.
    Cancel {
        /// As the storage named it.
        request: &'a str,
        /// Which.
        files: &'a [Path],
    },
    /// The copies of these on disk are not needed any more.
    Release {
        /// As the storage named it.
        request: &'a str,
        /// Which.
        files: &'a [Path],
    },
    /// Where these are.
    Where {
        /// Which.
        files: &'a [Path],
    },
}

impl<'a> TapeOrder<'a> {
    /// The files that it is about, as far as it names them.
    pub fn files(&self) -> &'a [Path] {
        match self {
            Self::Stage { files, .. } | Self::Cancel { files, .. } | Self::Release { files, .. } => files,
            Self::Where { files } => files,
            Self::Progress { .. } => &[],
        }
    }

    /// The same about other files.
    #[must_use]
    pub fn of<'b>(&self, files: &'b [Path]) -> TapeOrder<'b>
    where
        'a: 'b,
    {
        match *self {
            Self::Stage { lifetime, .. } => TapeOrder::Stage { files, lifetime },
            Self::Progress { request } => TapeOrder::Progress { request },
            Self::Cancel { request, .. } => TapeOrder::Cancel { request, files },
            Self::Release { request, .. } => TapeOrder::Release { request, files },
            Self::Where { .. } => TapeOrder::Where { files },
        }
    }
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TapeAnswer {
    /// The name of a request to stage.
    Request(String),
    /// What is known of files, in no promised order.
    Files(Vec<TapeFile>),
    /// It was done, and nothing more is to be said.
    Done,
}

impl TapeAnswer {
    /// With paths as they are seen from `root`; what is elsewhere was asked for by somebody else.
    #[must_use]
    pub(crate) fn seen_from(self, root: &Path) -> Self {
        let Self::Files(files) = self else { return self };
        let seen = |file: TapeFile| Some(TapeFile { path: file.path.strip_prefix(root)?, ..file });
        Self::Files(files.into_iter().filter_map(seen).collect())
    }
}

/// What is known of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapeFile {
    /// Which.
    pub path: Path,
    /// Where it is, or how far it is on its way.
    pub state: TapeState,
    /// What the storage says of a failure.
    pub error: Option<String>,
}

/// Where a file is, or how far it is on its way to a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TapeState {
    /// On a disk alone.
    Disk,
    /// On tape alone.
    Tape,
    /// On both.
    DiskAndTape,
    /// It is lost.
    Lost,
    /// Nowhere: it has no content.
    Nowhere,
    /// The storage cannot tell, or cannot get at it now.
    Unavailable,
    /// It waits for its turn.
    Submitted,
    /// It is on its way.
    Started,
    /// It was brought to a disk.
    Completed,
    /// Nobody wanted it any more.
    Cancelled,
    /// It could not be brought.
    Failed,
}

impl TapeState {
    /// One word, for people and `--json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Tape => "tape",
            Self::DiskAndTape => "disk and tape",
            Self::Lost => "lost",
            Self::Nowhere => "nowhere",
            Self::Unavailable => "unavailable",
            Self::Submitted => "submitted",
            Self::Started => "started",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// Whether it can be read at once.
    pub fn is_on_disk(self) -> bool {
        matches!(self, Self::Disk | Self::DiskAndTape | Self::Completed)
    }

    /// Whether it will change without anybody doing anything.
    pub fn is_on_its_way(self) -> bool {
        matches!(self, Self::Submitted | Self::Started)
    }
}
