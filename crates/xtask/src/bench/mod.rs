//! `cargo xtask bench`: `law` beside the clients people use today, on one server, in one run.
//!
//! The clients take turns, so that a slow minute of the machine hits all of them. Each run starts without its
//! destination and with nothing left to write back; the times of a copy include those of `sync` and `sync -f` of the
//! destination, since `law` syncs what it publishes and most others do not. A run whose bytes are not those of the source counts as
//! failed, whatever the client said. Checksums of the source are in the server's cache before the first run, as they
//! are on a storage system; those of an upload are not.

mod clients;
mod contest;
mod measure;
mod memory;
mod table;
mod trees;

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};

use crate::interrupt::Interrupt;
use crate::servers::{Endpoints, Server, Started};
use crate::workspace;
use clients::{Client, Clients};
use contest::{Contest, Task};
use memory::KeptMemory;
use table::{Group, Results};

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only what has this in its name, such as `/up/`, `ls/davix-ls` or `proven`
    filter: Option<String>,
    /// Size of the file that is copied, such as 64M or 1G
    #[arg(long, default_value = "1G", value_parser = parse_size)]
    size: u64,
    /// Entries of the directory that is listed
    #[arg(long, default_value_t = 100_000)]
    entries: u32,
    /// Small files (10 KiB) of the trees that are copied; a hundredth as many are large (10 MiB)
    #[arg(long, default_value_t = 10_000)]
    files: u32,
    /// Runs of each client; the table shows medians
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Write every measured value as JSON
    #[arg(long)]
    out: Option<PathBuf>,
    /// Where the files lie, for both sides; its disk is part of what is measured
    #[arg(long, default_value = "/var/tmp")]
    dir: PathBuf,
}

/// Measures, prints the table, and fails only if something could not be measured at all.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    ensure!(Path::new(measure::CLOCK).exists(), "{} is missing: apt-get install time", measure::CLOCK);
    let interrupt = Interrupt::install()?;
    let place = Place::prepare(arguments)?;
    let law = build_law(&interrupt)?;
    let _kept = KeptMemory::fetch();
    let mut groups = Vec::new();
    for contest in place.contests(law.as_deref(), arguments.filter.as_deref(), arguments.entries)? {
        groups.push(contest.hold(arguments.runs, &interrupt)?);
    }
    report(arguments, groups)
}

fn report(arguments: &Arguments, groups: Vec<Group>) -> Result<ExitCode> {
    if groups.is_empty() {
        bail!("nothing is called {}", arguments.filter.as_deref().unwrap_or_default());
    }
    let results = Results { size: arguments.size, entries: arguments.entries, runs: arguments.runs, groups };
    print!("{results}");
    if let Some(path) = &arguments.out {
        fs::write(path, serde_json::to_string_pretty(&results)?).with_context(|| path.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The release binary, or nothing if there is none to build yet.
fn build_law(interrupt: &Interrupt) -> Result<Option<PathBuf>> {
    let built = interrupt.run(workspace::cargo().args(["build", "--release", "--bin", "law"]))?;
    Ok(if built.success() { Some(workspace::target_dir()?.join("release/law")) } else { None })
}

/// A server with a file and a directory on it, and a local directory beside it.
struct Place {
    // Stopped before the directory below it is removed: fields are dropped in this order.
    _server: Started,
    directory: tempfile::TempDir,
    endpoints: Endpoints,
    data: PathBuf,
}

impl Place {
    fn prepare(arguments: &Arguments) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("law-bench-").tempdir_in(&arguments.dir);
        let directory = directory.with_context(|| arguments.dir.display().to_string())?;
        let started = Started::start(Server::select(&["xrootd"])?, directory.path())?;
        if let Some((_, reason)) = started.failures().next() {
            bail!("xrootd cannot start: {reason}");
        }
        let endpoints = started.endpoints().clone();
        let data = PathBuf::from(endpoints.get("XROOTD_DATA")?);
        let place = Self { _server: started, directory, endpoints, data };
        place.fill(arguments)?;
        Ok(place)
    }

    fn fill(&self, arguments: &Arguments) -> Result<()> {
        eprintln!("making {} random bytes and {} files", arguments.size, arguments.entries);
        let source = self.directory.path().join("source");
        random_file(&source, arguments.size)?;
        fs::copy(&source, self.data.join("source")).context("copy of the random file")?;
        let many = self.data.join("many");
        fs::create_dir(&many).context("directory of many files")?;
        for number in 0..arguments.entries {
            fs::File::create(many.join(format!("file-{number:06}.root"))).context("one of many files")?;
        }
        fs::set_permissions(&many, fs::Permissions::from_mode(0o755)).context("directory of many files")?;
        trees::make(&self.trees(), arguments.files)?;
        trees::copy(&self.trees(), &self.data.join("trees"))?;
        self.warm_checksum()
    }

    /// Where the trees lie on this side.
    fn trees(&self) -> PathBuf {
        self.directory.path().join("trees")
    }

    fn warm_checksum(&self) -> Result<()> {
        let url = format!("{}/source", self.endpoints.get("XROOTD_HTTP")?);
        let arguments = ["-q", "-fsS", "--noproxy", "*", "-I", "-H", "Want-Digest: adler32"];
        let answer = Command::new("curl").args(arguments).arg(url).output().context("curl")?;
        let answer = String::from_utf8_lossy(&answer.stdout).to_lowercase();
        ensure!(answer.contains("\ndigest: adler32="), "the server computes no checksum: {answer:?}");
        Ok(())
    }

    fn contests(&self, law: Option<&Path>, filter: Option<&str>, entries: u32) -> Result<Vec<Contest>> {
        let place = self.directory.path();
        let (source, down, up) = (place.join("source"), place.join("down"), self.data.join("up"));
        let copy = |destination: &Path| Task::Copy { source: source.clone(), destination: destination.to_owned() };
        let clients = Clients::of(&self.endpoints, law)?;
        let all = [
            ("down", copy(&down), clients.download("source", &down)),
            ("down proven", copy(&down), clients.download_proven("source", &down)),
            ("up", copy(&up), clients.upload(&source, "up")),
            ("up proven", copy(&up), clients.upload_proven(&source, "up")),
            ("ls", Task::List { entries }, clients.list("many")),
        ];
        let tree_contests = trees::contests(&clients, &self.trees(), &self.data, place)?;
        let chosen = |group: &str, client: &Client| {
            filter.is_none_or(|filter| format!("/{group}/{}", client.name).contains(filter))
        };
        let contest = |(group, task, mut clients): (&'static str, Task, Vec<Client>)| {
            clients.retain(|client| chosen(group, client));
            (!clients.is_empty()).then(|| Contest { group, task, clients, place: place.to_owned() })
        };
        Ok(all.into_iter().chain(tree_contests).filter_map(contest).collect())
    }
}

fn random_file(path: &Path, size: u64) -> Result<()> {
    let mut random = fs::File::open("/dev/urandom").context("/dev/urandom")?.take(size);
    let mut file = fs::File::create(path).with_context(|| path.display().to_string())?;
    std::io::copy(&mut random, &mut file).with_context(|| path.display().to_string())?;
    Ok(())
}

/// Bytes, or with a suffix K, M, G, T for powers of 1024.
fn parse_size(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, suffix) = text.split_at(split);
    let power = match suffix.to_ascii_uppercase().as_str() {
        "" => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return Err(format!("{text:?} is not a size such as 64M or 1G")),
    };
    let number: u64 = digits.parse().map_err(|_| format!("{text:?} is not a size such as 64M or 1G"))?;
    number.checked_mul(1 << (10 * power)).ok_or_else(|| format!("{text} is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_suffixes() {
        assert_eq!(parse_size("17"), Ok(17));
        assert_eq!(parse_size("64M"), Ok(64 << 20));
        assert_eq!(parse_size("1g"), Ok(1 << 30));
        for text in ["", "G", "1.5G", "1X", "-1", "99999999T"] {
            assert!(parse_size(text).is_err(), "{text:?}");
        }
    }
}
