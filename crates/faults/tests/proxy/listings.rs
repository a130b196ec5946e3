//! Answers to PROPFIND that are cut, doubled, or no XML at all.

use crate::wire::*;

const PROPFIND: &str = "PROPFIND / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const LISTING: &str = "HTTP/1.1 207 Multi-Status\r\nContent-Length: 57\r\n\r\n\
    <d:m><d:response>a</d:response><d:response>b</d:response>";

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn an_entry_comes_twice_and_the_length_is_right() {
    let (_server, proxy) = stage(LISTING, "PROPFIND duplicate-entry").await;
    let answer = talk(&proxy, PROPFIND).await;
    assert!(body(&answer).ends_with("<d:response>b</d:response><d:response>b</d:response>"), "{answer}");
    assert!(answer.contains(&format!("\r\nContent-Length: {}\r\n", body(&answer).len())), "{answer}");
    assert!(fired(&proxy));
}

#[tokio::test]
async fn a_listing_without_entries_stays_as_it_is() {
    let (_server, proxy) = stage(OK, "PROPFIND duplicate-entry").await;
    assert_eq!(talk(&proxy, PROPFIND).await, OK);
    assert!(!fired(&proxy));
}

#[tokio::test]
async fn xml_is_cut_with_a_correct_length() {
    let (_server, proxy) = stage(LISTING, "PROPFIND short-length at 20").await;
    let answer = talk(&proxy, PROPFIND).await;
    assert!(answer.contains("\r\nContent-Length: 20\r\n") && body(&answer).len() == 20, "{answer}");
}

#[tokio::test]
async fn garbage_is_as_long_as_the_truth_and_nothing_of_it() {
    let (_server, proxy) = stage(OK, "GET garbage").await;
    let mut client = Client::connect(&proxy).await;
    client.send(LAST_GET).await;
    let (bytes, _) = client.rest().await;
    let (head, body) = bytes.split_at(OK.len() - 10);
    assert_eq!(head, &OK.as_bytes()[..OK.len() - 10]);
    assert_eq!(body, b"0123456789".map(|byte| !byte));
    assert!(fired(&proxy));
}
