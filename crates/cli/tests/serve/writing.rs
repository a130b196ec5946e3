//! PUT.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::wire::{Reply, ask, connect, host, rest, status};
use crate::{over_memory, read, write};

async fn await_continue(stream: &mut TcpStream) {
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
}

#[tokio::test]
async fn a_file_is_made_and_replaced() {
    let (server, place) = over_memory().await;
    assert_eq!(status(&server, "PUT /a", "", "old").await, 201);
    let replaced = ask(&server, "PUT /a", "", "new").await;
    assert_eq!((replaced.status, read(&place, "a").await.as_deref()), (204, Some("new")));
    assert_eq!(ask(&server, "HEAD /a", "", "").await.header("etag"), replaced.header("etag"));
    assert_eq!(status(&server, "PUT /empty", "Content-Length: 0\r\n", "").await, 201);
    assert_eq!(read(&place, "empty").await.as_deref(), Some(""));
}

#[tokio::test]
async fn where_a_file_cannot_be() {
    let (server, place) = over_memory().await;
    write(&place, "file", "x").await;
    assert_eq!(status(&server, "PUT /missing/a", "", "x").await, 409);
    assert_eq!(status(&server, "PUT /file/a", "", "x").await, 409);
    assert_eq!(status(&server, "PUT /", "", "x").await, 405);
    assert_eq!(status(&server, "PUT /a", "Content-Range: bytes 0-0/5\r\n", "x").await, 400);
    assert_eq!(read(&place, "a").await, None);
}

#[tokio::test]
async fn an_upload_that_breaks_off_changes_nothing() {
    let (server, place) = over_memory().await;
    write(&place, "a", "old").await;
    for (name, framing, half) in [
        ("/a", "Content-Length: 1000", "a half of it"),
        ("/a", "Transfer-Encoding: chunked", "5\r\nhello\r\n"),
        ("/b", "Content-Length: 1000", "a half of it"),
    ] {
        let mut stream = connect(&server).await;
        let head = format!("PUT {name} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{framing}\r\n\r\n", host(&server));
        stream.write_all(format!("{head}{half}").as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        // The server has dealt with the upload when it closes its side.
        assert!(!rest(&mut stream).await.starts_with(b"HTTP/1.1 2"), "{framing}");
    }
    assert_eq!(read(&place, "a").await.as_deref(), Some("old"));
    assert_eq!(read(&place, "b").await, None);
}

/// The upload would go on for ever, so that the server cuts it off after its time of grace.
#[tokio::test]
async fn an_upload_that_is_under_way_at_the_end_changes_nothing() {
    let (server, place) = over_memory().await;
    let mut stream = connect(&server).await;
    let head = format!("PUT /a HTTP/1.1\r\nHost: {}\r\nContent-Length: 100\r\n", host(&server));
    stream.write_all(format!("{head}Expect: 100-continue\r\n\r\n").as_bytes()).await.unwrap();
    await_continue(&mut stream).await;
    stream.write_all(b"the first half").await.unwrap();
    server.stop().await;
    assert_eq!(rest(&mut stream).await, b"");
    assert_eq!(read(&place, "a").await, None);
}

#[tokio::test]
async fn an_upload_in_chunks_is_whole_at_its_last_chunk() {
    let (server, place) = over_memory().await;
    let mut stream = connect(&server).await;
    let head = format!("PUT /a HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", host(&server));
    let body = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    assert_eq!(Reply::from(&mut stream).await.status, 201);
    assert_eq!(read(&place, "a").await.as_deref(), Some("hello!"));
}

#[tokio::test]
async fn a_body_that_would_be_refused_is_not_asked_for() {
    let (server, _place) = over_memory().await;
    let mut stream = connect(&server).await;
    let head = format!("PUT /missing/a HTTP/1.1\r\nHost: {}\r\nContent-Length: 5\r\n", host(&server));
    stream.write_all(format!("{head}Expect: 100-continue\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    assert_eq!(Reply::from(&mut stream).await.status, 409);
}

#[tokio::test]
async fn a_body_that_is_wanted_is_asked_for() {
    let (server, place) = over_memory().await;
    let mut stream = connect(&server).await;
    let head = format!("PUT /a HTTP/1.1\r\nHost: {}\r\nContent-Length: 5\r\n", host(&server));
    stream.write_all(format!("{head}Expect: 100-continue\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    await_continue(&mut stream).await;
    stream.write_all(b"hello").await.unwrap();
    assert_eq!(Reply::from(&mut stream).await.status, 201);
    assert_eq!(read(&place, "a").await.as_deref(), Some("hello"));
}

#[tokio::test]
async fn conditions_hold_at_publication() {
    let (server, place) = over_memory().await;
    assert_eq!(status(&server, "PUT /a", "If-Match: *\r\n", "x").await, 412);
    assert_eq!(status(&server, "PUT /a", "If-None-Match: *\r\n", "first").await, 201);
    assert_eq!(status(&server, "PUT /a", "If-None-Match: *\r\n", "second").await, 412);
    let tag = ask(&server, "HEAD /a", "", "").await.header("etag").unwrap().to_owned();
    let condition = format!("If-Match: {tag}\r\n");
    assert_eq!(status(&server, "PUT /a", &condition, "third").await, 204);
    assert_eq!(status(&server, "PUT /a", &condition, "fourth").await, 412);
    assert_eq!(read(&place, "a").await.as_deref(), Some("third"));
}

/// Two writers that both saw nothing there: the body of the first is held back until the second has published.
#[tokio::test]
async fn of_two_writers_that_meet_one_wins() {
    let (server, place) = over_memory().await;
    let mut late = connect(&server).await;
    let head = format!("PUT /a HTTP/1.1\r\nHost: {}\r\nContent-Length: 4\r\nIf-None-Match: *\r\n", host(&server));
    late.write_all(format!("{head}Expect: 100-continue\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    await_continue(&mut late).await;
    assert_eq!(status(&server, "PUT /a", "If-None-Match: *\r\n", "early").await, 201);
    late.write_all(b"late").await.unwrap();
    assert_eq!(Reply::from(&mut late).await.status, 412);
    assert_eq!(read(&place, "a").await.as_deref(), Some("early"));
}

#[tokio::test]
async fn a_checksum_comes_with_the_receipt() {
    let (server, _place) = over_memory().await;
    let receipt = ask(&server, "PUT /a", "Want-Digest: adler32\r\n", "123456789").await;
    assert_eq!(receipt.header("digest"), Some("adler32=091e01de"));
}
