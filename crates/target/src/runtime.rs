//! The one runtime behind all blocking calls.

use std::cell::Cell;
use std::future::Future;
use std::sync::OnceLock;
use std::sync::mpsc;

use law_storage::{Error, ErrorKind, Result};
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static OURS: Cell<bool> = const { Cell::new(false) };
}

/// The runtime, and the process that started it: threads do not survive a fork.
struct Shared {
    runtime: Runtime,
    process: u32,
}

static SHARED: OnceLock<Shared> = OnceLock::new();

/// Workers enough to keep several connections and a disk busy.
const MOST_WORKERS: usize = 4;

fn shared() -> Result<&'static Shared> {
    if let Some(shared) = SHARED.get() {
        return shared.of_this_process();
    }
    let workers = std::thread::available_parallelism().map_or(1, |n| n.get()).min(MOST_WORKERS);
    let runtime = Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("law-io")
        .on_thread_start(|| OURS.with(|ours| ours.set(true)))
        .enable_all()
        .build()
        .map_err(|e| Error::new(ErrorKind::Internal, "cannot start the threads for input and output").because(e))?;
    let started = Shared { runtime, process: std::process::id() };
    if let Err(late) = SHARED.set(started) {
        // Another thread was faster. This one may be of a foreign runtime, where no runtime may be dropped as usual.
        late.runtime.shutdown_background();
    }
    SHARED.get().ok_or_else(|| Error::new(ErrorKind::Internal, "no runtime although one was started"))
}

impl Shared {
    fn of_this_process(&self) -> Result<&Self> {
        if self.process == std::process::id() {
            return Ok(self);
        }
        let error = Error::new(ErrorKind::InvalidInput, "this process was forked after law had started its threads");
        Err(error.hint("fork before the first access to a target, or start a new program"))
    }
}

/// Runs `work` on the shared runtime and waits for it. It works from plain threads, from rayon and within a foreign
/// tokio runtime (whose thread it blocks). The runtime starts with the first call, never before.
///
/// # Errors
/// Those of `work`; `InvalidInput` from a thread of the shared runtime itself, where waiting would never end, and in a
/// process that was forked after the first call.
pub fn wait<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    if OURS.with(Cell::get) {
        let error = Error::new(ErrorKind::InvalidInput, "a blocking call on a thread that moves the bytes");
        return Err(error.hint("use the async twin here: load_async, dump_async, target.place()"));
    }
    let shared = shared()?;
    let (sender, receiver) = mpsc::sync_channel(1);
    shared.runtime.spawn(async move { drop(sender.send(work.await)) });
    receiver.recv().unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "a task of law broke: this is a defect")))
}

/// Runs `work` on the calling thread, with the shared runtime behind it: for the main thread of a program, whose work
/// need not be fit for another thread.
///
/// # Errors
/// Those of `work`; `Internal` if the runtime cannot start; `InvalidInput` in a process that was forked after it had.
///
/// # Panics
/// Within a runtime, as tokio's `block_on` does: [`wait`] is for everywhere.
pub fn block_on<T, E: From<Error>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    shared()?.runtime.block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answer() -> Result<u32> {
        tokio::task::yield_now().await;
        Ok(42)
    }

    #[test]
    fn from_a_plain_thread_and_within_foreign_runtimes() {
        assert_eq!(wait(answer()).unwrap(), 42);
        let single = Builder::new_current_thread().build().unwrap();
        assert_eq!(single.block_on(async { wait(answer()) }).unwrap(), 42);
        let several = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        assert_eq!(several.block_on(async { tokio::spawn(async { wait(answer()) }).await.unwrap() }).unwrap(), 42);
    }

    #[test]
    fn from_its_own_thread_it_names_the_way_out() {
        let error = wait(async { wait(answer()) }).unwrap_err();
        assert!(error.hint_text().unwrap().contains("load_async"));
    }

    #[test]
    fn a_task_that_panics_is_an_error() {
        async fn breaks() -> Result<u32> {
            panic!("as a test wants")
        }
        let broken = wait(breaks());
        assert_eq!(broken.unwrap_err().kind(), ErrorKind::Internal);
    }
}
