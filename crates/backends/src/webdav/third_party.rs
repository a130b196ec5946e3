//! Copies between this storage and another one: COPY with `Source` (pull) or with a foreign `Destination` (push), as the WLCG
//! agreed on it.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use law_storage::{Access, Call, Error, ErrorKind, Operation, Order, Outcome, Path, Result, Secret, Way};
use tokio::time::Instant;

use super::Endpoint;
use super::markers::{End, Markers};
use crate::http::status::{page, refused};
use crate::http::{Answer, Request};

const SOURCE: HeaderName = HeaderName::from_static("source");
const DESTINATION: HeaderName = HeaderName::from_static("destination");
const OVERWRITE: HeaderName = HeaderName::from_static("overwrite");
const CREDENTIAL: HeaderName = HeaderName::from_static("credential");
const REQUIRE_CHECKSUM: HeaderName = HeaderName::from_static("requirechecksumverification");
/// Goes on to the other storage as `Authorization`.
const AUTHORIZATION: HeaderName = HeaderName::from_static("transferheaderauthorization");

/// Servers tell every five seconds how far they are; one that is silent for so long has forgotten us.
const SILENCE: Duration = Duration::from_secs(120);

/// So long it may tell that nothing has moved: then the two do not reach each other.
const STILL: Duration = Duration::from_secs(60);

impl Endpoint {
    /// How another storage gets at a file here. A password is given to nobody else.
    pub(super) fn access(&self, path: &Path) -> Result<Access> {
        let token = self.client.bearer()?;
        // What nobody has named may not be needed.
        if token.is_none() && self.client.has_credential() && !self.settings.found {
            return Err(self.cannot_reach(path, "neither a password nor a certificate is given to another storage"));
        }
        if self.redirects() {
            return Err(self.cannot_reach(path, "it is spread over data servers, which are told of new files late"));
        }
        let address = self.address(path);
        Ok(Access { url: address.with_ticket(), shown: self.url(path), token })
    }

    fn cannot_reach(&self, path: &Path, why: &str) -> Error {
        Error::new(ErrorKind::Unsupported, why).at(self.url(path)).during(Operation::Copy)
    }

    pub(super) async fn third_party(&self, call: &Call, path: &Path, order: &Order<'_>) -> Result<()> {
        self.acquaint(call).await?;
        if !self.quirks().third_party {
            return Err(self.cannot_reach(path, "this kind of server copies nothing from or to another storage"));
        }
        if self.redirects() {
            return Err(self.cannot_reach(path, "it is spread over data servers, which are told of new files late"));
        }
        if order.way == Way::Pull {
            self.admit_new_name(call, path, Operation::Copy).await?;
        }
        let request = self.order(path, order)?;
        let answer = self.send(call, request, Operation::Copy).await?;
        if !answer.status.is_success() {
            return Err(refused(answer, Operation::Copy).await);
        }
        if answer.is_page() {
            let error = page(answer.status).at(&answer.address).during(Operation::Copy);
            return Err(error.with_outcome(Outcome::Unknown));
        }
        call.bound(self.follow(path, answer, order)).await
    }

    fn order(&self, path: &Path, order: &Order<'_>) -> Result<Request<'static>> {
        let other = order.other;
        let value = |text: &str| {
            let bad = |_| self.cannot_reach(path, "the other URL or token cannot be sent in a header");
            HeaderValue::from_str(text).map_err(bad)
        };
        let header = if order.way == Way::Pull { SOURCE } else { DESTINATION };
        let mut request = Request::new(Method::from_bytes(b"COPY").unwrap_or_default(), self.address(path))
            .header(header, value(other.url.expose())?)
            .header(OVERWRITE, HeaderValue::from_static("T"))
            .header(CREDENTIAL, HeaderValue::from_static("none"))
            .header(REQUIRE_CHECKSUM, HeaderValue::from_static(if order.require_checksum { "true" } else { "false" }))
            .slow(SILENCE);
        let query = other.url.expose().split_once('?').map_or("", |(_, query)| query);
        for value in query.split('&').filter_map(|pair| pair.split_once('=').map(|(_, value)| value)) {
            let decoded = percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
            let token = decoded.strip_prefix("Bearer ").unwrap_or(&decoded).to_owned();
            request =
                request.confiding(Secret::new(value)).confiding(Secret::new(decoded)).confiding(Secret::new(token));
        }
        if let Some(token) = &other.token {
            let mut header = value(&format!("Bearer {}", token.expose()))?;
            header.set_sensitive(true);
            request = request.header(AUTHORIZATION, header).confiding(token.clone());
        }
        Ok(request)
    }

    /// Reads the markers to the end, which alone tells whether it worked.
    async fn follow(&self, path: &Path, answer: Answer, order: &Order<'_>) -> Result<()> {
        let mut markers = Markers::default();
        let secrets = answer.secrets();
        let mut body = answer.body.patient(SILENCE);
        let say = |kind, words: String| Error::new(kind, words).at(self.url(path)).during(Operation::Copy);
        let mut moved = (0, Instant::now());
        while let Some(bytes) = body.chunk().await.map_err(|error| error.with_outcome(Outcome::Unknown))? {
            markers.take(&bytes);
            (order.progress)(markers.transferred());
            // Whoever has everything may need long for its checksum.
            if markers.transferred() != moved.0 || markers.transferred() >= order.size {
                moved = (markers.transferred(), Instant::now());
            }
            if moved.1.elapsed() > STILL {
                let message = format!("nothing has moved between the storages for {} s", STILL.as_secs());
                return Err(say(ErrorKind::Timeout, message).with_outcome(Outcome::Unknown));
            }
        }
        match markers.finish() {
            Some(End::Success) => Ok(()),
            Some(End::Failure(words)) => {
                let words = secrets.hide(&words);
                Err(say(ErrorKind::Unavailable, format!("the storage could not copy it by itself: {words}")))
            }
            None => {
                let message = "the storage did not say how its copy ended";
                Err(say(ErrorKind::Malformed, message.into()).with_outcome(Outcome::Unknown))
            }
        }
    }
}
