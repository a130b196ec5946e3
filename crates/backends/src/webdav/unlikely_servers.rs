//! Servers that answer as no real one was seen to, and as a correct client must be ready for.

use std::sync::{Arc, Mutex};

use law_storage::{
    Access, Backend as _, BytesSource, Call, Destination, EndpointSettings, ErrorKind, Location, Order, Path,
    PutOptions, Secret, Url, Way,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::WebDav;

/// A server whose every answer a test decides, from the method and the target of a request.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn answering(mut answer: impl FnMut(&str, &str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = asked.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let line = one_request(client, &mut answer).await;
                log.lock().unwrap().push(line);
            }
        });
        Self { url, asked }
    }

    fn client(&self, query: &str, quirks: &str) -> WebDav {
        let url = format!("{}{query}", self.url);
        let Location::Remote(remote) = Url::parse(&url).unwrap().location().clone() else { panic!("{url}") };
        let mut settings = EndpointSettings::default();
        settings.quirks = Some(quirks.into());
        WebDav::new(&remote, &settings).unwrap()
    }

    fn asked(&self, method: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|line| line.starts_with(method)).count()
    }
}

/// Every connection has one request, so that nothing depends on which is used again.
async fn one_request(mut client: TcpStream, answer: &mut impl FnMut(&str, &str) -> String) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        match client.read(&mut buffer).await {
            Ok(count) if count > 0 => request.extend_from_slice(&buffer[..count]),
            _ => break,
        }
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    let mut words = text.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if method == "PUT" && text.to_lowercase().contains("expect: 100-continue") {
        let _ = client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await;
        let _ = client.read(&mut buffer).await;
    }
    let _ = client.write_all(answer(method, target).as_bytes()).await;
    format!("{method} {target}")
}

fn status(line: &str) -> String {
    format!("HTTP/1.1 {line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
}

fn multistatus(response: &str) -> String {
    let body = format!("<multistatus xmlns='DAV:'><response>{response}</response></multistatus>");
    let length = body.len();
    format!("HTTP/1.1 207 Multi-Status\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn file(tag: &str) -> String {
    multistatus(&format!(
        "<href>/x</href><propstat><prop><getcontentlength>3</getcontentlength><getetag>\"{tag}\"</getetag></prop>\
         <status>HTTP/1.1 200 OK</status></propstat>"
    ))
}

fn directory() -> String {
    let is_one = "<resourcetype><collection/></resourcetype>";
    multistatus(&format!("<href>/x/</href><propstat><prop>{is_one}</prop><status>HTTP/1.1 200 OK</status></propstat>"))
}

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

#[tokio::test]
async fn a_file_that_is_made_anew_behind_a_move_is_not_moved_as_well() {
    let mut moved = false;
    let server = Server::answering(move |method, target| match (method, target) {
        ("MOVE", _) => {
            moved = true;
            status("204 No Content")
        }
        ("PROPFIND", "/a") => file(if moved { "new" } else { "old" }),
        ("PROPFIND", _) => file("other"),
        _ => status("501 Not Implemented"),
    })
    .await;
    let client = server.client("", "nginx");
    client.rename(&Call::new(), &path("a"), &path("b"), Destination::Replace).await.unwrap();
    assert_eq!(server.asked("MOVE"), 1);
}

#[tokio::test]
async fn a_move_that_did_nothing_is_an_error() {
    let server = Server::answering(|method, target| match (method, target) {
        ("MOVE", _) => status("204 No Content"),
        ("PROPFIND", "/a") => file("old"),
        _ => file("other"),
    })
    .await;
    let client = server.client("", "nginx");
    let error = client.rename(&Call::new(), &path("a"), &path("b"), Destination::Replace).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
}

#[tokio::test]
async fn a_directory_that_was_not_removed_is_an_error() {
    let server = Server::answering(|method, _| match method {
        "DELETE" => status("204 No Content"),
        _ => directory(),
    })
    .await;
    let client = server.client("", "nginx");
    let error = client.remove_directory(&Call::new(), &path("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
}

#[tokio::test]
async fn what_the_server_refuses_to_tell_is_no_file() {
    let server = Server::answering(|_, _| multistatus("<href>/x</href><status>HTTP/1.1 403 Forbidden</status>")).await;
    let error = server.client("", "nginx").stat(&Call::new(), &path("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
}

#[tokio::test]
async fn the_size_of_an_error_page_is_no_size() {
    let nameless = "<href>/x</href><propstat><prop></prop><status>HTTP/1.1 200 OK</status></propstat>";
    let server = Server::answering(move |method, _| match method {
        "HEAD" => "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 150\r\n\r\n".into(),
        _ => multistatus(nameless),
    })
    .await;
    let error = server.client("", "nginx").stat(&Call::new(), &path("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
}

#[tokio::test]
async fn a_ticket_goes_with_every_request() {
    let server = Server::answering(|method, target| match method {
        "PROPFIND" if target.contains("lawpart") => file("temporary"),
        "PROPFIND" => status("404 Not Found"),
        "HEAD" => "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\n".into(),
        "MOVE" => status("403 Forbidden"),
        _ => status("201 Created"),
    })
    .await;
    let client = server.client("?authz=T", "xrootd");
    client.put(&Call::new(), &path("x"), &BytesSource::new("abc"), &PutOptions::default()).await.unwrap_err();
    assert!(server.asked("DELETE") > 0);
    let asked = server.asked.lock().unwrap().clone();
    assert!(asked.iter().all(|line| line.contains("authz=T")), "{asked:?}");
}

/// Orders a copy of which the server says this.
async fn third_party_told(answer: &'static str) -> law_storage::Result<()> {
    let server = Server::answering(move |method, _| match method {
        "COPY" => format!("HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n{answer}"),
        _ => status("404 Not Found"),
    })
    .await;
    let other = Access {
        url: Secret::new("https://other/x?authz=MARKER.TICKET"),
        shown: "davs://other/x".into(),
        token: Some(Secret::new("MARKER.TOKEN")),
    };
    let order = Order { other: &other, way: Way::Pull, size: 3, require_checksum: false, progress: &|_| {} };
    server.client("", "dcache").third_party(&Call::new(), &path("x"), &order).await
}

#[tokio::test]
async fn only_the_last_line_of_a_third_party_copy_says_how_it_ended() {
    third_party_told("Perf Marker\nEnd\nsuccess: Created").await.unwrap();
    for silent in ["", "Perf Marker\nStripe Index: 0\nEnd\n", "created"] {
        let error = third_party_told(silent).await.unwrap_err();
        assert!(error.outcome().is_unknown(), "{silent}: {error}");
    }
    let page = third_party_told("failure: you sent MARKER.TOKEN with https://other/x?authz=MARKER.TICKET").await;
    let error = page.unwrap_err().to_string();
    assert!(error.contains("failure: you sent ***") && !error.contains("MARKER"), "{error}");
}

/// A server that says that it has moved a file, tells of the old name once more, and then answers so.
async fn moved_and_then(answer: &'static str) -> (law_storage::Result<()>, usize) {
    let mut looks = 0;
    let server = Server::answering(move |method, target| match (method, target) {
        ("MOVE", _) => {
            looks = 1;
            status("204 No Content")
        }
        ("PROPFIND", "/a") if looks == 2 => status(answer),
        ("PROPFIND", "/a") => {
            looks += usize::from(looks == 1);
            file("old")
        }
        _ => file("other"),
    })
    .await;
    let renamed = server.client("", "nginx").rename(&Call::new(), &path("a"), &path("b"), Destination::Replace).await;
    (renamed, server.asked("MOVE"))
}

#[tokio::test]
async fn one_wrong_answer_does_not_undo_a_move() {
    let (renamed, moves) = moved_and_then("404 Not Found").await;
    renamed.unwrap();
    assert_eq!(moves, 1);
}

#[tokio::test]
async fn a_move_that_did_nothing_is_an_error_although_nobody_answers_twice() {
    let error = moved_and_then("503 Service Unavailable").await.0.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
}

#[tokio::test]
async fn a_move_after_which_nobody_answers_is_neither_done_nor_undone() {
    let mut moved = false;
    let server = Server::answering(move |method, target| match (method, target) {
        ("MOVE", _) => {
            moved = true;
            status("204 No Content")
        }
        ("PROPFIND", "/a") if moved => status("503 Service Unavailable"),
        ("PROPFIND", "/a") => file("old"),
        _ => file("other"),
    })
    .await;
    let client = server.client("", "nginx");
    let error = client.rename(&Call::new(), &path("a"), &path("b"), Destination::Replace).await.unwrap_err();
    assert!(error.outcome().is_unknown(), "{error}");
}
