//! The bugs of the Python package law 0.1.21 that were verified there, each turned the right way round.
//!
//! The numbers are those of the list that was made of that package. What is not tested here is about something that does not
//! exist yet:
//!
//! | number | what law does | comes with |
//! |---|---|---|
//! | 3 | of several doors each call takes another, so that a target is not equal to itself (the stable name is tested here) | doors |
//! | 7 | two processes hold the lock of a cache at once | cache |
//! | 8 | a lock of a killed process blocks everybody for ten minutes | cache |
//! | 9 | a file that is larger than the cache empties it | cache |
//! | 10 | what is localized is the cache's own file, which eviction deletes in use | cache |
//! | 12 | an empty selection of branches runs all of them | tasks |
//! | 13 | `--print-status -1,1` is taken for an option | tasks |
//! | 14 | `--tolerance` does not make a local workflow succeed | tasks |
//! | 15 | a task that writes nothing has succeeded | tasks |
//! | 18 | lists as parameters do not come back as they were written | tasks |
//! | 19 | a parameter with `€` cannot be submitted | tasks |
//! | 20 | a parameter named `p` is ambiguous | tasks |
//! | 21 | scheduling is quadratic in the number of branches | tasks |
//! | 24 | a job that is held counts as failed | tasks |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails where it stands")]

#[allow(dead_code, reason = "every test crate uses its part of it")]
mod sandbox;

use std::collections::{BTreeMap, HashMap};

use law::formatters::by_extension;
use law::formatters::hdf5::Datasets;
use law::prelude::*;
use law::storage::{ErrorKind, Kind};
use law::target::FileSystems;
use law_faults::{FaultProxy, Script};
use ndarray::{Array1, Array2};
use sandbox::{Sandbox, Served};

/// A storage over `law fs serve`, behind a proxy that sees what is asked, and breaks it.
struct Storage {
    sandbox: Sandbox,
    proxy: FaultProxy,
    _server: Served,
}

impl Storage {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let server = sandbox.serve("disk");
        let proxy = FaultProxy::start_blocking(server.address(), Script::new()).unwrap();
        Self { sandbox, proxy, _server: server }
    }

    fn root(&self) -> DirectoryTarget {
        DirectoryTarget::at(self.proxy.url()).unwrap()
    }

    /// Everything on the disk of the server.
    fn names(&self) -> Vec<String> {
        self.sandbox.names("disk")
    }

    fn write(&self, name: &str, content: &str) {
        self.sandbox.write(&format!("disk/{name}"), content);
    }

    fn breaks(&self, script: &str) {
        self.proxy.set_script(script.parse().unwrap());
    }

    /// How often each method was asked for while something was done.
    fn asked<T>(&self, work: impl FnOnce() -> T) -> (T, BTreeMap<String, usize>) {
        let before = self.proxy.requests().len();
        let done = work();
        let mut methods = BTreeMap::new();
        for request in self.proxy.requests().into_iter().skip(before) {
            *methods.entry(request.method).or_default() += 1;
        }
        (done, methods)
    }
}

/// law: an empty list, so that all outputs are missing and everything runs again.
#[test]
fn bug_01_a_listing_that_fails_is_an_error() {
    let storage = Storage::new();
    storage.write("out/a", "");
    let out = storage.root().child_dir("out");
    let files = SiblingFileCollection::new([out.child("a"), out.child("b")]).unwrap();
    assert_eq!(files.count().unwrap(), 1);
    for (script, kind, code) in [
        ("PROPFIND status 403", ErrorKind::PermissionDenied, 5),
        ("PROPFIND status 503", ErrorKind::Unavailable, 6),
        ("* refuse; * close-before-response", ErrorKind::Unavailable, 6),
    ] {
        storage.breaks(script);
        assert_eq!(out.listdir(None, None).unwrap_err().kind(), kind, "{script}");
        assert_eq!(files.count().unwrap_err().kind(), kind, "{script}");
        let run = storage.sandbox.fs(&format!("ls {}/out", storage.proxy.url()));
        assert_eq!((run.code, run.text()), (Some(code), ""), "{script}: {run}");
    }
}

/// law: false, whatever went wrong.
#[test]
fn bug_02_whether_a_file_exists_has_three_answers() {
    let storage = Storage::new();
    storage.write("a", "");
    let (there, missing) = (storage.root().child("a"), storage.root().child("b"));
    assert_eq!([there.exists().unwrap(), missing.exists().unwrap()], [true, false]);
    for script in ["* status 503", "* status 403", "* close-before-response"] {
        storage.breaks(script);
        assert!(there.exists().is_err() && missing.exists().is_err(), "{script}");
        let code = storage.sandbox.fs(&format!("exists {}/a", storage.proxy.url())).code;
        assert!(code == Some(6) || code == Some(5), "{script}: {code:?}");
    }
}

/// law: each call takes another door, so that two files of one directory are mostly in two.
#[test]
fn bug_03_a_target_has_one_name_however_many_doors_there_are() {
    let storage = Storage::new();
    storage.write("out/a", "");
    let doors = format!(r#"fs.lab.doors=["{}", "http://127.0.0.1:1", "http://127.0.0.1:2"]"#, storage.proxy.url());
    let lab = FileSystems::load(&[doors]).unwrap();
    let out = || DirectoryTarget::new(lab.place("lab:out").unwrap());
    for _ in 0..100 {
        assert_eq!((out(), out().uri()), (out().child("a").parent(), out().uri()));
        let files = SiblingFileCollection::new([out().child("a"), out().child("b")]).unwrap();
        assert_eq!(files.len(), 2);
    }
    assert!(out().child("a").exists().unwrap());
}

/// law: the whole URL counts as a path, and junk named after it appears on the storage.
#[test]
fn bug_04_a_copy_to_another_storage_makes_nothing_but_the_copy() {
    let (one, two) = (Storage::new(), Storage::new());
    one.write("a", "content");
    one.root().child("a").copy_to(&two.root().child("far/b")).unwrap();
    one.root().child("a").copy_to(&one.root().child("near/b")).unwrap();
    assert_eq!(two.names(), ["far", "far/b"]);
    assert_eq!(one.names(), ["a", "near", "near/b"]);
    assert_eq!(two.sandbox.read("disk/far/b").unwrap(), b"content");
}

/// law: the file that will be replaced is downloaded first.
#[test]
fn bug_05_a_dump_over_a_file_does_not_download_it() {
    let storage = Storage::new();
    storage.write("a.json", "[0]");
    let file = storage.root().child("a.json");
    let (_, asked) = storage.asked(|| file.dump([1, 2], Json).unwrap());
    assert_eq!((asked.get("GET"), asked["PUT"]), (None, 1), "{asked:?}");
    let (write, asked) = storage.asked(|| file.localize_write().unwrap());
    assert!(asked.is_empty(), "{asked:?}");
    std::fs::write(write.path(), "[3]").unwrap();
    let (_, asked) = storage.asked(|| write.commit().unwrap());
    assert_eq!((asked.get("GET"), asked["PUT"]), (None, 1), "{asked:?}");
    assert_eq!(storage.sandbox.read("disk/a.json").unwrap(), b"[3]");
}

/// law: what is uploaded is the file as it was when it had been made, of 96 bytes.
#[test]
fn bug_06_an_hdf5_file_is_uploaded_when_it_is_whole() {
    let storage = Storage::new();
    let file = storage.root().child("hits.h5");
    let hits = Array2::from_shape_fn((100, 3), |(row, column)| row as f64 + column as f64 / 8.0);
    let all = Datasets::new().with("events/hits", hits.clone()).with("run", Array1::from_elem(4, 7_i32));
    file.dump(&all, H5).unwrap();
    let sent: Vec<String> = storage
        .proxy
        .requests()
        .into_iter()
        .filter(|request| request.method == "PUT")
        .map(|request| request.header("content-length").unwrap().to_owned())
        .collect();
    assert_eq!(sent, [storage.sandbox.read("disk/hits.h5").unwrap().len().to_string()]);
    assert_eq!(file.load::<Array2<f64>>(H5.named("events/hits")).unwrap(), hits);
}

/// law: `[1, ` stays under the final name, and the task counts as complete.
#[test]
fn bug_11_a_dump_that_fails_leaves_what_was_there() {
    let storage = Storage::new();
    let local = DirectoryTarget::at(storage.sandbox.path("local")).unwrap();
    // The second element has no JSON: an object's keys are texts.
    let bad = (1, HashMap::from([(vec![1], 2)]));
    for (root, disk) in [(local, "local"), (storage.root(), "disk")] {
        root.touch().unwrap();
        let file = root.child("a.json");
        assert_eq!(file.dump(&bad, Json).unwrap_err().kind(), ErrorKind::Malformed);
        assert!(!file.exists().unwrap());
        assert_eq!(storage.sandbox.names(disk), [""; 0]);
        file.dump([1], Json).unwrap();
        assert!(file.dump(&bad, Json).is_err());
        assert_eq!(storage.sandbox.names(disk), ["a.json"]);
        assert_eq!(file.load::<Vec<u8>>(Json).unwrap(), [1]);
    }
}

/// law: a thousand questions for a thousand files, where one that is missing is the answer.
#[test]
fn bug_16_a_collection_asks_no_more_than_the_answer_takes() {
    let storage = Storage::new();
    let files = FileCollection::new((0..1000).map(|n| storage.root().child(format!("{n}"))));
    let (exists, asked) = storage.asked(|| files.exists().unwrap());
    let all: usize = asked.values().sum();
    assert!(!exists && all > 0 && all < 100, "{asked:?}");
}

/// law: a `TypeError`.
#[test]
fn bug_17_a_listing_by_kind_works_on_every_storage() {
    let storage = Storage::new();
    storage.write("out/a", "");
    storage.write("out/sub/b", "");
    let local = DirectoryTarget::at(storage.sandbox.path("disk")).unwrap();
    for root in [local, storage.root()] {
        let names = |kind| root.child_dir("out").listdir(None, kind).unwrap();
        assert_eq!(names(Some(Kind::Directory)), ["sub"]);
        assert_eq!(names(Some(Kind::File)), ["a"]);
        assert_eq!(names(None), ["a", "sub"]);
    }
}

/// law: false.
#[test]
fn bug_22_the_parent_of_a_child_is_the_directory() {
    let storage = Storage::new();
    for directory in [storage.root().child_dir("out"), DirectoryTarget::at("./out/").unwrap()] {
        assert_eq!(directory.child("a").parent(), directory);
        assert_eq!(directory.child_dir("a").parent(), directory);
        assert_eq!(directory.child("a"), directory.child("b").sibling("a"));
        assert_ne!(directory.child("a"), directory.child("b"));
    }
    assert_ne!(storage.root(), Storage::new().root(), "another server");
}

/// law: `.tar` has no format, and everything that ends in `.bz2` counts as a tar.
#[test]
fn bug_23_a_name_means_one_format() {
    let format = |name: &str| by_extension(name).map(|format| format.name());
    assert_eq!(["a.tar", "a.tar.bz2", "a.json"].map(format), [Some("tar"), Some("tar"), Some("json")]);
    assert_eq!(format("a.bz2"), None);
    let storage = Storage::new();
    let file = storage.root().child("a.json.bz2");
    file.dump_as(BTreeMap::from([("cut", 0.5)])).unwrap();
    assert_eq!(&storage.sandbox.read("disk/a.json.bz2").unwrap()[..3], b"BZh");
    assert_eq!(file.load_as::<BTreeMap<String, f64>>().unwrap()["cut"], 0.5);
    assert_eq!(file.load::<BTreeMap<String, f64>>(Bzip2::new(Json)).unwrap()["cut"], 0.5);
}
