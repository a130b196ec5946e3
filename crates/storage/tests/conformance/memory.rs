//! What the suite does not ask of every backend.

use futures_util::StreamExt as _;
use law_storage::{
    Backend, BytesSource, Call, ErrorKind, ListOptions, Memory, Parents, PutOptions, ReadOptions, Validator,
};

use crate::path;

async fn with_file(name: &str, content: &'static str) -> Memory {
    let memory = Memory::new();
    let options = PutOptions { parents: Parents::Create, ..PutOptions::default() };
    memory.put(&Call::new(), &path(name), &BytesSource::new(content), &options).await.expect("a file");
    memory
}

async fn content(memory: &Memory, name: &str) -> Result<String, ErrorKind> {
    let reading = memory.read(&Call::new(), &path(name), &ReadOptions::whole()).await.map_err(|e| e.kind())?;
    let bytes = reading.collect(1000).await.map_err(|e| e.kind())?;
    Ok(String::from_utf8(bytes.to_vec()).expect("text"))
}

#[tokio::test]
async fn links_lead_up_and_to_the_root() {
    let memory = with_file("a/b/file", "found").await;
    for (link, target) in [("a/up", "../a/b"), ("a/b/root", "/a/b"), ("self", "./a//b/."), ("above", "../../../a/b")] {
        memory.create_link(&Call::new(), &path(link), target.as_bytes()).await.expect("a link");
        assert_eq!(content(&memory, &format!("{link}/file")).await.as_deref(), Ok("found"), "{link} -> {target}");
    }
}

#[tokio::test]
async fn links_in_a_circle_end() {
    let memory = Memory::new();
    memory.create_link(&Call::new(), &path("a"), b"b").await.expect("a link");
    memory.create_link(&Call::new(), &path("b"), b"a").await.expect("a link");
    assert_eq!(content(&memory, "a").await, Err(ErrorKind::InvalidInput));
    let error = memory.stat(&Call::new(), &path("a")).await.expect_err("cannot tell");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    memory.remove_file(&Call::new(), &path("a")).await.expect("a link can be removed");
}

#[tokio::test]
async fn pages_have_the_size_that_was_set() {
    let memory = Memory::new().with_page_size(3);
    for name in ["a", "b", "c", "d\u{e4}\n", "e", "f", "g"] {
        memory.put(&Call::new(), &path(name), &BytesSource::new("x"), &PutOptions::default()).await.expect("a file");
    }
    let listing = memory.list(&Call::new(), &path(""), &ListOptions::default()).await.expect("a listing");
    let sizes: Vec<usize> = listing.map(|page| page.expect("a page").entries.len()).collect().await;
    assert_eq!(sizes, [3, 3, 1]);
}

#[tokio::test]
async fn a_directory_that_goes_away_ends_its_listing_in_an_error() {
    let memory = Memory::new().with_page_size(1);
    for name in ["d/a", "d/b"] {
        let options = PutOptions { parents: Parents::Create, ..PutOptions::default() };
        memory.put(&Call::new(), &path(name), &BytesSource::new("x"), &options).await.expect("a file");
    }
    let mut listing = memory.list(&Call::new(), &path("d"), &ListOptions::default()).await.expect("a listing");
    listing.next().await.expect("a page").expect("a page");
    memory.rename(&Call::new(), &path("d"), &path("e"), law_storage::Destination::NoReplace).await.expect("a rename");
    let error = listing.next().await.expect("an item").expect_err("no listing any more");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(listing.next().await.is_none());
}

#[tokio::test]
async fn urls_are_encoded() {
    assert_eq!(Memory::new().url(&path("a b/%41#")), "memory:///a%20b/%2541%23");
}

#[tokio::test]
async fn weak_validators_are_compared_as_far_as_they_go() {
    let memory = with_file("file", "12345").await;
    for (validator, fits) in [
        (Validator::default(), true),
        (Validator::weak(Some(5), None), true),
        (Validator::weak(Some(4), None), false),
        (Validator::etag("\"of another door\""), false),
    ] {
        let options = ReadOptions::whole().pinned(validator.clone());
        let reading = memory.read(&Call::new(), &path("file"), &options).await;
        assert_eq!(reading.is_ok(), fits, "{validator:?}");
    }
}
