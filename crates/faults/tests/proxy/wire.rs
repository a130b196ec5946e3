//! A server that answers everything alike, and a client that sends and reads raw bytes.

use std::net::SocketAddr;

use law_faults::{FaultProxy, Script};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Ten bytes of honest content.
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
pub(crate) const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;ext=1\r\n0123\r\n6\r\n456789\r\n0\r\nX-Proof: yes\r\n\r\n";
pub(crate) const CLOSING: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n0123456789";
pub(crate) const CREATED: &str = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
pub(crate) const GET: &str = "GET /a.root HTTP/1.1\r\nHost: h\r\n\r\n";
pub(crate) const LAST_GET: &str = "GET /a.root HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
pub(crate) const HEAD: &str = "HEAD /a.root HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
pub(crate) const PUT: &str = "PUT /a.root HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789";

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    received: mpsc::UnboundedReceiver<String>,
}

impl Server {
    /// Answers every request with `answer`; a connection ends where the answer says `Connection: close`.
    pub(crate) async fn answering(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, received) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer_all(stream, answer, sender.clone()));
            }
        });
        Self { address, received }
    }

    /// The next request as it arrived, whole or as far as it came.
    pub(crate) async fn received(&mut self) -> String {
        self.received.recv().await.unwrap()
    }

    /// Whether no (further) request has arrived.
    pub(crate) fn saw_nothing(&mut self) -> bool {
        self.received.try_recv().is_err()
    }
}

async fn answer_all(mut stream: TcpStream, answer: &str, received: mpsc::UnboundedSender<String>) {
    loop {
        let (request, whole) = read_request(&mut stream).await;
        if !request.is_empty() {
            received.send(request).unwrap();
        }
        if !whole || stream.write_all(answer.as_bytes()).await.is_err() || answer.contains("Connection: close") {
            return;
        }
    }
}

/// A request as sent, and whether it was complete.
async fn read_request(stream: &mut TcpStream) -> (String, bool) {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if is_whole(&text) {
            return (text, true);
        }
        match stream.read_buf(&mut bytes).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return (text, false),
        }
    }
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    if head.contains("chunked") {
        return body.contains("0\r\n") && body.ends_with("\r\n\r\n");
    }
    let length = head.split("Content-Length: ").nth(1).and_then(|rest| rest.lines().next()).unwrap_or("0");
    body.chars().count() >= length.parse::<usize>().unwrap()
}

/// A server and a proxy with this script in front of it.
pub(crate) async fn stage(answer: &'static str, script: &str) -> (Server, FaultProxy) {
    let server = Server::answering(answer).await;
    let script: Script = script.parse().unwrap();
    let proxy = FaultProxy::start(server.address, script).await.unwrap();
    (server, proxy)
}

/// A raw client.
pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    pub(crate) async fn connect(proxy: &FaultProxy) -> Self {
        Self(TcpStream::connect(proxy.address()).await.unwrap())
    }

    pub(crate) async fn send(&mut self, bytes: &str) {
        self.0.write_all(bytes.as_bytes()).await.unwrap();
    }

    /// Reads exactly as many bytes as expected and compares.
    pub(crate) async fn expect(&mut self, expected: &str) {
        let mut bytes = vec![0; expected.len()];
        let read = self.0.read_exact(&mut bytes).await;
        assert_eq!(String::from_utf8_lossy(&bytes), expected, "{read:?}");
    }

    /// Reads to the end of the stream; the second value says how it ended.
    pub(crate) async fn rest(&mut self) -> (Vec<u8>, std::io::Result<usize>) {
        let mut bytes = Vec::new();
        let end = self.0.read_to_end(&mut bytes).await;
        (bytes, end)
    }
}

/// What a client reads that sends these bytes on a fresh connection, until the clean end of the stream.
pub(crate) async fn talk(proxy: &FaultProxy, request: &str) -> String {
    let mut client = Client::connect(proxy).await;
    client.send(request).await;
    let (bytes, end) = client.rest().await;
    end.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether the only fault of the log has fired.
pub(crate) fn fired(proxy: &FaultProxy) -> bool {
    proxy.requests().iter().any(|seen| seen.fired)
}
