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
