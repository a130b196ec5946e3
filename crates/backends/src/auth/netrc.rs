//! Users and passwords by host, in the file that ftp, curl and git read
//! (<https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html>).

use std::path::Path;

use law_storage::{Error, ErrorKind, Result, Secret};

use super::small_file::read_small;

/// Bytes; nobody has so many hosts.
const LONGEST: u64 = 1024 * 1024;

/// The entries of a netrc file.
pub struct Netrc(Vec<(Option<String>, NetrcEntry)>);

/// What it says of one host.
#[derive(Clone)]
pub struct NetrcEntry {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Secret,
}

impl Netrc {
    /// Reads a file.
    ///
    /// # Errors
    /// `Unauthenticated` for a file that cannot be read, is no regular file, or far too long.
    pub fn read(path: &Path) -> Result<Self> {
        // A letter of another age in one entry says nothing about the others.
        read_small(path, LONGEST).map(|bytes| Self::parse(&String::from_utf8_lossy(&bytes))).map_err(|e| {
            Error::new(ErrorKind::Unauthenticated, "cannot read the passwords in").at(path.display()).because(e)
        })
    }

    /// Parses the text of a file. Words that nobody knows are passed over, as others do; entries without user or password are none.
    pub fn parse(text: &str) -> Self {
        let words = words(text);
        let mut words = words.iter().map(String::as_str);
        let mut entries: Vec<Draft> = Vec::new();
        while let Some(word) = words.next() {
            match word {
                "machine" => entries.push(Draft { host: words.next().map(str::to_owned), ..Draft::default() }),
                "default" => entries.push(Draft { default: true, ..Draft::default() }),
                "login" => with_last(&mut entries, words.next(), |entry, user| entry.user = Some(user)),
                "password" => with_last(&mut entries, words.next(), |entry, secret| entry.password = Some(secret)),
                "account" => drop(words.next()),
                _ => {}
            }
        }
        Self(entries.into_iter().filter_map(Draft::finished).collect())
    }

    /// The first entry of a host; else the one for all others.
    pub fn entry(&self, host: &str) -> Option<&NetrcEntry> {
        let named = self.0.iter().find(|(name, _)| name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(host)));
        named.or_else(|| self.0.iter().find(|(name, _)| name.is_none())).map(|(_, entry)| entry)
    }
}

#[derive(Default)]
struct Draft {
    host: Option<String>,
    default: bool,
    user: Option<String>,
    password: Option<String>,
}

impl Draft {
    fn finished(self) -> Option<(Option<String>, NetrcEntry)> {
        if self.host.is_none() && !self.default {
            return None;
        }
        Some((self.host, NetrcEntry { user: self.user?, password: Secret::new(&self.password?) }))
    }
}

fn with_last(entries: &mut [Draft], word: Option<&str>, set: impl FnOnce(&mut Draft, String)) {
    if let (Some(entry), Some(word)) = (entries.last_mut(), word) {
        set(entry, word.to_owned());
    }
}

/// The words of the file, without comments and macros: a macro goes to the next empty line.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut in_macro = false;
    for line in text.lines() {
        if in_macro || line.trim_start().starts_with('#') {
            in_macro &= !line.trim().is_empty();
            continue;
        }
        let mut rest = line.trim_start();
        while !rest.is_empty() {
            let (word, behind) = word(rest);
            in_macro |= word == "macdef";
            words.push(word);
            rest = behind.trim_start();
        }
    }
    words
}

/// The first word, which may stand in quotes, with escapes, and what follows it.
fn word(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut word = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (word, &quoted[at + 1..]),
            '\\' => word.extend(characters.next().map(|(_, escaped)| escaped)),
            other => word.push(other),
        }
    }
    (word, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, host: &str) -> Option<(String, String)> {
        let entry = Netrc::parse(text).entry(host).cloned()?;
        Some((entry.user, entry.password.expose().to_owned()))
    }

    fn pair(user: &str, password: &str) -> Option<(String, String)> {
        Some((user.into(), password.into()))
    }

    #[test]
    fn hosts_have_their_own_and_all_others_the_default() {
        let text = "# mine\nmachine a.example login me password p1\nmachine b.example\n  login you\n  account x\n  password \"a \\\"b\"\ndefault login any password p3\n";
        assert_eq!(of(text, "A.example"), pair("me", "p1"));
        assert_eq!(of(text, "b.example"), pair("you", "a \"b"));
        assert_eq!(of(text, "c.example"), pair("any", "p3"));
    }

    #[test]
    fn macros_are_passed_over_and_halves_are_none() {
        let text = "machine a login u password p\nmacdef init\nmachine b login x password y\n\nmachine c login z\n";
        assert_eq!(of(text, "a"), pair("u", "p"));
        assert_eq!((of(text, "b"), of(text, "c")), (None, None));
    }

    #[test]
    fn no_text_makes_it_fail() {
        let text = "machine a login u password \"p\\ machine \"\" default macdef\n\nlogin x password y";
        for (cut, _) in text.char_indices() {
            let _ = of(&text[..cut], "a");
            let _ = of(&text[cut..], "");
        }
        assert_eq!(of("login x password y", ""), None);
    }
}
