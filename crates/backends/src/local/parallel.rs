//! A large file by several streams at once: where the way is long, one stream does not fill it.
//!
//! The first stream goes from the front to the back. While it is slow, others take pieces from the back, until both meet: who needs no
//! second stream, as on a short way, pays nothing for the possibility.

use std::collections::BTreeMap;
use std::fs::File;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use law_storage::{Algorithm, ByteRange, ByteStream, Call, Error, ErrorKind, Hasher, Result, Source, Taken};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::unfinished::Notes;
use super::write::{WRITEBACK, begin_writeback};

/// Smaller files are done before it is known whether one stream is enough.
const WORTH_IT: u64 = 32 << 20;

/// What a further stream takes at once, at least and at most.
const PIECE: (u64, u64) = (4 << 20, 32 << 20);

/// How often it is looked whether another stream would help.
const LOOK: Duration = Duration::from_millis(300);

/// What is done sooner than that needs no further stream.
const SOON: f64 = 2.0;

/// How much faster all must have become by the last stream for another one to be tried.
const GAIN: f64 = 1.1;

/// Streams of one file, unless somebody wants another number.
const MOST: usize = 8;

/// Whether a file may be taken in pieces: a large one, of which every checksum can be put together from those of pieces.
pub(super) fn is_worth_it(size: Option<u64>, algorithms: &[Algorithm]) -> bool {
    size.is_some_and(|size| size >= WORTH_IT) && algorithms.iter().all(|a| a.is_combinable())
}

/// What is not taken yet, and how much is written.
struct Rest {
    front: u64,
    back: u64,
    written: u64,
}

#[derive(Clone)]
struct Shared {
    file: Arc<File>,
    rest: Arc<Mutex<Rest>>,
    algorithms: Arc<[Algorithm]>,
}

/// Where a file begins, and who notes how far it is.
pub(super) struct Front {
    /// Of what is there already.
    pub(super) begun: Option<Hasher>,
    pub(super) notes: Option<Notes>,
}

impl Shared {
    fn rest(&self) -> MutexGuard<'_, Rest> {
        // Each change of it is one step.
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A piece from the back, if there is enough for that.
    fn claim(&self, streams: u64) -> Option<ByteRange> {
        let mut rest = self.rest();
        let left = rest.back - rest.front;
        let piece = (left / (2 * streams)).clamp(PIECE.0, PIECE.1);
        if left < 2 * piece {
            return None;
        }
        rest.back -= piece;
        Some(ByteRange::new(rest.back, piece))
    }

    /// How much of a chunk at the front is still to be written.
    fn advance(&self, bytes: u64) -> u64 {
        let mut rest = self.rest();
        let taken = bytes.min(rest.back - rest.front);
        rest.front += taken;
        taken
    }

    fn hasher(&self) -> Hasher {
        Hasher::new(self.algorithms.iter().copied())
    }

    /// From the front, until what others have taken is met.
    async fn write_front(
        self,
        mut hasher: Hasher,
        mut notes: Option<Notes>,
        mut stream: ByteStream,
    ) -> Result<(u64, Hasher)> {
        while let Some(chunk) = stream.next().await.transpose()? {
            let taken = self.advance(chunk.len() as u64);
            let part = &chunk[..taken as usize];
            self.write(&mut hasher, 0, part)?;
            notes.iter_mut().for_each(|notes| notes.reached(&hasher));
            let met = {
                let rest = self.rest();
                rest.front >= rest.back
            };
            if met && part.len() < chunk.len() {
                break;
            }
        }
        Ok((0, hasher))
    }

    async fn write_piece(self, range: ByteRange, mut stream: ByteStream) -> Result<(u64, Hasher)> {
        let mut hasher = self.hasher();
        while let Some(chunk) = stream.next().await.transpose()? {
            self.write(&mut hasher, range.offset, &chunk)?;
        }
        match hasher.length() == range.length {
            true => Ok((range.offset, hasher)),
            false => {
                let message = format!("{} bytes came instead of {}", hasher.length(), range.length);
                Err(Error::new(ErrorKind::Integrity, message))
            }
        }
    }

    fn write(&self, hasher: &mut Hasher, begin: u64, bytes: &[u8]) -> Result<()> {
        let at = begin + hasher.length();
        hasher.update(bytes);
        self.file.write_all_at(bytes, at)?;
        let end = at + bytes.len() as u64;
        if at / WRITEBACK != end / WRITEBACK {
            begin_writeback(&self.file, end.saturating_sub(WRITEBACK), end);
        }
        self.rest().written += bytes.len() as u64;
        Ok(())
    }
}

/// Takes all bytes, in pieces if that is faster; exactly `streams` at once if it is given.
pub(super) async fn take(
    call: &Call,
    file: Arc<File>,
    source: &dyn Source,
    size: u64,
    algorithms: &[Algorithm],
    streams: Option<NonZeroUsize>,
    Front { begun, notes }: Front,
) -> Result<Taken> {
    let begin = begun.as_ref().map_or(0, Hasher::length);
    let rest = Arc::new(Mutex::new(Rest { front: begin, back: size, written: 0 }));
    let shared = Shared { file, rest, algorithms: algorithms.into() };
    let given_up = CancellationToken::new();
    let _guard = given_up.clone().drop_guard();
    let mut working = JoinSet::new();
    let hasher = begun.unwrap_or_else(|| shared.hasher());
    let front = shared.clone().write_front(hasher, notes, source.open(call, begin).await?);
    working.spawn_blocking(on_a_thread(call, &given_up, front));
    let mut pieces = BTreeMap::new();
    let mut growth = Growth::new(streams);
    while !working.is_empty() {
        let wanted = growth.wanted(Instant::now(), &shared.rest());
        while working.len() < wanted {
            let Some(range) = shared.claim(wanted as u64) else { break };
            let Some(stream) = source.open_part(call, range).await? else {
                let message = "a piece of it cannot be had";
                return Err(Error::new(ErrorKind::Internal, message).at(source.describe()));
            };
            working.spawn_blocking(on_a_thread(call, &given_up, shared.clone().write_piece(range, stream)));
        }
        // Bound here too: a disk that hangs holds its thread, but nobody else.
        let done = call.bound(async { Ok(tokio::time::timeout(LOOK, working.join_next()).await) }).await?;
        if let Ok(Some(done)) = done {
            let broken = |e| Error::new(ErrorKind::Internal, "a thread for the disk broke").because(e);
            pieces.extend([done.map_err(broken)??]);
        }
    }
    joined(&shared, pieces, size)
}

/// Takes bytes from the network and writes them, until nobody waits for it any more.
fn on_a_thread(
    call: &Call,
    given_up: &CancellationToken,
    work: impl Future<Output = Result<(u64, Hasher)>> + Send + 'static,
) -> impl FnOnce() -> Result<(u64, Hasher)> + Send + 'static {
    let (bound, unwanted, runtime) = (call.clone(), given_up.clone(), Handle::current());
    move || {
        let done = runtime.block_on(unwanted.run_until_cancelled(bound.bound(work)));
        done.unwrap_or_else(|| Err(Error::new(ErrorKind::Cancelled, "nobody waits for it any more")))
    }
}

/// The checksums of the whole from those of the pieces, which are all of it, one behind the other.
fn joined(shared: &Shared, pieces: BTreeMap<u64, Hasher>, size: u64) -> Result<Taken> {
    let mut whole = shared.hasher();
    for (offset, piece) in pieces {
        if offset != whole.length() || !whole.append(&piece) {
            let message = format!("{} bytes came instead of {size}", whole.length());
            return Err(Error::new(ErrorKind::Integrity, message));
        }
    }
    Ok(Taken { size: whole.length(), digests: whole.finish() })
}

/// Whether one more stream makes it faster.
struct Growth {
    fixed: Option<usize>,
    streams: usize,
    /// The rate before the last stream came.
    before: f64,
    last: (Instant, u64),
    /// The last stream did not help.
    enough: bool,
}

impl Growth {
    fn new(fixed: Option<NonZeroUsize>) -> Self {
        let fixed = fixed.map(NonZeroUsize::get);
        Self { fixed, streams: 1, before: 0.0, last: (Instant::now(), 0), enough: false }
    }

    /// How many streams there should be now.
    fn wanted(&mut self, now: Instant, rest: &Rest) -> usize {
        if let Some(fixed) = self.fixed {
            return fixed;
        }
        let (since, written) = self.last;
        let passed = now.saturating_duration_since(since);
        if passed < LOOK || self.enough {
            return self.streams;
        }
        let rate = (rest.written - written) as f64 / passed.as_secs_f64();
        self.last = (now, rest.written);
        let left = (rest.back - rest.front) as f64;
        if self.streams > 1 && rate < self.before * GAIN {
            self.enough = true;
            // What this machine or the server is busy with takes longer by more streams.
            self.streams -= usize::from(rate < self.before);
        } else if left > rate * SOON && self.streams < MOST {
            self.before = rate;
            self.streams += 1;
        }
        self.streams
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(written: u64) -> Rest {
        Rest { front: written, back: 1 << 40, written }
    }

    /// What is wanted after each look, where so many streams write so many bytes between two looks.
    fn grown(rate: impl Fn(usize) -> u64) -> Vec<usize> {
        let mut growth = Growth::new(None);
        let (mut written, mut wanted) = (0, Vec::new());
        for _ in 0..12 {
            let now = growth.last.0 + LOOK;
            written += rate(growth.streams);
            wanted.push(growth.wanted(now, &rest(written)));
        }
        wanted
    }

    #[test]
    fn streams_come_while_they_help() {
        assert_eq!(grown(|streams| 1_000_000 * streams as u64), [2, 3, 4, 5, 6, 7, 8, 8, 8, 8, 8, 8]);
        assert_eq!(grown(|_| 1_000_000)[..4], [2, 2, 2, 2]);
        assert_eq!(grown(|streams| 1_000_000 - 1000 * streams as u64)[..4], [2, 1, 1, 1]);
        assert_eq!(grown(|streams| 1_000_000 * streams.min(3) as u64)[..6], [2, 3, 4, 4, 4, 4]);
    }

    #[test]
    fn a_fast_way_needs_one() {
        let mut growth = Growth::new(None);
        let now = growth.last.0 + LOOK;
        assert_eq!(growth.wanted(now, &rest((1 << 40) - (1 << 20))), 1, "it is done before another one came");
    }

    #[test]
    fn both_ends_meet() {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let rest = Arc::new(Mutex::new(Rest { front: 0, back: 100 << 20, written: 0 }));
        let shared = Shared { file, rest, algorithms: Arc::new([]) };
        let mut back = 100 << 20;
        while let Some(range) = shared.claim(2) {
            assert_eq!(range.end(), back);
            back = range.offset;
        }
        assert_eq!(shared.advance(u64::MAX), back);
        assert_eq!(shared.advance(1), 0);
    }
}
