//! The README tells the truth: its shell blocks run and print what it says, its exit codes are those of the program,
//! its configuration is one, and its commands are there.

#![allow(clippy::unwrap_used, reason = "this is all test code, also where no function is a test")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use law::config::{Config, Environment};
use law_faults::{FaultProxy, Script};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

const README: &str = include_str!("../README.md");

/// Codes that no command can be brought to: no backend tells of tapes, and a defect is not known.
const OUT_OF_REACH: [&str; 2] = ["10", "70"];

// --- what the README says ---

/// A fenced block: what stands behind the three backticks, and its lines.
struct Block {
    language: &'static str,
    text: &'static str,
}

fn blocks() -> Vec<Block> {
    let fenced = README.split("```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').unwrap()).map(|(language, text)| Block { language, text }).collect()
}

fn only(language: &str) -> &'static str {
    let found: Vec<_> = blocks().into_iter().filter(|block| block.language == language).collect();
    assert_eq!(found.len(), 1, "blocks of {language}");
    found[0].text
}

/// The lines below a heading, up to the next one.
fn section(heading: &str) -> &'static str {
    let (_, below) = README.split_once(&format!("\n## {heading}\n")).unwrap();
    below.split("\n## ").next().unwrap()
}

/// The table of exit codes: code and meaning.
fn exit_codes() -> BTreeMap<&'static str, &'static str> {
    let rows = section("Exit codes of `law fs`").lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.map(|row| row.split(" |").map(str::trim).collect::<Vec<_>>());
    cells.skip(1).map(|cells| (cells[0], cells[1].trim_start_matches("| "))).collect()
}

// --- where it is tried ---

/// A home without settings, whose files are gone at the end.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path().join(name), content).unwrap();
    }

    /// A program in that home, with `law` first on its path and nothing of the tester's environment.
    fn program(&self, program: &str) -> Command {
        let own = PathBuf::from(env!("CARGO_BIN_EXE_law"));
        let usual = std::env::var_os("PATH").unwrap();
        let directories = [own.parent().unwrap().to_owned()].into_iter().chain(std::env::split_paths(&usual));
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::join_paths(directories).unwrap());
        for name in ["HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME"] {
            command.env(name, self.path());
        }
        command.current_dir(self.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// `law fs`; words are separated by spaces.
    fn law_fs(&self, line: &str) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_law"));
        command.arg("fs").args(line.split_whitespace());
        command
    }

    fn exit_code(&self, line: &str) -> String {
        let status = self.law_fs(line).output().unwrap().status;
        status.code().map_or_else(|| status.to_string(), |code| code.to_string())
    }

    fn serve(&self, options: &str) -> Served {
        let mut child = self.law_fs(&format!("serve {options} .")).stderr(Stdio::inherit()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let url = url.trim_end().to_owned();
        Served { child, url }
    }

    /// Runs a script to its end, as somebody would paste it; what it started is ended with it.
    fn bash(&self, script: &str) -> (bool, String) {
        let shown = self.path().join(".shown");
        let file = File::create(&shown).unwrap();
        let mut shell = self.program("bash");
        shell.args(["-euo", "pipefail", "-c", script]).process_group(0);
        shell.stdout(file.try_clone().unwrap()).stderr(file);
        let mut shell = shell.spawn().unwrap();
        let group = Pid::from_child(&shell);
        let succeeded = shell.wait().unwrap().success();
        // If everything has ended by itself, there is no such group.
        let _ = kill_process_group(group, Signal::KILL);
        (succeeded, fs::read_to_string(shown).unwrap())
    }
}

/// A server that ends with this.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn address(&self) -> SocketAddr {
        self.url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap()
    }

    /// A way to it that breaks by this script, with a slash at the end.
    fn broken_way(&self, script: &str) -> (FaultProxy, String) {
        let proxy = FaultProxy::start_blocking(self.address(), script.parse::<Script>().unwrap()).unwrap();
        let url = format!("{}/", proxy.url());
        (proxy, url)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// --- what differs from run to run ---

/// The output of a run, with the README's words for what no two runs have in common.
fn without_chance(shown: &str, home: &Path) -> String {
    // Temporary directories may lie behind a symbolic link.
    let homes = [home.canonicalize().unwrap(), home.to_owned()];
    let shown = homes.iter().fold(shown.to_owned(), |shown, home| shown.replace(home.to_str().unwrap(), "/home/me"));
    shown.lines().fold(String::new(), |mut all, line| {
        let words: Vec<String> = line.split(' ').map(without_port).map(without_time).collect();
        writeln!(all, "{}", words.join(" ")).unwrap();
        all
    })
}

fn without_port(word: &str) -> String {
    let Some((before, port)) = word.split_once("//127.0.0.1:") else { return word.to_owned() };
    format!("{before}//127.0.0.1:PORT{}", port.trim_start_matches(|c: char| c.is_ascii_digit()))
}

fn without_time(word: String) -> String {
    let pattern: String = word.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    match pattern.as_str() {
        "9999-99-99" => "DATE".to_owned(),
        "99:99" => "TIME".to_owned(),
        _ => word,
    }
}

// --- the tests ---

#[test]
fn the_shell_blocks_run_and_print_what_stands_below_them() {
    let blocks = blocks();
    let mut compared = 0;
    for (block, next) in blocks.iter().zip(blocks.iter().skip(1)).filter(|(block, _)| block.language == "sh") {
        let home = Home::new();
        let (succeeded, shown) = home.bash(block.text);
        assert!(succeeded, "this block fails:\n{}\nafter\n{shown}", block.text);
        assert_eq!(next.language, "text", "every shell block is followed by what it prints");
        let shown = without_chance(&shown, home.path());
        assert!(shown == next.text, "the README shows\n{}\nbut this is printed\n{shown}", next.text);
        compared += 1;
    }
    assert!(compared > 0, "the README has a shell block");
}

/// Otherwise the test above would prove nothing.
#[test]
fn a_block_that_fails_in_its_middle_is_noticed() {
    let (succeeded, shown) = Home::new().bash("law fs exists here\necho on");
    assert_eq!((succeeded, shown.as_str()), (false, ""));
}

#[test]
fn ports_times_and_homes_are_no_differences() {
    let home = tempfile::tempdir().unwrap();
    let shown = format!("{}/a -> http://127.0.0.1:4711/b: 28 2026-11-25 22:30 x", home.path().display());
    assert_eq!(without_chance(&shown, home.path()), "/home/me/a -> http://127.0.0.1:PORT/b: 28 DATE TIME x\n");
}

#[test]
fn the_commands_are_those_of_the_program() {
    let help = Home::new().law_fs("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let indented = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let mut commands: Vec<_> = indented.filter_map(|line| line.split_whitespace().next()).collect();
    commands.retain(|command| *command != "help");
    let told = section("Commands").trim_start().strip_prefix("`law fs ").unwrap().split('`').next().unwrap();
    assert_eq!(told.split(' ').collect::<Vec<_>>(), commands);
}

#[test]
fn the_configuration_is_one() {
    let home = Home::new();
    home.write("law.toml", only("toml"));
    home.write("bt_u1000", "token");
    let environment = Environment {
        variables: BTreeMap::from([("XDG_RUNTIME_DIR".into(), home.path().into())]),
        working_directory: home.path().to_owned(),
        home: None,
        system_directory: home.path().join("etc"),
        user: rustix::process::geteuid().as_raw(),
    };
    let config = Config::load(&environment, &[]).unwrap();
    let wlcg = config.file_system("wlcg").unwrap();
    assert_eq!(wlcg.doors.len(), 1);
    assert!(wlcg.trusted);
    assert_eq!(wlcg.token_file.as_deref(), Some(home.path().join("bt_u1000").as_path()));
    let overridden = Config::load(&environment, &["fs.wlcg.base=/tmp"]).unwrap();
    assert_eq!(overridden.file_system("wlcg").unwrap().base, "/tmp");
}

/// What `law fs --help` says.
#[test]
fn the_exit_codes_are_those_of_the_help() {
    let help = Home::new().law_fs("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let codes = help.split("Exit codes: ").nth(1).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    let codes: BTreeMap<_, _> = codes.split("; ").map(|code| code.split_once(' ').unwrap()).collect();
    assert_eq!(exit_codes(), codes);
}

/// What really happens: every code of the table comes out, but for those that nobody can bring about.
#[test]
fn the_exit_codes_are_those_of_real_failures() {
    let home = Home::new();
    home.write("a.txt", "one\n");
    home.write("b.txt", "two\n");
    home.write("bad.json", "{");
    let server = home.serve("");
    let closed = home.serve("--read-only");
    let (_integrity, flips) = server.broken_way("GET /a.txt flip at 1");
    let (_space, full) = server.broken_way("PUT status 507");
    let (_login, stranger) = server.broken_way("* status 401");
    // A port that was free a moment ago: nobody listens there.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failures = [
        ("0", "exists a.txt".to_owned()),
        ("1", "cat missing.txt .".to_owned()),
        ("2", "ls foo://host/".to_owned()),
        ("3", "exists missing.txt".to_owned()),
        ("4", "cp --overwrite fail a.txt b.txt".to_owned()),
        ("5", format!("touch {}new.txt", closed.url)),
        ("6", format!("ls http://{nobody}/")),
        ("7", format!("cp {flips}a.txt c.txt")),
        ("8", format!("cp a.txt {full}new.txt")),
        ("9", "ls s3://bucket/".to_owned()),
        ("65", "show bad.json".to_owned()),
        ("77", format!("ls {stranger}")),
    ];
    for (code, line) in &failures {
        assert_eq!(home.exit_code(line), *code, "law fs {line}");
    }
    let mut covered: Vec<_> = failures.iter().map(|(code, _)| *code).chain(OUT_OF_REACH).chain(["130/143"]).collect();
    covered.sort_unstable();
    assert_eq!(covered, exit_codes().into_keys().collect::<Vec<_>>());
}

#[tokio::test]
async fn the_exit_codes_are_those_of_signals() {
    let home = Home::new();
    home.write("a.txt", "one\n");
    let server = home.serve("");
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let (proxy, stalls) = server.broken_way("GET /a.txt stall at 1");
        let mut child = home.law_fs(&format!("cp {stalls}a.txt c.txt")).spawn().unwrap();
        let under_way = proxy.wait_for(|seen| seen.iter().any(|request| request.method == "GET"));
        tokio::time::timeout(Duration::from_secs(60), under_way).await.unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(!home.path().join("c.txt").exists());
    }
}
