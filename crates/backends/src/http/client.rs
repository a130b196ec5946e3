//! The client of one endpoint: connections, credentials, redirects.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use law_storage::{Call, Credential, EndpointSettings, Error, ErrorKind, Outcome, Result, Secret, Timeouts};
use rustls::ClientConfig;

use super::body::Lease;
use super::connection::{Connection, connect};
use super::exchange::{Failure, exchange, gate};
use super::places::{Kind, Place, Places};
use super::pool::{Pool, Reuse};
use super::redaction::Secrets;
use super::redirect::Route;
use super::upload::{Gate, Payload, Progress, Upload};
use super::{Address, Body, Origin, tls};
use crate::auth::{Authorization, Identity};

const USER_AGENT: &str = concat!("law/", env!("CARGO_PKG_VERSION"));

/// What is asked.
pub struct Request<'a> {
    method: Method,
    address: Address,
    headers: HeaderMap,
    body: RequestBody<'a>,
    streamed: bool,
    slow: Duration,
    confided: Vec<Secret>,
    any_port: bool,
    stays: bool,
    once: bool,
}

enum RequestBody<'a> {
    None,
    Bytes(Bytes),
    Upload(&'a Upload<'a>),
}

impl<'a> Request<'a> {
    /// A request without a body.
    pub fn new(method: Method, address: Address) -> Self {
        Self {
            method,
            address,
            headers: HeaderMap::new(),
            body: RequestBody::None,
            streamed: false,
            slow: Duration::ZERO,
            confided: Vec::new(),
            any_port: false,
            stays: false,
            once: false,
        }
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Its answer is read at the pace of whoever wants it.
    #[must_use]
    pub fn streamed(mut self) -> Self {
        self.streamed = true;
        self
    }

    /// Its answer may take so much longer than others.
    #[must_use]
    pub fn slow(mut self, time: Duration) -> Self {
        self.slow = time;
        self
    }

    /// Some of its headers tell this, which is another storage's, and which no word of the answer may show.
    #[must_use]
    pub fn confiding(mut self, secret: Secret) -> Self {
        self.confided.push(secret);
        self
    }

    /// The credential also goes to other services of the same host, encrypted, as the endpoint itself has named one of them.
    #[must_use]
    pub fn at_any_port(mut self) -> Self {
        self.any_port = true;
        self
    }

    /// It is for this place alone: a redirect is its answer.
    #[must_use]
    pub fn staying(mut self) -> Self {
        self.stays = true;
        self
    }

    /// Doing it twice is not doing it once, whatever its method.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// With a small body.
    #[must_use]
    pub fn bytes(mut self, body: impl Into<Bytes>) -> Self {
        self.body = RequestBody::Bytes(body.into());
        self
    }

    /// With a body that is held back until the server wants it.
    #[must_use]
    pub fn upload(mut self, upload: &'a Upload<'a>) -> Self {
        self.body = RequestBody::Upload(upload);
        self
    }

    /// Repeating it does no harm (RFC 9110 section 9.2.2): PUT goes to names that only this client knows, or replaces
    /// the same content by the same; after MKCOL it is looked at what is there.
    fn repeatable(&self) -> bool {
        !self.once && matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "PROPFIND" | "PUT" | "MKCOL")
    }

    /// It changes nothing, whether it is answered or not (RFC 9110 section 9.2.1).
    fn is_safe(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "PROPFIND")
    }

    /// It is answered at once by a server that is not busy: no work for it, and no long answer.
    fn is_a_look(&self) -> bool {
        let work = ["want-digest", "want-repr-digest"].iter().any(|name| self.headers.contains_key(*name));
        let one = self.headers.get("depth").is_none_or(|depth| depth == "0");
        matches!(self.method.as_str(), "HEAD" | "PROPFIND") && one && !work
    }

    fn kind(&self) -> Kind {
        match &self.body {
            RequestBody::Upload(_) => Kind::Upload,
            _ if self.streamed => Kind::Download,
            _ => Kind::Other,
        }
    }

    fn progress(&self) -> Option<Arc<Progress>> {
        match &self.body {
            RequestBody::Upload(upload) => Some(upload.progress()),
            _ => None,
        }
    }

    fn has_body(&self) -> bool {
        match &self.body {
            RequestBody::None => false,
            RequestBody::Bytes(bytes) => !bytes.is_empty(),
            RequestBody::Upload(upload) => upload.size() > 0,
        }
    }
}

/// The head of an answer, and its body to read.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// Who answered, after all redirects.
    pub address: Address,
    /// The body.
    pub body: Body,
    secrets: Secrets,
    /// Whether what was asked changes nothing.
    safe: bool,
}

impl Answer {
    /// Whether what was asked changes nothing.
    pub fn is_to_a_question(&self) -> bool {
        self.safe
    }

    /// What no word of the server may show.
    pub fn secrets(&self) -> Secrets {
        self.secrets.clone()
    }

    /// The first bytes of the body as text, at most `most`, without the credential that was sent.
    pub async fn words(self, most: usize) -> String {
        let body = self.body.collect(most).await.unwrap_or_default();
        self.secrets.hide(&String::from_utf8_lossy(&body))
    }

    /// Whether it is a page for people, which no storage answers to a change.
    pub fn is_page(&self) -> bool {
        self.text(header::CONTENT_TYPE).is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"))
    }

    /// A header as text; bytes that are no text are replaced.
    pub fn text(&self, name: impl header::AsHeaderName) -> Option<String> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned())
    }
}

/// The client of one endpoint.
///
/// The credential goes to this endpoint and to no other, and over plain HTTP only where it cannot leave the machine.
pub struct Client {
    home: Origin,
    authorization: Authorization,
    /// Whether nobody has named the credential.
    found: bool,
    identity: Option<Arc<Identity>>,
    ca: Option<PathBuf>,
    tls: OnceLock<Arc<ClientConfig>>,
    /// For other hosts, which are shown no certificate.
    strangers: OnceLock<Arc<ClientConfig>>,
    timeouts: Timeouts,
    pool: Arc<Pool>,
    places: Places,
    expects: AtomicBool,
    /// Microseconds between the end of a connection and the next.
    settling: AtomicU64,
}

impl Client {
    /// A client for `home`.
    ///
    /// # Errors
    /// `Unauthenticated` if a credential would travel unencrypted; `InvalidInput` if it cannot be sent at all.
    pub fn new(home: Origin, settings: &EndpointSettings) -> Result<Self> {
        let authorization = match settings.found && !home.secure() {
            true => Authorization::none(),
            false => Authorization::of(&settings.credential, home.host())?,
        };
        if !home.secure() && !home.is_loopback() && !authorization.is_none() {
            let message = "a password or token would travel unencrypted to";
            return Err(Error::new(ErrorKind::Unauthenticated, message).at(&home).hint("use davs:// or https://"));
        }
        let identity = identity(&settings.credential);
        if identity.is_some() && !home.secure() && !settings.found {
            let message = "a certificate cannot be shown without encryption to";
            return Err(Error::new(ErrorKind::Unauthenticated, message).at(&home).hint("use davs:// or https://"));
        }
        let identity = identity.filter(|_| home.secure());
        Ok(Self {
            home,
            authorization,
            found: settings.found,
            identity,
            ca: settings.ca.clone(),
            tls: OnceLock::new(),
            strangers: OnceLock::new(),
            timeouts: settings.timeouts,
            pool: Arc::default(),
            places: Places::new(settings.concurrency.max(1)),
            expects: AtomicBool::new(true),
            settling: AtomicU64::new(0),
        })
    }

    /// Lets so much time pass between the end of a connection that the server closed and the next one.
    pub fn let_settle(&self, time: Duration) {
        self.settling.store(time.as_micros() as u64, Ordering::Relaxed);
    }

    async fn settle(&self, origin: &Origin) {
        let wanted = Duration::from_micros(self.settling.load(Ordering::Relaxed));
        let rest = self.pool.since_closed(origin).and_then(|passed| wanted.checked_sub(passed));
        if let Some(rest) = rest.filter(|rest| !rest.is_zero()) {
            tokio::time::sleep(rest).await;
        }
    }

    /// The endpoint.
    pub fn home(&self) -> &Origin {
        &self.home
    }

    /// Sends a request, follows redirects with the same method and body, and returns the first other answer,
    /// whatever its status.
    ///
    /// # Errors
    /// Those of the connection, of the call, and of the source of a body.
    pub async fn send(&self, call: &Call, request: &Request<'_>, continue_wait: Duration) -> Result<Answer> {
        let answer = call.bound(self.follow(call, request, continue_wait)).await;
        // A call that ends while a request is under way does not take it back.
        let ended = |error: Error| match (request.is_safe(), call.check()) {
            (true, _) => error.with_outcome(Outcome::NotDone),
            (false, Err(_)) => error.with_outcome(Outcome::Unknown),
            (false, Ok(())) => error,
        };
        answer.map_err(|error| ended(error).at(&request.address))
    }

    async fn follow(&self, call: &Call, request: &Request<'_>, continue_wait: Duration) -> Result<Answer> {
        let mut route = Route::from(request.address.clone());
        loop {
            let answer = self.answer(call, request, route.here(), continue_wait).await?;
            tracing::debug!(method = %request.method, url = %route.here(), status = answer.status.as_u16(), "http");
            if answer.status == StatusCode::EXPECTATION_FAILED && self.expects.swap(false, Ordering::Relaxed) {
                answer.body.discard().await;
                continue;
            }
            if request.stays || !route.follow(answer.status, &answer.headers)? {
                return Ok(answer);
            }
            // An unsent upload is still in the way on this connection; without one it can be used again.
            if !request.has_body() {
                answer.body.discard().await;
            }
        }
    }

    async fn answer(&self, call: &Call, request: &Request<'_>, to: &Address, wait: Duration) -> Result<Answer> {
        let origin = to.origin().clone();
        let mut reuse = if request.repeatable() { Reuse::Any } else { Reuse::Fresh };
        loop {
            // A source is opened before a place is taken, as it may need one of its own.
            let message = self.message(call, request, to, wait).await?;
            let said = message.headers().get(header::AUTHORIZATION).cloned();
            let place = self.places.take(request.kind()).await?;
            let pooled = self.pool.take(&origin, reuse, !request.has_body());
            let kept_alive = pooled.is_some();
            let mut connection = match pooled {
                Some(connection) => connection,
                None => {
                    self.settle(&origin).await;
                    connect(&origin, self.tls_for(&origin)?, &self.timeouts).await?
                }
            };
            let begin = Instant::now();
            let mut timeouts = self.timeouts;
            timeouts.first_byte = timeouts.first_byte.saturating_add(request.slow);
            let answered = exchange(&mut connection, message, request.progress(), &timeouts).await;
            self.learn(request, answered.as_ref().ok(), begin.elapsed());
            match answered {
                Ok(response) => return Ok(self.wrap((request, said), response, connection, to, place)),
                Err(failure) if kept_alive && may_repeat(&failure, request) => reuse = Reuse::Never,
                Err(failure) => return Err(failure.into_error()),
            }
        }
    }

    /// What an answer, or that there is none, tells of how busy the endpoint is.
    fn learn(&self, request: &Request<'_>, response: Option<&hyper::Response<hyper::body::Incoming>>, took: Duration) {
        match response.map(hyper::Response::status) {
            Some(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => self.places.overloaded(),
            Some(_) => self.places.answered(request.is_a_look().then_some(took)),
            None if took >= self.timeouts.first_byte.saturating_add(request.slow) => self.places.overloaded(),
            None => {}
        }
    }

    async fn message(
        &self,
        call: &Call,
        request: &Request<'_>,
        to: &Address,
        wait: Duration,
    ) -> Result<hyper::Request<Payload>> {
        self.authorization.renew().await?;
        let (head, gate) = self.head(request, to, wait)?;
        let payload = match &request.body {
            RequestBody::None => Payload::None,
            RequestBody::Bytes(bytes) => Payload::Bytes(bytes.clone()),
            RequestBody::Upload(upload) => upload.body(call, gate).await?,
        };
        Ok(head.map(|()| payload))
    }

    fn head(&self, request: &Request<'_>, to: &Address, wait: Duration) -> Result<(hyper::Request<()>, Option<Gate>)> {
        if !request.confided.is_empty() && !to.origin().secure() && !to.origin().is_loopback() {
            let message = "the credential of another storage would travel unencrypted to";
            return Err(Error::new(ErrorKind::Unsupported, message).at(to.origin()).hint("use davs:// or https://"));
        }
        let mut head = hyper::Request::builder()
            .method(request.method.clone())
            .uri(to.request_target())
            .header(header::HOST, to.origin().authority())
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::ACCEPT, "*/*")
            .header(header::ACCEPT_ENCODING, "identity")
            .body(())
            .map_err(|e| Error::new(ErrorKind::InvalidInput, "cannot be put into a request").because(e))?;
        head.headers_mut().extend(request.headers.clone());
        if let Some(authorization) = self.authorization_for(request, to)? {
            head.headers_mut().insert(header::AUTHORIZATION, authorization);
        }
        if let RequestBody::Upload(upload) = &request.body {
            // Said also for an empty body, of which hyper says nothing, and which nginx then refuses.
            head.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(upload.size()));
        }
        if !request.has_body() && matches!(request.method, Method::PUT | Method::POST) {
            // Some services want to be told that there is nothing.
            head.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(0));
        }
        let held = matches!(request.body, RequestBody::Upload(_)) && request.has_body();
        let expect = held && self.expects.load(Ordering::Relaxed);
        if expect {
            head.headers_mut().insert(header::EXPECT, HeaderValue::from_static("100-continue"));
        }
        let gate = expect.then(|| gate(&mut head, wait.min(self.timeouts.continue_wait)));
        Ok((head, gate))
    }

    /// The bearer token that was sent last, or that of a file as it is now, if that is what is sent.
    ///
    /// # Errors
    /// `Unauthenticated` for a file that cannot be read.
    pub fn bearer(&self) -> Result<Option<Secret>> {
        self.authorization.bearer()
    }

    /// Whether it says who asks.
    pub fn has_credential(&self) -> bool {
        !self.authorization.is_none() || self.identity.is_some()
    }

    fn authorization_for(&self, request: &Request<'_>, to: &Address) -> Result<Option<HeaderValue>> {
        let origin = to.origin();
        let beside = request.any_port
            && origin.host() == self.home.host()
            && (origin.secure() || (origin.is_loopback() && !self.found));
        let ours = (*origin == self.home || beside) && !to.has_ticket();
        if ours { self.authorization.value() } else { Ok(None) }
    }

    fn tls_for(&self, origin: &Origin) -> Result<Option<Arc<ClientConfig>>> {
        if !origin.secure() {
            return Ok(None);
        }
        // It is shown to its own storage alone; whoever is redirected elsewhere brings a ticket.
        let identity = self.identity.as_ref().filter(|_| *origin == self.home);
        if let Some(identity) = identity {
            identity.check()?;
        }
        let tls = if identity.is_some() || self.identity.is_none() { &self.tls } else { &self.strangers };
        if let Some(config) = tls.get() {
            return Ok(Some(config.clone()));
        }
        let config = tls::client_config(self.ca.as_deref(), identity.cloned())?;
        Ok(Some(tls.get_or_init(|| config).clone()))
    }

    fn wrap(
        &self,
        (request, said): (&Request<'_>, Option<HeaderValue>),
        response: hyper::Response<hyper::body::Incoming>,
        connection: Connection,
        to: &Address,
        place: Place,
    ) -> Answer {
        let (head, incoming) = response.into_parts();
        let lease = Lease { connection, origin: to.origin().clone(), pool: self.pool.clone(), _place: place };
        let body = Body::new(incoming, lease, self.timeouts.stall, to.clone());
        let secrets = Secrets { authorization: said, others: request.confided.clone() };
        let safe = request.is_safe();
        Answer { status: head.status, headers: head.headers, address: to.clone(), body, secrets, safe }
    }
}

fn may_repeat(failure: &Failure, request: &Request<'_>) -> bool {
    let untouched = request.progress().is_none_or(|progress| progress.sent() == 0);
    match failure {
        Failure::Unsent(_) => true,
        Failure::Unanswered(_) => request.repeatable() && untouched,
        Failure::Final(_) => false,
    }
}

fn identity(credential: &Credential) -> Option<Arc<Identity>> {
    match credential {
        Credential::Certificate { chain, key } => Some(Arc::new(Identity::new(chain, key))),
        _ => None,
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.home)
    }
}
