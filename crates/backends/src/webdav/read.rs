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
use super::status::refused;
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
        let stream = match self.content(path, answer, range, size) {
            Ok(stream) => stream,
            Err(error) => return Err(self.changed_or(call, path, &validator, error).await),
        };
        let stream = self.bounded(call, path, exactly(range, stream));
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

    /// The bytes of `range` out of an answer that has them, or has everything.
    fn content(&self, path: &Path, answer: Answer, range: ByteRange, size: u64) -> Result<ByteStream> {
        let length: Option<u64> = answer.text(header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
        let html = answer.text(header::CONTENT_TYPE).is_some_and(|text| text.contains("text/html"));
        if answer.status == StatusCode::PARTIAL_CONTENT {
            let told = answer.text(header::CONTENT_RANGE).and_then(|text| content_range(&text));
            self.check_part(path, told, range, size)?;
            self.check_length(path, length, range.length, html)?;
            return Ok(answer.body.into_stream());
        }
        self.check_length(path, length, size, html)?;
        Ok(cut(answer.body.into_stream(), range, size))
    }

    fn check_part(&self, path: &Path, told: Option<ContentRange>, range: ByteRange, size: u64) -> Result<()> {
        let Some(told) = told else {
            return Err(self.odd(path, "a part of the file, but not which", ErrorKind::Malformed));
        };
        if told.size.is_some_and(|told| told != size) {
            return Err(self.error(ErrorKind::Changed, path, Operation::Read));
        }
        if told.range != range {
            return Err(self.odd(path, "another part than the one that was asked for", ErrorKind::Integrity));
        }
        Ok(())
    }

    fn check_length(&self, path: &Path, told: Option<u64>, expected: u64, html: bool) -> Result<()> {
        match told {
            Some(told) if told != expected => {
                let page = if html { ", as an HTML page" } else { "" };
                let what = format!("{told} bytes instead of {expected}{page}");
                Err(self.odd(path, &what, ErrorKind::Integrity).with_status(law_storage::Status::Temporary))
            }
            _ => Ok(()),
        }
    }

    fn odd(&self, path: &Path, what: &str, kind: ErrorKind) -> Error {
        Error::new(kind, format!("the server sent {what}")).at(self.url(path)).during(Operation::Read)
    }

    /// The stream under the deadline and the cancellation of the call.
    fn bounded(&self, call: &Call, path: &Path, stream: ByteStream) -> ByteStream {
        let state = (stream, call.clone(), self.url(path));
        stream::unfold(state, |(mut stream, call, url)| async move {
            let item = call.bound(async { stream.next().await.transpose() }).await.transpose()?;
            Some((item.map_err(|e: Error| e.at(&url).during(Operation::Read)), (stream, call, url)))
        })
        .boxed()
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

/// `bytes=0-4,10-14`
pub(super) fn range_header(ranges: &[ByteRange]) -> Result<HeaderValue> {
    let parts: Vec<String> = ranges.iter().map(|r| format!("{}-{}", r.offset, r.end() - 1)).collect();
    HeaderValue::try_from(format!("bytes={}", parts.join(",")))
        .map_err(|e| Error::new(ErrorKind::Internal, "a range that is no header").because(e))
}

/// What a `Content-Range` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContentRange {
    pub(super) range: ByteRange,
    pub(super) size: Option<u64>,
}

/// `bytes 0-4/100`, `bytes 0-4/*` (RFC 9110 section 14.4); none for `bytes 6--1/5` and other nonsense.
pub(super) fn content_range(text: &str) -> Option<ContentRange> {
    let (range, size) = text.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let length = last.checked_sub(first)?.checked_add(1)?;
    let size = match size.trim() {
        "*" => None,
        size => Some(size.parse().ok()?),
    };
    Some(ContentRange { range: ByteRange::new(first, length), size })
}

/// The bytes of `range` out of a stream of the whole file, which has `size` bytes; the stream is dropped once they are here.
fn cut(whole: ByteStream, range: ByteRange, size: u64) -> ByteStream {
    let state = (whole, 0u64);
    stream::try_unfold(state, move |(mut whole, mut at)| async move {
        while at < range.end() {
            let Some(chunk) = whole.next().await.transpose()? else { return Ok(None) };
            let begin = at;
            at += chunk.len() as u64;
            let from = range.offset.saturating_sub(begin).min(chunk.len() as u64) as usize;
            let to = (range.end() - begin).min(chunk.len() as u64) as usize;
            if from < to {
                return Ok(Some((chunk.slice(from..to), (whole, at))));
            }
        }
        // What follows a part is dropped with its connection, however much it is. Nothing follows the end.
        if range.end() < size {
            return Ok(None);
        }
        match whole.next().await.transpose()? {
            None => Ok(None),
            Some(_) => Err(Error::new(ErrorKind::Integrity, "more bytes than the file has")),
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::TryStreamExt as _;

    #[test]
    fn content_ranges() {
        let range = |first, length, size| Some(ContentRange { range: ByteRange::new(first, length), size });
        assert_eq!(content_range("bytes 0-4/100"), range(0, 5, Some(100)));
        assert_eq!(content_range(" bytes 5-5/*"), range(5, 1, None));
        for bad in
            ["", "bytes", "bytes 6--1/5", "bytes 5-4/9", "bytes */100", "bytes 0-18446744073709551615/1", "0-4/5"]
        {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }

    #[test]
    fn ranges_are_closed() {
        let header = range_header(&[ByteRange::new(0, 5), ByteRange::new(10, 1)]).unwrap();
        assert_eq!(header, "bytes=0-4,10-10");
    }

    async fn cut_of(chunks: &'static [&'static str], range: ByteRange, size: u64) -> Result<String> {
        let whole = stream::iter(chunks.iter().map(|c| Ok(Bytes::from_static(c.as_bytes())))).boxed();
        let parts: Vec<Bytes> = cut(whole, range, size).try_collect().await?;
        Ok(parts.iter().map(|p| String::from_utf8_lossy(p).into_owned()).collect())
    }

    #[tokio::test]
    async fn a_part_is_cut_out_of_everything() {
        assert_eq!(cut_of(&["0123", "4567", "89"], ByteRange::new(2, 5), 10).await.unwrap(), "23456");
        assert_eq!(cut_of(&["0123", "4567", "89"], ByteRange::new(4, 4), 10).await.unwrap(), "4567");
        assert_eq!(cut_of(&["0123"], ByteRange::new(0, 4), 4).await.unwrap(), "0123");
        assert_eq!(cut_of(&["0123", "4567"], ByteRange::new(0, 3), 8).await.unwrap(), "012");
        assert_eq!(cut_of(&["0123", "4567"], ByteRange::new(0, 4), 8).await.unwrap(), "0123");
        assert!(cut_of(&["0123", "4"], ByteRange::new(0, 4), 4).await.is_err());
        assert!(cut_of(&["0123", "4"], ByteRange::new(2, 2), 4).await.is_err());
    }
}
