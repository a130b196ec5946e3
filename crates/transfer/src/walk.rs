//! Walking a tree, top down, without following links.

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use law_storage::{Call, Entry, Error, ErrorKind, ListOptions, Path, Result};

use crate::{Pattern, Place};

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
    walk_where(call, top, |_| true)
}

/// As [`walk`], but only into directories whose path below the top is such; they themselves are always seen.
pub fn walk_where(
    call: &Call,
    top: &Place,
    enter: impl Fn(&Path) -> bool + Send + Sync + 'static,
) -> BoxStream<'static, Result<Walked>> {
    let to_the_first_error = |ended: &mut bool, walked: Result<Walked>| {
        let over = std::mem::replace(ended, walked.is_err());
        std::future::ready((!over).then_some(walked))
    };
    walk_on(call, top, enter).scan(false, to_the_first_error).boxed()
}

/// As [`walk_where`], but what could not be listed for a reason of its own is one error among the others, and the walk goes on; after any other error it
/// ends.
pub fn walk_on(
    call: &Call,
    top: &Place,
    enter: impl Fn(&Path) -> bool + Send + Sync + 'static,
) -> BoxStream<'static, Result<Walked>> {
    let (base, waiting) = (top.resolved(), vec![top.resolved()]);
    let walk = Walk { call: call.clone(), top: top.clone(), base, waiting, enter: Box::new(enter) };
    let steps = stream::unfold(walk, |mut walk| async move {
        let step = walk.next().await?;
        let items: Vec<Result<Walked>> = match step {
            Ok(entries) => entries.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        Some((stream::iter(items), walk))
    });
    steps.flatten().boxed()
}

/// Whether an error of listing says nothing about other directories: after such a one, [`walk_on`] goes on.
pub fn is_of_one_directory(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::NotFound | ErrorKind::NotADirectory)
}

struct Walk {
    call: Call,
    top: Place,
    base: Path,
    waiting: Vec<Path>,
    enter: Box<dyn Fn(&Path) -> bool + Send + Sync>,
}

impl Walk {
    /// One directory: a whole listing or an error, so that a broken listing never looks like a small directory.
    async fn next(&mut self) -> Option<Result<Vec<Walked>>> {
        let directory = self.waiting.pop()?;
        let entries = self.entries(directory).await;
        if entries.as_ref().is_err_and(|error| !is_of_one_directory(error)) {
            self.waiting.clear();
        }
        Some(entries)
    }

    async fn entries(&mut self, directory: Path) -> Result<Vec<Walked>> {
        let listing = self.top.backend().list(&self.call, &directory, &ListOptions::default()).await?;
        let mut pages = listing;
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            found.extend(page?.entries);
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        let enter = |entry: &&Entry| {
            let below = entry.path.strip_prefix(&self.base);
            entry.metadata.is_directory() && below.is_some_and(|below| (self.enter)(&below))
        };
        let below: Vec<Path> = found.iter().rev().filter(enter).map(|entry| entry.path.clone()).collect();
        self.waiting.extend(below);
        let walked = found.into_iter().filter_map(|entry| {
            let below = entry.path.strip_prefix(&self.base)?;
            Some(Walked { below, entry })
        });
        Ok(walked.collect())
    }
}

/// Everything below a directory that matches, in the order of a walk. A directory that is missing has nothing; no directory is listed in
/// which nothing can match.
pub fn glob(call: &Call, top: &Place, pattern: &Pattern) -> BoxStream<'static, Result<Walked>> {
    let (call, top, pattern) = (call.clone(), top.clone(), pattern.clone());
    stream::once(async move { begin(&call, &top, &pattern).await }).try_flatten().boxed()
}

/// What is at the base of the pattern decides where to begin.
async fn begin(call: &Call, top: &Place, pattern: &Pattern) -> Result<BoxStream<'static, Result<Walked>>> {
    let base = top.join(pattern.base());
    let Some(metadata) = base.backend().stat(call, &base.resolved()).await? else { return Ok(stream::empty().boxed()) };
    if pattern.is_plain() {
        let found = Walked { below: pattern.base().clone(), entry: Entry { path: base.resolved(), metadata } };
        return Ok(stream::iter([Ok(found)]).boxed());
    }
    if !metadata.is_directory() {
        return Ok(stream::empty().boxed());
    }
    let (above, enter, wanted) = (pattern.base().clone(), pattern.clone(), pattern.clone());
    let prefix = above.clone();
    let walked = walk_where(call, &base, move |below| enter.may_be_below(&prefix.join(below)));
    let matching = walked.try_filter_map(move |found| {
        let below = above.join(&found.below);
        let matches = wanted.matches(&below);
        std::future::ready(Ok(matches.then_some(Walked { below, ..found })))
    });
    Ok(matching.boxed())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use law_storage::{Backend as _, BytesSource, Fault, Faulty, FileSystem, Memory, Operation, Parents, PutOptions};

    use super::*;

    async fn storage() -> (Arc<Faulty>, Place) {
        let backend = Arc::new(Faulty::new(Arc::new(Memory::new()), []));
        let top = Place::new(FileSystem::new("m", Path::root(), backend.clone()), Path::root());
        let options = PutOptions { parents: Parents::Create, ..PutOptions::default() };
        for name in
            ["store/run1/x/a.npz", "store/run1/y/a.npz", "store/run2/x/b.npz", "store/log/x/c.npz", "other/a.npz"]
        {
            let path = Path::parse(name).unwrap();
            backend.put(&Call::new(), &path, &BytesSource::new(""), &options).await.unwrap();
        }
        (backend, top)
    }

    async fn found(top: &Place, pattern: &str) -> Vec<String> {
        let found = glob(&Call::new(), top, &Pattern::parse(pattern).unwrap());
        found.map_ok(|found| found.below.to_string()).try_collect().await.unwrap()
    }

    #[tokio::test]
    async fn patterns_are_found_with_few_listings() {
        let (backend, top) = storage().await;
        assert_eq!(found(&top, "store/run*/x/*.npz").await, ["store/run1/x/a.npz", "store/run2/x/b.npz"]);
        assert_eq!(backend.calls(Operation::List), 5, "store, two runs, and an x in each");
        assert_eq!(found(&top, "**/a.npz").await, ["other/a.npz", "store/run1/x/a.npz", "store/run1/y/a.npz"]);
        assert_eq!(found(&top, "store/{run1,run2}/x").await, ["store/run1/x", "store/run2/x"]);
    }

    #[tokio::test]
    async fn what_needs_no_listing_gets_none() {
        let (backend, top) = storage().await;
        assert_eq!(found(&top, "other/a.npz").await, ["other/a.npz"]);
        for nothing in ["other/none", "none/*", "other/a.npz/*"] {
            assert_eq!(found(&top, nothing).await, Vec::<String>::new(), "{nothing}");
        }
        assert_eq!(backend.calls(Operation::List), 0);
    }

    #[tokio::test]
    async fn a_listing_that_fails_is_an_error_and_never_a_shorter_answer() {
        let (backend, top) = storage().await;
        backend.add(Fault::Fail(ErrorKind::PermissionDenied).on(Operation::List, 3));
        let all = glob(&Call::new(), &top, &Pattern::parse("**/a.npz").unwrap()).try_collect::<Vec<_>>().await;
        assert_eq!(all.unwrap_err().kind(), ErrorKind::PermissionDenied);
    }

    #[tokio::test]
    async fn a_copy_goes_on_beside_a_directory_that_is_closed_and_ends_with_a_storage_that_is_gone() {
        let copied = async |kind: ErrorKind, listing: usize| {
            let (backend, top) = storage().await;
            backend.add(Fault::Fail(kind).on(Operation::List, listing));
            let [from, to] = ["store", "copy"].map(|name| top.child(name).unwrap());
            let options = crate::CopyOptions::default();
            let report = crate::copy_tree(&Call::new(), &from, &to, &options, &mut |_| {}).await;
            report.map(|report| (report.copied, report.failed.len())).map_err(|error| error.kind())
        };
        assert_eq!(copied(ErrorKind::PermissionDenied, 3).await, Ok((3, 1)), "of four files, one is in there");
        assert_eq!(copied(ErrorKind::Unavailable, 3).await, Err(ErrorKind::Unavailable));
        assert_eq!(copied(ErrorKind::PermissionDenied, 1).await, Err(ErrorKind::PermissionDenied));
    }
}
