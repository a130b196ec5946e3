//! Reading: one request, pinned to a version, and exactly as long as announced.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderValue, Method, StatusCode, header};
use law_storage::{
    ByteRange, Call, Error, ErrorKind, Operation, Path, ReadOptions, Reading, Result, Status, Validator, exactly, ready,
};

use super::Bucket;
use super::asking::{About, Ask};
use super::look::described;
use super::sums::{md5_of, told, with_sums};
use crate::http::Answer;
use crate::http::part::{bounded, content, content_range, range_header};

/// Parts of a file that are fetched at once.
const AT_ONCE: usize = 8;

impl Bucket {
    pub(super) async fn read(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        self.acquaint(call, path).await?;
        let pinned = options.validator.as_ref();
        if path.is_root() {
            return Err(self.error(ErrorKind::IsADirectory, path, Operation::Read));
        }
        // Of a version whose size is known it may be clear that there is nothing to fetch.
        let known = pinned.and_then(Validator::size);
        let range = options.range.map(|range| known.map_or(range, |size| range.clamp(size)));
        let empty = range.map_or(known == Some(0), ByteRange::is_empty);
        if let (true, Some(size), Some(validator)) = (empty, known, pinned) {
            return Ok(nothing(size, options.range, validator.clone()));
        }
        if empty && range.is_some() {
            return self.read_nothing(call, path, options).await;
        }
        let answer = self.get(call, path, range.filter(|range| known != Some(range.length)), pinned).await?;
        match answer {
            Some(answer) => self.reading(call, path, answer, range, pinned),
            None => self.read_nothing(call, path, options).await,
        }
    }

    /// A part behind the end.
    async fn read_nothing(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        let found = self.look_for_file(call, path, Operation::Read).await?;
        let (size, validator) = (found.size.unwrap_or_default(), found.identity());
        self.same_version(path, options.validator.as_ref(), &validator)?;
        match options.range.map(|range| range.clamp(size)) {
            Some(range) if !range.is_empty() => {
                // It grew since it was asked for.
                Err(self.error(ErrorKind::Changed, path, Operation::Read).with_status(Status::Temporary))
            }
            _ => Ok(nothing(size, options.range, validator)),
        }
    }

    fn reading(
        &self,
        call: &Call,
        path: &Path,
        answer: Answer,
        wanted: Option<ByteRange>,
        pinned: Option<&Validator>,
    ) -> Result<Reading> {
        let malformed = || {
            let error = Error::new(ErrorKind::Malformed, "the service does not say how long the file is");
            error.at(self.url(path)).during(Operation::Read).with_status(Status::Temporary)
        };
        if answer.text(header::ETAG).is_none() {
            return Err(self.no_object(path, &answer, Operation::Read));
        }
        let size = size_of(&answer).ok_or_else(malformed)?;
        let validator = described(&answer, size).identity();
        self.same_version(path, pinned, &validator)?;
        let range = wanted.unwrap_or(ByteRange::whole(size)).clamp(size);
        // A checksum that comes with a part of a file may be the part's: it is never taken for the file's.
        let digests = match answer.status {
            StatusCode::OK => told(&answer.headers).into_iter().chain(md5_of(&answer.headers)).collect(),
            _ => Vec::new(),
        };
        let stream = content(answer, &self.url(path), range, size)?;
        let stream = bounded(call, self.url(path), exactly(range, stream));
        Ok(Reading { size, range, validator, digests, stream })
    }

    /// An answer with content; none if the part is behind the end.
    async fn get(
        &self,
        call: &Call,
        path: &Path,
        part: Option<ByteRange>,
        pinned: Option<&Validator>,
    ) -> Result<Option<Answer>> {
        let mut ask = Ask::new(Method::GET, About::Object(path), Operation::Read).streamed();
        ask = match part {
            Some(part) => ask.header(header::RANGE, range_header(&[part])?),
            None => with_sums(ask),
        };
        if let Some(tag) = pinned.and_then(Validator::entity_tag).and_then(|tag| HeaderValue::from_str(tag).ok()) {
            ask = ask.header(header::IF_MATCH, tag);
        }
        let answer = self.ask(call, &ask).await?;
        match answer.status {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(Some(answer)),
            StatusCode::RANGE_NOT_SATISFIABLE => {
                answer.body.discard().await;
                Ok(None)
            }
            StatusCode::PRECONDITION_FAILED => {
                answer.body.discard().await;
                Err(self.error(ErrorKind::Changed, path, Operation::Read))
            }
            StatusCode::NOT_FOUND => {
                let said = self.refused(answer, path, Operation::Read).await;
                // A directory and a missing bucket show only now.
                let directory = self.is_directory(call, path, Operation::Read).await?;
                Err(if directory { self.error(ErrorKind::IsADirectory, path, Operation::Read) } else { said })
            }
            _ => Err(self.refused(answer, path, Operation::Read).await),
        }
    }

    pub(super) async fn read_ranges(
        &self,
        call: &Call,
        path: &Path,
        ranges: &[ByteRange],
        validator: Option<&Validator>,
    ) -> Result<Vec<Bytes>> {
        // All of one version, also where nobody has said of which.
        let validator = match validator {
            Some(validator) => validator.clone(),
            None => self.look_for_file(call, path, Operation::Read).await?.identity(),
        };
        let options = |range: &ByteRange| ReadOptions::part(*range).pinned(validator.clone());
        let wanted: Vec<ReadOptions> = ranges.iter().map(options).collect();
        let fetch =
            |options: ReadOptions| async move { self.read(call, path, &options).await?.collect(u64::MAX).await };
        stream::iter(wanted).map(fetch).buffered(AT_ONCE).try_collect().await
    }

    pub(super) async fn read_into(
        &self,
        call: &Call,
        path: &Path,
        offset: u64,
        buffer: &mut [u8],
        validator: Option<&Validator>,
    ) -> Result<usize> {
        let range = Some(ByteRange::new(offset, buffer.len() as u64));
        let mut stream = self.read(call, path, &ReadOptions { range, validator: validator.cloned() }).await?.stream;
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

fn nothing(size: u64, range: Option<ByteRange>, validator: Validator) -> Reading {
    let range = range.unwrap_or(ByteRange::whole(size)).clamp(size);
    Reading { size, range, validator, digests: Vec::new(), stream: ready(Bytes::new()) }
}

/// The size of the whole file.
fn size_of(answer: &Answer) -> Option<u64> {
    match answer.status {
        StatusCode::PARTIAL_CONTENT => content_range(&answer.text(header::CONTENT_RANGE)?)?.size,
        _ => answer.text(header::CONTENT_LENGTH)?.parse().ok(),
    }
}
