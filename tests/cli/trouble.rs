//! What is told of a server in trouble.

use law_faults::FaultProxy;
use serde_json::Value;

use crate::sandbox::{Run, Sandbox};

/// A served directory, behind a script.
fn behind(script: &str) -> (Sandbox, crate::Served, FaultProxy) {
    let sandbox = Sandbox::new();
    sandbox.write("disk/file", "old content\n");
    sandbox.write("new", "new content\n");
    let server = sandbox.serve("disk");
    let proxy = FaultProxy::start_blocking(server.address(), script.parse().unwrap()).unwrap();
    (sandbox, server, proxy)
}

/// Its root.
fn url(proxy: &FaultProxy) -> String {
    format!("{}/", proxy.url().trim_end_matches('/'))
}

fn run(script: &str, line: &str) -> (Sandbox, Run) {
    let (sandbox, _server, proxy) = behind(script);
    let run = sandbox.fs(&line.replace("URL", &url(&proxy)));
    assert!(proxy.requests().iter().any(|seen| seen.fault.is_some()), "`{script}` did not happen");
    (sandbox, run)
}

/// What a gateway says passes, and what a server says to a question is asked again at another door only.
#[test]
fn a_gateway_without_its_server_is_asked_again() {
    let (_, again) = run("* status 502 times 2", "cat URLfile");
    assert_eq!((again.code, again.stdout.as_slice()), (Some(0), &b"old content\n"[..]), "{again}");
    let (_, once) = run("* status 500 times 2", "cat URLfile");
    assert_eq!(once.code, Some(6), "{once}");
}

/// Who cannot look does not know what happened: it is looked again, whatever the server said.
#[test]
fn a_look_after_a_lost_answer_is_repeated() {
    for code in [500, 502, 503] {
        let (sandbox, server, proxy) = behind("");
        let script = format!("MOVE close-before-response once; PROPFIND status {code} from 2 times 2");
        // How many questions come before is the server's business: they are those that a MOVE without trouble needs.
        drop(sandbox.fs(&format!("cp new {}other", url(&proxy))));
        let before = proxy.requests().iter().position(|seen| seen.method == "MOVE").unwrap();
        let questions = proxy.requests()[..before].iter().filter(|seen| seen.method == "PROPFIND").count();
        proxy.set_script(script.replace("from 2", &format!("from {}", questions + 1)).parse().unwrap());
        let run = sandbox.fs(&format!("cp new {}next", url(&proxy)));
        assert_eq!(run.code, Some(0), "{run}");
        assert_eq!(sandbox.names("disk"), ["file", "next", "other"]);
        drop(server);
    }
}

/// Each attempt has left a file, and each is named, once.
#[test]
fn all_that_is_left_behind_is_named() {
    let script = "HEAD lie-digest adler32=00000001; DELETE status 500";
    for json in ["", " --json"] {
        let (sandbox, run) = run(script, &format!("cp new URLfile{json}"));
        let last = run.stderr.lines().rfind(|line| !line.contains("hint:")).unwrap();
        let left: Vec<String> = sandbox.names("disk").into_iter().filter(|name| name.ends_with(".lawpart")).collect();
        assert!(left.len() > 1, "{run}");
        assert!(left.iter().all(|name| last.matches(name.as_str()).count() >= 1), "{left:?}: {run}");
    }
}

/// Whoever reads objects reads nothing else.
#[test]
fn warnings_are_objects_where_errors_are() {
    let script = "HEAD lie-digest adler32=00000001; DELETE status 500";
    let (_, warned) = run(script, "cp new URLfile --json");
    let objects: Vec<Value> = warned.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let warnings: Vec<&Value> = objects.iter().filter(|object| object["level"] == "warn").collect();
    assert!(!warnings.is_empty() && warnings.iter().all(|warning| warning["message"].is_string()), "{warned}");
    assert!(objects.last().unwrap()["error"].is_string());
    let (_, verbose) = run("GET delay 1", "cat URLfile --json -vv");
    assert!(verbose.stderr.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{verbose}");
}

#[test]
fn a_checksum_that_makes_no_sense_is_no_secret() {
    let (_, run) = run("* lie-digest 12345678", "cp new URLother");
    assert_eq!(run.code, Some(0), "{run}");
    let warnings: Vec<&str> = run.stderr.lines().filter(|line| line.contains("cannot be understood")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("12345678"), "{run}");
}

#[test]
fn a_page_for_people_is_called_so() {
    let (_, page) = run("PROPFIND html", "ls URL");
    assert_eq!(page.code, Some(65), "{page}");
    assert!(
        page.stderr.contains("a page for people (HTML) came") && page.stderr.contains("hint: perhaps of a login"),
        "{page}"
    );
    let (_, garbage) = run("* garbage", "ls URL");
    let words = "cannot decode input using UTF-8";
    assert!(garbage.stderr.lines().all(|line| line.matches(words).count() < 2), "{garbage}");
}

#[test]
fn what_was_printed_and_is_wrong_is_not_called_short() {
    let (_, run) = run("HEAD lie-digest adler32=00000001", "cat URLfile");
    assert_eq!(run.code, Some(7), "{run}");
    assert!(run.stderr.contains("the 12 bytes that were printed are not the file: some are wrong or missing"), "{run}");
}

/// What nobody knows stands before what is left beside it, and there is something to do.
#[test]
fn who_cannot_know_is_told_what_to_do() {
    let (sandbox, _server, proxy) = behind("");
    drop(sandbox.fs(&format!("cp new {}other", url(&proxy))));
    let before = proxy.requests().iter().position(|seen| seen.method == "MOVE").unwrap();
    let questions = proxy.requests()[..before].iter().filter(|seen| seen.method == "PROPFIND").count();
    let script = format!(
        "MOVE close-before-response; DELETE status 500; PROPFIND status 500 from {0}; HEAD status 500 from {0}",
        questions + 1
    );
    proxy.set_script(script.parse().unwrap());
    let run = sandbox.fs(&format!("cp new {}next", url(&proxy)));
    assert_eq!(run.code, Some(6), "{run}");
    let line = run.stderr.lines().rfind(|line| line.starts_with("law fs cp: ")).unwrap();
    let unsure =
        line.find("may or may not have been published, and looking failed: ").unwrap_or_else(|| panic!("{run}"));
    assert!(line.find("may be left").is_none_or(|left| left > unsure), "{run}");
    assert!(run.stderr.contains("hint: once the storage can be asked again"), "{run}");
}

/// Who moves, and who copies a tree, hears what is left as who copies a file does.
#[test]
fn what_did_not_come_about_says_what_is_left() {
    for (script, line, left) in [
        ("PROPFIND /file status 403", "cp URLfile here", "nothing was published as "),
        ("GET status 403", "cp URLfile here", "nothing was published"),
        ("GET status 403", "mv URLfile here", "nothing was published"),
        ("GET status 403", "cp -r URL here", "nothing was published"),
        ("HEAD lie-digest adler32=00000001; GET status 403", "cp -r URL here", "nothing was published"),
        ("PROPFIND status 403 from 2", "mv URLfile here", "/file was not moved"),
        ("PROPFIND status 403 from 3", "mv URLfile here", "nothing was published as "),
        ("MOVE status 403", "mv URLfile URLother", "/file was not moved"),
        ("PROPFIND status 403", "cp -r new URLdir/new", "nothing was published as "),
        ("MKCOL status 403", "cp -r tree URL", "nothing was published as "),
    ] {
        let (sandbox, _server, proxy) = behind(script);
        sandbox.write("tree/a", "a");
        let run = sandbox.fs(&line.replace("URL", &url(&proxy)));
        assert_eq!(run.code, Some(5), "{script}: {run}");
        let told = run.stderr.lines().find(|line| line.starts_with("law fs ")).unwrap();
        assert!(told.contains(left), "{script}: {line}: {run}");
        assert_eq!(sandbox.read("disk/file").unwrap(), b"old content\n");
    }
}
