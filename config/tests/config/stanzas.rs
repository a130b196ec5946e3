//! `add_stanza`.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use law_config::{ErrorKind, add_stanza, stanza};

use crate::place::{Place, STANZA, set_mode};

#[test]
fn a_url_is_split_into_door_and_base() {
    let cases = [
        ("davs://d.example:2880/pnfs/a%20b/", "[fs.x]\ndoors = [\"davs://d.example:2880\"]\nbase = \"/pnfs/a b\"\n"),
        ("root://d.example//eos/me", "[fs.x]\ndoors = [\"root://d.example\"]\nbase = \"/eos/me\"\n"),
        ("s3://bucket", "[fs.x]\ndoors = [\"s3://bucket\"]\n"),
        ("file:///data/$x", "[fs.x]\ndoors = [\"file:///\"]\nbase = \"/data/$$x\"\n"),
        (
            "sftp://me@d.example:2222/home/me",
            "[fs.x]\ndoors = [\"sftp://d.example:2222\"]\nbase = \"/home/me\"\nuser = \"me\"\n",
        ),
        ("sftp://d.example/a@b", "[fs.x]\ndoors = [\"sftp://d.example\"]\nbase = \"/a@b\"\n"),
        ("davs://d{1..2}.example/", "[fs.x]\ndoors = [\"davs://d{1..2}.example\"]\n"),
    ];
    for (url, expected) in cases {
        assert_eq!(stanza("x", url, None).unwrap(), expected);
        let place = Place::new();
        place.user(expected);
        place.load().file_system("x").unwrap();
    }
}

#[test]
fn what_is_no_name_or_url_is_refused() {
    for (name, url) in [
        ("a b", "davs://d.example"),
        ("x\"]\nevil = 1\n[\"", "davs://d.example"),
        ("x", "/local/path"),
        ("x", "davs://me:hunter2@d.example"),
        ("x", "davs://me@d.example"),
        ("x", "sftp://me:hunter2@d.example"),
        ("x", "sftp://me%3Ahunter2@d.example"),
        ("x", "sftp://@d.example"),
        ("x", "davs://d.example/a?authz=hunter2"),
        ("x", "davs://d.example/%00"),
        ("x", "davs://d.example/%ff"),
    ] {
        let error = stanza(name, url, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidValue);
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[test]
fn a_stanza_is_appended_and_the_rest_kept() {
    let place = Place::new();
    let path = place.user("# mine\n[fs.old]\ndoors = [\"s3://b\"]   # yes");
    set_mode(&path, 0o640);
    add_stanza(&path, "new", "davs://d.example/store", None).unwrap();
    let expected = "# mine\n[fs.old]\ndoors = [\"s3://b\"]   # yes\n\n[fs.new]\ndoors = [\"davs://d.example\"]\nbase = \"/store\"\n";
    assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(place.load().file_systems.len(), 2);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_file_that_is_not_there_is_made_private_with_its_directory() {
    let place = Place::new();
    let path = place.path("home/new/dir/law.toml");
    add_stanza(&path, "x", "s3://b", None).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "[fs.x]\ndoors = [\"s3://b\"]\n");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn an_existing_name_is_refused_and_nothing_changes() {
    let place = Place::new();
    for old in [STANZA, "[fs.wlcg.timeouts]\nstall = \"5s\"\n", "fs.wlcg.base = \"/\"\n"] {
        let path = place.user(old);
        let error = add_stanza(&path, "wlcg", "s3://b", None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), old);
    }
}

#[test]
fn a_file_that_cannot_be_extended_is_left_alone() {
    let place = Place::new();
    for old in ["no toml", "fs = { wlcg = {} }\n", "fs = 1\n"] {
        let path = place.user(old);
        let error = add_stanza(&path, "x", "s3://b", None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed, "{old}");
        assert!(error.to_string().contains("nothing was changed"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), old);
    }
}

#[test]
fn a_link_is_followed() {
    let place = Place::new();
    let target = place.write("dotfiles.toml", STANZA);
    let link = place.path("home/.config/law/law.toml");
    symlink(&target, &link).unwrap();
    add_stanza(&link, "x", "s3://b", None).unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(std::fs::read_to_string(&target).unwrap().contains("[fs.x]"));
}

#[test]
fn writers_at_the_same_time_lose_no_stanza() {
    let place = Place::new();
    let path = place.path("home/.config/law/law.toml");
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let path = &path;
            scope.spawn(move || add_stanza(path, &format!("w{writer}"), "s3://b", None).unwrap());
        }
    });
    assert_eq!(place.load().file_systems.len(), 8);
}
