//! Writers that are killed: nothing is half-visible, the old file stays, and a re-run completes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails where it stands")]

#[path = "sandbox/mod.rs"]
#[allow(dead_code, reason = "every test crate uses its part of it")]
mod sandbox;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Output};
use std::time::{Duration, Instant};

use law_faults::{FaultProxy, Script};
use rustix::process::Signal;

use sandbox::{OwnServer, Run, Sandbox, address_of, fresh, pattern, send, setting};

/// Large enough to be caught in the middle.
const SIZE: usize = 24_000_000;

/// After this many bytes a writer is killed: at once, early, in the middle, and when all but the proof is done.
const MOMENTS: [u64; 7] = [0, 1, 200_000, 6_000_000, 12_000_000, 23_000_000, SIZE as u64];

/// One directory of one storage, and where its bytes land on this machine.
struct Storage {
    sandbox: Sandbox,
    /// The directory as a user names it.
    place: String,
    /// The same directory, behind the server.
    disk: PathBuf,
    /// Where else the server puts bytes that arrive.
    spool: Option<PathBuf>,
    /// Whether a file that is replaced steps aside first, as the server cannot rename over it.
    steps_aside: bool,
    /// Ends with this.
    own: Option<OwnServer>,
}

impl Storage {
    fn local() -> Self {
        let sandbox = Sandbox::new();
        let disk = sandbox.path("there");
        fs::create_dir(&disk).unwrap();
        Self { sandbox, place: "there".into(), disk, spool: None, steps_aside: false, own: None }
    }

    /// A fresh directory on the server `KEY`, below `folder`.
    fn server(key: &str, folder: &str) -> Option<Self> {
        Some(Self::on(&setting(&format!("{key}_HTTP"))?, &setting(&format!("{key}_DATA"))?, folder))
    }

    /// A fresh directory on the server at `url`, which has its files in `data`.
    fn on(url: &str, data: &str, folder: &str) -> Self {
        let sandbox = Sandbox::new();
        let name = fresh("kill");
        let place = format!("{url}{folder}/{name}");
        assert_eq!(sandbox.fs(&format!("mkdir {place}")).code, Some(0));
        let disk = Path::new(&format!("{data}{folder}")).join(name);
        Self { sandbox, place, disk, spool: None, steps_aside: false, own: None }
    }

    /// Bytes in files that nobody was promised yet.
    fn bytes(&self) -> u64 {
        [Some(&self.disk), self.spool.as_ref()].into_iter().flatten().map(|directory| bytes_below(directory)).sum()
    }

    fn content(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.disk.join(name)).ok()
    }

    fn names(&self) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(&self.disk).unwrap().map(name).collect();
        names.sort();
        names
    }

    /// Starts an upload of `new`, and kills it when that many more bytes have landed; whether it was done before.
    fn kill_upload(&self, name: &str, after: u64) -> bool {
        let before = self.bytes();
        let mut child = self.sandbox.command(&format!("cp -q new {}/{name}", self.place)).spawn().unwrap();
        while after > 0 && child.try_wait().unwrap().is_none() && self.bytes() < before + after {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap().success()
    }

    /// What stands under a name after a kill is the whole new content or the old one, or nothing where nothing was.
    fn assert_whole(&self, name: &str, old: Option<&[u8]>, new: &[u8], done: bool) {
        let found = self.content(name);
        if found.as_deref() == Some(new) {
            return;
        }
        assert!(!done, "exit 0 without the new content of {name}");
        if found.is_none() && self.steps_aside && old.is_some() {
            let aside =
                self.names().into_iter().find(|n| n.starts_with(&format!(".{name}.")) && n.ends_with(".aside.lawpart"));
            assert!(self.content(&aside.unwrap()).as_deref() == old, "the old content of {name} stepped aside, whole");
            return;
        }
        let size = found.as_ref().map(Vec::len);
        assert!(found.as_deref() == old, "{name} has {size:?} bytes that are neither old nor new: {:?}", self.names());
    }

    fn upload(&self, name: &str) -> Run {
        self.sandbox.fs(&format!("cp -q new {}/{name}", self.place))
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        // The next run takes another directory.
        let _ = fs::remove_dir_all(&self.disk);
    }
}

fn bytes_below(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
        Ok(metadata) => metadata.len(),
        // It was renamed or removed meanwhile.
        Err(_) => 0,
    };
    entries.filter_map(Result::ok).map(size).sum()
}

fn new_files(storage: &Storage) {
    let new = pattern(SIZE, 7);
    storage.sandbox.write("new", &new);
    let names = MOMENTS.map(|moment| format!("new-{moment}"));
    for (name, moment) in names.iter().zip(MOMENTS) {
        let done = storage.kill_upload(name, moment);
        storage.assert_whole(name, None, &new, done);
    }
    // A server may go on with what it has; by now it has noticed that nobody is there.
    for name in &names {
        storage.assert_whole(name, None, &new, false);
    }
    assert_eq!(storage.upload(&names[3]).to_string(), "");
    assert!(storage.content(&names[3]).unwrap() == new);
}

fn overwritten_file(storage: &Storage) {
    let old = pattern(1_000_000, 1);
    storage.sandbox.write("new", &old);
    let new = pattern(SIZE, 8);
    for moment in MOMENTS {
        storage.sandbox.write("new", &old);
        assert_eq!(storage.upload("file").to_string(), "", "before {moment}");
        storage.sandbox.write("new", &new);
        let done = storage.kill_upload("file", moment);
        storage.assert_whole("file", Some(&old), &new, done);
    }
    assert_eq!(storage.upload("file").to_string(), "");
    assert!(storage.content("file").unwrap() == new);
}

fn kills(storage: Option<Storage>) {
    let Some(storage) = storage else { return };
    new_files(&storage);
    overwritten_file(&storage);
}

#[test]
fn kill_9_on_a_local_disk() {
    kills(Some(Storage::local()));
}

#[test]
fn kill_9_on_xrootd() {
    kills(xrootd());
}

#[test]
fn kill_9_on_apache() {
    kills(apache());
}

#[test]
fn kill_9_on_nginx() {
    kills(nginx());
}

#[test]
fn kill_9_on_rclone() {
    kills(rclone());
}

/// An upload, or a download, whose bytes stop on their way; the network stays as it is until the proxy is dropped.
struct Stalled {
    proxy: FaultProxy,
    child: Child,
}

impl Stalled {
    fn start(sandbox: &Sandbox, server: &str, script: &str, line: impl Fn(&str) -> String) -> Self {
        let (host, address) = host_of(server);
        let proxy = FaultProxy::start_blocking(address, script.parse::<Script>().unwrap()).unwrap();
        let through = server.replace(&host, &proxy.address().to_string());
        let child = sandbox.command(&line(&through)).spawn().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(proxy.wait_for(|seen| seen.iter().any(|request| request.fired)));
        Self { proxy, child }
    }

    fn upload(storage: &Storage, name: &str, at: usize) -> Self {
        let script = format!("PUT stall-upload at {at}");
        Self::start(&storage.sandbox, &storage.place, &script, |place| format!("cp new {place}/{name}"))
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        assert!(!self.child.wait().unwrap().success());
        self.proxy.stop();
    }

    /// Ends it as a person or a batch system does.
    fn end(self, signal: Signal) -> Output {
        send(&self.child, signal);
        self.child.wait_with_output().unwrap()
    }
}

/// Host and port in a URL, which may have a user.
fn host_of(url: &str) -> (String, std::net::SocketAddr) {
    let host = url.split(['/', '@']).find(|part| part.contains("127.0.0.1:")).unwrap().to_owned();
    let address = address_of(&format!("http://{host}"));
    (host, address)
}

/// A server takes a moment to notice that a client is gone, and to remove its own temporary file.
fn wait_for_names(storage: &Storage, expected: &[&str]) {
    let begin = Instant::now();
    while storage.names() != expected {
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?} instead of {expected:?}", storage.names());
        std::thread::yield_now();
    }
}

fn killed_in_the_middle(storage: &Storage) {
    let (old, new) = (pattern(300_000, 1), pattern(3_000_000, 2));
    for at in [1, 2_999_999] {
        storage.sandbox.write("new", &old);
        assert_eq!(storage.upload("file").to_string(), "");
        storage.sandbox.write("new", &new);
        Stalled::upload(storage, "file", at).kill();
        storage.assert_whole("file", Some(&old), &old, false);
        Stalled::upload(storage, "other", at).kill();
        storage.assert_whole("other", None, &[], false);
    }
    storage.assert_whole("file", Some(&old), &old, false);
    storage.assert_whole("other", None, &[], false);
    // What a killed writer leaves has a hidden name; not behind the server's back, which may remember what it has.
    assert_eq!(storage.sandbox.fs(&format!("rm -r {}", storage.place)).to_string(), "");
    assert_eq!(storage.sandbox.fs(&format!("mkdir {}", storage.place)).to_string(), "");
}

/// Waits until bytes have landed, sends the signal, and returns the exit code.
fn signal_upload(storage: &Storage, name: &str, after: u64, signal: Signal) -> Option<i32> {
    let before = storage.bytes();
    let mut child = storage.sandbox.command(&format!("cp -q new {}/{name}", storage.place)).spawn().unwrap();
    while child.try_wait().unwrap().is_none() && storage.bytes() < before + after {
        std::thread::yield_now();
    }
    if child.try_wait().unwrap().is_none() {
        send(&child, signal);
    }
    child.wait().unwrap().code()
}

fn signalled_while_bytes_flow(storage: &Storage) {
    let (old, new) = (pattern(300_000, 1), pattern(SIZE, 2));
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        for after in [1, 10_000_000] {
            storage.sandbox.write("new", &old);
            assert_eq!(storage.upload("file").to_string(), "");
            storage.sandbox.write("new", &new);
            let ended = signal_upload(storage, "file", after, signal);
            wait_for_names(storage, &["file"]);
            // It may have been faster than we are.
            let expected = if ended == Some(0) { &new } else { &old };
            assert!(storage.content("file").unwrap() == *expected, "after {after} bytes: {ended:?}");
            assert!([Some(0), Some(code)].contains(&ended), "{ended:?}");
        }
    }
}

/// The network hangs, so that this is in the middle for certain.
fn signalled_in_the_middle(storage: &Storage) {
    let (old, new) = (pattern(300_000, 1), pattern(3_000_000, 2));
    storage.sandbox.write("new", &old);
    assert_eq!(storage.upload("file").to_string(), "");
    storage.sandbox.write("new", &new);
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        for (name, at) in [("file", 1), ("file", 2_000_000), ("other", 2_000_000)] {
            let run = Run::new(Stalled::upload(storage, name, at).end(signal), &storage.sandbox.path(".."));
            assert_eq!((run.code, run.text()), (Some(code), ""), "{name}: {run}");
            assert!(run.only_error().contains("cancelled"), "{run}");
            wait_for_names(storage, &["file"]);
            assert!(storage.content("file").unwrap() == old, "the old file is untouched");
        }
    }
    assert_eq!(storage.upload("file").to_string(), "");
    assert!(storage.content("file").unwrap() == new);
}

fn stops(storage: Option<Storage>) {
    let Some(storage) = storage else { return };
    killed_in_the_middle(&storage);
    signalled_while_bytes_flow(&storage);
    // rclone locks a file until its client is gone, which the network that hangs does not tell.
    if !storage.steps_aside {
        signalled_in_the_middle(&storage);
    }
}

#[test]
fn stopped_in_the_middle_on_xrootd() {
    stops(xrootd());
}

#[test]
fn stopped_in_the_middle_on_apache() {
    stops(apache());
}

#[test]
fn stopped_in_the_middle_on_nginx() {
    stops(nginx());
}

#[test]
fn stopped_in_the_middle_on_rclone() {
    stops(rclone());
}

#[test]
fn stopped_in_the_middle_on_our_own_server() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve("there");
    let disk = sandbox.path("there/below");
    let place = format!("{}below", server.url);
    assert_eq!(sandbox.fs(&format!("mkdir {place}")).code, Some(0));
    stops(Some(Storage { sandbox, place, disk, spool: None, steps_aside: false, own: None }));
}

#[test]
fn a_download_that_is_stopped_leaves_the_old_file_and_nothing_else() {
    let storage = Storage::local();
    let (old, new) = (pattern(300_000, 1), pattern(3_000_000, 2));
    let server = storage.sandbox.serve("served");
    storage.sandbox.write("served/f", &new);
    storage.sandbox.write("there/file", &old);
    for (signal, code) in [(Signal::INT, Some(130)), (Signal::TERM, Some(143)), (Signal::KILL, None)] {
        for name in ["file", "other"] {
            let line = |url: &str| format!("cp {url}f there/{name}");
            let stalled = Stalled::start(&storage.sandbox, &server.url, "GET stall at 2000000", line);
            assert_eq!(stalled.end(signal).status.code(), code);
            storage.assert_whole("file", Some(&old), &old, false);
            storage.assert_whole("other", None, &[], false);
            if code.is_some() {
                assert_eq!(storage.names(), ["file"]);
            }
        }
    }
    assert_eq!(storage.sandbox.fs(&format!("cp -q {}f there/file", server.url)).to_string(), "");
    assert!(storage.content("file").unwrap() == new);
}

#[test]
fn a_local_copy_that_is_interrupted_leaves_nothing() {
    let storage = Storage::local();
    let new = pattern(SIZE, 3);
    storage.sandbox.write("new", &new);
    for after in [1, 4_000_000, 20_000_000] {
        let mut child = storage.sandbox.command("cp -q new there/file").spawn().unwrap();
        while child.try_wait().unwrap().is_none() && storage.bytes() < after {
            std::thread::yield_now();
        }
        // It may be faster than we are.
        let done = child.try_wait().unwrap().is_some();
        if !done {
            send(&child, Signal::TERM);
        }
        match child.wait().unwrap().code() {
            Some(0) => assert!(storage.content("file").unwrap() == new),
            code => assert_eq!((code, storage.names()), (Some(143), vec![])),
        }
        let _ = fs::remove_file(storage.disk.join("file"));
    }
}

fn xrootd() -> Option<Storage> {
    let own = OwnServer::start("xrootd")?;
    let mut storage = Storage::on(&own.endpoint("XROOTD_HTTP"), &own.endpoint("XROOTD_DATA"), "");
    storage.own = Some(own);
    Some(storage)
}

fn apache() -> Option<Storage> {
    Storage::server("APACHE", "/open")
}

fn nginx() -> Option<Storage> {
    let mut storage = Storage::server("NGINX", "/open")?;
    storage.spool = storage.disk.ancestors().nth(3).map(|home| home.join("tmp/body"));
    Some(storage)
}

fn rclone() -> Option<Storage> {
    let url = setting("RCLONE_HTTP")?.replace("http://", "http://alice:secret@");
    let mut storage = Storage::on(&url, &setting("RCLONE_DATA")?, "");
    storage.steps_aside = true;
    Some(storage)
}
