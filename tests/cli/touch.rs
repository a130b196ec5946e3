use insta::assert_snapshot;

use crate::{on_both, with_server};

#[test]
fn makes_empty_files_and_the_directories_above() {
    on_both(|sandbox, place| {
        assert_eq!(sandbox.fs(&format!("touch {place}new/x {place}y")).to_string(), "");
        assert_eq!(sandbox.read("d/new/x").unwrap(), b"");
        assert_eq!(sandbox.names("d"), [".hidden", "a.txt", "new", "new/x", "sub", "sub/b.txt", "y"]);
    });
}

#[test]
fn a_file_keeps_its_content() {
    on_both(|sandbox, place| {
        assert_eq!(sandbox.fs(&format!("touch {place}a.txt")).code, Some(0));
        assert_eq!(sandbox.read("d/a.txt").unwrap(), b"hello\n");
    });
}

#[test]
fn what_is_said() {
    let (sandbox, server) = with_server();
    let url = &server.url;
    let lines =
        [format!("touch {url}a.txt"), format!("touch --dry-run d/a.txt none {url}none"), "touch d/a.txt/x".into()];
    assert_snapshot!(sandbox.session(lines), @"
    $ law fs touch http://127.0.0.1:PORT/a.txt
    2> http://127.0.0.1:PORT/a.txt exists; this storage cannot renew its time
    $ law fs touch --dry-run d/a.txt none http://127.0.0.1:PORT/none
    would renew the time of WORK/d/a.txt
    would make WORK/none
    would make http://127.0.0.1:PORT/none
    $ law fs touch d/a.txt/x
    2> law fs touch: not a directory WORK/d/a.txt
    [exit 4]
    ");
    assert_eq!(sandbox.names(""), ["d", "d/.hidden", "d/a.txt", "d/sub", "d/sub/b.txt"]);
}
