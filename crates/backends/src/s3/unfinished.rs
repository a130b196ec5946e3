//! An upload in parts, which is thrown away unless it becomes an object.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use law_storage::{Algorithm, Call, Digest, Error, ErrorKind, Operation, Path, Result, cleanup};

use super::Bucket;
use super::answers::{Begun, Made, Refusal, quoted, read};
use super::asking::{About, Ask};
use super::status::Refused;
use super::sums::{header_of, word_of};

const ALGORITHM: HeaderName = HeaderName::from_static("x-amz-checksum-algorithm");
const TYPE: HeaderName = HeaderName::from_static("x-amz-checksum-type");

/// The longest answer about an upload.
const LONGEST: usize = 64 * 1024;

/// A part that has arrived.
pub(super) struct SentPart {
    pub(super) number: u32,
    pub(super) tag: String,
    pub(super) digests: Vec<Digest>,
}

/// An upload that has begun.
pub(super) struct Unfinished<'a> {
    bucket: &'a Bucket,
    guard: Arc<Guard>,
    operation: Operation,
}

struct Guard {
    /// Another client of the same bucket, which lives as long as the clean-up.
    bucket: super::S3,
    path: Path,
    id: String,
    open: AtomicBool,
}

impl<'a> Unfinished<'a> {
    /// Begins an upload whose parts have this checksum. None stays if the service does not know it.
    pub(super) async fn begin(
        bucket: &'a Arc<Bucket>,
        call: &Call,
        path: &Path,
        sum: Option<Algorithm>,
        operation: Operation,
    ) -> Result<Unfinished<'a>> {
        let mut ask = Ask::new(Method::POST, About::Object(path), operation)
            .query("uploads", "")
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        if let Some(sum) = sum {
            ask = ask.text(ALGORITHM, &word_of(sum))?.header(TYPE, HeaderValue::from_static("FULL_OBJECT"));
        }
        let answer = bucket.ask(call, &ask).await?;
        if !answer.status.is_success() {
            let refused = Refused::read(answer).await;
            if sum.is_some() && refused.is_about_checksums() && bucket.refuses_sums() {
                return Box::pin(Self::begin(bucket, call, path, None, operation)).await;
            }
            return Err(refused.error(bucket, path, operation));
        }
        let xml = call.bound(answer.body.collect(LONGEST)).await?;
        let begun: Begun = read(&xml).map_err(|error| error.at(bucket.url(path)).during(operation))?;
        Ok(Self::resumed(bucket, path, begun.upload_id, operation))
    }

    /// One that was begun before.
    pub(super) fn resumed(bucket: &'a Arc<Bucket>, path: &Path, id: String, operation: Operation) -> Self {
        let guard = Guard { bucket: super::S3(bucket.clone()), path: path.clone(), id, open: AtomicBool::new(true) };
        Self { bucket, guard: Arc::new(guard), operation }
    }

    pub(super) fn id(&self) -> String {
        self.guard.id.clone()
    }

    pub(super) fn path(&self) -> &Path {
        &self.guard.path
    }

    /// Makes the object of its parts. `whole` is the checksum of all of it; `condition` adds what must hold.
    pub(super) async fn complete(
        &self,
        call: &Call,
        parts: &[SentPart],
        whole: Option<&Digest>,
        condition: impl FnOnce(Ask<'_>) -> Result<Ask<'_>>,
    ) -> Result<(HeaderMap, Made)> {
        let path = &self.guard.path;
        let mut ask = Ask::new(Method::POST, About::Object(path), self.operation)
            .query("uploadId", self.id())
            .bytes(list_of(parts))
            .slow(std::time::Duration::from_secs(60));
        if let Some(whole) = whole
            && let Some(name) = header_of(whole.algorithm())
        {
            ask = ask.text(name, &whole.base64())?.header(TYPE, HeaderValue::from_static("FULL_OBJECT"));
        }
        let answer = self.bucket.ask(call, &condition(ask)?).await?;
        if answer.status == StatusCode::PRECONDITION_FAILED {
            answer.body.discard().await;
            return Err(self.bucket.error(ErrorKind::Changed, path, self.operation));
        }
        if !answer.status.is_success() || answer.is_page() {
            return Err(self.bucket.refused(answer, path, self.operation).await);
        }
        let headers = answer.headers.clone();
        let unknown = |error: Error| error.with_outcome(law_storage::Outcome::Unknown);
        let xml = call.bound(answer.body.collect(LONGEST)).await.map_err(unknown)?;
        if let Ok(Refusal { code, message }) = read(&xml) {
            return Err(Refused::later(&code, &message).error(self.bucket, path, self.operation));
        }
        let made = read::<Made>(&xml).map_err(|error| unknown(error.at(self.bucket.url(path)).during(self.operation)));
        Ok((headers, made?))
    }

    /// It has become an object, or goes on later.
    pub(super) fn finished(&self) {
        self.guard.open.store(false, Ordering::Relaxed);
    }

    /// Throws it away now, and tells in the error what is left.
    pub(super) async fn abandon(&self, error: Error) -> Error {
        let what = error.left_behind().unwrap_or("nothing was published").to_owned();
        let thrown = tokio::time::timeout(cleanup::LIMIT, self.guard.throw_away()).await;
        self.finished();
        match thrown {
            Ok(Ok(())) => error.leaving(what),
            _ => error.leaving(format!("{what}; parts that arrived may be left in the bucket, unseen")),
        }
    }
}

impl Guard {
    async fn throw_away(&self) -> Result<()> {
        throw_away(&self.bucket.0, &Call::new(), &self.path, &self.id).await
    }
}

/// Throws an upload away, with all its parts. One that is gone already is fine.
pub(super) async fn throw_away(bucket: &Bucket, call: &Call, path: &Path, id: &str) -> Result<()> {
    let ask = Ask::new(Method::DELETE, About::Object(path), Operation::Put).query("uploadId", id);
    let answer = bucket.ask(call, &ask).await?;
    if answer.status.is_success() || answer.status == StatusCode::NOT_FOUND {
        answer.body.discard().await;
        return Ok(());
    }
    Err(bucket.refused(answer, path, Operation::Put).await)
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if self.guard.open.swap(false, Ordering::Relaxed) {
            let guard = self.guard.clone();
            cleanup::start(async move { drop(guard.throw_away().await) });
        }
    }
}

/// The list of parts that an object is made of.
fn list_of(parts: &[SentPart]) -> String {
    let mut xml = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">".to_owned();
    for SentPart { number, tag, digests } in parts {
        let tag = quick_xml::escape::escape(tag.as_str());
        let _ = write!(xml, "<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag>");
        for digest in digests.iter().filter(|digest| digest.algorithm() != Algorithm::Md5) {
            let word = word_of(digest.algorithm());
            let _ = write!(xml, "<Checksum{word}>{}</Checksum{word}>", digest.base64());
        }
        xml.push_str("</Part>");
    }
    xml.push_str("</CompleteMultipartUpload>");
    xml
}

/// The tag of an object by what the service said of it.
pub(super) fn tag_of(headers: &HeaderMap, made: &Made) -> Option<String> {
    let header = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
    made.tag.as_deref().or(header).map(quoted).filter(|tag| !tag.is_empty())
}
