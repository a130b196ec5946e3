//! A small S3 service in memory, for the demo: whole objects, listings, and checksums that are compared. Its key is no secret.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use law_storage::{Algorithm, Hasher, Path, Result, encode_path};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Who may ask.
pub(super) const KEY: &str = "demo-key";
/// What is signed with: the service believes the name of the key.
pub(super) const SECRET: &str = "demo-secret";
/// The only bucket.
pub(super) const BUCKET: &str = "lab";

/// More than any act writes.
const LARGEST: usize = 64 << 20;

const CHECKSUM: &str = "x-amz-checksum-crc64nvme";

type Answer = Response<Full<Bytes>>;

/// A service that runs until it is dropped.
pub(super) struct Service {
    address: SocketAddr,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Objects(Mutex<BTreeMap<String, Bytes>>);

impl Service {
    /// Serves an empty bucket to this machine, from now on, on the current runtime.
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, task: tokio::spawn(accept(listener)) })
    }

    /// Where it is.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener) {
    let objects = Arc::new(Objects::default());
    while let Ok((connection, _)) = listener.accept().await {
        let objects = objects.clone();
        let serve = hyper::service::service_fn(move |request| {
            let objects = objects.clone();
            async move { Ok::<_, Infallible>(objects.answer(request).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(connection), serve);
        tokio::spawn(async move { drop(connection.await) });
    }
}

impl Objects {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let signed = head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !signed.starts_with(&format!("AWS4-HMAC-SHA256 Credential={KEY}/")) {
            return refusal(StatusCode::FORBIDDEN, "InvalidAccessKeyId");
        }
        let path =
            head.uri.path().strip_prefix(&format!("/{BUCKET}")).map(|path| decoded(path.trim_start_matches('/')));
        let Some(key) = path else { return refusal(StatusCode::NOT_FOUND, "NoSuchBucket") };
        match head.method {
            Method::GET if key.is_empty() => self.list(head.uri.query().unwrap_or_default()),
            Method::GET | Method::HEAD => self.get(&key, &head.headers),
            Method::PUT => match Limited::new(body, LARGEST).collect().await {
                Ok(body) => self.put(key, body.to_bytes(), &head.headers),
                Err(_) => refusal(StatusCode::BAD_REQUEST, "IncompleteBody"),
            },
            Method::DELETE => {
                self.all().remove(&key);
                answer(StatusCode::NO_CONTENT, Bytes::new())
            }
            _ => refusal(StatusCode::NOT_IMPLEMENTED, "NotImplemented"),
        }
    }

    fn put(&self, key: String, content: Bytes, headers: &HeaderMap) -> Answer {
        let (tag, checksum) = digests(&content);
        if headers.get(CHECKSUM).is_some_and(|told| told.as_bytes() != checksum.as_bytes()) {
            return refusal(StatusCode::BAD_REQUEST, "BadDigest");
        }
        self.all().insert(key, content);
        described(answer(StatusCode::OK, Bytes::new()), &tag, &checksum)
    }

    fn get(&self, key: &str, headers: &HeaderMap) -> Answer {
        let Some(content) = self.all().get(key).cloned() else {
            return refusal(StatusCode::NOT_FOUND, "NoSuchKey");
        };
        let (tag, checksum) = digests(&content);
        let Some((first, last)) =
            headers.get(header::RANGE).and_then(|range| part(range.to_str().ok()?, content.len()))
        else {
            return described(answer(StatusCode::OK, content), &tag, &checksum);
        };
        let mut part = answer(StatusCode::PARTIAL_CONTENT, content.slice(first..=last));
        if let Ok(range) = format!("bytes {first}-{last}/{}", content.len()).parse() {
            part.headers_mut().insert(header::CONTENT_RANGE, range);
        }
        described(part, &tag, &checksum)
    }

    /// One page, as the demo has few files.
    fn list(&self, query: &str) -> Answer {
        let value =
            |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(decoded);
        let (prefix, delimiter) = (value("prefix").unwrap_or_default(), value("delimiter"));
        let mut xml = "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>".to_owned();
        let mut last = String::new();
        for (key, content) in self.all().range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix)) {
            let deeper = key[prefix.len()..].find('/').filter(|_| delimiter.is_some());
            let Some(end) = deeper else {
                let (key, size, tag) = (encoded(key), content.len(), digests(content).0);
                let _ = write!(xml, "<Contents><Key>{key}</Key><Size>{size}</Size><ETag>{tag}</ETag></Contents>");
                continue;
            };
            let directory = encoded(&key[..prefix.len() + end]);
            if directory != last {
                let _ = write!(xml, "<CommonPrefixes><Prefix>{directory}/</Prefix></CommonPrefixes>");
                last = directory;
            }
        }
        xml.push_str("</ListBucketResult>");
        answer(StatusCode::OK, xml.into())
    }
}

fn answer(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer
}

fn refusal(status: StatusCode, code: &str) -> Answer {
    answer(status, format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>").into())
}

fn described(mut answer: Answer, tag: &str, checksum: &str) -> Answer {
    for (name, value) in [("etag", tag), (CHECKSUM, checksum)] {
        if let Ok(value) = value.parse() {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

/// The entity tag and the checksum of an object.
fn digests(content: &[u8]) -> (String, String) {
    let mut hasher = Hasher::new([Algorithm::Md5, Algorithm::Crc64Nvme]);
    hasher.update(content);
    let all = hasher.finish();
    let of = |kind| all.iter().find(|digest| digest.algorithm() == kind);
    let tag = of(Algorithm::Md5).map(|digest| format!("\"{}\"", digest.hex()));
    (tag.unwrap_or_default(), of(Algorithm::Crc64Nvme).map(|digest| digest.base64()).unwrap_or_default())
}

/// First and last byte of a range within so many bytes.
fn part(range: &str, size: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && first < size).then(|| (first, last.min(size - 1)))
}

fn encoded(key: &str) -> String {
    Path::parse(key).map(|path| encode_path(&path)).unwrap_or_default()
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
