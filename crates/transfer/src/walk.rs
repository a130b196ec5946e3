//! Walking a tree, top down, without following links.

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use law_storage::{Call, Entry, ListOptions, Path, Result};

use crate::Place;

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Walked {
    /// Its path below the top of the walk.
    pub below: Path,
    /// What it is.
    pub entry: Entry,
}

/// All entries below a directory: a directory comes before what it has. An error ends the walk, and what came before
/// is then not the whole tree.
pub fn walk(call: &Call, top: &Place) -> BoxStream<'static, Result<Walked>> {
    let state = Walk { call: call.clone(), top: top.clone(), base: top.resolved(), waiting: vec![top.resolved()] };
    stream::try_unfold(state, Walk::next)
        .map_ok(|entries| stream::iter(entries.into_iter().map(Ok)))
        .try_flatten()
        .boxed()
}

struct Walk {
    call: Call,
    top: Place,
    base: Path,
    waiting: Vec<Path>,
}

impl Walk {
    /// One directory: a whole listing or an error, so that a broken listing never looks like a small directory.
    async fn next(mut self) -> Result<Option<(Vec<Walked>, Self)>> {
        let Some(directory) = self.waiting.pop() else { return Ok(None) };
        let listing = self.top.backend().list(&self.call, &directory, &ListOptions::default()).await?;
        let mut pages = listing;
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            found.extend(page?.entries);
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        let below = found.iter().rev().filter(|entry| entry.metadata.is_directory());
        self.waiting.extend(below.map(|entry| entry.path.clone()));
        let walked = found.into_iter().filter_map(|entry| {
            let below = entry.path.strip_prefix(&self.base)?;
            Some(Walked { below, entry })
        });
        Ok(Some((walked.collect(), self)))
    }
}
