//! Writing: a small file in one request, which names its checksum; a large one in parts.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use law_storage::{
    Algorithm, Call, Computed, Digest, Error, ErrorKind, Existing, Operation, Outcome, Overwrite, Path, Proof, Publish,
    PutOptions, Receipt, Result, Source, SpooledSource, Taken, Validator, Verify,
};
use sha2::{Digest as _, Sha256};

use super::Bucket;
use super::answers::quoted;
use super::asking::{About, Ask, hex, needs_signature};
use super::parts::{WHOLE, by_parts};
use super::status::Refused;
use super::sums::carrying;
use crate::http::{Answer, Upload};
use crate::pieces::{Chunks, Pieces};

/// Looks, spools what has no size, and writes.
pub(super) async fn put(
    bucket: &Arc<Bucket>,
    call: &Call,
    path: &Path,
    source: &dyn Source,
    options: &PutOptions,
) -> Result<Receipt> {
    if options.verify == Verify::Require && !bucket.settings.send_checksums {
        return Err(bucket.no_checksum(path).leaving("nothing was written"));
    }
    let replaces = bucket.prepare(call, path, options).await?;
    let spooled = match source.size() {
        Some(_) => None,
        None => Some(SpooledSource::spool(source.open(call, 0).await?).await?),
    };
    let bytes = spooled.as_ref().map_or(source, |spooled| spooled.source());
    let size = bytes.size().unwrap_or_default();
    let job = Job { bucket, call, path, source, bytes, size, options, replaces };
    let put = if size > WHOLE { by_parts(&job).await } else { job.at_once().await };
    put.map_err(|error| error.or_leaving("nothing was published"))
}

impl Bucket {
    fn no_checksum(&self, path: &Path) -> Error {
        Error::new(ErrorKind::Unsupported, "the service gives no checksum to compare with")
            .at(self.url(path))
            .during(Operation::Put)
            .hint("--verify auto is content with the size")
    }

    /// Whether the write replaces a file.
    async fn prepare(&self, call: &Call, path: &Path, options: &PutOptions) -> Result<bool> {
        if path.is_root() {
            return Err(self.error(ErrorKind::IsADirectory, path, Operation::Put));
        }
        self.acquaint(call, path).await?;
        if options.seen_missing && options.existing == Existing::Replace {
            return Ok(false);
        }
        let Some(found) = self.look(call, path, Operation::Put).await? else {
            if let Existing::ReplaceOnly(_) = options.existing {
                return Err(self.error(ErrorKind::Changed, path, Operation::Put).leaving("nothing was written"));
            }
            self.check_parent(call, path, options.parents, Operation::Put).await?;
            return Ok(false);
        };
        let refuse = |kind| Err(self.error(kind, path, Operation::Put));
        match &options.existing {
            _ if found.is_directory() => refuse(ErrorKind::IsADirectory),
            Existing::Replace => Ok(true),
            Existing::Refuse => refuse(ErrorKind::AlreadyExists),
            Existing::ReplaceOnly(wanted) if wanted.is_version(&found.identity()) => Ok(true),
            Existing::ReplaceOnly(_) => refuse(ErrorKind::Changed),
        }
    }
}

/// One write.
pub(super) struct Job<'a> {
    pub(super) bucket: &'a Arc<Bucket>,
    pub(super) call: &'a Call,
    pub(super) path: &'a Path,
    /// Who proves the bytes.
    pub(super) source: &'a dyn Source,
    /// Where they are read: the source, or its spool.
    pub(super) bytes: &'a dyn Source,
    pub(super) size: u64,
    pub(super) options: &'a PutOptions,
    replaces: bool,
}

impl Job<'_> {
    async fn at_once(&self) -> Result<Receipt> {
        let sums = self.bucket.sums(self.options);
        let whole = self.source.wanted().into_iter().chain(sums.iter().copied()).chain(self.algorithm());
        let mut pieces = Pieces::of((self.bytes, self.size), self.call, whole, &self.bucket.memory).await?;
        let piece = pieces.next(self.call, self.size, &sums).await?;
        let piece = piece.ok_or_else(|| Error::new(ErrorKind::Internal, "a source without a first piece"))?;
        let taken = pieces.taken();
        // Whoever proves itself may need a place that somebody holds who waits for memory.
        drop((piece.place, pieces));
        let source_proof = self.source.prove(self.call, &taken).await?;
        let unpublished = |error: Error| match error.outcome().is_unknown() {
            true => error
                .with_outcome(Outcome::UnknownAfter(Box::new(self.receipt(
                    &taken,
                    source_proof.clone(),
                    Proof::None,
                    None,
                ))))
                .leaving(Outcome::UNSURE),
            false => error,
        };
        let body = Chunks(piece.chunks);
        let answer = self.send(&body, piece.digests.clone()).await.map_err(unpublished)?;
        let proof = self.proven(&answer.headers, &piece.digests, tag(&answer.headers).as_deref()).await;
        let headers = answer.headers.clone();
        answer.body.discard().await;
        match proof {
            Ok(proof) => Ok(self.receipt(&taken, source_proof, proof, tag(&headers))),
            Err(error) => Err(self.remove_wrong(error).await),
        }
    }

    /// The checksum that is asked for, beside those that travel along.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        self.options.algorithm.filter(|_| !matches!(self.options.verify, Verify::None | Verify::Size))
    }

    /// Sends the whole file, with its checksums; without the newer kinds, where the service does not take them.
    async fn send(&self, body: &Chunks, mut digests: Vec<Digest>) -> Result<Answer> {
        loop {
            let upload = Upload::new(body, self.size, Vec::new());
            let ask = Ask::new(Method::PUT, About::Object(self.path), Operation::Put)
                .header(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))
                .upload(&upload, self.signature(body)?);
            let answer = self.bucket.ask(self.call, &self.on_condition(carrying(ask, &digests))?).await?;
            if answer.status.is_success() && !answer.is_page() {
                return Ok(answer);
            }
            if answer.status == StatusCode::PRECONDITION_FAILED {
                answer.body.discard().await;
                return Err(self.bucket.error(self.somebody_was_faster(), self.path, Operation::Put));
            }
            if answer.status == StatusCode::NOT_FOUND && matches!(self.options.existing, Existing::ReplaceOnly(_)) {
                answer.body.discard().await;
                return Err(self.bucket.error(ErrorKind::Changed, self.path, Operation::Put));
            }
            if !matches!(answer.status.as_u16(), 400 | 405 | 501) {
                return Err(self.bucket.refused(answer, self.path, Operation::Put).await);
            }
            let refused = Refused::read(answer).await;
            let newer = digests.iter().any(|digest| digest.algorithm() != Algorithm::Md5);
            if !(newer && refused.is_about_checksums() && self.bucket.refuses_sums()) {
                return Err(refused.error(self.bucket, self.path, Operation::Put));
            }
            digests.retain(|digest| digest.algorithm() == Algorithm::Md5);
        }
    }

    /// The checksum of a body that must be signed.
    pub(super) fn signature(&self, body: &Chunks) -> Result<Option<String>> {
        if !needs_signature(&*self.bucket.site()?) {
            return Ok(None);
        }
        let mut hasher = Sha256::new();
        body.0.iter().for_each(|chunk| hasher.update(chunk));
        Ok(Some(hex(&hasher.finalize())))
    }

    /// Lets the service itself refuse to replace what must not be replaced.
    pub(super) fn on_condition<'a>(&self, ask: Ask<'a>) -> Result<Ask<'a>> {
        match &self.options.existing {
            Existing::Replace => Ok(ask),
            Existing::Refuse => Ok(ask.header(header::IF_NONE_MATCH, HeaderValue::from_static("*"))),
            Existing::ReplaceOnly(version) => match version.entity_tag() {
                Some(tag) => ask.text(header::IF_MATCH, tag),
                None => Ok(ask),
            },
        }
    }

    pub(super) fn somebody_was_faster(&self) -> ErrorKind {
        match self.options.existing {
            Existing::ReplaceOnly(_) => ErrorKind::Changed,
            _ => ErrorKind::AlreadyExists,
        }
    }

    /// How well the service has shown that it has these bytes.
    async fn proven(&self, answer: &HeaderMap, sent: &[Digest], tag: Option<&str>) -> Result<Proof> {
        match self.bucket.proof(answer, sent, self.path)? {
            Some(proof) => Ok(proof),
            None => self.look_again(sent, tag).await,
        }
    }

    /// Looks at what is there now, where the answer has proven nothing. `wanted` is the tag of what was published.
    pub(super) async fn look_again(&self, sent: &[Digest], wanted: Option<&str>) -> Result<Proof> {
        if self.options.verify == Verify::None {
            return Ok(Proof::None);
        }
        let answer = self.bucket.head(self.call, self.path, Operation::Put).await?;
        if !answer.status.is_success() {
            return Err(self.bucket.refused(answer, self.path, Operation::Put).await);
        }
        if let (Some(wanted), Some(now)) = (wanted, tag(&answer.headers))
            && wanted != now
        {
            // Somebody has replaced it already, which is no fault of it.
            return Ok(Proof::None);
        }
        let size: Option<u64> = answer.text(header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
        if size != Some(self.size) {
            let stored = size.map_or("an unknown number".into(), |size| size.to_string());
            let message = format!("size mismatch ({} bytes sent, {stored} stored)", self.size);
            return Err(Error::new(ErrorKind::Integrity, message)
                .at(self.bucket.url(self.path))
                .during(Operation::Put));
        }
        match self.bucket.proof(&answer.headers, sent, self.path)? {
            Some(proof) => Ok(proof),
            None if self.options.verify == Verify::Require => Err(self.bucket.no_checksum(self.path)),
            None => Ok(Proof::Size),
        }
    }

    /// What was replaced is gone already; what is there now may be another writer's, so that only a file that had no
    /// predecessor is removed.
    pub(super) async fn remove_wrong(&self, error: Error) -> Error {
        if error.kind() != ErrorKind::Integrity {
            return error.leaving("it was published, and could not be compared");
        }
        if self.replaces || self.options.seen_missing {
            return error.leaving("what has this name now is not what was sent; another writer may have replaced it");
        }
        match self.bucket.delete(self.call, About::Object(self.path), self.path).await {
            Ok(()) => error.leaving("the wrong file was removed"),
            Err(_) => error.leaving("the wrong file has this name now"),
        }
    }

    pub(super) fn receipt(&self, taken: &Taken, source_proof: Proof, proof: Proof, tag: Option<String>) -> Receipt {
        let stored = match proof {
            Proof::Checksum(kind) => taken.digests.iter().find(|digest| digest.algorithm() == kind).cloned(),
            _ => None,
        };
        let here = taken.digests.iter().cloned().map(|digest| (digest, Computed::Here));
        Receipt {
            size: taken.size,
            digests: here.chain(stored.map(|digest| (digest, Computed::Storage))).collect(),
            validator: tag.map(|tag| Validator::etag(tag).with_size(Some(taken.size))),
            proof,
            source_proof,
            publish: Publish::Direct,
            overwrite: self.replaces.then_some(Overwrite::Atomic),
            door: self.bucket.url(&Path::root()).trim_end_matches('/').to_owned(),
            attempts: Vec::new(),
        }
    }
}

fn tag(headers: &HeaderMap) -> Option<String> {
    headers.get(header::ETAG)?.to_str().ok().map(quoted).filter(|tag| !tag.is_empty())
}
