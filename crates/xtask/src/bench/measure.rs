//! One timed run of one command.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

use crate::interrupt::Interrupt;

/// GNU time. The memory of a process that this program started itself could not be told from our own: the kernel
/// counts what the parent used until the program was executed.
pub(super) const CLOCK: &str = "/usr/bin/time";

/// What the clients of buckets read, in the working directory.
pub(super) const AWS_CONFIG: &str = "aws";

/// A client that takes longer than this many seconds counts as failed.
const PATIENCE: &str = "900";

/// What the certificate bundles and proxies of the machine would change.
const FOREIGN_VARIABLES: [&str; 10] = [
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
];

/// What one run took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Sample {
    /// Seconds from the start of the client to the end of the task.
    pub(super) wall: f64,
    /// CPU seconds of the client in user mode.
    pub(super) user: f64,
    /// CPU seconds in the kernel, of the client and of what it left to be written.
    pub(super) system: f64,
    /// The most memory that the client held, in MiB.
    pub(super) memory: f64,
    /// Seconds to the first line of a listing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_line: Option<f64>,
}

/// Runs a copy, and writes back what it left in memory. Both belong to the time and to the CPU time: a client that syncs
/// what it publishes pays for that itself, and `sync -f` alone would let the kernel pay for those that do not.
pub(super) fn copy(line: &[&OsStr], destination: &Path, place: &Path, interrupt: &Interrupt) -> Result<Sample> {
    let begin = Instant::now();
    let client = timed(line, place, interrupt)?;
    let rest = timed(&[OsStr::new("sync"), destination.as_os_str()], place, interrupt)?;
    sync(destination)?;
    let wall = begin.elapsed().as_secs_f64();
    Ok(Sample { wall, user: client.user + rest.user, system: client.system + rest.system, ..client })
}

/// Runs a command to its end, which must be a good one.
pub(super) fn timed(line: &[&OsStr], place: &Path, interrupt: &Interrupt) -> Result<Sample> {
    let begin = Instant::now();
    let status = interrupt.run(&mut clock(line, place)?)?;
    let wall = begin.elapsed().as_secs_f64();
    ensure!(status.success(), "{}", complaint(place, &status.to_string()));
    sample(place, wall, None)
}

/// Runs a listing, and counts the lines that it printed.
pub(super) fn list(line: &[&OsStr], place: &Path, interrupt: &Interrupt) -> Result<(Sample, u32)> {
    let mut command = clock(line, place)?;
    let begin = Instant::now();
    let mut running = interrupt.spawn(command.stdout(Stdio::piped()))?;
    let mut output = BufReader::new(running.child.stdout.take().context("no standard output")?);
    let (mut lines, mut first, mut buffer) = (0, None, Vec::new());
    while output.read_until(b'\n', &mut buffer)? > 0 {
        first.get_or_insert_with(|| begin.elapsed().as_secs_f64());
        buffer.clear();
        lines += 1;
    }
    let status = running.wait()?;
    let wall = begin.elapsed().as_secs_f64();
    ensure!(status.success(), "{}", complaint(place, &status.to_string()));
    Ok((sample(place, wall, first)?, lines))
}

/// Writes back what is left of the file system that holds `path`.
pub(super) fn sync(path: &Path) -> Result<()> {
    let status = Command::new("sync").arg("-f").arg(path).stderr(Stdio::null()).status().context("sync")?;
    if !status.success() {
        bail!("sync -f {}: {status}", path.display());
    }
    Ok(())
}

/// The command under GNU time, its complaints in a file of `place`.
fn clock(line: &[&OsStr], place: &Path) -> Result<Command> {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", PATIENCE, CLOCK, "--quiet", "--format=%U %S %M", "--output"]);
    command.arg(place.join("clock")).args(line).current_dir(place);
    for variable in FOREIGN_VARIABLES {
        command.env_remove(variable);
    }
    // Debian's gfal2 belongs to Debian's Python, and rclone would look for settings of the user.
    command.env("GFAL_PYTHONBIN", "/usr/bin/python3").env("RCLONE_CONFIG", "/dev/null");
    // Keys of the buckets, and no others.
    command.env("AWS_CONFIG_FILE", place.join(AWS_CONFIG)).env("AWS_SHARED_CREDENTIALS_FILE", place.join(AWS_CONFIG));
    let complaints = File::create(place.join("stderr")).context("file for the complaints of a client")?;
    command.stdout(Stdio::null()).stderr(complaints);
    Ok(command)
}

fn complaint(place: &Path, status: &str) -> String {
    let text = fs::read(place.join("stderr")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    match text.lines().rfind(|line| !line.trim().is_empty()) {
        Some(line) => format!("{status}: {}", line.trim()),
        None => status.to_owned(),
    }
}

fn sample(place: &Path, wall: f64, first_line: Option<f64>) -> Result<Sample> {
    let text = fs::read_to_string(place.join("clock")).context("output of time")?;
    let [user, system, kibibytes] = parse_clock(&text).with_context(|| format!("output of time: {text:?}"))?;
    Ok(Sample { wall, user, system, memory: kibibytes / 1024.0, first_line })
}

/// User seconds, system seconds and KiB, from the last line.
fn parse_clock(text: &str) -> Option<[f64; 3]> {
    let mut numbers = text.lines().last()?.split(' ').map(str::parse::<f64>);
    let values = [numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?];
    numbers.next().is_none().then_some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_read_from_its_last_line() {
        assert_eq!(parse_clock("0.10 1.25 4096\n"), Some([0.1, 1.25, 4096.0]));
        assert_eq!(parse_clock("Command exited with non-zero status 1\n0.00 0.00 512"), Some([0.0, 0.0, 512.0]));
        for text in ["", "\n", "0.1 0.2", "0.1 0.2 3 4", "a b c"] {
            assert_eq!(parse_clock(text), None, "{text:?}");
        }
    }
}
