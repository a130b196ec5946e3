//! Paths within one file system.

use std::fmt;
use std::sync::Arc;

/// A path relative to the root of a storage, as bytes.
///
/// Whoever holds one need not check it again:
/// * it has no leading, trailing or doubled `/`; the root is empty;
/// * no segment is empty, `.` or `..`;
/// * no segment contains NUL or `/`;
/// * it need not be UTF-8: a backend that needs UTF-8 refuses the entry, not the listing;
/// * it is never percent-encoded: that belongs to URLs.
///
/// ```
/// use law_storage::Path;
/// let path = Path::parse("/store//user/./data.npz").unwrap();
/// assert_eq!(path.to_string(), "store/user/data.npz");
/// assert_eq!(path.parent().unwrap().name(), Some(&b"user"[..]));
/// assert!(Path::parse("a/../b").is_err());
/// assert!(Path::parse("a\0b").is_err());
/// assert!(Path::parse("/").unwrap().is_root());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Path(Arc<[u8]>);

/// Why some text is not a [`Path`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// A segment is `..`: paths are never resolved upwards, as links could make that lie.
    Upwards,
    /// A NUL byte, which no storage can hold in a name.
    Nul,
    /// A name that is empty, `.` or `..`, or contains `/`, where one segment was expected.
    NotOneSegment,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upwards => "`..` is not allowed in a path",
            Self::Nul => "a path cannot contain a NUL byte",
            Self::NotOneSegment => "not a single file name",
        })
    }
}

impl std::error::Error for PathError {}

impl Path {
    /// The root, whose text is empty.
    pub fn root() -> Self {
        Self::default()
    }

    /// Reads a path; leading, trailing and doubled `/` and segments `.` are dropped.
    ///
    /// # Errors
    /// [`PathError::Upwards`] for `..`, [`PathError::Nul`] for a NUL byte.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let text = text.as_ref();
        if text.contains(&0) {
            return Err(PathError::Nul);
        }
        let mut clean = Vec::with_capacity(text.len());
        for segment in text.split(|&b| b == b'/') {
            match segment {
                b"" | b"." => continue,
                b".." => return Err(PathError::Upwards),
                _ => push(&mut clean, segment),
            }
        }
        Ok(Self(clean.into()))
    }

    /// This path with one more segment.
    ///
    /// # Errors
    /// [`PathError::NotOneSegment`] or [`PathError::Nul`] if `name` is not a possible name.
    pub fn child(&self, name: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let name = name.as_ref();
        if matches!(name, b"" | b"." | b"..") || name.contains(&b'/') {
            return Err(PathError::NotOneSegment);
        }
        if name.contains(&0) {
            return Err(PathError::Nul);
        }
        let mut bytes = self.0.to_vec();
        push(&mut bytes, name);
        Ok(Self(bytes.into()))
    }

    /// `other` below this path.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        if other.is_root() {
            return self.clone();
        }
        let mut bytes = self.0.to_vec();
        push(&mut bytes, &other.0);
        Self(bytes.into())
    }

    /// The path without its last segment; none for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.0.iter().rposition(|&b| b == b'/').unwrap_or(0);
        Some(Self(self.0[..end].into()))
    }

    /// The last segment; none for the root.
    pub fn name(&self) -> Option<&[u8]> {
        self.0.rsplit(|&b| b == b'/').next().filter(|name| !name.is_empty())
    }

    /// The segments, root first.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|&b| b == b'/').filter(|segment| !segment.is_empty())
    }

    /// Every path above this one and itself, without the root, top first.
    pub fn ancestry(&self) -> impl Iterator<Item = Self> {
        let bytes = self.0.clone();
        let mut ends: Vec<usize> = bytes.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(i, _)| i).collect();
        ends.extend((!self.is_root()).then_some(self.0.len()));
        ends.into_iter().map(move |end| Self(bytes[..end].into()))
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes, segments joined by `/`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, where it is UTF-8.
    pub fn to_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Whether `ancestor` is this path or above it.
    pub fn starts_with(&self, ancestor: &Self) -> bool {
        self.strip_prefix(ancestor).is_some()
    }

    /// What remains below `ancestor`; none if this path is not there.
    pub fn strip_prefix(&self, ancestor: &Self) -> Option<Self> {
        if ancestor.is_root() {
            return Some(self.clone());
        }
        match self.0.strip_prefix(&*ancestor.0)? {
            [] => Some(Self::root()),
            [b'/', rest @ ..] => Some(Self(rest.into())),
            _ => None,
        }
    }
}

fn push(bytes: &mut Vec<u8>, segment: &[u8]) {
    if !bytes.is_empty() {
        bytes.push(b'/');
    }
    bytes.extend_from_slice(segment);
}

impl std::str::FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::parse(text)
    }
}

/// For people: control characters and bytes that are not UTF-8 are escaped, so that a name cannot forge terminal output.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show_bytes(&self.0, f)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path({self})")
    }
}

/// Writes a name for people: as it is, but control characters as `\u{..}` and foreign bytes as `\x..`.
pub fn show_bytes(bytes: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { f.write_char(c)? }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(text: &str) -> Path {
        Path::parse(text).unwrap()
    }

    #[test]
    fn prefixes_end_at_a_slash() {
        assert_eq!(path("a/bc").strip_prefix(&path("a/b")), None);
        assert_eq!(path("a/b/c").strip_prefix(&path("a/b")), Some(path("c")));
        assert_eq!(path("a").strip_prefix(&path("a")), Some(Path::root()));
    }

    #[test]
    fn ancestry_is_top_down_and_without_the_root() {
        let all: Vec<String> = path("a/b/c").ancestry().map(|p| p.to_string()).collect();
        assert_eq!(all, ["a", "a/b", "a/b/c"]);
        assert_eq!(Path::root().ancestry().count(), 0);
    }

    #[test]
    fn names_cannot_forge_a_terminal() {
        assert_eq!(Path::parse(b"a\x1b[2Jb\xff").unwrap().to_string(), "a\\u{1b}[2Jb\\xff");
    }

    #[test]
    fn a_child_is_one_segment() {
        for bad in ["", ".", "..", "a/b", "a\0"] {
            assert!(Path::root().child(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_parses_keeps_the_invariants(text in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(path) = Path::parse(&text) {
                let again = Path::parse(path.as_bytes()).unwrap();
                prop_assert_eq!(&again, &path);
                prop_assert!(path.segments().all(|s| !matches!(s, b"" | b"." | b"..") && !s.contains(&0)));
                let joined = path.segments().fold(Path::root(), |p, s| p.child(s).unwrap());
                prop_assert_eq!(joined, path);
            }
        }
    }
}
