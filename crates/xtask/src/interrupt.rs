//! Ctrl-C and SIGTERM end the command that runs, not this program, so that it can stop the servers it started.

use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{io, os::unix::process::CommandExt, thread};

use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Catches signals for the rest of the process and passes them to the one command that runs.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    received: Option<i32>,
    running: Option<Pid>,
}

impl Interrupt {
    /// Catches SIGINT, SIGTERM and SIGHUP from now on.
    pub(crate) fn install() -> io::Result<Self> {
        let interrupt = Self(Arc::default());
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let handler = interrupt.clone();
        thread::spawn(move || signals.forever().for_each(|signal| handler.receive(signal)));
        Ok(interrupt)
    }

    /// The first signal that arrived, if one did.
    pub(crate) fn received(&self) -> Option<i32> {
        self.state().received
    }

    /// Starts a command in a process group of its own, with no standard input.
    pub(crate) fn spawn(&self, command: &mut Command) -> io::Result<Supervised> {
        // Held while spawning: a signal between the start and the note of it would be lost.
        let mut state = self.state();
        if state.received.is_some() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let child = command.process_group(0).stdin(std::process::Stdio::null()).spawn()?;
        state.running = Some(Pid::from_child(&child));
        Ok(Supervised { child, interrupt: self.clone() })
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, command: &mut Command) -> io::Result<ExitStatus> {
        self.spawn(command)?.wait()
    }

    fn receive(&self, signal: i32) {
        let mut state = self.state();
        state.received.get_or_insert(signal);
        if let (Some(group), Some(signal)) = (state.running, Signal::from_named_raw(signal)) {
            // It may have ended by itself.
            let _ = kill_process_group(group, signal);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A command that receives the signals sent to this program.
pub(crate) struct Supervised {
    /// Its pipes may be taken; `wait` belongs to [`Supervised::wait`].
    pub(crate) child: Child,
    interrupt: Interrupt,
}

impl Supervised {
    /// Waits for its end.
    pub(crate) fn wait(mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait();
        self.interrupt.state().running = None;
        status
    }
}
