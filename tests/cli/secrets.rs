//! A password in a URL is used, and never seen again.

use law_faults::{FaultProxy, Script};

use crate::sandbox::{Sandbox, address_of, fresh, setting};
use crate::with_server;

const PASSWORD: &str = "hunter2-%C3%BC";
const FORBIDDEN: [&str; 4] = ["hunter2", "aHVudGVyMi", "YWxpY2U6", "Basic "];

fn assert_no_secret(sandbox: &Sandbox, line: &str) {
    let run = sandbox.fs(line);
    let everything = format!("{}{}", String::from_utf8_lossy(&run.stdout), run.stderr);
    for secret in FORBIDDEN {
        assert!(!everything.contains(secret), "{secret} is shown by `{line}`:\n{everything}");
    }
}

#[test]
fn not_in_the_output_nor_in_the_log() {
    let (sandbox, server) = with_server();
    let proxy = FaultProxy::start_blocking(server.address(), Script::new()).unwrap();
    let url = proxy.url().replace("http://", &format!("http://alice:{PASSWORD}@"));
    let closed = url.replace(&proxy.address().port().to_string(), "1");
    for command in ["ls", "stat", "cat", "exists", "show", "checksum", "rm", "touch --dry-run", "cp -r d"] {
        for options in ["", "--json", "-vv"] {
            for place in [format!("{url}/a.txt"), format!("{url}/none"), format!("{closed}/x"), format!("{url}:x/y")] {
                assert_no_secret(&sandbox, &format!("{command} {options} {place}"));
            }
        }
    }
    // The password was really sent.
    assert!(proxy.requests().iter().any(|request| request.header("authorization").is_some()));
}

#[test]
fn not_when_the_server_refuses_or_misbehaves() {
    let (sandbox, server) = with_server();
    for script in
        ["* status 401", "* status 403 body hunter2", "* redirect self", "* status 500", "* close-before-response"]
    {
        let script = script.replace("body hunter2", "");
        let proxy = FaultProxy::start_blocking(server.address(), script.parse().unwrap()).unwrap();
        let url = proxy.url().replace("http://", &format!("http://alice:{PASSWORD}@"));
        for options in ["", "--json", "-vv"] {
            assert_no_secret(&sandbox, &format!("cp {options} d/a.txt {url}/b.txt"));
            assert_no_secret(&sandbox, &format!("cat {options} {url}/a.txt"));
        }
    }
}

#[test]
fn not_in_a_settings_error() {
    let sandbox = Sandbox::new();
    for setting in ["fs.x.password=hunter2", "fs.x.token=hunter2", "fs.x.pasword=hunter2"] {
        assert_no_secret(&sandbox, &format!("ls --set {setting} x:"));
        assert_no_secret(
            &sandbox,
            &format!("ls --set {setting} --set fs.x.user=me --set fs.x.doors=http://127.0.0.1:1 -vv x:"),
        );
    }
}

#[test]
fn with_a_server_that_asks_for_it() {
    let Some(url) = setting("RCLONE_HTTP") else { return };
    let sandbox = Sandbox::new();
    sandbox.write("a", "content");
    let name = fresh("secret");
    let known = url.replace("http://", "http://alice:secret@");
    let run = sandbox.fs(&format!("cp -vv a {known}/{name}"));
    assert_eq!(run.code, Some(0), "{run}");
    assert!(!run.stderr.contains("secret@") && !run.text().contains("secret@"), "{run}");
    assert_eq!(sandbox.fs(&format!("rm {known}/{name}")).code, Some(0));
    let run = sandbox.fs(&format!("ls {}", url.replace("http://", "http://alice:wrong@")));
    assert_eq!((run.code, run.stderr.contains("wrong")), (Some(77), false), "{run}");
    assert_eq!(address_of(&url).ip().to_string(), "127.0.0.1");
}

#[test]
fn not_in_what_is_mistyped() {
    let sandbox = crate::with_files();
    for words in [vec!["fs", "ls", "davs:/me:MARKER@h/x"], vec!["config", "add", "x", "http://h/?access_token=MARKER"]]
    {
        let run = sandbox.law(&words);
        assert_eq!(run.code, Some(2), "{run}");
        assert!(!run.stderr.contains("MARKER") && !run.text().contains("MARKER"), "{run}");
    }
}
