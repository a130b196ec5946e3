//! How long a job waits for a storage that does not answer.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use law_storage::{Call, Error, ErrorKind, Result};
use tokio::time::Instant;

/// So long nothing may succeed, each file in spite of its own repetitions, before the job is given up.
const LIMIT: Duration = Duration::from_secs(60);

/// The first and the longest wait before a file is tried again.
const WAITS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// How often a file is tried again while others succeed, or while no other one fails: then it is the file, not the storage.
const AGAIN: u32 = 2;

/// Shared by all files of a job: they fail and recover together.
#[derive(Debug)]
pub(crate) struct Patience {
    limit: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The last time that anything worked.
    success: Instant,
    /// Files that failed, and are waited with.
    failing: usize,
    over: bool,
}

impl Patience {
    /// For as long; none is the usual time.
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        let state = Mutex::new(State { success: Instant::now(), failing: 0, over: false });
        Self { limit: limit.unwrap_or(LIMIT), state }
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // A time and a flag are right whatever panicked beside them.
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the job is given up.
    pub(crate) fn is_over(&self) -> bool {
        self.with(|state| state.over)
    }

    /// For one file.
    pub(crate) fn of_one(&self) -> Waiting<'_> {
        Waiting { patience: self, wait: WAITS.0, begin: Instant::now(), tries: 0, beside_success: 0 }
    }

    fn worked(&self) {
        self.with(|state| state.success = Instant::now());
    }

    fn has_enough(&self) -> bool {
        self.with(|state| {
            state.over |= state.success.elapsed() >= self.limit;
            state.over
        })
    }
}

/// One file of a job, which is tried again while the storage is away.
pub(crate) struct Waiting<'p> {
    patience: &'p Patience,
    wait: Duration,
    begin: Instant,
    tries: u32,
    /// Failures while others succeeded.
    beside_success: u32,
}

impl Waiting<'_> {
    /// The result, or none after a wait if it is worth another attempt.
    pub(crate) async fn settle<T>(&mut self, call: &Call, result: Result<T>) -> Option<Result<T>> {
        let error = match result {
            Err(error) if is_unanswered(&error) => error,
            other => {
                self.patience.worked();
                return Some(other);
            }
        };
        if self.tries == 0 {
            self.patience.with(|state| state.failing += 1);
        }
        self.tries += 1;
        if self.patience.with(|state| state.success) > self.begin {
            self.beside_success += 1;
        }
        let alone = self.tries > AGAIN && self.patience.with(|state| state.failing) == 1;
        if self.patience.limit.is_zero()
            || alone
            || self.beside_success > AGAIN
            || self.patience.has_enough()
            || call.pause(self.wait).await.is_err()
        {
            return Some(Err(error));
        }
        self.wait = (self.wait * 2).min(WAITS.1);
        self.begin = Instant::now();
        None
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.tries > 0 {
            self.patience.with(|state| state.failing -= 1);
        }
    }
}

/// It failed as if there were no storage.
fn is_unanswered(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout) && !error.outcome().is_unknown()
}
