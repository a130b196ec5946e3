//! Threads for calls that block, some of which never end.
//!
//! They belong to this backend alone, so that a library that hangs holds up nobody else. Whoever waits for a call can give it up at any
//! moment: its thread stays until the library returns, and another one takes its place, until too many are lost.

use std::cell::Cell;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use law_storage::{Call, Error, ErrorKind, Result, cleanup};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Calls that are waited for at once.
const AT_ONCE: usize = 32;

/// Calls that nobody waits for any more, after which no new one is begun.
const MOST_LOST: usize = 32;

/// Threads that wait for the next call.
const IDLE: usize = 8;

type Work = Box<dyn FnOnce() + Send>;

/// Those of one process.
pub(super) fn threads() -> &'static Threads {
    static THREADS: std::sync::LazyLock<Threads> = std::sync::LazyLock::new(|| Threads::new(AT_ONCE, MOST_LOST));
    &THREADS
}

thread_local! {
    static OURS: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is a thread that may block.
pub(super) fn is_one_of_ours() -> bool {
    OURS.get()
}

/// A bounded number of threads.
#[derive(Clone)]
pub(super) struct Threads(Arc<Inner>);

struct Inner {
    idle: Mutex<Vec<mpsc::Sender<Work>>>,
    places: Arc<Semaphore>,
    lost: AtomicUsize,
    most_lost: usize,
}

const RUNNING: u8 = 0;
const DONE: u8 = 1;
const LOST: u8 = 2;

/// What a call that was given up leaves to be done.
pub(super) struct GivenUp {
    /// Asks the call to end; it may take its time.
    pub(super) stop: Work,
    /// Whether the end of the call is a part of the clean-up.
    pub(super) awaited: bool,
}

impl Threads {
    fn new(at_once: usize, most_lost: usize) -> Self {
        let (idle, lost) = (Mutex::default(), AtomicUsize::new(0));
        Self(Arc::new(Inner { idle, places: Arc::new(Semaphore::new(at_once)), lost, most_lost }))
    }

    /// Runs `work` on a thread, and waits for it under the deadline and the cancellation of the call.
    ///
    /// # Errors
    /// Those of the call; `Unavailable` if too many calls never came back.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        call: &Call,
        given_up: GivenUp,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let place = call.bound(async { self.place().await }).await?;
        let wanted = Wanted(Arc::new(AtomicU8::new(RUNNING)));
        let (sender, receiver) = oneshot::channel();
        let (finished, end) = oneshot::channel::<()>();
        let mut waiting =
            Waiting { threads: self.clone(), wanted: wanted.clone(), given_up: Some((given_up, end)), _place: place };
        let threads = self.clone();
        self.start(Box::new(move || {
            let value = work();
            // Whoever is still there takes it; else it goes away here, on this thread.
            drop(sender.send(value));
            if wanted.end() == LOST {
                threads.0.lost.fetch_sub(1, Ordering::SeqCst);
            }
            drop(finished);
        }))?;
        let broken = |_| Error::new(ErrorKind::Internal, "a thread for gfal2 broke");
        let value = call.bound(async { receiver.await.map_err(broken) }).await?;
        waiting.given_up = None;
        Ok(value)
    }

    /// Runs `work` on a thread, whoever waits for it. The receiver hears of its end.
    pub(super) fn background(&self, work: impl FnOnce() + Send + 'static) -> oneshot::Receiver<()> {
        let (finished, end) = oneshot::channel();
        self.0.lost.fetch_add(1, Ordering::SeqCst);
        let threads = self.clone();
        let started = self.start(Box::new(move || {
            work();
            threads.0.lost.fetch_sub(1, Ordering::SeqCst);
            drop(finished);
        }));
        if let Err(error) = started {
            tracing::warn!("{error}");
            self.0.lost.fetch_sub(1, Ordering::SeqCst);
        }
        end
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit> {
        let lost = self.0.lost.load(Ordering::SeqCst);
        if lost >= self.0.most_lost {
            let message = format!("{lost} calls into gfal2 have not come back, so that no new one is made");
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        let closed = |error| Error::new(ErrorKind::Internal, "no more threads").because(error);
        self.0.places.clone().acquire_owned().await.map_err(closed)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<mpsc::Sender<Work>>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, work: Work) -> Result<()> {
        let idle = self.idle().pop();
        let work = match idle {
            // A thread that is gone gives the work back.
            Some(thread) => match thread.send(work) {
                Ok(()) => return Ok(()),
                Err(back) => back.0,
            },
            None => work,
        };
        let threads = self.clone();
        let spawned = std::thread::Builder::new().name("gfal2".into()).spawn(move || threads.work(work));
        spawned.map(drop).map_err(|error| Error::new(ErrorKind::Unavailable, "no thread for gfal2").because(error))
    }

    /// What a thread does.
    fn work(&self, first: Work) {
        OURS.set(true);
        let (sender, receiver) = mpsc::channel();
        let mut work = first;
        loop {
            work();
            let mut idle = self.idle();
            if idle.len() >= IDLE {
                return;
            }
            idle.push(sender.clone());
            drop(idle);
            work = match receiver.recv() {
                Ok(next) => next,
                Err(_) => return,
            };
        }
    }
}

/// Whether somebody waits for a call.
#[derive(Clone)]
struct Wanted(Arc<AtomicU8>);

impl Wanted {
    /// Ends it, and says what it was.
    fn end(&self) -> u8 {
        self.0.swap(DONE, Ordering::SeqCst)
    }
}

/// Somebody who waits for a call, and may go away.
struct Waiting {
    threads: Threads,
    wanted: Wanted,
    given_up: Option<(GivenUp, oneshot::Receiver<()>)>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some((given_up, end)) = self.given_up.take() else { return };
        // Counted before the thread can take it back.
        self.threads.0.lost.fetch_add(1, Ordering::SeqCst);
        if self.wanted.0.compare_exchange(RUNNING, LOST, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            self.threads.0.lost.fetch_sub(1, Ordering::SeqCst);
            return;
        }
        // It ends with the call, which is counted.
        if let Err(error) = self.threads.start(given_up.stop) {
            tracing::warn!("{error}");
        }
        if given_up.awaited {
            cleanup::start(async move { drop(end.await) });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn nothing() -> GivenUp {
        GivenUp { stop: Box::new(|| ()), awaited: false }
    }

    #[tokio::test]
    async fn a_call_that_hangs_is_left_alone_and_replaced_until_too_many_hang() {
        let threads = Threads::new(1, 2);
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        for _ in 0..2 {
            let gate = gate.clone();
            let call = Call::new().within(Duration::from_millis(20));
            let hang = move || drop(gate.lock().map(|gate| gate.recv()));
            let error = threads.run(&call, nothing(), hang).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timeout);
        }
        let error = threads.run(&Call::new(), nothing(), || ()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        drop(open);
        while threads.0.lost.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(threads.run(&Call::new(), nothing(), || 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn what_is_given_up_is_told_to_stop() {
        let threads = Threads::new(1, 2);
        let (stopped, told) = std::sync::mpsc::channel::<()>();
        let stop: Work = Box::new(move || drop(stopped));
        let call = Call::new().within(Duration::from_millis(20));
        let wait = move || assert!(told.recv().is_err());
        let error = threads.run(&call, GivenUp { stop, awaited: true }, wait).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        cleanup::finish().await;
        while threads.0.lost.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    }
}
