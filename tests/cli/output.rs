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
    let served = format!("{}%FF%20%231%0A%2541", server.url);
    assert_eq!(sandbox.fs_words(["cat", &served]).text(), "odd");
    for command in ["stat", "checksum --compute", "exists", "du"] {
        let words = command.split(' ').chain(["--json", &local]);
        assert_eq!(sandbox.fs_words(words).objects()[0]["url"], local.as_str(), "{command}");
    }
}

/// The fields of an object that can be typed again.
fn ends(object: &serde_json::Value) -> [String; 2] {
    ["from", "to"].map(|end| object[end].as_str().unwrap().to_owned())
}

#[test]
fn both_ends_of_a_copy_can_be_typed_again() {
    let (sandbox, server) = with_server();
    std::fs::write(sandbox.path("d").join(OsStr::from_bytes(b"\xff #1")), "odd").unwrap();
    let copied = sandbox.fs_words(["cp", "--json", &format!("{}%FF%20%231", server.url), "copy?"]);
    let [from, to] = ends(&copied.objects()[0]);
    assert_eq!(from, format!("{}%FF%20%231", server.url));
    assert!(to.starts_with("file:///") && to.ends_with("/work/copy%3F"), "{to}");
    for place in [&from, &to] {
        assert_eq!(sandbox.fs_words(["cat", place]).text(), "odd", "{place}");
    }
    let back = sandbox.fs_words(["mv", "--json", &to, &format!("{}%FE", server.url)]);
    assert_eq!(ends(&back.objects()[0]), [to, format!("{}%FE", server.url)]);
    assert_eq!(std::fs::read(sandbox.path("d").join(OsStr::from_bytes(b"\xfe"))).unwrap(), b"odd");
    let tree = sandbox.fs_words(["cp", "-r", "--json", "--manifest", "list", &server.url, "tree"]);
    let listed = String::from_utf8(sandbox.read("list").unwrap()).unwrap();
    let entries = listed.lines().map(|line| serde_json::from_str(line).unwrap());
    for object in tree.objects().into_iter().chain(entries) {
        let [from, to] = ends(&object).map(|end| sandbox.fs_words(["cat", &end]));
        assert_eq!((from.code, from.text()), (Some(0), to.text()), "{object}");
    }
    let removed = sandbox.fs_words(["rm", "--json", &format!("{}%FE", server.url)]);
    assert_eq!(removed.objects()[0]["place"], format!("{}%FE", server.url));
    assert!(sandbox.fs_words(["exists", &format!("{}%FE", server.url)]).code == Some(3));
}

#[test]
fn paths_within_directories_keep_their_bytes() {
    let sandbox = with_files();
    std::fs::write(sandbox.path("d/sub").join(OsStr::from_bytes(b"\xff\n")), "odd").unwrap();
    std::fs::create_dir(sandbox.path("e")).unwrap();
    let differences = sandbox.fs("check --json d e").objects();
    let odd = differences.iter().find(|object| object["path_encoded"] == "sub/%FF%0A").unwrap();
    assert_eq!((odd["path"].as_str(), odd["outcome"].as_str()), (Some("sub/\u{fffd}\n"), Some("missing")));
    assert!(differences.iter().any(|object| object["path"] == "a.txt" && object.get("path_encoded").is_none()));
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

/// A limit of the process stands for a full disk: who writes beyond it is told that the file is too large.
#[test]
fn a_place_for_temporary_files_that_is_full_is_named() {
    let (sandbox, server) = with_server();
    sandbox.write("large", vec![0; 1 << 20]);
    let run = sh(&sandbox, &format!("trap '' XFSZ; ulimit -f 64; law fs cp - {}copy <large", server.url));
    assert_ne!(run.code, Some(0), "{run}");
    assert!(run.stderr.contains("/tmp: ") && run.stderr.contains("hint: TMPDIR names another directory"), "{run}");
    assert!(run.stderr.contains("nothing was published as "), "{run}");
}
