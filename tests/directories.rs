//! Directories that are localized from and published to real servers: whole, or not at all.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails where it stands")]

#[allow(dead_code, reason = "every test crate uses its part of it")]
mod sandbox;

use std::fs;
use std::path::{Path, PathBuf};

use law::prelude::*;
use law::storage::ErrorKind;
use law_faults::{FaultProxy, Script};
use sandbox::{OwnServer, Sandbox, fresh};

/// Three files in two directories, written and still to be published.
fn written(directory: &DirectoryTarget) -> LocalizedDirectoryWrite {
    let write = directory.localize_write().unwrap();
    fs::create_dir(write.path().join("sub")).unwrap();
    for name in ["a", "sub/b", "sub/c d%"] {
        fs::write(write.path().join(name), format!("content of {name}")).unwrap();
    }
    write
}

const WHOLE: [&str; 4] = ["a", "sub", "sub/b", "sub/c d%"];

/// Everything below a local directory, sorted.
fn names(directory: &Path) -> Vec<String> {
    let below = DirectoryTarget::at(directory).unwrap();
    let mut names: Vec<String> = below.walk().map(|step| step.unwrap().to_string()).collect();
    let prefix = format!("{}/", directory.display());
    names.iter_mut().for_each(|name| *name = name.strip_prefix(&prefix).unwrap().to_owned());
    names.sort();
    names
}

fn comes_back(directory: &DirectoryTarget) {
    let read = directory.localize_read().unwrap();
    assert_eq!(names(read.path()), WHOLE);
    assert_eq!(fs::read_to_string(read.path().join("sub/c d%")).unwrap(), "content of sub/c d%");
}

#[test]
fn whatever_a_network_breaks_there_is_a_whole_directory_or_none() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve("disk");
    let proxy = FaultProxy::start_blocking(server.address(), Script::new()).unwrap();
    let out = DirectoryTarget::at(format!("{}/out", proxy.url())).unwrap();
    for script in [
        "MKCOL status 403 once",
        "MKCOL status 507 from 2",
        "PUT status 507 from 2",
        "PUT reset-upload at 3 from 3",
        "PUT flip-upload at 3",
        "MOVE status 403 once",
        "MOVE status 503 from 2",
        "PROPFIND status 500",
    ] {
        proxy.set_script(script.parse().expect(script));
        let error = written(&out).commit().expect_err(script);
        assert!(proxy.requests().iter().any(|request| request.fired), "{script}");
        // What could not be removed, as the script goes on, is named.
        let left = sandbox.names("disk");
        let staged = left.first().filter(|name| name.ends_with(".lawpart"));
        assert!(
            left.is_empty() || staged.is_some_and(|name| error.to_string().contains(name)),
            "{script}: {left:?} {error}"
        );
        left.first().into_iter().for_each(|name| fs::remove_dir_all(sandbox.path("disk").join(name)).unwrap());
    }
    proxy.set_script(Script::new());
    assert!(written(&out).commit().unwrap().at_once);
    assert_eq!(names(&sandbox.path("disk/out")), WHOLE);
    comes_back(&out);
    assert_eq!(written(&out).commit().unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(sandbox.names("disk").len(), WHOLE.len() + 1);
}

#[test]
fn on_xrootd_a_directory_appears_at_once() {
    let Some(server) = OwnServer::start("xrootd") else { return };
    let (url, name) = (server.endpoint("XROOTD_HTTP"), fresh("directory"));
    let disk = Path::new(&server.endpoint("XROOTD_DATA")).join(&name);
    let out = DirectoryTarget::at(format!("{url}/{name}/far/out")).unwrap();
    let published = written(&out).commit().unwrap();
    assert_eq!((published.files, published.at_once), (3, true));
    assert_eq!(names(&disk.join("far/out")), WHOLE);
    assert_eq!(names(&disk.join("far")).len(), WHOLE.len() + 1, "and nothing beside it");
    comes_back(&out);
    assert_eq!(written(&out).commit().unwrap_err().kind(), ErrorKind::AlreadyExists);
    fs::remove_dir_all(disk).unwrap();
}

#[test]
fn behind_a_redirector_it_appears_file_by_file_and_says_so() {
    let Some(server) = OwnServer::start("xrootd-cluster") else { return };
    let (url, name) = (server.endpoint("CLUSTER_HTTP"), fresh("directory"));
    let disks =
        ["CLUSTER_SERVER1_DATA", "CLUSTER_SERVER2_DATA"].map(|key| Path::new(&server.endpoint(key)).join(&name));
    let files = || {
        let on_disk = |disk: &PathBuf| names(disk).into_iter().filter(|name| !disk.join(name).is_dir()).collect();
        let mut files: Vec<String> = disks.iter().filter(|disk| disk.exists()).flat_map::<Vec<_>, _>(on_disk).collect();
        files.sort();
        files
    };
    let out = DirectoryTarget::at(format!("{url}/{name}/out")).unwrap();
    let write = written(&out);
    fs::rename(write.path().join("sub/c d%"), write.path().join("sub/c")).unwrap();
    let published = write.commit().unwrap();
    assert_eq!((published.files, published.at_once), (3, false));
    assert_eq!(files(), ["out/a", "out/sub/b", "out/sub/c"]);
    assert_eq!(out.localize_read().unwrap_err().kind(), ErrorKind::Unsupported, "a redirector cannot list");
    assert_eq!(written(&out).commit().unwrap_err().kind(), ErrorKind::AlreadyExists);

    // A redirector mistreats names with a space: what was published before that is known is taken back.
    let error = written(&out.sibling("other")).commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(files(), ["out/a", "out/sub/b", "out/sub/c"], "{error}");
}

#[test]
fn where_an_archive_cannot_be_extracted_is_named_beside_the_archive() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = DirectoryTarget::at(scratch.path()).unwrap();
    fs::create_dir(scratch.path().join("data")).unwrap();
    fs::write(scratch.path().join("data/file"), "x").unwrap();
    let archive = dir.child("a.tar.gz");
    archive.dump(scratch.path().join("data"), Tar).unwrap();
    let below_a_file = scratch.path().join("data/file/in");
    let error = archive.load(Tar.extract_to(&below_a_file)).unwrap_err();
    assert_eq!((error.kind(), error.url()), (ErrorKind::NotADirectory, below_a_file.to_str()), "{error}");
    assert!(error.to_string().contains("/a.tar.gz: "), "{error}");
    let missing = scratch.path().join("none");
    let error = dir.child("b.tar").dump(&missing, Tar).unwrap_err();
    assert_eq!((error.kind(), error.url()), (ErrorKind::NotFound, missing.to_str()), "{error}");
}
