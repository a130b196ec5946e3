use insta::assert_snapshot;

use crate::{ODD, on_both, with_server};

#[test]
fn removes_files_and_trees() {
    on_both(|sandbox, place| {
        assert_eq!(sandbox.fs(&format!("rm {place}a.txt")).to_string(), "");
        assert_eq!(sandbox.fs(&format!("rm -r {place}sub")).to_string(), "");
        assert_eq!(sandbox.fs(&format!("rm -f {place}a.txt {place}sub {place}none/x")).to_string(), "");
        assert_eq!(sandbox.names("d"), [".hidden"]);
    });
}

#[test]
fn of_several_the_others_go() {
    on_both(|sandbox, place| {
        assert_eq!(sandbox.fs(&format!("rm {place}none {place}a.txt")).code, Some(3));
        assert!(sandbox.read("d/a.txt").is_none());
    });
}

#[test]
fn a_link_goes_and_what_it_names_stays() {
    let (sandbox, _server) = with_server();
    std::os::unix::fs::symlink("sub", sandbox.path("d/link")).unwrap();
    std::os::unix::fs::symlink("../d/sub", sandbox.path("d/sub/up")).unwrap();
    assert_eq!(sandbox.fs("rm d/link").to_string(), "");
    assert_eq!(sandbox.names("d"), [".hidden", "a.txt", "sub", "sub/b.txt", "sub/up"]);
    assert_eq!(sandbox.fs("rm -r d/sub").to_string(), "");
    assert_eq!(sandbox.names("d"), [".hidden", "a.txt"]);
}

#[test]
fn odd_names() {
    let (sandbox, server) = with_server();
    sandbox.write(&format!("d/{ODD}"), "");
    sandbox.write("d/odd name A", "");
    let url = format!("{}odd%20name%20%2541%20%231%20%3Fx%20%C3%BC.txt", server.url);
    assert_eq!(sandbox.fs(&format!("rm {url}")).to_string(), "");
    assert_eq!(sandbox.names("d"), [".hidden", "a.txt", "odd name A", "sub", "sub/b.txt"]);
}

#[test]
fn what_is_said() {
    let (sandbox, server) = with_server();
    let url = &server.url;
    let lines = [
        "rm none".to_owned(),
        format!("rm {url}none"),
        "rm d".into(),
        format!("rm {url}sub"),
        format!("rm -r {url}"),
        format!("rm --dry-run d/a.txt {url}a.txt"),
        format!("rm -r --dry-run d {url}sub"),
        "rm none d/sub".into(),
    ];
    assert_snapshot!(sandbox.session(lines), @"
    $ law fs rm none
    2> law fs rm: not found WORK/none
    [exit 3]
    $ law fs rm http://127.0.0.1:PORT/none
    2> law fs rm: not found http://127.0.0.1:PORT/none
    [exit 3]
    $ law fs rm d
    2> law fs rm: is a directory WORK/d
    2>   hint: rm -r removes it with everything below it
    [exit 4]
    $ law fs rm http://127.0.0.1:PORT/sub
    2> law fs rm: is a directory http://127.0.0.1:PORT/sub
    2>   hint: rm -r removes it with everything below it
    [exit 4]
    $ law fs rm -r http://127.0.0.1:PORT/
    2> law fs rm: refusing to remove all that this name or URL stands for http://127.0.0.1:PORT/
    2>   hint: name the directories below it
    [exit 2]
    $ law fs rm --dry-run d/a.txt http://127.0.0.1:PORT/a.txt
    would remove WORK/d/a.txt
    would remove http://127.0.0.1:PORT/a.txt
    $ law fs rm -r --dry-run d http://127.0.0.1:PORT/sub
    would remove WORK/d
    would remove http://127.0.0.1:PORT/sub
    $ law fs rm none d/sub
    2> law fs rm: not found WORK/none
    2> law fs rm: is a directory WORK/d/sub
    2>   hint: rm -r removes it with everything below it
    [exit 1]
    ");
    assert_eq!(sandbox.names(""), ["d", "d/.hidden", "d/a.txt", "d/sub", "d/sub/b.txt"]);
}

#[test]
fn a_whole_storage_is_refused_in_a_dry_run_too() {
    let (sandbox, server) = with_server();
    for options in ["", "--dry-run"] {
        assert_eq!(sandbox.fs(&format!("rm -r {options} {}", server.url)).code, Some(2), "{options}");
    }
}

#[test]
fn changes_are_objects_for_who_wants_objects() {
    on_both(|sandbox, place| {
        for (line, outcome) in [
            ("mkdir --dry-run", "would make"),
            ("mkdir", "made"),
            ("rm -r --dry-run", "would remove"),
            ("rm -r", "removed"),
            ("touch --dry-run", "would make"),
            ("touch", "made"),
        ] {
            let run = sandbox.fs(&format!("--json {line} {place}new"));
            assert_eq!(run.objects()[0]["outcome"], outcome, "{run}");
        }
        let run = sandbox.fs("--json lss");
        assert_eq!((run.code, run.error_object()["exit"].as_u64()), (Some(2), Some(2)), "{run}");
    });
}

#[test]
fn the_working_directory_and_what_is_above_it_stay() {
    let sandbox = crate::sandbox::Sandbox::new();
    sandbox.write("kept/below/a", "x");
    for line in ["rm -r .", "rm -r ..", "rm -r ../work", "rm -rf ./kept/..", "rm -r --dry-run ."] {
        let run = sandbox.fs(line);
        assert_eq!(run.code, Some(2), "{line}");
        assert!(run.only_error().contains("refusing to remove the working directory"), "{run}");
    }
    assert_eq!(sandbox.read("kept/below/a").unwrap(), b"x");
    assert_eq!(sandbox.fs("rm -r kept").code, Some(0));
}

#[test]
fn a_link_to_the_working_directory_is_no_way_around() {
    let sandbox = crate::sandbox::Sandbox::new();
    sandbox.write("kept", "x");
    std::os::unix::fs::symlink(sandbox.path(".."), sandbox.path("up")).unwrap();
    assert_eq!(sandbox.fs("rm -r up/work").code, Some(2));
    assert_eq!(sandbox.fs("rm up").code, Some(0), "the link itself may go");
    assert!(sandbox.read("kept").is_some());
}
