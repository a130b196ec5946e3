//! `head`, `tail`, `find`, `tree`, `du`, `df`, `rmdir`.

use insta::assert_snapshot;

use crate::{on_both, with_files, with_server};

#[test]
fn the_first_and_the_last_lines() {
    on_both(|sandbox, place| {
        let lines: String = (1..=30_000).map(|number| format!("line {number}\n")).collect();
        sandbox.write("d/lines", &lines);
        sandbox.write("d/open", "one\ntwo\nthree");
        sandbox.write("d/empty", "");
        for (command, expected) in [
            ("head -n 2 lines", "line 1\nline 2\n".to_owned()),
            ("tail -n 2 lines", "line 29999\nline 30000\n".to_owned()),
            ("head lines", lines.lines().take(10).map(|line| format!("{line}\n")).collect()),
            ("tail -n 20000 lines", lines.lines().skip(10_000).map(|line| format!("{line}\n")).collect()),
            ("head -n 50000 lines", lines.clone()),
            ("tail -n 50000 lines", lines.clone()),
            ("head -c 5 lines", "line ".into()),
            ("tail -c 6 lines", "30000\n".into()),
            ("tail -c 99999999 open", "one\ntwo\nthree".into()),
            ("tail -n 1 open", "three".into()),
            ("tail -n 2 open", "two\nthree".into()),
            ("head -n 0 open", String::new()),
            ("tail -n 0 open", String::new()),
            ("head empty", String::new()),
            ("tail empty", String::new()),
        ] {
            let (options, name) = command.rsplit_once(' ').unwrap();
            let run = sandbox.fs(&format!("{options} {place}{name}"));
            assert!(run.text() == expected, "{command}: {run}");
        }
        for command in ["head", "tail"] {
            assert_eq!(sandbox.fs(&format!("{command} {place}none")).code, Some(3));
            assert_eq!(sandbox.fs(&format!("{command} {place}sub")).code, Some(4));
        }
    });
}

#[test]
fn several_files_have_titles() {
    let sandbox = with_files();
    assert_snapshot!(sandbox.session(["head d/a.txt d/sub/b.txt", "tail -c 3 d/a.txt d/none d/sub/b.txt"]), @"
    $ law fs head d/a.txt d/sub/b.txt
    ==> WORK/d/a.txt <==
    hello

    ==> WORK/d/sub/b.txt <==
    a longer text
    $ law fs tail -c 3 d/a.txt d/none d/sub/b.txt
    ==> WORK/d/a.txt <==
    lo

    ==> WORK/d/sub/b.txt <==
    xt
    2> law fs tail: not found WORK/d/none
    [exit 3]
    ");
}

#[test]
fn found_drawn_and_summed_up() {
    let (sandbox, server) = with_server();
    sandbox.write("d/sub/deep/c.txt", "c");
    let url = &server.url;
    let lines = [
        format!("find {url}"),
        format!("find {url} --name *.txt --type f --min-size 2"),
        format!("find {url} --path sub/**/*.txt --max-depth 2"),
        format!("find {url} --min-age 1h"),
        format!("tree {url}"),
        format!("tree -a -L 1 {url}"),
        format!("tree -d {url}"),
        format!("du {url}"),
        format!("du -s {url}sub {url}a.txt"),
        format!("du -d 1 {url}"),
        format!("find {url}none"),
    ];
    assert_snapshot!(sandbox.session(lines), @"
    $ law fs find http://127.0.0.1:PORT/
    http://127.0.0.1:PORT/.hidden
    http://127.0.0.1:PORT/a.txt
    http://127.0.0.1:PORT/sub
    http://127.0.0.1:PORT/sub/b.txt
    http://127.0.0.1:PORT/sub/deep
    http://127.0.0.1:PORT/sub/deep/c.txt
    $ law fs find http://127.0.0.1:PORT/ --name *.txt --type f --min-size 2
    http://127.0.0.1:PORT/a.txt
    http://127.0.0.1:PORT/sub/b.txt
    $ law fs find http://127.0.0.1:PORT/ --path sub/**/*.txt --max-depth 2
    http://127.0.0.1:PORT/sub/b.txt
    $ law fs find http://127.0.0.1:PORT/ --min-age 1h
    http://127.0.0.1:PORT/.hidden
    http://127.0.0.1:PORT/a.txt
    http://127.0.0.1:PORT/sub/b.txt
    http://127.0.0.1:PORT/sub/deep/c.txt
    $ law fs tree http://127.0.0.1:PORT/
    http://127.0.0.1:PORT/
    ├── a.txt
    └── sub/
        ├── b.txt
        └── deep/
            └── c.txt

    2 directories, 3 files
    $ law fs tree -a -L 1 http://127.0.0.1:PORT/
    http://127.0.0.1:PORT/
    ├── .hidden
    ├── a.txt
    └── sub/

    1 directory, 2 files
    $ law fs tree -d http://127.0.0.1:PORT/
    http://127.0.0.1:PORT/
    └── sub/
        └── deep/

    2 directories
    $ law fs du http://127.0.0.1:PORT/
                   1 http://127.0.0.1:PORT/sub/deep
                  15 http://127.0.0.1:PORT/sub
                  21 http://127.0.0.1:PORT/
    $ law fs du -s http://127.0.0.1:PORT/sub http://127.0.0.1:PORT/a.txt
                  15 http://127.0.0.1:PORT/sub
                   6 http://127.0.0.1:PORT/a.txt
    $ law fs du -d 1 http://127.0.0.1:PORT/
                  15 http://127.0.0.1:PORT/sub
                  21 http://127.0.0.1:PORT/
    $ law fs find http://127.0.0.1:PORT/none
    2> law fs find: not found http://127.0.0.1:PORT/none
    [exit 3]
    ");
}

#[test]
fn as_objects() {
    on_both(|sandbox, place| {
        let names = |line: &str| -> Vec<String> {
            let objects = sandbox.fs(&format!("--json {line} {place}")).objects();
            objects.iter().map(|object| object["name"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names("find"), [".hidden", "a.txt", "sub", "b.txt"]);
        assert_eq!(names("tree"), ["a.txt", "sub", "b.txt"]);
        let sums = sandbox.fs(&format!("--json du -s {place}")).objects();
        assert_eq!((sums[0]["files"].as_u64(), sums.len()), (Some(3), 1));
    });
}

#[test]
fn space_is_told_where_it_is_known() {
    let (sandbox, server) = with_server();
    let space = &sandbox.fs("--json df d").objects()[0];
    assert!(space["available"].as_u64().is_some_and(|bytes| bytes > 0), "{space}");
    assert!(sandbox.fs("df -h d").text().starts_with("            used        available  use place\n"));
    assert_eq!(sandbox.fs(&format!("df {}", server.url)).code, Some(9), "this server does not tell");
}

#[test]
fn only_empty_directories_are_removed() {
    on_both(|sandbox, place| {
        assert_eq!(sandbox.fs(&format!("mkdir {place}new")).code, Some(0));
        assert_eq!(sandbox.fs(&format!("rmdir --dry-run {place}new")).text().lines().count(), 1);
        assert_eq!(sandbox.fs(&format!("rmdir {place}new")).to_string(), "");
        for (name, code) in [("new", 3), ("sub", 4), ("a.txt", 4)] {
            assert_eq!(sandbox.fs(&format!("rmdir {place}{name}")).code, Some(code), "{name}");
        }
        assert_eq!(sandbox.names("d"), [".hidden", "a.txt", "sub", "sub/b.txt"]);
    });
}

#[test]
fn nul_bytes_between_names() {
    let sandbox = with_files();
    let run = sandbox.fs("find -0 --type f --name a* d");
    assert!(run.text().ends_with("a.txt\0"), "{run}");
    sandbox.write("d/odd\nname", "");
    assert!(sandbox.fs("find -0 --name odd* d").text().ends_with("/d/odd\nname\0"), "as it is");
}
