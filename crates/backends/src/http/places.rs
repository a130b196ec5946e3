//! How many requests are at an endpoint at once: as many as may be, until it has had enough.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use law_storage::{Error, ErrorKind, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A kind of request. A download may be held up by the upload that it feeds, and either by a short question, which is held
/// up by nothing: if they shared their places, they could wait for each other for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Download,
    Upload,
    Other,
}

/// Places for requests at once, of each kind so many.
#[derive(Debug)]
pub(super) struct Places {
    kinds: [Arc<Kept>; 3],
    pace: Mutex<Pace>,
}

/// The places of one kind.
#[derive(Debug)]
struct Kept {
    free: Arc<Semaphore>,
    /// Places that are to go as soon as they are left.
    surplus: Mutex<usize>,
}

/// A place that is taken.
#[derive(Debug)]
pub(super) struct Place {
    permit: Option<OwnedSemaphorePermit>,
    kept: Arc<Kept>,
}

impl Places {
    pub(super) fn new(each: usize) -> Self {
        let kinds = [(); 3].map(|()| Arc::new(Kept { free: Arc::new(Semaphore::new(each)), surplus: Mutex::new(0) }));
        Self { kinds, pace: Mutex::new(Pace::new(each)) }
    }

    /// Waits for a place.
    pub(super) async fn take(&self, kind: Kind) -> Result<Place> {
        let kept = self.kinds[kind as usize].clone();
        let permit = kept.free.clone().acquire_owned().await;
        let permit = permit.map_err(|e| Error::new(ErrorKind::Internal, "no place for a request").because(e))?;
        Ok(Place { permit: Some(permit), kept })
    }

    /// The endpoint has answered; after so long, if that tells how busy it is.
    pub(super) fn answered(&self, took: Option<Duration>) {
        self.change(|pace| pace.answered(took, Instant::now()));
    }

    /// The endpoint has said that it has too much to do, or did not answer.
    pub(super) fn overloaded(&self) {
        self.change(|pace| pace.overloaded(Instant::now()));
    }

    fn change(&self, change: impl FnOnce(&mut Pace)) {
        let mut pace = lock(&self.pace);
        let before = pace.places();
        change(&mut pace);
        let now = pace.places();
        if now < before {
            tracing::info!(places = now, "the endpoint is busy: less at once");
        }
        self.kinds.iter().for_each(|kept| kept.resize(before, now));
    }
}

impl Kept {
    fn resize(&self, before: usize, now: usize) {
        let mut surplus = lock(&self.surplus);
        if now > before {
            let kept = (*surplus).min(now - before);
            *surplus -= kept;
            self.free.add_permits(now - before - kept);
        } else {
            let gone = self.free.forget_permits(before - now);
            *surplus += before - now - gone;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut surplus = lock(&self.kept.surplus);
        if *surplus > 0 {
            *surplus -= 1;
            self.permit.take().into_iter().for_each(OwnedSemaphorePermit::forget);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Numbers are right whatever panicked beside them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many places there are: pure, so that it is tested without waiting. Additive increase, multiplicative decrease.
///
/// Source: D.-M. Chiu, R. Jain, "Analysis of the increase and decrease algorithms for congestion avoidance in computer
/// networks", Computer Networks and ISDN Systems 17 (1989) 1.
#[derive(Debug)]
struct Pace {
    limit: f64,
    most: f64,
    /// Seconds until a short question is answered when nothing is in the way.
    unhindered: Option<f64>,
    /// When places were last taken away.
    cut: Option<Instant>,
}

/// One overload is told by all requests that are under way: it counts once.
const CALM: Duration = Duration::from_millis(500);

/// An answer that takes so many times longer than it need be is a sign of a queue, if it takes this long at least.
const QUEUE: f64 = 8.0;
const NOTICEABLE: f64 = 0.1;

/// Fewer places are never taken away because of latency alone.
const FEW: f64 = 4.0;

impl Pace {
    fn new(most: usize) -> Self {
        let most = most.max(1) as f64;
        Self { limit: most, most, unhindered: None, cut: None }
    }

    fn places(&self) -> usize {
        self.limit as usize
    }

    fn answered(&mut self, took: Option<Duration>, now: Instant) {
        let slow = took.is_some_and(|took| self.is_slow(took.as_secs_f64()));
        if slow && self.limit > FEW {
            self.reduce((self.limit * 0.9).max(FEW), now);
        } else if !slow {
            self.limit = (self.limit + 1.0 / self.limit).min(self.most);
        }
    }

    fn overloaded(&mut self, now: Instant) {
        self.reduce((self.limit / 2.0).max(1.0), now);
    }

    fn reduce(&mut self, to: f64, now: Instant) {
        if self.cut.is_none_or(|cut| now.saturating_duration_since(cut) >= CALM) {
            self.limit = to;
            self.cut = Some(now);
        }
    }

    /// Whether the answer waited in a queue. What is usual is learnt from the fastest answers, and slowly forgotten.
    fn is_slow(&mut self, took: f64) -> bool {
        let usual = self.unhindered.map_or(took, |usual| took.min(usual * 1.01));
        self.unhindered = Some(usual);
        took > NOTICEABLE && took > QUEUE * usual
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Option<Duration> = Some(Duration::from_millis(5));

    fn after(milliseconds: u64, start: Instant) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    #[test]
    fn an_overload_halves_once_and_calm_brings_one_more_a_round() {
        let start = Instant::now();
        let mut pace = Pace::new(32);
        (0..20).for_each(|n| pace.overloaded(after(n, start)));
        assert_eq!(pace.places(), 16);
        pace.overloaded(after(600, start));
        assert_eq!(pace.places(), 8);
        // A round is as many answers as there are places.
        (0..9).for_each(|_| pace.answered(FAST, after(700, start)));
        assert_eq!(pace.places(), 9);
        (0..10_000).for_each(|_| pace.answered(FAST, after(700, start)));
        assert_eq!(pace.places(), 32);
    }

    #[test]
    fn there_is_always_a_place() {
        let start = Instant::now();
        let mut pace = Pace::new(4);
        (0..100).for_each(|n| pace.overloaded(after(n * 1000, start)));
        assert_eq!(pace.places(), 1);
    }

    #[test]
    fn a_queue_shows_in_the_latency() {
        let start = Instant::now();
        let mut pace = Pace::new(32);
        (0..100).for_each(|_| pace.answered(FAST, start));
        (0..200).for_each(|n| pace.answered(Some(Duration::from_secs(1)), after(n * 100, start)));
        assert_eq!(pace.places(), FEW as usize);
        // A server that is always that slow has no queue, and gets its places back.
        (0..100_000).for_each(|n| pace.answered(Some(Duration::from_secs(1)), after(n * 100, start)));
        assert_eq!(pace.places(), 32);
    }

    #[tokio::test]
    async fn places_that_are_taken_away_go_when_they_are_left() {
        let places = Places::new(4);
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.push(places.take(Kind::Other).await.unwrap());
        }
        places.overloaded();
        let free = |kind: Kind| places.kinds[kind as usize].free.available_permits();
        assert_eq!((free(Kind::Other), free(Kind::Download)), (0, 2));
        taken.truncate(2);
        assert_eq!(free(Kind::Other), 0, "two were taken away");
        taken.clear();
        assert_eq!(free(Kind::Other), 2);
        (0..100).for_each(|_| places.answered(None));
        assert_eq!((free(Kind::Other), free(Kind::Upload)), (4, 4));
    }
}
