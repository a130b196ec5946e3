//! Bodies of messages: read in any framing, cut or damaged, and written in any framing.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWriteExt as _;
use tokio::net::tcp::OwnedWriteHalf;

use crate::head::{Framing, Headers, Receiver, invalid};

const LONGEST_CHUNK_LINE: usize = 4 * 1024;
const LONGEST_TRAILER: usize = 64 * 1024;
const LONGEST_COLLECTED: usize = 256 * 1024 * 1024;

/// A body as its bytes, whatever its framing.
pub(crate) struct BodyReader<'a> {
    from: &'a mut Receiver,
    state: State,
    /// What was read, and not handed out.
    waiting: Option<Bytes>,
    trailer: Headers,
}

enum State {
    Done,
    /// This many bytes are missing of a body of known length.
    Sized(u64),
    UntilClose,
    ChunkLine,
    /// This many bytes are missing of a chunk.
    Chunk(u64),
    Collected(Bytes),
}

impl<'a> BodyReader<'a> {
    pub(crate) fn new(from: &'a mut Receiver, framing: Framing) -> Self {
        let state = match framing {
            Framing::Empty => State::Done,
            Framing::Length(length) => State::Sized(length),
            Framing::Chunked => State::ChunkLine,
            Framing::Close => State::UntilClose,
        };
        Self { from, state, waiting: None, trailer: Headers::default() }
    }

    /// The next bytes, never empty, or `None` at the end. `UnexpectedEof` is a body cut short by its sender.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Done | State::Sized(0) => return Ok(None),
                State::Collected(bytes) => return Ok((!bytes.is_empty()).then_some(bytes)),
                State::ChunkLine => self.state = self.chunk_line().await?,
                State::Chunk(0) => self.state = self.chunk_end().await?,
                State::Sized(missing) => return self.take(missing, State::Sized).await,
                State::Chunk(missing) => return self.take(missing, State::Chunk).await,
                State::UntilClose => return self.take_until_close().await,
            }
        }
    }

    /// As [`Self::next`], but at most so many bytes; the others come next.
    async fn next_of(&mut self, most: u64) -> io::Result<Option<Bytes>> {
        let Some(mut bytes) = (match self.waiting.take() {
            Some(waiting) => Some(waiting),
            None => self.next().await?,
        }) else {
            return Ok(None);
        };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        if bytes.len() > most {
            self.waiting = Some(bytes.split_off(most));
        }
        Ok(Some(bytes))
    }

    /// Reads and forgets the rest.
    pub(crate) async fn drain(&mut self) -> io::Result<()> {
        while self.next().await?.is_some() {}
        Ok(())
    }

    /// Reads everything into memory and returns its length; [`Self::next`] then hands it out.
    pub(crate) async fn collect(&mut self) -> io::Result<u64> {
        let mut all = BytesMut::new();
        while let Some(bytes) = self.next().await? {
            all.extend_from_slice(&bytes);
            if all.len() > LONGEST_COLLECTED {
                return Err(invalid("a body of unknown length is too long to collect (256 MiB)"));
            }
        }
        let length = all.len() as u64;
        self.state = State::Collected(all.freeze());
        Ok(length)
    }

    /// Changes what was [collected](Self::collect), and returns its new length.
    pub(crate) fn replace_collected(&mut self, change: impl FnOnce(&[u8]) -> Vec<u8>) -> u64 {
        if let State::Collected(bytes) = &self.state {
            let changed = Bytes::from(change(bytes));
            let length = changed.len() as u64;
            self.state = State::Collected(changed);
            return length;
        }
        0
    }

    /// The trailer of a chunked body, once that has ended.
    pub(crate) fn trailer(&self) -> &Headers {
        &self.trailer
    }

    async fn take(&mut self, missing: u64, state: fn(u64) -> State) -> io::Result<Option<Bytes>> {
        let Some(bytes) = self.available(missing).await? else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        self.state = state(missing - bytes.len() as u64);
        Ok(Some(bytes))
    }

    async fn take_until_close(&mut self) -> io::Result<Option<Bytes>> {
        let bytes = self.available(u64::MAX).await?;
        self.state = State::UntilClose;
        Ok(bytes)
    }

    /// Some bytes, at most `most`; `None` at the end of the stream.
    async fn available(&mut self, most: u64) -> io::Result<Option<Bytes>> {
        if self.from.buffer.is_empty() && !self.from.fill().await? {
            return Ok(None);
        }
        let length = usize::try_from(most).unwrap_or(usize::MAX).min(self.from.buffer.len());
        Ok(Some(self.from.buffer.split_to(length).freeze()))
    }

    async fn chunk_line(&mut self) -> io::Result<State> {
        let line = self.line().await?;
        match parse_chunk_size(&line)? {
            0 => self.read_trailer().await.map(|()| State::Done),
            size => Ok(State::Chunk(size)),
        }
    }

    async fn chunk_end(&mut self) -> io::Result<State> {
        let line = self.line().await?;
        if line.is_empty() { Ok(State::ChunkLine) } else { Err(invalid("a chunk is longer than it said")) }
    }

    async fn line(&mut self) -> io::Result<Bytes> {
        loop {
            if let Some(end) = self.from.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.from.buffer.split_to(end + 1).freeze();
                return Ok(line.slice(..line.trim_ascii_end().len()));
            }
            self.more(LONGEST_CHUNK_LINE).await?;
        }
    }

    async fn read_trailer(&mut self) -> io::Result<()> {
        loop {
            if let Some((trailer, length)) = Headers::parse_block(&self.from.buffer)? {
                let _trailer = self.from.buffer.split_to(length);
                self.trailer = trailer;
                return Ok(());
            }
            self.more(LONGEST_TRAILER).await?;
        }
    }

    async fn more(&mut self, limit: usize) -> io::Result<()> {
        if self.from.buffer.len() > limit {
            return Err(invalid("a chunk line or trailer is too long"));
        }
        if self.from.fill().await? { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// The size of a chunk; extensions behind a semicolon are dropped (RFC 9112 section 7.1.1).
fn parse_chunk_size(line: &[u8]) -> io::Result<u64> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let size = text.and_then(|text| u64::from_str_radix(text, 16).ok());
    size.ok_or_else(|| invalid("a chunk size is no hexadecimal number"))
}

/// What happens to a body on its way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Edit {
    /// The offset of a byte that is inverted.
    pub(crate) flip: Option<u64>,
    /// Whether every byte is inverted.
    pub(crate) invert: bool,
    /// After how many bytes the transfer ends.
    pub(crate) cut: Option<u64>,
    /// How many bytes pass in a second, at most.
    pub(crate) per_second: Option<u64>,
}

impl Edit {
    /// How many bytes may pass at once. A slow transfer is one of small pieces, so that it does not look like stalls.
    fn most_at_once(&self, sent: u64) -> u64 {
        let room = self.cut.map_or(u64::MAX, |cut| cut - sent);
        self.per_second.map_or(room, |limit| room.min((limit / 20).max(1)))
    }

    /// Waits as long as so many bytes take.
    async fn pace(&self, bytes: usize) {
        if let Some(limit) = self.per_second {
            tokio::time::sleep(Duration::from_secs_f64(bytes as f64 / limit as f64)).await;
        }
    }

    /// The bytes at this offset as they pass, and whether that is not as they came.
    fn applied(&self, bytes: Bytes, offset: u64) -> (Bytes, bool) {
        let flips = self.flip.filter(|at| (offset..offset + bytes.len() as u64).contains(at));
        match flips {
            _ if self.invert => (bytes.iter().map(|byte| !byte).collect(), true),
            Some(at) => (with_flipped_byte(&bytes, at - offset), true),
            None => (bytes, self.per_second.is_some()),
        }
    }
}

/// How a transfer went that met no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pumped {
    Whole,
    Cut,
}

/// Which side failed.
pub(crate) enum PumpError {
    Read,
    Write,
}

/// Writes the bytes of `body` in the given framing, edited; `passed` is told how many bytes passed, and whether a fault
/// shows in them. The end of the framing (last chunk, trailer) is not written: see [`finish`].
pub(crate) async fn pump(
    body: &mut BodyReader<'_>,
    to: &mut OwnedWriteHalf,
    framing: Framing,
    edit: Edit,
    passed: impl Fn(u64, bool),
) -> Result<Pumped, PumpError> {
    let mut sent = 0;
    while edit.cut != Some(sent) {
        let most = edit.most_at_once(sent);
        let Some(bytes) = body.next_of(most).await.map_err(|_| PumpError::Read)? else { return Ok(Pumped::Whole) };
        let length = bytes.len();
        let (bytes, shows_fault) = edit.applied(bytes, sent);
        edit.pace(length).await;
        write_piece(to, framing, &bytes).await.map_err(|_| PumpError::Write)?;
        passed(length as u64, shows_fault);
        sent += length as u64;
    }
    Ok(Pumped::Cut)
}

fn with_flipped_byte(bytes: &[u8], at: u64) -> Bytes {
    let mut bytes = BytesMut::from(bytes);
    if let Some(byte) = usize::try_from(at).ok().and_then(|at| bytes.get_mut(at)) {
        *byte ^= 0xff;
    }
    bytes.freeze()
}

async fn write_piece(to: &mut OwnedWriteHalf, framing: Framing, bytes: &[u8]) -> io::Result<()> {
    if framing != Framing::Chunked {
        return to.write_all(bytes).await;
    }
    to.write_all(format!("{:x}\r\n", bytes.len()).as_bytes()).await?;
    to.write_all(bytes).await?;
    to.write_all(b"\r\n").await
}

/// Ends a body properly.
pub(crate) async fn finish(to: &mut OwnedWriteHalf, framing: Framing, trailer: &Headers) -> io::Result<()> {
    if framing != Framing::Chunked {
        return Ok(());
    }
    let mut end = b"0\r\n".to_vec();
    trailer.write_lines(&mut end);
    to.write_all(&end).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_sizes_are_hexadecimal_and_may_have_extensions() {
        assert_eq!(parse_chunk_size(b"1F").unwrap(), 31);
        assert_eq!(parse_chunk_size(b"a ; name=value").unwrap(), 10);
        for bad in [&b""[..], b"+5", b"-1", b"5 5", b"0x5", b"11111111111111111", b"\xff"] {
            assert!(parse_chunk_size(bad).is_err(), "{bad:?}");
        }
    }
}
