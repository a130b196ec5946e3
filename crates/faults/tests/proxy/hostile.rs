//! Bytes that are no HTTP, from either side.

use crate::wire::*;

#[tokio::test]
async fn garbage_from_a_client_is_a_400() {
    let (mut server, proxy) = stage(OK, "").await;
    let many_headers = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(1000));
    for garbage in [
        "\x17\x03\x01\x02\x00\x01\x00\x01\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: minus\r\n\r\n",
        "GET  / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\n: nothing\r\n\r\n",
        many_headers.as_str(),
    ] {
        let answer = talk(&proxy, garbage).await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{garbage:?}: {answer}");
    }
    assert!(server.saw_nothing() && proxy.requests().is_empty());
}

#[tokio::test]
async fn a_huge_head_is_a_400() {
    let (_server, proxy) = stage(OK, "").await;
    let answer = talk(&proxy, &format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(1 << 20))).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("longer than 64 KiB"), "{answer}");
}

#[tokio::test]
async fn a_head_cut_short_is_a_400() {
    let (_server, proxy) = stage(OK, "").await;
    let mut client = Client::connect(&proxy).await;
    client.send("GET / HT").await;
    tokio::io::AsyncWriteExt::shutdown(&mut client.0).await.unwrap();
    let (bytes, _) = client.rest().await;
    assert!(bytes.starts_with(b"HTTP/1.1 400 "));
}

#[tokio::test]
async fn garbage_from_a_server_is_a_502() {
    for garbage in [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ] {
        let (_server, proxy) = stage(garbage, "").await;
        let answer = talk(&proxy, GET).await;
        assert!(answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{garbage:?}: {answer}");
    }
}

#[tokio::test]
async fn a_broken_chunk_ends_the_answer_without_its_terminator() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for broken in ["zz\r\n", "ffffffffffffffffffff\r\n", "2\r\nabc\r\n"] {
        let answer = Box::leak(format!("{head}1\r\nx\r\n{broken}").into_boxed_str());
        let (_server, proxy) = stage(answer, "").await;
        let seen = talk(&proxy, GET).await;
        assert!(seen.starts_with(&format!("{head}1\r\nx\r\n")) && !seen.contains("\r\n0\r\n"), "{broken:?}: {seen}");
    }
}

#[tokio::test]
async fn a_broken_upload_ends_both_connections() {
    let (mut server, proxy) = stage(CREATED, "").await;
    let head = "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(talk(&proxy, &format!("{head}zz\r\n")).await, "");
    assert_eq!(server.received().await, head);
}
