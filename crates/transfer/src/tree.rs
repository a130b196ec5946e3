//! Whole trees: copied and removed.

use futures_util::{StreamExt as _, stream};
use law_storage::{Call, Entry, Error, ErrorKind, Kind, Parents, Path, Result, is_temporary};

use crate::copy::would_have_a_place;
use crate::walk::{is_of_one_directory, walk_on};
use crate::{Copied, CopyOptions, Outcome, Place, Walked, copy_file, walk};

/// Files of a tree that are copied at once.
const AT_ONCE: usize = 8;

/// Files in a row that a storage may leave without an answer, each in spite of its repetitions, before the rest is given up.
const UNANSWERED: usize = 2 * AT_ONCE;

/// Files that are removed at once.
const REMOVED_AT_ONCE: usize = 8;

/// What became of a tree.
#[derive(Debug, Default)]
pub struct TreeReport {
    /// Files that were copied, or in a dry run would be.
    pub copied: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Files that were there already with the same content.
    pub unchanged: u64,
    /// Files whose name was taken, where nothing is to be replaced.
    pub kept: u64,
    /// Entries that were passed over, with the reason: links, devices.
    pub skipped: Vec<(Place, &'static str)>,
    /// What failed; the others went on.
    pub failed: Vec<Error>,
}

/// Copies everything below `from` to `to`, which is made. Files go on when others fail, and when a directory cannot be listed; `tell`
/// hears of each. A storage that is gone ends it all the same, and then the last error of the report says that there was more.
///
/// # Errors
/// Those of listing `from` itself, and a storage that is gone; a directory that cannot be listed for a reason of its own is in
/// the report, as what could not be copied.
pub async fn copy_tree(
    call: &Call,
    from: &Place,
    to: &Place,
    options: &CopyOptions,
    tell: &mut (dyn FnMut(&Copied) + Send),
) -> Result<TreeReport> {
    if options.dry_run {
        let existing = to.backend().stat(call, &to.resolved()).await?;
        would_have_a_place(call, to, existing.as_ref(), options.parents).await?;
    } else {
        to.backend().create_directory(call, &to.resolved(), options.parents).await?;
    }
    let options = CopyOptions { parents: Parents::Create, ..options.clone() };
    let mut report = TreeReport::default();
    let published = |below: &Path| !is_temporary(below.name().unwrap_or_default());
    let walked = walk_on(call, from, published).enumerate();
    let walked = walked.map(|(number, walked)| step(call, from, to, &options, number, walked));
    let mut steps = walked.buffer_unordered(AT_ONCE);
    let mut unanswered = 0;
    while let Some(step) = steps.next().await {
        let step = step?;
        unanswered = if step.is_unanswered() { unanswered + 1 } else { 0 };
        report.take(step, tell);
        if unanswered == UNANSWERED {
            report.failed.push(given_up(from, to));
            break;
        }
    }
    Ok(report)
}

fn given_up(from: &Place, to: &Place) -> Error {
    let message =
        format!("given up after {UNANSWERED} files in a row without an answer; there may be more that was not copied");
    let error = Error::new(ErrorKind::Unavailable, message).at(format!("{from} -> {to}"));
    error.hint("the same command copies what is missing")
}

enum Step {
    Copied(Box<Copied>),
    Made,
    Skipped(Place, &'static str),
    Failed(Error),
}

/// Without the listing of the top, which comes first, and without the storage there is nothing to report about.
async fn step(
    call: &Call,
    from: &Place,
    to: &Place,
    options: &CopyOptions,
    number: usize,
    walked: Result<Walked>,
) -> Result<Step> {
    let walked = match walked {
        Ok(walked) => walked,
        Err(error) if number == 0 || !is_of_one_directory(&error) => return Err(error),
        Err(error) => return Ok(Step::Failed(error)),
    };
    let (source, target) = (from.join(&walked.below), to.join(&walked.below));
    let done = match walked.entry.metadata.kind {
        Kind::File if is_temporary(source.path.name().unwrap_or_default()) => {
            Ok(Step::Skipped(source, "a temporary file of a write that goes on or broke off"))
        }
        Kind::Directory if is_temporary(source.path.name().unwrap_or_default()) => {
            Ok(Step::Skipped(source, "a temporary directory of a write that goes on or broke off"))
        }
        Kind::File => copy_file(call, &source, &target, options).await.map(|copied| Step::Copied(Box::new(copied))),
        Kind::Directory if options.dry_run => Ok(Step::Made),
        Kind::Directory => {
            let made = target.backend().create_directory(call, &target.resolved(), Parents::Create).await;
            made.map(|()| Step::Made)
        }
        Kind::Symlink => Ok(Step::Skipped(source, "a symbolic link")),
        _ => Ok(Step::Skipped(source, "neither a file nor a directory")),
    };
    Ok(done.unwrap_or_else(Step::Failed))
}

impl Step {
    /// It failed as if there were no storage.
    fn is_unanswered(&self) -> bool {
        matches!(self, Self::Failed(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout))
    }
}

impl TreeReport {
    fn take(&mut self, step: Step, tell: &mut (dyn FnMut(&Copied) + Send)) {
        match step {
            Step::Made => {}
            Step::Skipped(place, reason) => self.skipped.push((place, reason)),
            Step::Failed(error) => self.failed.push(error),
            Step::Copied(copied) => {
                tell(&copied);
                self.count(&copied);
            }
        }
    }

    fn count(&mut self, copied: &Copied) {
        match copied.outcome {
            Outcome::Same(_) => self.unchanged += 1,
            Outcome::Kept => self.kept += 1,
            Outcome::Written(_) | Outcome::CopiedByStorage | Outcome::Would => {
                self.copied += 1;
                self.bytes += copied.size;
            }
        }
    }
}

/// Removes a directory and everything below it, files before directories; links are removed, not followed.
///
/// The whole tree is listed before anything is removed, so that a listing that fails removes nothing.
///
/// # Errors
/// The first that failed; what was removed before stays removed.
pub async fn remove_tree(call: &Call, top: &Place, tell: &mut (dyn FnMut(&Entry) + Send)) -> Result<()> {
    let mut entries = Vec::new();
    let mut walked = walk(call, top);
    while let Some(step) = walked.next().await {
        entries.push(step?.entry);
    }
    remove_entries(call, top, entries, tell).await
}

/// Removes a directory and `entries`, which are all that it has, a directory before what is in it.
pub(crate) async fn remove_entries(
    call: &Call,
    top: &Place,
    entries: Vec<Entry>,
    tell: &mut (dyn FnMut(&Entry) + Send),
) -> Result<()> {
    // What a storage only says to have removed is found when the directory above it is.
    let later = call.clone().proving_removals_later();
    let (directories, files): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().rev().partition(|entry| entry.metadata.is_directory());
    let mut removals = stream::iter(files).map(|file| remove_file(&later, top, file)).buffer_unordered(REMOVED_AT_ONCE);
    while let Some(removed) = removals.next().await {
        tell(&removed?);
    }
    drop(removals);
    for directory in directories {
        top.backend().remove_directory(&later, &directory.path).await?;
        tell(&directory);
    }
    top.backend().remove_directory(call, &top.resolved()).await
}

async fn remove_file(call: &Call, top: &Place, file: Entry) -> Result<Entry> {
    top.backend().remove_file(call, &file.path).await.map(|()| file)
}
