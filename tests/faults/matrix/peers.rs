//! The same faults for the clients that people use today: one bad door, a file down and a file up.

use std::fs;
use std::path::Path;
use std::process::Command;

use law_faults::{FaultProxy, Script};

use super::cell::WALL;
use super::judge::Left;
use super::rows::Row;
use super::world::{Place, World, content, measured};
use super::{Action, all};
use crate::sandbox::Sandbox;

/// A client, and its command lines: `URL` and `FILE` stand for the two ends, `REMOTE` for the URL in the words of rclone.
struct Peer {
    name: &'static str,
    down: &'static str,
    up: &'static str,
}

const PEERS: [Peer; 5] = [
    Peer {
        name: "curl",
        down: "curl -q -fsSL --noproxy * -o FILE URL",
        up: "curl -q -fsSL --noproxy * -o /dev/null -T FILE URL",
    },
    Peer {
        name: "davix",
        down: "davix-get --retry 2 --retry-delay 1 URL FILE",
        up: "davix-put --retry 2 --retry-delay 1 FILE URL",
    },
    Peer { name: "gfal-copy", down: "gfal-copy URL file://FILE", up: "gfal-copy file://FILE URL" },
    Peer {
        name: "rclone",
        down: "rclone copyto --low-level-retries 2 --retries 1 REMOTE FILE",
        up: "rclone copyto --low-level-retries 2 --retries 1 FILE REMOTE",
    },
    Peer { name: "xrdcp", down: "xrdcp -s URL FILE", up: "xrdcp -s FILE URL" },
];

/// What became of a copy; no code is one that did not end in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) code: Option<i32>,
    pub(super) left: Left,
}

/// What was measured of a client.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) commands: [&'static str; 2],
    /// Why there is nothing more.
    pub(super) absent: Option<String>,
    pub(super) version: String,
    pub(super) outcomes: Vec<Met>,
}

/// A fault, and what became of a copy that met it.
pub(super) struct Met {
    pub(super) action: Action,
    pub(super) fault: &'static str,
    pub(super) outcome: Outcome,
}

/// Meets the faults of downloads and uploads with every client that is installed. Each has a server of its own, as one that
/// was left in the middle too often may not be well any more.
pub(super) fn run(rows: &[Row]) -> Vec<Column> {
    PEERS.iter().map(|peer| measured(|world| peer.column(world, rows)).1).collect()
}

impl Peer {
    fn column(&self, world: &World, rows: &[Row]) -> Column {
        let absent = self.cannot_run(world, 0);
        let mut column = Column {
            name: self.name,
            commands: [self.down, self.up],
            version: if absent.as_deref() == Some(NOT_INSTALLED) {
                String::new()
            } else {
                version(self.program(), "--version")
            },
            absent,
            outcomes: Vec::new(),
        };
        if column.absent.is_none() {
            let copies =
                |row: &&Row| matches!(row.action, Action::Download | Action::Upload) && !row.is_of_publishing();
            let cells: Vec<_> =
                rows.iter().filter(copies).flat_map(|row| row.rules.iter().map(move |rule| (row, rule))).collect();
            column.outcomes = all(&cells, |place, (row, rule)| {
                let script = format!("{}{rule}", row.before);
                let (outcome, _) = self.copy(world, 10 + place, row.action, &script, row.tls);
                Met { action: row.action, fault: row.name, outcome }
            });
        }
        column
    }

    fn program(&self) -> &str {
        self.down.split(' ').next().unwrap_or_default()
    }

    /// Why nothing can be measured, in the words of the client where it has some.
    fn cannot_run(&self, world: &World, number: usize) -> Option<String> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        if !std::env::split_paths(&path).any(|directory| directory.join(self.program()).is_file()) {
            return Some(NOT_INSTALLED.to_owned());
        }
        let both = [(Action::Download, number), (Action::Upload, number + 1)];
        let fails = |(action, number)| {
            let (outcome, stderr) = self.copy(world, number, action, "", false);
            let why = stderr.lines().last().unwrap_or_default().to_owned();
            (outcome != Outcome { code: Some(0), left: Left::Right }).then(|| format!("fails without any fault: {why}"))
        };
        both.into_iter().find_map(fails)
    }

    fn copy(&self, world: &World, number: usize, action: Action, script: &str, tls: bool) -> (Outcome, String) {
        let (place, sandbox) = (world.place(number), Sandbox::new());
        let proxy = FaultProxy::start_blocking(world.address(), script.parse::<Script>().unwrap()).unwrap();
        let url = if tls { format!("https://{}", proxy.address()) } else { proxy.url().to_owned() };
        sandbox.write("source", content());
        let remote = if action == Action::Download { "file" } else { "new" };
        let local = sandbox.path(if action == Action::Download { "copy" } else { "source" });
        let run = sandbox.finish(self.command(&sandbox, action, &url, &place, remote, &local));
        drop(proxy);
        let path = if action == Action::Download { local } else { place.disk.join(remote) };
        let left = Left::of(fs::read(path).ok());
        let _ = fs::remove_dir_all(&place.disk);
        (Outcome { code: run.code.filter(|code| ![124, 137].contains(code)), left }, run.stderr)
    }

    fn command(
        &self,
        sandbox: &Sandbox,
        action: Action,
        url: &str,
        place: &Place,
        name: &str,
        local: &Path,
    ) -> Command {
        let path = format!("{}/{name}", place.name);
        let remote = format!(":webdav,url='{url}',vendor=other:{path}");
        let line = if action == Action::Download { self.down } else { self.up };
        let mut command = sandbox.program("timeout");
        command.args(["-k", "5", WALL]).env("GFAL_PYTHONBIN", "/usr/bin/python3");
        for word in line.split(' ') {
            let word = word.replace("URL", &format!("{url}/{path}")).replace("REMOTE", &remote);
            command.arg(word.replace("FILE", local.to_str().unwrap()));
        }
        command
    }
}

const NOT_INSTALLED: &str = "not installed";

/// The first word with a number that a program says about itself.
pub(super) fn version(program: &str, option: &str) -> String {
    let mut command = Command::new(program);
    let output = command.arg(option).env("GFAL_PYTHONBIN", "/usr/bin/python3").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let is_version = |word: &&str| word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit());
    said.split_whitespace().find(is_version).unwrap_or("unknown").trim_start_matches('v').to_owned()
}
