//! The README tells the truth: its shell blocks run and print what it says, its exit codes are those of the program,
//! its configuration is one, and its commands are there.

#![allow(clippy::unwrap_used, reason = "this is all test code, also where no function is a test")]

#[allow(dead_code, unused_imports, reason = "every test crate uses its part of it")]
mod documents;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::Duration;

use documents::{Help, Home, Served, blocks, section, without_chance};
use law_faults::{FaultProxy, Script};
use rustix::process::{Pid, Signal, kill_process};

const README: &str = include_str!("../README.md");

/// Codes that no command can be brought to: no backend tells of tapes, and a defect is not known.
const OUT_OF_REACH: [&str; 2] = ["10", "70"];

fn only(language: &str) -> &'static str {
    let found: Vec<_> = blocks(README).into_iter().filter(|block| block.language == language).collect();
    assert_eq!(found.len(), 1, "blocks of {language}");
    found[0].text
}

/// The table of exit codes: code and meaning.
fn exit_codes() -> BTreeMap<&'static str, &'static str> {
    documents::exit_codes(section(README, "Exit codes of `law fs`"))
}

/// A way to a server that breaks by this script, with a slash at the end.
fn broken_way(server: &Served, script: &str) -> (FaultProxy, String) {
    let proxy = FaultProxy::start_blocking(server.address(), script.parse::<Script>().unwrap()).unwrap();
    let url = format!("{}/", proxy.url());
    (proxy, url)
}

#[test]
fn the_shell_blocks_run_and_print_what_stands_below_them() {
    let blocks = blocks(README);
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
    let told = section(README, "Commands").trim_start().strip_prefix("`law fs ").unwrap().split('`').next().unwrap();
    assert_eq!(told.split(' ').collect::<Vec<_>>(), Help::of_law_fs().commands());
}

#[test]
fn the_configuration_is_one() {
    let home = Home::new();
    let config = home.config(only("toml"), &[]).unwrap();
    let wlcg = config.file_system("wlcg").unwrap();
    assert_eq!(wlcg.doors.len(), 1);
    assert!(wlcg.trusted);
    assert_eq!(wlcg.token_file.as_deref(), Some(home.path().join(".run/bt_u1000").as_path()));
    let overridden = home.config(only("toml"), &["fs.wlcg.base=/tmp"]).unwrap();
    assert_eq!(overridden.file_system("wlcg").unwrap().base, "/tmp");
}

/// What `law fs --help` says.
#[test]
fn the_exit_codes_are_those_of_the_help() {
    let help = Help::of_law_fs().exit_codes();
    let codes: BTreeMap<_, _> = help.iter().map(|(code, meaning)| (code.as_str(), meaning.as_str())).collect();
    assert_eq!(exit_codes(), codes);
}

/// What really happens: every code of the table comes out, but for those that nobody can bring about.
#[test]
fn the_exit_codes_are_those_of_real_failures() {
    let home = Home::new();
    home.write("a.txt", "one\n");
    home.write("b.txt", "two\n");
    home.write("bad.json", "{");
    let server = home.serve(".");
    let closed = home.serve("--read-only .");
    let (_integrity, flips) = broken_way(&server, "GET /a.txt flip at 1");
    let (_space, full) = broken_way(&server, "PUT status 507");
    let (_login, stranger) = broken_way(&server, "* status 401");
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
        ("9", "ls hdfs://host/".to_owned()),
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
    let server = home.serve(".");
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let (proxy, stalls) = broken_way(&server, "GET /a.txt stall at 1");
        let mut child = home.law_fs(&format!("cp {stalls}a.txt c.txt")).spawn().unwrap();
        let under_way = proxy.wait_for(|seen| seen.iter().any(|request| request.method == "GET"));
        tokio::time::timeout(Duration::from_secs(60), under_way).await.unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(!home.path().join("c.txt").exists());
    }
}
