//! Clients that do the same thing in turns.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use anyhow::{Context, Result, bail, ensure};

use super::buckets::Bucket;
use super::clients::{Client, Program};
use super::measure::{self, Sample};
use super::table::{Group, Kind, Row};
use crate::interrupt::Interrupt;

/// What the clients of a contest do, and how to see that they did it.
pub(super) enum Task {
    /// Afterwards the file `destination` has the bytes of `source`.
    Copy { source: PathBuf, destination: Destination },
    /// Afterwards the directory `destination` has what `source` has: so many bytes.
    Tree { source: PathBuf, destination: Destination, bytes: u64 },
    /// It prints what `source` has, to nobody; `before` is run before each run, and is not measured.
    Read { source: PathBuf, before: Option<Vec<OsString>> },
    /// It does something; `before` is run before each run, and is not measured.
    Run { before: Vec<OsString> },
    /// It prints so many lines, or some.
    List { lines: Option<u32> },
}

/// Where a copy goes.
pub(super) enum Destination {
    /// To a path of this machine, which may be below what a server shows.
    Path(PathBuf),
    /// To a bucket, whose disk holds it in a form of its own.
    Bucket(Bucket),
}

impl From<PathBuf> for Destination {
    fn from(path: PathBuf) -> Self {
        Self::Path(path)
    }
}

impl Destination {
    fn disk(&self) -> &Path {
        match self {
            Self::Path(path) => path,
            Self::Bucket(bucket) => &bucket.data,
        }
    }

    fn remove(&self) -> Result<()> {
        match self {
            Self::Path(path) if path.is_dir() => remove_tree(path),
            Self::Path(path) => remove(path),
            Self::Bucket(bucket) => bucket.remove(),
        }
    }

    /// What arrived, where it can be looked at; what was fetched for that is removed afterwards.
    fn arrived(&self, place: &Path) -> Result<PathBuf> {
        match self {
            Self::Path(path) => Ok(path.clone()),
            Self::Bucket(bucket) => bucket.fetch(place),
        }
    }
}

/// One group of the table.
pub(super) struct Contest {
    pub(super) group: String,
    pub(super) task: Task,
    pub(super) clients: Vec<Client>,
    /// The working directory of the clients.
    pub(super) place: PathBuf,
}

impl Contest {
    /// Lets every client run `runs` times, one after the other in each round. Each round begins with another client, as
    /// what one leaves to the disk is in the way of the next. A client that failed once is out.
    pub(super) fn hold(&self, runs: u32, interrupt: &Interrupt) -> Result<Group> {
        let mut rows: Vec<Row> = self.clients.iter().map(row).collect();
        for round in 1..=runs {
            for turn in 0..rows.len() {
                let turn = (turn + round as usize) % rows.len();
                let (client, row) = (&self.clients[turn], &mut rows[turn]);
                let (Some(line), None) = (client.command_line(), &row.problem) else { continue };
                eprintln!("{} {round}/{runs}: {}", self.group, client.name);
                match self.one_run(&line, interrupt) {
                    Ok(sample) => row.samples.push(sample),
                    Err(error) => row.problem = Some(format!("FAILED: {error:#}")),
                }
                if interrupt.received().is_some() {
                    bail!("interrupted");
                }
            }
        }
        Ok(Group { name: self.group.clone(), bytes: self.bytes()?, rows })
    }

    fn one_run(&self, line: &[&std::ffi::OsStr], interrupt: &Interrupt) -> Result<Sample> {
        match &self.task {
            Task::Copy { source, destination } => self.one_copy(line, (source, destination), compare, interrupt),
            Task::Tree { source, destination, .. } => {
                self.one_copy(line, (source, destination), compare_trees, interrupt)
            }
            Task::Read { before, .. } => self.one_after(before.as_deref(), line, interrupt),
            Task::Run { before } => self.one_after(Some(before), line, interrupt),
            Task::List { lines: expected } => {
                let (sample, lines) = measure::list(line, &self.place, interrupt)?;
                let right = expected.map_or(lines > 0, |expected| lines == expected);
                ensure!(right, "{lines} lines for {} entries", expected.unwrap_or(1));
                Ok(sample)
            }
        }
    }

    fn one_after(
        &self,
        before: Option<&[OsString]>,
        line: &[&std::ffi::OsStr],
        interrupt: &Interrupt,
    ) -> Result<Sample> {
        if let Some(before) = before {
            let before: Vec<&std::ffi::OsStr> = before.iter().map(OsString::as_os_str).collect();
            measure::timed(&before, &self.place, interrupt)?;
        }
        measure::timed(line, &self.place, interrupt)
    }

    fn one_copy(
        &self,
        line: &[&std::ffi::OsStr],
        (source, destination): (&Path, &Destination),
        compare: fn(&Path, &Path) -> Result<()>,
        interrupt: &Interrupt,
    ) -> Result<Sample> {
        destination.remove()?;
        measure::sync(&self.place)?;
        let sample = measure::copy(line, destination.disk(), &self.place, interrupt)?;
        let arrived = destination.arrived(&self.place)?;
        compare(source, &arrived)?;
        Destination::Path(arrived).remove()?;
        destination.remove()?;
        Ok(sample)
    }

    fn bytes(&self) -> Result<Option<u64>> {
        match &self.task {
            Task::Copy { source, .. } | Task::Read { source, .. } => {
                Ok(Some(fs::metadata(source).context("size of the source")?.len()))
            }
            Task::Tree { bytes, .. } => Ok(Some(*bytes)),
            Task::List { .. } | Task::Run { .. } => Ok(None),
        }
    }
}

fn row(client: &Client) -> Row {
    let (kind, problem) = match &client.program {
        Program::Law(_) => (Kind::Law, None),
        Program::Peer(_) => (Kind::Peer, None),
        Program::Absent(reason) => (Kind::Peer, Some(reason.clone())),
    };
    Row { client: client.name, version: client.version(), kind, problem, samples: Vec::new() }
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).with_context(|| path.display().to_string()),
        _ => Ok(()),
    }
}

fn remove_tree(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).with_context(|| path.display().to_string()),
        _ => Ok(()),
    }
}

fn compare_trees(source: &Path, destination: &Path) -> Result<()> {
    let status = Command::new("diff").arg("-rq").args([source, destination]).status().context("diff")?;
    ensure!(status.success(), "what arrived is not what the source has");
    Ok(())
}

/// Every byte, not only a hash of them.
fn compare(source: &Path, destination: &Path) -> Result<()> {
    let status = Command::new("cmp").arg("--silent").args([source, destination]).status().context("cmp")?;
    ensure!(status.success(), "the bytes that arrived are not those of the source");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_differ_are_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| directory.path().join(name));
        fs::write(&a, [0, 1, 2]).unwrap();
        assert!(compare(&a, &b).is_err(), "missing");
        for wrong in [&[0, 1][..], &[0, 1, 3], &[0, 1, 2, 3]] {
            fs::write(&b, wrong).unwrap();
            assert!(compare(&a, &b).is_err(), "{wrong:?}");
        }
        fs::write(&b, [0, 1, 2]).unwrap();
        compare(&a, &b).unwrap();
        remove(&b).unwrap();
        remove(&b).unwrap();
    }
}
