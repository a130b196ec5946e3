//! The main job: arrays that the real NumPy wrote are dumped to storage, listed, loaded and localized, from Rust.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test says what it skips, and fails where it stands"
)]

#[allow(dead_code, reason = "every test crate uses its part of it")]
mod sandbox;

use std::path::{Path, PathBuf};
use std::process::Command;

use law::formatters::numpy::{DynArray, NamedArrays};
use law::prelude::*;
use ndarray::{Array0, Array2, ArrayD};
use sandbox::{OwnServer, setting};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/data/numpy")
}

/// A directory that no other test has, on a real server or on this disk.
fn store(base: &str) -> DirectoryTarget {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    DirectoryTarget::at(format!("{base}/law-{}-{}", std::process::id(), now.as_nanos())).unwrap()
}

/// Every numeric file of the fixtures goes up as an array and comes back the same.
fn arrays_travel(dir: &DirectoryTarget) {
    let source = DirectoryTarget::at(fixtures()).unwrap();
    let files: Vec<String> = source.listdir("{u,}int*.npy", None).unwrap();
    let floats = source.listdir("{float,complex}*.npy", None).unwrap();
    assert!(files.len() > 30 && floats.len() > 15, "the fixtures are there");
    for name in files.iter().chain(&floats) {
        let array: DynArray = source.child(name).load(Numpy).unwrap();
        dir.child(name).dump(&array, Numpy).unwrap();
        let back: DynArray = dir.child(name).load(Numpy).unwrap();
        // A NaN is not equal to itself, but reads the same.
        assert_eq!(format!("{back:?}"), format!("{array:?}"), "{name}");
    }
    let mut wanted: Vec<String> = files.into_iter().chain(floats).collect();
    wanted.sort();
    assert_eq!(dir.listdir("*.npy", None).unwrap(), wanted);
}

fn archives_travel(dir: &DirectoryTarget) {
    for name in ["several.npz", "several_compressed.npz"] {
        let arrays: NamedArrays = FileTarget::at(fixtures().join(name)).unwrap().load(Numpy).unwrap();
        dir.child(name).dump(&arrays, Numpy::compressed()).unwrap();
        let back: NamedArrays = dir.child(name).load(Numpy).unwrap();
        assert_eq!(format!("{back:?}"), format!("{arrays:?}"), "{name}");
    }
}

/// What the real NumPy says of an array at a local path.
fn told_by_numpy(python: &str, path: &Path) -> String {
    let script = "import numpy, sys; a = numpy.load(sys.argv[1]); print(a.dtype, a.shape, a.sum())";
    let output = Command::new(python).args(["-c", script]).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn programs_read_what_is_localized(dir: &DirectoryTarget) {
    let file = dir.child("ramp.npy");
    file.dump(Array2::from_shape_fn((3, 4), |(i, j)| (i * 4 + j) as f64), Numpy).unwrap();
    let Some(python) = setting("PYTHON") else { return };
    assert_eq!(told_by_numpy(&python, file.localize_read().unwrap().path()), "float64 (3, 4) 66.0");
}

/// A program writes to a local path; nothing is there before the commit, and nothing after a drop.
fn programs_write_what_is_committed(dir: &DirectoryTarget) {
    let (kept, dropped) = (dir.child("sub/kept.npy"), dir.child("sub/dropped.npy"));
    for file in [&kept, &dropped] {
        let out = file.localize_write().unwrap();
        std::fs::copy(fixtures().join("float64_scalar.npy"), out.path()).unwrap();
        assert!(!file.exists().unwrap());
        if *file == kept {
            out.commit().unwrap();
        }
    }
    assert!(kept.exists().unwrap() && !dropped.exists().unwrap());
    let scalar: Array0<f64> = kept.load(Numpy).unwrap();
    let same: ArrayD<f64> = FileTarget::at(fixtures().join("float64_scalar.npy")).unwrap().load(Numpy).unwrap();
    assert_eq!(scalar.into_dyn(), same);
}

fn targets_know_themselves(dir: &DirectoryTarget) {
    let file = dir.child("sub/note.txt");
    assert!(!file.exists().unwrap() && file.stat().unwrap().is_none());
    file.touch().unwrap();
    file.dump("kept", Text).unwrap();
    file.touch().unwrap();
    assert_eq!(file.load::<String>(Text).unwrap(), "kept", "touch never truncates");
    assert_eq!((file.basename().as_str(), file.ext().as_str()), ("note.txt", "txt"));
    assert_eq!(file.parent(), dir.child_dir("sub"));
    assert_eq!(file.sibling("note.txt"), file);
    assert!(matches!(dir.child_any("sub").unwrap(), AnyTarget::Directory(sub) if sub == file.parent()));
    assert_eq!(dir.child_any("nothing").unwrap_err().kind(), law::ErrorKind::NotFound);
    assert_eq!(file.load::<Array2<f64>>(Numpy).unwrap_err().kind(), law::ErrorKind::Malformed);
    assert!(file.remove().unwrap() && !file.remove().unwrap());
}

fn the_main_job(base: &str) {
    let dir = store(base);
    dir.touch().unwrap();
    arrays_travel(&dir);
    archives_travel(&dir);
    programs_read_what_is_localized(&dir);
    programs_write_what_is_committed(&dir);
    targets_know_themselves(&dir);
    assert!(dir.remove().unwrap() && !dir.exists().unwrap());
}

#[test]
fn on_a_real_xrootd_server_over_http() {
    let Some(server) = OwnServer::start("xrootd") else { return };
    let url = server.endpoint("XROOTD_HTTP");
    the_main_job(&url);
}

#[test]
fn on_a_local_disk() {
    let directory = tempfile::tempdir().unwrap();
    the_main_job(directory.path().to_str().unwrap());
}
