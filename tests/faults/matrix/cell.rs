//! One cell: a fault, doors, and a command of `law`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Instant;

use law_faults::{Fault, FaultProxy, Script};

use super::judge::{Verdict, judge};
use super::rows::{Remedy, Row};
use super::world::{OLD, Place, World, content};
use super::{Action, Doors};
use crate::sandbox::Sandbox;

/// A cell that takes longer hangs.
pub(super) const WALL: &str = "60";

/// The settings of every command: the defaults, but for waiting.
pub(super) const IMPATIENT: &str = "--set fs.*.timeouts.stall=1s --set fs.*.timeouts.first_byte=2s \
    --set fs.*.timeouts.continue_wait=1s --set fs.*.timeouts.connect=2s --set fs.*.timeouts.tls=2s --set fs.*.deadline=10s";

#[derive(Clone, Copy)]
pub(super) struct Cell<'a> {
    pub(super) row: &'a Row,
    pub(super) offset: usize,
    pub(super) doors: Doors,
    /// The storage has a cache before it, in which nothing is yet.
    pub(super) cached: bool,
}

impl Cell<'_> {
    pub(super) fn script(&self) -> String {
        let end = if self.doors == Doors::Once { " once" } else { "" };
        format!("{}{}{end}", self.row.before, self.row.rules[self.offset])
    }

    /// Whether its client can meet the fault at all: the server itself speaks no TLS, so that one broken handshake says nothing.
    pub(super) fn makes_sense(&self) -> bool {
        !(self.row.tls && self.doors == Doors::Once)
    }

    /// Whether a run without the fault proves nothing. A broken read goes on at another door, and a random plan may do nothing.
    pub(super) fn must_be_met(&self) -> bool {
        let goes_on_elsewhere = self.row.action == Action::Download && !self.row.before.is_empty();
        !(self.row.is_random() || goes_on_elsewhere && self.doors.count() > 1)
    }

    /// Whether there is a way to what was asked for.
    pub(super) fn can_succeed(&self) -> bool {
        match self.row.remedy {
            Remedy::Nothing => false,
            Remedy::Door => self.doors.count() > 1,
            Remedy::Attempt => self.doors != Doors::One,
            Remedy::None => true,
        }
    }

    pub(super) fn run(&self, world: &World, number: usize) -> Verdict {
        let place = world.place(number);
        let stage = CellStage::new(self, world, &place);
        let started = Instant::now();
        let run = stage.sandbox.finish(stage.command(self.row.action));
        let took = started.elapsed();
        let met = stage.bad.iter().any(|proxy| self.has_met(proxy));
        let done = stage.counter.requests();
        // The server itself speaks no TLS, so that such a door is never well.
        let looks = self.cached && !self.row.tls;
        let left_wrong = looks && !stage.reads_right_once_all_is_well();
        let sandbox = stage.end();
        let mut verdict = judge(self, &run, &sandbox, &place, &done);
        if left_wrong {
            verdict.broken.push("what is in the cache is not right".to_owned());
        }
        // What the server has of this cell is not needed any more, and may be large in sum.
        let _ = fs::remove_dir_all(&place.disk);
        Verdict { met, took, ..verdict }
    }

    /// Whether the fault has happened there; what prepares it does not count.
    fn has_met(&self, proxy: &FaultProxy) -> bool {
        let rule = &self.row.rules[self.offset];
        let is_it = |fault: &Fault| self.row.is_random() || rule.ends_with(&format!(" {fault}"));
        let requests = proxy.requests();
        let mut faults = requests.iter().filter(|seen| seen.fired).filter_map(|seen| seen.fault.as_ref());
        proxy.broken_connections() > 0 || faults.any(is_it)
    }
}

/// A storage with doors as the cell wants them, and a place to work in.
struct CellStage {
    sandbox: Sandbox,
    bad: Vec<FaultProxy>,
    _good: Vec<FaultProxy>,
    /// All doors lead to it, and it sees what the server has really done.
    counter: FaultProxy,
}

impl CellStage {
    fn new(cell: &Cell<'_>, world: &World, place: &Place) -> Self {
        let counter = FaultProxy::start_blocking(world.address(), Script::new()).unwrap();
        let door = |script: &str| FaultProxy::start_blocking(counter.address(), script.parse().unwrap()).unwrap();
        let bad: Vec<_> = (0..cell.doors.bad()).map(|_| door(&cell.script())).collect();
        let good: Vec<_> = (bad.len()..cell.doors.count()).map(|_| door("")).collect();
        let sandbox = Sandbox::new();
        let mut settings = configuration(cell, &bad, &good, place);
        if cell.cached {
            settings += &format!("[fs.three.cache]\n[cache]\ndir = \"{}\"\n", sandbox.path("cache").display());
            settings += "block_size = \"64K\"\n";
        }
        sandbox.write("law.toml", settings);
        sandbox.write("copies/old", OLD);
        sandbox.write("new", content());
        fs::create_dir(sandbox.path("runtime")).unwrap();
        fs::set_permissions(sandbox.path("runtime"), Permissions::from_mode(0o700)).unwrap();
        Self { sandbox, bad, _good: good, counter }
    }

    /// Whether the file comes through the same cache as it is, whatever a broken network has left there.
    fn reads_right_once_all_is_well(&self) -> bool {
        self.bad.iter().for_each(|proxy| proxy.set_script(Script::new()));
        let read = |line: &str| self.sandbox.fs(&format!("{IMPATIENT} {line}"));
        let copied = read("cp -q three:file second");
        let right = self.sandbox.read("second").is_some_and(|bytes| bytes == content());
        copied.code == Some(0) && right && read("cat three:file").stdout == content()
    }

    /// Closes all connections: what the server does now is what it has done.
    fn end(self) -> Sandbox {
        self.sandbox
    }

    /// Ended by `timeout` if it hangs.
    fn command(&self, action: Action) -> Command {
        let line = match action {
            Action::Download => "cp -q -f three:file copies/old",
            Action::Upload => "cp -q -f new three:old",
            Action::List => "ls three:many",
            Action::Rename => "mv three:old three:moved",
            Action::Remove => "rm three:old",
        };
        let mut command = self.sandbox.program("timeout");
        command.args(["-k", "5", WALL, env!("CARGO_BIN_EXE_law"), "fs"]).args(IMPATIENT.split_whitespace());
        command.args(line.split(' ')).env("XDG_RUNTIME_DIR", self.sandbox.path("runtime"));
        command
    }
}

/// The bad doors are drawn first, so that they are met.
fn configuration(cell: &Cell<'_>, bad: &[FaultProxy], good: &[FaultProxy], place: &Place) -> String {
    let scheme = if cell.row.tls { "davs" } else { "dav" };
    let bad = bad.iter().map(|proxy| format!("{{ url = \"{scheme}://{}\", weight = 1000.0 }}", proxy.address()));
    let good = good.iter().map(|proxy| format!("{{ url = \"dav://{}\", weight = 0.001 }}", proxy.address()));
    let doors: Vec<_> = bad.chain(good).collect();
    format!("[fs.three]\ndoors = [{}]\nbase = \"/{}\"\ndoor_policy = \"random\"\n", doors.join(", "), place.name)
}
