//! Streams of what local files have.

use std::collections::VecDeque;
use std::fs::File;
use std::io::IoSliceMut;
use std::os::unix::fs::FileExt as _;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use rustix::io::ReadWriteFlags;
use tokio::sync::mpsc;

use crate::{ByteRange, ByteStream, Error, ErrorKind, LocalFile, Result, exactly};

/// How much is read from a disk at once: large enough that system calls do not count, small enough to stay in a CPU cache.
pub const CHUNK: usize = 256 * 1024;

/// Chunks that a thread reads ahead of who takes them.
const AHEAD: usize = 4;

/// Buffers that are remembered: those on their way to a socket or a disk, and a few more.
const REMEMBERED: usize = 8;

/// Streams a part of a local file. What the operating system has in memory comes at once; from the first chunk on that
/// must be waited for, a thread reads a few chunks ahead.
pub fn read_local(local: LocalFile, range: ByteRange) -> ByteStream {
    let reader = Reader { local, left: range, buffers: Buffers::default(), thread: None };
    exactly(range, stream::unfold(reader, Reader::next))
}

struct Reader {
    local: LocalFile,
    left: ByteRange,
    buffers: Buffers,
    thread: Option<mpsc::Receiver<Result<Bytes>>>,
}

impl Reader {
    async fn next(mut self) -> Option<(Result<Bytes>, Self)> {
        if self.left.is_empty() {
            return None;
        }
        if self.thread.is_none() {
            // Whoever takes everything without ever waiting lets others have their turn here.
            tokio::task::consume_budget().await;
            match self.buffers.read(&self.local, self.left, in_memory) {
                Ok(chunk) if !chunk.is_empty() => {
                    self.left = self.left.after(chunk.len() as u64);
                    return Some((Ok(chunk), self));
                }
                // Not in memory, or this file system cannot say so, or the end, of which Linux 5.9 and 5.10 speak too
                // early, or a failure, which the thread meets again.
                _ => self.thread = Some(read_ahead(self.local.clone(), self.left)),
            }
        }
        let chunk = self.thread.as_mut()?.recv().await?;
        Some((chunk, self))
    }
}

/// Reads without waiting for a disk.
fn in_memory(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
    Ok(rustix::io::preadv2(file, &mut [IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT)?)
}

fn from_disk(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
    loop {
        match file.read_at(buffer, offset) {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn read_ahead(local: LocalFile, range: ByteRange) -> mpsc::Receiver<Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut buffers = Buffers::default();
        let mut left = range;
        while !left.is_empty() {
            let chunk = buffers.read(&local, left, from_disk);
            let read = chunk.as_ref().map_or(0, Bytes::len);
            left = left.after(read as u64);
            if chunk.as_ref().is_ok_and(Bytes::is_empty) || sender.blocking_send(chunk).is_err() || read == 0 {
                return;
            }
        }
    });
    receiver
}

/// Buffers that come back: one that nobody holds any more is filled again, without asking the system for memory.
#[derive(Default)]
pub(crate) struct Buffers(VecDeque<Bytes>);

impl Buffers {
    /// The next chunk of what is left; an empty one at the end of the file.
    pub(crate) fn next(&mut self, local: &LocalFile, left: ByteRange) -> Result<Bytes> {
        self.read(local, left, from_disk)
    }

    fn read(
        &mut self,
        local: &LocalFile,
        left: ByteRange,
        how: fn(&File, &mut [u8], u64) -> std::io::Result<usize>,
    ) -> Result<Bytes> {
        let mut buffer = self.take(left.length.min(CHUNK as u64) as usize);
        let read = how(local.file(), &mut buffer, left.offset);
        buffer.truncate(read.map_err(|e| Error::from(e).at(local.path().display()))?);
        let chunk = buffer.freeze();
        self.0.push_back(chunk.clone());
        Ok(chunk)
    }

    fn take(&mut self, length: usize) -> BytesMut {
        let free = self.0.front().is_some_and(Bytes::is_unique);
        let oldest = if free || self.0.len() >= REMEMBERED { self.0.pop_front() } else { None };
        let mut buffer = oldest.and_then(|bytes| bytes.try_into_mut().ok()).unwrap_or_default();
        buffer.resize(length, 0);
        buffer
    }
}

/// A part of a local file in memory, shorter where the file ends.
pub(crate) async fn read_chunk(local: LocalFile, range: ByteRange) -> Result<Bytes> {
    tokio::task::spawn_blocking(move || Buffers::default().read(&local, range, from_disk))
        .await
        .map_err(|e| Error::new(ErrorKind::Internal, "the reading thread broke").because(e))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{StreamExt as _, TryStreamExt as _};
    use std::io::Write as _;

    fn content() -> Vec<u8> {
        (0..CHUNK * 2 + 7).map(|i| (i / 3) as u8).collect()
    }

    fn file_of(bytes: &[u8]) -> LocalFile {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        LocalFile::new(file, "(a test)".into())
    }

    async fn collect(stream: ByteStream) -> Vec<u8> {
        let chunks: Vec<Bytes> = stream.try_collect().await.unwrap();
        chunks.concat()
    }

    #[tokio::test]
    async fn what_is_held_is_not_overwritten_and_what_is_free_is_filled_again() {
        let local = file_of(&content());
        let held = collect(read_local(local.clone(), ByteRange::whole(content().len() as u64))).await;
        assert_eq!(held, content());
        let mut buffers = Buffers::default();
        let first = buffers.read(&local, ByteRange::new(0, 10), from_disk).unwrap();
        let second = buffers.read(&local, ByteRange::new(CHUNK as u64, 10), from_disk).unwrap();
        assert_eq!((&first[..], &second[..]), (&content()[..10], &content()[CHUNK..CHUNK + 10]));
        let place = first.as_ptr();
        drop(first);
        let third = buffers.read(&local, ByteRange::new(20, 8), from_disk).unwrap();
        assert_eq!((third.as_ptr(), &third[..]), (place, &content()[20..28]));
    }

    #[tokio::test]
    async fn a_thread_gives_the_same_bytes() {
        let local = file_of(&content());
        let range = ByteRange::new(3, CHUNK as u64 + 9);
        let mut chunks = read_ahead(local.clone(), range);
        let mut all = Vec::new();
        while let Some(chunk) = chunks.recv().await {
            all.extend_from_slice(&chunk.unwrap());
        }
        assert_eq!(all, content()[3..CHUNK + 12]);
        assert_eq!(collect(read_local(local, range)).await, all);
    }

    #[tokio::test]
    async fn a_file_without_memory_of_its_own_is_read_by_the_thread() {
        // /proc knows no reads that do not wait.
        let file = File::open("/proc/self/cmdline").unwrap();
        let mut stream = read_local(LocalFile::new(file, "/proc/self/cmdline".into()), ByteRange::new(0, 1));
        assert_eq!(stream.next().await.unwrap().unwrap().len(), 1);
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn a_failure_is_told_once() {
        let directory = File::open("/").unwrap();
        let stream = read_local(LocalFile::new(directory, "/".into()), ByteRange::new(0, 1));
        let items: Vec<_> = stream.map(|item| item.map_err(|e| e.kind())).collect().await;
        assert_eq!(items, [Err(ErrorKind::IsADirectory)]);
    }
}
