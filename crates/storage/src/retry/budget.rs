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

/// A budget of repetitions, a tenth of all requests: who has overdrawn it waits for a turn, and fails if that would come too
/// late. The debt is what those who wait will use; an outage leaves no other.
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

    /// A repetition, which has to wait for its turn.
    pub(crate) fn repetition(&self, now: Instant) -> Turn<'_> {
        let wait = self.with(|account| account.spend(now));
        Turn { budget: self, wait, used: false }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Account) -> T) -> T {
        // Two numbers are right whatever panicked beside them.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A turn in the queue. One that is not used is given back: a repetition that would come too late, or a call that ended
/// while it waited.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    budget: &'a Budget,
    wait: Duration,
    used: bool,
}

impl Turn<'_> {
    /// How long until it comes.
    pub(crate) fn wait(&self) -> Duration {
        self.wait
    }

    /// The repetition happens.
    pub(crate) fn take(mut self) {
        self.used = true;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.used {
            self.budget.with(|account| account.earn(1.0));
        }
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

    /// How long a repetition waits that then happens.
    fn repeat(budget: &Budget, now: Instant) -> Duration {
        let turn = budget.repetition(now);
        let wait = turn.wait();
        turn.take();
        wait
    }

    #[test]
    fn a_few_repetitions_are_free_and_the_others_queue() {
        let now = Instant::now();
        let budget = Budget::new(now);
        let waits: Vec<u64> = (0..14).map(|_| repeat(&budget, now).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
        // The queue moves on with the time.
        assert_eq!(repeat(&budget, now + 4 * SECOND), SECOND);
    }

    #[test]
    fn who_does_not_use_a_turn_holds_up_nobody() {
        let now = Instant::now();
        let budget = Budget::new(now);
        (0..100_000).for_each(|_| drop(budget.repetition(now)));
        assert_eq!(repeat(&budget, now), Duration::ZERO);
        let waiting: Vec<_> = (0..100).map(|_| budget.repetition(now)).collect();
        assert_eq!(waiting.last().map(Turn::wait), Some(91 * SECOND));
        drop(waiting);
        assert_eq!(repeat(&budget, now), Duration::ZERO);
    }

    #[test]
    fn ten_requests_pay_for_one_repetition() {
        let now = Instant::now();
        let budget = Budget::new(now);
        (0..100).for_each(|_| budget.request());
        let free = (0..100).filter(|_| repeat(&budget, now).is_zero()).count();
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
            last = last.max(now + repeat(&budget, start + now));
        }
        // 100,000 repetitions were asked for in 100 s: 10,000 of them are paid by requests, 100 by the time.
        assert!(last > 80_000 * SECOND, "{last:?}");
    }
}
