//! `chmod`, `checksum --check`, `tail --follow`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use insta::assert_snapshot;
use rustix::process::Signal;

use crate::sandbox::{Sandbox, send};

fn mode(sandbox: &Sandbox, name: &str) -> u32 {
    std::fs::metadata(sandbox.path(name)).unwrap().permissions().mode() & 0o777
}

#[test]
fn permissions_are_set_where_there_are_some() {
    let sandbox = Sandbox::new();
    sandbox.write("d/e/file", "x");
    assert_eq!(sandbox.fs("chmod 640 d/e/file").code, Some(0));
    assert_eq!(mode(&sandbox, "d/e/file"), 0o640);
    assert_eq!(sandbox.fs("chmod -R go-rwx,u+rwX d").code, Some(0));
    assert_eq!((mode(&sandbox, "d/e/file"), mode(&sandbox, "d/e"), mode(&sandbox, "d")), (0o600, 0o700, 0o700));
    assert_eq!(sandbox.fs("chmod --dry-run 777 d").code, Some(0));
    assert_eq!(mode(&sandbox, "d"), 0o700);
    assert_eq!((sandbox.fs("chmod 640 nosuch").code, sandbox.fs("chmod 9 d").code), (Some(3), Some(2)));
    let server = sandbox.serve("d");
    assert_eq!(sandbox.fs(&format!("chmod 640 {}/e/file", server.url)).code, Some(9), "WebDAV has none");
}

#[test]
fn files_are_compared_with_a_list() {
    let sandbox = Sandbox::new();
    sandbox.write("d/a.txt", "hello\n");
    sandbox.write("d/b.txt", "other\n");
    sandbox.write("list", "b1946ac92492d2347c6235b4d2611184  a.txt\nb1946ac92492d2347c6235b4d2611184 *./b.txt\n");
    sandbox.write("bad", "b1946ac92492d2347c6235b4d2611184  a.txt\nadler32 00000001  nosuch\n");
    let server = sandbox.serve("d");
    let lines = [
        "checksum --check list d".to_owned(),
        format!("checksum --check list {}", server.url),
        "checksum --check bad d".into(),
        "checksum --check d/a.txt d".into(),
    ];
    assert_snapshot!(sandbox.session(lines), @"
    $ law fs checksum --check list d
    a.txt: OK
    2> law fs checksum: checksum mismatch (md5 b1946ac92492d2347c6235b4d2611184 in the list, ba7790b1708b71cb2b61b1a30d824712 there) WORK/d/b.txt
    [exit 7]
    $ law fs checksum --check list http://127.0.0.1:PORT/
    a.txt: OK
    2> law fs checksum: checksum mismatch (md5 b1946ac92492d2347c6235b4d2611184 in the list, ba7790b1708b71cb2b61b1a30d824712 there) http://127.0.0.1:PORT/b.txt
    [exit 7]
    $ law fs checksum --check bad d
    a.txt: OK
    2> law fs checksum: not found WORK/d/nosuch
    [exit 3]
    $ law fs checksum --check d/a.txt d
    2> law fs checksum: no line of a list of checksums: `hello` WORK/d/a.txt
    [exit 65]
    ");
    // What it prints is what it takes.
    let printed = sandbox.fs("checksum -a sha256 --compute d/a.txt d/b.txt");
    sandbox.write("own", printed.text());
    assert_eq!(sandbox.fs("checksum --check own").code, Some(0));
}

#[test]
fn what_is_added_is_followed() {
    let sandbox = Sandbox::new();
    sandbox.write("d/log", "one\ntwo\n");
    let server = sandbox.serve("d");
    let mut child = sandbox.command(&format!("tail -n 1 -f {}/log", server.url)).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "two");
    let mut log = std::fs::OpenOptions::new().append(true).open(sandbox.path("d/log")).unwrap();
    log.write_all(b"three\n").unwrap();
    assert_eq!(lines.next().unwrap(), "three");
    // Shorter than it was: another one.
    sandbox.write("d/log", "new\n");
    assert_eq!(lines.next().unwrap(), "new");
    send(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(sandbox.fs("tail -f d/log d/log").code, Some(2));
}
