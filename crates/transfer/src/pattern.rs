//! Patterns of paths, as shells have them.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;

use globset::{GlobBuilder, GlobMatcher};
use law_storage::{Error, ErrorKind, Path, Result};

/// A pattern of paths below some directory: `*` and `?` stay within a name, `**` is any number of directories, `[ab]` one of these
/// bytes, `{a,b}` one of these texts. A `\` takes the meaning of the character behind it away.
///
/// Names are bytes; what is not UTF-8 is matched by `*` and `?`, too.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    base: Path,
    whole: GlobMatcher,
    /// What a directory at that depth must match so that something below it can; nothing where anything may.
    levels: Vec<GlobMatcher>,
    /// How deep it is worth to look; without end behind a `**`.
    deepest: Option<usize>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// `InvalidInput` for a bracket or brace that does not end, and for names that no path can have.
    pub fn parse(text: &str) -> Result<Self> {
        let trimmed = text.trim_matches('/');
        let parts: Vec<&str> = trimmed.split('/').collect();
        let plain = parts.iter().take_while(|part| !has_meaning(part)).count();
        let base = Path::parse(parts[..plain].join("/")).map_err(|e| bad(text).because(e))?;
        // A brace with a `/` in it has parts that are none; a `**` fits any depth.
        let flat = !trimmed.contains("**") && braces_are_flat(trimmed);
        let levels = if flat {
            (1..parts.len()).map(|depth| matcher(&parts[..depth].join("/"))).collect()
        } else {
            Ok(Vec::new())
        };
        Ok(Self {
            whole: matcher(trimmed)?,
            levels: levels?,
            deepest: flat.then_some(parts.len()),
            base,
            text: text.to_owned(),
        })
    }

    /// The directory, or the file, that everything that matches is below, or is.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// Whether it matches nothing but its [`base`](Self::base).
    pub fn is_plain(&self) -> bool {
        self.deepest == Some(depth(&self.base))
    }

    /// Whether a path matches.
    pub fn matches(&self, path: &Path) -> bool {
        matches(&self.whole, path)
    }

    /// Whether something below this directory can match.
    pub fn may_be_below(&self, directory: &Path) -> bool {
        let depth = depth(directory);
        match (self.deepest, depth.checked_sub(1).and_then(|above| self.levels.get(above))) {
            (None, _) => true,
            (Some(_), Some(level)) => matches(level, directory),
            (Some(deepest), None) => depth < deepest,
        }
    }
}

fn depth(path: &Path) -> usize {
    path.segments().count()
}

fn has_meaning(part: &str) -> bool {
    part.contains(['*', '?', '[', ']', '{', '}', '\\'])
}

fn braces_are_flat(text: &str) -> bool {
    let mut open = 0usize;
    text.chars().all(|c| {
        match c {
            '{' => open += 1,
            '}' => open = open.saturating_sub(1),
            _ => {}
        }
        c != '/' || open == 0
    })
}

fn bad(pattern: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("a bad pattern `{}`", pattern.escape_debug()))
}

fn matcher(pattern: &str) -> Result<GlobMatcher> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).empty_alternates(true).backslash_escape(true).build();
    glob.map(|glob| glob.compile_matcher()).map_err(|e| bad(pattern).because(e))
}

fn matches(matcher: &GlobMatcher, path: &Path) -> bool {
    matcher.is_match(OsStr::from_bytes(path.as_bytes()))
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        Path::parse(text).unwrap()
    }

    fn of(pattern: &str) -> Pattern {
        Pattern::parse(pattern).unwrap()
    }

    #[test]
    fn what_matches() {
        for (pattern, yes, no) in [
            ("*", &["a", ".b", "x y"][..], &["a/b"][..]),
            ("*.npz", &["a.npz", ".npz"], &["a.np", "d/a.npz"]),
            ("**/*.npz", &["a.npz", "d/a.npz", "d/e/a.npz"], &["a.npy"]),
            ("d/**", &["d/a", "d/e/a"], &["e/a"]),
            ("run?/[ab]{1,2}", &["run1/a1", "runx/b2"], &["run/a1", "run1/c1", "run1/a3"]),
            ("{a/b,c}", &["a/b", "c"], &["a", "b"]),
            (r"\*", &["*"], &["a"]),
            ("\u{e4}*", &["\u{e4}x"], &["ax"]),
        ] {
            let pattern = of(pattern);
            yes.iter().for_each(|yes| assert!(pattern.matches(&path(yes)), "{pattern} {yes}"));
            no.iter().for_each(|no| assert!(!pattern.matches(&path(no)), "{pattern} {no}"));
        }
    }

    #[test]
    fn names_are_bytes() {
        assert!(of("*.bin").matches(&Path::parse(b"\xff.bin").unwrap()));
    }

    #[test]
    fn only_directories_that_can_matter_are_looked_at() {
        let runs = of("store/run*/x/*.npz");
        assert_eq!(runs.base(), &path("store"));
        let below = |directory: &str| runs.may_be_below(&path(directory));
        assert_eq!([below("store"), below("store/run1"), below("store/run1/x")], [true; 3]);
        assert_eq!([below("other"), below("store/log"), below("store/run1/y"), below("store/run1/x/z")], [false; 4]);
        assert!(of("store/**/x").may_be_below(&path("store/a/b/c/d")));
        assert!(of("{a/b,c}").may_be_below(&path("a")));
    }

    #[test]
    fn a_path_is_a_pattern_of_itself() {
        assert!(of("a/b").is_plain());
        assert!(!of("a/*").is_plain());
        assert!(of("a/b").matches(&path("a/b")));
    }

    #[test]
    fn what_is_no_pattern() {
        for bad in ["[a", "{a", "a/../b", "[z-a]", "a\0"] {
            assert_eq!(Pattern::parse(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
    }
}
