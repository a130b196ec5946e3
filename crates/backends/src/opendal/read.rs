//! Reading: one request, pinned to a version, and exactly as long as announced.

use ::opendal::options::ReaderOptions;
use ::opendal::{BufferStream, BytesRange};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use law_storage::{
    ByteRange, ByteStream, Call, ErrorKind, Operation, Path, ReadOptions, Reading, Result, Validator, exactly, ready,
};

use super::Store;
use super::status::Told;
use crate::http::part::bounded;

const READ: Operation = Operation::Read;

/// Parts of a file that are fetched at once.
const AT_ONCE: usize = 8;

/// How often a part of a file is looked for that is replaced again and again.
const TRIES: usize = 5;

impl Store {
    pub(super) async fn read(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        if path.is_root() {
            return Err(self.error(ErrorKind::IsADirectory, path, READ));
        }
        let Some(pinned) = &options.validator else { return self.read_newest(call, path, options.range).await };
        let (size, validator) = match pinned.size().filter(|_| pinned.entity_tag().is_some()) {
            Some(size) => (size, pinned.clone()),
            None => {
                let found = self.look_for_file(call, path, READ).await?;
                self.same_version(path, Some(pinned), &found.identity())?;
                (found.size.unwrap_or_default(), found.identity())
            }
        };
        self.read_version(call, path, options.range.unwrap_or(ByteRange::whole(size)), (size, validator)).await
    }

    /// Whatever version is there.
    async fn read_newest(&self, call: &Call, path: &Path, range: Option<ByteRange>) -> Result<Reading> {
        let Some(range) = range else { return self.read_whole(call, path).await };
        for _ in 1..TRIES {
            match self.read_seen(call, path, range).await {
                // Another one came between the look and the read.
                Err(error) if error.kind() == ErrorKind::Changed => {}
                other => return other,
            }
        }
        self.read_seen(call, path, range).await
    }

    async fn read_seen(&self, call: &Call, path: &Path, range: ByteRange) -> Result<Reading> {
        let found = self.look_for_file(call, path, READ).await?;
        self.read_version(call, path, range, (found.size.unwrap_or_default(), found.identity())).await
    }

    async fn read_whole(&self, call: &Call, path: &Path) -> Result<Reading> {
        let (told, stream) = self.opened(call, path, BytesRange::default(), None).await?;
        let found = self.file(path, &told, READ)?;
        let size = found.size.unwrap_or_default();
        let range = ByteRange::whole(size);
        let validator = found.identity();
        Ok(Reading { size, range, validator, digests: found.digests, stream: self.bytes(call, path, range, stream) })
    }

    async fn read_version(
        &self,
        call: &Call,
        path: &Path,
        range: ByteRange,
        (size, validator): (u64, Validator),
    ) -> Result<Reading> {
        let range = range.clamp(size);
        let whole = range == ByteRange::whole(size);
        if range.is_empty() && !whole {
            return Ok(Reading { size, range, validator, digests: Vec::new(), stream: ready(Bytes::new()) });
        }
        let wanted = if whole { BytesRange::default() } else { BytesRange::new(range.offset, Some(range.length)) };
        let (told, stream) = self.opened(call, path, wanted, Some(&validator)).await?;
        let found = self.file(path, &told, READ)?;
        self.same_version(path, Some(&validator), &found.identity())?;
        // A checksum that comes with a part of a file may be the part's: it is never taken for the file's.
        let digests = if whole { found.digests } else { Vec::new() };
        Ok(Reading { size, range, validator, digests, stream: self.bytes(call, path, range, stream) })
    }

    /// A read under way, of which the head is here.
    async fn opened(
        &self,
        call: &Call,
        path: &Path,
        range: BytesRange,
        pinned: Option<&Validator>,
    ) -> Result<(::opendal::Metadata, BufferStream)> {
        let (operator, key) = (self.operator()?, self.key(path)?);
        let tag = pinned.and_then(Validator::entity_tag);
        let opened = async {
            let reader = operator.reader_options(&key, self.only(tag)).await?;
            let mut stream = reader.into_stream(range).await?;
            Ok((stream.metadata().await?, stream))
        };
        match self.ask(call, (path, READ), opened).await? {
            Ok(opened) => Ok(opened),
            // A directory and a missing bucket show only now.
            Err(Told::NotFound) if self.is_directory(call, path, READ).await? => {
                Err(self.error(ErrorKind::IsADirectory, path, READ))
            }
            Err(Told::RangeNotSatisfied) => Err(self.error(ErrorKind::Changed, path, READ)),
            Err(told) => Err(self.failed(told, path, READ)),
        }
    }

    /// Lets the service itself refuse another version.
    fn only(&self, tag: Option<&str>) -> ReaderOptions {
        match tag {
            Some(tag) if self.can.write_with_if_version_match => {
                ReaderOptions { if_version_match: Some(tag.trim_matches('"').into()), ..ReaderOptions::default() }
            }
            tag => ReaderOptions { if_match: tag.map(Into::into), ..ReaderOptions::default() },
        }
    }

    fn bytes(&self, call: &Call, path: &Path, range: ByteRange, stream: BufferStream) -> ByteStream {
        let url = self.url(path);
        let at = url.clone();
        let chunks = stream.map_err(move |error| Told::of(error).error().at(&at).during(READ));
        let chunks = chunks.map_ok(|buffer| stream::iter(Iterator::map(buffer, Ok))).try_flatten();
        bounded(call, url, exactly(range, chunks))
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
            None => self.look_for_file(call, path, READ).await?.identity(),
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
