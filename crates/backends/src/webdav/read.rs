//! Reading: closed ranges only, pinned to a version, and exactly as long as announced.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use law_storage::{
    ByteRange, ByteStream, Call, Error, ErrorKind, Operation, Path, ReadOptions, Reading, Result, Strength, Validator,
    exactly, ready,
};

use super::Endpoint;
use crate::http::part::{bounded, content, range_header};
use crate::http::status::refused;
use crate::http::{Answer, Request};

/// Asks XrdHttp to say in a trailer how the transfer ended.
const TRANSFER_STATUS: HeaderName = HeaderName::from_static("x-transfer-status");

/// How often a file that is replaced between the look and the read is looked at again.
const VERSIONS: usize = 10;

impl Endpoint {
    /// Who does not care about the version gets the next one, if it is replaced just now.
    pub(super) async fn read(self: &Arc<Self>, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        let mut reading = self.read_version(call, path, options).await;
        for _ in 1..VERSIONS {
            match reading {
                Err(error) if self.is_worth_another(call, path, options, &error).await => {}
                other => return other,
            }
            reading = self.read_version(call, path, options).await;
        }
        reading
    }

    /// Another version for who wants any, and a redirector that led to a server without the file.
    async fn is_worth_another(&self, call: &Call, path: &Path, options: &ReadOptions, error: &Error) -> bool {
        match error.kind() {
            ErrorKind::Changed => options.validator.is_none(),
            ErrorKind::NotFound if self.redirects() => {
                matches!(self.look(call, path, Operation::Read).await, Ok(Some(_)))
            }
            _ => false,
        }
    }

    async fn read_version(self: &Arc<Self>, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        let (size, validator) = self.version(call, path, options.validator.as_ref()).await?;
        let range = options.range.unwrap_or(ByteRange::whole(size)).clamp(size);
        if range.is_empty() {
            return Ok(Reading { size, range, validator, digests: Vec::new(), stream: ready(Bytes::new()) });
        }
        let part = (range.length < size).then_some(range);
        let answer = self.get(call, path, part, &validator).await?;
        let digests = answer.text("digest").map(|text| super::checksum::digests(&text)).unwrap_or_default();
        let stream = match content(answer, &self.url(path), range, size) {
            Ok(stream) => stream,
            Err(error) => return Err(self.changed_or(call, path, &validator, error).await),
        };
        let stream = bounded(call, self.url(path), exactly(range, stream));
        let stream = match options.validator {
            None if validator.strength() == Strength::Weak => self.still(call, path, &validator, stream),
            _ => stream,
        };
        // A checksum that comes with a part of a file may be the part's: it is never taken for the file's.
        let digests = if part.is_none() { digests } else { Vec::new() };
        Ok(Reading { size, range, validator, digests, stream })
    }

    /// Looks again at the end. Who pins a version does this for all its parts at once.
    fn still(self: &Arc<Self>, call: &Call, path: &Path, validator: &Validator, stream: ByteStream) -> ByteStream {
        let (endpoint, call, path, validator) = (self.clone(), call.clone(), path.clone(), validator.clone());
        let last = async move {
            let seen = endpoint.look_for_file(&call, &path, Operation::Read).await;
            match seen.and_then(|seen| endpoint.same_version(&path, Some(&validator), &seen.metadata.identity())) {
                Ok(()) => None,
                Err(error) => Some(Err(error)),
            }
        };
        stream.chain(stream::once(last).filter_map(std::future::ready)).boxed()
    }

    /// A wrong length may be that of another version: then it is no damage.
    async fn changed_or(&self, call: &Call, path: &Path, validator: &Validator, error: Error) -> Error {
        let now = self.look(call, path, Operation::Read).await;
        match now.ok().flatten().map(|seen| self.same_version(path, Some(validator), &seen.metadata.identity())) {
            Some(Err(changed)) => changed,
            _ => error,
        }
    }

    /// Size and version of what will be read: as given, or by looking.
    pub(super) async fn version(
        &self,
        call: &Call,
        path: &Path,
        pinned: Option<&Validator>,
    ) -> Result<(u64, Validator)> {
        if let Some((size, pinned)) = pinned.and_then(|pinned| Some((pinned.size()?, pinned))) {
            return Ok((size, pinned.clone()));
        }
        let metadata = self.look_for_file(call, path, Operation::Read).await?.metadata;
        let found = metadata.identity();
        self.same_version(path, pinned, &found)?;
        let size = metadata.size.ok_or_else(|| self.error(ErrorKind::Malformed, path, Operation::Read))?;
        Ok((size, found))
    }

    async fn get(&self, call: &Call, path: &Path, part: Option<ByteRange>, pinned: &Validator) -> Result<Answer> {
        let mut request = Request::new(Method::GET, self.address(path))
            .streamed()
            .header(header::TE, HeaderValue::from_static("trailers"))
            .header(TRANSFER_STATUS, HeaderValue::from_static("true"));
        if let Some(part) = part {
            request = request.header(header::RANGE, range_header(&[part])?);
        }
        if let Some(tag) = pinned.entity_tag().and_then(|tag| HeaderValue::from_str(tag).ok()) {
            request = request.header(header::IF_MATCH, tag);
        }
        let answer = self.send(call, request, Operation::Read).await?;
        match answer.status {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {}
            StatusCode::PRECONDITION_FAILED | StatusCode::RANGE_NOT_SATISFIABLE => {
                return Err(self.error(ErrorKind::Changed, path, Operation::Read));
            }
            _ => return Err(self.why_unreadable(call, path, answer).await),
        }
        let tag = answer.text(header::ETAG).map(Validator::etag).unwrap_or_default();
        self.same_version(path, Some(pinned), &tag)?;
        Ok(answer)
    }

    /// A pinned read does not look first, so that a directory or a missing file shows only now.
    async fn why_unreadable(&self, call: &Call, path: &Path, answer: Answer) -> Error {
        let said = refused(answer, Operation::Read).await;
        if matches!(said.kind(), ErrorKind::NotFound | ErrorKind::Unsupported)
            && let Err(error) = self.look_for_file(call, path, Operation::Read).await
        {
            return error;
        }
        said
    }

    pub(super) async fn read_into(
        self: &Arc<Self>,
        call: &Call,
        path: &Path,
        offset: u64,
        buffer: &mut [u8],
        validator: Option<&Validator>,
    ) -> Result<usize> {
        let range = Some(ByteRange::new(offset, buffer.len() as u64));
        let reading = self.read(call, path, &ReadOptions { range, validator: validator.cloned() }).await?;
        let mut stream = reading.stream;
        let mut filled = 0;
        while let Some(chunk) = stream.next().await {
            let chunk = chunk?;
            // The stream has exactly the clamped range, which is no longer than the buffer.
            buffer[filled..filled + chunk.len()].copy_from_slice(&chunk);
            filled += chunk.len();
        }
        Ok(filled)
    }
}
