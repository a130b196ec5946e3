//! The attempts of one call at one endpoint.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use super::backoff::{chance, wait};
use crate::{Attempt, Call, Error, ErrorKind, Result, Status};

/// Who waits for so long wonders why.
const WORTH_TELLING: Duration = Duration::from_secs(5);

/// How long the waiting for one endpoint is not told again, however many files wait for it.
const TOLD_EVERY: Duration = Duration::from_secs(30);

/// When somebody was last told that an endpoint makes us wait.
#[derive(Debug, Default)]
pub(super) struct LastTold(Mutex<Option<Instant>>);

impl LastTold {
    /// Whether it should be told now; if so, that counts as told.
    fn is_due(&self, now: Instant) -> bool {
        // A time is right whatever panicked beside it.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| now.saturating_duration_since(last) >= TOLD_EVERY);
        if due {
            *last = Some(now);
        }
        due
    }
}

/// Counts attempts, waits between them, and keeps what went wrong.
pub(crate) struct Attempts {
    allowed: u32,
    /// Failures in a row: progress begins anew.
    failures: u32,
    patience: Duration,
    /// When the first of the failures in a row happened.
    trouble: Option<Instant>,
    began: Instant,
    history: Vec<Attempt>,
    left: Leftovers,
}

impl Attempts {
    pub(super) fn new(shared: &Shared, call: &Call) -> Self {
        let allowed =
            call.attempts_allowed().map_or(shared.settings.retries.saturating_add(1), std::num::NonZeroU32::get);
        shared.budget.request();
        Self {
            allowed,
            failures: 0,
            patience: shared.settings.deadline,
            trouble: None,
            began: Instant::now(),
            history: Vec::new(),
            left: Leftovers::default(),
        }
    }

    /// An attempt got somewhere: the next failure is a first one.
    pub(super) fn progress(&mut self) {
        self.failures = 0;
        self.trouble = None;
        self.began = Instant::now();
    }

    /// After a failure: waits for the next attempt, or gives the error with all that was tried.
    pub(super) async fn again(&mut self, shared: &Shared, call: &Call, door: &str, error: Error) -> Result<()> {
        self.failures += 1;
        self.history.push(Attempt { door: door.to_owned(), elapsed: self.began.elapsed(), reason: error.reason() });
        self.began = Instant::now();
        if !self.worth_another(call, &error) {
            let error = if is_end_of_call(&error) { error.at(door) } else { error };
            return Err(self.told(error));
        }
        self.left.add(&error);
        let now = Instant::now();
        let trouble = *self.trouble.get_or_insert(now);
        let turn = shared.budget.repetition(now);
        let pause = wait(self.failures, error.wait(), chance()).max(turn.wait());
        let left = (trouble + self.patience).saturating_duration_since(now);
        if pause > left.min(call.remaining().unwrap_or(left)) {
            return Err(self.told(too_long(error, pause)));
        }
        let took = self.history.last().map_or(Duration::ZERO, |attempt| attempt.elapsed);
        match took + pause >= WORTH_TELLING && shared.last_told.is_due(now) {
            true => tracing::warn!("{error}: trying again in {:.1} s", pause.as_secs_f64()),
            false => tracing::info!("{error}: trying again in {:.1} s", pause.as_secs_f64()),
        }
        call.pause(pause).await.map_err(|end| self.told(ended(end, &error)))?;
        turn.take();
        Ok(())
    }

    fn worth_another(&self, call: &Call, error: &Error) -> bool {
        // Bytes that were wrong once may be right the next time; twice is no accident.
        let again = match (error.status(), error.kind()) {
            (Status::Temporary, _) => true,
            // A look after a lost answer changes nothing, and who cannot look does not know what happened.
            (Status::Exhausted, ErrorKind::Unavailable) => call.is_look(),
            (Status::Exhausted, ErrorKind::Integrity | ErrorKind::Malformed) => self.failures < 2,
            _ => false,
        };
        again && self.failures < self.allowed
    }

    /// One failure needs no history: the error says it all.
    pub(super) fn told(&self, error: Error) -> Error {
        let error = self.left.told(error);
        match error.status() {
            _ if self.history.len() < 2 => error,
            // This endpoint was asked often enough.
            Status::Temporary => error.with_status(Status::Exhausted).with_attempts(self.history.clone()),
            _ => error.with_attempts(self.history.clone()),
        }
    }

    /// What was tried so far.
    pub(super) fn history(&self) -> &[Attempt] {
        &self.history
    }
}

/// Temporary files that could not be removed: none is forgotten because of the next attempt.
#[derive(Debug, Default)]
pub(crate) struct Leftovers(Vec<String>);

impl Leftovers {
    /// Notes what an attempt leaves, and tells it now: the next one may succeed.
    pub(crate) fn add(&mut self, error: &Error) {
        let left = error.left_behind().unwrap_or_default();
        for part in left.split("; ").filter(|part| part.contains(crate::TEMPORARY_SUFFIX)) {
            if self.0.iter().all(|known| known != part) {
                tracing::warn!("after a failed attempt: {part}");
                self.0.push(part.to_owned());
            }
        }
    }

    /// The last error, with what all attempts have left.
    pub(crate) fn told(&self, error: Error) -> Error {
        let own = error.left_behind().unwrap_or_default().to_owned();
        let others = self.0.iter().filter(|part| !own.contains(*part)).map(String::as_str);
        let all: Vec<&str> = Some(own.as_str()).filter(|own| !own.is_empty()).into_iter().chain(others).collect();
        if all.len() < 2 && !own.is_empty() || all.is_empty() { error } else { error.leaving(all.join("; ")) }
    }
}

/// Whether the time of the whole call is over, which another attempt has not.
fn is_end_of_call(error: &Error) -> bool {
    (error.kind(), error.status()) == (ErrorKind::Timeout, Status::Permanent)
}

fn too_long(error: Error, pause: Duration) -> Error {
    match error.wait() {
        Some(asked) => {
            error.hint(format!("the server asks to come back in {} s; that is after the deadline", asked.as_secs()))
        }
        None => {
            error.hint(format!("the next attempt would be in {:.1} s; that is after the deadline", pause.as_secs_f64()))
        }
    }
}

/// The end of the call, which says why it was waiting.
fn ended(end: Error, waiting_for: &Error) -> Error {
    let error = end.because(std::io::Error::other(waiting_for.reason()));
    match waiting_for.url() {
        Some(url) => error.at(url),
        None => error,
    }
}
