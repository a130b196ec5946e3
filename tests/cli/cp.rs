use insta::assert_snapshot;

use crate::sandbox::{OwnServer, Sandbox, fresh, pattern, setting};
use crate::{ODD, on_both, with_files, with_server};

#[test]
fn between_disk_and_server_in_both_directions() {
    let (sandbox, server) = with_server();
    let url = &server.url;
    let lines = [
        "cp d/a.txt copy.txt".to_owned(),
        format!("cp {url}a.txt down.txt"),
        format!("cp {url}a.txt down.txt"),
        format!("cp down.txt {url}up.txt"),
        format!("cp {url}up.txt {url}within.txt"),
        format!("cp -q {url}up.txt quiet.txt"),
    ];
    assert_snapshot!(sandbox.session(lines), @"
    $ law fs cp d/a.txt copy.txt
    WORK/d/a.txt -> WORK/copy.txt (6B, copied by this machine)
    $ law fs cp http://127.0.0.1:PORT/a.txt down.txt
    http://127.0.0.1:PORT/a.txt -> WORK/down.txt (6B, adler32 084b021f agrees)
    $ law fs cp http://127.0.0.1:PORT/a.txt down.txt
    http://127.0.0.1:PORT/a.txt -> WORK/down.txt (6B, has the same content already)
    $ law fs cp down.txt http://127.0.0.1:PORT/up.txt
    WORK/down.txt -> http://127.0.0.1:PORT/up.txt (6B, adler32 084b021f agrees)
    $ law fs cp http://127.0.0.1:PORT/up.txt http://127.0.0.1:PORT/within.txt
    http://127.0.0.1:PORT/up.txt -> http://127.0.0.1:PORT/within.txt (6B, copied by the storage)
    $ law fs cp -q http://127.0.0.1:PORT/up.txt quiet.txt
    ");
    for name in ["copy.txt", "down.txt", "d/up.txt", "d/within.txt", "quiet.txt"] {
        assert_eq!(sandbox.read(name).unwrap(), b"hello\n", "{name}");
    }
}

#[test]
fn files_of_all_sizes_are_the_same_at_both_ends() {
    let (sandbox, server) = with_server();
    for size in [0, 1, 65_535, 65_536, 1_048_577, 9_000_000] {
        let content = pattern(size, size as u32);
        sandbox.write("local", &content);
        let lines =
            [format!("cp local {}f", server.url), format!("cp -f {}f back", server.url), "cp -f back again".into()];
        for line in lines {
            assert_eq!(sandbox.fs(&line).code, Some(0), "{line}, {size} bytes");
        }
        for name in ["d/f", "back", "again"] {
            assert!(sandbox.read(name).unwrap() == content, "{name}, {size} bytes");
        }
    }
    assert!(sandbox.scratch().is_empty());
}

/// What `cp` with these options leaves of `here` (`new\n`) copied over `there` (`old\n`), and its exit code.
fn over(sandbox: &Sandbox, place: &str, options: &str) -> (String, Option<i32>) {
    sandbox.write("here", "new\n");
    sandbox.write("d/there", "old\n");
    let run = sandbox.fs(&format!("cp {options} here {place}there"));
    (String::from_utf8(sandbox.read("d/there").unwrap()).unwrap(), run.code)
}

#[test]
fn who_may_replace_a_file() {
    on_both(|sandbox, place| {
        for (options, content, code) in [
            ("", "new\n", 0),
            ("-f", "new\n", 0),
            ("--force", "new\n", 0),
            ("--overwrite always", "new\n", 0),
            ("--overwrite differs", "new\n", 0),
            ("-n", "old\n", 0),
            ("--overwrite never", "old\n", 0),
            ("--overwrite fail", "old\n", 4),
            ("--dry-run", "old\n", 0),
            ("--dry-run -f", "old\n", 0),
        ] {
            assert_eq!(over(sandbox, place, options), (content.to_owned(), Some(code)), "{options}");
        }
    });
}

#[test]
fn the_same_content_is_copied_only_if_that_is_wanted() {
    on_both(|sandbox, place| {
        let outcome = |options: &str| {
            let run = sandbox.fs(&format!("cp --json {options} d/a.txt {place}copy"));
            run.objects()[0]["outcome"].as_str().unwrap().to_owned()
        };
        assert_eq!(outcome("--dry-run"), "would copy");
        assert_eq!(outcome(""), "copied");
        assert_eq!(outcome(""), "same");
        assert_eq!(outcome("-n"), "kept");
        assert_eq!(outcome("-f"), "copied");
    });
}

/// What a copy of `source/{x,y/z}` makes.
fn tree(sandbox: &Sandbox, place: &str, line: &str) -> Vec<String> {
    let _ = std::fs::remove_dir_all(sandbox.path("d/to"));
    let _ = std::fs::remove_dir_all(sandbox.path("d/new"));
    sandbox.write("source/x", "x");
    sandbox.write("source/y/z", "z");
    std::fs::create_dir_all(sandbox.path("source/empty")).unwrap();
    std::fs::create_dir_all(sandbox.path("d/to")).unwrap();
    let run = sandbox.fs(&line.replace("PLACE", place));
    assert_eq!(run.code, Some(0), "{line}: {run}");
    let made = sandbox.names("d").into_iter().filter(|name| name.starts_with("to/") || name.starts_with("new"));
    made.collect()
}

#[test]
fn trees_go_where_rsync_puts_them() {
    on_both(|sandbox, place| {
        let below = |top: &str| ["", "/empty", "/x", "/y", "/y/z"].map(|name| format!("{top}{name}"));
        assert_eq!(tree(sandbox, place, "cp -r source PLACEto/"), below("to/source"));
        assert_eq!(tree(sandbox, place, "cp -r source PLACEto"), below("to/source"));
        assert_eq!(tree(sandbox, place, "cp -r source/ PLACEto/"), below("to")[1..]);
        assert_eq!(tree(sandbox, place, "cp -rT source PLACEto"), below("to")[1..]);
        assert_eq!(tree(sandbox, place, "cp -r source PLACEnew"), below("new"));
        assert_eq!(tree(sandbox, place, "cp -r source/ PLACEnew"), below("new"));
        assert_eq!(
            tree(sandbox, place, "cp -r --mkdir source PLACEnew/"),
            [vec!["new".into()], below("new/source").to_vec()].concat()
        );
        assert_eq!(tree(sandbox, place, "cp -r --dry-run source PLACEnew"), [""; 0]);
    });
}

#[test]
fn what_a_tree_says() {
    let (sandbox, server) = with_server();
    let lines = [
        format!("cp -r {}sub tree", server.url),
        format!("cp -r {}sub/ tree", server.url),
        format!("cp -rn {}sub/ tree", server.url),
        "cp -r --dry-run tree other".to_owned(),
        "cp -rq tree other".into(),
    ];
    assert_snapshot!(sandbox.session(lines), @"
    $ law fs cp -r http://127.0.0.1:PORT/sub tree
    http://127.0.0.1:PORT/sub/b.txt -> WORK/tree/b.txt (14B, adler32 25f404f8 agrees)
    2> http://127.0.0.1:PORT/sub -> WORK/tree: 1 file copied, 14B
    $ law fs cp -r http://127.0.0.1:PORT/sub/ tree
    http://127.0.0.1:PORT/sub/b.txt -> WORK/tree/b.txt (14B, has the same content already)
    2> http://127.0.0.1:PORT/sub -> WORK/tree: 0 files copied, 1 unchanged
    $ law fs cp -rn http://127.0.0.1:PORT/sub/ tree
    http://127.0.0.1:PORT/sub/b.txt -> WORK/tree/b.txt (14B, exists, kept)
    2> http://127.0.0.1:PORT/sub -> WORK/tree: 0 files copied, 1 kept
    $ law fs cp -r --dry-run tree other
    WORK/tree/b.txt -> WORK/other/b.txt (14B, would copy)
    2> WORK/tree -> WORK/other: would copy 1 file, 14B
    $ law fs cp -rq tree other
    ");
}

#[test]
fn of_a_tree_everything_goes_that_can() {
    let (sandbox, server) = with_server();
    sandbox.write("tree/good", "good");
    sandbox.write("tree/sub", "a file where the server has a directory");
    std::os::unix::fs::symlink("good", sandbox.path("tree/link")).unwrap();
    let run = sandbox.fs(&format!("cp -qr tree/ {}", server.url));
    assert_snapshot!(run, @"
    2> skipped WORK/tree/link: a symbolic link
    2> law fs cp: is a directory http://127.0.0.1:PORT/sub
    [exit 4]
    ");
    assert_eq!(sandbox.read("d/good").unwrap(), b"good");
}

#[test]
fn several_files() {
    let (sandbox, server) = with_server();
    sandbox.write("one", "1");
    let lines = [
        format!("cp one d/a.txt {}sub", server.url),
        "cp one d/a.txt d/sub/b.txt".to_owned(),
        "cp one d/a.txt none".into(),
        "cp one none d d/sub".into(),
    ];
    assert_snapshot!(sandbox.session(lines), @"
    $ law fs cp one d/a.txt http://127.0.0.1:PORT/sub
    WORK/one -> http://127.0.0.1:PORT/sub/one (1B, adler32 00320032 agrees)
    WORK/d/a.txt -> http://127.0.0.1:PORT/sub/a.txt (6B, adler32 084b021f agrees)
    $ law fs cp one d/a.txt d/sub/b.txt
    2> law fs cp: not a directory WORK/d/sub/b.txt
    [exit 4]
    $ law fs cp one d/a.txt none
    2> law fs cp: no such directory WORK/none
    2>   hint: --mkdir makes it, law fs mkdir does too
    [exit 3]
    $ law fs cp one none d d/sub
    WORK/one -> WORK/d/sub/one (1B, has the same content already)
    2> law fs cp: not found WORK/none
    2> law fs cp: is a directory WORK/d
    2>   hint: cp -r copies it with everything below it
    [exit 1]
    ");
    assert_eq!(sandbox.read("d/sub/one").unwrap(), b"1");
}

#[test]
fn what_is_not_copied() {
    let (sandbox, server) = with_server();
    let url = &server.url;
    let lines = [
        "cp none x".to_owned(),
        format!("cp {url}none x"),
        "cp d/a.txt none/".into(),
        "cp d/a.txt none/x".into(),
        format!("cp d/a.txt {url}none/x"),
        "cp d/a.txt d/sub/b.txt/".into(),
        "cp d/a.txt d/sub/b.txt/x".into(),
        format!("cp d/a.txt {url}sub/b.txt/x"),
        "cp d x".into(),
        "cp -r d d/sub/d".into(),
        "cp -T d/a.txt d/sub".into(),
        "cp d/a.txt d/a.txt".into(),
        format!("cp {url}a.txt {url}a.txt"),
    ];
    assert_snapshot!(sandbox.session(lines), @"
    $ law fs cp none x
    2> law fs cp: not found WORK/none
    [exit 3]
    $ law fs cp http://127.0.0.1:PORT/none x
    2> law fs cp: not found http://127.0.0.1:PORT/none
    [exit 3]
    $ law fs cp d/a.txt none/
    2> law fs cp: no such directory WORK/none
    2>   hint: --mkdir makes it, law fs mkdir does too
    [exit 3]
    $ law fs cp d/a.txt none/x
    2> law fs cp: not found WORK/none
    2>   hint: --mkdir makes the directories above the copy
    [exit 3]
    $ law fs cp d/a.txt http://127.0.0.1:PORT/none/x
    2> law fs cp: not found http://127.0.0.1:PORT/none
    2>   hint: --mkdir makes the directories above the copy
    [exit 3]
    $ law fs cp d/a.txt d/sub/b.txt/
    2> law fs cp: not a directory WORK/d/sub/b.txt
    [exit 4]
    $ law fs cp d/a.txt d/sub/b.txt/x
    2> law fs cp: not a directory WORK/d/sub/b.txt
    [exit 4]
    $ law fs cp d/a.txt http://127.0.0.1:PORT/sub/b.txt/x
    2> law fs cp: not a directory http://127.0.0.1:PORT/sub/b.txt
    [exit 4]
    $ law fs cp d x
    2> law fs cp: is a directory WORK/d
    2>   hint: cp -r copies it with everything below it
    [exit 4]
    $ law fs cp -r d d/sub/d
    2> law fs cp: a directory cannot be copied into itself WORK/d/sub/d
    [exit 2]
    $ law fs cp -T d/a.txt d/sub
    2> law fs cp: is a directory WORK/d/sub
    [exit 4]
    $ law fs cp d/a.txt d/a.txt
    2> law fs cp: WORK/d/a.txt and WORK/d/a.txt are the same file
    [exit 2]
    $ law fs cp http://127.0.0.1:PORT/a.txt http://127.0.0.1:PORT/a.txt
    2> law fs cp: http://127.0.0.1:PORT/a.txt and http://127.0.0.1:PORT/a.txt are the same file
    [exit 2]
    ");
    assert_eq!(sandbox.names(""), ["d", "d/.hidden", "d/a.txt", "d/sub", "d/sub/b.txt"]);
}

#[test]
fn a_pipe_is_no_file() {
    let sandbox = with_files();
    rustix::fs::mknodat(rustix::fs::CWD, sandbox.path("pipe"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();
    assert_snapshot!(sandbox.session(["cp pipe x"]), @"
    $ law fs cp pipe x
    2> law fs cp: neither a file nor a directory WORK/pipe
    2>   hint: what a pipe or a device gives can be copied from `-`
    [exit 2]
    ");
}

#[test]
fn standard_input_and_output() {
    on_both(|sandbox, place| {
        let content = pattern(1_500_000, 3);
        let run = sandbox.fs_with_input(&format!("cp - {place}in"), &content);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
        assert!(sandbox.read("d/in").unwrap() == content);
        let run = sandbox.fs(&format!("cp {place}in -"));
        assert!((run.code, run.stderr.as_str()) == (Some(0), "") && run.stdout == content);
        assert!(sandbox.scratch().is_empty(), "what was spooled is gone");
    });
}

#[test]
fn standard_input_follows_the_same_rules() {
    on_both(|sandbox, place| {
        let run =
            |options: &str, name: &str| sandbox.fs_with_input(&format!("cp {options} - {place}{name}"), "new").code;
        assert_eq!(run("--dry-run", "none"), Some(0));
        assert_eq!(run("", "none/x"), Some(3));
        assert_eq!(run("", "sub"), Some(4));
        assert_eq!(run("--overwrite fail", "a.txt"), Some(4));
        assert_eq!(run("-n", "a.txt"), Some(0));
        assert_eq!(sandbox.read("d/a.txt").unwrap(), b"hello\n");
        assert_eq!(run("", "a.txt"), Some(0));
        assert_eq!(sandbox.read("d/a.txt").unwrap(), b"new");
        assert_eq!(run("--mkdir", "p/q"), Some(0));
        assert_eq!(sandbox.names("d"), [".hidden", "a.txt", "p", "p/q", "sub", "sub/b.txt"]);
    });
}

#[test]
fn what_is_said_of_standard_input() {
    let (sandbox, server) = with_server();
    assert_snapshot!(sandbox.fs_with_input("cp - new", "12345"), @"- -> WORK/new (5B, copied by this machine)");
    assert_snapshot!(sandbox.fs_with_input(&format!("cp - {}new", server.url), "12345"), @"- -> http://127.0.0.1:PORT/new (5B, adler32 02f80100 agrees)");
    assert_snapshot!(sandbox.fs_with_input("cp --dry-run - other", "12345"), @"2> would write standard input to WORK/other");
    assert_snapshot!(sandbox.fs_with_input("cp - d", "12345"), @"
    2> law fs cp: is a directory WORK/d
    [exit 4]
    ");
}

#[test]
fn odd_names_survive_the_way_there_and_back() {
    let (sandbox, server) = with_server();
    for name in
        [ODD, "100%", "%2e%2e", "a#b", "a?b=c", "a+b", "a:b", "\u{65e5}\u{672c} \u{3bc}", "-n", "~", "a;b&c", "*"]
    {
        let content = name.repeat(3);
        sandbox.write(&format!("out/{name}"), &content);
        assert_eq!(sandbox.fs(&format!("cp './out/{name}' {}", server.url)).code, Some(0), "{name}");
        assert_eq!(sandbox.read(&format!("d/{name}")).unwrap(), content.as_bytes(), "{name}");
    }
    assert_eq!(sandbox.fs(&format!("cp -r {} back", server.url)).code, Some(0));
    assert_eq!(sandbox.names("back"), sandbox.names("d"));
    assert_eq!(sandbox.read(&format!("back/{ODD}")).unwrap(), ODD.repeat(3).as_bytes());
}

#[test]
fn how_much_proof_is_wanted() {
    let (sandbox, server) = with_server();
    let url = &server.url;
    let copy = |verify: &str, line: &str| {
        let object = &sandbox.fs(&format!("cp -f --json --verify {verify} {line}")).objects()[0];
        object["proof"].as_str().unwrap().to_owned()
    };
    for line in [format!("{url}a.txt down"), format!("d/sub/b.txt {url}up")] {
        assert!(copy("auto", &line).starts_with("adler32 "), "{line}");
        assert!(copy("require", &line).starts_with("adler32 "), "{line}");
        assert_eq!(copy("size", &line), "size agrees", "{line}");
    }
}

#[test]
fn proof_that_a_storage_cannot_give() {
    let Some(url) = setting("NGINX_HTTP") else { return };
    let sandbox = with_files();
    let base = format!("{url}/open/{}", fresh("proof"));
    let lines = [
        format!("cp --mkdir d/a.txt {base}/a.txt"),
        format!("cp --verify require d/sub/b.txt {base}/a.txt"),
        format!("cp --verify require {base}/a.txt down"),
        format!("cp {base}/a.txt down"),
    ];
    let session = sandbox.session(lines);
    sandbox.fs(&format!("rm -r {base}"));
    assert_snapshot!(session.replace(base.rsplit('/').next().unwrap(), "BASE"), @"
    $ law fs cp --mkdir d/a.txt http://127.0.0.1:PORT/open/BASE/a.txt
    WORK/d/a.txt -> http://127.0.0.1:PORT/open/BASE/a.txt (6B, size agrees)
    $ law fs cp --verify require d/sub/b.txt http://127.0.0.1:PORT/open/BASE/a.txt
    2> law fs cp: the server gives no checksum to compare with http://127.0.0.1:PORT/open/BASE/a.txt; nothing was published
    2>   hint: --verify auto is content with the size
    [exit 9]
    $ law fs cp --verify require http://127.0.0.1:PORT/open/BASE/a.txt down
    2> law fs cp: the storage gives no checksum to compare with for http://127.0.0.1:PORT/open/BASE/a.txt; nothing was published
    2>   hint: --verify auto is content with the size
    [exit 9]
    $ law fs cp http://127.0.0.1:PORT/open/BASE/a.txt down
    http://127.0.0.1:PORT/open/BASE/a.txt -> WORK/down (6B, size agrees)
    ");
}

#[test]
fn the_time_is_kept_where_that_is_wanted_and_possible() {
    let (sandbox, server) = with_server();
    assert_eq!(sandbox.fs(&format!("cp -p {}a.txt kept", server.url)).code, Some(0));
    assert_eq!(sandbox.fs("stat --json kept").objects()[0]["modified"], "2024-03-02T12:34:00Z");
    assert_eq!(sandbox.fs(&format!("cp {}a.txt new", server.url)).code, Some(0));
    assert_ne!(sandbox.fs("stat --json new").objects()[0]["modified"], "2024-03-02T12:34:00Z");
}

#[test]
fn on_xrootd() {
    let Some(server) = OwnServer::start("xrootd") else { return };
    let url = server.endpoint("XROOTD_HTTP");
    let sandbox = with_files();
    let base = format!("{url}/{}", fresh("cp"));
    let lines = [
        format!("cp d/a.txt {base}/a.txt"),
        format!("cp --mkdir d/a.txt {base}/a.txt"),
        format!("cp d/a.txt {base}/a.txt"),
        format!("cp d/sub/b.txt {base}/a.txt"),
        format!("cp {base}/a.txt down"),
        format!("cp -r d {base}/"),
    ];
    let session = sandbox.session(lines);
    assert_eq!(sandbox.fs(&format!("cp -rq {base}/d back")).to_string(), "");
    assert_eq!(sandbox.names("back"), sandbox.names("d"));
    sandbox.fs(&format!("rm -r {base}"));
    let tree = session.find("$ law fs cp -r d").unwrap();
    assert_snapshot!(session[..tree].replace(base.rsplit('/').next().unwrap(), "BASE"), @"
    $ law fs cp d/a.txt http://127.0.0.1:PORT/BASE/a.txt
    2> law fs cp: not found http://127.0.0.1:PORT/BASE
    2>   hint: --mkdir makes the directories above the copy
    [exit 3]
    $ law fs cp --mkdir d/a.txt http://127.0.0.1:PORT/BASE/a.txt
    WORK/d/a.txt -> http://127.0.0.1:PORT/BASE/a.txt (6B, adler32 084b021f agrees)
    $ law fs cp d/a.txt http://127.0.0.1:PORT/BASE/a.txt
    WORK/d/a.txt -> http://127.0.0.1:PORT/BASE/a.txt (6B, has the same content already)
    $ law fs cp d/sub/b.txt http://127.0.0.1:PORT/BASE/a.txt
    WORK/d/sub/b.txt -> http://127.0.0.1:PORT/BASE/a.txt (14B, adler32 25f404f8 agrees)
    $ law fs cp http://127.0.0.1:PORT/BASE/a.txt down
    http://127.0.0.1:PORT/BASE/a.txt -> WORK/down (14B, adler32 25f404f8 agrees)
    ");
    assert_eq!(sandbox.read("down").unwrap(), b"a longer text\n");
}

#[test]
fn where_nobody_may_write() {
    let Some(server) = OwnServer::start("xrootd") else { return };
    let (url, closed) = (server.endpoint("XROOTD_HTTP"), server.endpoint("XROOTD_READONLY"));
    let lines = [format!("cp d/a.txt {url}{closed}/new"), format!("cp d/a.txt {url}{closed}/file.txt")];
    assert_snapshot!(with_files().session(lines), @r#"
    $ law fs cp d/a.txt http://127.0.0.1:PORT/readonly/new
    2> law fs cp: permission denied (HTTP 403 Forbidden, "Unable to create /readonly/.new.NONCE.lawpart; permission denied") http://127.0.0.1:PORT/readonly/new; nothing was published
    2>   hint: nobody was named: law fs token show PLACE tells where a credential is looked for
    [exit 5]
    $ law fs cp d/a.txt http://127.0.0.1:PORT/readonly/file.txt
    2> law fs cp: permission denied (HTTP 403 Forbidden, "Unable to create /readonly/.file.txt.NONCE.lawpart; permission denied") http://127.0.0.1:PORT/readonly/file.txt; nothing was published
    2>   hint: nobody was named: law fs token show PLACE tells where a credential is looked for
    [exit 5]
    "#);
}

#[test]
fn a_dry_run_of_a_tree_notices_what_would_fail() {
    let sandbox = crate::with_files();
    for line in ["cp -r d none/copy", "cp -r --dry-run d none/copy"] {
        assert_eq!(sandbox.fs(line).code, Some(3), "{line}");
    }
    let run = sandbox.fs("cp -r --dry-run d copy");
    assert!(run.code == Some(0) && run.stderr.contains(": would copy "), "{run}");
    assert!(!sandbox.path("copy").exists());
}
