//! What became of a program, as a person sees it.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    sandbox: String,
}

impl Run {
    pub(crate) fn new(output: Output, sandbox: &Path) -> Self {
        Self {
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
            sandbox: sandbox.to_str().unwrap().to_owned(),
        }
    }

    /// The objects that `--json` printed, one a line.
    pub(crate) fn objects(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// The object that `--json` printed for an error.
    pub(crate) fn error_object(&self) -> Value {
        serde_json::from_str(self.stderr.trim_end()).expect(&self.stderr)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// What `law` said about a failure: one line, and nothing else but hints and notes.
    pub(crate) fn only_error(&self) -> &str {
        let lines: Vec<&str> = self.stderr.lines().filter(|line| !line.starts_with("  hint: ")).collect();
        assert!(lines.len() == 1 && lines[0].starts_with("law fs "), "one line of error: {self:?}");
        lines[0]
    }
}

/// Output, then errors behind `2>`, then the exit code unless it is 0; what differs from run to run has a word instead.
impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::from_utf8_lossy(&self.stdout).into_owned();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        for line in self.stderr.lines() {
            text += &format!("2> {line}\n");
        }
        f.write_str(&shown(&text, Path::new(&self.sandbox)))?;
        match (self.code, self.signal) {
            (Some(0), _) => Ok(()),
            (Some(code), _) => writeln!(f, "[exit {code}]"),
            (None, signal) => writeln!(f, "[signal {signal:?}]"),
        }
    }
}

/// A text without what differs from run to run.
pub(crate) fn shown(text: &str, sandbox: &Path) -> String {
    let text = text.replace(&format!("{}/work", sandbox.display()), "WORK");
    let text = without_ports(&without_ports(&text, "127.0.0.1:"), "localhost:");
    let text = replace_all(&text, "..................lawpart", ".NONCE.lawpart");
    let text = replace_all(&text, "dddd-dd-dd dd:dd", "now, or about it");
    let text = replace_all(&text, "dddd .ays ago", "N days ago");
    let text = replace_all(&text, "times in d.d s", "times in N s");
    let text = replace_all(&text, "twice in d.d s", "twice in N s");
    let lines = without_tags(&text);
    lines.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn without_ports(text: &str, host: &str) -> String {
    let mut parts = text.split(host);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        shown = shown + host + if rest.len() < part.len() { "PORT" } else { "" } + rest;
    }
    shown
}

/// Replaces what looks like `pattern`, in which `d` is a digit and `.` a digit or a letter, unless it is the time of a
/// file that a test wrote.
fn replace_all(text: &str, pattern: &str, with: &str) -> String {
    const WRITTEN: &str = "2024-03-02 12:34";
    let mut shown = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let found = rest.get(..pattern.len()).filter(|found| *found != WRITTEN && is_like(found, pattern));
        shown += if found.is_some() { with } else { &rest[..next.len_utf8()] };
        rest = &rest[found.map_or(next.len_utf8(), str::len)..];
    }
    shown
}

fn is_like(text: &str, pattern: &str) -> bool {
    text.chars().zip(pattern.chars()).all(|(c, p)| match p {
        'd' => c.is_ascii_digit(),
        '.' => c.is_ascii_alphanumeric() || c == '.',
        other => c == other,
    })
}

/// Entity tags are words of digits in quotes.
fn without_tags(text: &str) -> String {
    let is_tag = |word: &str| word.len() > 12 && word.chars().all(|c| c.is_ascii_hexdigit() || "-.".contains(c));
    let words = text.split('"').map(|word| if is_tag(word) { "TAG" } else { word });
    words.collect::<Vec<_>>().join("\"")
}
