//! Reads that go on after a break, from the offset that was reached.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

use crate::{
    ByteRange, ByteStream, Call, Comparison, Error, ErrorKind, Metadata, Operation, Reading, Result, Status, Validator,
};

/// A stream that brings less than this on average is no transfer any more: nothing may take for ever.
pub(crate) const SLOWEST: u64 = 16 * 1024;

/// Bytes after which a break is taken for a new one, and not for another failure of the last.
const PROGRESS: u64 = 64 * 1024;

/// How a broken read is opened again, and its file looked at.
#[async_trait]
pub(crate) trait Reopen: Send {
    /// Whether the read can go on after this error at all.
    fn can_go_on(&self, error: &Error) -> bool;

    /// Bytes came: the next break is a first one.
    fn progress(&mut self);

    /// Opens what is left of the read, pinned to its version, after `error`; or gives an error with all that was tried.
    async fn reopen(&mut self, error: Error, rest: ByteRange, validator: &Validator) -> Result<Reading>;

    /// What is there now.
    async fn look(&mut self) -> Result<Option<Metadata>>;

    /// For messages.
    fn url(&self) -> String;
}

/// The reading with a stream that goes on after breaks. Whoever uses the bytes notices nothing: no byte comes twice, and a
/// file that is another by then is [`ErrorKind::Changed`], never a mixture. Where validators are weak it is looked at again at the
/// end. `patience` is how long may be waited for bytes in all, beside the time that [`SLOWEST`] allows.
pub(crate) fn resuming(reading: Reading, call: &Call, patience: Duration, reopen: impl Reopen + 'static) -> Reading {
    let waiting = patience.saturating_add(Duration::from_secs(reading.range.length / SLOWEST));
    let state = Resuming {
        rest: reading.range,
        stream: Some(reading.stream),
        validator: reading.validator.clone(),
        doubtful: false,
        since_break: 0,
        waiting,
        call: call.clone(),
        reopen,
    };
    let stream = stream::unfold(state, |mut state| async move {
        let item = state.next().await.transpose()?;
        if item.is_err() {
            state.stream = None;
        }
        Some((item, state))
    });
    Reading { stream: stream.boxed(), ..reading }
}

struct Resuming<R> {
    rest: ByteRange,
    /// None once it has ended.
    stream: Option<ByteStream>,
    validator: Validator,
    /// Whether parts were read of what may be two versions.
    doubtful: bool,
    since_break: u64,
    waiting: Duration,
    call: Call,
    reopen: R,
}

impl<R: Reopen> Resuming<R> {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let Some(stream) = &mut self.stream else { return Ok(None) };
            let begin = Instant::now();
            let item = tokio::time::timeout(self.waiting, stream.next()).await;
            self.waiting = self.waiting.saturating_sub(begin.elapsed());
            match item.map_err(|_| self.too_slow())? {
                Some(Ok(bytes)) => return Ok(Some(self.take(bytes))),
                Some(Err(error)) if !self.reopen.can_go_on(&error) => return Err(error),
                Some(Err(error)) if !self.rest.is_empty() => self.go_on(error).await?,
                // All bytes came; whether of one version is seen at the end.
                Some(Err(_)) => {
                    self.doubtful = true;
                    self.stream = None;
                    self.check_at_the_end().await?;
                }
                None => {
                    self.stream = None;
                    self.check_at_the_end().await?;
                }
            }
        }
    }

    fn take(&mut self, bytes: Bytes) -> Bytes {
        self.rest = self.rest.after(bytes.len() as u64);
        self.since_break += bytes.len() as u64;
        if self.since_break >= PROGRESS {
            self.reopen.progress();
        }
        bytes
    }

    async fn go_on(&mut self, error: Error) -> Result<()> {
        tracing::info!(offset = self.rest.offset, "the read broke and goes on: {error}");
        let reached = self.rest.offset;
        let reading = self.reopen.reopen(error, self.rest, &self.validator).await.map_err(|e| e.reached(reached))?;
        if self.validator.compare(&reading.validator) == Comparison::Different {
            return Err(self.changed());
        }
        if reading.range != self.rest {
            let message = "the rest of a file is not the part that was asked for";
            return Err(Error::new(ErrorKind::Malformed, message).at(self.reopen.url()).during(Operation::Read));
        }
        self.stream = Some(reading.stream);
        self.doubtful |= !self.validator.is_surely(&reading.validator);
        self.since_break = 0;
        Ok(())
    }

    /// Two reads under a weak validator may have been of two versions.
    async fn check_at_the_end(&mut self) -> Result<()> {
        if !self.doubtful {
            return Ok(());
        }
        let now = self.reopen.look().await?;
        match now.map(|now| self.validator.compare(&now.identity())) {
            Some(Comparison::Same) => Ok(()),
            _ => Err(self.changed()),
        }
    }

    fn changed(&self) -> Error {
        Error::new(ErrorKind::Changed, "the file changed while it was read")
            .at(self.reopen.url())
            .during(Operation::Read)
    }

    fn too_slow(&self) -> Error {
        let left = self.call.remaining();
        let message = format!("bytes come so slowly ({} more are missing) that this would not end", self.rest.length);
        let error = Error::new(ErrorKind::Timeout, message).at(self.reopen.url()).during(Operation::Read);
        let error = error.with_status(Status::Permanent).reached(self.rest.offset);
        if left == Some(Duration::ZERO) { error.hint("the deadline of the call has passed") } else { error }
    }
}
