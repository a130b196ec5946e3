//! Asking a server for its checksums.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use law_storage::{Algorithm, Call, Digest, Error, ErrorKind, Operation, Path, Result};

use super::Endpoint;
use super::checksum::{digests, header_name, is_odd, repr_digests};
use super::quirks::Offers;
use crate::http::status::refused;
use crate::http::{Address, Request};

const WANT_DIGEST: HeaderName = HeaderName::from_static("want-digest");
const WANT_REPR_DIGEST: HeaderName = HeaderName::from_static("want-repr-digest");

/// How long a checksum that is being computed is waited for: the sum is a minute.
const PENDING: [u64; 7] = [200, 400, 1_000, 3_000, 10_000, 20_000, 25_000];

/// How long one question is waited for, in milliseconds, where the server forgets some, beside the time that it needs for its work.
const PATIENCE: [u64; 8] = [500, 2_000, 10_000, 20_000, 30_000, 60_000, 60_000, 60_000];

/// Bytes a second that a server may need to compute a checksum: whoever gives up before disturbs it at work.
const SLOWEST: u64 = 25_000_000;

/// Questions for a checksum at once, where the server forgets some. XRootD 5.5 loses answers, and its life, the more often
/// the more are on their way.
pub(super) const AT_ONCE: usize = 1;

/// What a server answered when it was asked for a checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// The size by `Content-Length`.
    pub(super) size: Option<u64>,
    /// The checksum, of the algorithm that was asked for.
    pub(super) digest: Option<Digest>,
}

impl Endpoint {
    pub(super) async fn digest(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>> {
        if let Some(digest) = self.digest_at_once(call, path, wanted).await? {
            return Ok(Some(digest));
        }
        let seen = self.look_for_file(call, path, Operation::Digest).await?;
        let free = |algorithm: &Algorithm| seen.metadata.digests.iter().find(|d| d.algorithm() == *algorithm);
        let order = if wanted.is_empty() { self.offered() } else { wanted.to_vec() };
        if let Some(digest) = order.iter().find_map(free) {
            return Ok(Some(digest.clone()));
        }
        if self.quirks().offers == Offers::Nothing {
            return Ok(None);
        }
        for algorithm in order {
            let told = self.ask_digest(call, seen.address.clone(), algorithm, seen.metadata.size).await?;
            if told.digest.is_some() {
                return Ok(told.digest);
            }
        }
        Ok(None)
    }

    /// Without a look at the file, where the server is known to give such a checksum: only a file has one.
    async fn digest_at_once(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>> {
        let known = self.learnt().digests.clone();
        let first = wanted.first().or(known.first()).copied().filter(|first| known.contains(first));
        let Some(algorithm) = first.filter(|_| !self.redirects() && self.is_sure_of_digests()) else {
            return Ok(None);
        };
        self.check_name(path)?;
        match self.ask_digest(call, self.address(path), algorithm, None).await {
            Ok(told) => Ok(told.digest),
            Err(error)
                if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Cancelled) =>
            {
                Err(error)
            }
            // Nothing is there, or no file: a look tells.
            Err(_) => Ok(None),
        }
    }

    /// Without knowing how long an answer may take, nobody can tell that it was forgotten.
    fn is_sure_of_digests(&self) -> bool {
        let quirks = self.quirks();
        quirks.offers != Offers::Nothing && !quirks.forgets_checksums
    }

    /// Asks for one checksum, waits while it is not ready, and remembers whether the server has that kind. `size` is that of the
    /// file, if it is known.
    pub(super) async fn ask_digest(
        &self,
        call: &Call,
        address: Address,
        algorithm: Algorithm,
        size: Option<u64>,
    ) -> Result<Told> {
        if self.learnt().lacks(algorithm) {
            return Ok(Told { size: None, digest: None });
        }
        let mut waits = PENDING.iter();
        let (status, told) = loop {
            match self.ask_patiently(call, &address, algorithm, size).await? {
                (StatusCode::ACCEPTED, _) if let Some(&wait) = waits.next() => {
                    call.pause(Duration::from_millis(wait)).await?;
                }
                (status, told) => break (status, told),
            }
        };
        match status {
            _ if told.digest.is_some() => self.learnt().digest_seen(algorithm),
            // It has one, and is not ready.
            StatusCode::ACCEPTED => {}
            _ => self.learnt().digest_missed(algorithm),
        }
        Ok(told)
    }

    /// Asks again, by a connection of its own, where a server may have forgotten the question.
    async fn ask_patiently(
        &self,
        call: &Call,
        address: &Address,
        algorithm: Algorithm,
        size: Option<u64>,
    ) -> Result<(StatusCode, Told)> {
        if !self.quirks().forgets_checksums {
            return self.ask_once(call, address.clone(), algorithm).await;
        }
        let closed = |e| Error::new(ErrorKind::Internal, "no place for a question").because(e);
        let _place = call.bound(async { self.checksums.acquire().await.map_err(closed) }).await?;
        let work = size.map_or(Duration::from_secs(5), |size| Duration::from_secs(size / SLOWEST));
        for patience in PATIENCE.map(Duration::from_millis) {
            let asked = self.ask_once(call, address.clone(), algorithm);
            if let Ok(answer) = tokio::time::timeout(work + patience, asked).await {
                return answer;
            }
            tracing::debug!(url = %address, "no checksum yet: asking again");
        }
        let waited: Duration = PATIENCE.iter().map(|patience| work + Duration::from_millis(*patience)).sum();
        let message = format!("no checksum came for {} s from", waited.as_secs());
        Err(Error::new(ErrorKind::Timeout, message).at(address).during(Operation::Digest))
    }

    /// `Want-Digest` first: XrdHttp drops the newer header when both are there.
    async fn ask_once(&self, call: &Call, address: Address, algorithm: Algorithm) -> Result<(StatusCode, Told)> {
        let first = self.head(call, address.clone(), &WANT_DIGEST, header_name(algorithm), algorithm).await?;
        let asked_again = matches!(algorithm, Algorithm::Md5 | Algorithm::Sha256 | Algorithm::Sha512);
        if first.1.digest.is_some() || first.0 == StatusCode::ACCEPTED || !asked_again {
            return Ok(first);
        }
        let preference = format!("{}=10", header_name(algorithm));
        self.head(call, address, &WANT_REPR_DIGEST, &preference, algorithm).await
    }

    async fn head(
        &self,
        call: &Call,
        address: Address,
        name: &HeaderName,
        value: &str,
        algorithm: Algorithm,
    ) -> Result<(StatusCode, Told)> {
        let value = HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""));
        let request = Request::new(Method::HEAD, address).header(name.clone(), value);
        let answer = self.send(call, request, Operation::Digest).await?;
        let status = answer.status;
        if matches!(status.as_u16(), 403 | 405 | 501) && self.offers_are_a_guess() {
            // dCache and XRootD refuse the whole request when nobody configured a checksum.
            answer.body.discard().await;
            return Ok((status, Told { size: None, digest: None }));
        }
        if !status.is_success() {
            return Err(refused(answer, Operation::Digest).await);
        }
        let told = ["digest", "repr-digest"].map(|name| answer.text(name).unwrap_or_default());
        let mut found = digests(&told[0]);
        found.extend(repr_digests(&told[1]));
        if found.iter().all(|digest| digest.algorithm() != algorithm) {
            self.tell_of_odd(told.iter().find(|text| is_odd(text)));
        }
        let size = answer.text(header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
        answer.body.discard().await;
        // XrdHttp answers with another algorithm than the one it does not know.
        Ok((status, Told { size, digest: found.into_iter().find(|d| d.algorithm() == algorithm) }))
    }

    /// A checksum that cannot be understood proves nothing, and people should know why theirs is missing; once.
    fn tell_of_odd(&self, header: Option<&String>) {
        const LONGEST: usize = 60;
        let Some(header) = header else { return };
        if !std::mem::replace(&mut self.learnt().odd_digest, true) {
            let text: String = header.chars().take(LONGEST).collect();
            tracing::warn!("the checksum that {} tells cannot be understood: {text:?}", self.client.home().base());
        }
    }

    fn offers_are_a_guess(&self) -> bool {
        self.learnt().digests.is_empty()
    }

    /// The algorithm to compute on the way up, so that it can be compared with the server's afterwards.
    pub(super) fn algorithm_for_put(&self, wanted: Option<Algorithm>) -> Option<Algorithm> {
        let offered = self.offered();
        wanted.or(self.settings.checksum).filter(|a| offered.contains(a)).or_else(|| offered.first().copied())
    }

    /// The size and, if `algorithm` is given, the checksum of what lies at `address`.
    pub(super) async fn told(
        &self,
        call: &Call,
        path: &Path,
        address: &Address,
        algorithm: Option<Algorithm>,
        expected: Option<u64>,
    ) -> Result<Told> {
        if let Some(algorithm) = algorithm {
            let told = self.ask_digest(call, address.clone(), algorithm, expected).await?;
            if told.size.is_some() {
                return Ok(told);
            }
        }
        let request = Request::new(Method::HEAD, address.clone());
        let answer = self.send(call, request, Operation::Put).await?;
        if !answer.status.is_success() {
            return Err(refused(answer, Operation::Put).await);
        }
        let size = answer.text(header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
        answer.body.discard().await;
        let size = match size {
            Some(size) => size,
            // Apache tells no length of an empty file here.
            None => self.size_at(call, path, address.clone()).await?,
        };
        Ok(Told { size: Some(size), digest: None })
    }
}
