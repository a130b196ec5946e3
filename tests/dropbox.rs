//! What the notes of a user of law do, word for word, on Dropbox: `fixtures/dropbox` stands for it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails where it stands")]

#[allow(dead_code, reason = "every test crate uses its part of it")]
mod sandbox;

use law::formatters::Numpy;
use law_target::{DirectoryTarget, FileSystems};
use ndarray::{Array2, array};
use sandbox::setting;

#[test]
fn the_notes_of_a_user() {
    let (Some(endpoint), Some(ca)) = (setting("DROPBOX_HTTPS"), setting("CA")) else { return };
    let settings = [
        "fs.box.doors=dropbox:///".to_owned(),
        format!("fs.box.base=/my_dir_{}", std::process::id()),
        "fs.box.app_key=app-key".to_owned(),
        "fs.box.app_secret=app-secret".to_owned(),
        "fs.box.token=access-token".to_owned(),
        format!("fs.box.endpoint={endpoint}"),
        format!("fs.box.ca={ca}"),
    ];
    let dropbox = FileSystems::load(&settings).unwrap();
    let dir = DirectoryTarget::new(dropbox.place("box:data").unwrap());
    let file = dir.child("data.npz");
    let data: Array2<f64> = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
    file.dump(&data, Numpy).unwrap();
    assert_eq!(dir.listdir(None, None).unwrap(), ["data.npz"]);
    let back: Array2<f64> = file.load(Numpy).unwrap();
    assert_eq!(back, data);
    assert_eq!(file.parent(), dir);
    assert!(!file.sibling("other.txt").exists().unwrap());
    dir.child("other.txt").touch().unwrap();
    assert!(file.sibling("other.txt").exists().unwrap());
    assert!(dir.remove().unwrap());
    assert!(!dir.exists().unwrap());
}

/// Names that differ only in case are one name there: of two such files one is refused, and none is replaced by the other.
#[test]
fn two_files_that_would_be_one() {
    use std::os::unix::fs::PermissionsExt as _;
    let (Some(endpoint), Some(ca)) = (setting("DROPBOX_HTTPS"), setting("CA")) else { return };
    let sandbox = sandbox::Sandbox::new();
    let base = format!("/case_{}", std::process::id());
    let config = format!(
        "[fs.box]\ndoors = [\"dropbox:///\"]\nbase = \"{base}\"\ntoken = \"access-token\"\nendpoint = \"{endpoint}\"\nca = \"{ca}\"\n"
    );
    sandbox.write("law.toml", config);
    std::fs::set_permissions(sandbox.path("law.toml"), std::fs::Permissions::from_mode(0o600)).unwrap();
    sandbox.write("d/A.txt", "one");
    sandbox.write("d/a.txt", "another");
    sandbox.write("d/b.txt", "b");
    let run = sandbox.fs("cp -r --mkdir d box:d");
    assert!(run.code == Some(4) && run.stderr.contains("nothing but its case"), "{run}");
    let listed = sandbox.fs("ls box:d");
    assert_eq!(listed.text().lines().count(), 2, "{listed}");
    let kept = if listed.text().contains("A.txt") { "one" } else { "another" };
    assert_eq!(sandbox.fs("cat box:d/a.txt").text(), kept);
    assert_eq!(sandbox.fs("rm -r box:d").code, Some(0));
}

/// The clock of Dropbox has seconds: two versions of one size within one of them would have the same time.
#[test]
fn a_change_within_the_same_second_is_synchronized() {
    use std::os::unix::fs::PermissionsExt as _;
    let (Some(endpoint), Some(ca)) = (setting("DROPBOX_HTTPS"), setting("CA")) else { return };
    let sandbox = sandbox::Sandbox::new();
    let base = format!("/second_{}", std::process::id());
    let config = format!(
        "[fs.box]\ndoors = [\"dropbox:///\"]\nbase = \"{base}\"\ntoken = \"access-token\"\nendpoint = \"{endpoint}\"\nca = \"{ca}\"\n"
    );
    sandbox.write("law.toml", config);
    std::fs::set_permissions(sandbox.path("law.toml"), std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(sandbox.fs("mkdir -p box:d").code, Some(0));
    std::fs::create_dir(sandbox.path("d")).unwrap();
    for content in ["one", "two", "six"] {
        std::fs::write(sandbox.path("d/file"), content).unwrap();
        let run = sandbox.fs("sync d box:d");
        assert_eq!(run.code, Some(0), "{run}");
        assert_eq!(sandbox.fs("cat box:d/file").text(), content);
    }
    // And down again.
    for content in ["ten", "red"] {
        sandbox.write("x", content);
        assert_eq!(sandbox.fs("cp x box:d/file").code, Some(0));
        assert_eq!(sandbox.fs("sync box:d d").code, Some(0));
        assert_eq!(sandbox.read("d/file").unwrap(), content.as_bytes());
    }
}
