//! What a broken network or server does, seen from outside: downloads and uploads without retries, each with the code that it
//! must end with; and [`matrix`], everything with retries and doors.
//!
//! The property: exit 0 if and only if the destination is byte-identical. Else there is a code and one line that says
//! why, nothing new under the final name, the old file intact byte for byte, and no temporary file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails where it stands")]

#[path = "../sandbox/mod.rs"]
#[allow(dead_code, reason = "every test crate uses its part of it")]
mod sandbox;

mod download;
mod matrix;
mod third_party;
mod upload;

use std::fs;
use std::path::{Path, PathBuf};

use law_faults::{FaultProxy, Script};
use sandbox::{OwnServer, Run, Sandbox, Served, address_of, fresh, pattern, setting};

/// Bytes of the file that travels.
const SIZE: usize = 300_000;

/// Every stall is waited for.
const IMPATIENT: &str = "--set fs.*.retries=0 --set fs.*.timeouts.stall=200ms --set fs.*.timeouts.first_byte=400ms \
    --set fs.*.timeouts.continue_wait=200ms";

/// One way in which things go wrong, and the exit codes that tell it.
struct Case {
    /// For the proxy; `END` is the size of the file, and is subtracted from.
    script: &'static str,
    codes: &'static [i32],
}

const fn case(script: &'static str, codes: &'static [i32]) -> Case {
    Case { script, codes }
}

/// A directory of a server that is reached through a proxy, and where it is on this disk.
struct Stage {
    sandbox: Sandbox,
    disk: PathBuf,
    /// Path of the directory in URLs, from `/` to `/`.
    path: String,
    proxy: FaultProxy,
    /// They end with the stage.
    _ours: Option<Served>,
    _xrootd: Option<OwnServer>,
}

impl Stage {
    /// Over `law fs serve`.
    fn ours() -> Self {
        let sandbox = Sandbox::new();
        let server = sandbox.serve("served");
        let proxy = FaultProxy::start_blocking(server.address(), Script::new()).unwrap();
        let disk = sandbox.path("served");
        Self { sandbox, disk, path: "/".into(), proxy, _ours: Some(server), _xrootd: None }
    }

    /// Over a server that others wrote, and that has checksums.
    fn xrootd() -> Option<Self> {
        let server = OwnServer::start("xrootd")?;
        let (url, data) = (server.endpoint("XROOTD_HTTP"), server.endpoint("XROOTD_DATA"));
        let (sandbox, name) = (Sandbox::new(), fresh("faults"));
        assert_eq!(sandbox.fs(&format!("mkdir {url}/{name}")).code, Some(0));
        let proxy = FaultProxy::start_blocking(address_of(&url), Script::new()).unwrap();
        Some(Self {
            sandbox,
            disk: Path::new(&data).join(&name),
            path: format!("/{name}/"),
            proxy,
            _ours: None,
            _xrootd: Some(server),
        })
    }

    /// Over a server that replaces a file by the PUT itself.
    fn apache() -> Option<Self> {
        let (url, data) = (setting("APACHE_HTTP")?, setting("APACHE_DATA")?);
        let (sandbox, name) = (Sandbox::new(), fresh("faults"));
        assert_eq!(sandbox.fs(&format!("mkdir {url}/open/{name}")).code, Some(0));
        let proxy = FaultProxy::start_blocking(address_of(&url), Script::new()).unwrap();
        let disk = Path::new(&data).join("open").join(&name);
        Some(Self { sandbox, disk, path: format!("/open/{name}/"), proxy, _ours: None, _xrootd: None })
    }

    fn url(&self, name: &str) -> String {
        format!("{}{}{name}", self.proxy.url(), self.path)
    }

    /// Sends a file there, over a network that is well.
    fn put(&self, name: &str, content: &[u8]) {
        self.proxy.set_script(Script::new());
        assert_eq!(self.sandbox.fs_with_input(&format!("cp -qf - {}", self.url(name)), content).to_string(), "");
    }

    /// What the server has, by name.
    fn stored(&self) -> Vec<(String, Vec<u8>)> {
        let file = |entry: std::io::Result<fs::DirEntry>| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
        };
        let mut files: Vec<_> = fs::read_dir(&self.disk).unwrap().map(file).collect();
        files.sort();
        files
    }

    /// Runs a command over a network with this fault, which must have happened.
    fn run(&self, script: &str, line: &str) -> Run {
        let seen = self.proxy.requests().len();
        self.proxy.set_script(script.parse().unwrap());
        let run = self.sandbox.fs(&format!("{IMPATIENT} {line}"));
        self.proxy.set_script(Script::new());
        let requests = &self.proxy.requests()[seen..];
        let fired = script.contains("refuse") || requests.iter().any(|request| request.fired);
        assert!(fired, "`{script}` did not happen to `law fs {line}`: {requests:?}");
        run
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // The next run takes another directory.
        let _ = fs::remove_dir_all(&self.disk);
    }
}

/// Both kinds of servers, or the one that is there.
fn stages() -> Vec<Stage> {
    [Some(Stage::ours()), Stage::xrootd()].into_iter().flatten().collect()
}

/// Fails unless a failure was told as it should be.
fn assert_told(run: &Run, case: &Case, line: &str) {
    let code = run.code.unwrap_or(-1);
    assert!(
        case.codes.contains(&code),
        "`{}`, law fs {line}: exit {code} instead of {:?}: {run}",
        case.script,
        case.codes
    );
    assert!(!run.only_error().contains("panicked"), "{run}");
}
