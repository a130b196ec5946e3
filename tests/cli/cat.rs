use insta::assert_snapshot;

use crate::{ODD, on_both, with_files, with_server};

#[test]
fn files_one_after_the_other() {
    on_both(|sandbox, place| {
        let run = sandbox.fs(&format!("cat {place}a.txt {place}sub/b.txt {place}.hidden"));
        assert_eq!((run.text(), run.stderr.as_str(), run.code), ("hello\na longer text\n", "", Some(0)));
    });
}

#[test]
fn every_byte_comes_out() {
    on_both(|sandbox, place| {
        let content = crate::sandbox::pattern(3_000_001, 1);
        sandbox.write("d/large", &content);
        assert!(sandbox.fs(&format!("cat {place}large")).stdout == content);
    });
}

#[test]
fn odd_names() {
    let sandbox = with_files();
    sandbox.write(ODD, "odd");
    assert_eq!(sandbox.fs(&format!("cat '{ODD}'")).text(), "odd");
    assert_eq!(sandbox.fs(&format!("cat './{ODD}'")).text(), "odd");
}

#[test]
fn what_is_no_file() {
    let (sandbox, server) = with_server();
    let url = &server.url;
    let lines =
        ["cat d".to_owned(), "cat none".into(), format!("cat {url}"), format!("cat {url}none d/a.txt {url}sub")];
    assert_snapshot!(sandbox.session(lines), @"
    $ law fs cat d
    2> law fs cat: is a directory WORK/d
    [exit 4]
    $ law fs cat none
    2> law fs cat: not found WORK/none
    [exit 3]
    $ law fs cat http://127.0.0.1:PORT/
    2> law fs cat: is a directory http://127.0.0.1:PORT/
    [exit 4]
    $ law fs cat http://127.0.0.1:PORT/none d/a.txt http://127.0.0.1:PORT/sub
    hello
    2> law fs cat: not found http://127.0.0.1:PORT/none
    2> law fs cat: is a directory http://127.0.0.1:PORT/sub
    [exit 1]
    ");
}
