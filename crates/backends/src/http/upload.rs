//! Request bodies: none, a few bytes, or a source that is held back until the server wants it.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{Stream as _, StreamExt as _};
use http_body::{Body, Frame, SizeHint};
use law_storage::{Algorithm, ByteStream, Call, Error, ErrorKind, Hasher, Result, Source, Taken};
use tokio::sync::{Notify, watch};

/// A source on its way up, with the checksums to compute on the way.
pub struct Upload<'a> {
    source: &'a dyn Source,
    size: u64,
    algorithms: Vec<Algorithm>,
    progress: Mutex<Arc<Progress>>,
    ending: Arc<Ending>,
}

/// The last bytes of a body, which may have to wait until its source has proven itself.
struct Ending {
    read: Notify,
    released: watch::Sender<bool>,
}

/// What a body under way tells those who wait for the answer.
pub(super) struct Progress {
    hasher: Mutex<Option<Hasher>>,
    failure: Mutex<Option<Error>>,
    size: u64,
    sent: AtomicU64,
    held: AtomicBool,
    waits_for_source: AtomicBool,
}

/// What holds a body back.
pub(super) type Gate = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Progress {
    fn new(algorithms: &[Algorithm], size: u64, held: bool) -> Self {
        Self {
            size,
            held: AtomicBool::new(held),
            hasher: Mutex::new(Some(Hasher::new(algorithms.iter().copied()))),
            failure: Mutex::new(None),
            sent: AtomicU64::new(0),
            waits_for_source: AtomicBool::new(false),
        }
    }

    /// Bytes of the body.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Whether the server has not asked for the body yet.
    pub(super) fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }

    /// Bytes that the connection took.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whether it is the source that lets everybody wait.
    pub(super) fn waits_for_source(&self) -> bool {
        self.waits_for_source.load(Ordering::Relaxed)
    }

    /// Why the source broke, if it did.
    pub(super) fn take_failure(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<'a> Upload<'a> {
    /// All `size` bytes of `source`.
    pub fn new(source: &'a dyn Source, size: u64, algorithms: Vec<Algorithm>) -> Self {
        let progress = Mutex::new(Arc::new(Progress::new(&algorithms, size, false)));
        Self {
            source,
            size,
            algorithms,
            progress,
            ending: Arc::new(Ending { read: Notify::new(), released: watch::Sender::new(true) }),
        }
    }

    /// Keeps the last bytes back until [`release_the_end`](Self::release_the_end).
    pub fn hold_the_end(&self) {
        self.ending.released.send_replace(false);
    }

    /// Waits until everything was read from the source, and tells what it was. The last bytes are not sent yet.
    pub async fn all_read(&self) -> Taken {
        self.ending.read.notified().await;
        let progress = self.progress();
        let hasher = progress.hasher.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default();
        Taken { size: hasher.length(), digests: hasher.finish() }
    }

    /// Lets the last bytes go, now and in every later try.
    pub fn release_the_end(&self) {
        self.ending.released.send_replace(true);
    }

    /// The checksums that are computed on the way.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Bytes of the body.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What the server took in the try that succeeded.
    ///
    /// # Errors
    /// `Integrity` if the server answered before it had everything.
    pub fn taken(&self) -> Result<Taken> {
        let progress = self.progress();
        let hasher = progress.hasher.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
        if hasher.length() == self.size {
            return Ok(Taken { size: self.size, digests: hasher.finish() });
        }
        let message = format!("the server said that all is well after {} of {} bytes", hasher.length(), self.size);
        Err(Error::new(ErrorKind::Integrity, message))
    }

    pub(super) fn progress(&self) -> Arc<Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A body from the first byte on, for a new try. It is held back until `gate` opens.
    pub(super) async fn body(&self, call: &Call, gate: Option<Gate>) -> Result<Payload> {
        let progress = Arc::new(Progress::new(&self.algorithms, self.size, gate.is_some()));
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress.clone();
        let mut stream = self.source.open(call, 0).await?;
        if self.size == 0 {
            // hyper never asks for a body without bytes, so that nobody else would see that there are some.
            nothing_in(&mut stream).await?;
        }
        let ending = self.ending.clone();
        Ok(Payload::Upload(Held { stream, left: self.size, gate, last: None, ended: false, ending, progress }))
    }
}

/// What hyper sends.
pub(super) enum Payload {
    None,
    Bytes(Bytes),
    Upload(Held),
}

/// A source as a body.
///
/// The last chunk goes only after the source has said that there is no more: a server has the whole body with it, and
/// would publish what turns out to be too long.
pub(super) struct Held {
    stream: ByteStream,
    left: u64,
    gate: Option<Gate>,
    last: Option<Bytes>,
    ended: bool,
    ending: Arc<Ending>,
    progress: Arc<Progress>,
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::None => Poll::Ready(None),
            Self::Bytes(bytes) => Poll::Ready(take_all(bytes).map(|bytes| Ok(Frame::data(bytes)))),
            Self::Upload(body) => body.poll_chunk(cx).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::None) || self.size_hint().exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::None => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Upload(body) => body.left + body.last.as_ref().map_or(0, |last| last.len() as u64),
        })
    }
}

fn too_long() -> Error {
    Error::new(ErrorKind::Integrity, "the source has more bytes than it said")
}

/// An error if the source of an empty body is not empty.
async fn nothing_in(stream: &mut ByteStream) -> Result<()> {
    while let Some(chunk) = stream.next().await.transpose()? {
        if !chunk.is_empty() {
            return Err(too_long());
        }
    }
    Ok(())
}

fn take_all(bytes: &mut Bytes) -> Option<Bytes> {
    let all = std::mem::take(bytes);
    (!all.is_empty()).then_some(all)
}

impl Held {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if let Some(gate) = &mut self.gate {
            ready!(gate.as_mut().poll(cx));
            self.gate = None;
            self.progress.held.store(false, Ordering::Relaxed);
        }
        while !self.ended {
            let polled = Pin::new(&mut self.stream).poll_next(cx);
            self.progress.waits_for_source.store(polled.is_pending(), Ordering::Relaxed);
            match ready!(polled).transpose().and_then(|chunk| self.take(chunk)) {
                Ok(Some(chunk)) => return Poll::Ready(Some(Ok(self.sent(chunk)))),
                Ok(None) if self.ended && self.end_is_held() => return self.hold(cx),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(self.fail(error)))),
            }
        }
        Poll::Ready(self.last.take().map(|last| Ok(self.sent(last))))
    }

    /// Counts a chunk of the source; the one that makes the body whole is kept until the source has ended.
    fn take(&mut self, chunk: Option<Bytes>) -> Result<Option<Bytes>> {
        let Some(chunk) = chunk else {
            self.ended = true;
            return if self.left > 0 { Err(self.short()) } else { Ok(None) };
        };
        if chunk.is_empty() {
            return Ok(None);
        }
        self.left = self.left.checked_sub(chunk.len() as u64).ok_or_else(too_long)?;
        if let Some(hasher) = &mut *self.progress.hasher.lock().unwrap_or_else(PoisonError::into_inner) {
            hasher.update(&chunk);
        }
        if self.left > 0 {
            return Ok(Some(chunk));
        }
        self.last = Some(chunk);
        Ok(None)
    }

    fn sent(&self, chunk: Bytes) -> Bytes {
        self.progress.sent.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        chunk
    }

    fn end_is_held(&self) -> bool {
        !*self.ending.released.borrow()
    }

    /// Says that everything was read, and waits until the last bytes may go.
    fn hold(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        self.progress.held.store(true, Ordering::Relaxed);
        let mut released = self.ending.released.subscribe();
        self.gate = Some(Box::pin(async move {
            if released.wait_for(|released| *released).await.is_err() {
                std::future::pending::<()>().await;
            }
        }));
        self.ending.read.notify_one();
        self.poll_chunk(cx)
    }

    fn short(&self) -> Error {
        Error::new(ErrorKind::Integrity, format!("the source ended {} bytes too early", self.left))
    }

    /// hyper hides what a body says; the one who waits for the answer finds the reason here.
    fn fail(&self, error: Error) -> Error {
        let shown = Error::new(error.kind(), error.to_string());
        *self.progress.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        shown
    }
}
