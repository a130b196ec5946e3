//! What was looked at last.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::{Metadata, Path, Validator};

/// Who removes something has mostly looked at it a moment ago, and at little else since.
const KEPT: usize = 64;

/// What was seen longer ago says nothing about what is removed now.
const FRESH: Duration = Duration::from_secs(60);

/// The versions that were seen a moment ago: they tell a file that is to be removed from one that takes its name afterwards,
/// without a request of their own.
#[derive(Debug, Default)]
pub(crate) struct Looks(Mutex<VecDeque<Look>>);

#[derive(Debug)]
struct Look {
    path: Path,
    version: Validator,
    at: Instant,
}

impl Looks {
    /// Something was seen there.
    pub(crate) fn saw(&self, path: &Path, found: &Metadata) {
        // An etag means nothing at another door, and the time does.
        let version = found.identity().and_modified(found.modified);
        let mut looks = self.looks();
        looks.retain(|look| look.path != *path);
        looks.truncate(KEPT - 1);
        looks.push_front(Look { path: path.clone(), version, at: Instant::now() });
    }

    /// What was seen there a moment ago, if anything was.
    pub(crate) fn version(&self, path: &Path) -> Option<Validator> {
        let looks = self.looks();
        let look = looks.iter().find(|look| look.path == *path && look.at.elapsed() < FRESH);
        look.map(|look| look.version.clone())
    }

    fn looks(&self) -> MutexGuard<'_, VecDeque<Look>> {
        // Each is right by itself, whatever panicked beside it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> Path {
        Path::parse(name).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_look_counts_for_a_moment() {
        let looks = Looks::default();
        assert!(looks.version(&path("a")).is_none());
        (1..=3).for_each(|size| looks.saw(&path("a"), &Metadata::file(size)));
        looks.saw(&path("b"), &Metadata::file(9));
        assert_eq!(looks.version(&path("a")).unwrap().size(), Some(3));
        tokio::time::advance(FRESH).await;
        assert!(looks.version(&path("a")).is_none());
    }

    #[test]
    fn only_a_few_are_kept() {
        let looks = Looks::default();
        (0..2 * KEPT).for_each(|n| looks.saw(&path(&n.to_string()), &Metadata::file(1)));
        assert_eq!(looks.looks().len(), KEPT);
        assert!(looks.version(&path("0")).is_none() && looks.version(&path("127")).is_some());
    }
}
