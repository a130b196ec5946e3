//! What an endpoint can do, and what its publication guarantees.

use std::time::Duration;

use crate::{Algorithm, Error, ErrorKind};

/// Whether an endpoint can do something. Learnt from its answers, kept, and overridable in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Support {
    /// It can.
    Yes,
    /// It cannot.
    No,
    /// Nobody has asked yet: worth a try.
    #[default]
    Unknown,
}

impl Support {
    /// What a door shares with another: only what both can do.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unknown,
        }
    }

    /// Whether it is worth a try.
    pub fn possible(self) -> bool {
        self != Self::No
    }
}

/// What concurrent readers see while an existing file is replaced. Worse is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Overwrite {
    /// The old content or the new content, always one of them, whole.
    Atomic,
    /// For a moment, nothing: the old file is moved aside first, under a name that a clean-up restores.
    Window,
    /// Possibly a part of the new content; an interruption can destroy the old one.
    Unsafe,
}

impl Overwrite {
    /// One word, for `--json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Atomic => "atomic",
            Self::Window => "window",
            Self::Unsafe => "unsafe",
        }
    }
}

/// What "never replace" guarantees when two writers meet. Worse is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoClobber {
    /// Exactly one writer wins.
    Atomic,
    /// It is looked at first; a writer that comes in between is not noticed.
    CheckThenAct,
}

/// How a file gets its final name. Worse is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Publish {
    /// Written under a temporary name beside the destination, verified, then moved.
    Rename,
    /// Written under its final name; verified there, and removed if it is wrong.
    Direct,
}

/// Which names an endpoint can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameRules {
    /// Names must be UTF-8.
    pub utf8: bool,
    /// Bytes that cannot be part of a name, beside NUL and `/`.
    pub forbidden: &'static [u8],
    /// ASCII control characters can be part of a name.
    pub controls: bool,
    /// Names that begin with a dot are listed as others are.
    pub hidden: bool,
    /// The longest name in bytes, where it is known.
    pub longest: Option<usize>,
    /// Names that differ only in their case are different.
    pub case_sensitive: bool,
}

impl NameRules {
    /// Any bytes, as on a Linux disk.
    pub const BYTES: Self =
        Self { utf8: false, forbidden: b"", controls: true, hidden: true, longest: Some(255), case_sensitive: true };
    /// Any text.
    pub const TEXT: Self = Self { utf8: true, longest: None, ..Self::BYTES };

    /// Why `path` cannot be stored here; none if it can.
    pub fn refusal(&self, path: &crate::Path) -> Option<NameRefusal> {
        if self.utf8 && path.to_str().is_none() {
            return Some(NameRefusal::NotUtf8);
        }
        if let Some(&byte) = path.as_bytes().iter().find(|b| self.forbids(**b)) {
            return Some(NameRefusal::Forbidden(byte as char));
        }
        if !self.hidden && path.segments().any(|s| s.starts_with(b".")) {
            return Some(NameRefusal::Hidden);
        }
        let longest = self.longest?;
        path.segments().any(|s| s.len() > longest).then_some(NameRefusal::TooLong(longest))
    }
}

impl NameRules {
    fn forbids(&self, byte: u8) -> bool {
        self.forbidden.contains(&byte) || (!self.controls && byte.is_ascii_control())
    }
}

/// Why a name cannot be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameRefusal {
    /// It is not UTF-8.
    NotUtf8,
    /// It contains a character that the storage mistreats.
    Forbidden(char),
    /// It begins with a dot, and would be left out of every listing.
    Hidden,
    /// A segment has more than this many bytes.
    TooLong(usize),
}

impl NameRefusal {
    /// The refusal as an error: `InvalidInput`, or `NameTooLong`.
    pub fn error(self) -> Error {
        let (kind, reason) = match self {
            Self::TooLong(most) => (ErrorKind::NameTooLong, format!("a name of more than {most} bytes")),
            Self::NotUtf8 => (ErrorKind::InvalidInput, "a name that is not UTF-8".into()),
            Self::Forbidden(c) => {
                (ErrorKind::InvalidInput, format!("this kind of storage mistreats names with `{}`", c.escape_default()))
            }
            Self::Hidden => {
                (ErrorKind::InvalidInput, "this kind of storage does not list names that begin with a dot".into())
            }
        };
        Error::new(kind, reason)
    }
}

/// What one endpoint can do, as far as it is known now.
#[derive(Debug, Clone, PartialEq)]
pub struct Capabilities {
    /// Whole listings of a directory.
    pub list: Support,
    /// Reads of a part of a file.
    pub ranges: Support,
    /// Renaming files and directories in one step, without copying.
    pub rename: Support,
    /// Copies that do not travel through this client.
    pub copy: Support,
    /// Changes of any kind.
    pub write: Support,
    /// Symbolic links.
    pub symlinks: Support,
    /// Permission bits.
    pub modes: Support,
    /// Setting the time of modification.
    pub set_modified: Support,
    /// Keeping the time of modification that comes with a file that is written.
    pub keeps_modified: Support,
    /// Free and used space.
    pub space: Support,
    /// Handing out a local path instead of bytes.
    pub local_files: Support,
    /// Checksums that the storage computes itself, the one to prefer first; empty until they are known.
    pub digests: Vec<Algorithm>,
    /// A file has one of these, and not any of them: which one is told when it is read.
    pub digests_differ: bool,
    /// It loses answers about checksums that it has to compute: of many small files a second reading is the better proof.
    pub loses_digests: bool,
    /// A directory need not be made: it is there as long as a file's path goes through it.
    pub implied_directories: bool,
    /// Parts of uploads are kept until they become a file or are thrown away: a write goes on where an earlier one was killed.
    pub keeps_parts: bool,
    /// How many files it removes in one request.
    pub bulk_removals: usize,
    /// What readers see during an overwrite.
    pub overwrite: Overwrite,
    /// What "never replace" guarantees.
    pub no_clobber: NoClobber,
    /// How files get their final names.
    pub publish: Publish,
    /// Which names it can hold.
    pub names: NameRules,
    /// The step of its clock of modification times; none if it tells no time.
    pub modified_resolution: Option<Duration>,
}

impl Capabilities {
    /// What doors of one storage share: the weaker of each.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            list: self.list.and(other.list),
            ranges: self.ranges.and(other.ranges),
            rename: self.rename.and(other.rename),
            copy: self.copy.and(other.copy),
            write: self.write.and(other.write),
            symlinks: self.symlinks.and(other.symlinks),
            modes: self.modes.and(other.modes),
            set_modified: self.set_modified.and(other.set_modified),
            keeps_modified: self.keeps_modified.and(other.keeps_modified),
            space: self.space.and(other.space),
            local_files: self.local_files.and(other.local_files),
            digests: self.digests.iter().copied().filter(|a| other.digests.contains(a)).collect(),
            digests_differ: self.digests_differ || other.digests_differ,
            loses_digests: self.loses_digests || other.loses_digests,
            implied_directories: self.implied_directories && other.implied_directories,
            keeps_parts: self.keeps_parts && other.keeps_parts,
            bulk_removals: self.bulk_removals.min(other.bulk_removals),
            overwrite: self.overwrite.max(other.overwrite),
            no_clobber: self.no_clobber.max(other.no_clobber),
            publish: self.publish.max(other.publish),
            names: self.names.and(other.names),
            modified_resolution: self.modified_resolution.max(other.modified_resolution),
        }
    }
}

impl NameRules {
    fn and(self, other: Self) -> Self {
        Self {
            utf8: self.utf8 || other.utf8,
            forbidden: if self.forbidden.len() >= other.forbidden.len() { self.forbidden } else { other.forbidden },
            controls: self.controls && other.controls,
            hidden: self.hidden && other.hidden,
            longest: [self.longest, other.longest].into_iter().flatten().min(),
            case_sensitive: self.case_sensitive && other.case_sensitive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doors_share_only_what_both_can() {
        assert_eq!(Support::Yes.and(Support::Unknown), Support::Unknown);
        assert_eq!(Support::Unknown.and(Support::No), Support::No);
        assert_eq!(Overwrite::Atomic.max(Overwrite::Unsafe), Overwrite::Unsafe);
    }

    #[test]
    fn names_are_refused_with_the_reason() {
        let rules = NameRules { forbidden: b"?", longest: Some(3), controls: false, hidden: false, ..NameRules::TEXT };
        let refusal = |bytes: &[u8]| rules.refusal(&crate::Path::parse(bytes).unwrap());
        assert_eq!(refusal(b"a?"), Some(NameRefusal::Forbidden('?')));
        assert_eq!(refusal(b"\xff"), Some(NameRefusal::NotUtf8));
        assert_eq!(refusal(b"ab/abcd"), Some(NameRefusal::TooLong(3)));
        assert_eq!(refusal(b"a\x7f"), Some(NameRefusal::Forbidden('\x7f')));
        assert_eq!(refusal(b"ab/.a"), Some(NameRefusal::Hidden));
        assert_eq!(refusal(b"abc/abc"), None);
    }
}
