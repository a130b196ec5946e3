//! Files of others that the user has looked at and trusts, as they are now.

use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Result};

/// No list is longer than this.
const LONGEST: u64 = 1 << 20;

/// What is trusted: a file at its place, with its content. Who changes the file loses the trust.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trusted(Vec<(String, PathBuf)>);

impl Trusted {
    /// The user's list; empty where there is none, or where somebody else could have written it.
    pub(crate) fn load(environment: &Environment) -> Self {
        let Some(path) = list_of(environment) else { return Self::default() };
        Self::parse(&read_own(&path, environment.user).unwrap_or_default())
    }

    /// A line for each: the checksum, two spaces, the path, as `sha256sum` writes them.
    fn parse(bytes: &[u8]) -> Self {
        let line = |line: &[u8]| {
            let (sum, path) = line.split_at_checked(64)?;
            let path = path.strip_prefix(b"  ").filter(|path| path.starts_with(b"/"))?;
            let sum = std::str::from_utf8(sum).ok()?.to_owned();
            Some((sum, std::ffi::OsString::from_vec(path.to_vec()).into()))
        };
        Self(bytes.split(|byte| *byte == b'\n').filter_map(line).collect())
    }

    /// Whether the file at `path` may count with this content.
    pub(crate) fn has(&self, path: &Path, content: &[u8]) -> bool {
        let Ok(path) = std::fs::canonicalize(path) else { return false };
        let candidates: Vec<_> = self.0.iter().filter(|(_, trusted)| *trusted == path).collect();
        !candidates.is_empty() && {
            let sum = sum(content);
            candidates.iter().any(|(trusted, _)| *trusted == sum)
        }
    }

    fn text(&self) -> Vec<u8> {
        let line =
            |(sum, path): &(String, PathBuf)| [sum.as_bytes(), b"  ", path.as_os_str().as_bytes(), b"\n"].concat();
        self.0.iter().flat_map(line).collect()
    }
}

/// Lets a `law.toml` of somebody else, or one that others may write, count as the user's own for as long as its content stays as it is.
/// The list stands beside the user's own settings and is replaced at once.
///
/// # Errors
/// `Unreadable` if the file cannot be read, `InvalidValue` if it is no file or its name has a line break, `Unwritable` if the
/// list cannot be written.
pub fn trust(environment: &Environment, path: &Path) -> Result<PathBuf> {
    let unreadable = |error: io::Error| Error::new(ErrorKind::Unreadable, path.display(), error, "nothing was changed");
    let full = std::fs::canonicalize(path).map_err(unreadable)?;
    if full.as_os_str().as_bytes().contains(&b'\n') {
        return Err(Error::new(ErrorKind::InvalidValue, full.display(), "a line break in its name", "give it another"));
    }
    let (_, content) = crate::layers::read_bytes(&full).map_err(unreadable)?;
    change(environment, &full, Some(sum(&content)))?;
    Ok(full)
}

/// Takes the trust back. Whether there was any.
///
/// # Errors
/// As [`trust`], but for the file itself, which need not be there any more.
pub fn distrust(environment: &Environment, path: &Path) -> Result<bool> {
    let full = std::fs::canonicalize(path).unwrap_or_else(|_| environment.working_directory.join(path));
    change(environment, &full, None)
}

fn change(environment: &Environment, full: &Path, sum: Option<String>) -> Result<bool> {
    let list = list_of(environment).ok_or_else(|| {
        Error::new(ErrorKind::Unwritable, "the list of trusted files", "HOME is not set", "nothing was changed")
    })?;
    let mut trusted = Trusted::load(environment);
    let before = trusted.0.len();
    trusted.0.retain(|(_, path)| path != full);
    let had = trusted.0.len() < before;
    trusted.0.extend(sum.map(|sum| (sum, full.to_owned())));
    replace(&list, &trusted.text())
        .map_err(|error| Error::new(ErrorKind::Unwritable, list.display(), error, "nothing was changed"))?;
    Ok(had)
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn list_of(environment: &Environment) -> Option<PathBuf> {
    environment.user_directory().map(|directory| directory.join("trusted"))
}

/// The content of a file that only its reader can have written.
fn read_own(path: &Path, user: u32) -> io::Result<Vec<u8>> {
    let file = std::fs::File::open(path)?;
    let metadata = file.metadata()?;
    let foreign =
        (metadata.uid() != user && metadata.uid() != 0) || metadata.mode() & 0o022 != 0 || !metadata.is_file();
    let mut bytes = Vec::new();
    if !foreign {
        file.take(LONGEST).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn sum(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_is_written() {
        let one = (sum(b"abc"), PathBuf::from("/a b/law.toml"));
        assert_eq!(one.0, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let list = Trusted(vec![one.clone(), (sum(b""), "/c".into())]);
        assert_eq!(Trusted::parse(&list.text()).0, list.0);
        let damaged = [b"x\n\n\xff  /a\n".as_slice(), &list.text()[..64], b"\n", &[b'a'; 70]].concat();
        assert!(Trusted::parse(&damaged).0.is_empty(), "{:?}", Trusted::parse(&damaged));
    }
}
