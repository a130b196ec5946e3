use insta::assert_snapshot;

use crate::sandbox::{OwnServer, Sandbox, fresh};
use crate::{on_both, with_server};

#[test]
fn by_the_storage_and_here() {
    let (sandbox, server) = with_server();
    let url = &server.url;
    let lines = [
        "checksum d/a.txt d/sub/b.txt".to_owned(),
        format!("checksum {url}a.txt"),
        format!("checksum -a md5 {url}a.txt"),
        "checksum --compute -a sha256 d/a.txt".into(),
        "checksum d".into(),
        format!("checksum {url}none"),
        "checksum -a md6 d/a.txt".into(),
    ];
    assert_snapshot!(sandbox.session(lines), @"
    $ law fs checksum d/a.txt d/sub/b.txt
    adler32 084b021f  d/a.txt
    adler32 25f404f8  d/sub/b.txt
    $ law fs checksum http://127.0.0.1:PORT/a.txt
    adler32 084b021f  http://127.0.0.1:PORT/a.txt
    $ law fs checksum -a md5 http://127.0.0.1:PORT/a.txt
    md5 b1946ac92492d2347c6235b4d2611184  http://127.0.0.1:PORT/a.txt
    $ law fs checksum --compute -a sha256 d/a.txt
    sha256 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  d/a.txt
    $ law fs checksum d
    2> law fs checksum: is a directory WORK/d
    [exit 4]
    $ law fs checksum http://127.0.0.1:PORT/none
    2> law fs checksum: not found http://127.0.0.1:PORT/none
    [exit 3]
    $ law fs checksum -a md6 d/a.txt
    2> error: invalid value 'md6' for '--algorithm <ALGORITHM>': unknown; known are adler32, crc32c, crc32, crc64nvme, sha1, md5, sha256, dropbox, sha512
    2>
    2> For more information, try '--help'.
    [exit 2]
    ");
}

#[test]
fn every_algorithm_gives_the_same_in_every_way() {
    on_both(|sandbox, place| {
        for algorithm in ["adler32", "crc32", "crc32c", "crc64nvme", "md5", "sha1", "sha256", "sha512"] {
            let here = sandbox.fs(&format!("checksum --json --compute -a {algorithm} d/a.txt")).objects().remove(0);
            assert_eq!(here["computed"], "here");
            let run = sandbox.fs(&format!("checksum --json -a {algorithm} {place}a.txt"));
            match run.code {
                Some(0) => assert_eq!(run.objects()[0]["checksum"], here["checksum"], "{algorithm}"),
                code => assert_eq!(code, Some(9), "{algorithm}: {run}"),
            }
        }
    });
}

#[test]
fn on_xrootd() {
    let Some(server) = OwnServer::start("xrootd") else { return };
    let url = server.endpoint("XROOTD_HTTP");
    let sandbox = Sandbox::new();
    let base = format!("{url}/{}", fresh("checksum"));
    sandbox.fs_with_input(&format!("cp --mkdir - {base}/a.txt"), "hello\n");
    let lines = [format!("checksum {base}/a.txt"), format!("checksum -a sha512 {base}/a.txt")];
    let session = sandbox.session(lines);
    sandbox.fs(&format!("rm -r {base}"));
    assert_snapshot!(session.replace(base.rsplit('/').next().unwrap(), "BASE"), @"
    $ law fs checksum http://127.0.0.1:PORT/BASE/a.txt
    adler32 084b021f  http://127.0.0.1:PORT/BASE/a.txt
    $ law fs checksum -a sha512 http://127.0.0.1:PORT/BASE/a.txt
    2> law fs checksum: the storage has no sha512 checksum of http://127.0.0.1:PORT/BASE/a.txt
    2>   hint: --compute reads the file and computes it here
    [exit 9]
    ");
}
