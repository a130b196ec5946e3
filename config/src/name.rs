//! Names of file systems.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

/// Schemes of URLs, which would make `NAME:path` ambiguous to a reader.
const SCHEMES: [&str; 17] = [
    "dav", "davs", "http", "https", "file", "root", "roots", "xroot", "xroots", "s3", "dropbox", "gsiftp", "srm",
    "dcap", "sftp", "gcs", "azblob",
];

/// The name of a `[fs.NAME]`: a letter, then letters, digits, `_` and `-`, not longer than 64 bytes, not the scheme of a
/// URL. `NAME:path` is read so; `2:path` is a local file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    /// Why it is none.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let begins = text.starts_with(|first: char| first.is_ascii_alphabetic());
        if !begins || !(1..=64).contains(&text.len()) || !text.bytes().all(is_plain) {
            return Err(format!(
                "{text:?} is no name of a file system: use a letter and up to 63 letters, digits, _ and -"
            ));
        }
        if SCHEMES.contains(&text) {
            return Err(format!("{text:?} is the scheme of URLs and cannot name a file system"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_words() {
        assert_eq!("wlcg_2-a".parse::<Name>().unwrap().as_str(), "wlcg_2-a");
        for bad in ["", "2a", "-a", "a:b", "a/b", "a.b", "\u{e9}", "a b", "*", "davs", &"a".repeat(65)] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
    }
}
