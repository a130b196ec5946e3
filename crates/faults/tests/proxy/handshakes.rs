//! Connections that break before a request is known, and those that speak TLS.

use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use law_faults::{FaultProxy, Script};

use crate::wire::*;

/// The beginning of a ClientHello.
const HELLO: &str = "\u{16}\u{3}\u{1}";

#[tokio::test]
async fn a_black_hole_takes_the_connection_and_nothing_else() {
    let (mut server, proxy) = stage(OK, "* black-hole once").await;
    let mut lost = Client::connect(&proxy).await;
    lost.send(GET).await;
    // The second connection is served, so that the first one has had its time.
    assert_eq!(talk(&proxy, LAST_GET).await, OK);
    assert!(lost.0.try_read(&mut [0]).is_err());
    assert_eq!(server.received().await, LAST_GET);
    assert_eq!((proxy.broken_connections(), proxy.requests().len()), (1, 1));
    proxy.stop();
    assert_eq!(lost.rest().await.0, b"");
}

#[tokio::test]
async fn a_tls_handshake_is_closed_or_answered_with_garbage() {
    for (script, answer) in [("* tls-close", &b""[..]), ("* tls-garbage", b"220 this is not TLS\r\n")] {
        let (_server, proxy) = stage(OK, script).await;
        let mut client = Client::connect(&proxy).await;
        client.send(HELLO).await;
        assert_eq!(client.rest().await.0, answer, "{script}");
        assert_eq!(talk(&proxy, LAST_GET).await, OK, "{script}: plain HTTP is served");
        assert_eq!(proxy.broken_connections(), 1);
    }
}

#[tokio::test]
async fn tls_passes_unread() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = FaultProxy::start(listener.local_addr().unwrap(), Script::new()).await.unwrap();
    let mut client = Client::connect(&proxy).await;
    client.send(HELLO).await;
    let (mut server, _) = listener.accept().await.unwrap();
    let mut hello = [0; 3];
    server.read_exact(&mut hello).await.unwrap();
    server.write_all(b"hello").await.unwrap();
    client.expect("hello").await;
    assert_eq!((hello.as_slice(), proxy.requests().len()), (HELLO.as_bytes(), 0));
}

#[tokio::test]
async fn bandwidth_slows_both_directions_and_changes_nothing() {
    let (mut server, proxy) = stage(OK, "* bandwidth 200").await;
    let start = Instant::now();
    assert_eq!(talk(&proxy, LAST_GET).await, OK);
    // Ten bytes; a lower bound only, which a slow machine cannot break.
    assert!(start.elapsed().as_millis() >= 45 && fired(&proxy));
    let start = Instant::now();
    let mut client = Client::connect(&proxy).await;
    client.send(PUT).await;
    client.expect(OK).await;
    assert!(start.elapsed().as_millis() >= 90);
    assert_eq!([server.received().await, server.received().await], [LAST_GET, PUT]);
}
