//! Which files of a tree are meant: the rules of rclone (<https://rclone.org/filtering/>).

use std::collections::BTreeSet;
use std::time::SystemTime;

use law_storage::{Error, ErrorKind, Metadata, Path, Result};
use regex::bytes::Regex;

/// Which files of a tree are meant. Empty, it is all of them.
///
/// Rules are tried in their order, and the first whose pattern matches the path below the top decides; a file that no rule
/// matches is meant. `*` and `?` match within a name, `**` anything, `[a-z]` and `{one,two}` what they say, and
/// `{{...}}` is a regular expression. A pattern that begins with `/` starts at the top, any other one at any name; one that
/// ends with `/` means a directory and everything in it.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    rules: Vec<Rule>,
    /// Only these, if there are any.
    names: Option<BTreeSet<Path>>,
    sizes: (Option<u64>, Option<u64>),
    times: (Option<SystemTime>, Option<SystemTime>),
}

#[derive(Debug, Clone)]
struct Rule {
    includes: bool,
    files: Regex,
    /// What a directory is called of which nothing else can be meant.
    whole: Option<Regex>,
}

impl Filter {
    /// Adds a rule: what matches is meant.
    ///
    /// # Errors
    /// `InvalidInput` for what is no pattern.
    pub fn include(self, pattern: &str) -> Result<Self> {
        self.with(true, pattern)
    }

    /// Adds a rule: what matches is not meant.
    ///
    /// # Errors
    /// `InvalidInput` for what is no pattern.
    pub fn exclude(self, pattern: &str) -> Result<Self> {
        self.with(false, pattern)
    }

    /// Adds `+ PATTERN`, `- PATTERN`, `!` (forgets all rules before it), a comment that begins with `#` or `;`, or an empty line.
    ///
    /// # Errors
    /// `InvalidInput` for anything else.
    pub fn rule(mut self, line: &str) -> Result<Self> {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            return Ok(self);
        }
        if line == "!" {
            self.rules.clear();
            return Ok(self);
        }
        match line.split_once(' ') {
            Some(("+", pattern)) => self.include(pattern.trim_start()),
            Some(("-", pattern)) => self.exclude(pattern.trim_start()),
            _ => {
                let message = format!("no filter rule: `{line}`");
                Err(Error::new(ErrorKind::InvalidInput, message).hint("rules are `+ PATTERN`, `- PATTERN` and `!`"))
            }
        }
    }

    fn with(mut self, includes: bool, pattern: &str) -> Result<Self> {
        self.rules.push(Rule { includes, files: files(pattern)?, whole: whole(pattern)? });
        Ok(self)
    }

    /// Only these paths below the top, whatever the rules say.
    #[must_use]
    pub fn only(mut self, names: impl IntoIterator<Item = Path>) -> Self {
        self.names.get_or_insert_default().extend(names);
        self
    }

    /// Only files with so many bytes at least, and at most.
    #[must_use]
    pub fn sized(mut self, least: Option<u64>, most: Option<u64>) -> Self {
        self.sizes = (least, most);
        self
    }

    /// Only files modified since one time, and until another; files whose time nobody knows are meant.
    #[must_use]
    pub fn modified(mut self, since: Option<SystemTime>, until: Option<SystemTime>) -> Self {
        self.times = (since, until);
        self
    }

    /// Whether every file is meant.
    pub fn is_empty(&self) -> bool {
        let unbound = self.sizes == (None, None) && self.times == (None, None);
        self.rules.is_empty() && self.names.is_none() && unbound
    }

    /// The files that alone are meant, where they were named.
    pub fn names(&self) -> Option<impl Iterator<Item = &Path>> {
        self.names.as_ref().map(BTreeSet::iter)
    }

    /// Whether the file at this path below the top is meant.
    pub fn matches(&self, below: &Path, metadata: &Metadata) -> bool {
        let named = match &self.names {
            Some(names) => names.contains(below),
            None => {
                self.rules.iter().find(|rule| rule.files.is_match(below.as_bytes())).is_none_or(|rule| rule.includes)
            }
        };
        named && self.has_size(metadata) && self.has_time(metadata)
    }

    /// Whether anything in the directory at this path below the top can be meant.
    pub fn enters(&self, below: &Path) -> bool {
        if let Some(names) = &self.names {
            return names.iter().any(|name| name.starts_with(below));
        }
        for rule in &self.rules {
            if rule.includes {
                // It may include something in there.
                return true;
            }
            if rule.whole.as_ref().is_some_and(|whole| whole.is_match(below.as_bytes())) {
                return false;
            }
        }
        true
    }

    fn has_size(&self, metadata: &Metadata) -> bool {
        let Some(size) = metadata.size else { return true };
        self.sizes.0.is_none_or(|least| size >= least) && self.sizes.1.is_none_or(|most| size <= most)
    }

    fn has_time(&self, metadata: &Metadata) -> bool {
        let Some(time) = metadata.modified.map(|modified| modified.time) else { return true };
        self.times.0.is_none_or(|since| time >= since) && self.times.1.is_none_or(|until| time <= until)
    }
}

/// What a pattern matches of the paths of files.
fn files(pattern: &str) -> Result<Regex> {
    match pattern.strip_suffix('/') {
        Some(directory) => compile(pattern, directory, "/.*"),
        None => compile(pattern, pattern, ""),
    }
}

/// What a pattern matches of the paths of directories, where it matches everything in them.
fn whole(pattern: &str) -> Result<Option<Regex>> {
    let directory = pattern.strip_suffix("/**").or(pattern.strip_suffix('/'));
    directory.map(|directory| compile(pattern, directory, "")).transpose()
}

fn compile(pattern: &str, part: &str, after: &str) -> Result<Regex> {
    let wrong = |why: String| {
        let error = Error::new(ErrorKind::InvalidInput, format!("no pattern: `{pattern}`: {why}"));
        error.hint("patterns are such as `*.root`, `/top/**`, `run{1,2}/`")
    };
    let (start, rest) = match part.strip_prefix('/') {
        Some(rest) => ("^", rest),
        None => ("(?:^|/)", part),
    };
    if pattern.is_empty() || pattern == "/" {
        return Err(wrong("it is empty".into()));
    }
    let body = translate(rest).map_err(|why| wrong(why.into()))?;
    let whole = format!("(?s-u){start}(?:{body}){after}$");
    regex::bytes::RegexBuilder::new(&whole).unicode(false).build().map_err(|e| wrong(e.to_string()))
}

/// A glob as a regular expression over bytes.
fn translate(glob: &str) -> Result<String, &'static str> {
    let mut out = String::new();
    let mut rest = glob;
    let mut depth = 0;
    while let Some(next) = rest.chars().next() {
        rest = &rest[next.len_utf8()..];
        match next {
            '*' if rest.starts_with('*') => {
                rest = rest.trim_start_matches('*');
                out.push_str(".*");
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '\\' => {
                let escaped = rest.chars().next().ok_or("a backslash at its end")?;
                rest = &rest[escaped.len_utf8()..];
                out.push_str(&literal(escaped));
            }
            '{' if rest.starts_with('{') => {
                let end = rest.find("}}").ok_or("`{{` without `}}`")?;
                out.push_str(&format!("(?:{})", &rest[1..end]));
                rest = &rest[end + 2..];
            }
            '[' => {
                let end = class_end(rest).ok_or("`[` without `]`")?;
                out.push_str(&class(&rest[..end]));
                rest = &rest[end + 1..];
            }
            '{' => {
                depth += 1;
                out.push_str("(?:");
            }
            ',' if depth > 0 => out.push('|'),
            '}' if depth > 0 => {
                depth -= 1;
                out.push(')');
            }
            other => out.push_str(&literal(other)),
        }
    }
    if depth > 0 { Err("`{` without `}`") } else { Ok(out) }
}

/// A character as its bytes.
fn literal(character: char) -> String {
    let mut buffer = [0; 4];
    let bytes = character.encode_utf8(&mut buffer).bytes();
    bytes.map(|byte| format!("\\x{byte:02x}")).collect()
}

/// Where a class ends; a `]` at its beginning belongs to it.
fn class_end(rest: &str) -> Option<usize> {
    let skipped = rest.len() - rest.trim_start_matches(['!', '^']).len();
    let from = skipped + usize::from(rest[skipped..].starts_with(']'));
    rest[from..].find(']').map(|end| from + end)
}

fn class(inside: &str) -> String {
    let (not, members) = match inside.strip_prefix(['!', '^']) {
        Some(members) => ("^/", members),
        None => ("", inside),
    };
    let escape = |c: char| if c == '-' { "-".to_owned() } else { literal(c) };
    format!("[{not}{}]", members.chars().map(escape).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn path(text: &str) -> Path {
        Path::parse(text).unwrap()
    }

    fn meant(filter: &Filter, text: &str) -> bool {
        filter.matches(&path(text), &Metadata::file(10))
    }

    fn rules(lines: &[&str]) -> Filter {
        lines.iter().fold(Filter::default(), |filter, line| filter.rule(line).unwrap())
    }

    /// The table of the documentation of rclone.
    #[test]
    fn patterns_mean_what_they_mean_to_rclone() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("file.jpg", &["file.jpg", "directory/file.jpg"], &["afile.jpg", "directory/file.jpg.old"]),
            ("/file.jpg", &["file.jpg"], &["afile.jpg", "directory/file.jpg"]),
            ("*.jpg", &["file.jpg", "directory/file.jpg"], &["file.jpg/anotherfile.png"]),
            ("/*.jpg", &["file.jpg"], &["directory/file.jpg"]),
            ("dir/", &["dir/file", "a/dir/b/c"], &["dirfile", "mydir/file"]),
            ("dir/**", &["dir/file", "a/dir/b/c"], &["dir", "mydir/file"]),
            ("/dir/**", &["dir/file", "dir/b/c"], &["a/dir/file"]),
            ("**.jpg", &["file.jpg", "a/b/file.jpg"], &["file.png"]),
            ("l?ss", &["less", "lass"], &["floss", "lss", "l/ss"]),
            ("h[ae]llo", &["hello", "hallo"], &["hullo"]),
            ("h[!ae]llo", &["hullo"], &["hello", "h/llo"]),
            ("{one,two}_potato", &["one_potato", "a/two_potato"], &["three_potato", "_potato"]),
            ("\\*.jpg", &["*.jpg"], &["a.jpg"]),
            ("*.{{jpe?g}}", &["a.jpg", "a.jpeg"], &["a.jpeeg"]),
            ("/run[0-9]/*.{root,txt}", &["run1/a.root", "run2/b.txt"], &["run12/a.root", "run1/sub/a.root"]),
            ("a+b(c).$", &["a+b(c).$"], &["aab(c).$"]),
            ("ä*", &["ärger", "b/ä"], &["a"]),
        ];
        for (pattern, yes, no) in table {
            let filter = Filter::default().exclude(pattern).unwrap();
            yes.iter().for_each(|name| assert!(!meant(&filter, name), "{pattern} does not match {name}"));
            no.iter().for_each(|name| assert!(meant(&filter, name), "{pattern} matches {name}"));
        }
    }

    #[test]
    fn names_are_bytes() {
        let latin = Path::parse(b"r\xe4um/a.txt".as_slice()).unwrap();
        let filter = Filter::default().exclude("r?um/").unwrap();
        assert!(!filter.matches(&latin, &Metadata::file(1)));
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let filter = rules(&["# secrets", "- secret*.jpg", "+ *.jpg", "+ *.png", "", "- *"]);
        assert!(meant(&filter, "a.jpg") && meant(&filter, "x/a.png"));
        assert!(!meant(&filter, "secret17.jpg") && !meant(&filter, "a.avi"));
        assert!(meant(&rules(&["- *", "!", "- *.o"]), "a.c"), "what stood before is forgotten");
    }

    #[test]
    fn directories_of_which_nothing_is_meant_are_not_entered() {
        let filter = rules(&["- /old/**", "- tmp/", "- *.o"]);
        for (directory, enters) in [("old", false), ("a/old", true), ("tmp", false), ("a/tmp", false), ("x.o", true)] {
            assert_eq!(filter.enters(&path(directory)), enters, "{directory}");
        }
        assert!(rules(&["+ /old/keep", "- /old/**"]).enters(&path("old")), "something in there is meant");
        let named = Filter::default().only([path("a/b/c")]);
        assert!(named.enters(&path("a/b")) && !named.enters(&path("b")));
    }

    #[test]
    fn sizes_and_times() {
        let now = SystemTime::now();
        let mut old = Metadata::file(10);
        old.modified = Some(law_storage::Modified::seconds(now - Duration::from_secs(3600)));
        let of = |filter: Filter| filter.matches(&path("a"), &old);
        assert!(of(Filter::default().sized(Some(10), Some(10))));
        assert!(!of(Filter::default().sized(Some(11), None)) && !of(Filter::default().sized(None, Some(9))));
        assert!(of(Filter::default().modified(Some(now - Duration::from_secs(7200)), None)));
        assert!(!of(Filter::default().modified(Some(now - Duration::from_secs(60)), None)));
        assert!(!of(Filter::default().modified(None, Some(now - Duration::from_secs(7200)))));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in ["", "/", "a[b", "{a,b", "a\\", "{{a", "{{(}}"] {
            let error = Filter::default().include(pattern).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{pattern}");
        }
        for line in ["*.jpg", "+", "* a", "include a"] {
            assert!(Filter::default().rule(line).is_err(), "{line}");
        }
    }
}
