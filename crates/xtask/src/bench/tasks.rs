//! Tasks: a trivial one, very many branches, and looking at what is complete, beside the Python package law, `make` and `ninja`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::clients::{Client, Program};
use super::contest::{Contest, Task};
use crate::interrupt::Interrupt;
use crate::{python, workspace};

/// Starts in one run of what is too short to be measured alone.
const TIMES: u32 = 20;

/// Names that a file has at most.
const NAMES: u32 = 60_000;

/// A directory with the tasks of all clients.
pub(super) struct Tasks {
    place: PathBuf,
    /// The program of `law`'s tasks.
    own: PathBuf,
    /// An interpreter that has the Python packages, or why there is none.
    python: Result<PathBuf>,
}

/// One command of each client.
struct Lines {
    own: String,
    python: Option<String>,
    /// The file of `make` and `ninja`.
    target: Option<&'static str>,
}

impl Tasks {
    /// Builds the program, and writes what is complete before anything is measured.
    pub(super) fn prepare(place: &Path, interrupt: &Interrupt) -> Result<Self> {
        let built = interrupt.run(workspace::cargo().args(["build", "--release", "--example", "many_files"]))?;
        ensure!(built.success(), "the example many_files cannot be built");
        let environment = workspace::target_dir()?.join("luigi");
        let python = python::with(&environment, "law, luigi", &["law==0.1.21", "luigi==3.8.1"]);
        let tasks =
            Self { place: place.to_owned(), own: workspace::target_dir()?.join("release/examples/many_files"), python };
        fs::write(place.join("bench_tasks.py"), PYTHON)?;
        fs::write(place.join("law.cfg"), SETTINGS)?;
        fs::write(place.join("one.mk"), make("one.json"))?;
        fs::write(place.join("one.ninja"), format!("{NINJA}{}", ninja("one.json")))?;
        fs::write(place.join("all.mk"), all(make, "all: EACH\n.PHONY: all\n"))?;
        fs::write(place.join("all.ninja"), format!("{NINJA}{}", all(ninja, "build all: phony EACH\n")))?;
        tasks.index()?;
        for count in [1000, 5000, 10_000, 20_000, 100_000, 1_000_000] {
            tasks.complete(&format!("complete/files_{count}"), count)?;
        }
        for count in [5000, 20_000] {
            tasks.complete(&format!("python/files_{count}_sibling"), count)?;
        }
        Ok(tasks)
    }

    /// Python's law finds tasks by an index.
    fn index(&self) -> Result<()> {
        let Ok(python) = &self.python else { return Ok(()) };
        let mut law = std::process::Command::new(python.with_file_name("law"));
        law.arg("index").current_dir(&self.place).envs(self.environment()).stdout(std::process::Stdio::null());
        workspace::succeed(&mut law)
    }

    fn environment(&self) -> [(&'static str, String); 4] {
        let data = self.place.join("python").display().to_string();
        let set = |name, value: &str| (name, value.to_owned());
        [set("PYTHONPATH", "."), set("LAW_HOME", ".law"), set("LAW_CONFIG_FILE", "law.cfg"), ("BENCH_DATA", data)]
    }

    /// Empty files, as many branches have written them.
    fn complete(&self, directory: &str, count: u32) -> Result<()> {
        let directory = self.place.join(directory);
        fs::create_dir_all(&directory)?;
        for index in 0..count {
            let path = directory.join(format!("f_{index}.json"));
            // A name costs less than a file, and a file has so many at most.
            let first = directory.join(format!("f_{}.json", index - index % NAMES));
            if path == first { File::create(path).map(drop)? } else { fs::hard_link(first, path)? }
        }
        Ok(())
    }

    pub(super) fn contests(&self) -> Vec<Contest> {
        let line =
            |own: &str, python: Option<&str>, target| Lines { own: own.into(), python: python.map(Into::into), target };
        let status = |count: u32| {
            line(
                &format!("Top --place complete --n {count} --print-status 1"),
                Some(&format!("Top --n {count} --print-status 1")),
                None,
            )
        };
        let alone = |count: u32| line(&format!("Top --place complete --n {count} --print-status 1"), None, None);
        let clean = "rm -rf out python/trivial one.json";
        vec![
            self.contest(
                "trivial x 20",
                clean,
                TIMES,
                line("Trivial --place out", Some("Trivial --tag b"), Some("one")),
            ),
            self.contest(
                "trivial, complete, x 20",
                "true",
                TIMES,
                line("Trivial --place out", Some("Trivial --tag b"), Some("one")),
            ),
            self.contest(
                "5,000 branches",
                "rm -rf out python/files_5000_new",
                1,
                line("CreateFiles --place out --n 5000", Some("CreateFiles --n 5000 --kind new"), None),
            ),
            self.contest("status of 5,000", "true", 1, status(5000)),
            self.contest("status of 20,000", "true", 1, status(20_000)),
            self.contest(
                "10,000 that are complete",
                "ninja -f all.ninja",
                1,
                line("CreateFiles --place complete --n 10000", None, Some("all")),
            ),
            self.contest("status of 1,000, alone, x 20", "true", TIMES, alone(1000)),
            self.contest("status of 100,000, alone", "true", 1, alone(100_000)),
            self.contest("status of 1,000,000, alone", "true", 1, alone(1_000_000)),
        ]
    }

    /// What each client does so many times, after what is not measured; before each of several times what was made is removed again.
    fn contest(&self, what: &str, before: &str, times: u32, lines: Lines) -> Contest {
        let again = if times > 1 && before != "true" { format!("{before}; ") } else { String::new() };
        let repeated = |line: String| match times {
            1 => line,
            times => format!("for i in $(seq {times}); do {again}{line}; done"),
        };
        let shell = |name, program, line: String| Client::of(name, program, words(&repeated(line + " > out.log 2>&1")));
        let sh = || PathBuf::from("/bin/sh");
        let mut clients = vec![shell("law run", Program::Law(sh()), format!("{} {}", self.own.display(), lines.own))];
        if let Some(line) = lines.python {
            let program = self.python.as_ref().map(|_| Program::Peer(sh()));
            let program = program.unwrap_or_else(|error| Program::Absent(format!("absent ({error:#})")));
            let python = self.python.as_ref().map(|path| path.with_file_name("law").display().to_string());
            let python = python.unwrap_or_default();
            let environment = self.environment().map(|(name, value)| format!("{name}={value}")).join(" ");
            clients.push(shell("law 0.1.21 of Python", program, format!("{environment} {python} run {line}")));
        }
        if let Some(target) = lines.target {
            clients.push(shell("make", Program::peer("make", &sh()), format!("make -f {target}.mk")));
            clients.push(shell("ninja", Program::peer("ninja", &sh()), format!("ninja -f {target}.ninja")));
        }
        Contest {
            group: format!("tasks {what}"),
            task: Task::Run { before: [vec!["/bin/sh".into()], words(before)].concat() },
            clients,
            place: self.place.clone(),
        }
    }

    /// Whether what is measured does what it should.
    pub(super) fn check(&self) -> Result<()> {
        let output = std::process::Command::new(&self.own)
            .args(["Top", "--place", "complete", "--n", "1000", "--print-status", "1"])
            .current_dir(&self.place)
            .output()
            .context("many_files")?;
        let shown = String::from_utf8_lossy(&output.stdout);
        ensure!(shown.contains("existent (1000/1000)"), "many_files does not see what is complete: {shown}");
        Ok(())
    }
}

/// The words behind `sh`.
fn words(line: &str) -> Vec<OsString> {
    ["-c", line].map(Into::into).into()
}

/// 10,000 targets in one directory, and what makes all of them.
fn all(rule: fn(&str) -> String, whole: &str) -> String {
    let targets: Vec<String> = (0..10_000).map(|index| format!("each/f_{index}.json")).collect();
    let rules: String = targets.iter().map(|target| rule(target)).collect();
    // The first one is what is made where nothing is said.
    whole.replace("EACH", &targets.join(" ")) + &rules
}

fn make(target: &str) -> String {
    format!("{target}:\n\t@mkdir -p each && echo 1 > {target}\n")
}

fn ninja(target: &str) -> String {
    format!("build {target}: write\n")
}

const NINJA: &str = "rule write\n  command = echo 1 > $out\n";

const SETTINGS: &str = "[modules]\nbench_tasks\n\n[logging]\nlaw: WARNING\nluigi-interface: WARNING\n\n[luigi_core]\nlocal_scheduler: True\nno_lock: True\n";

/// The same tasks for the Python package.
const PYTHON: &str = r#"import os

import law
import luigi

DATA = os.environ["BENCH_DATA"]


class Trivial(law.Task):
    tag = luigi.Parameter(default="t")

    def output(self):
        return law.LocalFileTarget(os.path.join(DATA, "trivial", f"out_{self.tag}.json"))

    def run(self):
        self.output().dump({"tag": self.tag}, formatter="json")


class CreateFiles(law.LocalWorkflow):
    n = luigi.IntParameter(default=100)
    kind = luigi.Parameter(default="sibling")
    output_collection_cls = law.SiblingFileCollection

    def create_branch_map(self):
        return {i: i for i in range(self.n)}

    def output(self):
        return law.LocalFileTarget(os.path.join(DATA, f"files_{self.n}_{self.kind}", f"f_{self.branch}.json"))

    def run(self):
        self.output().dump({"branch": self.branch}, formatter="json")


class Top(law.Task):
    n = luigi.IntParameter(default=100)
    kind = luigi.Parameter(default="sibling")

    def requires(self):
        return CreateFiles.req(self)

    def output(self):
        return law.LocalFileTarget(os.path.join(DATA, f"top_{self.n}_{self.kind}.json"))

    def run(self):
        self.output().dump({"n": len(self.input()["collection"])}, formatter="json")
"#;
