//! A bearer token in a file, which others renew while we work.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use law_storage::{Error, ErrorKind, Result, Secret};

use super::small_file::{read_small, warn_if_open};

/// Bytes: servers refuse headers that are much shorter.
const LONGEST: u64 = 64 * 1024;

/// Which content a file has: where one of these changed, it is read again.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

/// The file, and what it had when it was read.
pub(super) struct TokenFile {
    path: PathBuf,
    read: Option<(Stamp, Secret)>,
}

impl TokenFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, read: None }
    }

    /// The token as it is now, and whether it is another one than before.
    ///
    /// # Errors
    /// `Unauthenticated`, with the file: never a reason to go on as somebody else.
    pub(super) fn current(&mut self) -> Result<(Secret, bool)> {
        let stamp = match stamp(&self.path) {
            Ok(stamp) => stamp,
            Err(cause) => return self.last(unreadable(&self.path, cause)),
        };
        if let Some((_, token)) = self.read.as_ref().filter(|(seen, _)| *seen == stamp) {
            return Ok((token.clone(), false));
        }
        match read(&self.path) {
            Ok(text) => {
                let token = token_of(&self.path, &text)?;
                self.read = Some((stamp, token.clone()));
                Ok((token, true))
            }
            Err(cause) => self.last(unreadable(&self.path, cause)),
        }
    }

    /// Whoever renews a file in place leaves it empty for a moment: what it had counts until it has something else.
    fn last(&self, error: Error) -> Result<(Secret, bool)> {
        self.read.as_ref().map(|(_, token)| (token.clone(), false)).ok_or(error)
    }
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    let metadata = fs::metadata(path)?;
    Ok(Stamp { inode: metadata.ino(), size: metadata.size(), modified: (metadata.mtime(), metadata.mtime_nsec()) })
}

/// The token in a file, without the white space around it.
///
/// # Errors
/// `Unauthenticated` for a file that is missing, unreadable, empty, longer than any token, or no regular file: that could wait for
/// ever, or never end. Also for one that has more than a token: no request could be made with it.
pub fn read_token(path: &Path) -> Result<Secret> {
    let text = read(path).map_err(|e| unreadable(path, e))?;
    token_of(path, &text)
}

/// The token in a text: one word (RFC 6750 section 2.1). Who may read the file besides is told.
fn token_of(path: &Path, text: &str) -> Result<Secret> {
    let token = text.trim();
    if token.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
        let why = "it has more than one word or line, and a token is one word";
        return Err(unreadable(path, io::Error::other(why)));
    }
    if let Ok(metadata) = fs::metadata(path) {
        warn_if_open(path, &metadata);
    }
    Ok(Secret::new(token))
}

fn read(path: &Path) -> io::Result<String> {
    let text = String::from_utf8(read_small(path, LONGEST)?).map_err(io::Error::other)?;
    if text.trim().is_empty() { Err(io::Error::other("it is empty")) } else { Ok(text) }
}

fn unreadable(path: &Path, cause: io::Error) -> Error {
    Error::new(ErrorKind::Unauthenticated, "cannot read the token in").at(path.display()).because(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_was_renewed_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        fs::write(&path, " one\n").unwrap();
        let mut file = TokenFile::new(path.clone());
        let mut current = || file.current().map(|(token, new)| (token.expose().to_owned(), new));
        assert_eq!(current().unwrap(), ("one".into(), true));
        assert_eq!(current().unwrap(), ("one".into(), false));
        // As tools renew it: another file under the same name.
        fs::write(directory.path().join("new"), "two").unwrap();
        fs::rename(directory.path().join("new"), &path).unwrap();
        assert_eq!(current().unwrap(), ("two".into(), true));
        fs::write(&path, "").unwrap();
        assert_eq!(current().unwrap(), ("two".into(), false), "it is being written");
        assert!(TokenFile::new(path).current().is_err());
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        for content in ["", " \n", "one\ntwo\n", "one two", "one\u{1}", &"x".repeat(LONGEST as usize + 1)] {
            fs::write(&path, content).unwrap();
            assert!(read_token(&path).is_err());
        }
        fs::write(&path, [0xff, 0xfe]).unwrap();
        for path in [path.as_path(), directory.path(), Path::new("/dev/zero"), Path::new("/no/such/file")] {
            let error = read_token(path).err().unwrap();
            assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        }
    }
}
