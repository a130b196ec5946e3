//! Real servers, as `cargo xtask test` starts them and names them in the environment.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use law_backends::webdav::WebDav;
use law_storage::{Backend, EndpointSettings, Location, Path, RemoteUrl, Url};

/// The value of `LAW_TEST_<key>`. Without it the test is skipped, and fails where everything must be there.
pub(crate) fn setting(key: &str) -> Option<String> {
    let name = format!("LAW_TEST_{key}");
    let value = std::env::var(&name).ok();
    if value.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{name} is not set, and CI must not skip");
        println!("skipped: {name} is not set (export $(cargo xtask servers up))");
    }
    value
}

/// A URL in its parts.
pub(crate) fn remote(url: &str) -> RemoteUrl {
    match Url::parse(url).unwrap().location() {
        Location::Remote(remote) => remote.clone(),
        other => panic!("{other} is not remote"),
    }
}

/// A client of `url`, and a fresh directory there.
pub(crate) fn webdav(url: &str, settings: &EndpointSettings) -> (Arc<dyn Backend>, Path) {
    let remote = remote(url);
    let backend = WebDav::new(&remote, settings).unwrap();
    (Arc::new(backend), fresh(remote.path()))
}

/// A name below `base` that no other test and no earlier run has.
pub(crate) fn fresh(base: &Path) -> Path {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    base.child(format!("law-{}-{}-{number}", std::process::id(), now.as_nanos())).unwrap()
}

/// A server of this test alone, stopped when this is dropped.
pub(crate) struct OwnServer {
    script: PathBuf,
    directory: tempfile::TempDir,
    endpoints: String,
}

impl OwnServer {
    /// Starts `fixtures/servers/NAME.sh`; none where it cannot run, which fails where everything must be there.
    pub(crate) fn start(name: &str) -> Option<Self> {
        let servers = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/servers");
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
    pub(crate) fn endpoint(&self, key: &str) -> &str {
        let value = |line: &'_ str| line.strip_prefix(key)?.strip_prefix('=').map(str::len);
        let line = self.endpoints.lines().find(|line| value(line).is_some()).unwrap();
        &line[key.len() + 1..]
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
