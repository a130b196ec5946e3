//! A limit for all bytes of a job.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many bytes a second at most, of all who share it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bandwidth(Arc<Bucket>);

#[derive(Debug)]
struct Bucket {
    per_second: u64,
    /// When what was let through so far would be over at that rate.
    paid_until: Mutex<Instant>,
}

impl Bandwidth {
    /// `per_second` bytes at most; none is one byte.
    pub fn new(per_second: u64) -> Self {
        Self(Arc::new(Bucket { per_second: per_second.max(1), paid_until: Mutex::new(Instant::now()) }))
    }

    /// Waits until so many bytes may pass: those before them come first, in the order in which they asked.
    pub(crate) async fn take(&self, bytes: usize) {
        let turn = self.turn(bytes, Instant::now());
        tokio::time::sleep_until(turn).await;
    }

    fn turn(&self, bytes: usize, now: Instant) -> Instant {
        let time = Duration::from_secs_f64(bytes as f64 / self.0.per_second as f64);
        // A time is right whatever panicked beside it.
        let mut paid_until = self.0.paid_until.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = (*paid_until).max(now);
        *paid_until = turn + time;
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_who_share_it_get_so_much_together() {
        let limit = Bandwidth::new(1000);
        let begin = Instant::now();
        let takers: Vec<_> = (0..10)
            .map(|_| {
                let limit = limit.clone();
                tokio::spawn(async move {
                    for _ in 0..10 {
                        limit.take(100).await;
                    }
                })
            })
            .collect();
        for taker in takers {
            taker.await.unwrap();
        }
        let took = begin.elapsed().as_secs_f64();
        assert!((9.0..10.1).contains(&took), "10,000 bytes took {took} s");
    }
}
