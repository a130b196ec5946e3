//! Looking: what a server says about one path.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use law_storage::{
    Call, Comparison, Error, ErrorKind, Metadata, Modified, Operation, Path, Result, Space, Support, Validator,
};
use percent_encoding::percent_decode_str;
use tokio_util::io::StreamReader;

use super::Endpoint;
use super::list::untold;
use super::propfind::{Multistatus, Properties, QUESTION, QUOTA_QUESTION, Response};
use super::quirks::Hrefs;
use crate::http::status::refused;
use crate::http::{Address, Answer, Body, Request};

const DEPTH: HeaderName = HeaderName::from_static("depth");

/// Something that exists, and the server that has it: behind a redirector, one of many.
pub(super) struct Seen {
    pub(super) metadata: Metadata,
    pub(super) address: Address,
}

/// How one look ended.
enum Looked {
    Seen(Box<Seen>),
    Missing,
    /// A data server that a redirector named does not have it.
    Astray,
}

/// How often a redirector that leads astray is asked, and how long it gets to learn better.
const STALE: usize = 20;
const ASTRAY: Duration = Duration::from_millis(50);

/// The responses of a PROPFIND, as they come.
pub(super) type Responses = Multistatus<StreamReader<law_storage::ByteStream, bytes::Bytes>>;

pub(super) fn responses(body: Body) -> Responses {
    Multistatus::new(StreamReader::new(body.into_stream()))
}

/// A status that some servers have for a path below a file.
fn is_odd(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 409 | 500)
}

/// The response to a question about one path. What follows is read as well, so that the connection can be used again; a server that
/// lists a directory instead may say so much.
async fn only(body: Body) -> Result<Option<Response>> {
    const MOST: usize = 16 * 1024 * 1024;
    let answer = body.collect(MOST).await?;
    let mut responses = Multistatus::new(&*answer);
    let first = responses.next().await?;
    while responses.next().await?.is_some() {}
    Ok(first)
}

pub(super) fn propfind(address: Address, depth: &'static str, question: &'static str) -> Request<'static> {
    // The constant is a valid token.
    let method = Method::from_bytes(b"PROPFIND").unwrap_or_default();
    Request::new(method, address)
        .header(DEPTH, HeaderValue::from_static(depth))
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/xml; charset=utf-8"))
        .bytes(question)
}

impl Endpoint {
    /// What the server says about `path`; `None` only on its own word. Behind a redirector, one data server that lacks a
    /// file has no authority: the redirector may have sent us where it was a moment ago.
    pub(super) async fn look(&self, call: &Call, path: &Path, operation: Operation) -> Result<Option<Seen>> {
        for _ in 0..STALE {
            match self.look_once(call, path, operation).await? {
                Looked::Seen(seen) => return Ok(Some(*seen)),
                Looked::Missing => return Ok(None),
                Looked::Astray => call.pause(ASTRAY).await?,
            }
        }
        Ok(None)
    }

    async fn look_once(&self, call: &Call, path: &Path, operation: Operation) -> Result<Looked> {
        self.check_name(path)?;
        let mut answer = self.send(call, propfind(self.address(path), "0", QUESTION), operation).await?;
        if answer.status == StatusCode::METHOD_NOT_ALLOWED {
            // The top of a WebDAV area is often configured with a `/` at its end, and is none without it.
            answer.body.discard().await;
            answer = self.send(call, propfind(self.collection(path), "0", QUESTION), operation).await?;
        }
        let elsewhere = answer.address.origin() != self.client.home();
        let seen = self.seen(call, path, answer, operation).await?;
        // A name that this kind of server mistreats may have been asked for before its kind was known.
        self.check_name(path)?;
        Ok(match seen {
            Some(seen) => Looked::Seen(Box::new(seen)),
            None if elsewhere && self.redirects() => Looked::Astray,
            None => Looked::Missing,
        })
    }

    async fn seen(&self, call: &Call, path: &Path, answer: Answer, operation: Operation) -> Result<Option<Seen>> {
        match answer.status {
            StatusCode::MULTI_STATUS => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                answer.body.discard().await;
                return Ok(None);
            }
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED if self.is_plain() => {
                answer.body.discard().await;
                return self.look_by_head(call, path, operation).await;
            }
            _ => return self.odd_answer(call, path, answer, operation).await,
        }
        let address = answer.address.clone();
        let response = call.bound(only(answer.body)).await.map_err(|e| e.at(&address).during(operation))?;
        match response {
            Some(Response { status: Some(404 | 410), .. }) => Ok(None),
            Some(Response { status: Some(status), href, .. }) if !(200..300).contains(&status) => {
                Err(untold(status, &href).at(&address).during(operation))
            }
            Some(response) => self.seen_file(call, response, address, operation).await.map(Some),
            None => Err(Error::new(ErrorKind::Malformed, "an empty multistatus").at(address).during(operation)),
        }
    }

    /// A plain web server, which has files and no directories.
    async fn look_by_head(&self, call: &Call, path: &Path, operation: Operation) -> Result<Option<Seen>> {
        let answer = self.send(call, Request::new(Method::HEAD, self.address(path)), operation).await?;
        if matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::GONE) {
            return Ok(None);
        }
        if !answer.status.is_success() {
            return Err(refused(answer, operation).await);
        }
        let address = answer.address.clone();
        let size = answer.text(header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
        let unknown = || Error::new(ErrorKind::Malformed, "the server tells no size").at(&address).during(operation);
        let mut metadata = Metadata::file(size.ok_or_else(unknown)?);
        let modified = answer.text(header::LAST_MODIFIED).and_then(|text| httpdate::parse_http_date(&text).ok());
        metadata.modified = modified.map(Modified::seconds);
        let validator = answer.text(header::ETAG).map(Validator::etag).unwrap_or_default();
        metadata.validator = Some(validator.with_size(size).with_modified(metadata.modified));
        answer.body.discard().await;
        Ok(Some(Seen { metadata, address }))
    }

    /// Servers have their own ways of saying that a path is below a file (400, 409, 500), which means that it is missing.
    /// That is believed only if there is a file above it: anything else is trouble.
    async fn odd_answer(&self, call: &Call, path: &Path, answer: Answer, operation: Operation) -> Result<Option<Seen>> {
        let telling = is_odd(answer.status);
        let error = refused(answer, operation).await;
        if telling && self.is_below_a_file(call, path, operation).await { Ok(None) } else { Err(error) }
    }

    /// Whether the nearest ancestor that the server can speak about is a file.
    async fn is_below_a_file(&self, call: &Call, path: &Path, operation: Operation) -> bool {
        let mut above = path.parent();
        while let Some(parent) = above.filter(|parent| !parent.is_root()) {
            let Ok(answer) = self.send(call, propfind(self.address(&parent), "0", QUESTION), operation).await else {
                return false;
            };
            if !is_odd(answer.status) {
                let found = answer.status == StatusCode::MULTI_STATUS;
                let response = only(answer.body).await.ok().flatten();
                return found && response.is_some_and(|response| response.properties.metadata().is_file());
            }
            answer.body.discard().await;
            above = parent.parent();
        }
        false
    }

    /// Whether there is a directory at one server of perhaps many; a file there is an error.
    pub(super) async fn is_directory_at(&self, call: &Call, path: &Path, address: Address) -> Result<bool> {
        let answer = self.send(call, propfind(address, "0", QUESTION), Operation::CreateDirectory).await?;
        match self.seen(call, path, answer, Operation::CreateDirectory).await? {
            Some(seen) if seen.metadata.is_directory() => Ok(true),
            Some(_) => Err(self.error(ErrorKind::AlreadyExists, path, Operation::CreateDirectory)),
            None => Ok(false),
        }
    }

    /// The size of the file at one server of perhaps many.
    pub(super) async fn size_at(&self, call: &Call, path: &Path, address: Address) -> Result<u64> {
        let answer = self.send(call, propfind(address, "0", QUESTION), Operation::Put).await?;
        let seen = self.seen(call, path, answer, Operation::Put).await?;
        let size = seen.and_then(|seen| seen.metadata.size);
        size.ok_or_else(|| self.error(ErrorKind::Malformed, path, Operation::Put))
    }

    /// What properties say, as far as this kind of server can be believed.
    pub(super) fn metadata(&self, properties: Properties) -> Metadata {
        let mut metadata = properties.metadata();
        if self.quirks().reads_in_two_steps {
            metadata.validator = metadata.validator.map(Validator::doubtful);
        }
        metadata
    }

    async fn seen_file(&self, call: &Call, response: Response, address: Address, operation: Operation) -> Result<Seen> {
        let mut metadata = self.metadata(response.properties);
        if metadata.is_file() && metadata.size.is_none() {
            metadata.size = Some(self.length_by_head(call, address.clone(), operation).await?);
            let validator = metadata.identity().with_size(metadata.size);
            metadata.validator = Some(validator);
        }
        Ok(Seen { metadata, address })
    }

    /// For servers that tell no length in a multistatus.
    async fn length_by_head(&self, call: &Call, address: Address, operation: Operation) -> Result<u64> {
        let answer = self.send(call, Request::new(Method::HEAD, address.clone()), operation).await?;
        if !answer.status.is_success() {
            return Err(refused(answer, operation).await);
        }
        let length = answer.text(header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
        let unknown = || Error::new(ErrorKind::Malformed, "the server tells no size").at(address).during(operation);
        answer.body.discard().await;
        length.ok_or_else(unknown)
    }

    /// As [`look`](Self::look), but nothing and a directory are errors.
    pub(super) async fn look_for_file(&self, call: &Call, path: &Path, operation: Operation) -> Result<Seen> {
        let seen = self.look(call, path, operation).await?.ok_or_else(|| self.missing(path, operation))?;
        if seen.metadata.is_directory() {
            return Err(self.error(ErrorKind::IsADirectory, path, operation));
        }
        Ok(seen)
    }

    /// As [`look`](Self::look), but nothing and a file are errors.
    pub(super) async fn look_for_directory(&self, call: &Call, path: &Path, operation: Operation) -> Result<Seen> {
        let seen = self.look(call, path, operation).await?.ok_or_else(|| self.missing(path, operation))?;
        if !seen.metadata.is_directory() {
            return Err(self.error(ErrorKind::NotADirectory, path, operation));
        }
        Ok(seen)
    }

    pub(super) fn missing(&self, path: &Path, operation: Operation) -> Error {
        self.error(ErrorKind::NotFound, path, operation)
    }

    pub(super) fn error(&self, kind: ErrorKind, path: &Path, operation: Operation) -> Error {
        Error::new(kind, kind.phrase()).at(self.url(path)).during(operation)
    }

    /// An error if `found` is another version than the one that is wanted.
    pub(super) fn same_version(&self, path: &Path, wanted: Option<&Validator>, found: &Validator) -> Result<()> {
        match wanted.map(|wanted| wanted.compare(found)) {
            Some(Comparison::Different) => Err(self.error(ErrorKind::Changed, path, Operation::Read)),
            _ => Ok(()),
        }
    }

    pub(super) async fn space(&self, call: &Call, path: &Path) -> Result<Space> {
        let answer = self.send(call, propfind(self.address(path), "0", QUOTA_QUESTION), Operation::Space).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Err(self.missing(path, Operation::Space));
        }
        if answer.status != StatusCode::MULTI_STATUS {
            return Err(refused(answer, Operation::Space).await);
        }
        let response = call.bound(only(answer.body)).await?.unwrap_or_default();
        let space = Space { used: response.properties.used, available: response.properties.available };
        if space == Space::default() {
            return Err(self.cannot(path, "telling its space on this server", Operation::Space));
        }
        Ok(space)
    }

    /// The path that an href means: absolute or a whole URL, encoded or not, with or without a slash at its end.
    pub(super) fn path_of(&self, href: &str) -> Result<Path> {
        let path = match href.split_once("://") {
            Some((scheme, rest)) if !scheme.contains('/') => rest.find('/').map_or("/", |slash| &rest[slash..]),
            _ => href,
        };
        let bytes = match self.quirks().hrefs {
            Hrefs::Raw => path.as_bytes().to_vec(),
            Hrefs::Encoded => percent_decode_str(path).collect(),
        };
        let unusable = |e: law_storage::PathError| {
            let shown: String = href.chars().filter(|c| !c.is_control()).take(200).collect();
            Error::new(ErrorKind::Malformed, format!("an entry `{shown}` that cannot be a path: {e}"))
        };
        Path::parse(bytes).map_err(unusable)
    }

    /// Whether a whole listing can be had.
    pub(super) fn lists(&self) -> Support {
        if self.learnt().redirects { Support::No } else { Support::Yes }
    }
}
