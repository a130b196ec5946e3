//! Asking: a signed request, in the right region.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use law_storage::{Call, Error, ErrorKind, Operation, Path, Result, Secret};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use super::Bucket;
use super::address::Site;
use super::services::Service;
use crate::http::{Address, Answer, Request, Upload, of_service};

/// All but the unreserved characters of RFC 3986, as signatures want it.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");

/// What a request is about.
#[derive(Clone, Copy)]
pub(super) enum About<'a> {
    /// The bucket itself.
    Bucket,
    /// An object.
    Object(&'a Path),
    /// What marks a directory.
    Marker(&'a Path),
}

/// One request.
pub(super) struct Ask<'a> {
    method: Method,
    about: About<'a>,
    query: Vec<(&'static str, String)>,
    headers: HeaderMap,
    body: Body<'a>,
    operation: Operation,
    streamed: bool,
    slow: Duration,
    once: bool,
}

enum Body<'a> {
    None,
    Bytes(Bytes),
    /// With its SHA-256 in hexadecimal, where it must be signed.
    Upload(&'a Upload<'a>, Option<String>),
}

impl<'a> Ask<'a> {
    pub(super) fn new(method: Method, about: About<'a>, operation: Operation) -> Self {
        let (query, headers) = (Vec::new(), HeaderMap::new());
        Self {
            method,
            about,
            query,
            headers,
            body: Body::None,
            operation,
            streamed: false,
            slow: Duration::ZERO,
            once: false,
        }
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With a header whose value may be one that cannot be sent.
    pub(super) fn text(self, name: HeaderName, value: &str) -> Result<Self> {
        let value = HeaderValue::from_str(value)
            .map_err(|error| Error::new(ErrorKind::InvalidInput, "what no header can hold").because(error))?;
        Ok(self.header(name, value))
    }

    pub(super) fn bytes(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Body::Bytes(body.into());
        self
    }

    pub(super) fn upload(mut self, upload: &'a Upload<'a>, sha256: Option<String>) -> Self {
        self.body = Body::Upload(upload, sha256);
        self
    }

    /// Its answer is read at the pace of whoever wants it.
    pub(super) fn streamed(mut self) -> Self {
        self.streamed = true;
        self
    }

    /// Doing it twice is not doing it once.
    pub(super) fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// Its answer may take so much longer than others.
    pub(super) fn slow(mut self, time: Duration) -> Self {
        self.slow = time;
        self
    }

    /// The path that it is about; the root for the bucket.
    fn path(&self) -> Path {
        match self.about {
            About::Bucket => Path::root(),
            About::Object(path) | About::Marker(path) => path.clone(),
        }
    }

    fn address(&self, site: &Site) -> Address {
        let address = match self.about {
            About::Bucket => site.object(&Path::root()),
            About::Object(path) => site.object(path),
            About::Marker(path) => site.marker(path),
        };
        if self.query.is_empty() {
            return address;
        }
        let pair = |(name, value): &(&str, String)| format!("{name}={}", utf8_percent_encode(value, ENCODED));
        let query: Vec<String> = self.query.iter().map(pair).collect();
        address.with_query(Some(Secret::new(query.join("&"))))
    }

    /// What is signed of its body: without encryption its checksum, so that nobody on the way can change it.
    fn content(&self, site: &Site) -> String {
        match &self.body {
            Body::Upload(_, Some(sha256)) => sha256.clone(),
            Body::Bytes(bytes) if needs_signature(site) => hex(&Sha256::digest(bytes)),
            _ => "UNSIGNED-PAYLOAD".into(),
        }
    }
}

/// Whether bodies must be signed, as they are not encrypted and leave the machine.
pub(super) fn needs_signature(site: &Site) -> bool {
    !site.client.home().secure() && !site.client.home().is_loopback()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Bucket {
    /// The answer, whatever its status. Where the bucket is in another region, the request goes there.
    pub(super) async fn ask(&self, call: &Call, ask: &Ask<'_>) -> Result<Answer> {
        let site = self.site()?;
        let answer = self.ask_at(call, ask, &site).await?;
        let elsewhere = matches!(
            answer.status,
            StatusCode::MOVED_PERMANENTLY
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::BAD_REQUEST
                | StatusCode::FORBIDDEN
        );
        let region = answer.text(REGION).filter(|_| elsewhere);
        if !region.is_some_and(|region| self.move_to(&region, &site)) {
            self.learn(&answer);
            return Ok(answer);
        }
        answer.body.discard().await;
        let site = self.site()?;
        self.ask_at(call, ask, &site).await
    }

    async fn ask_at(&self, call: &Call, ask: &Ask<'_>, site: &Site) -> Result<Answer> {
        let address = ask.address(site);
        let mut headers = ask.headers.clone();
        let content = HeaderValue::try_from(ask.content(site)).unwrap_or(HeaderValue::from_static("UNSIGNED-PAYLOAD"));
        headers.insert(CONTENT_SHA256, content);
        let signed = call.bound(site.signer.sign(&site.region, (&ask.method, &address), &headers)).await;
        let headers = signed.map_err(|error| error.at(self.url(&ask.path())).during(ask.operation))?;
        let mut request = Request::new(ask.method.clone(), address).staying().slow(ask.slow);
        for (name, value) in &headers {
            request = request.header(name.clone(), value.clone());
        }
        request = match &ask.body {
            Body::None => request,
            Body::Bytes(bytes) => request.bytes(bytes.clone()),
            Body::Upload(upload, _) => request.upload(upload),
        };
        if ask.streamed {
            request = request.streamed();
        }
        if ask.once {
            request = request.once();
        }
        let wait = self.settings.timeouts.continue_wait.min(CONTINUE_WAIT);
        site.client.send(call, &request, wait).await.map_err(|error| of_service(error).during(ask.operation))
    }

    fn learn(&self, answer: &Answer) {
        if let Some(service) = Service::of(&answer.headers) {
            self.learnt().service = Some(service);
        }
    }

    /// Makes sure that it is known which service this is, where the name of a file depends on it.
    pub(super) async fn acquaint(&self, call: &Call, path: &Path) -> Result<()> {
        if Service::matters_for(path) && self.learnt().service.is_none() {
            let ask = Ask::new(Method::HEAD, About::Bucket, Operation::Open);
            self.ask(call, &ask).await?.body.discard().await;
        }
        self.check_name(path)
    }
}

/// What S3 services need to say that they want a body.
const CONTINUE_WAIT: Duration = Duration::from_secs(1);
