//! Reading: a file is opened once, and its chunks are asked for as they are taken.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use law_storage::{
    ByteRange, ByteStream, Call, Metadata, Operation, Path, ReadOptions, Reading, Result, Validator, exactly, ready,
};

use super::Endpoint;
use super::asking::{Asked, Held};
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
                left: range,
                // GridFTP makes a new transfer of every part, and goes on with the one of the whole file.
                in_sequence: range.offset == 0,
                seen: options.validator.is_none().then_some(found),
            };
            reader.stream(range)
        };
        Ok(Reading { size, range, validator, digests: Vec::new(), stream })
    }

    async fn open_to_read(self: &Arc<Self>, call: &Call, path: &Path, size: u64) -> Result<Held<OpenFile>> {
        let asked = Asked { path, operation: Operation::Read };
        let file = self.open(call, asked, None, |context, address| OpenFile::read_from(context, &address.url)).await?;
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
    left: ByteRange,
    in_sequence: bool,
    /// What is compared at the end, where nobody else does.
    seen: Option<Metadata>,
}

impl Reader {
    fn stream(self, range: ByteRange) -> ByteStream {
        let chunks =
            stream::try_unfold(self, |mut reader| async move { Ok(reader.next().await?.map(|chunk| (chunk, reader))) });
        exactly(range, chunks.boxed())
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        let asked = Asked { path: &self.path, operation: Operation::Read };
        let Some(file) = self.file.take() else { return Ok(None) };
        if self.left.is_empty() {
            file.close(&self.call, asked).await?;
            return self.end().await;
        }
        let (most, offset, in_sequence) = (self.left.length.min(CHUNK) as usize, self.left.offset, self.in_sequence);
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
        self.left = self.left.after(chunk.len() as u64);
        self.file = Some(file);
        Ok(Some(chunk.into()))
    }

    async fn end(&self) -> Result<Option<Bytes>> {
        match &self.seen {
            Some(seen) => self.endpoint.look_again(&self.call, &self.path, seen).await.map(|()| None),
            None => Ok(None),
        }
    }
}
