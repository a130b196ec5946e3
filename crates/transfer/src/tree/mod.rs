//! Whole trees: copied and removed.

mod copying;
mod directories;
mod patience;
mod removal;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use law_storage::{Call, Entry, Error, ErrorKind, Parents, Path, Result, is_temporary};

use self::copying::{Copying, Step};
pub(crate) use self::removal::remove_entries;
pub use self::removal::remove_tree;
use crate::copy::{refuse_within, would_have_a_place};
use crate::unpublished::or_leaving;
use crate::walk::walk_on;
use crate::{Copied, CopyOptions, Filter, Outcome, Place, Walked, unpublished};

/// What became of a tree.
#[derive(Debug, Default)]
pub struct TreeReport {
    /// Files that were copied, or in a dry run would be.
    pub copied: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Files that were there already with the same content.
    pub unchanged: u64,
    /// Files whose name was taken, and that were to stay.
    pub kept: u64,
    /// Files that a job had copied before it broke off.
    pub before: u64,
    /// Entries that were passed over: links, devices. The first of them, with the reason.
    pub skipped: Vec<(Place, &'static str)>,
    /// What failed; the others went on. The first of them.
    pub failed: Vec<Error>,
    /// How many failed, by kind.
    pub failures: BTreeMap<ErrorKind, u64>,
    /// What copies could not keep beside their bytes.
    pub lost: BTreeSet<&'static str>,
}

/// So many failures and skipped entries stay in a report; every one is told when it happens.
const REMEMBERED: usize = 1000;

/// What is told of a tree on its way.
#[derive(Debug)]
pub enum Told<'a> {
    /// A file was copied, or need not be.
    Copied(&'a Copied),
    /// Something was passed over, and why.
    Skipped(&'a Place, &'static str),
    /// Something failed; whoever hears it may know more about it.
    Failed(&'a mut Error),
}

/// Copies everything below `from` that is meant to `to`, which is made, many files at once. Files go on when others fail, and
/// when a directory cannot be listed; `tell` hears of each. A storage that does not answer is waited for, the whole job at once;
/// when it stays away, the last failure says that there was more.
///
/// # Errors
/// Those of listing `from` itself, and a storage that is gone; a directory that cannot be listed for a reason of its own is in
/// the report, as what could not be copied.
pub async fn copy_tree(
    call: &Call,
    from: &Place,
    to: &Place,
    options: &CopyOptions,
    tell: &mut (dyn FnMut(Told<'_>) + Send),
) -> Result<TreeReport> {
    refuse_within(from, to, "copied")?;
    if options.dry_run {
        let existing = to.backend().stat(call, &to.resolved()).await.map_err(|error| unpublished(error, to))?;
        would_have_a_place(call, to, existing.as_ref(), options.parents).await?;
    } else {
        let made = to.backend().create_directory(call, &to.resolved(), options.parents).await;
        made.map_err(|error| unpublished(error, to))?;
    }
    let options = CopyOptions { parents: Parents::Create, one_of_many: true, ..options.clone() };
    let copying = Copying::new(call, from, to, options.clone());
    let mut report = TreeReport::default();
    let steps = entries(call, from, &options.filter).map(|(first, walked)| copying.start(first, walked));
    let mut steps = steps.buffer_unordered(copying.at_once());
    while let Some(step) = steps.next().await {
        let step = step.map_err(|error| or_leaving(error, || so_far(&report)))?;
        report.take(step, tell);
        call.check().map_err(|error| error.leaving(so_far(&report)))?;
        let end = match options.max_errors {
            _ if copying.patience().is_over() => "given up, as nothing answered any more",
            Some(most) if report.failures.values().sum::<u64>() >= most => "given up after so many failures",
            _ => continue,
        };
        report.take(Step::Failed(given_up(end, from, to)), tell);
        break;
    }
    Ok(report)
}

fn so_far(report: &TreeReport) -> String {
    match report.copied {
        0 => "no file was copied".into(),
        1 => "1 file was copied".into(),
        several => format!("{several} files were copied"),
    }
}

/// What is to be copied, and whether it is the first entry of a listing of everything.
fn entries(call: &Call, from: &Place, filter: &Arc<Filter>) -> BoxStream<'static, (bool, Result<Walked>)> {
    if let Some(names) = filter.names() {
        let (names, call, from): (Vec<Path>, _, _) = (names.cloned().collect(), call.clone(), from.clone());
        let look = move |below| named(call.clone(), from.clone(), below);
        return stream::iter(names).map(look).buffer_unordered(LOOKS).map(|walked| (false, walked)).boxed();
    }
    let enters = filter.clone();
    let enter = move |below: &Path| !is_temporary(below.name().unwrap_or_default()) && enters.enters(below);
    walk_on(call, from, enter).enumerate().map(|(number, walked)| (number == 0, walked)).boxed()
}

/// Names that are looked for at once.
const LOOKS: usize = 16;

async fn named(call: Call, from: Place, below: Path) -> Result<Walked> {
    let place = from.join(&below);
    let metadata = place.backend().stat(&call, &place.resolved()).await?;
    let missing = || Error::new(ErrorKind::NotFound, ErrorKind::NotFound.phrase()).at(&place);
    Ok(Walked { below, entry: Entry { path: place.resolved(), metadata: metadata.ok_or_else(missing)? } })
}

fn given_up(why: &str, from: &Place, to: &Place) -> Error {
    let message = format!("{why}; there may be more that was not copied");
    let error = Error::new(ErrorKind::Unavailable, message).at(format!("{from} -> {to}"));
    error.hint("the same command copies what is missing")
}

impl TreeReport {
    fn take(&mut self, step: Step, tell: &mut (dyn FnMut(Told<'_>) + Send)) {
        match step {
            Step::Made | Step::Unmeant => {}
            Step::Skipped(place, reason) => {
                tell(Told::Skipped(&place, reason));
                if self.skipped.len() < REMEMBERED {
                    self.skipped.push((place, reason));
                }
            }
            Step::Failed(mut error) => {
                tell(Told::Failed(&mut error));
                *self.failures.entry(error.kind()).or_default() += 1;
                if self.failed.len() < REMEMBERED {
                    self.failed.push(error);
                }
            }
            Step::Copied(copied) => {
                tell(Told::Copied(&copied));
                self.count(&copied);
            }
        }
    }

    fn count(&mut self, copied: &Copied) {
        self.lost.extend(&copied.lost);
        match copied.outcome {
            Outcome::Same(_) | Outcome::Unmodified => self.unchanged += 1,
            Outcome::Kept => self.kept += 1,
            Outcome::Before => self.before += 1,
            Outcome::Written(_) | Outcome::CopiedByStorage | Outcome::ByThirdParty(..) | Outcome::Would => {
                self.copied += 1;
                self.bytes += copied.size;
            }
        }
    }
}
