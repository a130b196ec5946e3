//! What is told of the doors of a storage, and what each is kept for.

#![allow(clippy::expect_used, clippy::print_stdout, clippy::unwrap_used, reason = "this is all test code")]

#[allow(dead_code, reason = "every test crate uses its part of it")]
mod sandbox;

use std::net::TcpListener;

use law_faults::FaultProxy;
use sandbox::{Run, Sandbox, Served};
use serde_json::Value;

/// A directory that is served, `site:` with doors that the test writes.
struct Site {
    sandbox: Sandbox,
    server: Served,
}

impl Site {
    /// `X` in the doors is the server.
    fn new(doors: &str) -> Self {
        let sandbox = Sandbox::new();
        sandbox.write("disk/file", "content\n");
        sandbox.write("new", "new content\n");
        let server = sandbox.serve("disk");
        let site = Self { sandbox, server };
        site.doors("site", doors);
        site
    }

    fn doors(&self, name: &str, doors: &str) {
        let url = self.server.url.trim_end_matches('/');
        self.sandbox.write("law.toml", format!("[fs.{name}]\ndoors = [{}]\n", doors.replace('X', url)));
    }

    fn fs(&self, line: &str) -> Run {
        self.sandbox.fs(line)
    }
}

/// A port where nobody listens.
const DEAD: &str = "http://127.0.0.1:9";

/// A server that never answers, as long as the listener lives.
fn hanging() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

fn shown(run: &Run) -> String {
    String::from_utf8_lossy(&run.stdout).into_owned()
}

fn object(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// Also the only one, and also on a disk.
#[test]
fn a_door_is_kept_for_its_operations() {
    let site = Site::new("");
    for doors in ["{ url = 'X', ops = ['read', 'list'] }", "{ url = 'file://DISK', ops = ['read', 'list'] }"] {
        site.doors("site", &doors.replace("DISK", &site.sandbox.path("disk").to_string_lossy()));
        for (line, word) in [("cp new site:file", "write"), ("rm site:file", "remove"), ("mkdir site:d", "mkdir")] {
            let run = site.fs(line);
            assert_eq!(run.code, Some(9), "{run}");
            assert!(run.stderr.contains(&format!("no door is kept for `{word}`")), "{run}");
            assert!(run.stderr.contains("hint: `ops`"), "{run}");
        }
        assert_eq!(site.fs("doctor --write site:").code, Some(9));
        assert_eq!(site.sandbox.names("disk"), ["file"]);
        assert_eq!(site.sandbox.read("disk/file").unwrap(), b"content\n");
        // What is read is looked at, and compared.
        for line in ["cat site:file", "cp site:file .", "exists site:file", "ls site:", "checksum site:file"] {
            assert_eq!(site.fs(line).code, Some(0), "{line}");
        }
        std::fs::remove_file(site.sandbox.path("file")).unwrap();
    }
}

#[test]
fn operations_have_the_words_of_the_configuration() {
    let site = Site::new("{ url = 'X', ops = ['read'] }, { url = 'http://127.0.0.1:9', ops = ['write', 'remove'] }");
    let run = shown(&site.fs("doors --json site"));
    let told: Vec<Value> = run.lines().map(|line| object(line)["operations"].clone()).collect();
    assert_eq!(told, [serde_json::json!(["read", "stat", "checksum"]), serde_json::json!(["write", "remove"])]);
}

/// Of several doors none is named that was not used.
#[test]
fn a_place_with_several_doors_is_called_by_its_name() {
    let site = Site::new(&format!("'{DEAD}', 'X'"));
    let used = site.server.url.trim_end_matches('/').to_owned();
    let run = site.fs("cp -f new site:copy");
    assert!(shown(&run).contains("/new -> site:copy (12B, "), "{run}");
    let run = site.fs("cp -f --json new site:copy");
    let told = object(shown(&run).trim());
    assert_eq!((told["to"].as_str(), told["door"].as_str()), (Some("site:copy"), Some(used.as_str())));
    assert!(site.fs("cat site:none").only_error().contains("not found site:none"));
    let run = site.fs("doctor --write site:");
    assert!(shown(&run).contains("ok    write      site:law-doctor-"), "{run}");
    let run = site.sandbox.law(["config", "test"]);
    assert!(shown(&run).contains("\nsite: reached, by one of its 2 doors\n"), "{run}");
}

#[test]
fn a_test_of_the_settings_names_the_file_system_that_failed() {
    let site = Site::new(&format!("'{DEAD}'"));
    let run = site.sandbox.law(["config", "--set", "fs.*.retries=0", "test"]);
    assert!(run.stderr.starts_with("law config test: site: cannot connect to"), "{run}");
}

#[test]
fn a_door_that_hangs_is_found_by_a_probe() {
    let (_listener, url) = hanging();
    let site = Site::new(&format!("'{url}', 'X'"));
    let run = site.fs("doors --probe --deadline 700ms --json site");
    let (run, told) = (run.code, object(shown(&run).lines().next().unwrap()));
    assert_eq!((run, told["state"].as_str(), told["failures"].as_u64()), (Some(6), Some("failing"), Some(1)));
    assert!(told["error"].as_str().unwrap().starts_with("no answer within "), "{told}");
    assert_eq!(object(shown(&site.fs("doors --json site")).lines().next().unwrap())["state"], "failing");
    site.doors("site", &format!("'{url}'"));
    let told = object(shown(&site.fs("doors --probe --deadline 700ms --json site")).trim());
    assert_eq!((told["state"].as_str(), told["failures"].as_u64()), (Some("failing"), Some(1)));
    assert!(told["error"].as_str().unwrap().starts_with("no answer within "), "{told}");
}

#[test]
fn the_end_of_the_time_says_how_long_it_was_and_what_hung() {
    let (_listener, url) = hanging();
    for doors in [format!("'{url}'"), format!("'{url}', 'http://127.0.0.1:9'")] {
        let site = Site::new(&doors);
        let run = site.fs("ls --deadline 1s site:");
        assert_eq!(run.code, Some(6), "{run}");
        assert!(run.stderr.contains("the deadline of 1 s has passed") && run.stderr.contains(&url), "{run}");
        assert!(run.stderr.contains("hint: a longer --deadline"), "{run}");
    }
}

/// Who waits is told for what, long before it is over.
#[test]
fn doors_that_are_silent_are_named_while_they_are_waited_for() {
    let silent: Vec<_> = (0..3).map(|_| hanging()).collect();
    let urls: Vec<&str> = silent.iter().map(|(_, url)| url.as_str()).collect();
    let site = Site::new(&format!("'{}'", urls.join("', '")));
    let run = site.fs("ls --deadline 6s site:");
    let word = run.stderr.lines().next().unwrap();
    assert!(word.contains("no answer for 5 s from ") && urls.iter().all(|url| word.contains(url)), "{run}");
    let told =
        run.stderr.split(" in ").nth(1).and_then(|rest| rest.split(" s").next()).and_then(|text| text.parse().ok());
    assert!(told.is_some_and(|seconds: f64| seconds >= 6.0), "all of the time is told: {run}");
}

#[test]
fn a_url_is_no_name_of_doors() {
    let site = Site::new("'X'");
    let run = site.fs(&format!("doors {}", site.server.url));
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("a name from the configuration is wanted, not a URL"), "{run}");
}

/// What went wrong before anything was sent has left nothing, and the line says for which file.
#[test]
fn what_fails_before_the_upload_has_published_nothing() {
    let (_listener, url) = hanging();
    let site = Site::new("'http://127.0.0.1:9'");
    let proxy = |script: &str| FaultProxy::start_blocking(site.server.address(), script.parse().unwrap()).unwrap();
    let (busy, closed) = (proxy("* status 503"), proxy("* status 401"));
    let ends = [
        ("cp --set fs.*.retries=0 new site:x".to_owned(), "site:x", 6),
        (format!("cp --set fs.*.retries=0 new {}/x", busy.url().trim_end_matches('/')), "/x", 6),
        (format!("cp new {}/x", closed.url().trim_end_matches('/')), "/x", 77),
        (format!("cp --deadline 500ms new {url}/x"), "/x", 6),
        (format!("cp --set fs.*.retries=0 {DEAD}/file new"), "/new", 6),
    ];
    for (line, name, code) in ends {
        let run = site.fs(&line);
        assert_eq!(run.code, Some(code), "{run}");
        assert!(run.stderr.contains("; nothing was published as "), "{run}");
        let run = site.fs(&format!("{line} --json"));
        let told = object(run.stderr.lines().last().unwrap());
        assert!(told["left"].as_str().unwrap().ends_with(name), "{told}");
    }
}
