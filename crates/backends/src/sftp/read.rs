//! Reading: a file is opened once, and several pieces of it are under way at once.

use std::io::SeekFrom;
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use law_storage::{
    ByteRange, ByteStream, Call, Error, ErrorKind, Metadata, Operation, Path, ReadOptions, Reading, Result, Validator,
    exactly, ready,
};
use openssh_sftp_client::file::File;
use tokio::io::AsyncSeek as _;

use super::connection::Connection;
use super::{Endpoint, remote};

const READ: Operation = Operation::Read;

/// What one question asks for: servers give less than this at once.
const PIECE: u64 = 256 << 10;
/// Questions under way.
const AT_ONCE: usize = 16;

/// A file that is open, on its connection.
#[derive(Clone)]
struct Opened {
    endpoint: Arc<Endpoint>,
    connection: Arc<Connection>,
    file: File,
    path: Path,
}

impl Endpoint {
    pub(super) async fn read(self: &Arc<Self>, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        let found = self.look_for_file(call, path, READ).await?;
        self.same_version(path, options.validator.as_ref(), &found)?;
        let no_size = || {
            let error = Error::new(ErrorKind::Malformed, "the server does not tell how long the file is");
            error.at(self.url(path)).during(READ)
        };
        let size = found.size.ok_or_else(no_size)?;
        let range = options.range.unwrap_or(ByteRange::whole(size)).clamp(size);
        let validator = found.identity();
        let stream = if range.is_empty() {
            ready(Bytes::new())
        } else {
            let opened = self.open_to_read(call, path, &found).await?;
            let seen = options.validator.is_none().then_some(found);
            opened.stream(call, range, seen)
        };
        Ok(Reading { size, range, validator, digests: Vec::new(), stream })
    }

    /// Opened, and still the version that was seen: what is open stays the same file, whatever gets its name.
    async fn open_to_read(self: &Arc<Self>, call: &Call, path: &Path, seen: &Metadata) -> Result<Opened> {
        let place = remote(path)?;
        let open = |connection: Arc<Connection>| async move {
            let mut file = connection.sftp.open(place).await?;
            let told = file.metadata().await?;
            Ok((connection, file, told))
        };
        let (connection, file, told) = self.demand(call, (path, READ), open).await?;
        let now = super::look::metadata(&told);
        self.same_version(path, Some(&seen.identity()), &now)?;
        Ok(Opened { endpoint: self.clone(), connection, file, path: path.clone() })
    }

    /// An error if the file is not what it was.
    async fn look_again(&self, call: &Call, path: &Path, seen: &Metadata) -> Result<()> {
        match self.look(call, path, READ).await? {
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
        let found = self.look_for_file(call, path, READ).await?;
        self.same_version(path, validator, &found)?;
        let size = found.size.unwrap_or_default();
        let opened = self.open_to_read(call, path, &found).await?;
        let mut parts = Vec::with_capacity(ranges.len());
        for range in ranges {
            let stream = opened.stream(call, range.clamp(size), None);
            let chunks: Vec<Bytes> = stream.try_collect().await?;
            parts.push(if let [one] = &chunks[..] { one.clone() } else { chunks.concat().into() });
        }
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

impl Opened {
    /// The bytes of a range; at its end the file is looked at again, if it was `seen` without being asked for.
    fn stream(&self, call: &Call, range: ByteRange, seen: Option<Metadata>) -> ByteStream {
        let (opened, call) = (self.clone(), call.clone());
        let pieces = (range.offset..range.end()).step_by(PIECE as usize);
        let pieces = pieces.map(move |offset| ByteRange::new(offset, PIECE.min(range.end() - offset)));
        let (last, last_call) = (opened.clone(), call.clone());
        let bytes = stream::iter(pieces).map(move |piece| opened.clone().piece(call.clone(), piece)).buffered(AT_ONCE);
        let end = stream::once(async move {
            match &seen {
                Some(seen) => last.endpoint.look_again(&last_call, &last.path, seen).await.map(|()| Bytes::new()),
                None => Ok(Bytes::new()),
            }
        });
        exactly(range, bytes.chain(end).try_filter(|chunk| std::future::ready(!chunk.is_empty())).boxed()).boxed()
    }

    async fn piece(mut self, call: Call, piece: ByteRange) -> Result<Bytes> {
        let mut all = BytesMut::new();
        while (all.len() as u64) < piece.length {
            let left = piece.after(all.len() as u64);
            seek(&mut self.file, left.offset);
            let length = u32::try_from(left.length).unwrap_or(u32::MAX);
            let read = self.file.read(length, BytesMut::new());
            let read = self.endpoint.ask_on(&call, (&self.path, READ), &self.connection, read).await?;
            match read.map_err(|no| self.endpoint.refused(no, (&self.path, READ)))? {
                // Its end comes too early: it is being written to.
                None => return Err(self.endpoint.changed(&self.path)),
                Some(read) if all.is_empty() => all = read,
                Some(read) => all.extend_from_slice(&read),
            }
        }
        Ok(all.freeze())
    }
}

/// Where the next question is about. Nothing is asked.
pub(super) fn seek(file: &mut File, offset: u64) {
    // It stores a number; places from the beginning are never refused.
    let _ = Pin::new(file).start_seek(SeekFrom::Start(offset));
}
