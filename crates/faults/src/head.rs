//! Heads of HTTP/1.1 messages: read, changed, and written again.

use std::io;

use bytes::BytesMut;
use tokio::io::AsyncReadExt as _;
use tokio::net::tcp::OwnedReadHalf;

/// The longest head that is accepted. Longer ones are refused, not cut.
const LONGEST_HEAD: usize = 64 * 1024;
const MOST_HEADERS: usize = 256;

/// The receiving side of a connection, with what was read ahead.
pub(crate) struct Receiver {
    pub(crate) half: OwnedReadHalf,
    pub(crate) buffer: BytesMut,
}

impl Receiver {
    pub(crate) fn new(half: OwnedReadHalf) -> Self {
        Self { half, buffer: BytesMut::new() }
    }

    /// Reads more into the buffer; `false` is the end of the stream. Nothing is lost when the future is dropped.
    pub(crate) async fn fill(&mut self) -> io::Result<bool> {
        self.buffer.reserve(16 * 1024);
        Ok(self.half.read_buf(&mut self.buffer).await? > 0)
    }

    /// The next request, or `None` at a clean end. `InvalidData` is not HTTP, or a head too long.
    pub(crate) async fn request(&mut self) -> io::Result<Option<RequestHead>> {
        self.head(parse_request).await
    }

    /// The next answer, or `None` at a clean end. Errors as for [`Self::request`].
    pub(crate) async fn response(&mut self) -> io::Result<Option<ResponseHead>> {
        self.head(parse_response).await
    }

    async fn head<H>(&mut self, parse: Parse<H>) -> io::Result<Option<H>> {
        loop {
            if let Some((head, length)) = parse(&self.buffer)? {
                let _head = self.buffer.split_to(length);
                return Ok(Some(head));
            }
            if self.buffer.len() > LONGEST_HEAD {
                return Err(invalid("the head is longer than 64 KiB"));
            }
            if !self.fill().await? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(invalid("the head ends early")) };
            }
        }
    }
}

type Parse<H> = fn(&[u8]) -> io::Result<Option<(H, usize)>>;

#[derive(Clone, Debug)]
pub(crate) struct RequestHead {
    pub(crate) method: String,
    pub(crate) target: String,
    minor: u8,
    pub(crate) headers: Headers,
}

#[derive(Clone, Debug)]
pub(crate) struct ResponseHead {
    minor: u8,
    pub(crate) status: u16,
    reason: String,
    pub(crate) headers: Headers,
}

/// Headers in their order, names in their case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers(Vec<(String, Vec<u8>)>);

/// How the end of a body is known (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is none.
    Empty,
    Length(u64),
    Chunked,
    /// The body ends with the connection.
    Close,
}

impl RequestHead {
    pub(crate) fn framing(&self) -> io::Result<Framing> {
        Ok(self.headers.framing()?.unwrap_or(Framing::Empty))
    }

    pub(crate) fn waits_for_continue(&self) -> bool {
        self.headers.has_token("expect", "100-continue")
    }

    pub(crate) fn keeps_connection(&self) -> bool {
        self.headers.keeps_connection(self.minor)
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.headers.after(format!("{} {} HTTP/1.{}", self.method, self.target, self.minor))
    }
}

impl ResponseHead {
    /// A head of our own.
    pub(crate) fn new(status: u16, reason: &str) -> Self {
        Self { minor: 1, status, reason: reason.to_owned(), headers: Headers::default() }
    }

    /// Whether the final answer is still to come (RFC 9110 section 15.2); 101 is final.
    pub(crate) fn is_interim(&self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }

    pub(crate) fn framing(&self, request_method: &str) -> io::Result<Framing> {
        if request_method == "HEAD" || matches!(self.status, 100..=199 | 204 | 304) {
            return Ok(Framing::Empty);
        }
        Ok(self.headers.framing()?.unwrap_or(Framing::Close))
    }

    pub(crate) fn keeps_connection(&self) -> bool {
        self.status != 101 && self.headers.keeps_connection(self.minor)
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.headers.after(format!("HTTP/1.{} {} {}", self.minor, self.status, self.reason))
    }
}

impl Headers {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    pub(crate) fn content_length(&self) -> io::Result<Option<u64>> {
        let mut lengths = self.values("content-length").map(parse_length).collect::<io::Result<Vec<_>>>()?;
        lengths.dedup();
        if lengths.len() > 1 { Err(invalid("two different Content-Length")) } else { Ok(lengths.pop()) }
    }

    /// The first header with this name, if it is text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.values(name).next().and_then(|value| String::from_utf8(value.to_vec()).ok())
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }

    /// Replaces every header of this name by one.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.remove(name);
        self.0.push((name.to_owned(), value.into()));
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn has_token(&self, name: &str, token: &str) -> bool {
        let is_token = |part: &[u8]| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes());
        self.values(name).any(|value| value.split(|byte| *byte == b',').any(is_token))
    }

    fn framing(&self) -> io::Result<Option<Framing>> {
        if self.has_token("transfer-encoding", "chunked") {
            return Ok(Some(Framing::Chunked));
        }
        Ok(self.content_length()?.map(Framing::Length))
    }

    fn keeps_connection(&self, minor: u8) -> bool {
        let asked = minor == 1 || self.has_token("connection", "keep-alive");
        asked && !self.has_token("connection", "close")
    }

    fn after(&self, start: String) -> Vec<u8> {
        let mut bytes = start.into_bytes();
        bytes.extend_from_slice(b"\r\n");
        self.write_lines(&mut bytes);
        bytes
    }

    /// The lines and the empty one behind them, as in a head or a trailer.
    pub(crate) fn write_lines(&self, bytes: &mut Vec<u8>) {
        for (name, value) in self.iter() {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
    }

    /// A block of header lines that ends with an empty one, such as a trailer; `None` while it is incomplete.
    pub(crate) fn parse_block(bytes: &[u8]) -> io::Result<Option<(Self, usize)>> {
        let mut storage = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let parsed = httparse::parse_headers(bytes, &mut storage).map_err(not_http)?;
        Ok(complete(parsed).map(|(length, headers)| (Self::from_parsed(headers), length)))
    }

    fn from_parsed(headers: &[httparse::Header<'_>]) -> Self {
        Self(headers.iter().map(|header| (header.name.to_owned(), header.value.to_vec())).collect())
    }
}

fn parse_request(bytes: &[u8]) -> io::Result<Option<(RequestHead, usize)>> {
    let mut storage = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut storage);
    let Some(length) = complete(parsed.parse(bytes).map_err(not_http)?) else { return Ok(None) };
    let head = RequestHead {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        minor: parsed.version.unwrap_or_default(),
        headers: Headers::from_parsed(parsed.headers),
    };
    head.framing()?;
    Ok(Some((head, length)))
}

fn parse_response(bytes: &[u8]) -> io::Result<Option<(ResponseHead, usize)>> {
    let mut storage = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Response::new(&mut storage);
    let Some(length) = complete(parsed.parse(bytes).map_err(not_http)?) else { return Ok(None) };
    let head = ResponseHead {
        minor: parsed.version.unwrap_or_default(),
        status: parsed.code.unwrap_or_default(),
        reason: parsed.reason.unwrap_or_default().to_owned(),
        headers: Headers::from_parsed(parsed.headers),
    };
    Ok(Some((head, length)))
}

fn complete<T>(status: httparse::Status<T>) -> Option<T> {
    match status {
        httparse::Status::Complete(value) => Some(value),
        httparse::Status::Partial => None,
    }
}

fn parse_length(value: &[u8]) -> io::Result<u64> {
    let digits = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|text| text.parse().ok()).ok_or_else(|| invalid("Content-Length is no number"))
}

fn not_http(error: httparse::Error) -> io::Error {
    invalid(&format!("this is not HTTP/1.1: {error}"))
}

pub(crate) fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing(head: &str) -> io::Result<Framing> {
        parse_response(head.as_bytes()).unwrap().unwrap().0.framing("GET")
    }

    #[test]
    fn framing_follows_the_rfc() {
        assert_eq!(framing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").unwrap(), Framing::Length(5));
        assert_eq!(
            framing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: Chunked\r\n\r\n").unwrap(),
            Framing::Chunked
        );
        assert_eq!(framing("HTTP/1.1 200 OK\r\n\r\n").unwrap(), Framing::Close);
        assert_eq!(framing("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n").unwrap(), Framing::Empty);
        assert!(framing("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n").is_err());
        assert!(framing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n").is_err());
        assert!(framing("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n").is_err());
    }

    #[test]
    fn heads_are_written_as_they_came() {
        let text = "PUT /a?b HTTP/1.1\r\nHost: x\r\nX-Odd: \u{e9}\r\n\r\n";
        let (head, length) = parse_request(text.as_bytes()).unwrap().unwrap();
        assert_eq!((head.to_bytes().as_slice(), length), (text.as_bytes(), text.len()));
    }

    #[test]
    fn every_cut_of_a_head_is_incomplete() {
        let text = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        for end in 0..text.len() {
            assert!(parse_request(&text[..end]).unwrap().is_none(), "{end}");
        }
    }

    #[test]
    fn connections_persist_by_version_and_header() {
        let keeps = |head: &str| parse_request(head.as_bytes()).unwrap().unwrap().0.keeps_connection();
        assert!(keeps("GET / HTTP/1.1\r\n\r\n"));
        assert!(!keeps("GET / HTTP/1.1\r\nConnection: te, Close\r\n\r\n"));
        assert!(!keeps("GET / HTTP/1.0\r\n\r\n"));
        assert!(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    }
}
