//! `cargo xtask test`: all checks in one run, on real servers, with one table at the end.

use std::io::{BufRead, BufReader, IsTerminal};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{fmt, io};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::interrupt::Interrupt;
use crate::servers::{Server, Started};
use crate::{node, packages, python, workspace};

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Run only the tests whose names contain one of these, and no other check
    filters: Vec<String>,
    /// Start no servers: the tests that need them are skipped, or fail where CI=true
    #[arg(long)]
    no_servers: bool,
    /// Keep the run directory of the servers, with their logs and data
    #[arg(long)]
    keep: bool,
}

/// Runs every check, also after a failed one; the exit code tells whether all held.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut checks = Checks::new(Interrupt::install()?);
    checks.all(arguments)?;
    print!("\n{}", checks.report);
    Ok(match checks.interrupt.received() {
        Some(signal) => ExitCode::from(128 + u8::try_from(signal)?),
        None if checks.report.failed() => ExitCode::FAILURE,
        None => ExitCode::SUCCESS,
    })
}

struct Checks {
    interrupt: Interrupt,
    report: Report,
    /// What the tests find in their environment.
    variables: Vec<(String, String)>,
}

impl Checks {
    fn new(interrupt: Interrupt) -> Self {
        Self { interrupt, report: Report::default(), variables: Vec::new() }
    }

    fn all(&mut self, arguments: &Arguments) -> Result<()> {
        let everything = arguments.filters.is_empty();
        let servers = if arguments.no_servers { Vec::new() } else { Server::all()? };
        self.step("packages", |checks| checks.packages(&servers));
        self.step("python", Self::python);
        self.step("node", |_| Self::node());
        if everything {
            self.cargo("format", "fmt --all --check");
            self.cargo("lints", "clippy --workspace --all-targets -- -D warnings");
        }
        self.on_servers(servers, arguments)?;
        if everything {
            self.step("documentation", Self::documentation);
            self.step("licenses", Self::licenses);
        }
        Ok(())
    }

    fn packages(&mut self, servers: &[Server]) -> Result<Outcome> {
        let of_servers = servers.iter().map(Server::packages).collect::<Result<Vec<_>>>()?;
        let needed = of_servers.into_iter().flatten().chain(python::missing_packages()).chain(node::missing_packages());
        let missing = packages::missing(needed);
        packages::install(&missing, &self.interrupt).map_or_else(skip_or_fail, |()| Ok(Outcome::Ok))
    }

    fn python(&mut self) -> Result<Outcome> {
        match python::with_packages() {
            Ok(python) => self.variables.push(("LAW_TEST_PYTHON".into(), python.display().to_string())),
            Err(error) => return skip_or_fail(error),
        }
        Ok(Outcome::Ok)
    }

    fn node() -> Result<Outcome> {
        node::with_azurite().map_or_else(skip_or_fail, |()| Ok(Outcome::Ok))
    }

    /// Servers run only as long as tests do.
    fn on_servers(&mut self, servers: Vec<Server>, arguments: &Arguments) -> Result<()> {
        let directory = tempfile::Builder::new().prefix("law-test-").tempdir_in("/var/tmp").context("/var/tmp")?;
        let mut started = None;
        self.step("servers", |checks| {
            if arguments.no_servers {
                return Ok(Outcome::Skipped("--no-servers".into()));
            }
            let servers = started.insert(Started::start(servers, directory.path())?);
            checks.variables.extend(servers.endpoints().variables().map(|(name, value)| (name, value.to_owned())));
            let failures: Vec<_> = servers.failures().map(|(name, reason)| format!("{name}: {reason}")).collect();
            if failures.is_empty() { Ok(Outcome::Ok) } else { skip_or_fail(anyhow::anyhow!(failures.join("; "))) }
        });
        self.step("tests", |checks| checks.tests(&arguments.filters));
        if arguments.filters.is_empty() {
            self.step("doc tests", |checks| checks.with_variables("test --doc --workspace"));
        }
        drop(started);
        remove_or_keep(directory, arguments.keep);
        Ok(())
    }

    fn tests(&mut self, filters: &[String]) -> Result<Outcome> {
        let nextest = workspace::cargo().args(["nextest", "--version"]).stderr(Stdio::null()).output();
        if !nextest.is_ok_and(|output| output.status.success()) {
            eprintln!("cargo-nextest is not installed: cargo test instead");
            let mut command = cargo("test --workspace --all-targets --no-fail-fast");
            // libtest takes its filters behind the dashes, where several are allowed.
            return self.finish(command.arg("--").args(filters).envs(self.variables.clone()));
        }
        let color = if io::stderr().is_terminal() { "always" } else { "never" };
        let mut command = cargo("nextest run --workspace --no-fail-fast --color");
        command.arg(color).args(filters).envs(self.variables.clone());
        let mut running = self.interrupt.spawn(command.stderr(Stdio::piped())).context("cargo nextest")?;
        let output = running.child.stderr.take().context("cargo nextest has no standard error")?;
        self.report.summary = pass_on_keeping_summary(BufReader::new(output))?;
        Ok(Outcome::of(running.wait()?.success()))
    }

    fn documentation(&mut self) -> Result<Outcome> {
        self.finish(cargo("doc --workspace --no-deps").env("RUSTDOCFLAGS", "-D warnings"))
    }

    fn licenses(&mut self) -> Result<Outcome> {
        let version = workspace::cargo().args(["deny", "--version"]).stderr(Stdio::null()).output();
        if !version.is_ok_and(|output| output.status.success()) {
            return Ok(Outcome::Skipped("cargo-deny is not installed".into()));
        }
        self.finish(&mut cargo("deny check licenses bans sources"))
    }

    fn with_variables(&mut self, arguments: &str) -> Result<Outcome> {
        self.finish(cargo(arguments).envs(self.variables.clone()))
    }

    fn cargo(&mut self, name: &'static str, arguments: &str) {
        self.step(name, |checks| checks.finish(&mut cargo(arguments)));
    }

    fn finish(&mut self, command: &mut Command) -> Result<Outcome> {
        Ok(Outcome::of(self.interrupt.run(command).with_context(|| format!("{command:?}"))?.success()))
    }

    fn step(&mut self, name: &'static str, act: impl FnOnce(&mut Self) -> Result<Outcome>) {
        if self.interrupt.received().is_some() {
            return;
        }
        eprintln!("=== {name}");
        let begin = Instant::now();
        let outcome = act(self).unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        let outcome = if self.interrupt.received().is_some() { Outcome::Failed("interrupted".into()) } else { outcome };
        if let Outcome::Failed(reason) | Outcome::Skipped(reason) = &outcome {
            eprintln!("{name}: {reason}");
        }
        self.report.steps.push(Step { name, took: begin.elapsed(), outcome });
    }
}

/// A cargo command from arguments without spaces in them.
fn cargo(arguments: &str) -> Command {
    let mut command = workspace::cargo();
    command.args(arguments.split(' '));
    command
}

/// What a developer's machine may lack, CI may not.
fn skip_or_fail(reason: anyhow::Error) -> Result<Outcome> {
    if workspace::unattended() { Err(reason) } else { Ok(Outcome::Skipped(format!("{reason:#}"))) }
}

fn remove_or_keep(directory: TempDir, keep: bool) {
    if keep {
        eprintln!("logs and data of the servers: {}", directory.keep().display());
        return;
    }
    let path = directory.path().to_owned();
    if let Err(error) = directory.close() {
        eprintln!("cannot remove {}: {error}", path.display());
    }
}

/// Copies standard error of nextest to ours, and returns its summary with the failed tests named below it.
fn pass_on_keeping_summary(output: impl BufRead) -> io::Result<Vec<String>> {
    let mut summary = Vec::new();
    for line in output.split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        eprintln!("{line}");
        if !summary.is_empty() || line.contains("Summary") && line.contains(" run: ") {
            summary.push(line);
        }
    }
    Ok(summary)
}

#[derive(Default)]
struct Report {
    steps: Vec<Step>,
    summary: Vec<String>,
}

struct Step {
    name: &'static str,
    took: Duration,
    outcome: Outcome,
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Ok,
    Skipped(String),
    Failed(String),
}

impl Outcome {
    fn of(success: bool) -> Self {
        if success { Self::Ok } else { Self::Failed("see its output above".into()) }
    }
}

impl Report {
    fn failed(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.outcome, Outcome::Failed(_)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.summary {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "{:<16}{:>8}  result", "check", "seconds")?;
        for Step { name, took, outcome } in &self.steps {
            write!(f, "{name:<16}{:>8.1}  ", took.as_secs_f64())?;
            match outcome {
                Outcome::Ok => writeln!(f, "ok")?,
                Outcome::Skipped(reason) => writeln!(f, "skipped: {}", first_line(reason))?,
                Outcome::Failed(reason) => writeln!(f, "FAILED: {}", first_line(reason))?,
            }
        }
        Ok(())
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_kept_from_its_line_to_the_end() {
        let output = "   Compiling x\n    Summary of nothing\n     Summary [ 0.1s] 2 tests run: 1 passed, 1 failed\n        FAIL x a\n";
        let summary = pass_on_keeping_summary(output.as_bytes()).unwrap();
        assert_eq!(summary, ["     Summary [ 0.1s] 2 tests run: 1 passed, 1 failed", "        FAIL x a"]);
        assert!(pass_on_keeping_summary(&b"error: could not compile\n\xff"[..]).unwrap().is_empty());
    }

    #[test]
    fn one_failed_step_fails_the_report_and_is_told_in_one_line() {
        let step = |name, outcome| Step { name, took: Duration::from_millis(1250), outcome };
        let mut report = Report { steps: vec![step("lints", Outcome::Ok)], summary: vec!["Summary".into()] };
        report.steps.push(step("licenses", Outcome::Skipped("not installed".into())));
        assert!(!report.failed());
        report.steps.push(step("servers", Outcome::Failed("xrootd: missing\nlog".into())));
        assert!(report.failed());
        assert_eq!(
            report.to_string(),
            "Summary\n\
             check            seconds  result\n\
             lints                1.2  ok\n\
             licenses             1.2  skipped: not installed\n\
             servers              1.2  FAILED: xrootd: missing\n"
        );
    }
}
