//! Requests as bytes, without a client that might mend them.

use law_cli::serve::Server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Reads a whole answer of a connection that is closed after it.
    pub(crate) async fn from(stream: &mut TcpStream) -> Self {
        Self::of(&rest(stream).await)
    }

    fn of(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer with a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

pub(crate) fn host(server: &Server) -> &str {
    server.url().trim_start_matches("http://").trim_end_matches('/')
}

pub(crate) async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(host(server)).await.unwrap()
}

/// What comes until the server closes the connection.
pub(crate) async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    bytes
}

/// One request on a connection of its own: `line` is `GET /path`, `headers` are lines that end in `\r\n`.
pub(crate) async fn exchange(server: &Server, line: &str, headers: &str, body: &str) -> Vec<u8> {
    let mut stream = connect(server).await;
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let host = host(server);
    let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{length}{headers}\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    rest(&mut stream).await
}

pub(crate) async fn ask(server: &Server, line: &str, headers: &str, body: &str) -> Reply {
    Reply::of(&exchange(server, line, headers, body).await)
}

pub(crate) async fn status(server: &Server, line: &str, headers: &str, body: &str) -> u16 {
    ask(server, line, headers, body).await.status
}
