//! The other methods, and who is served.

use law_cli::serve::{ServeOptions, Server};
use law_storage::ErrorKind;
use tokio::io::AsyncWriteExt as _;

use crate::wire::{Reply, ask, connect, status};
use crate::{over_memory, read, start, write};

#[tokio::test]
async fn other_machines_are_served_only_when_asked_for() {
    let (_server, place) = over_memory().await;
    let everywhere = "0.0.0.0:0".parse().unwrap();
    let refused = Server::start(place.clone(), everywhere, ServeOptions::default()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.hint_text().unwrap().contains("--allow-foreign"));
    let mut options = ServeOptions::default();
    options.allow_foreign = true;
    let server = Server::start(place, everywhere, options).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_name_that_somebody_lets_point_here_is_not_served() {
    let (server, place) = over_memory().await;
    write(&place, "secret", "x").await;
    let mut stream = connect(&server).await;
    stream.write_all(b"GET /secret HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").await.unwrap();
    assert_eq!(Reply::from(&mut stream).await.status, 421);
}

#[tokio::test]
async fn a_read_only_server_changes_nothing() {
    let (_server, place) = over_memory().await;
    write(&place, "a", "old").await;
    let mut options = ServeOptions::default();
    options.read_only = true;
    let server = start(&place, options).await;
    let to = "Destination: /b\r\n";
    for (line, headers, body) in [
        ("PUT /a", "", "new"),
        ("PUT /b", "", "new"),
        ("DELETE /a", "", ""),
        ("MKCOL /d", "", ""),
        ("MOVE /a", to, ""),
        ("COPY /a", to, ""),
        ("PROPPATCH /a", "", ""),
        ("LOCK /a", "", ""),
    ] {
        assert_eq!(status(&server, line, headers, body).await, 403, "{line}");
    }
    assert_eq!(ask(&server, "GET /a", "", "").await.text(), "old");
    assert!(!ask(&server, "OPTIONS /", "", "").await.header("allow").unwrap().contains("PUT"));
    assert_eq!(read(&place, "b").await, None);
}

#[tokio::test]
async fn directories() {
    let (server, place) = over_memory().await;
    write(&place, "file", "x").await;
    assert_eq!(status(&server, "MKCOL /d", "", "").await, 201);
    assert_eq!(status(&server, "MKCOL /d", "", "").await, 405);
    assert_eq!(status(&server, "MKCOL /file", "", "").await, 405);
    assert_eq!(status(&server, "MKCOL /missing/d", "", "").await, 409);
    assert_eq!(status(&server, "MKCOL /file/d", "", "").await, 409);
    write(&place, "d/x", "x").await;
    assert_eq!(status(&server, "DELETE /d", "If-Match: \"other\"\r\n", "").await, 412);
    assert_eq!(status(&server, "DELETE /d", "", "").await, 204);
    assert_eq!(status(&server, "DELETE /d", "", "").await, 404);
    assert_eq!(status(&server, "DELETE /", "", "").await, 403);
    assert_eq!(read(&place, "file").await.as_deref(), Some("x"));
}

#[tokio::test]
async fn moves() {
    let (server, place) = over_memory().await;
    write(&place, "a", "a").await;
    write(&place, "b", "b").await;
    assert_eq!(status(&server, "MOVE /a", "Destination: /b\r\nOverwrite: F\r\n", "").await, 412);
    assert_eq!(read(&place, "b").await.as_deref(), Some("b"));
    let absolute = format!("Destination: {}b\r\n", server.url());
    assert_eq!(status(&server, "MOVE /a", &absolute, "").await, 204);
    assert_eq!((read(&place, "a").await, read(&place, "b").await.as_deref()), (None, Some("a")));
    assert_eq!(status(&server, "MOVE /b", "Destination: /c%20%23\r\nOverwrite: F\r\n", "").await, 201);
    assert_eq!(read(&place, "c #").await.as_deref(), Some("a"));
    assert_eq!(status(&server, "MOVE /b", "Destination: /c\r\n", "").await, 404);
    for (to, expected) in [("/missing/x", 409), ("/c%20%23", 403), ("http://other.example/x", 502), ("/../x", 403)] {
        assert_eq!(status(&server, "MOVE /c%20%23", &format!("Destination: {to}\r\n"), "").await, expected, "{to}");
    }
    assert_eq!(status(&server, "MOVE /c%20%23", "", "").await, 400);
}

#[tokio::test]
async fn copies() {
    let (server, place) = over_memory().await;
    write(&place, "a", "a").await;
    assert_eq!(status(&server, "MKCOL /d", "", "").await, 201);
    assert_eq!(status(&server, "COPY /a", "Destination: /d/b\r\n", "").await, 201);
    assert_eq!(status(&server, "COPY /a", "Destination: /d/b\r\nOverwrite: F\r\n", "").await, 412);
    assert_eq!(status(&server, "COPY /a", "Destination: /d/b\r\n", "").await, 204);
    assert_eq!(status(&server, "COPY /a", "Destination: /d\r\n", "").await, 409);
    assert_eq!(status(&server, "COPY /d", "Destination: /e\r\n", "").await, 201);
    assert_eq!(read(&place, "e/b").await.as_deref(), Some("a"));
    assert_eq!(status(&server, "COPY /d", "Destination: /f\r\nDepth: 0\r\n", "").await, 201);
    assert_eq!(read(&place, "f/b").await, None);
    assert_eq!(status(&server, "COPY /d", "Destination: /d/d\r\n", "").await, 403);
}

#[tokio::test]
async fn a_copy_that_left_something_out_is_no_success() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("d")).unwrap();
    std::os::unix::fs::symlink("nothing", directory.path().join("d/link")).unwrap();
    let server = crate::over_directory(directory.path()).await;
    assert_eq!(status(&server, "COPY /d", "Destination: /e\r\n", "").await, 501);
}

#[tokio::test]
async fn what_is_not_offered_is_not_claimed() {
    let (server, _place) = over_memory().await;
    let options = ask(&server, "OPTIONS /", "", "").await;
    assert_eq!(options.header("dav"), Some("1"));
    assert_eq!(status(&server, "LOCK /a", "", "").await, 405);
    assert_eq!(status(&server, "PATCH /a", "", "").await, 405);
    assert_eq!(status(&server, "BREW /a", "", "").await, 501);
}

#[tokio::test]
async fn a_stopped_server_lets_nobody_in() {
    let (server, _place) = over_memory().await;
    let address = crate::wire::host(&server).to_owned();
    let _idle = connect(&server).await;
    server.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
