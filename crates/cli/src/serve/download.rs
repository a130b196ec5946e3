//! GET and HEAD.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use law_storage::{
    Backend, ByteRange, ByteStream, Call, Digest, Error, ErrorKind, Metadata, Path, ReadOptions, Result, Validator,
};

use super::answer::{Answer, Body, Refusal, bare, empty, streamed};
use super::conditions;
use super::digests::Wanted;
use super::selection::Selection;
use super::service::{Asked, Service};

/// How often a file that is replaced between looking and reading is looked at.
const LOOKS: usize = 5;

/// Never a type that a browser would run, or a client take for an error page.
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// A file, or parts of it, all of one version.
///
/// # Errors
/// 404, 405 for a directory, 304 and 412 by the conditions, 503 for a file that never stays the same.
pub(super) async fn get(service: &Service, asked: &Asked) -> Result<Answer, Refusal> {
    for _ in 1..LOOKS {
        if let Some(answer) = unless_changed(service, asked).await? {
            return Ok(answer);
        }
    }
    let error = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the file is replaced faster than it can be looked at");
    unless_changed(service, asked).await?.ok_or(error)
}

async fn unless_changed(service: &Service, asked: &Asked) -> Result<Option<Answer>, Refusal> {
    let file = file(service, asked).await?;
    let Some(digest) = digest(service, asked, &file).await? else { return Ok(None) };
    let mut answer = match content(service, asked, &file).await {
        Err(error) if error.kind() == ErrorKind::Changed => return Ok(None),
        other => other?,
    };
    describe(answer.headers_mut(), &file, digest);
    Ok(Some(answer))
}

async fn file(service: &Service, asked: &Asked) -> Result<Metadata, Refusal> {
    let current = service.current(asked).await?;
    let file = current.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "not found"))?;
    if file.is_directory() {
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "a directory: ask for it with PROPFIND (law fs ls)"));
    }
    match file.size {
        Some(_) if file.is_file() => Ok(file),
        None if file.is_file() => Err(Refusal::new(StatusCode::BAD_GATEWAY, "the storage does not tell its size")),
        _ => Err(Refusal::new(StatusCode::FORBIDDEN, "neither a file nor a directory")),
    }
}

/// A header and its value, for those who asked for it.
type Told = Option<(Wanted, Digest)>;

/// The checksum of this version; none if the file was replaced while it was computed.
async fn digest(service: &Service, asked: &Asked, file: &Metadata) -> Result<Option<Told>> {
    let Some(wanted) = Wanted::of(&asked.parts.headers) else { return Ok(Some(None)) };
    let path = service.resolve(&asked.path);
    let found = match service.backend().digest(&asked.call, &path, &wanted.algorithms).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => None,
        other => other?,
    };
    let after = service.stat(&asked.call, &asked.path).await?;
    let same = after.is_some_and(|after| after.identity() == file.identity());
    Ok(same.then(|| found.map(|digest| (wanted, digest))))
}

fn describe(headers: &mut HeaderMap, file: &Metadata, digest: Told) {
    conditions::describe(headers, file);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.entry(header::CONTENT_TYPE).or_insert(CONTENT_TYPE);
    if let Some((wanted, digest)) = digest {
        wanted.tell(headers, &digest);
    }
}

async fn content(service: &Service, asked: &Asked, file: &Metadata) -> Result<Answer> {
    let version = Version::of(service, asked, file);
    let size = version.size;
    if asked.parts.method == Method::HEAD {
        return Ok(sized(Response::new(empty()), size));
    }
    match Selection::of(&asked.parts.headers, file, size) {
        Selection::Whole => {
            let bytes = version.open(ByteRange::whole(size)).await?;
            Ok(sized(Response::new(streamed(bytes)), size))
        }
        Selection::One(part) => {
            let bytes = version.open(part).await?;
            let answer = partial(streamed(bytes), header::CONTENT_RANGE, content_range(part, size));
            Ok(sized(answer, part.length))
        }
        Selection::Several(parts) => Ok(several(version, parts)),
        Selection::Unsatisfiable => Ok(unsatisfiable(size)),
    }
}

fn sized(mut answer: Answer, length: u64) -> Answer {
    answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    answer
}

fn partial(body: Body, name: HeaderName, value: String) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
    answer.headers_mut().extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
    answer
}

fn unsatisfiable(size: u64) -> Answer {
    let mut answer = sized(bare(StatusCode::RANGE_NOT_SATISFIABLE), 0);
    let value = HeaderValue::try_from(format!("bytes */{size}")).ok();
    answer.headers_mut().extend(value.map(|value| (header::CONTENT_RANGE, value)));
    answer
}

fn content_range(part: ByteRange, size: u64) -> String {
    format!("bytes {}-{}/{size}", part.offset, part.end() - 1)
}

/// `multipart/byteranges` (RFC 9110 section 14.6).
fn several(version: Version, parts: Vec<ByteRange>) -> Answer {
    let boundary = format!("{:016x}", RandomState::new().hash_one(version.size));
    let head = |part| format!("\r\n--{boundary}\r\nContent-Range: {}\r\n\r\n", content_range(part, version.size));
    let heads: Vec<String> = parts.iter().copied().map(head).collect();
    let end = format!("\r\n--{boundary}--\r\n");
    let framing: usize = heads.iter().map(String::len).sum::<usize>() + end.len();
    let length = parts.iter().map(|part| part.length).sum::<u64>() + framing as u64;
    let bytes = version.in_turn(heads.into_iter().zip(parts).collect(), end);
    sized(partial(streamed(bytes), header::CONTENT_TYPE, format!("multipart/byteranges; boundary={boundary}")), length)
}

/// One version of a file, whose parts can be opened.
#[derive(Clone)]
struct Version {
    backend: Arc<dyn Backend>,
    call: Call,
    path: Path,
    size: u64,
    validator: Validator,
}

impl Version {
    fn of(service: &Service, asked: &Asked, file: &Metadata) -> Self {
        Self {
            backend: service.backend().clone(),
            call: asked.call.clone(),
            path: service.resolve(&asked.path),
            size: file.size.unwrap_or_default(),
            validator: file.identity(),
        }
    }

    async fn open(&self, part: ByteRange) -> Result<ByteStream> {
        let options = ReadOptions::part(part).pinned(self.validator.clone());
        Ok(self.backend.read(&self.call, &self.path, &options).await?.stream)
    }

    /// Each part behind its head, opened when its turn comes.
    fn in_turn(self, parts: Vec<(String, ByteRange)>, end: String) -> ByteStream {
        let ready = |text: String| stream::once(async move { Ok(Bytes::from(text)) });
        let opened = stream::iter(parts).then(move |(head, part)| {
            let version = self.clone();
            async move { Ok::<_, Error>(ready(head).chain(version.open(part).await?)) }
        });
        opened.try_flatten().chain(ready(end)).boxed()
    }
}
