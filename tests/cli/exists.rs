use insta::assert_snapshot;

use crate::sandbox::{OwnServer, Sandbox, setting};
use crate::{ODD, on_both, with_server};

#[test]
fn yes_and_no() {
    on_both(|sandbox, place| {
        sandbox.write(&format!("d/{ODD}"), "");
        // In a URL, `%`, `#` and `?` have to be escaped.
        let odd = if place.starts_with("http") { "odd%20name%20%2541%20%231%20%3Fx%20%C3%BC.txt" } else { ODD };
        for (name, code) in [("a.txt", 0), ("sub", 0), ("sub/", 0), ("", 0), ("none", 3), ("none/x", 3), (odd, 0)] {
            let run = sandbox.fs(&format!("exists '{place}{name}'"));
            assert_eq!((run.code, run.text(), run.stderr.as_str()), (Some(code), "", ""), "{place}{name}");
        }
    });
}

#[test]
fn as_an_object() {
    on_both(|sandbox, place| {
        for (name, exists) in [("a.txt", true), ("none", false)] {
            assert_eq!(sandbox.fs(&format!("exists --json {place}{name}")).objects()[0]["exists"], exists);
        }
    });
}

#[test]
fn a_stopped_server_is_an_error_and_never_a_no() {
    let (sandbox, mut server) = with_server();
    server.stop();
    let (plain, json) = (format!("exists {}a.txt", server.url), format!("exists --json {}a.txt", server.url));
    assert_snapshot!(sandbox.session([plain]), @"
    $ law fs exists http://127.0.0.1:PORT/a.txt
    2> law fs exists: cannot connect to http://127.0.0.1:PORT: Connection refused (os error 111): tried 4 times in N s
    [exit 6]
    ");
    let object = sandbox.fs(&json).error_object();
    assert_eq!((&object["error"], &object["exit"]), (&"unavailable".into(), &6.into()));
}

#[test]
fn what_keeps_from_asking_is_never_a_no() {
    let (sandbox, server) = with_server();
    let url = &server.url;
    let lines = [
        "exists dvas://door.example/x".to_owned(),
        "exists lab:x".into(),
        "exists http://".into(),
        format!("exists --ca ./no-such-ca.pem {}", url.replace("http://127.0.0.1", "https://localhost")),
        "exists d/a.txt/x".into(),
    ];
    assert_snapshot!(sandbox.session(lines), @r#"
    $ law fs exists dvas://door.example/x
    2> law fs exists: unknown scheme `dvas` dvas://door.example/x
    2>   hint: did you mean davs://?
    [exit 2]
    $ law fs exists lab:x
    2> law fs exists: configuration: there is no file system "lab"; law config add lab URL makes one
    [exit 2]
    $ law fs exists http://
    2> law fs exists: a URL without a host http://
    [exit 2]
    $ law fs exists --ca ./no-such-ca.pem https://localhost:PORT/
    2> law fs exists: cannot read the certificate authorities in ./no-such-ca.pem: No such file or directory (os error 2)
    [exit 2]
    $ law fs exists d/a.txt/x
    [exit 3]
    "#);
}

#[test]
fn a_directory_that_nobody_may_see() {
    let Some(server) = OwnServer::start("xrootd") else { return };
    let (url, denied) = (server.endpoint("XROOTD_HTTP"), server.endpoint("XROOTD_DENIED"));
    assert_eq!(Sandbox::new().fs(&format!("exists {url}{denied}/x")).code, Some(5));
}

#[test]
fn a_certificate_of_an_unknown_authority() {
    let (Some(url), Some(wrong), Some(right)) = (setting("XROOTD_HTTPS"), setting("WRONG_CA"), setting("CA")) else {
        return;
    };
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.fs(&format!("exists --ca {right} {url}/")).code, Some(0));
    assert_snapshot!(sandbox.fs(&format!("exists --ca {wrong} {url}/")), @r#"
    2> law fs exists: the certificate of localhost is not trusted https://localhost:PORT: invalid peer certificate: UnknownIssuer
    2>   hint: if its authority is your site's, name it: ca = "/path/to/ca.pem" in [fs.NAME], or --ca
    [exit 6]
    "#);
}

#[test]
fn an_authority_in_the_settings_that_is_missing_is_never_a_no() {
    let sandbox = Sandbox::new();
    let run = sandbox.fs("exists --set fs.lab.ca=/none.pem --set fs.lab.doors=https://localhost:1 lab:a");
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("/none.pem"), "{}", run.stderr);
}
