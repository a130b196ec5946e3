//! Collections on a real XRootD server, a little way off.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails where it stands")]

#[allow(dead_code, reason = "every test crate uses its part of it")]
mod sandbox;

use std::path::Path;
use std::time::Instant;

use law::prelude::*;
use law::storage::ErrorKind;
use law_faults::{FaultProxy, Script};
use sandbox::{OwnServer, address_of, fresh};

const DIRECTORIES: usize = 40;
const FILES: usize = 100;

/// So many files in so many directories, made on the disk of the server.
fn grid(disk: &Path) {
    for directory in 0..DIRECTORIES {
        let directory = disk.join(format!("d{directory}"));
        std::fs::create_dir_all(&directory).unwrap();
        (0..FILES).for_each(|file| drop(std::fs::File::create(directory.join(format!("f{file}"))).unwrap()));
    }
}

#[test]
fn four_thousand_files_are_counted_by_forty_listings() {
    let Some(server) = OwnServer::start("xrootd") else { return };
    let (url, data) = (server.endpoint("XROOTD_HTTP"), server.endpoint("XROOTD_DATA"));
    let name = fresh("collection");
    let disk = Path::new(&data).join(&name);
    grid(&disk);
    let proxy = FaultProxy::start_blocking(address_of(&url), "* delay 20".parse::<Script>().unwrap()).unwrap();
    let top = DirectoryTarget::at(format!("{}/{name}", proxy.url())).unwrap();
    let files = (0..DIRECTORIES).flat_map(|d| (0..FILES).map(move |f| format!("d{d}/f{f}")));
    let files = NestedSiblingFileCollection::new(files.map(|path| top.child(path)));

    let (asked, begin) = (proxy.requests().len(), Instant::now());
    assert_eq!(files.count().unwrap(), DIRECTORIES * FILES);
    println!("{} files counted in {:?}, 20 ms away", files.len(), begin.elapsed());
    // One for each directory, and one to learn what kind of server it is.
    let asked = proxy.requests().len() - asked;
    assert!((DIRECTORIES..=DIRECTORIES + 2).contains(&asked), "{asked} requests");

    proxy.set_script("PROPFIND /d17 status 403".parse().unwrap());
    assert_eq!(files.count().unwrap_err().kind(), ErrorKind::PermissionDenied, "and not: absent");
    std::fs::remove_dir_all(&disk).unwrap();
}
