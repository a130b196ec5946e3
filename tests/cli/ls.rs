use insta::assert_snapshot;

use crate::sandbox::{OwnServer, fresh};
use crate::{ODD, on_both, with_files, with_server};

#[test]
fn names_sizes_and_times_of_a_local_directory() {
    let sandbox = with_files();
    assert_snapshot!(sandbox.session(["ls d", "ls -a d", "ls -l d/a.txt", "ls -lR d", "ls -d d", "ls d/a.txt d/sub"]), @"
    $ law fs ls d
    a.txt
    sub
    $ law fs ls -a d
    .hidden
    a.txt
    sub
    $ law fs ls -l d/a.txt
    -rw-r--r--            6 2024-03-02 12:34 d/a.txt
    $ law fs ls -lR d
    d:
    -rw-r--r--            6 2024-03-02 12:34 a.txt
    drwxr-xr-x            - now, or about it sub

    d/sub:
    -rw-r--r--           14 2024-03-02 12:34 b.txt
    $ law fs ls -d d
    d
    $ law fs ls d/a.txt d/sub
    d/a.txt
    d/sub:
    b.txt
    ");
}

#[test]
fn names_sizes_and_times_of_a_served_directory() {
    let (sandbox, server) = with_server();
    let url = &server.url;
    let lines =
        [format!("ls {url}"), format!("ls -l {url}a.txt"), format!("ls -R {url}"), format!("ls -a {url} {url}sub")];
    assert_snapshot!(sandbox.session(lines), @"
    $ law fs ls http://127.0.0.1:PORT/
    a.txt
    sub
    $ law fs ls -l http://127.0.0.1:PORT/a.txt
    -?????????            6 2024-03-02 12:34 http://127.0.0.1:PORT/a.txt
    $ law fs ls -R http://127.0.0.1:PORT/
    http://127.0.0.1:PORT/:
    a.txt
    sub

    http://127.0.0.1:PORT/sub:
    b.txt
    $ law fs ls -a http://127.0.0.1:PORT/ http://127.0.0.1:PORT/sub
    http://127.0.0.1:PORT/:
    .hidden
    a.txt
    sub

    http://127.0.0.1:PORT/sub:
    b.txt
    ");
}

#[test]
fn in_the_order_that_was_asked_for() {
    on_both(|sandbox, place| {
        sandbox.write("d/c.txt", vec![b'x'; 2000]);
        let order = |options: &str| sandbox.fs(&format!("ls {options} {place}")).text().replace('\n', " ");
        assert_eq!(order(""), "a.txt c.txt sub ");
        assert_eq!(order("-r"), "sub c.txt a.txt ");
        assert_eq!(order("-S"), "c.txt a.txt sub ");
        assert_eq!(order("-t"), "sub a.txt c.txt ");
        let mut unsorted: Vec<String> = order("-U").split_whitespace().map(str::to_owned).collect();
        unsorted.sort();
        assert_eq!(unsorted, ["a.txt", "c.txt", "sub"]);
    });
}

#[test]
fn one_object_a_line() {
    on_both(|sandbox, place| {
        let run = sandbox.fs(&format!("ls --json {place}"));
        let objects = run.objects();
        let names: Vec<&str> = objects.iter().map(|o| o["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["a.txt", "sub"]);
        assert_eq!((&objects[0]["kind"], &objects[0]["size"]), (&"file".into(), &6.into()));
        assert_eq!(objects[0]["modified"], "2024-03-02T12:34:00Z");
        assert_eq!(objects[1]["kind"], "directory");
        assert!(objects[0]["url"].as_str().unwrap().ends_with("/a.txt"), "{run:?}");
    });
}

#[test]
fn an_odd_name_is_shown_as_it_is_and_its_url_as_it_must_be_typed() {
    let (sandbox, server) = with_server();
    sandbox.write(&format!("d/{ODD}"), "odd");
    let objects = sandbox.fs(&format!("ls --json {}", server.url)).objects();
    let odd = objects.iter().find(|object| object["name"] == ODD).unwrap();
    assert_eq!(sandbox.fs(&format!("cat {}", odd["url"].as_str().unwrap())).text(), "odd");
}

#[test]
fn a_name_cannot_forge_the_output() {
    on_both(|sandbox, place| {
        sandbox.write("d/sub/\u{1b}[31mred\nb.txt", "");
        let run = sandbox.fs(&format!("ls {place}sub"));
        assert!(!run.text().contains('\u{1b}') && run.text().lines().count() == 2, "{run}");
    });
}

#[test]
fn what_is_not_there() {
    let (sandbox, server) = with_server();
    let url = &server.url;
    let lines = ["ls nothing".to_owned(), format!("ls {url}nothing"), format!("ls d nothing {url}nothing")];
    assert_snapshot!(sandbox.session(lines), @"
    $ law fs ls nothing
    2> law fs ls: not found WORK/nothing
    [exit 3]
    $ law fs ls http://127.0.0.1:PORT/nothing
    2> law fs ls: not found http://127.0.0.1:PORT/nothing
    [exit 3]
    $ law fs ls d nothing http://127.0.0.1:PORT/nothing
    d:
    a.txt
    sub
    2> law fs ls: not found WORK/nothing
    2> law fs ls: not found http://127.0.0.1:PORT/nothing
    [exit 3]
    ");
}

#[test]
fn a_server_that_stopped_is_not_an_empty_directory() {
    let (sandbox, mut server) = with_server();
    server.stop();
    assert_snapshot!(sandbox.session([format!("ls {}", server.url)]), @"
    $ law fs ls http://127.0.0.1:PORT/
    2> law fs ls: cannot connect to http://127.0.0.1:PORT: Connection refused (os error 111): tried 4 times in N s
    [exit 6]
    ");
}

#[test]
fn a_configured_name() {
    let (sandbox, server) = with_server();
    sandbox.write("law.toml", format!("[fs.lab]\ndoors = [\"{}\"]\nbase = \"/sub\"\n", server.url));
    assert_snapshot!(sandbox.session(["ls -R lab:", "cat lab:b.txt", "ls -l lab:b.txt", "ls lap:"]), @r#"
    $ law fs ls -R lab:
    lab:
    b.txt
    $ law fs cat lab:b.txt
    a longer text
    $ law fs ls -l lab:b.txt
    -?????????           14 2024-03-02 12:34 lab:b.txt
    $ law fs ls lap:
    2> law fs ls: configuration: there is no file system "lap"; did you mean "lab"?
    [exit 2]
    "#);
}

#[test]
fn on_xrootd() {
    let Some(server) = OwnServer::start("xrootd") else { return };
    let url = server.endpoint("XROOTD_HTTP");
    let sandbox = with_files();
    let base = format!("{url}/{}", fresh("ls"));
    assert_eq!(sandbox.fs(&format!("cp -r --mkdir d/ {base}")).code, Some(0));
    let session = sandbox.session([format!("ls -l {base}"), format!("ls -aR {base}"), format!("ls {base}/none")]);
    sandbox.fs(&format!("rm -r {base}"));
    assert_snapshot!(session.replace(&base, "http://XROOTD").replace(base.rsplit('/').next().unwrap(), "BASE"), @"
    $ law fs ls -l http://127.0.0.1:PORT/BASE
    -?????????            6 now, or about it a.txt
    d?????????            - now, or about it sub
    $ law fs ls -aR http://127.0.0.1:PORT/BASE
    http://127.0.0.1:PORT/BASE:
    .hidden
    a.txt
    sub

    http://127.0.0.1:PORT/BASE/sub:
    b.txt
    $ law fs ls http://127.0.0.1:PORT/BASE/none
    2> law fs ls: not found http://127.0.0.1:PORT/BASE/none
    [exit 3]
    ");
}

#[test]
fn a_directory_that_nobody_may_see() {
    let Some(server) = OwnServer::start("xrootd") else { return };
    let (url, denied) = (server.endpoint("XROOTD_HTTP"), server.endpoint("XROOTD_DENIED"));
    assert_snapshot!(with_files().session([format!("ls {url}{denied}")]), @r#"
    $ law fs ls http://127.0.0.1:PORT/denied
    2> law fs ls: permission denied (HTTP 403 Forbidden, "Unable to open directory /denied/; permission denied") http://127.0.0.1:PORT/denied/
    2>   hint: nobody was named: law fs token show PLACE tells where a credential is looked for
    [exit 5]
    "#);
}

#[test]
fn a_file_on_xrootd_that_may_be_executed_is_a_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(server) = OwnServer::start("xrootd") else { return };
    let file = std::path::PathBuf::from(server.endpoint("XROOTD_DATA")).join("run.sh");
    std::fs::write(&file, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (sandbox, url) = (crate::with_files(), server.endpoint("XROOTD_HTTP"));
    assert_eq!(sandbox.fs(&format!("stat --json {url}/run.sh")).objects()[0]["kind"], "file");
    assert_eq!(sandbox.fs(&format!("cp -qr {url}/ all --exclude /denied/** --exclude /readonly/**")).code, Some(0));
    assert_eq!(sandbox.read("all/run.sh").unwrap(), b"#!/bin/sh\n");
}
