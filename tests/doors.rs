//! Several doors of one storage, as a user sees them.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "this is all test code, also where no function is a test"
)]

#[allow(dead_code, reason = "every test crate uses its part of it")]
mod sandbox;

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use law_faults::{FaultProxy, Script};
use sandbox::{Sandbox, Served, pattern};

const SIZE: usize = 5_000_000;

/// A storage with a file, reached by a proxy for each script, and a `law.toml` that has them as doors of `site:`.
struct Site {
    sandbox: Sandbox,
    proxies: Vec<FaultProxy>,
    _server: Served,
}

impl Site {
    fn new(scripts: &[&str], others: &[String]) -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("disk/file", pattern(SIZE, 1));
        let server = sandbox.serve("disk");
        let proxy = |script: &&str| FaultProxy::start_blocking(server.address(), script.parse().unwrap()).unwrap();
        let proxies: Vec<FaultProxy> = scripts.iter().map(proxy).collect();
        let urls: Vec<String> = proxies.iter().map(|proxy| proxy.url().to_owned()).chain(others.to_vec()).collect();
        sandbox.write("law.toml", format!("[fs.site]\ndoors = {urls:?}\n"));
        Self { sandbox, proxies, _server: server }
    }

    /// How often each door was asked for bytes of the file, and from where.
    fn ranges(&self) -> Vec<Vec<Option<String>>> {
        let range = |seen: &law_faults::Seen| seen.header("range").map(str::to_owned);
        let gets =
            |proxy: &FaultProxy| proxy.requests().iter().filter(|seen| seen.method == "GET").map(range).collect();
        self.proxies.iter().map(gets).collect()
    }
}

/// A server that accepts and never answers, and one that resets; both count.
fn listener(resets: bool) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming().flatten() {
            counter.fetch_add(1, Ordering::SeqCst);
            if resets { reset(&stream) } else { held.push(stream) }
        }
    });
    (url, count)
}

/// Bytes that nobody read make a closed connection a reset one.
fn reset(mut stream: &TcpStream) {
    let _ = stream.read(&mut [0]);
}

#[test]
fn a_copy_needs_one_good_door() {
    let (hanging, asked) = listener(false);
    let site = Site::new(&[""], &[hanging, "http://127.0.0.1:9".into()]);
    for name in ["one", "two", "three"] {
        let run = site.sandbox.fs(&format!("cp -q site:file {name}"));
        assert_eq!(run.to_string(), "");
        assert!(site.sandbox.read(name).unwrap() == pattern(SIZE, 1));
    }
    // Once beside a call that ended before, and once by one that found out.
    assert!(asked.load(Ordering::SeqCst) <= 2, "who was found to hang was asked again");
    let run = site.sandbox.fs("cp -q one site:copy");
    assert_eq!(run.to_string(), "");
    assert!(site.sandbox.read("disk/copy").unwrap() == pattern(SIZE, 1));
}

#[test]
fn a_door_that_dies_in_the_middle_of_a_file_costs_what_is_left_of_it() {
    // Whichever is asked first.
    for _ in 0..4 {
        let dies = "GET /file reset at 3000000 once; * refuse from 2";
        let site = Site::new(&[dies, dies, ""], &[]);
        let run = site.sandbox.fs("cp --verify require site:file copy");
        assert_eq!(run.code, Some(0), "{run}");
        assert!(site.sandbox.read("copy").unwrap() == pattern(SIZE, 1));
        let ranges = site.ranges();
        let whole = ranges.iter().flatten().filter(|range| range.is_none()).count();
        assert_eq!(whole, 1, "it began anew: {ranges:?}");
        assert!(ranges[2].iter().flatten().all(|range| range.ends_with(&format!("-{}", SIZE - 1))), "{ranges:?}");
    }
}

#[test]
fn a_door_that_flips_bytes_is_not_believed_and_another_is_asked() {
    for _ in 0..3 {
        let flips = "GET /file flip at 2500000";
        let site = Site::new(&[flips, flips, ""], &[]);
        let run = site.sandbox.fs("cp site:file copy");
        assert_eq!(run.code, Some(0), "{run}");
        assert!(site.sandbox.read("copy").unwrap() == pattern(SIZE, 1));
    }
    let flips = "GET /file flip at 2500000";
    let site = Site::new(&[flips, flips], &[]);
    site.sandbox.write("copy", "old content");
    let run = site.sandbox.fs("cp site:file copy");
    assert_eq!(run.code, Some(7), "{run}");
    assert!(site.sandbox.read("copy").unwrap() == b"old content");
    let line = run.only_error();
    for proxy in &site.proxies {
        assert!(line.contains(proxy.url().trim_end_matches('/')), "{line}");
    }
    assert!(line.contains("checksum mismatch ("), "{line}");
}

/// A batch of jobs that begin together, at a storage of which one door resets every connection.
#[test]
fn many_processes_learn_once_that_a_door_is_down() {
    const PROCESSES: usize = 100;
    let (resetting, asked) = listener(true);
    let site = Site::new(&["", ""], &[resetting]);
    let stat = |_| {
        let mut command = site.sandbox.command("stat site:file");
        command.stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    let children: Vec<_> = (0..PROCESSES).map(stat).collect();
    assert!(children.into_iter().all(|mut child| child.wait().unwrap().success()));
    let asked = asked.load(Ordering::SeqCst);
    assert!(asked <= 10, "it was asked {asked} times");
}

#[test]
fn what_is_known_of_doors_is_shown_and_forgotten() {
    let site = Site::new(&["", "* status 503"], &["http://127.0.0.1:9".into()]);
    let states = |run: &sandbox::Run| -> Vec<String> {
        let lines = String::from_utf8_lossy(&run.stdout).into_owned();
        let state =
            |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["state"].as_str().unwrap().to_owned();
        lines.lines().map(state).collect()
    };
    assert_eq!(states(&site.sandbox.fs("doors --json site")), ["unknown", "unknown", "unknown"]);
    let probe = site.sandbox.fs("doors --probe --json site:");
    assert_eq!((probe.code, states(&probe)), (Some(6), vec!["well".into(), "failing".into(), "failing".into()]));
    let table = site.sandbox.fs("doors");
    let shown = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(shown.starts_with("file system  door "), "{shown}");
    assert!(shown.lines().count() == 4 && shown.contains("failing"), "{shown}");
    assert_eq!(site.sandbox.fs("doors --reset").to_string(), "");
    assert_eq!(states(&site.sandbox.fs("doors --json")), ["unknown", "unknown", "unknown"]);
    assert_eq!(site.sandbox.fs("doors nowhere").code, Some(2));
}

#[test]
fn when_all_doors_are_down_the_line_names_them_and_what_is_left() {
    let site = Site::new(&["* close-before-response", "* status 503"], &["http://127.0.0.1:9".into()]);
    // The later ones find doors that are left alone by then.
    for line in ["ls site:", "exists site:file", "cp law.toml site:new", "rm site:file"] {
        let run = site.sandbox.fs(line);
        assert_eq!(run.code, Some(6), "{run}");
        // Before it, there may be a word about a long wait.
        let error = run.stderr.lines().last().unwrap();
        for proxy in &site.proxies {
            assert!(error.contains(proxy.url().trim_end_matches('/')), "{error}");
        }
        assert!(error.contains("http://127.0.0.1:9 (") && error.contains(" in "), "{error}");
    }
    assert_eq!(site.sandbox.names("disk"), ["file"]);
}

/// The answer to the request that publishes is lost: it is looked whether it happened, if need be through another door.
#[test]
fn a_lost_answer_is_neither_a_failure_nor_a_second_copy() {
    for script in ["MOVE close-before-response once", "MOVE stall-head once", "MOVE reset at 0 once"] {
        for scripts in [vec![script], vec![script, script]] {
            let site = Site::new(&scripts, &[]);
            site.sandbox.write("new", pattern(100_000, 5));
            for name in ["file", "other"] {
                let run = site.sandbox.fs(&format!("cp --set fs.*.timeouts.first_byte=400ms new site:{name}"));
                assert_eq!(run.code, Some(0), "{script}: {run}");
                assert!(site.sandbox.read(&format!("disk/{name}")).unwrap() == pattern(100_000, 5));
            }
            assert_eq!(site.sandbox.names("disk"), ["file", "other"]);
        }
    }
}

#[test]
fn secrets_are_in_no_log_whatever_fails() {
    let site = Site::new(&["* status 503", "* close-before-response", "* status 401"], &[]);
    let toml = String::from_utf8(site.sandbox.read("law.toml").unwrap()).unwrap();
    site.sandbox.write("law.toml", format!("{toml}token = \"hunter2-token\"\n"));
    for options in ["", "-v", "-vv", "--json", "-vv --log-format json"] {
        for line in
            ["ls site:", "cp site:file copy", "cp law.toml site:new", "mv site:file site:moved", "doors --probe"]
        {
            let run = site.sandbox.fs(&format!("{line} {options}"));
            let all = format!("{}{}", String::from_utf8_lossy(&run.stdout), run.stderr);
            assert!(!all.contains("hunter2"), "`{line} {options}` shows it: {all}");
        }
    }
    let sent = |proxy: &FaultProxy| proxy.requests().iter().any(|seen| seen.header("authorization").is_some());
    assert!(site.proxies.iter().any(sent), "the token was sent");
    for proxy in &site.proxies {
        proxy.set_script(Script::new());
    }
}

#[test]
fn a_storage_says_how_much_proof_it_wants() {
    let site = Site::new(&["", ""], &[]);
    let shown = |line: &str| String::from_utf8_lossy(&site.sandbox.fs(line).stdout).into_owned();
    assert!(shown("cp site:file a").contains("adler32"));
    let toml = String::from_utf8(site.sandbox.read("law.toml").unwrap()).unwrap();
    site.sandbox.write("law.toml", format!("{toml}verify = \"size\"\n"));
    // Of two storages the more careful one decides, and the local disk is as careful as usual.
    assert!(shown("cp --set fs.*.verify=size site:file b").contains("adler32"));
    assert!(!shown("cp --verify size site:file c").contains("adler32"));
    assert!(!shown("cp -T site:file site:copy").contains("adler32"));
}

#[test]
fn the_doctor_asks_every_door() {
    let site = Site::new(&["", "* status 503"], &["http://127.0.0.1:9".into()]);
    let run = site.sandbox.fs("doctor --no-write site:");
    let shown = String::from_utf8_lossy(&run.stdout).into_owned();
    let lines: Vec<&str> = shown.lines().filter(|line| line.contains(" door ")).collect();
    assert_eq!(lines.len(), 3, "{shown}");
    assert!(lines[0].starts_with("ok") && lines[0].contains(site.proxies[0].url().trim_end_matches('/')), "{shown}");
    assert!(lines[1].starts_with("FAIL") && lines[2].starts_with("FAIL"), "{shown}");
    assert!(shown.contains("ok    list"), "the others go on: {shown}");
}
