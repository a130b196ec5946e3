//! A wrapper that asks the same endpoint again.

pub(crate) mod attempts;
mod backend;
pub(crate) mod backoff;
mod budget;
mod reading;

use std::future::ready;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use self::attempts::{Attempts, LastTold};
use self::budget::Budget;
use crate::looks::Looks;
use crate::{Backend, Call, Path, Result, settle};

/// How often and how long an endpoint is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySettings {
    /// Attempts after the first one.
    pub retries: u32,
    /// For a call that moves no file: the time for all of it. For one that does: the longest time without success after
    /// a break; beside it, a transfer may take as long as it needs at 16 KiB/s.
    pub deadline: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self { retries: 3, deadline: Duration::from_secs(600) }
    }
}

/// Another backend, asked again after failures that may pass ([`Status::Temporary`](crate::Status)).
///
/// * As often as [`Call::attempts_allowed`] or the settings say, within the deadline; between attempts it waits a random
///   time whose limit doubles, or as long as the server asks. Repetitions are a tenth of all requests at most: those beyond
///   it wait for their turn.
/// * After a request whose answer was lost it looks what is there and decides: it never does anything twice, and never calls
///   anything done that is not.
/// * A read that breaks goes on at the offset that was reached, pinned to its version. A listing that breaks goes on
///   where the server can continue it; otherwise its error is the caller's.
#[derive(Debug, Clone)]
pub struct Retry {
    inner: Arc<dyn Backend>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: RetrySettings,
    budget: Budget,
    last_told: LastTold,
    looks: Looks,
    /// The name of the endpoint in histories.
    door: String,
}

impl Retry {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn Backend>, settings: RetrySettings) -> Self {
        let door = inner.url(&Path::root()).trim_end_matches('/').to_owned();
        let (budget, last_told, looks) = (Budget::new(Instant::now()), LastTold::default(), Looks::default());
        Self { inner, shared: Arc::new(Shared { settings, budget, last_told, looks, door }) }
    }

    fn attempts(&self, call: &Call) -> Attempts {
        Attempts::new(&self.shared, call)
    }

    /// A call that moves no file ends with the deadline.
    fn within_deadline(&self, call: &Call) -> Call {
        call.clone().within(self.shared.settings.deadline)
    }

    /// Asks until there is an answer. What may be done twice without harm needs no look in between.
    async fn repeat<'a, T: Send + 'a>(
        &'a self,
        call: &'a Call,
        work: impl Fn() -> BoxFuture<'a, Result<T>> + Send + Sync,
    ) -> Result<T> {
        self.repeat_unless_done(call, work, || ready(Ok(None)).boxed()).await
    }

    /// As [`repeat`](Self::repeat), but looks after an attempt that may have been the last one.
    async fn repeat_unless_done<'a, T: Send + 'a>(
        &'a self,
        call: &'a Call,
        work: impl Fn() -> BoxFuture<'a, Result<T>> + Send + Sync,
        done: impl Fn() -> BoxFuture<'a, Result<Option<T>>> + Send + Sync,
    ) -> Result<T> {
        let mut attempts = self.attempts(call);
        let mut earlier = None;
        loop {
            let error = match work().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let after = settle::after(error, &mut earlier, |_| done()).await;
            let error = match after.map_err(|unsure| attempts.told(unsure))? {
                ControlFlow::Break(value) => return Ok(value),
                ControlFlow::Continue(error) => error,
            };
            attempts.again(&self.shared, call, &self.shared.door, error).await?;
        }
    }
}
