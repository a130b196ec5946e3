//! How many attempts may be repetitions: a server in trouble must not get more work than one that is well.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What one request that was not a repetition allows of repetitions.
const PER_REQUEST: f64 = 0.1;

/// Repetitions that are allowed before anything was asked.
const RESERVE: f64 = 10.0;

/// How much may be saved up.
const MOST: f64 = 100.0;

/// Repetitions a second that are always allowed, so that a job on a dead server still notices when it is back.
const PER_SECOND: f64 = 1.0;

/// A budget of repetitions, a tenth of all requests: who has overdrawn it does not fail, but waits.
#[derive(Debug)]
pub(crate) struct Budget(Mutex<Account>);

#[derive(Debug)]
struct Account {
    balance: f64,
    since: Instant,
}

impl Budget {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Mutex::new(Account { balance: RESERVE, since: now }))
    }

    /// A request that is no repetition.
    pub(crate) fn request(&self) {
        self.with(|account| account.earn(PER_REQUEST));
    }

    /// A repetition: how long it must wait for its turn.
    pub(crate) fn repetition(&self, now: Instant) -> Duration {
        self.with(|account| account.spend(now))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Account) -> T) -> T {
        // Two numbers are right whatever panicked beside them.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Account {
    fn earn(&mut self, income: f64) {
        self.balance = (self.balance + income).min(MOST);
    }

    fn spend(&mut self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.since);
        self.since = self.since.max(now);
        self.earn(passed.as_secs_f64() * PER_SECOND);
        self.balance -= 1.0;
        Duration::from_secs_f64((-self.balance).max(0.0) / PER_SECOND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_few_repetitions_are_free_and_the_others_queue() {
        let now = Instant::now();
        let budget = Budget::new(now);
        let waits: Vec<u64> = (0..14).map(|_| budget.repetition(now).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
        // The queue moves on with the time.
        assert_eq!(budget.repetition(now + 4 * SECOND), SECOND);
    }

    #[test]
    fn ten_requests_pay_for_one_repetition() {
        let now = Instant::now();
        let budget = Budget::new(now);
        (0..100).for_each(|_| budget.request());
        let free = (0..100).filter(|_| budget.repetition(now).is_zero()).count();
        assert!((19..=20).contains(&free), "{free}");
    }

    /// A million requests to a server that always fails: it gets a tenth more, not four times as many.
    #[test]
    fn a_storm_is_bounded() {
        let start = Instant::now();
        let budget = Budget::new(start);
        let mut last = Duration::ZERO;
        for millisecond in 0..100_000 {
            budget.request();
            let now = Duration::from_millis(millisecond);
            last = last.max(now + budget.repetition(start + now));
        }
        // 100,000 repetitions were asked for in 100 s: 10,000 of them are paid by requests, 100 by the time.
        assert!(last > 80_000 * SECOND, "{last:?}");
    }
}
