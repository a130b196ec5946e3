use insta::assert_snapshot;

use crate::with_files;

#[test]
fn until_it_is_told_to_end() {
    let sandbox = with_files();
    let mut server = sandbox.serve("d");
    assert_eq!(sandbox.fs(&format!("cat {}a.txt", server.url)).text(), "hello\n");
    assert!(server.stop().success());
    assert_eq!(sandbox.fs(&format!("cat {}a.txt", server.url)).code, Some(6));
}

#[test]
fn read_only() {
    let sandbox = with_files();
    let server = sandbox.serve_with("d", "--read-only");
    let url = &server.url;
    let lines = [
        format!("cat {url}a.txt"),
        format!("cp d/a.txt {url}new"),
        format!("cp d/sub/b.txt {url}a.txt"),
        format!("rm {url}a.txt"),
        format!("mkdir {url}new"),
        format!("mv {url}a.txt {url}new"),
    ];
    assert_snapshot!(sandbox.session(lines), @r#"
    $ law fs cat http://127.0.0.1:PORT/a.txt
    hello
    $ law fs cp d/a.txt http://127.0.0.1:PORT/new
    2> law fs cp: read-only storage (HTTP 403 Forbidden, "this server is read-only") http://127.0.0.1:PORT/new; nothing was published
    [exit 5]
    $ law fs cp d/sub/b.txt http://127.0.0.1:PORT/a.txt
    2> law fs cp: read-only storage (HTTP 403 Forbidden, "this server is read-only") http://127.0.0.1:PORT/a.txt; nothing was published
    [exit 5]
    $ law fs rm http://127.0.0.1:PORT/a.txt
    2> law fs rm: read-only storage (HTTP 403 Forbidden, "this server is read-only") http://127.0.0.1:PORT/a.txt
    [exit 5]
    $ law fs mkdir http://127.0.0.1:PORT/new
    2> law fs mkdir: read-only storage (HTTP 403 Forbidden, "this server is read-only") http://127.0.0.1:PORT/new/
    [exit 5]
    $ law fs mv http://127.0.0.1:PORT/a.txt http://127.0.0.1:PORT/new
    2> law fs mv: read-only storage (HTTP 403 Forbidden, "this server is read-only") http://127.0.0.1:PORT/a.txt
    [exit 5]
    "#);
    assert_eq!(sandbox.names("d"), [".hidden", "a.txt", "sub", "sub/b.txt"]);
    assert_eq!(sandbox.read("d/a.txt").unwrap(), b"hello\n");
}

#[test]
fn what_cannot_be_served() {
    let sandbox = with_files();
    let server = sandbox.serve("d");
    let taken = server.url.trim_start_matches("http://").trim_end_matches('/');
    let lines = [
        "serve none".to_owned(),
        "serve d/a.txt".into(),
        "serve --addr 0.0.0.0:0 d".into(),
        "serve --addr nowhere d".into(),
        format!("serve --addr {taken} d"),
    ];
    assert_snapshot!(sandbox.session(lines), @"
    $ law fs serve none
    2> law fs serve: not found WORK/none
    [exit 3]
    $ law fs serve d/a.txt
    2> law fs serve: not a directory WORK/d/a.txt
    [exit 4]
    $ law fs serve --addr 0.0.0.0:0 d
    2> law fs serve: other machines could reach this address 0.0.0.0:0
    2>   hint: --allow-foreign serves it, to everybody and without a password
    [exit 2]
    $ law fs serve --addr nowhere d
    2> error: invalid value 'nowhere' for '--addr <ADDRESS>': an address has a port, such as 127.0.0.1:PORT or localhost:PORT
    2>
    2> For more information, try '--help'.
    [exit 2]
    $ law fs serve --addr 127.0.0.1:PORT d
    2> law fs serve: cannot listen on 127.0.0.1:PORT: Address already in use (os error 98)
    [exit 6]
    ");
}

#[test]
fn another_server_is_served_on() {
    let sandbox = with_files();
    let first = sandbox.serve("d");
    let second = crate::sandbox::Served::start(sandbox.command(&format!("serve {}sub", first.url)));
    assert_eq!(sandbox.fs(&format!("cat {}b.txt", second.url)).text(), "a longer text\n");
    assert_eq!(sandbox.fs(&format!("cp d/a.txt {}", second.url)).code, Some(0));
    assert_eq!(sandbox.read("d/sub/a.txt").unwrap(), b"hello\n");
}

#[test]
fn where_it_is_can_be_opened() {
    let sandbox = with_files();
    for options in ["--addr localhost:0", "--addr 0.0.0.0:0 --allow-foreign"] {
        let mut child = sandbox.command(&format!("serve {options} d")).spawn().unwrap();
        let mut url = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut url).unwrap();
        let run = sandbox.fs(&format!("cat {}a.txt", url.trim_end()));
        crate::sandbox::send(&child, rustix::process::Signal::TERM);
        child.wait().unwrap();
        assert!(!url.contains("0.0.0.0") && run.text() == "hello\n", "{url}: {run}");
    }
}
