//! Reads whose bytes turned out to be damaged.

use std::time::Instant;

use law_storage::{Attempt, Error, Result, Trail};

use crate::Place;

/// The damaged reads of one file so far.
pub(crate) struct Damaged {
    history: Vec<Attempt>,
    since: Instant,
    times: usize,
}

impl Default for Damaged {
    fn default() -> Self {
        Self { history: Vec::new(), since: Instant::now(), times: 0 }
    }
}

impl Damaged {
    /// The doors that gave damaged bytes.
    pub(crate) fn doors(&self) -> Vec<String> {
        self.history.iter().map(|attempt| attempt.door.clone()).collect()
    }

    /// Takes down what went wrong; an error if it happened so often that the file itself must be damaged, or that nobody
    /// else can be asked: a second read of one door tells whether the network did it, a third one tells nothing more.
    pub(crate) fn add(&mut self, from: &Place, trail: &Trail, error: Error) -> Result<()> {
        const MOST: usize = 3;
        let elapsed = std::mem::replace(&mut self.since, Instant::now()).elapsed();
        let attempt = |door| Attempt { door, elapsed, reason: error.reason() };
        self.history.extend(trail.doors().into_iter().map(attempt));
        self.times += 1;
        let others = from.fs.doors().map_or(1, |doors| doors.doors().len());
        if self.times >= MOST.min(others.max(2)) {
            return Err(error.with_attempts(self.history.clone()));
        }
        tracing::info!("damaged bytes, reading again: {error}");
        Ok(())
    }
}
