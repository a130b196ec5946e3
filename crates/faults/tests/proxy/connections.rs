//! What the proxy does when nothing is wrong, and faults of whole connections.

use std::io::ErrorKind;

use law_faults::{Fault, FaultProxy, Match, Occurrences, Script};
use tokio::net::{TcpListener, TcpStream};

use crate::wire::*;

#[tokio::test]
async fn honest_answers_pass_and_connections_are_kept() {
    let (mut server, proxy) = stage(OK, "").await;
    let mut client = Client::connect(&proxy).await;
    client.send(&format!("{GET}{GET}")).await;
    client.expect(&format!("{OK}{OK}")).await;
    assert_eq!(server.received().await, GET);
    let seen = proxy.requests();
    assert_eq!(seen.len(), 2);
    assert_eq!((seen[0].method.as_str(), seen[0].target.as_str()), ("GET", "/a.root"));
    assert_eq!((seen[1].header("host"), &seen[1].fault, seen[1].connection), (Some("h"), &None, 1));
}

#[tokio::test]
async fn chunked_answers_pass_with_their_trailer() {
    let (_server, proxy) = stage(CHUNKED, "").await;
    // Extensions of chunks are dropped, as any intermediary may.
    assert_eq!(talk(&proxy, LAST_GET).await, CHUNKED.replace(";ext=1", ""));
}

#[tokio::test]
async fn a_body_until_close_ends_with_the_connection() {
    let (_server, proxy) = stage(CLOSING, "").await;
    assert_eq!(talk(&proxy, GET).await, CLOSING);
}

#[tokio::test]
async fn answers_without_body_do_not_wait_for_one() {
    for answer in ["HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"] {
        let (_server, proxy) = stage(answer, "").await;
        let mut client = Client::connect(&proxy).await;
        client.send(&format!("{GET}{GET}")).await;
        client.expect(&format!("{answer}{answer}")).await;
    }
}

#[tokio::test]
async fn a_head_request_keeps_the_length_and_has_no_body() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
    let (_server, proxy) = stage(answer, "HEAD truncate at 1").await;
    assert_eq!(talk(&proxy, HEAD).await, answer);
    assert!(!fired(&proxy));
}

#[tokio::test]
async fn refused_connections_are_reset_at_once() {
    let (_server, proxy) = stage(OK, "* refuse once").await;
    // The reset may come before the kernel has told that it is connected.
    let end = match TcpStream::connect(proxy.address()).await {
        Ok(stream) => Client(stream).rest().await.1,
        Err(error) => Err(error),
    };
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(talk(&proxy, LAST_GET).await, OK);
    assert_eq!(proxy.requests().len(), 1);
}

#[tokio::test]
async fn a_new_script_counts_anew() {
    let (_server, proxy) = stage(OK, "* status 503 once").await;
    let mut client = Client::connect(&proxy).await;
    let refusal = "HTTP/1.1 503 Scripted\r\nContent-Length: 0\r\n\r\n";
    client.send(&format!("{GET}{GET}")).await;
    client.expect(&format!("{refusal}{OK}")).await;
    proxy.set_script(Script::new().on(Match::any().once(), Fault::status(503).into()));
    client.send(&format!("{GET}{GET}")).await;
    client.expect(&format!("{refusal}{OK}")).await;
}

#[tokio::test]
async fn a_server_that_ends_an_idle_connection_ends_the_clients() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = FaultProxy::start(listener.local_addr().unwrap(), Script::new()).await.unwrap();
    let mut client = Client::connect(&proxy).await;
    client.send(GET).await;
    let (mut server, _) = listener.accept().await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut server, OK.as_bytes()).await.unwrap();
    client.expect(OK).await;
    drop(server);
    assert_eq!(client.rest().await.0, b"");
}

#[tokio::test]
async fn a_dead_server_is_a_502() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let proxy = FaultProxy::start(nobody, Script::new()).await.unwrap();
    let answer = talk(&proxy, LAST_GET).await;
    assert!(answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n") && answer.contains("cannot be reached"), "{answer}");
}

#[tokio::test]
async fn dropping_closes_everything() {
    let (_server, proxy) = stage(OK, "GET stall at 0").await;
    let mut client = Client::connect(&proxy).await;
    client.send(GET).await;
    proxy.wait_for(|seen| seen.iter().any(|seen| seen.fired)).await;
    let address = proxy.address();
    drop(proxy);
    client.expect("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n").await;
    assert_eq!(client.rest().await.0, b"");
    assert_eq!(TcpStream::connect(address).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn the_proxy_works_while_the_test_blocks() {
    use std::io::{Read as _, Write as _};
    let nobody = "127.0.0.1:1".parse().unwrap();
    let script =
        Script::new().on(Match::any(), Fault::status(418).into()).refuse_connections(Occurrences::Only(vec![9]));
    let proxy = FaultProxy::start_blocking(nobody, script).unwrap();
    let mut client = std::net::TcpStream::connect(proxy.address()).unwrap();
    client.write_all(LAST_GET.as_bytes()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 418 "));
}
