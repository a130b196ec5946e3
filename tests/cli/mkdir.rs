use insta::assert_snapshot;

use crate::{ODD, on_both, with_server};

#[test]
fn makes_directories() {
    on_both(|sandbox, place| {
        assert_eq!(sandbox.fs(&format!("mkdir {place}new {place}new/below")).to_string(), "");
        assert_eq!(sandbox.fs(&format!("mkdir -p {place}p/q/r {place}p")).to_string(), "");
        for directory in ["d/new/below", "d/p/q/r"] {
            assert!(sandbox.path(directory).is_dir(), "{directory}");
        }
    });
}

#[test]
fn odd_names() {
    let (sandbox, server) = with_server();
    assert_eq!(sandbox.fs(&format!("mkdir 'd/{ODD}' {}%20%25%23", server.url)).code, Some(0));
    assert!(sandbox.path(&format!("d/{ODD}")).is_dir() && sandbox.path("d/ %#").is_dir());
}

#[test]
fn what_is_said() {
    let (sandbox, server) = with_server();
    let url = &server.url;
    let lines = [
        "mkdir d".to_owned(),
        format!("mkdir {url}sub"),
        "mkdir none/below".into(),
        format!("mkdir {url}none/below"),
        "mkdir -p d/a.txt/x".into(),
        format!("mkdir -p {url}a.txt/x"),
        format!("mkdir --dry-run new {url}new"),
    ];
    assert_snapshot!(sandbox.session(lines), @"
    $ law fs mkdir d
    2> law fs mkdir: already exists WORK/d
    [exit 4]
    $ law fs mkdir http://127.0.0.1:PORT/sub
    2> law fs mkdir: already exists http://127.0.0.1:PORT/sub
    [exit 4]
    $ law fs mkdir none/below
    2> law fs mkdir: not found WORK/none/below
    2>   hint: mkdir -p makes the directories above it, too
    [exit 3]
    $ law fs mkdir http://127.0.0.1:PORT/none/below
    2> law fs mkdir: not found http://127.0.0.1:PORT/none
    2>   hint: mkdir -p makes the directories above it, too
    [exit 3]
    $ law fs mkdir -p d/a.txt/x
    2> law fs mkdir: not a directory WORK/d/a.txt/x
    [exit 4]
    $ law fs mkdir -p http://127.0.0.1:PORT/a.txt/x
    2> law fs mkdir: not a directory http://127.0.0.1:PORT/a.txt
    [exit 4]
    $ law fs mkdir --dry-run new http://127.0.0.1:PORT/new
    would make WORK/new
    would make http://127.0.0.1:PORT/new
    ");
    assert_eq!(sandbox.names(""), ["d", "d/.hidden", "d/a.txt", "d/sub", "d/sub/b.txt"]);
}
