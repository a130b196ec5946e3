//! Fetching blocks that are missing: one request for several, and each is there for everybody as soon as it is known to be right.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt as _;
use law_storage::{
    ByteStream, Call, Comparison, Digest, Error, ErrorKind, Path, ReadOptions, Result, Status, Validator,
};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinHandle;

use crate::Policy;
use crate::map::Claim;
use crate::object::{Meta, OVERHEAD, Object, write_block};
use crate::resolve::{Shared, on_disk};
use crate::statistics::Counters;
use crate::version::is_weak;

/// Blocks of one request at most.
const RUN: u64 = 64;

/// Blocks that wait in memory for a reader who is slower than the network. One who is slower still reads them from the disk.
const WAITING: usize = 8;

/// How long the network waits for a reader, once in a request: others wait for the same blocks, and whoever is slower than that finds them on the disk.
const COURTESY: Duration = Duration::from_millis(100);

/// What one process fetches of a version.
pub(crate) struct Order {
    pub(crate) shared: Arc<Shared>,
    pub(crate) call: Call,
    pub(crate) path: Path,
    pub(crate) validator: Validator,
    pub(crate) object: Arc<Object>,
    /// Checksums that the storage told.
    pub(crate) digests: Vec<Digest>,
}

impl Order {
    /// Whether somebody must look, behind what was read, that it was all of one version.
    pub(crate) fn is_weak(&self) -> bool {
        is_weak(&self.validator) && self.shared.policy != Policy::Immutable
    }
}

/// Blocks that are on their way.
pub(crate) struct Fill {
    blocks: mpsc::Receiver<(u64, Result<Vec<Bytes>>)>,
    /// One that came while an earlier one was asked for.
    held: Option<(u64, Result<Vec<Bytes>>)>,
    wanted: Range<u64>,
}

/// What became of the wish to fetch.
pub(crate) enum Begun {
    Fill(Fill),
    /// Somebody else is at it.
    Busy,
    /// It has come meanwhile.
    There,
    /// There is no room for it.
    NoRoom,
}

/// What a claim came to, before anything is fetched.
enum Ready {
    Writer(Writer),
    Busy,
    There,
    NoRoom,
}

impl Fill {
    /// Begins to fetch the block `first` and those behind it up to `end` that are missing. What is dropped ends with the block that is on its way, but
    /// goes on up to `keep`.
    pub(crate) async fn begin(order: &Arc<Order>, first: u64, end: u64, keep: u64) -> Result<Begun> {
        let prepared = {
            let order = order.clone();
            on_disk(move || prepare(&order, first, end.min(first + RUN))).await?
        };
        Ok(match prepared {
            Ready::Busy => Begun::Busy,
            Ready::There => Begun::There,
            Ready::NoRoom => Begun::NoRoom,
            Ready::Writer(writer) => {
                let (sender, blocks) = mpsc::channel(WAITING);
                let wanted = writer.next..writer.claim.end();
                tokio::spawn(fetch(order.clone(), writer, sender, keep));
                Begun::Fill(Self { blocks, held: None, wanted })
            }
        })
    }

    /// The content of a block; none if it is on the disk by now, or nobody fetches it any more.
    pub(crate) async fn block(&mut self, block: u64) -> Option<Result<Vec<Bytes>>> {
        loop {
            let (number, content) = match self.held.take() {
                Some(held) => held,
                None => self.blocks.recv().await?,
            };
            if content.is_err() || number == block {
                return Some(content);
            }
            if number > block {
                self.held = Some((number, content));
                return None;
            }
        }
    }

    /// The blocks that are fetched.
    pub(crate) fn wanted(&self) -> Range<u64> {
        self.wanted.clone()
    }

    /// Whether a later block waits here already.
    pub(crate) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Waits until nothing more comes, and somebody has looked whether it was right.
    pub(crate) async fn finish(mut self) -> Result<()> {
        if let Some((_, content)) = self.held.take() {
            content?;
        }
        while let Some((_, content)) = self.blocks.recv().await {
            content?;
        }
        Ok(())
    }
}

fn prepare(order: &Order, first: u64, end: u64) -> io::Result<Ready> {
    let object = &order.object;
    let Some(mut claim) = object.claim(first, end)? else { return Ok(Ready::Busy) };
    match object.missing(first, claim.end()) {
        Some((begin, end)) if begin == first => claim.shorten(end),
        _ => return Ok(Ready::There),
    }
    let data = object.writer()?;
    let bytes = object.meta.bytes_of(first, claim.end()).length;
    let shared = &order.shared;
    if !reserve(shared, object, bytes)? {
        return Ok(Ready::NoRoom);
    }
    // A file of a version that can only be told by its time must still be the same when all has come.
    let weak = order.is_weak();
    let (meta, shared) = (object.meta.clone(), shared.clone());
    let writer = Writer { claim, data, meta, later: weak.then(Vec::new), next: first, reserved: bytes, shared };
    Ok(Ready::Writer(writer))
}

/// Takes room for so many bytes of an object, and for what it needs beside them if it is new.
pub(crate) fn reserve(shared: &Shared, object: &Object, bytes: u64) -> io::Result<bool> {
    let beside = if object.fresh { OVERHEAD } else { 0 };
    let taken = shared.store.reserve(&shared.name, bytes + beside)?;
    if taken {
        // This is there already.
        shared.store.written(beside);
    }
    Ok(taken)
}

/// Writes blocks, in their order.
pub(crate) struct Writer {
    claim: Claim,
    data: File,
    meta: Meta,
    /// Blocks that count only once somebody has looked.
    later: Option<Vec<(u64, crate::map::Record)>>,
    next: u64,
    /// What was reserved and not written.
    reserved: u64,
    shared: Arc<Shared>,
}

impl Drop for Writer {
    /// What was reserved for nothing is given back. What was written and does not count stays, and is overwritten by the next who fetches it.
    fn drop(&mut self) {
        if self.reserved > 0 {
            self.shared.store.give_back(&self.shared.name, self.reserved);
        }
    }
}

impl Writer {
    /// For who brings all blocks, and says at the end whether they are right.
    pub(crate) fn of_everything(claim: Claim, object: &Object, shared: Arc<Shared>) -> io::Result<Self> {
        let (data, meta, next) = (object.writer()?, object.meta.clone(), claim.first());
        let reserved = meta.size;
        Ok(Self { claim, data, meta, later: Some(Vec::new()), next, reserved, shared })
    }

    fn write(&mut self, chunks: &[Bytes]) -> io::Result<()> {
        let block = self.next;
        let record = write_block(&self.data, &self.meta, block, chunks)?;
        match &mut self.later {
            Some(later) => later.push((block, record)),
            None => {
                self.claim.map().write(block, record)?;
                self.claim.done_before(block + 1);
            }
        }
        self.next += 1;
        self.reserved = self.reserved.saturating_sub(u64::from(record.length));
        self.shared.store.written(u64::from(record.length));
        Ok(())
    }

    /// Somebody has looked: all that was written counts.
    pub(crate) fn confirm(&mut self) -> io::Result<()> {
        for (block, record) in self.later.take().into_iter().flatten() {
            self.claim.map().write(block, record)?;
            self.claim.done_before(block + 1);
        }
        Ok(())
    }
}

/// Cuts a stream into blocks, and writes them while the next ones come.
pub(crate) struct Blocks {
    writer: Arc<Mutex<Writer>>,
    writing: Option<JoinHandle<io::Result<()>>>,
    pending: Vec<Bytes>,
    filled: u64,
    block: u64,
    meta: Meta,
    /// The disk has refused to take more.
    refused: bool,
}

impl Blocks {
    pub(crate) fn new(writer: Writer) -> Self {
        let (block, meta) = (writer.next, writer.meta.clone());
        Self {
            writer: Arc::new(Mutex::new(writer)),
            writing: None,
            pending: Vec::new(),
            filled: 0,
            block,
            meta,
            refused: false,
        }
    }

    /// Takes bytes, and returns the block that is complete with them, and what is left of them.
    async fn take(&mut self, mut bytes: Bytes) -> (Option<(u64, Vec<Bytes>)>, Bytes) {
        let length = self.meta.bytes_of(self.block, self.block + 1).length;
        let part = bytes.split_to(bytes.len().min((length - self.filled) as usize));
        self.filled += part.len() as u64;
        self.pending.push(part);
        if self.filled < length {
            return (None, bytes);
        }
        let done = (self.block, std::mem::take(&mut self.pending));
        (self.block, self.filled) = (self.block + 1, 0);
        self.written().await;
        if !self.refused {
            let (writer, chunks) = (self.writer.clone(), done.1.clone());
            self.writing = Some(tokio::task::spawn_blocking(move || {
                writer.lock().unwrap_or_else(PoisonError::into_inner).write(&chunks)
            }));
        }
        (Some(done), bytes)
    }

    /// Waits for the block that is being written.
    async fn written(&mut self) {
        let Some(writing) = self.writing.take() else { return };
        match writing.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!("the cache cannot write: {error}");
                self.refused = true;
            }
            Err(_) => self.refused = true,
        }
    }

    /// Writes the whole of a stream.
    pub(crate) async fn write_all(&mut self, mut stream: ByteStream, mut see: impl FnMut(&Bytes) + Send) -> Result<()> {
        while let Some(mut bytes) = stream.next().await.transpose()? {
            see(&bytes);
            while !bytes.is_empty() {
                bytes = self.take(bytes).await.1;
            }
        }
        Ok(())
    }

    /// What was written counts, if all of it was.
    pub(crate) async fn confirm(&mut self) -> Result<bool> {
        self.written().await;
        if self.refused {
            return Ok(false);
        }
        let writer = self.writer.clone();
        on_disk(move || writer.lock().unwrap_or_else(PoisonError::into_inner).confirm()).await?;
        Ok(true)
    }

    /// Ends the writing.
    pub(crate) async fn end(mut self) {
        self.written().await;
        let _ = on_disk(move || {
            drop(self);
            Ok(())
        })
        .await;
    }
}

type Sender = mpsc::Sender<(u64, Result<Vec<Bytes>>)>;

/// Fetches what was claimed.
async fn fetch(order: Arc<Order>, writer: Writer, sender: Sender, keep: u64) {
    let begin = Instant::now();
    let (first, end, deferred) = (writer.next, writer.claim.end(), writer.later.is_some());
    let mut blocks = Blocks::new(writer);
    let done = run(&order, &mut blocks, &sender, (first, end), keep).await;
    let done = match done {
        Ok(()) if deferred => confirm(&order, &mut blocks).await,
        other => other,
    };
    let fetched = order.object.meta.bytes_of(first, blocks.block).length + blocks.filled;
    let reached = blocks.block;
    blocks.end().await;
    Counters::count(&order.shared.counters.bytes_fetched, fetched);
    Counters::count(&order.shared.counters.fetching, begin.elapsed().as_millis() as u64);
    if let Err(error) = done {
        if error.kind() == ErrorKind::Changed {
            order.shared.forget(&order.path).await;
        }
        let _ = sender.send((reached, Err(error))).await;
    }
}

async fn run(order: &Order, blocks: &mut Blocks, sender: &Sender, (first, end): (u64, u64), keep: u64) -> Result<()> {
    let meta = &order.object.meta;
    let range = meta.bytes_of(first, end);
    let wanted = (range.length < meta.size).then_some(range);
    let options = ReadOptions { range: wanted, validator: Some(order.validator.clone()) };
    let mut reading = order.shared.inner.read(&order.call, &order.path, &options).await?;
    if reading.size != meta.size {
        return Err(changed(order));
    }
    // A block that the reader has not got from here, and must find on the disk.
    let mut left_to_the_disk = false;
    while let Some(mut bytes) = reading.stream.next().await.transpose()? {
        while !bytes.is_empty() {
            let (done, rest) = blocks.take(bytes).await;
            bytes = rest;
            let Some((block, content)) = done else { continue };
            if blocks.refused && left_to_the_disk {
                return Ok(());
            } else if blocks.refused {
                // Who reads must get it from here.
                let _ = sender.send((block, Ok(content))).await;
            } else {
                left_to_the_disk |= !hand_over(sender, (block, Ok(content)), left_to_the_disk).await;
            }
            if sender.is_closed() && block + 1 >= keep {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Gives the reader a block, and waits for one who was not slow before. False if he has to find it on the disk.
async fn hand_over(sender: &Sender, block: (u64, Result<Vec<Bytes>>), slow: bool) -> bool {
    match sender.try_send(block) {
        Err(TrySendError::Full(block)) if !slow => {
            matches!(tokio::time::timeout(COURTESY, sender.send(block)).await, Ok(Ok(())))
        }
        sent => sent.is_ok(),
    }
}

async fn confirm(order: &Order, blocks: &mut Blocks) -> Result<()> {
    look_again(order).await?;
    if let Err(error) = blocks.confirm().await {
        // It was right for who reads it, and counts for nobody else.
        tracing::debug!("the cache cannot write: {error}");
    }
    Ok(())
}

/// Whether it is still the same version, where only its time tells.
pub(crate) async fn look_again(order: &Order) -> Result<()> {
    let now = order.shared.inner.stat(&order.call, &order.path).await?;
    let same = now.is_some_and(|now| now.identity().compare(&order.validator) == Comparison::Same);
    if same { Ok(()) } else { Err(changed(order)) }
}

fn changed(order: &Order) -> Error {
    let url = order.shared.inner.url(&order.path);
    Error::new(ErrorKind::Changed, "the file changed while it was read").at(url).with_status(Status::Temporary)
}

/// Whether a version can be kept now.
pub(crate) fn may_keep(policy: Policy, version: &crate::version::Version) -> bool {
    policy == Policy::Immutable || !version.may_be_another_soon(SystemTime::now())
}
