//! A real server of one test alone.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A server of `fixtures/servers/` that ends with this.
///
/// XRootD 5.5.3 can close a connection twice, after a 404 or when its client has gone in the middle of a transfer, and then
/// never answers somebody else, or nobody any more: each test has a server of its own, and another one in its next try.
pub(crate) struct OwnServer {
    script: PathBuf,
    directory: TempDir,
    endpoints: String,
}

impl OwnServer {
    /// Starts `NAME.sh`; none where it cannot run, which fails where everything must be there.
    pub(crate) fn start(name: &str) -> Option<Self> {
        let servers = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/servers");
        let script = servers.join(name).with_extension("sh");
        let directory = tempfile::Builder::new().prefix("law-test-").tempdir_in("/var/tmp").unwrap();
        // The service account of the server has to enter it.
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let output = Command::new(&script).arg("start").arg(directory.path()).stdin(Stdio::null()).output().unwrap();
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{name} does not start: {reason}");
            println!("skipped: {name} does not start: {reason}");
            return None;
        }
        let endpoints = String::from_utf8_lossy(&output.stdout).into_owned();
        Some(Self { script, directory, endpoints })
    }

    /// What it told when it started.
    pub(crate) fn endpoint(&self, key: &str) -> String {
        let value = |line: &str| line.strip_prefix(key)?.strip_prefix('=').map(str::to_owned);
        self.endpoints.lines().find_map(value).unwrap()
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let stopped = Command::new(&self.script).arg("stop").arg(self.directory.path()).stdin(Stdio::null()).output();
        if let Err(error) = stopped {
            println!("cannot stop {}: {error}", self.script.display());
        }
    }
}
