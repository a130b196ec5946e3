//! The bytes of a file: those that are here from here, the others from its storage.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use law_storage::{ByteRange, ByteStream, Error, ErrorKind, ReadOptions, Result, exactly};
use tokio::task::JoinHandle;

use crate::fill::{Begun, Fill, Order, look_again};
use crate::object::Found;
use crate::resolve::on_disk;
use crate::statistics::Counters;

/// Blocks that are read ahead of who takes them.
const AHEAD: usize = 2;

/// Smaller blocks are read without a thread.
const SMALL: u64 = 128 << 10;

/// Blocks that are fetched behind what was asked for, where the block before it is here: somebody reads on.
const READ_AHEAD: u64 = 8;

/// Blocks before the end of a request at which the next one begins.
const LAST: u64 = 8;

/// Pauses of who waits for what another process fetches.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));

/// Who fetches nothing for so long is not waited for any more.
const PATIENCE: Duration = Duration::from_secs(30);

/// Streams a part of a file.
pub(crate) fn stream_of(order: Arc<Order>, range: ByteRange) -> ByteStream {
    let reader = Reader {
        order,
        left: range,
        ready: VecDeque::new(),
        fill: None,
        next: None,
        own: 0..0,
        ahead: VecDeque::new(),
        past: None,
        passed_by: false,
        pause: PAUSES.0,
        waited: Duration::ZERO,
    };
    exactly(range, stream::unfold(reader, Reader::next))
}

struct Reader {
    order: Arc<Order>,
    /// Not in `ready` yet.
    left: ByteRange,
    ready: VecDeque<Bytes>,
    fill: Option<Fill>,
    /// The request behind it, which begins before it ends.
    next: Option<Fill>,
    /// Blocks that were fetched for this reader.
    own: Range<u64>,
    ahead: VecDeque<(u64, JoinHandle<io::Result<Found>>)>,
    /// The rest, which is not kept.
    past: Option<ByteStream>,
    passed_by: bool,
    pause: Duration,
    /// For somebody else, since the last block.
    waited: Duration,
}

impl Reader {
    async fn next(mut self) -> Option<(Result<Bytes>, Self)> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Some((Ok(bytes), self));
            }
            if let Some(past) = &mut self.past {
                if let Some(item) = past.next().await {
                    if let Ok(bytes) = &item {
                        Counters::count(&self.order.shared.counters.bytes_past, bytes.len() as u64);
                    }
                    return Some((item, self));
                }
                self.past = None;
                continue;
            }
            if self.left.is_empty() {
                let ended = self.end().await;
                return ended.err().map(|error| (Err(error), self));
            }
            if let Err(error) = self.step().await {
                return Some((Err(error), self));
            }
        }
    }

    /// Waits for the look that says whether what came was right, and until the last block is written, but not for what is fetched for others.
    async fn end(&mut self) -> Result<()> {
        let weak = self.order.is_weak();
        let behind = self.order.object.meta.block_of(self.left.offset.saturating_sub(1)) + 1;
        match self.fill.take() {
            Some(fill) if weak => fill.finish().await?,
            // What was read was right, whatever becomes of its copy.
            Some(fill) if fill.wanted().end <= behind => drop(fill.finish().await),
            _ if weak && std::mem::take(&mut self.passed_by) => look_again(&self.order).await?,
            _ => {}
        }
        self.order.shared.write_down().await;
        Ok(())
    }

    /// Comes closer to the next bytes.
    async fn step(&mut self) -> Result<()> {
        self.order.call.check()?;
        let block = self.order.object.meta.block_of(self.left.offset);
        if let Some(fill) = &mut self.fill {
            match fill.block(block).await {
                Some(content) => {
                    self.serve(block, content?);
                    self.fetch_ahead(block + 1).await;
                    return Ok(());
                }
                None if fill.is_held() => {}
                None => self.take_next(),
            }
        }
        let found = match self.look(block).await {
            Err(error) => {
                // A disk that fails is no reason not to read.
                tracing::debug!("the cache is passed by: {error}");
                return self.pass_by().await;
            }
            Ok(found) => found,
        };
        match found {
            Found::Content(content) => {
                // What was fetched for this reader was not here.
                if !self.own.contains(&block) {
                    Counters::count(&self.order.shared.counters.bytes_here, content.len() as u64);
                }
                (self.pause, self.waited) = (PAUSES.0, Duration::ZERO);
                self.serve(block, vec![content]);
                Ok(())
            }
            Found::Bad => self.forget(block).await,
            Found::Missing => self.fetch(block).await,
        }
    }

    /// A block that is here, if it is; those behind it are looked for meanwhile.
    async fn look(&mut self, block: u64) -> Result<Found> {
        let (object, end) = (&self.order.object, self.order.object.meta.block_of(self.left.end() - 1) + 1);
        if self.ahead.front().is_some_and(|(number, _)| *number != block) {
            self.ahead.clear();
        }
        if end - block == 1 && object.meta.bytes_of(block, end).length <= SMALL && self.ahead.is_empty() {
            return Ok(object.block(block)?);
        }
        let begun = self.ahead.back().map_or(block, |(number, _)| number + 1);
        for number in begun..end.min(block + 1 + AHEAD as u64) {
            if number > block && !object.has(number) {
                break;
            }
            let object = object.clone();
            self.ahead.push_back((number, tokio::task::spawn_blocking(move || object.block(number))));
        }
        let Some((_, reading)) = self.ahead.pop_front() else { return Ok(Found::Missing) };
        let broken = |error| Error::new(ErrorKind::Internal, "the reading thread broke").because(error);
        Ok(reading.await.map_err(broken)??)
    }

    async fn forget(&mut self, block: u64) -> Result<()> {
        let order = self.order.clone();
        Counters::count(&order.shared.counters.bad, 1);
        tracing::debug!(block, path = %order.path, "a block of the cache is not what was written");
        if on_disk(move || order.object.drop_block(block)).await.is_err() {
            self.pass_by().await?;
        }
        Ok(())
    }

    async fn fetch(&mut self, block: u64) -> Result<()> {
        let meta = &self.order.object.meta;
        let wanted = meta.block_of(self.left.end() - 1) + 1;
        let reads_on = block > 0 && self.order.object.has(block - 1);
        let end = if reads_on { (wanted + READ_AHEAD).min(meta.blocks()) } else { wanted };
        // Who wanted little goes on with it; who wanted much and is gone does not.
        let keep = end.min(block + 2 * READ_AHEAD);
        match Fill::begin(&self.order, block, end, keep).await {
            Ok(Begun::Fill(fill)) => {
                self.pause = PAUSES.0;
                self.own = fill.wanted();
                self.fill = Some(fill);
            }
            Ok(Begun::There) => {}
            Ok(Begun::Busy) if self.waited > PATIENCE => {
                tracing::debug!(block, "whoever fetches it does not come on");
                self.pass_by().await?;
            }
            Ok(Begun::Busy) => {
                self.order.call.pause(self.pause).await?;
                self.waited += self.pause;
                self.pause = (self.pause * 2).min(PAUSES.1);
            }
            Ok(Begun::NoRoom) => self.pass_by().await?,
            Err(error) => {
                // A disk that fails is no reason not to read.
                tracing::debug!("the cache is passed by: {error}");
                self.pass_by().await?;
            }
        }
        Ok(())
    }

    /// Begins the next request when the last blocks of this one are on their way, so that the network does not wait for the reader in between.
    async fn fetch_ahead(&mut self, block: u64) {
        let Some(end) = self.fill.as_ref().map(|fill| fill.wanted().end) else { return };
        if self.next.is_some() || self.left.is_empty() || block + LAST != end {
            return;
        }
        let wanted = self.order.object.meta.block_of(self.left.end() - 1) + 1;
        if end >= wanted {
            return;
        }
        let keep = wanted.min(end + 2 * READ_AHEAD);
        // If it cannot begin, whoever needs the block finds out why.
        if let Ok(Begun::Fill(next)) = Fill::begin(&self.order, end, wanted, keep).await {
            self.next = Some(next);
        }
    }

    /// One request has ended.
    fn take_next(&mut self) {
        self.fill = self.next.take();
        if let Some(fill) = &self.fill {
            self.own = fill.wanted();
        }
    }

    /// The rest comes from the storage, and is not kept.
    async fn pass_by(&mut self) -> Result<()> {
        let order = &self.order;
        let options = ReadOptions::part(self.left).pinned(order.validator.clone());
        let reading = order.shared.inner.read(&order.call, &order.path, &options).await?;
        self.left = self.left.after(self.left.length);
        self.past = Some(reading.stream);
        self.passed_by = true;
        Ok(())
    }

    /// What is wanted of a block.
    fn serve(&mut self, block: u64, chunks: Vec<Bytes>) {
        let mut at = self.order.object.meta.bytes_of(block, block + 1).offset;
        for mut chunk in chunks {
            let begin = self.left.offset.saturating_sub(at).min(chunk.len() as u64);
            at += chunk.len() as u64;
            let _ = chunk.split_to(begin as usize);
            chunk.truncate(chunk.len().min(usize::try_from(self.left.length).unwrap_or(usize::MAX)));
            if !chunk.is_empty() {
                self.left = self.left.after(chunk.len() as u64);
                self.ready.push_back(chunk);
            }
        }
    }
}
