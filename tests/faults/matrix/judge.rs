//! Whether a promise was kept.

use std::fs;
use std::time::Duration;

use law_faults::Seen;

use super::Action;
use super::cell::Cell;
use super::world::{OLD, Place, content, entries};
use crate::sandbox::{Run, Sandbox};

/// What is under the final name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Right,
    Wrong,
    /// Nothing new.
    Nothing,
}

impl Left {
    /// Of what was read there, if anything was.
    pub(super) fn of(bytes: Option<Vec<u8>>) -> Self {
        match bytes {
            Some(bytes) if bytes == content() => Self::Right,
            None => Self::Nothing,
            Some(bytes) if bytes == OLD => Self::Nothing,
            Some(_) => Self::Wrong,
        }
    }
}

/// What became of a cell.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) code: i32,
    /// After a copy.
    pub(super) left: Left,
    /// Whether the fault happened.
    pub(super) met: bool,
    pub(super) took: Duration,
    /// Whether the error says that what was asked for may have happened.
    pub(super) unsure: bool,
    /// The promises that were broken.
    pub(super) broken: Vec<String>,
    pub(super) told: String,
}

impl Verdict {
    /// What is not as it should be.
    pub(super) fn complaint(&self, cell: &Cell<'_>) -> Option<String> {
        let Cell { row, doors, .. } = cell;
        let what = match self.broken.is_empty() {
            _ if !self.met && cell.must_be_met() => "the fault did not happen".to_owned(),
            true => return None,
            false => format!("{}: {}", self.broken.join("; "), self.told),
        };
        Some(format!("{:?}, `{}`, {doors}: {what}", row.action, cell.script()))
    }
}

/// Looks at everything that is left.
pub(super) fn judge(cell: &Cell<'_>, run: &Run, sandbox: &Sandbox, place: &Place, done: &[Seen]) -> Verdict {
    let code = run.code.unwrap_or(-1);
    let unsure = run.stderr.contains("may or may not have");
    let mut scene = Scene { succeeded: code == 0, unsure, run, sandbox, place, done, broken: Vec::new() };
    match cell.row.action {
        Action::Download => scene.download(),
        Action::Upload => scene.upload(),
        Action::List => scene.list(),
        Action::Rename => scene.rename(),
        Action::Remove => scene.remove(),
    }
    scene.nothing_else();
    scene.said();
    scene.expect(code == 0 || !cell.can_succeed(), "it failed where another attempt or another door is well");
    let left = match cell.row.action {
        Action::Download => Left::of(sandbox.read("copies/old")),
        _ => Left::of(scene.stored("old")),
    };
    Verdict { code, left, met: false, took: Duration::ZERO, unsure, broken: scene.broken, told: run.to_string() }
}

struct Scene<'a> {
    succeeded: bool,
    unsure: bool,
    run: &'a Run,
    sandbox: &'a Sandbox,
    place: &'a Place,
    done: &'a [Seen],
    broken: Vec<String>,
}

impl Scene<'_> {
    fn expect(&mut self, holds: bool, otherwise: &str) {
        if !holds {
            self.broken.push(otherwise.to_owned());
        }
    }

    fn stored(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.place.disk.join(name)).ok()
    }

    fn download(&mut self) {
        let copy = self.sandbox.read("copies/old").unwrap_or_default();
        let right = copy == content();
        self.expect(
            self.succeeded == right,
            if right { "the bytes came, and it failed" } else { "exit 0 and other bytes" },
        );
        self.expect(right || copy == OLD, "the old content is gone");
        let names = self.sandbox.names("copies");
        self.named(names.iter().filter(|name| *name != "old"));
    }

    fn upload(&mut self) {
        let now = self.stored("old").unwrap_or_default();
        let right = now == content();
        self.expect(!self.succeeded || right, "exit 0 and other bytes");
        self.expect(self.succeeded || self.unsure || !right, "it was published, and it failed");
        self.expect(right || now == OLD, "the old content is gone");
        self.happened("MOVE", "old");
    }

    fn rename(&mut self) {
        let (old, moved) = (self.stored("old"), self.stored("moved"));
        let right = old.is_none() && moved.as_deref() == Some(OLD);
        let as_before = old.as_deref() == Some(OLD) && moved.is_none();
        self.expect(right || as_before, "it is neither here nor there");
        self.expect(!self.succeeded || right, "exit 0, and not moved");
        self.expect(self.succeeded || self.unsure || as_before, "it was moved, and it failed");
        self.happened("MOVE", "moved");
    }

    fn remove(&mut self) {
        let gone = self.stored("old").is_none();
        self.expect(!self.succeeded || gone, "exit 0, and not removed");
        self.expect(self.succeeded || self.unsure || !gone, "it was removed, and it failed");
        self.expect(gone || self.stored("old").as_deref() == Some(OLD), "the content is another");
        self.happened("DELETE", "old");
    }

    fn list(&mut self) {
        let all = entries().iter().map(|entry| format!("{entry}\n")).collect::<String>();
        self.expect(!self.succeeded || self.run.text() == all, "exit 0, and the listing is not the directory");
    }

    /// With success exactly once; a name that has what it shall have already needs no second time.
    fn happened(&mut self, method: &str, name: &str) {
        let concerns = |seen: &&Seen| {
            let target = seen.header("destination").unwrap_or(&seen.target);
            seen.method == method && target.split('?').next().unwrap().ends_with(&format!("/{name}"))
        };
        let times = self.done.iter().filter(concerns).filter(|seen| matches!(seen.status, Some(200..=299))).count();
        self.expect(times <= 1, &format!("{method} happened {times} times"));
        self.expect(!self.succeeded || times == 1, &format!("exit 0, and {method} happened {times} times"));
    }

    fn nothing_else(&mut self) {
        self.expect(
            self.stored("file").as_deref() == Some(&content()),
            "a file was touched that has nothing to do with it",
        );
        self.expect(self.stored("other").is_some(), "a file is gone that has nothing to do with it");
        let expected = ["file", "other", "old", "moved", "many"];
        let names =
            fs::read_dir(&self.place.disk).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let left: Vec<String> = names.filter(|name| !expected.contains(&name.as_str())).collect();
        self.named(left.iter());
        let scratch = self.sandbox.scratch();
        self.expect(scratch.is_empty(), &format!("left: {scratch:?}"));
    }

    /// What is left has to stand in the error.
    fn named<'a>(&mut self, left: impl Iterator<Item = &'a String>) {
        for name in left {
            let named = self.run.stderr.contains(name.as_str());
            self.expect(named, &format!("{name} is left, and nobody says so"));
        }
    }

    /// A failure has a code of its own, and one line with a reason.
    fn said(&mut self) {
        let stderr = &self.run.stderr;
        self.expect(!matches!(self.run.code, None | Some(124 | 137)), "it hangs");
        self.expect(!stderr.contains("panicked"), "it panicked");
        // Warnings are about attempts that went before.
        let told = |line: &&str| !line.starts_with("  hint: ") && !line.starts_with(" WARN ");
        let lines = stderr.lines().filter(told).count();
        self.expect(self.succeeded || lines == 1, &format!("{lines} lines of error"));
    }
}
