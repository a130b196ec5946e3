//! `cargo xtask bench`: `law` beside the clients people use today, on one server, in one run.
//!
//! The clients take turns, so that a slow minute of the machine hits all of them. Each run starts without its
//! destination and with nothing left to write back; the times of a copy include those of `sync` and `sync -f` of the
//! destination, since `law` syncs what it publishes and most others do not. A run whose bytes are not those of the source counts as
//! failed, whatever the client said. Checksums of the source are in the server's cache before the first run, as they
//! are on a storage system; those of an upload are not.
//!
//! `s3` is SeaweedFS, whose disk holds files in a form of its own: what was uploaded is fetched by another way and compared.
//!
//! `cache` reads a file of the XRootD server to nobody: with and without a cache that has to be filled, and from one that has it all, beside `cat`.
//!
//! `tasks` are those of the example `many_files` beside the same tasks for the Python package law, `make` and `ninja`; they are measured alone, without servers,
//! when the filter names them.
//!
//! `far` is the XRootD server behind a link with a round trip of 20 ms, 1 Gbit/s, and 4 MiB for each connection, which is what Linux
//! gives one by itself.

mod buckets;
mod caches;
mod clients;
mod contest;
mod measure;
mod memory;
mod sites;
mod table;
mod tasks;
mod trees;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::interrupt::Interrupt;
use crate::servers::{Endpoints, Server, Started};
use crate::workspace;
use buckets::Buckets;
use caches::Caches;
use clients::{Clients, LocalClients};
use contest::Contest;
use law_faults::{Distance, DistantLink};
use memory::KeptMemory;
use sites::{Content, Site, address_of, local_contests};
use table::{Group, Results};
use tasks::Tasks;
use trees::Tree;

/// The way to a storage in another country.
const FAR: Distance = Distance { round_trip: Duration::from_millis(20), rate: 125_000_000, window: 4 << 20 };

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only what has this in its name, such as `/xrootd up/`, `ls/davix-ls`, `apache` or `proven`
    filter: Option<String>,
    /// Size of the file that is copied, such as 64M or 1G
    #[arg(long, default_value = "1G", value_parser = parse_size)]
    size: u64,
    /// Entries of the directory that is listed
    #[arg(long, default_value_t = 100_000)]
    entries: u32,
    /// Small files (10 KiB) of the trees that are copied; a hundredth as many are large (10 MiB), a tenth go far
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
    println!("{}\n", Results::heading(arguments.runs));
    if arguments.filter.as_deref().is_some_and(|filter| filter.contains("tasks")) {
        return run_tasks(arguments, &interrupt);
    }
    let place = Place::prepare(arguments)?;
    let law = build_law(&interrupt)?;
    let _kept = KeptMemory::fetch();
    hold(arguments, place.contests(law.as_deref(), arguments.filter.as_deref(), arguments.entries)?, &interrupt)
}

fn run_tasks(arguments: &Arguments, interrupt: &Interrupt) -> Result<ExitCode> {
    let directory = tempfile::Builder::new().prefix("law-bench-").tempdir_in(&arguments.dir);
    let directory = directory.with_context(|| arguments.dir.display().to_string())?;
    let tasks = Tasks::prepare(directory.path(), interrupt)?;
    tasks.check()?;
    let mut contests = tasks.contests();
    retain(&mut contests, arguments.filter.as_deref());
    hold(arguments, contests, interrupt)
}

/// Lets all contests take place, and shows each as it ends.
fn hold(arguments: &Arguments, contests: Vec<Contest>, interrupt: &Interrupt) -> Result<ExitCode> {
    let mut groups = Vec::new();
    for contest in contests {
        let group = contest.hold(arguments.runs, interrupt)?;
        // Whoever ends it early has what was measured until then.
        println!("{group}");
        groups.push(group);
    }
    report(arguments, groups)
}

/// Only the clients that were chosen.
fn retain(contests: &mut Vec<Contest>, filter: Option<&str>) {
    let chosen = |name: &str| filter.is_none_or(|filter| name.contains(filter));
    for contest in &mut *contests {
        contest.clients.retain(|client| chosen(&format!("/{}/{}", contest.group, client.name)));
    }
    contests.retain(|contest| !contest.clients.is_empty());
}

fn report(arguments: &Arguments, groups: Vec<Group>) -> Result<ExitCode> {
    if groups.is_empty() {
        bail!("nothing is called {}", arguments.filter.as_deref().unwrap_or_default());
    }
    let results = Results { size: arguments.size, entries: arguments.entries, runs: arguments.runs, groups };
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

/// Servers with a file and directories on them, and the same beside them.
struct Place {
    // Stopped before the directory below it is removed: fields are dropped in this order.
    link: DistantLink,
    _servers: Started,
    directory: tempfile::TempDir,
    endpoints: Endpoints,
    trees: [Tree; 3],
}

impl Place {
    fn prepare(arguments: &Arguments) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("law-bench-").tempdir_in(&arguments.dir);
        let directory = directory.with_context(|| arguments.dir.display().to_string())?;
        let started = Started::start(Server::select(&["xrootd", "apache", "s3"])?, directory.path())?;
        if let Some((name, reason)) = started.failures().next() {
            bail!("{name} cannot start: {reason}");
        }
        let endpoints = started.endpoints().clone();
        let link = DistantLink::start(address_of(endpoints.get("XROOTD_HTTP")?)?, FAR).context("the long way")?;
        let trees = make(directory.path(), arguments)?;
        let place = Self { link, _servers: started, directory, endpoints, trees };
        place.share()?;
        Ok(place)
    }

    /// Gives the servers what is here.
    fn share(&self) -> Result<()> {
        for data in [self.xrootd_data()?, self.apache_data()?] {
            ["source", "entries", "trees"]
                .iter()
                .try_for_each(|name| trees::share(&self.directory.path().join(name), &data))?;
        }
        self.warm_checksum()
    }

    fn xrootd_data(&self) -> Result<PathBuf> {
        self.endpoints.get("XROOTD_DATA").map(PathBuf::from)
    }

    fn apache_data(&self) -> Result<PathBuf> {
        Ok(PathBuf::from(self.endpoints.get("APACHE_DATA")?).join("open"))
    }

    fn warm_checksum(&self) -> Result<()> {
        let url = format!("{}/source", self.endpoints.get("XROOTD_HTTP")?);
        let arguments = ["-q", "-fsS", "--noproxy", "*", "-I", "-H", "Want-Digest: adler32"];
        let answer = Command::new("curl").args(arguments).arg(url).output().context("curl")?;
        let answer = String::from_utf8_lossy(&answer.stdout).to_lowercase();
        ensure!(answer.contains("\ndigest: adler32="), "the server computes no checksum: {answer:?}");
        Ok(())
    }

    fn sites(&self, law: Option<&Path>) -> Result<[Site; 3]> {
        let law = law.map(Path::to_owned);
        let site = |name, http, root, data| Site { name, clients: Clients { law: law.clone(), http, root }, data };
        let (http, root) = (self.endpoints.get("XROOTD_HTTP")?, self.endpoints.get("XROOTD_ROOT")?);
        let far = self.link.address();
        let apache = format!("{}/open", self.endpoints.get("APACHE_HTTP")?);
        Ok([
            site("xrootd", http.into(), Some(root.into()), self.xrootd_data()?),
            site("apache", apache, None, self.apache_data()?),
            site("far", format!("http://{far}"), Some(format!("root://{far}")), self.xrootd_data()?),
        ])
    }

    fn contests(&self, law: Option<&Path>, filter: Option<&str>, entries: u32) -> Result<Vec<Contest>> {
        let content = Content { place: self.directory.path(), entries, trees: &self.trees };
        let [xrootd, apache, far] = self.sites(law)?;
        let mut all = xrootd.contests(&content)?;
        all.extend(apache.contests(&content)?);
        all.extend(local_contests(&LocalClients(law.map(Path::to_owned)), &content));
        all.extend(far.contests_from_afar(&content)?);
        if filter.is_none_or(|filter| filter.contains("s3")) {
            all.extend(Buckets::prepare(&self.endpoints, law, &content)?.contests(&content));
        }
        if let Some(law) = law.filter(|_| filter.is_none_or(|filter| filter.contains("cache"))) {
            let far = self.link.address().to_string();
            all.extend(Caches::prepare(&self.endpoints, &far, law, &content)?.contests());
        }
        retain(&mut all, filter);
        Ok(all)
    }
}

/// Makes what is copied and listed.
fn make(top: &Path, arguments: &Arguments) -> Result<[Tree; 3]> {
    eprintln!("making {} random bytes, {} entries and the trees", arguments.size, arguments.entries);
    random_file(&top.join("source"), arguments.size)?;
    let entries = top.join("entries");
    fs::create_dir(&entries).context("a directory of many entries")?;
    for number in 0..arguments.entries {
        fs::File::create(entries.join(format!("file-{number:06}.root"))).context("one of many entries")?;
    }
    Tree::make_all(&top.join("trees"), arguments.files)
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
