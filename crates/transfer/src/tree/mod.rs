//! Whole trees: copied and removed.

mod copying;
mod directories;
mod patience;
mod removal;

use futures_util::StreamExt as _;
use law_storage::{Call, Error, Parents, Path, Result, is_temporary};

use self::copying::{Copying, Step};
pub(crate) use self::removal::remove_entries;
pub use self::removal::remove_tree;
use crate::copy::would_have_a_place;
use crate::walk::walk_on;
use crate::{Copied, CopyOptions, Outcome, Place};

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

/// Copies everything below `from` to `to`, which is made, many files at once. Files go on when others fail, and when a directory cannot
/// be listed; `tell` hears of each. A storage that does not answer is waited for, the whole job at once; when it stays away, the
/// last error of the report says that there was more.
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
    let copying =
        Copying::new(call, from, to, CopyOptions { parents: Parents::Create, one_of_many: true, ..options.clone() });
    let mut report = TreeReport::default();
    let published = |below: &Path| !is_temporary(below.name().unwrap_or_default());
    let walked = walk_on(call, from, published).enumerate();
    let steps = walked.map(|(number, walked)| copying.start(number, walked));
    let mut steps = steps.buffer_unordered(copying.at_once());
    while let Some(step) = steps.next().await {
        report.take(step?, tell);
        if copying.patience().is_over() {
            report.failed.push(given_up(from, to));
            break;
        }
    }
    Ok(report)
}

fn given_up(from: &Place, to: &Place) -> Error {
    let message = "given up, as nothing answered any more; there may be more that was not copied";
    let error = Error::new(law_storage::ErrorKind::Unavailable, message).at(format!("{from} -> {to}"));
    error.hint("the same command copies what is missing")
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
