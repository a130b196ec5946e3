//! Where the suite must be green.

use std::sync::Arc;

use law_storage::{
    Algorithm, Backend, Call, Faulty, Memory, NameRules, NoClobber, Overwrite, Parents, PassThrough, Publish, Rooted,
    Support, list_all,
};

use crate::{path, suite};

/// Of 200: a Memory has every checksum and no local files, so that a few cases make no sense.
const PASSED: usize = 190;

#[tokio::test]
async fn memory() {
    suite(Memory::new()).await.assert_green(PASSED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_on_many_threads() {
    suite(Memory::new().with_page_size(7)).await.assert_green(PASSED);
}

#[tokio::test]
async fn pass_through() {
    suite(PassThrough::new(Memory::new())).await.assert_green(PASSED);
}

#[tokio::test]
async fn two_pass_throughs() {
    suite(PassThrough::new(PassThrough::new(Memory::new()))).await.assert_green(PASSED);
}

#[tokio::test]
async fn a_directory_as_the_root() {
    let memory = Arc::new(Memory::new());
    memory.create_directory(&Call::new(), &path("a/b"), Parents::Create).await.expect("a directory");
    suite(Rooted::new(memory, path("a/b"))).await.assert_green(PASSED);
}

#[tokio::test]
async fn faulty_without_faults() {
    suite(Faulty::new(Arc::new(Memory::new()), [])).await.assert_green(PASSED);
}

/// As an XRootD redirector: it cannot list, and the suite must clean up all the same.
#[tokio::test]
async fn memory_that_cannot_list() {
    let memory = Memory::new();
    let report = suite(memory.clone().with_capabilities(|c| c.list = Support::No)).await;
    report.assert_green(PASSED - 12);
    assert!(report.passed.contains(&"listing::a_partial_listing_is_refused"));
    let left = list_all(&memory, &Call::new(), &path("")).await.expect("a listing");
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[tokio::test]
async fn memory_that_can_little() {
    let little = Memory::new().with_capabilities(|c| {
        for support in [&mut c.ranges, &mut c.rename, &mut c.copy, &mut c.symlinks, &mut c.modes] {
            *support = Support::No;
        }
        c.set_modified = Support::No;
        c.keeps_modified = Support::No;
        c.space = Support::No;
        c.digests.clear();
        c.overwrite = Overwrite::Unsafe;
        c.no_clobber = NoClobber::CheckThenAct;
        c.publish = Publish::Direct;
        c.names = NameRules { forbidden: b"\\?", longest: Some(60), controls: false, ..NameRules::TEXT };
    });
    let report = suite(little).await;
    report.assert_green(110);
    assert!(report.passed.contains(&"writes::a_required_checksum_that_nobody_has_publishes_nothing"));
}

#[tokio::test]
async fn memory_that_does_not_know_itself() {
    let unknown = Memory::new().with_capabilities(|c| {
        for support in [&mut c.list, &mut c.ranges, &mut c.rename, &mut c.copy, &mut c.write, &mut c.symlinks] {
            *support = Support::Unknown;
        }
        c.digests = vec![Algorithm::Md5, Algorithm::Adler32];
        c.overwrite = Overwrite::Window;
    });
    suite(unknown).await.assert_green(PASSED);
}

#[tokio::test]
async fn memory_that_is_read_only() {
    let report = suite(Memory::new().with_capabilities(|c| c.write = Support::No)).await;
    report.assert_green(3);
}

#[tokio::test]
async fn a_base_that_cannot_be_made_is_a_failure() {
    let memory = Memory::new();
    memory.create_directory(&Call::new(), &path("x"), Parents::Require).await.expect("a directory");
    let file = law_storage::BytesSource::new("in the way");
    memory.put(&Call::new(), &path("conformance"), &file, &Default::default()).await.expect("a file");
    assert_eq!(suite(memory).await.failures(), ["setup"]);
}
