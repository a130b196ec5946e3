//! What stands in an archive.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use crate::{Error, Result};

/// A file or directory in an archive. Its path is relative, and has no `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    path: PathBuf,
    kind: MemberKind,
    size: u64,
    mode: Option<u32>,
    modified: Option<SystemTime>,
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemberKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link to that path, relative to where the link is. It leads to no place outside of the archive.
    Symlink(PathBuf),
    /// The same file as an earlier member.
    HardLink(PathBuf),
}

impl Member {
    /// # Errors
    /// `Malformed` for a path or a link that leads out of the archive.
    pub(super) fn new(name: &[u8], kind: MemberKind) -> Result<Self> {
        let shown = String::from_utf8_lossy(name).into_owned();
        let path = inside(name).map_err(|error| error.of(format_args!("member {shown:?}")))?;
        let member = Self { path, kind, size: 0, mode: None, modified: None };
        if let MemberKind::Symlink(target) = &member.kind {
            stays_inside(&member.path, target).map_err(|error| error.of(member.shown()))?;
        }
        Ok(member)
    }

    pub(super) fn with(self, size: u64, mode: Option<u32>, modified: Option<SystemTime>) -> Self {
        // Who extracts an archive does not hand out somebody's set-user-id bits.
        Self { size, mode: mode.map(|mode| mode & 0o777), modified, ..self }
    }

    /// Where it is in the archive.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it is.
    pub fn kind(&self) -> &MemberKind {
        &self.kind
    }

    /// Bytes of a file; 0 for everything else.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Permissions, where the archive has them.
    pub fn mode(&self) -> Option<u32> {
        self.mode
    }

    /// When its content was changed, where the archive says it without a time zone of its own.
    pub fn modified(&self) -> Option<SystemTime> {
        self.modified
    }

    /// What errors call it.
    pub(super) fn shown(&self) -> String {
        format!("member {:?}", self.path)
    }
}

/// A path of an archive as one below any directory.
///
/// # Errors
/// `Malformed` if it is none.
pub(super) fn inside(name: &[u8]) -> Result<PathBuf> {
    if name.contains(&0) {
        return Err(Error::malformed("a zero byte in its path"));
    }
    let mut path = PathBuf::new();
    for component in Path::new(OsStr::from_bytes(name)).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir => return Err(Error::malformed("its path leads out of the archive by \"..\"")),
            Component::RootDir | Component::Prefix(_) => return Err(Error::malformed("its path is absolute")),
        }
    }
    Ok(path)
}

/// Whether a link's target is inside, wherever the archive is extracted and whatever other links it has: it may go up only
/// in the beginning, through directories that are no links, and not further than there are.
fn stays_inside(link: &Path, target: &Path) -> Result<()> {
    let mut above = link.components().count().saturating_sub(1);
    let mut down = false;
    for component in target.components() {
        match component {
            Component::Normal(_) => down = true,
            Component::CurDir => {}
            Component::ParentDir if !down && above > 0 => above -= 1,
            _ => return Err(Error::malformed(format!("a link to {target:?}, which may lead out of the archive"))),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        for (name, path) in [(&b"a/b"[..], "a/b"), (b"./a//b/", "a/b"), (b"./", ""), (b"..a/b..", "..a/b..")] {
            assert_eq!(inside(name).unwrap(), Path::new(path), "{name:?}");
        }
        for name in [&b"/etc/passwd"[..], b"../x", b"a/../../x", b"a/..", b"..", b"a\0b", b"//x"] {
            assert!(inside(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn links_stay_inside() {
        let link = |at: &str, target: &str| Member::new(at.as_bytes(), MemberKind::Symlink(target.into())).is_ok();
        assert!(link("a", "b/c") && link("d/a", "../b") && link("d/e/a", "../../x") && link("a", "."));
        assert!(!link("a", "../b") && !link("d/a", "../../b") && !link("a", "/etc/passwd"));
        assert!(
            !link("d/a", "x/../../.."),
            "x may be a link to anywhere inside, from where it is further up than it seems"
        );
    }
}
