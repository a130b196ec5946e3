//! Names of files that are not published yet.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use crate::{Error, ErrorKind, Path, Result};

/// How every temporary and moved-aside name ends.
pub const TEMPORARY_SUFFIX: &str = ".lawpart";

/// How a name ends under which an old file waits while a new one takes its place.
pub const ASIDE_SUFFIX: &str = ".aside.lawpart";

/// Bytes of a name that are kept.
const LONGEST: usize = 120;

/// Digits that make a name unique.
const RANDOM_DIGITS: usize = 16;

/// A name beside `path`, unique, hidden, and short enough: `.NAME.0123456789abcdef.lawpart`.
///
/// # Errors
/// [`ErrorKind::IsADirectory`] for the root, which has no name.
pub fn temporary_path(path: &Path) -> Result<Path> {
    beside(path, TEMPORARY_SUFFIX)
}

/// A name beside `path` for its old content.
///
/// # Errors
/// As [`temporary_path`].
pub fn aside_path(path: &Path) -> Result<Path> {
    beside(path, ASIDE_SUFFIX)
}

/// Whether a name is one that only this program gives.
pub fn is_temporary(name: &[u8]) -> bool {
    name.starts_with(b".") && name.ends_with(TEMPORARY_SUFFIX.as_bytes())
}

/// Whose old content a name is for: none if it is for none, and an inner none if the name was too long to be kept whole.
pub fn original_of_aside(name: &[u8]) -> Option<Option<&[u8]>> {
    let inner = name.strip_prefix(b".")?.strip_suffix(ASIDE_SUFFIX.as_bytes())?;
    let dot = inner.len().checked_sub(RANDOM_DIGITS + 1)?;
    let is_ours = inner[dot] == b'.' && inner[dot + 1..].iter().all(u8::is_ascii_hexdigit);
    // A character has four bytes at most.
    is_ours.then(|| (dot <= LONGEST - 4).then_some(&inner[..dot]))
}

fn beside(path: &Path, suffix: &str) -> Result<Path> {
    let root = || Error::new(ErrorKind::IsADirectory, "the root is a directory");
    let name = path.name().ok_or_else(root)?;
    let parent = path.parent().ok_or_else(root)?;
    let mut temporary = b".".to_vec();
    temporary.extend_from_slice(short(name));
    temporary.extend_from_slice(format!(".{:016x}{suffix}", random()).as_bytes());
    Ok(parent.child(temporary)?)
}

/// The first bytes of a name, not cut within a character.
fn short(name: &[u8]) -> &[u8] {
    let boundary = |&end: &usize| name.get(end).is_none_or(|b| b & 0xc0 != 0x80);
    let end = (0..=name.len().min(LONGEST)).rev().find(boundary).unwrap_or(0);
    &name[..end]
}

/// Different for every call of every process: the standard library seeds its hashers from the system's randomness.
fn random() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_names_are_hidden_unique_and_beside() {
        let path = Path::parse("a/b/data.npz").unwrap();
        let (one, two) = (temporary_path(&path).unwrap(), temporary_path(&path).unwrap());
        assert_ne!(one, two);
        assert_eq!(one.parent(), path.parent());
        assert!(is_temporary(one.name().unwrap()));
        assert!(!is_temporary(b"data.npz"));
        assert!(temporary_path(&Path::root()).is_err());
    }

    #[test]
    fn old_content_knows_whose_it_was() {
        let of = |name: &str| {
            let aside = aside_path(&Path::parse(name).unwrap()).unwrap();
            let original = original_of_aside(aside.name().unwrap()).unwrap();
            original.map(<[u8]>::to_vec)
        };
        assert_eq!(of("a/data.npz"), Some(b"data.npz".to_vec()));
        assert_eq!(of(".x.aside.lawpart"), Some(b".x.aside.lawpart".to_vec()));
        assert_eq!(of(&"n".repeat(121)), None);
        let temporary = temporary_path(&Path::parse("data").unwrap()).unwrap();
        assert_eq!(original_of_aside(temporary.name().unwrap()), None);
        for other in ["data", ".aside.lawpart", ".a.aside.lawpart", ".a.0123456789abcdeX.aside.lawpart"] {
            assert_eq!(original_of_aside(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn the_longest_names_have_room_for_the_suffix() {
        let name = "\u{e4}".repeat(127);
        let temporary = temporary_path(&Path::parse(&name).unwrap()).unwrap();
        assert!(temporary.name().unwrap().len() <= 255);
        assert!(temporary.to_str().is_some());
    }
}
