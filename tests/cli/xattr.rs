//! `law fs xattr`, and copies that keep attributes.

use crate::{with_files, with_server};

#[test]
fn attributes_are_set_listed_told_and_removed() {
    let sandbox = with_files();
    assert_eq!(sandbox.fs("xattr d/a.txt").to_string(), "");
    assert_eq!(sandbox.fs("xattr -s user.run=42 -s user.note=a=b d/a.txt").code, Some(0));
    assert_eq!(sandbox.fs("xattr d/a.txt").to_string(), "user.note=a=b\nuser.run=42\n");
    assert_eq!(sandbox.fs("xattr --get user.run d/a.txt").stdout, b"42");
    assert_eq!(sandbox.fs("xattr --json d/a.txt").objects()[1]["value"], "42");
    let run = sandbox.fs("xattr --get user.other d/a.txt");
    assert!(run.code == Some(3) && run.stderr.contains("no attribute user.other at"), "{run}");
    assert_eq!(sandbox.fs("xattr --dry-run -r user.run d/a.txt").code, Some(0));
    assert_eq!(sandbox.fs("xattr -r user.run d/a.txt d/sub/b.txt").code, Some(0));
    assert_eq!(sandbox.fs("xattr d/a.txt").to_string(), "user.note=a=b\n");
    assert_eq!(sandbox.fs("xattr none").code, Some(3));
    assert_eq!(sandbox.fs("xattr -s nonsense d/a.txt").code, Some(2));
}

#[test]
fn a_copy_keeps_them_where_it_can_and_says_where_it_cannot() {
    let (sandbox, server) = with_server();
    assert_eq!(sandbox.fs("xattr -s user.run=42 d/a.txt").code, Some(0));
    assert_eq!(sandbox.fs("cp -q --preserve=xattr d/a.txt copy").to_string(), "");
    assert_eq!(sandbox.fs("xattr copy").to_string(), "user.run=42\n");
    assert_eq!(sandbox.fs("cp -q -r --preserve=xattr,mtime d tree").to_string(), "");
    assert_eq!(sandbox.fs("xattr tree/a.txt").to_string(), "user.run=42\n");
    assert_eq!(sandbox.fs("cp -q d/a.txt without").to_string(), "");
    assert_eq!(sandbox.fs("xattr without").to_string(), "");
    let run = sandbox.fs(&format!("cp --preserve=xattr copy {}copy", server.url));
    assert!(
        run.code == Some(0) && run.to_string().contains("; the destination cannot keep the extended attributes)"),
        "{run}"
    );
    let run = sandbox.fs(&format!("xattr {}a.txt", server.url));
    assert_eq!(run.code, Some(9), "{run}");
}
