//! Faults of answers.

use std::io::ErrorKind;

use crate::wire::*;

const HEAD_OF_OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";

#[tokio::test]
async fn truncate_keeps_the_head_and_closes() {
    let (_server, proxy) = stage(OK, "GET truncate at 4").await;
    assert_eq!(talk(&proxy, GET).await, format!("{HEAD_OF_OK}0123"));
    assert!(fired(&proxy));
    assert_eq!(proxy.requests()[0].sent, 4);
}

#[tokio::test]
async fn truncate_behind_the_end_does_not_fire() {
    let (_server, proxy) = stage(OK, "GET truncate at 10").await;
    assert_eq!(talk(&proxy, LAST_GET).await, OK);
    let seen = proxy.requests().remove(0);
    assert!(seen.fault.is_some() && !seen.fired);
}

#[tokio::test]
async fn truncate_cuts_chunked_bodies_and_those_until_close() {
    let (_server, proxy) = stage(CHUNKED, "GET truncate at 5").await;
    let expected = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n1\r\n4\r\n";
    assert_eq!(talk(&proxy, GET).await, expected);
    let (_server, proxy) = stage(CLOSING, "GET truncate at 5").await;
    assert_eq!(talk(&proxy, GET).await, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n01234");
}

#[tokio::test]
async fn short_length_is_complete_and_too_short() {
    let (_server, proxy) = stage(OK, "GET short-length at 4 once").await;
    let mut client = Client::connect(&proxy).await;
    client.send(GET).await;
    client.expect("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n0123").await;
    client.send(GET).await;
    client.expect(OK).await;
}

#[tokio::test]
async fn short_length_of_a_chunked_body() {
    let (_server, proxy) = stage(CHUNKED, "GET short-length at 4").await;
    let mut client = Client::connect(&proxy).await;
    client.send(GET).await;
    client.expect("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n0123").await;
}

#[tokio::test]
async fn lengths_of_head_requests_lie_too() {
    let (_server, proxy) =
        stage(HEAD_OF_OK, "HEAD short-length at 4 once; HEAD wrong-length 5 once; HEAD no-length at 0").await;
    assert_eq!(talk(&proxy, HEAD).await, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(talk(&proxy, HEAD).await, "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n");
    assert_eq!(talk(&proxy, HEAD).await, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    assert!(proxy.requests().iter().all(|seen| seen.fired));
}

#[tokio::test]
async fn no_length_hides_the_cut() {
    let (_server, proxy) = stage(OK, "GET no-length at 5").await;
    assert_eq!(talk(&proxy, GET).await, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n01234");
    let (_server, proxy) = stage(CHUNKED, "GET no-length at 5").await;
    assert_eq!(talk(&proxy, GET).await, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n01234");
    assert!(fired(&proxy));
}

#[tokio::test]
async fn flip_inverts_one_byte() {
    let (_server, proxy) = stage(OK, "GET flip at 9").await;
    let mut client = Client::connect(&proxy).await;
    client.send(LAST_GET).await;
    let (bytes, end) = client.rest().await;
    let mut expected = OK.as_bytes().to_vec();
    *expected.last_mut().unwrap() = !b'9';
    assert_eq!((bytes, end.is_ok(), fired(&proxy)), (expected, true, true));
}

#[tokio::test]
async fn flip_counts_over_chunks() {
    let (_server, proxy) = stage(CHUNKED, "GET flip at 5").await;
    let mut client = Client::connect(&proxy).await;
    client.send(LAST_GET).await;
    let (bytes, _) = client.rest().await;
    assert!(bytes.windows(6).any(|window| window == [b'4', !b'5', b'6', b'7', b'8', b'9']));
}

#[tokio::test]
async fn stall_stays_open_until_the_proxy_stops() {
    let (_server, proxy) = stage(OK, "GET stall at 4").await;
    let mut client = Client::connect(&proxy).await;
    client.send(GET).await;
    client.expect(&format!("{HEAD_OF_OK}0123")).await;
    let seen = proxy.wait_for(|seen| seen[0].fired).await;
    assert!(!seen[0].ended);
    let nothing_yet = client.0.try_read(&mut [0]).unwrap_err();
    assert_eq!(nothing_yet.kind(), ErrorKind::WouldBlock);
    proxy.stop();
    assert_eq!(client.rest().await.0, b"");
}

#[tokio::test]
async fn a_stall_of_an_answer_without_body_withholds_its_head() {
    for script in ["PUT stall at 0", "PUT stall-head"] {
        let (mut server, proxy) = stage(CREATED, script).await;
        let mut client = Client::connect(&proxy).await;
        client.send(PUT).await;
        proxy.wait_for(|seen| seen.iter().any(|seen| seen.fired)).await;
        assert_eq!(server.received().await, PUT);
        proxy.stop();
        assert_eq!(client.rest().await.0, b"", "{script}");
    }
}

#[tokio::test]
async fn reset_is_a_reset_and_no_end() {
    let (_server, proxy) = stage(OK, "GET reset at 4").await;
    let mut client = Client::connect(&proxy).await;
    client.send(GET).await;
    let (bytes, end) = client.rest().await;
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(format!("{HEAD_OF_OK}0123").as_bytes().starts_with(&bytes));
}

#[tokio::test]
async fn a_reset_of_an_answer_without_body_comes_before_its_head() {
    let (mut server, proxy) = stage(CREATED, "PUT reset at 0").await;
    let mut client = Client::connect(&proxy).await;
    client.send(PUT).await;
    let (bytes, end) = client.rest().await;
    assert_eq!((bytes.len(), end.unwrap_err().kind()), (0, ErrorKind::ConnectionReset));
    assert_eq!(server.received().await, PUT);
}

#[tokio::test]
async fn status_answers_without_the_server_and_keeps_the_connection() {
    let (mut server, proxy) = stage(OK, "* status 503 retry-after 7 body \"try later\" once").await;
    let mut client = Client::connect(&proxy).await;
    client.send(PUT).await;
    client.expect("HTTP/1.1 503 Scripted\r\nRetry-After: 7\r\nContent-Length: 9\r\n\r\ntry later").await;
    assert!(server.saw_nothing());
    client.send(GET).await;
    client.expect(OK).await;
    assert_eq!(server.received().await, GET);
    let seen = proxy.requests();
    assert_eq!((seen[0].status, seen[0].fired, seen[1].status, seen[1].fired), (Some(503), true, Some(200), false));
    assert_eq!((seen[0].connection, seen[1].connection), (1, 1));
}

#[tokio::test]
async fn status_for_a_head_request_has_no_body() {
    let (_server, proxy) = stage(OK, "* status 404 body gone").await;
    assert_eq!(talk(&proxy, HEAD).await, "HTTP/1.1 404 Scripted\r\nContent-Length: 4\r\nConnection: close\r\n\r\n");
}

#[tokio::test]
async fn html_instead_of_the_content() {
    let (mut server, proxy) = stage(OK, "GET html").await;
    let answer = talk(&proxy, LAST_GET).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: "));
    assert!(answer.ends_with("</html>\n") && server.saw_nothing());
}

#[tokio::test]
async fn wrong_length_promises_too_much() {
    for answer in [OK, CHUNKED, CLOSING] {
        let (_server, proxy) = stage(answer, "GET wrong-length 5").await;
        let seen = talk(&proxy, GET).await;
        assert!(seen.contains("\r\nContent-Length: 15\r\n") && seen.ends_with("\r\n\r\n0123456789"), "{seen}");
        assert!(!seen.contains("chunked"));
    }
}

#[tokio::test]
async fn chunked_trailer_tells_of_the_failure_at_the_end() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Transfer-Status\r\n\r\n";
    let (_server, proxy) =
        stage(OK, "GET chunked-trailer \"500: Internal\" once; GET chunked-trailer 500:disk at 3").await;
    let mut client = Client::connect(&proxy).await;
    client.send(GET).await;
    client.expect(head).await;
    client.expect("a\r\n0123456789\r\n0\r\nX-Transfer-Status: 500: Internal\r\n\r\n").await;
    client.send(GET).await;
    client.expect(&format!("{head}3\r\n012\r\n0\r\nX-Transfer-Status: 500:disk\r\n\r\n")).await;
}

#[tokio::test]
async fn redirects_lead_to_the_proxy_itself_or_elsewhere() {
    let (mut server, proxy) = stage(OK, "GET redirect self; HEAD redirect http://b.example/x code 307").await;
    let answer = talk(&proxy, LAST_GET).await;
    assert!(answer.starts_with("HTTP/1.1 302 "));
    assert!(answer.contains(&format!("\r\nLocation: {}/a.root\r\n", proxy.url())), "{answer}");
    let answer = talk(&proxy, HEAD).await;
    assert!(answer.starts_with("HTTP/1.1 307 ") && answer.contains("\r\nLocation: http://b.example/x\r\n"), "{answer}");
    assert!(server.saw_nothing());
}

#[tokio::test]
async fn delay_withholds_the_head_and_changes_nothing() {
    let (_server, proxy) = stage(OK, "GET delay 20").await;
    let start = std::time::Instant::now();
    assert_eq!(talk(&proxy, LAST_GET).await, OK);
    // A lower bound only: a slow machine cannot break it.
    assert!(start.elapsed().as_millis() >= 20 && fired(&proxy));
}

#[tokio::test]
async fn close_before_response_after_the_deed() {
    let (mut server, proxy) = stage(CREATED, "PUT close-before-response").await;
    assert_eq!(talk(&proxy, PUT).await, "");
    assert_eq!(server.received().await, PUT);
    assert_eq!((fired(&proxy), proxy.requests()[0].status), (true, None));
}

#[tokio::test]
async fn lie_digest_replaces_the_header_and_adds_it() {
    let honest = "HTTP/1.1 200 OK\r\ndigest: adler32=11111111\r\nContent-Length: 1\r\n\r\nx";
    let (_server, proxy) = stage(honest, "* lie-digest adler32=deadbeef").await;
    let expected = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nDigest: adler32=deadbeef\r\n\r\nx";
    assert_eq!(talk(&proxy, LAST_GET).await, expected);
    let (_server, proxy) = stage(OK, "* lie-digest adler32=deadbeef").await;
    assert!(talk(&proxy, LAST_GET).await.contains("\r\nDigest: adler32=deadbeef\r\n"));
}

#[tokio::test]
async fn retry_after_may_be_a_date() {
    let (_server, proxy) = stage(OK, "* status 503 retry-after-date 7").await;
    let answer = talk(&proxy, LAST_GET).await;
    let date = answer.split("\r\nRetry-After: ").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap();
    let wait = httpdate::parse_http_date(date).unwrap().duration_since(std::time::SystemTime::now()).unwrap();
    assert!((5..=8).contains(&wait.as_secs()), "{answer}");
}

#[tokio::test]
async fn a_pair_of_targets_leads_to_itself() {
    let (_server, proxy) = stage(OK, "GET redirect pair").await;
    let there = format!("\r\nLocation: {}/a.root?again\r\n", proxy.url());
    let back = format!("\r\nLocation: {}/a.root\r\n", proxy.url());
    assert!(talk(&proxy, LAST_GET).await.contains(&there));
    assert!(talk(&proxy, &LAST_GET.replace("/a.root", "/a.root?again")).await.contains(&back));
}
