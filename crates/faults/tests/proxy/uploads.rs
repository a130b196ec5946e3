//! Faults of request bodies, and the dance around `Expect: 100-continue`.

use std::io::ErrorKind;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use law_faults::{FaultProxy, Script};

use crate::wire::*;

const PUT_HEAD: &str = "PUT /a.root HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n";
const CHUNKED_PUT: &str =
    "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n6\r\n456789\r\n0\r\nX-Sum: 1\r\n\r\n";
const WAITING_PUT: &str = "PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n";

#[tokio::test]
async fn reset_upload_cuts_both_sides() {
    let (mut server, proxy) = stage(CREATED, "PUT reset-upload at 4").await;
    let mut client = Client::connect(&proxy).await;
    client.send(PUT).await;
    let (bytes, end) = client.rest().await;
    assert_eq!((bytes.len(), end.unwrap_err().kind()), (0, ErrorKind::ConnectionReset));
    assert_eq!(server.received().await, format!("{PUT_HEAD}0123"));
    assert!(fired(&proxy));
}

#[tokio::test]
async fn reset_upload_behind_the_end_does_not_fire() {
    let (mut server, proxy) = stage(CREATED, "PUT reset-upload at 10").await;
    let mut client = Client::connect(&proxy).await;
    client.send(PUT).await;
    client.expect(CREATED).await;
    assert_eq!(server.received().await, PUT);
    assert!(!fired(&proxy));
}

#[tokio::test]
async fn stall_upload_takes_no_more() {
    let (mut server, proxy) = stage(CREATED, "PUT stall-upload at 4").await;
    let mut client = Client::connect(&proxy).await;
    client.send(PUT).await;
    proxy.wait_for(|seen| seen.iter().any(|seen| seen.fired)).await;
    assert!(server.saw_nothing());
    proxy.stop();
    assert_eq!(server.received().await, format!("{PUT_HEAD}0123"));
    assert_eq!(client.rest().await.0, b"");
}

#[tokio::test]
async fn flip_upload_inverts_one_byte_on_its_way_up() {
    let (mut server, proxy) = stage(CREATED, "PUT flip-upload at 9").await;
    let mut client = Client::connect(&proxy).await;
    client.send(PUT).await;
    client.expect(CREATED).await;
    // The inverted byte is no UTF-8, so the server shows it as the replacement character.
    assert_eq!(server.received().await, format!("{PUT_HEAD}012345678\u{fffd}"));
    assert!(fired(&proxy));
}

#[tokio::test]
async fn chunked_uploads_pass_with_their_trailer_and_are_cut() {
    let (mut server, proxy) = stage(CREATED, "PUT reset-upload at 5 nth 2").await;
    let mut client = Client::connect(&proxy).await;
    client.send(CHUNKED_PUT).await;
    client.expect(CREATED).await;
    assert_eq!(server.received().await, CHUNKED_PUT);
    client.send(CHUNKED_PUT).await;
    assert!(client.rest().await.1.is_err());
    let head = "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(server.received().await, format!("{head}4\r\n0123\r\n1\r\n4\r\n"));
}

#[tokio::test]
async fn a_client_that_goes_in_the_middle_takes_the_server_along() {
    let (mut server, proxy) = stage(CREATED, "").await;
    let mut client = Client::connect(&proxy).await;
    client.send(&format!("{PUT_HEAD}012")).await;
    drop(client);
    assert_eq!(server.received().await, format!("{PUT_HEAD}012"));
}

async fn by_hand() -> (TcpListener, FaultProxy) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = FaultProxy::start(listener.local_addr().unwrap(), Script::new()).await.unwrap();
    (listener, proxy)
}

async fn receive(stream: &mut TcpStream, expected: &str) {
    let mut bytes = vec![0; expected.len()];
    stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), expected);
}

#[tokio::test]
async fn continue_is_relayed_before_the_body_goes_up() {
    let (listener, proxy) = by_hand().await;
    let mut client = Client::connect(&proxy).await;
    client.send(WAITING_PUT).await;
    let (mut server, _) = listener.accept().await.unwrap();
    receive(&mut server, WAITING_PUT).await;
    server.write_all(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX-A: 1\r\n\r\n").await.unwrap();
    client.expect("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX-A: 1\r\n\r\n").await;
    client.send("01234").await;
    receive(&mut server, "01234").await;
    client.send("56789").await;
    receive(&mut server, "56789").await;
    server.write_all(CREATED.as_bytes()).await.unwrap();
    client.expect(CREATED).await;
    assert_eq!(proxy.requests()[0].status, Some(201));
}

#[tokio::test]
async fn a_final_answer_may_come_instead_of_continue() {
    let (listener, proxy) = by_hand().await;
    let mut client = Client::connect(&proxy).await;
    client.send(WAITING_PUT).await;
    let (mut server, _) = listener.accept().await.unwrap();
    receive(&mut server, WAITING_PUT).await;
    let refusal = "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig";
    server.write_all(refusal.as_bytes()).await.unwrap();
    client.expect(refusal).await;
    assert_eq!(client.rest().await.0, b"");
}

#[tokio::test]
async fn after_an_early_answer_on_a_kept_connection_the_body_still_goes_up() {
    let (listener, proxy) = by_hand().await;
    let mut client = Client::connect(&proxy).await;
    client.send(WAITING_PUT).await;
    let (mut server, _) = listener.accept().await.unwrap();
    receive(&mut server, WAITING_PUT).await;
    server.write_all(CREATED.as_bytes()).await.unwrap();
    client.expect(CREATED).await;
    client.send("0123456789").await;
    receive(&mut server, "0123456789").await;
    client.send(GET).await;
    receive(&mut server, GET).await;
}

#[tokio::test]
async fn a_made_up_answer_comes_instead_of_continue() {
    let (mut server, proxy) = stage(CREATED, "PUT status 503").await;
    let answer = talk(&proxy, WAITING_PUT).await;
    assert_eq!(answer, "HTTP/1.1 503 Scripted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert!(server.saw_nothing());
}

#[tokio::test]
async fn a_swallowed_answer_waits_for_the_whole_upload() {
    let (listener, proxy) = by_hand().await;
    proxy.set_script("PUT close-before-response".parse().unwrap());
    let mut client = Client::connect(&proxy).await;
    client.send(PUT_HEAD).await;
    let (mut server, _) = listener.accept().await.unwrap();
    receive(&mut server, PUT_HEAD).await;
    server.write_all(CREATED.as_bytes()).await.unwrap();
    proxy.wait_for(|seen| seen[0].fired).await;
    client.send("0123456789").await;
    receive(&mut server, "0123456789").await;
    assert_eq!(client.rest().await.0, b"");
}

#[tokio::test]
async fn continue_may_be_withheld_and_the_body_goes_up_without_it() {
    for script in ["PUT no-continue", "PUT delay-continue 60000"] {
        let (listener, proxy) = by_hand().await;
        proxy.set_script(script.parse().unwrap());
        let mut client = Client::connect(&proxy).await;
        client.send(WAITING_PUT).await;
        let (mut server, _) = listener.accept().await.unwrap();
        receive(&mut server, WAITING_PUT).await;
        server.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
        proxy.wait_for(|seen| seen[0].fired).await;
        assert!(client.0.try_read(&mut [0]).is_err(), "{script}");
        client.send("0123456789").await;
        receive(&mut server, "0123456789").await;
    }
}

#[tokio::test]
async fn a_late_continue_comes_before_the_answer() {
    let (listener, proxy) = by_hand().await;
    proxy.set_script("PUT delay-continue 20".parse().unwrap());
    let mut client = Client::connect(&proxy).await;
    client.send(WAITING_PUT).await;
    let (mut server, _) = listener.accept().await.unwrap();
    receive(&mut server, WAITING_PUT).await;
    server.write_all(format!("HTTP/1.1 100 Continue\r\n\r\n{CREATED}").as_bytes()).await.unwrap();
    client.expect(&format!("HTTP/1.1 100 Continue\r\n\r\n{CREATED}")).await;
}
