//! GET, HEAD and PROPFIND.

use crate::wire::{ask, status};
use crate::{over_directory, over_memory, write};

#[tokio::test]
async fn a_file_and_its_head() {
    let (server, place) = over_memory().await;
    write(&place, "a", "0123456789").await;
    let got = ask(&server, "GET /a", "", "").await;
    assert_eq!((got.status, got.text().as_str()), (200, "0123456789"));
    assert!(got.header("server").unwrap().starts_with("law/"));
    assert!(got.header("etag").unwrap().starts_with('"'));
    let head = ask(&server, "HEAD /a", "", "").await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("10"), 0));
    assert_eq!(head.header("etag"), got.header("etag"));
    assert_eq!(status(&server, "GET /b", "", "").await, 404);
    assert_eq!(status(&server, "GET /", "", "").await, 405);
}

#[tokio::test]
async fn one_part_of_a_file() {
    let (server, place) = over_memory().await;
    write(&place, "a", "0123456789").await;
    let part = ask(&server, "GET /a", "Range: bytes=2-4\r\n", "").await;
    assert_eq!((part.status, part.text().as_str()), (206, "234"));
    assert_eq!(part.header("content-range"), Some("bytes 2-4/10"));
    assert_eq!(ask(&server, "GET /a", "Range: bytes=-3\r\n", "").await.text(), "789");
    let outside = ask(&server, "GET /a", "Range: bytes=10-\r\n", "").await;
    assert_eq!((outside.status, outside.header("content-range")), (416, Some("bytes */10")));
    let other = ask(&server, "GET /a", "Range: bytes=2-4\r\nIf-Range: \"other\"\r\n", "").await;
    assert_eq!((other.status, other.body.len()), (200, 10));
}

#[tokio::test]
async fn several_parts_of_a_file() {
    let (server, place) = over_memory().await;
    write(&place, "a", "0123456789").await;
    let parts = ask(&server, "GET /a", "Range: bytes=0-1,-2\r\n", "").await;
    let boundary = parts.header("content-type").unwrap().strip_prefix("multipart/byteranges; boundary=").unwrap();
    let expected = format!(
        "\r\n--{boundary}\r\nContent-Range: bytes 0-1/10\r\n\r\n01\
         \r\n--{boundary}\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n--{boundary}--\r\n"
    );
    assert_eq!((parts.status, parts.text()), (206, expected));
    assert_eq!(parts.header("content-length"), Some(parts.body.len().to_string().as_str()));
}

#[tokio::test]
async fn a_version_that_is_known_is_not_sent_again() {
    let (server, place) = over_memory().await;
    write(&place, "a", "x").await;
    let tag = ask(&server, "HEAD /a", "", "").await.header("etag").unwrap().to_owned();
    let known = format!("If-None-Match: {tag}\r\n");
    assert_eq!(status(&server, "GET /a", &known, "").await, 304);
    write(&place, "a", "y").await;
    assert_eq!(status(&server, "GET /a", &known, "").await, 200);
    assert_eq!(status(&server, "GET /a", &format!("If-Match: {tag}\r\n"), "").await, 412);
}

#[tokio::test]
async fn checksums_for_those_who_ask() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a"), "123456789").unwrap();
    let server = over_directory(directory.path()).await;
    let told = ask(&server, "HEAD /a", "Want-Digest: adler32\r\n", "").await;
    assert_eq!(told.header("digest"), Some("adler32=091e01de"));
    let told = ask(&server, "GET /a", "Want-Repr-Digest: md5=3\r\n", "").await;
    assert_eq!(told.header("repr-digest"), Some("md5=:JfnnlDI7RTiF9RgfG2JNCw==:"));
    assert_eq!(ask(&server, "HEAD /a", "", "").await.header("digest"), None);
}

#[tokio::test]
async fn properties_have_the_same_entity_tag_as_the_file() {
    let (server, place) = over_memory().await;
    write(&place, "a b#?%\u{e4}", "xyz").await;
    let listing = ask(&server, "PROPFIND /", "Depth: 1\r\n", "").await;
    let tag = ask(&server, "HEAD /a%20b%23%3F%25%C3%A4", "", "").await.header("etag").unwrap().to_owned();
    assert_eq!(listing.status, 207);
    for expected in ["/a%20b%23%3F%25%C3%A4<", "<D:getcontentlength>3<", &format!("<D:getetag>{tag}<")] {
        assert!(listing.text().contains(expected), "{expected} in {}", listing.text());
    }
    assert_eq!(status(&server, "PROPFIND /", "Depth: infinity\r\n", "").await, 403);
    assert_eq!(status(&server, "PROPFIND /missing", "Depth: 0\r\n", "").await, 404);
}

#[tokio::test]
async fn links_are_listed_as_what_they_lead_to() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "abc").unwrap();
    std::os::unix::fs::symlink("file", directory.path().join("link")).unwrap();
    std::os::unix::fs::symlink("nothing", directory.path().join("dangling")).unwrap();
    let server = over_directory(directory.path()).await;
    let listing = ask(&server, "PROPFIND /", "Depth: 1\r\n", "").await.text();
    assert!(listing.contains("/link<") && !listing.contains("dangling"), "{listing}");
    assert_eq!(ask(&server, "GET /link", "", "").await.text(), "abc");
}
