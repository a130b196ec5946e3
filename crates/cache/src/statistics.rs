//! What the cache was good for.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lock::Lock;
use crate::store::Store;

/// Sums since the cache was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Statistics {
    /// Times a file was opened of which something was here.
    pub hits: u64,
    /// Times a file was opened of which nothing was here.
    pub misses: u64,
    /// Bytes that were here.
    pub bytes_here: u64,
    /// Bytes that were fetched.
    pub bytes_fetched: u64,
    /// Milliseconds that this took.
    pub fetching: u64,
    /// Bytes that passed by, as there was no room, or the version could not be told from the next.
    pub bytes_past: u64,
    /// Blocks and whole files that were not what was written any more, and were fetched again.
    pub bad: u64,
}

impl Statistics {
    fn add(&mut self, other: &Self) {
        let sums = [
            (&mut self.hits, other.hits),
            (&mut self.misses, other.misses),
            (&mut self.bytes_here, other.bytes_here),
            (&mut self.bytes_fetched, other.bytes_fetched),
            (&mut self.fetching, other.fetching),
            (&mut self.bytes_past, other.bytes_past),
            (&mut self.bad, other.bad),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(more);
        }
    }

    /// The time that was saved, if what was here had come as fast as what was fetched.
    pub fn saved(&self) -> Duration {
        if self.bytes_fetched == 0 {
            return Duration::ZERO;
        }
        let seconds = self.fetching as f64 / 1e3 * (self.bytes_here as f64 / self.bytes_fetched as f64);
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }
}

/// What a process has counted and not written down yet.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) bytes_here: AtomicU64,
    pub(crate) bytes_fetched: AtomicU64,
    pub(crate) fetching: AtomicU64,
    pub(crate) bytes_past: AtomicU64,
    pub(crate) bad: AtomicU64,
    /// When they were written down last, in milliseconds since 1970.
    written: AtomicU64,
}

impl Counters {
    pub(crate) fn count(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }

    /// Whether there is something that should not wait.
    pub(crate) fn are_due(&self) -> bool {
        let now = crate::store::now();
        let written = self.written.load(Ordering::Relaxed);
        let due = self.bad.load(Ordering::Relaxed) > 0 || now.saturating_sub(written) >= 1000;
        due && self.written.compare_exchange(written, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn take(&self) -> Statistics {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        Statistics {
            hits: take(&self.hits),
            misses: take(&self.misses),
            bytes_here: take(&self.bytes_here),
            bytes_fetched: take(&self.bytes_fetched),
            fetching: take(&self.fetching),
            bytes_past: take(&self.bytes_past),
            bad: take(&self.bad),
        }
    }

    /// Adds what was counted to the sums on disk.
    pub(crate) fn write_down(&self, store: &Store, file_system: &str) {
        let counted = self.take();
        if counted == Statistics::default() {
            return;
        }
        if let Err(error) = change(store, |all| all.entry(file_system.to_owned()).or_default().add(&counted)) {
            tracing::debug!("the statistics of the cache cannot be written: {error}");
        }
    }
}

type All = BTreeMap<String, Statistics>;

fn change(store: &Store, how: impl FnOnce(&mut All)) -> io::Result<All> {
    let mut file = store.open_or_make(&store.root().join("statistics"))?;
    store.lock(&file, Lock::Exclusive, 0)?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let mut all: All = serde_json::from_slice(&text).unwrap_or_default();
    let before = all.clone();
    how(&mut all);
    if all != before {
        let text = serde_json::to_vec(&all)?;
        file.rewind()?;
        file.set_len(0)?;
        file.write_all(&text)?;
    }
    Ok(all)
}

impl Store {
    /// The sums of each file system, by name.
    ///
    /// # Errors
    /// What the disk says.
    pub fn statistics(&self) -> io::Result<BTreeMap<String, Statistics>> {
        change(self, |_| {})
    }
}
