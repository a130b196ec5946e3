//! What accompanies every request: how long, how often, and whether still.

use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{Error, ErrorKind, Result, Trail};

/// The frame of one call into a [`Backend`](crate::Backend): deadline, cancellation, attempts, and where bytes came from.
///
/// Cheap to clone. Dropping the future of a call cancels it as well; the token is for those who do not hold the future.
#[derive(Debug, Clone, Default)]
pub struct Call {
    deadline: Option<Instant>,
    /// How long the whole of it is.
    time: Duration,
    looking: bool,
    cancellation: CancellationToken,
    attempts: Option<NonZeroU32>,
    trail: Trail,
    avoided: Arc<[String]>,
    proof_comes_later: bool,
}

impl Call {
    /// A call without deadline.
    pub fn new() -> Self {
        Self::default()
    }

    /// Limits the whole call; an earlier deadline stays.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        let deadline = Instant::now() + time;
        if self.deadline.is_none_or(|earlier| deadline < earlier) {
            (self.deadline, self.time) = (Some(deadline), time);
        }
        self
    }

    /// Limits how often an endpoint may be asked for the same thing.
    #[must_use]
    pub fn attempts(mut self, attempts: NonZeroU32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// Makes the call end when `token` is cancelled.
    #[must_use]
    pub fn cancelled_by(mut self, token: CancellationToken) -> Self {
        self.cancellation = token;
        self
    }

    /// Notes on this trail where bytes come from.
    #[must_use]
    pub fn on(mut self, trail: Trail) -> Self {
        self.trail = trail;
        self
    }

    /// Asks these doors last.
    #[must_use]
    pub fn avoiding(mut self, doors: impl Into<Arc<[String]>>) -> Self {
        self.avoided = doors.into();
        self
    }

    /// The caller proves the removal of many files at once, as by removing their directory, which must be empty then: a
    /// storage whose word is not enough need not be asked for each.
    #[must_use]
    pub fn proving_removals_later(mut self) -> Self {
        self.proof_comes_later = true;
        self
    }

    /// Somebody looks what became of a request whose answer was lost: that is worth more attempts than a new request.
    #[must_use]
    pub(crate) fn looking(mut self) -> Self {
        self.looking = true;
        self
    }

    pub(crate) fn is_look(&self) -> bool {
        self.looking
    }

    /// Whether the caller finds out for itself that files are gone.
    pub fn proof_comes_later(&self) -> bool {
        self.proof_comes_later
    }

    /// Where bytes came from.
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// The doors to ask last.
    pub fn avoided(&self) -> &[String] {
        &self.avoided
    }

    /// When the call must be over.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// What is left of the time.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// How often an endpoint may be asked; none is the configured number.
    pub fn attempts_allowed(&self) -> Option<NonZeroU32> {
        self.attempts
    }

    /// The token that ends this call.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }

    /// An error if the call is cancelled or its time is over.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`] or [`ErrorKind::Timeout`].
    pub fn check(&self) -> Result<()> {
        if self.cancellation.is_cancelled() {
            return Err(Self::cancelled());
        }
        match self.remaining() {
            Some(Duration::ZERO) => Err(self.too_late()),
            _ => Ok(()),
        }
    }

    /// Waits so long, or until the call ends.
    ///
    /// # Errors
    /// `Timeout` or `Cancelled`.
    pub async fn pause(&self, time: Duration) -> Result<()> {
        let wait = async {
            tokio::time::sleep(time).await;
            Ok(())
        };
        self.bound(wait).await
    }

    /// Runs `work` until it ends, the call is cancelled, or its time is over.
    ///
    /// # Errors
    /// Those of `work`, [`ErrorKind::Cancelled`] or [`ErrorKind::Timeout`].
    pub async fn bound<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.check()?;
        tokio::select! {
            // What is ready at once never has to be told of an end, which costs a lock.
            biased;
            result = self.within_deadline(work) => result,
            () = self.cancellation.cancelled() => Err(Self::cancelled()),
        }
    }

    async fn within_deadline<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        match self.deadline {
            None => work.await,
            Some(deadline) => tokio::time::timeout_at(deadline, work).await.unwrap_or_else(|_| Err(self.too_late())),
        }
    }

    fn cancelled() -> Error {
        Error::new(ErrorKind::Cancelled, "cancelled")
    }

    fn too_late(&self) -> Error {
        // The time is over for every door as well.
        Error::new(ErrorKind::Timeout, format!("the deadline of {} has passed", brief(self.time)))
            .with_status(crate::Status::Permanent)
            .hint("a longer --deadline, or `deadline` in [fs.NAME], gives it more time")
    }
}

/// `5 s`, `10 min`, `300 ms`: a time that somebody has chosen.
pub(crate) fn brief(time: Duration) -> String {
    match (time.as_secs(), time.subsec_millis()) {
        (0, milliseconds) => format!("{milliseconds} ms"),
        (seconds, 0) if seconds >= 60 && seconds % 60 == 0 => format!("{} min", seconds / 60),
        (seconds, 0) => format!("{seconds} s"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cancelled_call_ends_at_once() {
        let call = Call::new();
        call.cancellation().cancel();
        let error = call.bound(std::future::pending::<Result<()>>()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }

    #[tokio::test]
    async fn a_late_call_is_permanent() {
        let error = Call::new().within(Duration::from_millis(5)).bound(std::future::pending::<Result<()>>()).await;
        let error = error.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Timeout, crate::Status::Permanent));
    }

    #[test]
    fn the_earlier_deadline_stays() {
        let call = Call::new().within(Duration::ZERO).within(Duration::from_secs(60));
        assert_eq!(call.remaining(), Some(Duration::ZERO));
    }
}
