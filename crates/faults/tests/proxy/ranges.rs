//! Answers about another range than the one that was asked for.

use crate::wire::*;

const RANGED: &str = "GET /a HTTP/1.1\r\nHost: h\r\nRange: bytes=2-5\r\nConnection: close\r\n\r\n";
const PART: &str = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-5/10\r\nContent-Length: 4\r\n\r\n2345";

#[tokio::test]
async fn shift_range_asks_for_another_one() {
    let (mut server, proxy) = stage(PART, "GET shift-range 3").await;
    talk(&proxy, RANGED).await;
    assert!(server.received().await.contains("\r\nRange: bytes=5-8\r\n"));
    assert!(fired(&proxy));
}

#[tokio::test]
async fn ignore_range_asks_for_everything() {
    let (mut server, proxy) = stage(OK, "GET ignore-range").await;
    assert_eq!(talk(&proxy, RANGED).await, OK);
    assert!(!server.received().await.contains("Range"));
    assert!(fired(&proxy));
}

#[tokio::test]
async fn wrong_total_lies_about_the_whole() {
    let (_server, proxy) = stage(PART, "GET wrong-total 7").await;
    assert!(talk(&proxy, RANGED).await.contains("\r\nContent-Range: bytes 2-5/17\r\n"));
    assert!(fired(&proxy));
}

#[tokio::test]
async fn a_request_without_range_meets_none_of_them() {
    for script in ["GET shift-range 3", "GET ignore-range", "GET wrong-total 7"] {
        let (_server, proxy) = stage(OK, script).await;
        assert_eq!(talk(&proxy, LAST_GET).await, OK);
        assert!(!fired(&proxy), "{script}");
    }
}
