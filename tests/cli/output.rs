//! What is printed, whatever the command: names of any bytes, times, and a standard output that takes nothing.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;

use crate::sandbox::{Run, Sandbox};
use crate::{with_files, with_server};

#[test]
fn objects_keep_the_bytes_of_a_name() {
    let (sandbox, server) = with_server();
    let name = OsStr::from_bytes(b"\xff #1\n%41");
    std::fs::write(sandbox.path("d").join(name), "odd").unwrap();
    for place in ["d", &server.url] {
        for command in ["ls", "find", "tree"] {
            let objects = sandbox.fs(&format!("{command} --json {place}")).objects();
            let odd = objects.iter().find(|object| object["name_encoded"] == "%FF%20%231%0A%2541").unwrap();
            assert!(odd["url"].as_str().unwrap().ends_with("/%FF%20%231%0A%2541"), "{odd}");
            assert_eq!(odd["name"], "\u{fffd} #1\n%41");
            let plain = objects.iter().find(|object| object["name"] == "a.txt").unwrap();
            assert!(plain.get("name_encoded").is_none(), "{plain}");
        }
    }
    let local = format!("file://{}/d/%FF%20%231%0A%2541", sandbox.path("").display()).replace("/work//", "/work/");
    assert_eq!(sandbox.fs_words(["cat", &local]).text(), "odd");
    for command in ["stat", "checksum --compute", "exists", "du"] {
        let words = command.split(' ').chain(["--json", &local]);
        assert_eq!(sandbox.fs_words(words).objects()[0]["url"], local.as_str(), "{command}");
    }
}

/// Runs a line of a shell, in which `law` is the program.
fn sh(sandbox: &Sandbox, line: &str) -> Run {
    let mut command = sandbox.program("sh");
    command.args(["-c", &format!("law() {{ {} \"$@\"; }}; {line}", env!("CARGO_BIN_EXE_law"))]);
    sandbox.finish(command)
}

#[test]
fn what_cannot_be_printed_is_an_error() {
    let sandbox = with_files();
    for line in [
        "law fs ls d",
        "law fs cat d/a.txt",
        "law --help",
        "law fs cp d/a.txt copy",
        "law config defaults",
        "law completion bash",
    ] {
        let closed = sh(&sandbox, &format!("{line} >&-"));
        assert_eq!(closed.code, Some(2), "{line}: {closed:?}");
        assert!(closed.stderr.contains("cannot write to standard output: Bad file descriptor"), "{closed:?}");
    }
    let full = sh(&sandbox, "law fs ls d >/dev/full");
    assert_eq!(full.code, Some(8), "{full:?}");
    assert!(full.only_error().contains("cannot write to standard output: No space left"), "{full:?}");
    // Nothing to print, nothing to miss; and nobody is told of a reader that went away.
    assert_eq!(sh(&sandbox, "law fs exists d/a.txt >&-").code, Some(0));
    assert_eq!(sh(&sandbox, "law fs ls d >/dev/null").code, Some(0));
}

#[test]
fn times_are_those_of_the_place() {
    let sandbox = with_files();
    let time = |zone: &str| {
        let mut command = sandbox.command("ls -l d/a.txt d/a.txt");
        command.env("TZ", zone);
        sandbox.finish(command)
    };
    // The file is of 12:34 in winter.
    for (zone, hours) in [
        ("EST5EDT", "07:34"),
        ("Europe/Berlin", "13:34"),
        (":Europe/Berlin", "13:34"),
        ("CET-1CEST", "13:34"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "13:34"),
        ("<+03>-3", "15:34"),
        ("", "12:34"),
    ] {
        let run = time(zone);
        assert!(run.text().contains(&format!("2024-03-02 {hours}")) && run.stderr.is_empty(), "{zone}: {run}");
    }
    let unknown = time("Nowhere/Town");
    assert!(unknown.text().contains("2024-03-02 12:34"), "{unknown}");
    assert_eq!(unknown.stderr, "warning: the time zone TZ=Nowhere/Town is unknown: times are in UTC\n");
}

#[test]
fn a_place_for_temporary_files_that_fails_is_named() {
    let sandbox = with_files();
    let mut command = sandbox.command("cp - copy");
    command.env("TMPDIR", "/no/such/place").stdin(File::open(sandbox.path("d/a.txt")).unwrap());
    let run = sandbox.finish(command);
    assert_eq!(run.code, Some(3), "{run}");
    assert!(run.only_error().contains("/no/such/place"), "{run}");
    assert!(run.stderr.contains("hint: TMPDIR names another directory"), "{run}");
}
