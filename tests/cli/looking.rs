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
    assert_eq!(sandbox.fs("find -0 --name odd* d").text(), "d/odd\nname\0", "as it is");
}

#[test]
fn what_is_found_is_printed_as_the_place_was_typed() {
    let (sandbox, server) = with_server();
    sandbox.write("d/sub/a %41.txt", "");
    sandbox.write("law.toml", format!("[fs.lab]\ndoors = [\"{}\"]\n", server.url));
    let local = format!("file://{}", sandbox.path("d").display());
    let found = |place: &str| {
        let run = sandbox.fs(&format!("find --name *41.txt {place}"));
        assert_eq!(run.code, Some(0), "{run}");
        let found = run.text().trim_end().to_owned();
        assert_eq!(sandbox.fs_words(["exists", &found]).code, Some(0), "it can be typed again: {found}");
        found.replace(&server.url, "URL/")
    };
    for (typed, expected) in [
        ("d", "d/sub/a %41.txt"),
        ("d/", "d/sub/a %41.txt"),
        ("./d", "./d/sub/a %41.txt"),
        ("lab:", "lab:sub/a %41.txt"),
        ("lab:sub", "lab:sub/a %41.txt"),
        (&local, &format!("{local}/sub/a%20%2541.txt")),
        (&server.url, "URL/sub/a%20%2541.txt"),
        (server.url.trim_end_matches('/'), "URL/sub/a%20%2541.txt"),
    ] {
        assert_eq!(found(typed), expected, "{typed}");
    }
    assert_eq!(sandbox.fs("du -s d/sub").text(), "              14 d/sub\n");
}

#[test]
fn lines_are_ascii_where_the_locale_is() {
    let sandbox = with_files();
    let mut command = sandbox.command("tree d");
    command.env("LC_ALL", "C");
    assert_eq!(sandbox.finish(command).text(), "d\n|-- a.txt\n`-- sub/\n    `-- b.txt\n\n1 directory, 2 files\n");
}

#[test]
fn a_directory_that_is_closed_is_told_and_the_rest_goes_on() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = with_files();
    sandbox.write("d/closed/c.txt", "c");
    let mode = |mode: u32| std::fs::set_permissions(sandbox.path("d/closed"), PermissionsExt::from_mode(mode)).unwrap();
    mode(0o000);
    let lines = ["find d --type f", "du d", "tree d", "find d/closed", "du d/closed", "du --json -s d"];
    let runs = lines.map(|line| sandbox.finish(sandbox.unprivileged(line)));
    mode(0o755);
    for (line, run) in lines.iter().zip(&runs) {
        assert_eq!(run.code, Some(5), "{line}: {run}");
        assert!(run.stderr.contains("permission denied") && run.stderr.contains("d/closed"), "{line}: {run}");
    }
    assert_eq!(runs[0].text(), "d/.hidden\nd/a.txt\nd/sub/b.txt\n");
    assert!(runs[1].text().ends_with("              20 d\n") && runs[2].text().contains("b.txt"), "{runs:?}");
    assert_eq!((runs[3].text(), runs[4].text()), ("", ""));
    assert_eq!((&runs[5].objects()[0]["bytes"], &runs[5].objects()[0]["whole"]), (&20.into(), &false.into()));
}
