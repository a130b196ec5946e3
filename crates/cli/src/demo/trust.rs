//! The acts about trust: a network that flips a byte, and a door that dies.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use law_faults::FaultProxy;
use law_storage::{Algorithm, Hasher, Result};

use super::{Stage, expect, law_fs, say, unexpected};
use crate::exit;

/// How long another tool may take for a file of a few kilobytes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Other tools that get a file by HTTP, and their words for it: `URL` and `HERE` are replaced.
const PEERS: [&[&str]; 4] = [
    &["curl", "-sSfo", "HERE", "URL"],
    &["davix-get", "URL", "HERE"],
    &["gfal-copy", "-f", "URL", "file://HERE"],
    &["rclone", "copyurl", "URL", "HERE"],
];

/// Shows what the other tools that are installed here make of a file on this way.
pub(super) fn others(stage: &Stage, url: &str, right: &[u8]) -> Result<()> {
    say(format!("The file's checksum is adler32 {}. What is installed here gets it first:", adler32(right)))?;
    let mut asked = 0;
    for words in PEERS {
        let here = stage.directory.path().join("theirs.npz");
        let words: Vec<String> =
            words.iter().map(|word| word.replace("URL", url).replace("HERE", &here.to_string_lossy())).collect();
        let Some(status) = run(&words)? else { continue };
        asked += 1;
        say(format!("$ {}; echo $?\n{}", words.join(" "), told(status)))?;
        say(verdict(&here, right))?;
        // Some leave nothing.
        let _ = std::fs::remove_file(&here);
    }
    if asked == 0 { say("(neither curl nor davix, gfal2 or rclone is installed)") } else { Ok(()) }
}

/// None if there is no such program, or if it cannot run here (126 and 127, as of a shell).
fn run(words: &[String]) -> Result<Option<ExitStatus>> {
    let quiet = || (Stdio::null(), Stdio::null(), Stdio::null());
    let (stdin, stdout, stderr) = quiet();
    let child = Command::new(&words[0]).args(&words[1..]).stdin(stdin).stdout(stdout).stderr(stderr).spawn();
    let mut child = match child {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok((!matches!(status.code(), Some(126 | 127))).then_some(status));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill()?;
    Ok(Some(child.wait()?))
}

fn told(status: ExitStatus) -> String {
    status.code().map_or("(killed, as it did not end)".into(), |code| code.to_string())
}

fn verdict(copy: &Path, right: &[u8]) -> String {
    match std::fs::read(copy) {
        Err(_) => "no file".into(),
        Ok(bytes) if bytes == right => format!("adler32 {}: the right bytes", adler32(&bytes)),
        Ok(bytes) => format!("adler32 {}: not the bytes of the file", adler32(&bytes)),
    }
}

fn adler32(bytes: &[u8]) -> String {
    let mut hasher = Hasher::new([Algorithm::Adler32]);
    hasher.update(bytes);
    hasher.finish().first().map(|digest| digest.hex()).unwrap_or_default()
}

/// Large enough that a door can die in the middle, at the speed that the doors have.
const SIZE: usize = 24 << 20;

/// A copy from three doors, of which the one that is used dies.
pub(super) fn dying_door(stage: &Stage) -> Result<()> {
    let content: Vec<u8> = (0..SIZE / 4).flat_map(|n| (n as u32).wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    std::fs::write(stage.directory.path().join("storage/large.bin"), &content)?;
    let doors = Doors::open(stage)?;
    let copy: PathBuf = stage.directory.path().join("large.bin");
    let watcher = std::thread::spawn({
        let doors = doors.clone();
        move || doors.kill_the_one_in_use()
    });
    let setting = format!("fs.three.doors={}", doors.urls.join(","));
    law_fs(&["cp", "--set", &setting, "three:large.bin", &copy.to_string_lossy()], exit::OK)?;
    let killed = watcher.join().map_err(|_| unexpected("the watcher of the doors panicked"))?;
    let killed = killed.ok_or_else(|| unexpected("no door was in use"))?;
    expect(std::fs::read(&copy)? == content, "the copy has the bytes of the file")?;
    let resumed = doors.resumed_at().ok_or_else(|| unexpected("no other door went on"))?;
    std::fs::remove_file(&copy)?;
    say(format!(
        "{killed} was killed in the middle; another door went on from byte {resumed}, and the whole was proven."
    ))
}

/// Three ways to the server, slow enough to watch.
#[derive(Clone)]
struct Doors {
    urls: Vec<String>,
    open: Arc<Mutex<Vec<Option<FaultProxy>>>>,
}

impl Doors {
    fn open(stage: &Stage) -> Result<Self> {
        let slow = "GET /large.bin bandwidth 12000000";
        let script = || slow.parse().map_err(|error| unexpected(format!("the demo's script: {error}")));
        let address = stage.address()?;
        let open = (0..3).map(|_| Ok(FaultProxy::start_blocking(address, script()?)?)).collect::<Result<Vec<_>>>()?;
        let urls = open.iter().map(|proxy| proxy.url().trim_end_matches('/').to_owned()).collect();
        Ok(Self { urls, open: Arc::new(Mutex::new(open.into_iter().map(Some).collect())) })
    }

    /// Its URL; none if nobody asked for the file.
    fn kill_the_one_in_use(&self) -> Option<String> {
        const MIDDLE: Duration = Duration::from_millis(700);
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            let in_use = self.lock().iter().position(|door| door.as_ref().is_some_and(gives_the_file));
            if let Some(at) = in_use {
                std::thread::sleep(MIDDLE);
                let door = self.lock()[at].take()?;
                let url = door.url().to_owned();
                door.stop();
                return Some(url);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    /// Where a door went on with the file.
    fn resumed_at(&self) -> Option<String> {
        let from = |range: &str| Some(range.strip_prefix("bytes=")?.split_once('-')?.0.to_owned());
        let all: Vec<_> = self.lock().iter().flatten().flat_map(FaultProxy::requests).collect();
        all.iter().find_map(|seen| from(seen.header("range")?))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Option<FaultProxy>>> {
        // A list of servers is right whatever panicked beside it.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gives_the_file(door: &FaultProxy) -> bool {
    door.requests().iter().any(|seen| seen.method == "GET" && seen.status.is_some())
}
