//! Reading: one request, compared with the version that is wanted, and exactly as long as announced.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::HeaderName;
use law_storage::{
    ByteRange, Call, Error, ErrorKind, Operation, Path, ReadOptions, Reading, Result, Validator, exactly, ready,
};
use serde_json::json;

use super::Account;
use super::answers::Entry;
use super::asking::Asked;
use crate::http::Answer;
use crate::http::part::{bounded, content, range_header};

const RESULT: HeaderName = HeaderName::from_static("dropbox-api-result");

/// Parts of a file that are fetched at once.
const AT_ONCE: usize = 4;

impl Account {
    pub(super) async fn read(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        let pinned = options.validator.as_ref();
        let known = pinned.and_then(Validator::size);
        let range = options.range.map(|range| known.map_or(range, |size| range.clamp(size)));
        if path.is_root() {
            return Err(self.error(ErrorKind::IsADirectory, path, Operation::Read));
        }
        if range.is_some_and(ByteRange::is_empty) {
            return self.read_nothing(call, path, options).await;
        }
        let part = range.filter(|range| known != Some(range.length));
        let asked = Asked {
            endpoint: "files/download",
            argument: json!({"path": self.name(path)?}),
            path,
            operation: Operation::Read,
        };
        let header = part.map(|part| range_header(&[part])).transpose()?;
        match self.download(call, &asked, header).await {
            Ok(answer) => self.reading(call, path, answer, range, pinned),
            Err(refused) if refused.is_behind_the_end() => self.read_nothing(call, path, options).await,
            Err(refused) => Err(refused.error(self, path, Operation::Read)),
        }
    }

    /// A part behind the end.
    async fn read_nothing(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        let found = self.look_for_file(call, path, Operation::Read).await?;
        let (size, validator) = (found.size.unwrap_or_default(), found.validator());
        self.same_version(path, options.validator.as_ref(), &validator)?;
        let range = options.range.unwrap_or(ByteRange::whole(size)).clamp(size);
        if !range.is_empty() {
            return Err(self.error(ErrorKind::Changed, path, Operation::Read));
        }
        Ok(Reading { size, range, validator, digests: Vec::new(), stream: ready(Bytes::new()) })
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
            let error = Error::new(ErrorKind::Malformed, "content of which nothing is said");
            error.at(self.url(path)).during(Operation::Read)
        };
        let told = answer.text(RESULT).ok_or_else(malformed)?;
        let entry: Entry = serde_json::from_str(&told).map_err(|error| malformed().because(error))?;
        let size = entry.size.ok_or_else(malformed)?;
        let validator = entry.validator();
        self.same_version(path, pinned, &validator)?;
        let range = wanted.unwrap_or(ByteRange::whole(size)).clamp(size);
        let stream = content(answer, &self.url(path), range, size)?;
        let stream = bounded(call, self.url(path), exactly(range, stream));
        // What is told with a part of a file is told of the file.
        Ok(Reading { size, range, validator, digests: entry.digest().into_iter().collect(), stream })
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
            None => self.look_for_file(call, path, Operation::Read).await?.validator(),
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
