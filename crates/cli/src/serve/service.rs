//! Requests: what each method does.

use std::net::IpAddr;
use std::sync::Arc;

use dav_server::davpath::{DavPath, ParseError};
use http::request::Parts;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use law_storage::{Backend, Call, Metadata, Overwrite, Path, Result};
use law_transfer::Place;

use super::answer::{Answer, Refusal, bare};
use super::{conditions, download, relocate, tree, upload};

/// Methods that change nothing.
const READING: &str = "OPTIONS, GET, HEAD, PROPFIND";
const ALL: &str = "OPTIONS, GET, HEAD, PROPFIND, PROPPATCH, PUT, DELETE, MKCOL, MOVE, COPY";

/// How our client knows this server, and with it what its publication guarantees.
const OWN: &str = concat!("law/", env!("CARGO_PKG_VERSION"));
/// In front of a storage that guarantees less, so that our client takes nothing for granted.
const RELAY: &str = concat!("dav-relay/", env!("CARGO_PKG_VERSION"));

/// How much of a refused upload is taken in, so that its sender reads the answer rather than a reset connection.
const DRAINED: usize = 1 << 20;

/// What is served.
pub(super) struct Service {
    place: Place,
    address: IpAddr,
    read_only: bool,
}

/// A request without its body, and the path that it is about.
pub(super) struct Asked {
    pub(super) parts: Parts,
    pub(super) path: Path,
    pub(super) call: Call,
}

impl Service {
    pub(super) fn new(place: Place, address: IpAddr, read_only: bool) -> Self {
        Self { place, address, read_only }
    }

    /// The answer to a request, whatever happens.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let done = self.perform(request).await;
        let mut answer = done.unwrap_or_else(Refusal::into_answer);
        let atomic = self.backend().capabilities().overwrite == Overwrite::Atomic;
        let name = HeaderValue::from_static(if atomic { OWN } else { RELAY });
        answer.headers_mut().insert(header::SERVER, name);
        answer
    }

    async fn perform(&self, request: Request<Incoming>) -> Result<Answer, Refusal> {
        let (parts, body) = request.into_parts();
        // Who waits for `100 Continue` has sent nothing, and would if it were read.
        let waits = parts.headers.contains_key(header::EXPECT);
        let mut body = Some(body);
        let done = self.dispatch(parts, &mut body).await;
        if let Some(unread) = body.filter(|_| done.is_err() && !waits) {
            drain(unread).await;
        }
        done
    }

    /// Whoever reads the body takes it.
    async fn dispatch(&self, parts: Parts, body: &mut Option<Incoming>) -> Result<Answer, Refusal> {
        self.check_host(&parts)?;
        if parts.method == Method::OPTIONS {
            return Ok(self.options());
        }
        let method = parts.method.clone();
        if self.read_only && !READING.split(", ").any(|name| name == method.as_str()) {
            return Err(Refusal::new(StatusCode::FORBIDDEN, "this server is read-only"));
        }
        let path = path_of(parts.uri.path())?;
        let asked = Asked { path, parts, call: Call::new() };
        match method.as_str() {
            "GET" | "HEAD" => download::get(self, &asked).await,
            "PUT" => upload::put(self, &asked, body).await,
            "MOVE" => relocate::rename(self, &asked).await,
            "COPY" => relocate::copy(self, &asked).await,
            "PROPFIND" | "PROPPATCH" | "MKCOL" | "DELETE" => tree::answer(self, asked, body).await,
            name => {
                let refusal = Refusal::new(StatusCode::NOT_IMPLEMENTED, format!("{name} is not known here"));
                Err(refusal
                    .or(matches!(name, "POST" | "PATCH" | "LOCK" | "UNLOCK").then_some(StatusCode::METHOD_NOT_ALLOWED)))
            }
        }
    }

    /// A page of a foreign site, open in a browser on this machine, must not read files by a name of its own that it
    /// lets resolve to this address (DNS rebinding).
    fn check_host(&self, parts: &Parts) -> Result<(), Refusal> {
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let own = host.is_none_or(|host| !self.address.is_loopback() || is_loopback(host));
        let refuse = || Refusal::new(StatusCode::MISDIRECTED_REQUEST, "this server is known as localhost only");
        own.then_some(()).ok_or_else(refuse)
    }

    fn options(&self) -> Answer {
        let mut answer = bare(StatusCode::OK);
        answer.headers_mut().insert("dav", HeaderValue::from_static("1"));
        let methods = HeaderValue::from_static(if self.read_only { READING } else { ALL });
        answer.headers_mut().insert(header::ALLOW, methods);
        answer
    }

    pub(super) fn backend(&self) -> &Arc<dyn Backend> {
        self.place.fs.backend()
    }

    /// A path of a request as a place.
    pub(super) fn place(&self, path: &Path) -> Place {
        self.place.join(path)
    }

    /// A path of a request as one of the backend.
    pub(super) fn resolve(&self, path: &Path) -> Path {
        self.place(path).resolved()
    }

    pub(super) async fn stat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        self.backend().stat(call, &self.resolve(path)).await
    }

    /// What is there, under the conditions of the request.
    pub(super) async fn current(&self, asked: &Asked) -> Result<Option<Metadata>, Refusal> {
        let current = self.stat(&asked.call, &asked.path).await?;
        conditions::check(&asked.parts.method, &asked.parts.headers, current.as_ref())?;
        Ok(current)
    }

    /// 409 unless the directory above `path` exists (RFC 4918 sections 9.7.1 and 9.8.5).
    pub(super) async fn check_parent(&self, call: &Call, path: &Path) -> Result<(), Refusal> {
        let Some(parent) = path.parent() else { return Ok(()) };
        let found = self.stat(call, &parent).await?;
        let is_directory = found.is_some_and(|metadata| metadata.is_directory());
        let refuse = || Refusal::new(StatusCode::CONFLICT, "the directory above does not exist");
        is_directory.then_some(()).ok_or_else(refuse)
    }
}

/// The path that the path of a URL means.
pub(super) fn path_of(encoded: &str) -> Result<Path, Refusal> {
    let bad = |why: String| Refusal::new(StatusCode::BAD_REQUEST, format!("a bad path: {why}"));
    let path = DavPath::new(encoded).map_err(|error| match error {
        ParseError::ForbiddenPath => Refusal::new(StatusCode::FORBIDDEN, "a path that leads out of what is served"),
        other => bad(other.to_string()),
    })?;
    Path::parse(path.as_bytes()).map_err(|error| bad(error.to_string()))
}

fn is_loopback(host: &str) -> bool {
    let Ok(uri) = host.parse::<Uri>() else { return false };
    let name = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    name == "localhost" || name.ends_with(".localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

async fn drain(mut body: Incoming) {
    let mut taken = 0;
    while taken < DRAINED {
        let Ok(Some(Ok(frame))) = tokio::time::timeout(upload::STALL, body.frame()).await else { return };
        taken += frame.data_ref().map_or(0, bytes::Bytes::len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_own() {
        for own in ["localhost", "localhost:80", "127.0.0.1:8080", "[::1]:80", "a.localhost"] {
            assert!(is_loopback(own), "{own}");
        }
        for foreign in ["example.org", "localhost.example.org", "192.0.2.1:80", "", "a b"] {
            assert!(!is_loopback(foreign), "{foreign}");
        }
    }

    #[test]
    fn no_path_leads_out() {
        let shown = |text: &str| path_of(text).map(|path| path.to_string());
        assert_eq!(shown("/a%20b//c%3F%23%25/").unwrap(), "a b/c?#%");
        assert_eq!(shown("/a/../b").unwrap(), "b");
        for bad in ["/../x", "/%2e%2e/x", "/a%2Fb", "/a%00b"] {
            assert!(path_of(bad).is_err(), "{bad}");
        }
    }
}
