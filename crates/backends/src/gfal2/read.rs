//! Reading: a file is opened once, and its chunks are asked for as they are taken.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, future, stream};
use law_storage::{
    ByteRange, ByteStream, Call, Metadata, Operation, Path, ReadOptions, Reading, Result, Validator, exactly, ready,
};

use super::Endpoint;
use super::asking::Asked;
use super::held::Held;
use super::library::{Failure, OpenFile};

/// How much is asked for at once: one question and its answer for each.
const CHUNK: u64 = 4 << 20;

impl Endpoint {
    pub(super) async fn read(self: &Arc<Self>, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        let found = self.look_for_file(call, path, Operation::Read).await?;
        self.same_version(path, options.validator.as_ref(), &found)?;
        let size = found.size.unwrap_or_default();
        let range = options.range.unwrap_or(ByteRange::whole(size)).clamp(size);
        let validator = found.identity();
        let stream = if range.is_empty() {
            ready(Bytes::new())
        } else {
            let file = self.open_to_read(call, path, size).await?;
            let reader = Reader {
                endpoint: self.clone(),
                call: call.clone(),
                path: path.clone(),
                file: Some(file),
                position: if self.rules.fragile { 0 } else { range.offset },
                range,
                in_sequence: self.rules.fragile || range == ByteRange::whole(size),
                seen: options.validator.is_none().then_some(found),
            };
            reader.stream(range)
        };
        Ok(Reading { size, range, validator, digests: Vec::new(), stream })
    }

    async fn open_to_read(self: &Arc<Self>, call: &Call, path: &Path, size: u64) -> Result<Held<OpenFile>> {
        let (asked, in_turn) = (Asked { path, operation: Operation::Read }, self.rules.fragile);
        let file = self
            .open(call, asked, None, move |context, address| OpenFile::read_from(context, &address.url, in_turn))
            .await?;
        if !self.rules.opens_old {
            return Ok(file);
        }
        let (file, opened) = file.ask(call, asked, OpenFile::size).await?;
        if u64::try_from(opened) == Ok(size) { Ok(file) } else { Err(self.changed(path)) }
    }

    /// An error if the file is not what it was.
    async fn look_again(self: &Arc<Self>, call: &Call, path: &Path, seen: &Metadata) -> Result<()> {
        match self.look(call, path, Operation::Read).await? {
            Some(now) => self.same_version(path, Some(&seen.identity()), &now),
            None => Err(self.changed(path)),
        }
    }

    pub(super) async fn read_ranges(
        self: &Arc<Self>,
        call: &Call,
        path: &Path,
        ranges: &[ByteRange],
        validator: Option<&Validator>,
    ) -> Result<Vec<Bytes>> {
        let found = self.look_for_file(call, path, Operation::Read).await?;
        self.same_version(path, validator, &found)?;
        if self.rules.fragile {
            return self.read_streams(call, path, ranges, &found).await;
        }
        let size = found.size.unwrap_or_default();
        let asked = Asked { path, operation: Operation::Read };
        let mut file = self.open_to_read(call, path, size).await?;
        let mut parts = Vec::with_capacity(ranges.len());
        for range in ranges {
            let range = range.clamp(size);
            let (same, part) = file.ask(call, asked, move |file| part(file, range)).await?;
            if part.len() as u64 != range.length {
                return Err(self.changed(path));
            }
            parts.push(part.into());
            file = same;
        }
        file.close(call, asked).await?;
        if validator.is_none() {
            self.look_again(call, path, &found).await?;
        }
        Ok(parts)
    }

    /// Parts, each read from the beginning of the file on.
    async fn read_streams(
        self: &Arc<Self>,
        call: &Call,
        path: &Path,
        ranges: &[ByteRange],
        found: &Metadata,
    ) -> Result<Vec<Bytes>> {
        let mut parts = Vec::with_capacity(ranges.len());
        for range in ranges {
            let options = ReadOptions::part(*range).pinned(found.identity());
            parts.push(self.read(call, path, &options).await?.collect(u64::MAX).await?);
        }
        self.look_again(call, path, found).await?;
        Ok(parts)
    }

    pub(super) async fn read_into(
        self: &Arc<Self>,
        call: &Call,
        path: &Path,
        offset: u64,
        buffer: &mut [u8],
        validator: Option<&Validator>,
    ) -> Result<usize> {
        let range = [ByteRange::new(offset, buffer.len() as u64)];
        let bytes = self.read_ranges(call, path, &range, validator).await?.remove(0);
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

/// A part of a file, or what there is of it.
fn part(file: &mut OpenFile, range: ByteRange) -> Result<Vec<u8>, Failure> {
    let mut part = Vec::new();
    while (part.len() as u64) < range.length {
        let left = range.after(part.len() as u64);
        let chunk = file.read_at(left.length.min(CHUNK) as usize, i64::try_from(left.offset).unwrap_or(i64::MAX))?;
        if chunk.is_empty() {
            break;
        }
        part.extend_from_slice(&chunk);
    }
    Ok(part)
}

/// A read under way.
struct Reader {
    endpoint: Arc<Endpoint>,
    call: Call,
    path: Path,
    file: Option<Held<OpenFile>>,
    /// What is given out.
    range: ByteRange,
    /// What is read next: GridFTP is read from the beginning of the file, whatever is wanted of it.
    position: u64,
    in_sequence: bool,
    /// What is compared at the end, where nobody else does.
    seen: Option<Metadata>,
}

impl Reader {
    fn stream(self, range: ByteRange) -> ByteStream {
        let chunks =
            stream::try_unfold(self, |mut reader| async move { Ok(reader.next().await?.map(|chunk| (chunk, reader))) });
        exactly(range, chunks.try_filter(|chunk| future::ready(!chunk.is_empty())).boxed())
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        let asked = Asked { path: &self.path, operation: Operation::Read };
        let Some(file) = self.file.take() else { return Ok(None) };
        if self.position >= self.range.end() {
            file.close(&self.call, asked).await?;
            return self.end().await;
        }
        let (most, offset, in_sequence) =
            ((self.range.end() - self.position).min(CHUNK) as usize, self.position, self.in_sequence);
        let read = file.ask(&self.call, asked, move |file| match in_sequence {
            true => file.read(most),
            false => file.read_at(most, i64::try_from(offset).unwrap_or(i64::MAX)),
        });
        let (file, chunk) = read.await?;
        if chunk.is_empty() {
            // Too short: either another file by now, or broken off.
            drop(file);
            return self.end().await;
        }
        self.position += chunk.len() as u64;
        self.file = Some(file);
        Ok(Some(self.wanted(offset, chunk.into())))
    }

    /// What of a chunk is given out: possibly nothing.
    fn wanted(&self, offset: u64, chunk: Bytes) -> Bytes {
        let length = chunk.len() as u64;
        let from = self.range.offset.saturating_sub(offset).min(length);
        let to = self.range.end().saturating_sub(offset).clamp(from, length);
        chunk.slice(from as usize..to as usize)
    }

    async fn end(&self) -> Result<Option<Bytes>> {
        match &self.seen {
            Some(seen) => self.endpoint.look_again(&self.call, &self.path, seen).await.map(|()| None),
            None => Ok(None),
        }
    }
}
