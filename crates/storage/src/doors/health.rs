//! What is known about one door: pure decisions on times that are given, so that they are tested without waiting.

use std::time::Duration;

/// Milliseconds since 1970: the same in every process of a node.
pub(crate) type Moment = u64;

/// How long a success counts.
const WARM: Moment = 60_000;

/// Failures in a row that open the breaker.
const IN_A_ROW: u32 = 5;

/// Of so many of the last outcomes half must be failures, too.
const WINDOW: u32 = 10;

/// How long the breaker stays open at first; it doubles with every probe that fails.
const FIRST_PAUSE: Moment = 5_000;

/// The longest time that it stays open.
const LONGEST_PAUSE: Moment = 300_000;

/// The longest that a door is left alone because it asked for it.
const LONGEST_WISH: Moment = 3_600_000;

/// An attempt whose end was not heard of for so long has none.
const TRIAL: Moment = 5_000;

/// How long after a failure a door is tried again by somebody who need not wait for it.
const RECOVERY: Moment = 5_000;

/// The share of the newest measurement in the latency: slow to believe in a fast answer, quick to believe in a slow one.
const WEIGHT: f64 = 0.3;

/// What a door that was never measured is taken for, in milliseconds: as better than any, so that somebody measures it.
const UNMEASURED: f64 = 0.1;

/// How long a door counts as taken for a trial of which nothing is heard: who began it may be gone.
const CLAIM: Moment = 1_000;

/// How a door stands, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It answered within the last minute.
    Warm,
    /// Nothing is known of the last minute.
    Cold,
    /// It was asked within the last minute, and has not answered so far.
    Tried,
    /// It failed the last time.
    Failing,
    /// It failed so often that it is left alone, or it asked for that.
    Open,
}

impl Standing {
    /// One word, for tables and `--json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Warm => "well",
            Self::Cold => "unknown",
            Self::Tried => "no answer yet",
            Self::Failing => "failing",
            Self::Open => "left alone",
        }
    }
}

/// What is known about one door.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Health {
    /// Milliseconds until a short question is answered.
    pub(crate) latency: Option<f64>,
    pub(crate) success: Option<Moment>,
    pub(crate) failure: Option<Moment>,
    /// Failures in a row.
    pub(crate) in_a_row: u32,
    /// The last outcomes, the newest in the lowest bit, and how many there are; a failure is a one.
    pub(crate) outcomes: u32,
    pub(crate) counted: u32,
    /// How often in a row the breaker opened.
    pub(crate) openings: u32,
    pub(crate) open_until: Moment,
    /// Until when the door asked to be left alone.
    pub(crate) not_before: Moment,
    /// When the last attempt at a door in doubt began, and how many have begun and not ended.
    pub(crate) trial: Option<Moment>,
    pub(crate) trials: u32,
    /// When it had no answer that another door had already.
    pub(crate) silent: Option<Moment>,
}

impl Health {
    pub(crate) fn standing(&self, now: Moment) -> Standing {
        let within = |moment: Option<Moment>, time: Moment| moment.is_some_and(|m| now < m.saturating_add(time));
        match () {
            () if now < self.open_until.max(self.not_before) => Standing::Open,
            // The breaker is half open: one may probe.
            () if self.openings > 0 && self.trials > 0 && within(self.trial, TRIAL) => Standing::Open,
            () if self.in_a_row > 0 => Standing::Failing,
            () if within(self.success, WARM) => Standing::Warm,
            () if within(self.silent, WARM) || self.trials > 0 && within(self.trial, CLAIM) => Standing::Tried,
            () => Standing::Cold,
        }
    }

    /// How long until it may be asked again; nothing unless it is left alone.
    pub(crate) fn pause(&self, now: Moment) -> Duration {
        Duration::from_millis(self.open_until.max(self.not_before).saturating_sub(now))
    }

    /// What it costs to ask: less is better.
    pub(crate) fn score(&self, in_flight: u32, weight: f64) -> f64 {
        self.latency.unwrap_or(UNMEASURED).max(0.1) * f64::from(1 + in_flight) / weight.max(f64::MIN_POSITIVE)
    }

    /// Whether it is time that somebody who need not wait for it finds out how it is.
    pub(crate) fn is_due(&self, now: Moment) -> bool {
        match self.standing(now) {
            Standing::Failing => self.failure.is_none_or(|failure| now >= failure.saturating_add(RECOVERY)),
            Standing::Cold => self.trial.is_none_or(|trial| now >= trial.saturating_add(WARM)),
            _ => false,
        }
    }

    /// Whether it asked to be left alone, and that time is not over.
    pub(crate) fn has_a_wish(&self, now: Moment) -> bool {
        now < self.not_before
    }

    pub(crate) fn begin_trial(&mut self, now: Moment) {
        if self.trial.is_none_or(|trial| now >= trial.saturating_add(TRIAL)) {
            self.trials = 0;
        }
        self.trials += 1;
        self.trial = Some(now);
    }

    /// Somebody finds out how it is who need not wait for it, and may be gone before the answer: that takes it from nobody.
    pub(crate) fn begin_look(&mut self, now: Moment) {
        match self.in_a_row {
            0 => self.trial = Some(now),
            _ => self.begin_trial(now),
        }
    }

    /// It answered; after so long, if the question was a short one.
    pub(crate) fn succeeded(&mut self, now: Moment, took: Option<Duration>) {
        if self.openings > 0 {
            (self.outcomes, self.counted) = (0, 0);
        }
        self.note(false);
        (self.success, self.silent) = (Some(now), None);
        (self.in_a_row, self.openings, self.open_until, self.trials) = (0, 0, 0, self.trials.saturating_sub(1));
        if let Some(took) = took {
            self.measure(took);
        }
    }

    /// It did not answer, or said that it cannot; perhaps until when.
    pub(crate) fn failed(&mut self, now: Moment, wish: Option<Duration>) {
        self.note(true);
        self.failure = Some(now);
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.trials = self.trials.saturating_sub(1);
        if let Some(wish) = wish {
            self.not_before = now + (wish.as_millis() as Moment).min(LONGEST_WISH);
        }
        let often = self.counted >= WINDOW && self.outcomes.count_ones() * 2 >= WINDOW;
        if self.openings > 0 || self.in_a_row >= IN_A_ROW || often {
            let pause = FIRST_PAUSE.saturating_mul(1 << self.openings.min(16)).min(LONGEST_PAUSE);
            self.openings = self.openings.saturating_add(1);
            self.open_until = now + pause;
        }
    }

    /// It had no answer when another door had one already.
    pub(crate) fn was_slower_than(&mut self, now: Moment, so_far: Duration) {
        self.ended_otherwise();
        self.silent = Some(now);
        self.latency = Some(self.latency.unwrap_or_default().max(milliseconds(so_far)));
    }

    /// An attempt ended that tells nothing about it.
    pub(crate) fn ended_otherwise(&mut self) {
        self.trials = self.trials.saturating_sub(1);
    }

    fn measure(&mut self, took: Duration) {
        let took = milliseconds(took);
        self.latency = Some(match self.latency {
            Some(known) if took < known => known + (took - known) * WEIGHT,
            _ => took,
        });
    }

    fn note(&mut self, failed: bool) {
        self.outcomes = (self.outcomes << 1 | u32::from(failed)) & ((1 << WINDOW) - 1);
        self.counted = (self.counted + 1).min(WINDOW);
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Moment = 1_000_000;

    fn failing(times: u32) -> Health {
        let mut health = Health::default();
        (0..times).for_each(|_| health.failed(NOW, None));
        health
    }

    #[test]
    fn five_failures_in_a_row_open_the_breaker_for_a_time_that_doubles() {
        assert_eq!(failing(1).standing(NOW), Standing::Failing);
        assert_eq!(failing(4).standing(NOW), Standing::Failing);
        let mut health = failing(5);
        let mut now = NOW;
        for pause in [5, 10, 20, 40, 80, 160, 300, 300] {
            assert_eq!(health.standing(now), Standing::Open);
            assert_eq!(health.pause(now).as_secs(), pause);
            now += pause * 1000;
            assert_eq!(health.standing(now), Standing::Failing, "half open: somebody may probe");
            health.begin_trial(now);
            assert_eq!(health.standing(now), Standing::Open, "and nobody else");
            health.failed(now, None);
        }
        health.succeeded(now, None);
        assert_eq!(health.standing(now), Standing::Warm);
        health.failed(now, None);
        assert_eq!(health.pause(now), Duration::ZERO, "everything is forgiven");
    }

    #[test]
    fn a_probe_that_was_killed_is_followed_by_another() {
        let mut health = failing(5);
        health.begin_trial(NOW + 5_000);
        assert_eq!(health.standing(NOW + 9_999), Standing::Open);
        assert_eq!(health.standing(NOW + 10_000), Standing::Failing);
    }

    #[test]
    fn half_of_the_last_ten_are_too_many() {
        let mut health = Health::default();
        for n in 0..20 {
            match n % 2 {
                0 => health.failed(NOW, None),
                _ => health.succeeded(NOW, None),
            }
        }
        health.failed(NOW, None);
        assert_eq!(health.standing(NOW), Standing::Open);
        let mut good = Health::default();
        (0..100).for_each(|_| good.succeeded(NOW, None));
        good.failed(NOW, None);
        assert_eq!(good.standing(NOW), Standing::Failing);
    }

    #[test]
    fn a_door_is_left_alone_as_long_as_it_asks() {
        let mut health = Health::default();
        health.failed(NOW, Some(Duration::from_secs(7)));
        assert_eq!((health.standing(NOW + 6_999), health.pause(NOW).as_secs()), (Standing::Open, 7));
        assert_eq!(health.standing(NOW + 7_000), Standing::Failing);
        health.failed(NOW, Some(Duration::MAX));
        assert_eq!(health.pause(NOW).as_secs(), 3600);
    }

    #[test]
    fn a_success_counts_for_a_minute() {
        let mut health = Health::default();
        assert_eq!(health.standing(NOW), Standing::Cold);
        health.succeeded(NOW, None);
        assert_eq!(health.standing(NOW + WARM - 1), Standing::Warm);
        assert_eq!(health.standing(NOW + WARM), Standing::Cold);
    }

    #[test]
    fn who_does_not_answer_is_asked_after_the_others_for_a_minute() {
        let mut health = Health::default();
        health.begin_trial(NOW);
        assert_eq!(health.standing(NOW), Standing::Tried);
        health.was_slower_than(NOW, Duration::from_millis(300));
        assert_eq!((health.standing(NOW + WARM - 1), health.is_due(NOW + WARM - 1)), (Standing::Tried, false));
        assert_eq!((health.standing(NOW + WARM), health.is_due(NOW + WARM)), (Standing::Cold, true));
    }

    #[test]
    fn a_door_is_not_left_to_who_looked_and_went() {
        let mut health = Health::default();
        health.begin_look(NOW);
        assert_eq!((health.standing(NOW), health.is_due(NOW)), (Standing::Cold, false));
        health.begin_trial(NOW);
        assert_eq!([0, CLAIM].map(|time| health.standing(NOW + time)), [Standing::Tried, Standing::Cold]);
    }

    #[test]
    fn slow_answers_are_believed_at_once_and_fast_ones_slowly() {
        let mut health = Health::default();
        health.succeeded(NOW, Some(Duration::from_millis(10)));
        health.succeeded(NOW, Some(Duration::from_millis(500)));
        assert_eq!(health.latency, Some(500.0));
        health.succeeded(NOW, Some(Duration::from_millis(10)));
        assert!(health.latency.is_some_and(|latency| (300.0..400.0).contains(&latency)));
        (0..20).for_each(|_| health.succeeded(NOW, Some(Duration::from_millis(10))));
        assert!(health.latency.is_some_and(|latency| latency < 11.0));
        let mut slower = Health::default();
        slower.was_slower_than(NOW, Duration::from_millis(300));
        assert!(slower.score(0, 1.0) > health.score(1, 1.0));
        assert!(health.score(3, 1.0) > health.score(3, 2.0));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Wait(u64),
        Succeed,
        Fail(Option<u64>),
        Try,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0u64..100_000).prop_map(Step::Wait),
            Just(Step::Succeed),
            prop::option::of(0u64..10_000).prop_map(Step::Fail),
            Just(Step::Try),
        ]
    }

    proptest! {
        /// Whatever happens: one success makes a door usable, no pause is for ever, and no door that is open is due.
        #[test]
        fn no_door_is_lost(steps in prop::collection::vec(step(), 0..200)) {
            let (mut health, mut now) = (Health::default(), NOW);
            for step in steps {
                match step {
                    Step::Wait(time) => now += time,
                    Step::Succeed => health.succeeded(now, None),
                    Step::Fail(wish) => health.failed(now, wish.map(Duration::from_secs)),
                    Step::Try => health.begin_trial(now),
                }
                prop_assert!(health.pause(now) <= Duration::from_secs(3600));
                prop_assert!(!(health.standing(now) == Standing::Open && health.is_due(now)));
                let (mut later, after) = (health.clone(), now + LONGEST_WISH);
                prop_assert!(later.standing(after) != Standing::Open);
                later.succeeded(after, None);
                prop_assert!(later.standing(after) == Standing::Warm);
            }
        }
    }
}
