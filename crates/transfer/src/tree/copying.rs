//! One tree on its way: what is done with each entry of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use law_storage::{Call, Error, ErrorKind, Kind, Path, Result, is_temporary};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::directories::Directories;
use super::patience::Patience;
use crate::copy::{Known, LARGE, copy_known};
use crate::walk::is_of_one_directory;
use crate::{Copied, CopyOptions, Outcome, Place, Walked, unpublished};

/// Small files that are copied at once, unless the options say otherwise.
const AT_ONCE: usize = 32;

/// Files from so many bytes on take a quarter or the half of eight places: a few of them fill a network.
const SIZABLE: u64 = 4 << 20;

/// What became of one entry.
pub(crate) enum Step {
    Copied(Box<Copied>),
    Made,
    /// The filter does not mean it.
    Unmeant,
    Skipped(Place, &'static str),
    Failed(Error),
}

/// A tree on its way; cheap to clone.
#[derive(Clone)]
pub(crate) struct Copying(Arc<Job>);

struct Job {
    call: Call,
    from: Place,
    to: Place,
    options: CopyOptions,
    directories: Directories,
    patience: Patience,
    places: Semaphore,
    /// Files by their names in one case, where the destination does not tell others apart.
    alike: Option<Mutex<HashMap<String, Path>>>,
}

impl Copying {
    pub(crate) fn new(call: &Call, from: &Place, to: &Place, options: CopyOptions) -> Self {
        let places = Semaphore::new(options.jobs.map_or(AT_ONCE, std::num::NonZeroUsize::get));
        let (directories, patience) = (Directories::new(to), Patience::new(options.patience));
        let (call, from, to) = (call.clone(), from.clone(), to.clone());
        let alike = (!to.backend().capabilities().names.case_sensitive).then(Mutex::default);
        Self(Arc::new(Job { call, from, to, options, directories, patience, places, alike }))
    }

    /// How many entries are under way: enough to keep all places busy while some wait for a directory.
    pub(crate) fn at_once(&self) -> usize {
        2 * self.0.options.jobs.map_or(AT_ONCE, std::num::NonZeroUsize::get)
    }

    pub(crate) fn patience(&self) -> &Patience {
        &self.0.patience
    }

    /// Begins with an entry. Without the listing of the top, which comes first, and without the storage there is nothing to report
    /// about.
    pub(crate) fn start(
        &self,
        first: bool,
        walked: Result<Walked>,
    ) -> impl Future<Output = Result<Step>> + Send + use<> {
        let job = self.0.clone();
        async move {
            match walked {
                Ok(walked) => spawned(async move { job.step(walked).await }).await,
                Err(error) if first || !is_of_one_directory(&error) => Err(error),
                Err(error) => Ok(Step::Failed(error)),
            }
        }
    }
}

/// On any thread of the runtime; it ends when nobody waits for it any more.
async fn spawned(work: impl Future<Output = Step> + Send + 'static) -> Result<Step> {
    struct Task(JoinHandle<Step>);
    impl Drop for Task {
        fn drop(&mut self) {
            self.0.abort();
        }
    }
    let mut task = Task(tokio::spawn(work));
    let broken = |e| Error::new(ErrorKind::Internal, "the copy of a file broke").because(e);
    (&mut task.0).await.map_err(broken)
}

impl Job {
    async fn step(&self, walked: Walked) -> Step {
        let (source, target) = (self.from.join(&walked.below), self.to.join(&walked.below));
        let temporary = is_temporary(source.path.name().unwrap_or_default());
        match walked.entry.metadata.kind {
            Kind::File if temporary => Step::Skipped(source, "a temporary file of a write that goes on or broke off"),
            Kind::Directory if temporary => {
                Step::Skipped(source, "a temporary directory of a write that goes on or broke off")
            }
            Kind::Directory if !self.options.filter.is_empty() => Step::Unmeant,
            Kind::File | Kind::Symlink if !self.options.filter.matches(&walked.below, &walked.entry.metadata) => {
                Step::Unmeant
            }
            Kind::File | Kind::Directory => match self.same_but_for_case(&walked, &target) {
                Some(error) => Step::Failed(error),
                None => self.patiently(&walked, &source, &target).await,
            },
            Kind::Symlink => Step::Skipped(source, "a symbolic link"),
            _ => Step::Skipped(source, "neither a file nor a directory"),
        }
    }

    /// Why a file cannot have its name at a storage that takes it for another one of this job.
    fn same_but_for_case(&self, walked: &Walked, target: &Place) -> Option<Error> {
        let mut alike = self.alike.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        if !walked.entry.metadata.is_file() {
            return None;
        }
        let name = String::from_utf8_lossy(walked.below.as_bytes()).to_lowercase();
        let other = match alike.entry(name) {
            Entry::Vacant(none) => {
                none.insert(walked.below.clone());
                return None;
            }
            Entry::Occupied(other) => other.get().clone(),
        };
        let message =
            format!("the storage takes it for {}, which differs in nothing but its case", self.to.join(&other));
        Some(unpublished(Error::new(ErrorKind::AlreadyExists, message).at(target), target))
    }

    async fn patiently(&self, walked: &Walked, source: &Place, target: &Place) -> Step {
        let mut waiting = self.patience.of_one();
        loop {
            let result = match walked.entry.metadata.kind {
                Kind::Directory => self.directory(walked).await.map(|()| Step::Made),
                _ => match self.file(walked, source, target).await {
                    Ok(copied) => Ok(Step::Copied(Box::new(copied))),
                    Err(error) => Err(unpublished(error, target)),
                },
            };
            if let Some(result) = waiting.settle(&self.call, result).await {
                return result.unwrap_or_else(Step::Failed);
            }
        }
    }

    async fn directory(&self, walked: &Walked) -> Result<()> {
        self.directories.names(&self.call, &walked.below, self.options.dry_run).await.map(drop)
    }

    async fn file(&self, walked: &Walked, source: &Place, target: &Place) -> Result<Copied> {
        let weight = self.weight(walked.entry.metadata.size.unwrap_or_default());
        let closed = |e| Error::new(ErrorKind::Internal, "no place for a file").because(e);
        let parent = walked.below.parent().unwrap_or_default();
        let names = self.directories.names(&self.call, &parent, self.options.dry_run).await?;
        let _place = self.call.bound(async { self.places.acquire_many(weight).await.map_err(closed) }).await?;
        let name = target.path.name().unwrap_or_default();
        // Where a link leads is not known from a listing.
        let listed = names.map(|names| names.get(name).cloned());
        let existing = listed.filter(|found| found.as_ref().is_none_or(|found| found.kind != Kind::Symlink));
        let backup = self.options.backup.as_ref().map(|top| top.join(&walked.below));
        let known = Known { existing, backup, ..Known::of(walked.entry.metadata.clone()) };
        let Some(journal) = &self.options.journal else {
            return copy_known(&self.call, source, target, &self.options, known).await;
        };
        if let Some(when) = journal.proven(&walked.below, &known.source)
            && is_still_there(&self.call, target, &known, when).await?
        {
            let size = known.source.size.unwrap_or_default();
            self.options.progress.expect(size);
            self.options.progress.complete(size);
            let (from, to) = (source.clone(), target.clone());
            return Ok(Copied { from, to, size, outcome: Outcome::Before, lost: Vec::new() });
        }
        let metadata = known.source.clone();
        let known = known.going_on(&self.from, &self.to, &walked.below, Some(journal));
        let copied = copy_known(&self.call, source, target, &self.options, known).await?;
        journal.note(&walked.below, &metadata, &copied);
        Ok(copied)
    }

    /// How many places a file takes.
    fn weight(&self, size: u64) -> u32 {
        match size {
            _ if self.options.jobs.is_some() => 1,
            ..SIZABLE => 1,
            SIZABLE..LARGE => 4,
            LARGE.. => 8,
        }
    }
}

/// A journal tells seconds, and clocks differ a little: who is in doubt copies, or compares, again.
const CLOCKS: std::time::Duration = std::time::Duration::from_secs(2);

/// Whether what has the name of the copy has its size, and nobody wrote to it after it was noted.
async fn is_still_there(call: &Call, target: &Place, known: &Known, noted: std::time::SystemTime) -> Result<bool> {
    let existing = match &known.existing {
        Some(existing) => existing.clone(),
        None => target.backend().stat(call, &target.resolved()).await?,
    };
    Ok(existing.is_some_and(|existing| {
        let untouched = existing.modified.is_some_and(|modified| modified.time <= noted + CLOCKS);
        existing.is_file() && existing.size == known.source.size && untouched
    }))
}
