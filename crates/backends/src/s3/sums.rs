//! Checksums that travel with uploads, and those that the service keeps.
//!
//! A service that knows the checksum of a request compares it before it stores anything, and says it again in its answer. Many do not
//! know the newer kinds: some refuse them, others take no notice. What this one does is seen in its first answers; until then MD5
//! goes along, which every service compares with `Content-MD5`, and most have as entity tag.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use law_storage::{Algorithm, Call, Digest, Error, ErrorKind, Operation, Path, Proof, PutOptions, Result, Verify};

use super::Bucket;
use super::asking::{About, Ask};
use crate::http::Answer;

const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
const TYPE: HeaderName = HeaderName::from_static("x-amz-checksum-type");
const MODE: HeaderName = HeaderName::from_static("x-amz-checksum-mode");

/// What is known of the checksums of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Trust {
    /// Nothing yet.
    #[default]
    Unknown,
    /// It says the checksum again.
    Echoes,
    /// It knows none of the newer kinds.
    OnlyMd5,
}

/// The kinds that S3 has headers for, the best first.
const KINDS: [Algorithm; 6] =
    [Algorithm::Crc64Nvme, Algorithm::Crc32c, Algorithm::Crc32, Algorithm::Sha256, Algorithm::Sha1, Algorithm::Md5];

/// Those that are sent: the others cannot be told of all of a file whose parts travel beside each other.
const SENT: [Algorithm; 4] = [Algorithm::Crc64Nvme, Algorithm::Crc32c, Algorithm::Crc32, Algorithm::Md5];

pub(super) fn header_of(algorithm: Algorithm) -> Option<HeaderName> {
    Some(match algorithm {
        Algorithm::Crc64Nvme => HeaderName::from_static("x-amz-checksum-crc64nvme"),
        Algorithm::Crc32c => HeaderName::from_static("x-amz-checksum-crc32c"),
        Algorithm::Crc32 => HeaderName::from_static("x-amz-checksum-crc32"),
        Algorithm::Sha256 => HeaderName::from_static("x-amz-checksum-sha256"),
        Algorithm::Sha1 => HeaderName::from_static("x-amz-checksum-sha1"),
        Algorithm::Md5 => CONTENT_MD5,
        _ => return None,
    })
}

/// The name of a kind in XML and in `x-amz-checksum-algorithm`.
pub(super) fn word_of(algorithm: Algorithm) -> String {
    algorithm.name().to_ascii_uppercase()
}

/// The checksums in headers, of the whole of an object: one of parts (`...-3`) is none.
pub(super) fn told(headers: &HeaderMap) -> Vec<Digest> {
    if headers.get(TYPE).is_some_and(|kind| kind == "COMPOSITE") {
        return Vec::new();
    }
    let value = |algorithm: &Algorithm| {
        let text = headers.get(header_of(*algorithm).filter(|name| *name != CONTENT_MD5)?)?.to_str().ok()?;
        Digest::parse(*algorithm, text)
    };
    KINDS.iter().filter_map(value).collect()
}

/// The MD5 of an object by its entity tag, which is one unless the object came in parts or is encrypted with a key of its owner.
pub(super) fn md5_of(headers: &HeaderMap) -> Option<Digest> {
    const ENCRYPTION: HeaderName = HeaderName::from_static("x-amz-server-side-encryption");
    const CUSTOMER: HeaderName = HeaderName::from_static("x-amz-server-side-encryption-customer-algorithm");
    let foreign_key = headers.get(ENCRYPTION).is_some_and(|kind| kind != "AES256") || headers.contains_key(CUSTOMER);
    let tag = headers.get(header::ETAG)?.to_str().ok()?.trim_matches('"');
    (tag.len() == 32 && !foreign_key).then(|| Digest::parse(Algorithm::Md5, tag)).flatten()
}

impl Bucket {
    /// The kinds that the service keeps, as far as that is known.
    pub(super) fn offered(&self) -> Vec<Algorithm> {
        match self.learnt().trust {
            _ if !self.settings.send_checksums => vec![Algorithm::Md5],
            // Most know both.
            Trust::Unknown | Trust::Echoes => vec![self.kind(), Algorithm::Md5],
            Trust::OnlyMd5 => vec![Algorithm::Md5],
        }
    }

    /// The newer kind that is sent.
    fn kind(&self) -> Algorithm {
        self.settings.checksum.filter(|kind| SENT.contains(kind)).unwrap_or(Algorithm::Crc64Nvme)
    }

    /// The kinds that go along with what is sent now.
    pub(super) fn sums(&self, options: &PutOptions) -> Vec<Algorithm> {
        if !self.settings.send_checksums || matches!(options.verify, Verify::None | Verify::Size) {
            return Vec::new();
        }
        if let Some(wanted) = options.algorithm.filter(|wanted| SENT.contains(wanted)) {
            return vec![wanted];
        }
        match (self.kind(), self.learnt().trust) {
            (Algorithm::Md5, _) | (_, Trust::OnlyMd5) => vec![Algorithm::Md5],
            (kind, Trust::Echoes) => vec![kind],
            (kind, Trust::Unknown) => vec![kind, Algorithm::Md5],
        }
    }

    /// The service has said that it does not know the newer kinds. False if it was known.
    pub(super) fn refuses_sums(&self) -> bool {
        let named = self.settings.checksum.is_some();
        let mut learnt = self.learnt();
        let new = learnt.trust == Trust::Unknown && !named;
        if new {
            learnt.trust = Trust::OnlyMd5;
        }
        new
    }

    /// What the answer to a write proves of the bytes with these checksums; and learns from it.
    ///
    /// # Errors
    /// `Integrity` if the service has other bytes.
    pub(super) fn proof(&self, answer: &HeaderMap, sent: &[Digest], path: &Path) -> Result<Option<Proof>> {
        for stored in told(answer) {
            let Some(ours) = sent.iter().find(|digest| digest.algorithm() == stored.algorithm()) else { continue };
            if *ours != stored {
                return Err(self.mismatch(path, ours, &stored));
            }
            self.learnt().trust = Trust::Echoes;
            return Ok(Some(Proof::Checksum(stored.algorithm())));
        }
        let Some(md5) = sent.iter().find(|digest| digest.algorithm() == Algorithm::Md5) else { return Ok(None) };
        self.refuses_sums();
        // A tag that is something else proves nothing, neither way.
        Ok((md5_of(answer).as_ref() == Some(md5)).then_some(Proof::Checksum(Algorithm::Md5)))
    }

    pub(super) fn mismatch(&self, path: &Path, sent: &Digest, stored: &Digest) -> Error {
        let (kind, sent, stored) = (sent.algorithm(), sent.hex(), stored.hex());
        let message = format!("checksum mismatch ({kind} {sent} sent, {stored} stored)");
        Error::new(ErrorKind::Integrity, message).at(self.url(path)).during(Operation::Put)
    }

    /// The checksum that the service keeps.
    pub(super) async fn digest(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>> {
        self.acquaint(call, path).await?;
        let answer = self.head(call, path, Operation::Digest).await?;
        if answer.status == StatusCode::NOT_FOUND {
            answer.body.discard().await;
            self.look_for_file(call, path, Operation::Digest).await?;
            return Err(self.error(ErrorKind::NotFound, path, Operation::Digest));
        }
        if !answer.status.is_success() {
            return Err(self.refused(answer, path, Operation::Digest).await);
        }
        let known: Vec<Digest> = told(&answer.headers).into_iter().chain(md5_of(&answer.headers)).collect();
        let first = |kind: &Algorithm| known.iter().find(|digest| digest.algorithm() == *kind).cloned();
        Ok(if wanted.is_empty() { known.first().cloned() } else { wanted.iter().find_map(first) })
    }

    /// Asks for the headers of an object, with its checksums.
    pub(super) async fn head(&self, call: &Call, path: &Path, operation: Operation) -> Result<Answer> {
        self.ask(call, &with_sums(Ask::new(Method::HEAD, About::Object(path), operation))).await
    }
}

/// Asks for the checksums of an object as well.
pub(super) fn with_sums(ask: Ask<'_>) -> Ask<'_> {
    ask.header(MODE, HeaderValue::from_static("ENABLED"))
}

/// Puts checksums into a request.
pub(super) fn carrying<'a>(ask: Ask<'a>, digests: &[Digest]) -> Ask<'a> {
    digests.iter().fold(ask, |ask, digest| match (header_of(digest.algorithm()), digest.base64().parse()) {
        (Some(name), Ok(value)) => ask.header(name, value),
        _ => ask,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_checksum_of_parts_is_none_of_the_file() {
        let whole = headers(&[("x-amz-checksum-crc64nvme", "rosUhgp5mIg=")]);
        assert_eq!(told(&whole)[0].hex(), "ae8b14860a799888");
        assert_eq!(told(&headers(&[("x-amz-checksum-crc64nvme", "rosUhgp5mIg=-3")])), []);
        let composite = [("x-amz-checksum-crc64nvme", "rosUhgp5mIg="), ("x-amz-checksum-type", "COMPOSITE")];
        assert_eq!(told(&headers(&composite)), []);
    }

    #[test]
    fn a_tag_is_an_md5_only_if_it_can_be_one() {
        let tag = ("etag", "\"25f9e794323b453885f5181f1b624d0b\"");
        let key = "x-amz-server-side-encryption";
        assert!(md5_of(&headers(&[tag])).is_some());
        assert!(md5_of(&headers(&[tag, (key, "AES256")])).is_some());
        assert!(md5_of(&headers(&[tag, (key, "aws:kms")])).is_none());
        assert!(md5_of(&headers(&[("etag", "\"25f9e794323b453885f5181f1b624d0b-2\"")])).is_none());
    }
}
