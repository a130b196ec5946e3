//! The servers of `fixtures/servers/`: one script each, all of them started at once in one run directory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Output, Stdio};
use std::time::{Duration, Instant};
use std::{fmt, fs, io, mem, thread};

use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;
use serde::Serialize;

use crate::{node, python, workspace};

/// `cargo xtask servers COMMAND`.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Start servers and print their endpoints as NAME=VALUE, the variables that the tests read
    ///
    /// `export $(cargo xtask servers up)` makes them known to a `cargo nextest run` in the same shell. Nothing happens
    /// to a server that runs already.
    Up(Selection),
    /// Stop servers; their data and logs stay
    Down(Selection),
    /// Show the servers, and the endpoints of those that run
    List {
        #[command(flatten)]
        selection: Selection,
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
}

/// Which servers, and where.
#[derive(clap::Args)]
pub(crate) struct Selection {
    /// Servers by name; all of them if none is named
    names: Vec<String>,
    /// Run directory [default: servers in cargo's target directory]
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Runs `cargo xtask servers`.
pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Up(selection) => up(selection),
        Command::Down(selection) => down(selection),
        Command::List { selection, json } => list(selection, *json),
    }
}

fn up(selection: &Selection) -> Result<ExitCode> {
    let started = Started::start(Server::select(&selection.names)?, &selection.directory()?)?;
    let (outcomes, endpoints) = started.leave_running();
    for (server, outcome) in &outcomes {
        eprintln!("{}: {outcome}", server.name);
    }
    let lines: String = endpoints.variables().map(|(name, value)| format!("{name}={value}\n")).collect();
    io::stdout().write_all(lines.as_bytes())?;
    let failed = outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Failed(_)));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn down(selection: &Selection) -> Result<ExitCode> {
    let directory = selection.directory()?;
    let servers = Server::select(&selection.names)?;
    stop_all(&servers, &directory)?;
    Ok(ExitCode::SUCCESS)
}

fn list(selection: &Selection, json: bool) -> Result<ExitCode> {
    let directory = selection.directory()?;
    let servers = Server::select(&selection.names)?;
    let states = servers.iter().map(|server| server.state(&directory)).collect::<Result<Vec<_>>>()?;
    let text = if json {
        serde_json::to_string_pretty(&states)? + "\n"
    } else {
        states.iter().map(State::to_string).collect()
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

impl Selection {
    fn directory(&self) -> Result<PathBuf> {
        match &self.dir {
            Some(directory) => std::path::absolute(directory).context("--dir"),
            None => Ok(workspace::target_dir()?.join("servers")),
        }
    }
}

/// One script of `fixtures/servers/`.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    name: String,
    script: PathBuf,
}

#[derive(Serialize)]
struct State {
    name: String,
    running: bool,
    packages: Vec<String>,
    endpoints: Endpoints,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({})", self.name, if self.running { "running" } else { "stopped" })?;
        self.endpoints.0.iter().try_for_each(|(key, value)| writeln!(f, "  {key}={value}"))
    }
}

impl Server {
    /// All servers, by name.
    pub(crate) fn all() -> Result<Vec<Self>> {
        let folder = workspace::root().join("fixtures/servers");
        let mut servers = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let script = entry?.path();
            if script.extension().is_some_and(|extension| extension == "sh") {
                let name = script.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                servers.push(Self { name, script });
            }
        }
        servers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(servers)
    }

    /// The named servers, or all where no name is given.
    pub(crate) fn select<Name: AsRef<str>>(names: &[Name]) -> Result<Vec<Self>> {
        let all = Self::all()?;
        if names.is_empty() {
            return Ok(all);
        }
        let find = |name: &Name| {
            let known = || all.iter().map(|server| server.name.as_str()).collect::<Vec<_>>().join(", ");
            let found = all.iter().find(|server| server.name == name.as_ref()).cloned();
            found.with_context(|| format!("no server is called {} (there are {})", name.as_ref(), known()))
        };
        names.iter().map(find).collect()
    }

    /// The Debian packages that it needs.
    pub(crate) fn packages(&self) -> Result<Vec<String>> {
        let output = self.call(&["packages"], None)?;
        ensure!(output.status.success(), "{} packages: {}", self.script.display(), output.status);
        Ok(String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::to_owned).collect())
    }

    fn start(&self, directory: &Path) -> Result<Endpoints> {
        Endpoints::parse(&self.succeed("start", directory)?)
    }

    fn stop(&self, directory: &Path) -> Result<()> {
        self.succeed("stop", directory).map(drop)
    }

    fn state(&self, directory: &Path) -> Result<State> {
        let output = self.call(&["status"], Some(directory))?;
        let endpoints = Endpoints::parse(&String::from_utf8_lossy(&output.stdout))?;
        Ok(State { name: self.name.clone(), running: output.status.success(), packages: self.packages()?, endpoints })
    }

    fn succeed(&self, verb: &str, directory: &Path) -> Result<String> {
        let output = self.call(&[verb], Some(directory))?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn call(&self, arguments: &[&str], directory: Option<&Path>) -> Result<Output> {
        let mut command = std::process::Command::new(&self.script);
        // A group of its own: Ctrl-C must not cut a script short between starting a process and recording it.
        command.args(arguments).args(directory).stdin(Stdio::null()).process_group(0);
        command.env("PATH", path_with_programs()?);
        command.output().with_context(|| self.script.display().to_string())
    }
}

/// `PATH` with the programs that came from registries of Python and of Node.js in front.
fn path_with_programs() -> Result<OsString> {
    let usual = std::env::var_os("PATH").unwrap_or_default();
    let all = [python::programs()?, node::programs()?].into_iter().chain(std::env::split_paths(&usual));
    Ok(std::env::join_paths(all)?)
}

fn stop_all(servers: &[Server], directory: &Path) -> Result<()> {
    let failures: Vec<String> = in_parallel(servers, |server| server.stop(directory))
        .into_iter()
        .filter_map(|(server, stopped)| Some(format!("{}: {:#}", server.name, stopped.err()?)))
        .collect();
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

fn in_parallel<T: Send>(servers: &[Server], act: impl Fn(&Server) -> Result<T> + Sync) -> Vec<(Server, Result<T>)> {
    let act = &act;
    thread::scope(|scope| {
        let threads: Vec<_> = servers.iter().map(|server| (server, scope.spawn(move || act(server)))).collect();
        let join = |(server, thread): (&Server, thread::ScopedJoinHandle<'_, Result<T>>)| {
            let result = thread.join().unwrap_or_else(|_| bail!("its thread panicked"));
            (server.clone(), result)
        };
        threads.into_iter().map(join).collect()
    })
}

/// How the start of one server ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It answers, since this long after its start.
    Ready(Duration),
    /// What its script said.
    Failed(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(after) => write!(f, "ready after {:.1} s", after.as_secs_f64()),
            Self::Failed(reason) => write!(f, "cannot start: {reason}"),
        }
    }
}

/// Servers of one run directory, stopped when this is dropped.
pub(crate) struct Started {
    directory: PathBuf,
    outcomes: Vec<(Server, Outcome)>,
    endpoints: Endpoints,
}

impl Started {
    /// Starts servers side by side; those that cannot start are among [`Started::failures`].
    pub(crate) fn start(servers: Vec<Server>, directory: &Path) -> Result<Self> {
        make_directory(directory)?;
        let mut started =
            Self { directory: directory.to_owned(), outcomes: Vec::new(), endpoints: Endpoints::default() };
        let begin = Instant::now();
        let results = in_parallel(&servers, |server| Ok((server.start(directory)?, begin.elapsed())));
        for (server, result) in results {
            let outcome = match result {
                Ok((endpoints, after)) => {
                    started.endpoints.0.extend(endpoints.0);
                    Outcome::Ready(after)
                }
                Err(error) => Outcome::Failed(format!("{error:#}")),
            };
            started.outcomes.push((server, outcome));
        }
        Ok(started)
    }

    /// What the started servers said.
    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The servers that did not start, with the reason.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (&str, &str)> {
        self.outcomes.iter().filter_map(|(server, outcome)| match outcome {
            Outcome::Failed(reason) => Some((server.name.as_str(), reason.as_str())),
            Outcome::Ready(_) => None,
        })
    }

    /// Leaves them to a later `down`.
    fn leave_running(mut self) -> (Vec<(Server, Outcome)>, Endpoints) {
        (mem::take(&mut self.outcomes), mem::take(&mut self.endpoints))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let servers: Vec<Server> = self.outcomes.drain(..).map(|(server, _)| server).collect();
        if let Err(error) = stop_all(&servers, &self.directory) {
            eprintln!("cannot stop servers in {}: {error:#}", self.directory.display());
        }
    }
}

/// The service accounts of the servers have to enter it.
fn make_directory(directory: &Path) -> Result<()> {
    let name = || directory.display().to_string();
    fs::create_dir_all(directory).with_context(name)?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).with_context(name)
}

/// What a server script prints: `KEY=VALUE` lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Endpoints(BTreeMap<String, String>);

impl Endpoints {
    /// Reads `KEY=VALUE` lines; keys are of capitals, digits and underscores.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let pair = |line: &str| {
            let (key, value) = line.split_once('=').with_context(|| format!("not KEY=VALUE: {line:?}"))?;
            let valid = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            ensure!(!key.is_empty() && key.chars().all(valid), "not a key: {key:?}");
            Ok((key.to_owned(), value.to_owned()))
        };
        text.lines().filter(|line| !line.is_empty()).map(pair).collect::<Result<_>>().map(Self)
    }

    /// One value.
    pub(crate) fn get(&self, key: &str) -> Result<&str> {
        self.0.get(key).map(String::as_str).with_context(|| format!("no server told its {key}"))
    }

    /// The environment variables that tests read: `LAW_TEST_KEY`.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (String, &str)> {
        self.0.iter().map(|(key, value)| (format!("LAW_TEST_{key}"), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_become_variables_of_the_tests() {
        let endpoints = Endpoints::parse("XROOTD_HTTP=http://127.0.0.1:1\n\nCA=/run/ca.pem\nQUERY=a=b\n").unwrap();
        let variables: Vec<_> = endpoints.variables().collect();
        assert_eq!(
            variables,
            [
                ("LAW_TEST_CA".to_owned(), "/run/ca.pem"),
                ("LAW_TEST_QUERY".to_owned(), "a=b"),
                ("LAW_TEST_XROOTD_HTTP".to_owned(), "http://127.0.0.1:1"),
            ]
        );
        assert_eq!(endpoints.get("CA").unwrap(), "/run/ca.pem");
        assert!(endpoints.get("NGINX_HTTP").is_err());
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for text in ["ready", "=x", "lower=x", "TWO WORDS=x", "export A=x", "\u{c4}=x"] {
            assert!(Endpoints::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(Endpoints::parse("").unwrap(), Endpoints::default());
    }

    #[test]
    fn an_unknown_server_is_named_beside_the_known_ones() {
        let error = Server::select(&["xroot"]).unwrap_err().to_string();
        assert!(error.contains("xroot ") && error.contains("xrootd-cluster"), "{error}");
    }

    #[test]
    fn every_server_tells_its_packages() {
        let servers = Server::all().unwrap();
        assert_eq!(
            servers.iter().map(|server| server.name.as_str()).collect::<Vec<_>>(),
            [
                "apache",
                "azblob",
                "dropbox",
                "gcs",
                "gridftp",
                "juicefs",
                "nginx",
                "oidc-agent",
                "rclone",
                "s3",
                "sftp",
                "tape",
                "xrootd",
                "xrootd-auth",
                "xrootd-cluster"
            ]
        );
        for server in servers {
            assert!(server.packages().unwrap().contains(&"curl".to_owned()), "{}", server.name);
        }
    }

    #[test]
    fn a_server_that_cannot_start_is_told_with_its_reason() {
        let directory = tempfile::tempdir().unwrap();
        let started = Started::start(Server::select(&["rclone"]).unwrap(), &directory.path().join("a b")).unwrap();
        let failures: Vec<_> = started.failures().collect();
        assert!(matches!(failures[..], [("rclone", reason)] if reason.contains("has a space")), "{failures:?}");
        assert_eq!(started.endpoints, Endpoints::default());
        started.leave_running();
    }
}
