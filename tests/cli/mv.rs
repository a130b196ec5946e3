use insta::assert_snapshot;

use crate::sandbox::{OwnServer, fresh, pattern};
use crate::{on_both, with_files, with_server};

#[test]
fn within_a_storage() {
    on_both(|sandbox, place| {
        sandbox.write("d/old", "old");
        assert_eq!(sandbox.fs(&format!("mv {place}a.txt {place}old")).code, Some(0));
        assert_eq!(sandbox.read("d/old").unwrap(), b"hello\n");
        assert_eq!(sandbox.fs(&format!("mv {place}old {place}sub")).code, Some(0));
        assert_eq!(sandbox.fs(&format!("mv -T {place}sub {place}dir")).code, Some(0));
        assert_eq!(sandbox.names("d"), [".hidden", "dir", "dir/b.txt", "dir/old"]);
    });
}

#[test]
fn between_storages() {
    let (sandbox, server) = with_server();
    let content = pattern(2_000_000, 1);
    sandbox.write("large", &content);
    let lines = [
        format!("mv large {}", server.url),
        format!("mv {}sub here", server.url),
        format!("mv {}a.txt here {}", server.url, server.url),
    ];
    assert_snapshot!(sandbox.session(lines), @"
    $ law fs mv large http://127.0.0.1:PORT/
    WORK/large -> http://127.0.0.1:PORT/large (copied, verified, removed the source)
    $ law fs mv http://127.0.0.1:PORT/sub here
    http://127.0.0.1:PORT/sub -> WORK/here (copied, verified, removed the source)
    $ law fs mv http://127.0.0.1:PORT/a.txt here http://127.0.0.1:PORT/
    WORK/here -> http://127.0.0.1:PORT/here (copied, verified, removed the source)
    2> law fs mv: http://127.0.0.1:PORT/a.txt and http://127.0.0.1:PORT/a.txt are the same file
    [exit 2]
    ");
    assert!(sandbox.read("d/large").unwrap() == content);
    assert_eq!(sandbox.names(""), ["d", "d/.hidden", "d/a.txt", "d/here", "d/here/b.txt", "d/large"]);
}

#[test]
fn what_is_not_moved() {
    let (sandbox, server) = with_server();
    let url = &server.url;
    let lines = [
        "mv none x".to_owned(),
        format!("mv {url}none x"),
        "mv d/a.txt none/".into(),
        "mv d/a.txt d/sub d/a.txt".into(),
        format!("mv d/a.txt {url}none/x"),
        "mv -n d/a.txt d/sub/b.txt".into(),
        format!("mv -n {url}a.txt {url}sub/b.txt"),
        format!("mv --dry-run d/a.txt {url}x"),
        "mv d d/sub/d".into(),
        format!("mv {url}sub {url}sub/sub"),
        "mv -T d/a.txt d/sub".into(),
        format!("mv -T {url}sub {url}a.txt"),
        "mv d/a.txt d/a.txt".into(),
    ];
    assert_snapshot!(sandbox.session(lines), @"
    $ law fs mv none x
    2> law fs mv: not found WORK/none
    [exit 3]
    $ law fs mv http://127.0.0.1:PORT/none x
    2> law fs mv: not found http://127.0.0.1:PORT/none
    [exit 3]
    $ law fs mv d/a.txt none/
    2> law fs mv: no such directory WORK/none
    [exit 3]
    $ law fs mv d/a.txt d/sub d/a.txt
    2> law fs mv: not a directory WORK/d/a.txt
    [exit 4]
    $ law fs mv d/a.txt http://127.0.0.1:PORT/none/x
    2> law fs mv: not found http://127.0.0.1:PORT/none
    [exit 3]
    $ law fs mv -n d/a.txt d/sub/b.txt
    WORK/d/a.txt -> WORK/d/sub/b.txt (exists, kept)
    $ law fs mv -n http://127.0.0.1:PORT/a.txt http://127.0.0.1:PORT/sub/b.txt
    http://127.0.0.1:PORT/a.txt -> http://127.0.0.1:PORT/sub/b.txt (exists, kept)
    $ law fs mv --dry-run d/a.txt http://127.0.0.1:PORT/x
    WORK/d/a.txt -> http://127.0.0.1:PORT/x (would move)
    $ law fs mv d d/sub/d
    2> law fs mv: a directory cannot be moved into itself WORK/d
    [exit 2]
    $ law fs mv http://127.0.0.1:PORT/sub http://127.0.0.1:PORT/sub/sub
    2> law fs mv: a directory cannot be moved into itself http://127.0.0.1:PORT/sub
    [exit 2]
    $ law fs mv -T d/a.txt d/sub
    2> law fs mv: is a directory WORK/d/sub
    [exit 4]
    $ law fs mv -T http://127.0.0.1:PORT/sub http://127.0.0.1:PORT/a.txt
    2> law fs mv: already exists http://127.0.0.1:PORT/a.txt
    [exit 4]
    $ law fs mv d/a.txt d/a.txt
    2> law fs mv: WORK/d/a.txt and WORK/d/a.txt are the same file
    [exit 2]
    ");
    assert_eq!(sandbox.names(""), ["d", "d/.hidden", "d/a.txt", "d/sub", "d/sub/b.txt"]);
    assert_eq!(sandbox.read("d/a.txt").unwrap(), b"hello\n");
    assert_eq!(sandbox.read("d/sub/b.txt").unwrap(), b"a longer text\n");
}

#[test]
fn a_tree_with_a_link_stays_where_it_is() {
    let (sandbox, server) = with_server();
    sandbox.write("tree/file", "x");
    std::os::unix::fs::symlink("file", sandbox.path("tree/link")).unwrap();
    assert_snapshot!(sandbox.session([format!("mv tree {}", server.url)]), @"
    $ law fs mv tree http://127.0.0.1:PORT/
    2> law fs mv: cannot move a symbolic link WORK/tree/link; WORK/tree stays; everything else was copied
    [exit 9]
    ");
    assert_eq!(sandbox.names("tree"), ["file", "link"]);
}

#[test]
fn as_an_object() {
    on_both(|sandbox, place| {
        let object = &sandbox.fs(&format!("mv --json {place}a.txt {place}b.txt")).objects()[0];
        assert_eq!(object["outcome"], "renamed");
    });
}

#[test]
fn on_xrootd() {
    let Some(server) = OwnServer::start("xrootd") else { return };
    let url = server.endpoint("XROOTD_HTTP");
    let sandbox = with_files();
    let base = format!("{url}/{}", fresh("mv"));
    let lines = [
        format!("cp --mkdir d/a.txt {base}/a.txt"),
        format!("mv {base}/a.txt {base}/b.txt"),
        format!("mv d/sub/b.txt {base}/b.txt"),
        format!("mv {base}/b.txt back.txt"),
    ];
    let session = sandbox.session(lines);
    sandbox.fs(&format!("rm -r {base}"));
    assert_snapshot!(session.replace(base.rsplit('/').next().unwrap(), "BASE"), @"
    $ law fs cp --mkdir d/a.txt http://127.0.0.1:PORT/BASE/a.txt
    WORK/d/a.txt -> http://127.0.0.1:PORT/BASE/a.txt (6B, adler32 084b021f agrees)
    $ law fs mv http://127.0.0.1:PORT/BASE/a.txt http://127.0.0.1:PORT/BASE/b.txt
    http://127.0.0.1:PORT/BASE/a.txt -> http://127.0.0.1:PORT/BASE/b.txt (renamed)
    $ law fs mv d/sub/b.txt http://127.0.0.1:PORT/BASE/b.txt
    WORK/d/sub/b.txt -> http://127.0.0.1:PORT/BASE/b.txt (copied, verified, removed the source)
    $ law fs mv http://127.0.0.1:PORT/BASE/b.txt back.txt
    http://127.0.0.1:PORT/BASE/b.txt -> WORK/back.txt (copied, verified, removed the source)
    ");
    assert_eq!(sandbox.read("back.txt").unwrap(), b"a longer text\n");
}

#[test]
fn a_file_with_two_names_is_not_lost() {
    let (sandbox, server) = with_server();
    let other = server.url.replace("127.0.0.1", "localhost");
    let lines = [
        format!("mv d/a.txt {}a.txt", server.url),
        format!("mv {other}a.txt {}a.txt", server.url),
        format!("mv {other}a.txt d"),
        format!("mv -T d/sub {}sub", server.url),
    ];
    assert_snapshot!(sandbox.session(lines), @"
    $ law fs mv d/a.txt http://127.0.0.1:PORT/a.txt
    2> law fs mv: WORK/d/a.txt and http://127.0.0.1:PORT/a.txt are the same file; the source is as it was
    [exit 2]
    $ law fs mv http://localhost:PORT/a.txt http://127.0.0.1:PORT/a.txt
    2> law fs mv: http://localhost:PORT/a.txt and http://127.0.0.1:PORT/a.txt are the same file; the source is as it was
    [exit 2]
    $ law fs mv http://localhost:PORT/a.txt d
    2> law fs mv: http://localhost:PORT/a.txt and WORK/d/a.txt are the same file; the source is as it was
    [exit 2]
    $ law fs mv -T d/sub http://127.0.0.1:PORT/sub
    2> law fs mv: WORK/d/sub and http://127.0.0.1:PORT/sub are the same file; the source is as it was
    [exit 2]
    ");
    assert_eq!(sandbox.names("d"), [".hidden", "a.txt", "sub", "sub/b.txt"]);
    assert_eq!(sandbox.read("d/a.txt").unwrap(), b"hello\n");
}

#[test]
fn options_may_stand_between_places() {
    on_both(|sandbox, place| {
        assert_eq!(sandbox.fs(&format!("cp {place}a.txt -f {place}b.txt")).code, Some(0));
        assert_eq!(sandbox.fs(&format!("mv {place}a.txt --no-clobber {place}b.txt -v {place}sub")).code, Some(0));
        assert_eq!(sandbox.fs(&format!("mv {place}sub")).code, Some(2));
    });
}
