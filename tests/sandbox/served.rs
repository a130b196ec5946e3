//! `law fs serve`, running.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, ExitStatus};

use rustix::process::{Pid, Signal, kill_process};

/// Sends a signal to a program that was started here.
pub(crate) fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// A server that ends with this.
pub(crate) struct Served {
    child: Child,
    /// With a slash at its end.
    pub(crate) url: String,
    // A closed pipe could disturb it.
    _stdout: BufReader<ChildStdout>,
}

impl Served {
    /// Starts it, and waits until it says where.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stderr(std::process::Stdio::inherit()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut url = String::new();
        stdout.read_line(&mut url).unwrap();
        assert!(url.starts_with("http://127.0.0.1:"), "it does not serve: {url:?}");
        Self { child, url: url.trim_end().to_owned(), _stdout: stdout }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        address_of(&self.url)
    }

    /// Ends it as a batch system would.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        send(&self.child, Signal::TERM);
        self.child.wait().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have been stopped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in an `http://` URL.
pub(crate) fn address_of(url: &str) -> SocketAddr {
    let rest = url.strip_prefix("http://").unwrap();
    rest.split('/').next().unwrap().parse().unwrap()
}
