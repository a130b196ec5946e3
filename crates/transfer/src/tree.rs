//! Whole trees: copied and removed.

use futures_util::StreamExt as _;
use law_storage::{Call, Entry, Error, Kind, Parents, Path, Result, is_temporary};

use crate::copy::would_have_a_place;
use crate::walk::{is_of_one_directory, walk_on};
use crate::{Copied, CopyOptions, Outcome, Place, Walked, copy_file, walk};

/// Files of a tree that are copied at once.
const AT_ONCE: usize = 8;

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
/// hears of each.
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
    while let Some(step) = steps.next().await {
        report.take(step?, tell);
    }
    Ok(report)
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

/// Removes a directory and everything below it, bottom up; links are removed, not followed.
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
    remove_entries(call, top, &entries, tell).await
}

/// Removes a directory and `entries`, which are all that it has, a directory before what is in it.
pub(crate) async fn remove_entries(
    call: &Call,
    top: &Place,
    entries: &[Entry],
    tell: &mut (dyn FnMut(&Entry) + Send),
) -> Result<()> {
    for entry in entries.iter().rev() {
        match entry.metadata.kind {
            Kind::Directory => top.backend().remove_directory(call, &entry.path).await?,
            _ => top.backend().remove_file(call, &entry.path).await?,
        }
        tell(entry);
    }
    top.backend().remove_directory(call, &top.resolved()).await
}
