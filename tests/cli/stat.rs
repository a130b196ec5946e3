use insta::assert_snapshot;

use crate::{on_both, with_server};

#[test]
fn what_a_storage_says() {
    let (sandbox, server) = with_server();
    sandbox.write("d/large", vec![0; 123_456]);
    let url = &server.url;
    let lines = [
        "stat d/a.txt".to_owned(),
        "stat d".into(),
        format!("stat {url}large"),
        format!("stat {url}sub"),
        "stat none".into(),
        format!("stat {url}none"),
    ];
    assert_snapshot!(sandbox.session(lines), @r#"
    $ law fs stat d/a.txt
    url        WORK/d/a.txt
    kind       file
    size       6
    modified   2024-03-02 12:34
    mode       0644 -rw-r--r--
    etag       "TAG"
    $ law fs stat d
    url        WORK/d
    kind       directory
    modified   now, or about it
    mode       0755 drwxr-xr-x
    $ law fs stat http://127.0.0.1:PORT/large
    url        http://127.0.0.1:PORT/large
    kind       file
    size       123456 (121KiB)
    modified   2024-03-02 12:34
    etag       "TAG"
    $ law fs stat http://127.0.0.1:PORT/sub
    url        http://127.0.0.1:PORT/sub
    kind       directory
    modified   now, or about it
    $ law fs stat none
    2> law fs stat: not found WORK/none
    [exit 3]
    $ law fs stat http://127.0.0.1:PORT/none
    2> law fs stat: not found http://127.0.0.1:PORT/none
    [exit 3]
    "#);
}

#[test]
fn as_an_object() {
    on_both(|sandbox, place| {
        let object = &sandbox.fs(&format!("stat --json {place}a.txt")).objects()[0];
        assert_eq!((&object["name"], &object["kind"], &object["size"]), (&"a.txt".into(), &"file".into(), &6.into()));
        assert_eq!(object["modified"], "2024-03-02T12:34:00Z");
        let run = sandbox.fs(&format!("stat --json {place}none"));
        assert_eq!((run.text(), run.code), ("", Some(3)));
        assert_eq!((&run.error_object()["error"], &run.error_object()["exit"]), (&"not_found".into(), &3.into()));
    });
}

#[test]
fn the_way_of_the_data_is_shown_where_somebody_asks() {
    let sandbox = crate::with_files();
    let quiet = sandbox.command("stat d").output().unwrap();
    assert!(quiet.stderr.is_empty());
    let shown = sandbox.command("stat -v d").env("NO_COLOR", "1").output().unwrap();
    let shown = String::from_utf8(shown.stderr).unwrap();
    assert!(shown.contains(" INFO call{layer=local operation=") && !shown.contains('\u{1b}'), "{shown}");
    let object = sandbox.command("stat -v --log-format json d").output().unwrap().stderr;
    let line: serde_json::Value = serde_json::from_slice(object.split(|b| *b == b'\n').next().unwrap()).unwrap();
    assert_eq!((line["span"]["layer"].as_str(), line["level"].as_str()), (Some("local"), Some("INFO")), "{line}");
}
