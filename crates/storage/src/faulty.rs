//! Any backend, with faults on order: for tests of what stands above it.

use std::collections::HashMap;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::sync::Notify;

mod tampered;

use self::tampered::{FaultySource, flip, interrupt, tamper};
use crate::{
    Access, Algorithm, Backend, ByteRange, Call, Capabilities, Destination, Digest, Error, ErrorKind, ListOptions,
    Listing, LocalFile, Metadata, Operation, Order, Outcome, Parents, Path, PutOptions, ReadOptions, Reading, Receipt,
    Result, Source, Space, Status, TapeAnswer, TapeOrder, UnfinishedUpload, Validator, exactly,
};

/// What goes wrong. `at` counts bytes of the file for reads, bytes taken from the source for `put`, and pages for
/// `list`; one that lies outside of what travels means its nearest end. `read_ranges` and `read_into` have no middle:
/// they fail as a whole.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The call ends in an error of this kind, and the backend is not asked.
    Fail(ErrorKind),
    /// The transfer ends in an error of this kind: for `put`, before anything is published.
    Break {
        /// Where.
        at: u64,
        /// With what.
        kind: ErrorKind,
    },
    /// The bytes end too early, which the contract makes an `Integrity` error of.
    Truncate {
        /// Where.
        at: u64,
    },
    /// The byte there, if it travels, is another one, and nobody on the way notices. Only for reads and `put`.
    Flip {
        /// Where.
        at: u64,
    },
    /// Nothing comes any more, until the call's deadline, its cancellation, or for ever.
    Stall {
        /// Where.
        at: u64,
    },
    /// Waits until the gate opens, then goes on as if nothing had happened. For calls without bytes: before the
    /// backend is asked.
    Hold {
        /// Where.
        at: u64,
        /// What it waits for.
        gate: Gate,
    },
    /// The backend does what it was asked, and then the answer is lost: `Timeout`.
    LoseAnswer,
    /// The same `Timeout`, and the backend was never asked. Only for calls without bytes.
    LoseRequest,
}

impl Fault {
    /// This fault in the `nth` call of that operation from now on; the first is 1.
    pub fn on(self, operation: Operation, nth: usize) -> Scripted {
        Scripted { operation, calls: Calls::Nth(nth), fault: self }
    }

    /// This fault in every call of that operation.
    pub fn always(self, operation: Operation) -> Scripted {
        Scripted { operation, calls: Calls::All, fault: self }
    }
}

/// A line of a script: see [`Fault::on`] and [`Fault::always`].
#[derive(Debug, Clone)]
pub struct Scripted {
    operation: Operation,
    calls: Calls,
    fault: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Calls {
    Nth(usize),
    All,
}

/// Where a held transfer waits, so that a test can look around meanwhile. Clones are the same gate.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<(Notify, Notify)>);

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until something waits at the gate.
    pub async fn reached(&self) {
        self.0.0.notified().await;
    }

    /// Lets one that waits, or the next one that comes, pass.
    pub fn open(&self) {
        self.0.1.notify_one();
    }

    /// Waits at the gate.
    pub async fn pass(&self) {
        self.0.0.notify_one();
        self.0.1.notified().await;
    }

    async fn passed(&self) -> Result<()> {
        self.pass().await;
        Ok(())
    }
}

/// A backend that does what its script says, and otherwise what the wrapped one does.
///
/// `probe` counts as [`Operation::Open`], `lstat` and `attribute` as [`Operation::Stat`]; all reads as
/// [`Operation::Read`], both removals as [`Operation::Remove`].
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn Backend>,
    script: Mutex<Script>,
}

#[derive(Debug, Default)]
struct Script {
    lines: Vec<Scripted>,
    calls: HashMap<Operation, usize>,
}

impl Script {
    fn add(&mut self, mut line: Scripted) {
        if let Calls::Nth(nth) = &mut line.calls {
            *nth += self.calls.get(&line.operation).copied().unwrap_or(0);
        }
        self.lines.push(line);
    }

    /// Counts a call, and finds its fault.
    fn next(&mut self, operation: Operation) -> Option<Fault> {
        let count = self.calls.entry(operation).or_default();
        *count += 1;
        let due =
            |line: &Scripted| line.operation == operation && [Calls::All, Calls::Nth(*count)].contains(&line.calls);
        let at = self.lines.iter().position(due)?;
        match self.lines[at].calls {
            Calls::All => Some(self.lines[at].fault.clone()),
            Calls::Nth(_) => Some(self.lines.remove(at).fault),
        }
    }
}

impl Faulty {
    /// Wraps `inner` with a script.
    pub fn new(inner: Arc<dyn Backend>, script: impl IntoIterator<Item = Scripted>) -> Self {
        let faulty = Self { inner, script: Mutex::default() };
        script.into_iter().for_each(|line| faulty.add(line));
        faulty
    }

    /// Adds a line; its calls are counted from now on.
    pub fn add(&self, line: Scripted) {
        self.script().add(line);
    }

    /// Takes back what has not happened yet: from now on it does what the wrapped one does.
    pub fn heal(&self) {
        self.script().lines.clear();
    }

    /// How often an operation was called so far.
    pub fn calls(&self, operation: Operation) -> usize {
        self.script().calls.get(&operation).copied().unwrap_or(0)
    }

    /// How many lines of the script have not happened yet; those for every call always count.
    pub fn remaining(&self) -> usize {
        self.script().lines.len()
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, error: Error, operation: Operation, path: &Path) -> Error {
        error.at(self.inner.url(path)).during(operation)
    }

    /// A call without bytes.
    async fn around<T>(
        &self,
        (call, operation, path): (&Call, Operation, &Path),
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let fault = self.script().next(operation);
        let lose = matches!(fault, Some(Fault::LoseAnswer));
        let happened = match fault {
            None | Some(Fault::LoseAnswer) => Ok(()),
            Some(Fault::Flip { .. }) => Err(Error::new(ErrorKind::Internal, "no bytes travel here that could flip")),
            Some(fault) => happen(call, fault).await,
        };
        happened.map_err(|error| self.place(error, operation, path))?;
        let answer = work.await?;
        if lose { Err(self.place(lost(), operation, path)) } else { Ok(answer) }
    }

    /// The fault of a transfer, unless it ends the call before it begins.
    fn transfer(&self, operation: Operation, path: &Path) -> Result<Option<Fault>> {
        match self.script().next(operation) {
            Some(Fault::Fail(kind)) => Err(self.place(injected(kind), operation, path)),
            fault => Ok(fault),
        }
    }
}

/// Lets a fault happen: an error, or a wait.
async fn happen(call: &Call, fault: Fault) -> Result<()> {
    match fault {
        Fault::Fail(kind) | Fault::Break { kind, .. } => Err(injected(kind)),
        Fault::Truncate { .. } => Err(injected(ErrorKind::Integrity).with_status(Status::Temporary)),
        Fault::Stall { .. } => call.bound(pending()).await,
        Fault::Hold { gate, .. } => call.bound(gate.passed()).await,
        Fault::LoseAnswer | Fault::LoseRequest => Err(lost()),
        Fault::Flip { .. } => Ok(()),
    }
}

fn injected(kind: ErrorKind) -> Error {
    Error::new(kind, format!("{} (injected)", kind.phrase()))
}

fn lost() -> Error {
    Error::new(ErrorKind::Timeout, "the answer was lost (injected)").with_outcome(Outcome::Unknown)
}

impl Fault {
    fn at(&self) -> u64 {
        match self {
            Self::Break { at, .. } | Self::Truncate { at } | Self::Flip { at } => *at,
            Self::Stall { at } | Self::Hold { at, .. } => *at,
            Self::Fail(_) | Self::LoseAnswer | Self::LoseRequest => 0,
        }
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Backend for Faulty {
    fn url(&self, path: &Path) -> String {
        self.inner.url(path)
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn probe(&self, call: &Call) -> Result<Capabilities> {
        self.around((call, Operation::Open, &Path::root()), self.inner.probe(call)).await
    }

    async fn stat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        self.around((call, Operation::Stat, path), self.inner.stat(call, path)).await
    }

    async fn lstat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        self.around((call, Operation::Stat, path), self.inner.lstat(call, path)).await
    }

    async fn read(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        let fault = self.transfer(Operation::Read, path)?;
        let reading = self.inner.read(call, path, options).await?;
        let Some(fault) = fault else { return Ok(reading) };
        let stream = tamper(reading.stream, reading.range.offset, fault, call);
        Ok(Reading { stream: exactly(reading.range, stream), ..reading })
    }

    async fn read_ranges(
        &self,
        call: &Call,
        path: &Path,
        ranges: &[ByteRange],
        validator: Option<&Validator>,
    ) -> Result<Vec<Bytes>> {
        let fault = self.transfer(Operation::Read, path)?;
        let parts = self.inner.read_ranges(call, path, ranges, validator).await?;
        let Some(fault) = fault else { return Ok(parts) };
        if let Fault::Flip { at } = fault {
            return Ok(ranges.iter().zip(parts).map(|(range, part)| flip(part, &mut { range.offset }, at)).collect());
        }
        happen(call, fault).await.map_err(|error| self.place(error, Operation::Read, path))?;
        Ok(parts)
    }

    async fn read_into(
        &self,
        call: &Call,
        path: &Path,
        offset: u64,
        buffer: &mut [u8],
        validator: Option<&Validator>,
    ) -> Result<usize> {
        let fault = self.transfer(Operation::Read, path)?;
        let count = self.inner.read_into(call, path, offset, buffer, validator).await?;
        let Some(fault) = fault else { return Ok(count) };
        if let Fault::Flip { at } = fault {
            let within = at.checked_sub(offset).and_then(|within| usize::try_from(within).ok());
            let byte = within.and_then(|within| buffer[..count].get_mut(within));
            byte.into_iter().for_each(|byte| *byte ^= 1);
            return Ok(count);
        }
        happen(call, fault).await.map_err(|error| self.place(error, Operation::Read, path))?;
        Ok(count)
    }

    async fn put(&self, call: &Call, path: &Path, source: &dyn Source, options: &PutOptions) -> Result<Receipt> {
        match self.transfer(Operation::Put, path)? {
            None => self.inner.put(call, path, source, options).await,
            Some(Fault::LoseAnswer) => {
                let receipt = Box::new(self.inner.put(call, path, source, options).await?);
                Err(self.place(lost().with_outcome(Outcome::UnknownAfter(receipt)), Operation::Put, path))
            }
            Some(fault) => self.inner.put(call, path, &FaultySource { inner: source, fault }, options).await,
        }
    }

    async fn list(&self, call: &Call, path: &Path, options: &ListOptions) -> Result<Listing> {
        let fault = self.transfer(Operation::List, path)?;
        let listing = self.inner.list(call, path, options).await?;
        let Some(fault) = fault else { return Ok(listing) };
        let (at, url) = (fault.at(), self.inner.url(path));
        let pages = interrupt(listing, at, fault, call, |_| 1);
        Ok(pages.map(move |page| page.map_err(|error| error.at(&url).during(Operation::List))).boxed())
    }

    async fn create_directory(&self, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        let work = self.inner.create_directory(call, path, parents);
        self.around((call, Operation::CreateDirectory, path), work).await
    }

    async fn remove_file(&self, call: &Call, path: &Path) -> Result<()> {
        self.around((call, Operation::Remove, path), self.inner.remove_file(call, path)).await
    }

    async fn remove_directory(&self, call: &Call, path: &Path) -> Result<()> {
        self.around((call, Operation::Remove, path), self.inner.remove_directory(call, path)).await
    }

    async fn rename(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        let work = self.inner.rename(call, from, to, destination);
        self.around((call, Operation::Rename, from), work).await
    }

    async fn copy(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        self.around((call, Operation::Copy, from), self.inner.copy(call, from, to, destination)).await
    }

    fn access(&self, path: &Path) -> Result<Access> {
        self.inner.access(path)
    }

    async fn third_party(&self, call: &Call, path: &Path, order: &Order<'_>) -> Result<()> {
        self.around((call, Operation::Copy, path), self.inner.third_party(call, path, order)).await
    }

    async fn tape(&self, call: &Call, order: &TapeOrder<'_>) -> Result<TapeAnswer> {
        self.around((call, Operation::Tape, &Path::root()), self.inner.tape(call, order)).await
    }

    async fn unfinished_uploads(&self, call: &Call, top: &Path) -> Result<Vec<UnfinishedUpload>> {
        self.around((call, Operation::List, top), self.inner.unfinished_uploads(call, top)).await
    }

    async fn abandon_upload(&self, call: &Call, upload: &UnfinishedUpload) -> Result<()> {
        self.around((call, Operation::Remove, &upload.path), self.inner.abandon_upload(call, upload)).await
    }

    async fn digest(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>> {
        self.around((call, Operation::Digest, path), self.inner.digest(call, path, wanted)).await
    }

    async fn local_file(&self, call: &Call, path: &Path, validator: Option<&Validator>) -> Result<Option<LocalFile>> {
        self.around((call, Operation::LocalFile, path), self.inner.local_file(call, path, validator)).await
    }

    async fn local_file_here(
        &self,
        call: &Call,
        path: &Path,
        validator: Option<&Validator>,
    ) -> Result<Option<LocalFile>> {
        self.around((call, Operation::LocalFile, path), self.inner.local_file_here(call, path, validator)).await
    }

    async fn local_directory(&self, call: &Call, path: &Path) -> Result<Option<std::path::PathBuf>> {
        self.around((call, Operation::LocalFile, path), self.inner.local_directory(call, path)).await
    }

    async fn set_modified(&self, call: &Call, path: &Path, time: SystemTime) -> Result<()> {
        self.around((call, Operation::SetMetadata, path), self.inner.set_modified(call, path, time)).await
    }

    async fn set_mode(&self, call: &Call, path: &Path, mode: u32) -> Result<()> {
        self.around((call, Operation::SetMetadata, path), self.inner.set_mode(call, path, mode)).await
    }

    async fn create_link(&self, call: &Call, path: &Path, target: &[u8]) -> Result<()> {
        self.around((call, Operation::Link, path), self.inner.create_link(call, path, target)).await
    }

    async fn read_link(&self, call: &Call, path: &Path) -> Result<Vec<u8>> {
        self.around((call, Operation::Link, path), self.inner.read_link(call, path)).await
    }

    async fn attributes(&self, call: &Call, path: &Path) -> Result<Vec<String>> {
        self.around((call, Operation::Stat, path), self.inner.attributes(call, path)).await
    }

    async fn attribute(&self, call: &Call, path: &Path, name: &str) -> Result<Option<Vec<u8>>> {
        self.around((call, Operation::Stat, path), self.inner.attribute(call, path, name)).await
    }

    async fn set_attribute(&self, call: &Call, path: &Path, name: &str, value: Option<&[u8]>) -> Result<()> {
        let work = self.inner.set_attribute(call, path, name, value);
        self.around((call, Operation::SetMetadata, path), work).await
    }

    async fn space(&self, call: &Call, path: &Path) -> Result<Space> {
        self.around((call, Operation::Space, path), self.inner.space(call, path)).await
    }
}
