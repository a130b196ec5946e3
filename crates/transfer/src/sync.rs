//! One tree made like another.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream};
use law_storage::{Call, Error, ErrorKind, Path, Result};

use crate::compare::files;
use crate::copy::refuse_within;
use crate::{CopyOptions, Place, Policy, Told, TreeReport, copy_file, copy_tree};

/// Files that are deleted at once.
const AT_ONCE: usize = 16;

/// How a tree is made like another.
#[derive(Debug, Clone, Default)]
pub struct SyncOptions {
    /// How files are copied.
    pub copy: CopyOptions,
    /// Whether files that only the destination has are deleted, and how many at most.
    pub delete: Option<MaxDelete>,
}

/// How many files may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MaxDelete {
    /// A tenth of those that are there, but ten in any case, and never more than a thousand.
    #[default]
    Careful,
    /// So many.
    Files(u64),
}

impl MaxDelete {
    fn allows(self, extra: usize, there: usize) -> bool {
        match self {
            Self::Files(most) => extra as u64 <= most,
            Self::Careful => extra <= (there / 10).clamp(10, 1000),
        }
    }
}

/// What is told of a tree that is made like another.
#[derive(Debug)]
pub enum SyncTold<'a> {
    /// What a copy of a tree tells.
    Copy(Told<'a>),
    /// A file was deleted, or in a dry run would be.
    Deleted(&'a Place),
}

/// What became of it.
#[derive(Debug, Default)]
pub struct SyncReport {
    /// The copies.
    pub copies: TreeReport,
    /// Files that were deleted, or in a dry run would be.
    pub deleted: u64,
    /// Files that were to be deleted, and stay because not all was copied.
    pub spared: u64,
}

/// Copies what the destination lacks or has otherwise, and then, if that is wanted, deletes what only the destination has. Nothing is
/// deleted unless both trees were listed to their ends, every copy succeeded, and the source has files.
///
/// # Errors
/// Those of listing; `InvalidInput` if more is to be deleted than may be, or the source is empty: then nothing is done.
pub async fn sync_tree(
    call: &Call,
    from: &Place,
    to: &Place,
    options: &SyncOptions,
    tell: &mut (dyn FnMut(SyncTold<'_>) + Send),
) -> Result<SyncReport> {
    refuse_within(from, to, "copied")?;
    let extra = match options.delete {
        Some(most) => extra(call, from, to, options, most).await?,
        None => Vec::new(),
    };
    let mut tell_copy = |told: Told<'_>| tell(SyncTold::Copy(told));
    let copies = copy_tree(call, from, to, &options.copy, &mut tell_copy).await?;
    let mut report = SyncReport { copies, ..SyncReport::default() };
    if !report.copies.failures.is_empty() {
        report.spared = extra.len() as u64;
        return Ok(report);
    }
    let deletions = stream::iter(extra).map(|below| delete(call.clone(), to.clone(), options.copy.clone(), below));
    let mut deletions = deletions.buffer_unordered(AT_ONCE);
    let mut directories = BTreeSet::new();
    while let Some(below) = deletions.next().await.transpose()? {
        tell(SyncTold::Deleted(&to.join(&below)));
        report.deleted += 1;
        directories.extend(above(&below));
    }
    if !options.copy.dry_run {
        remove_empty(call, from, to, directories).await?;
    }
    Ok(report)
}

/// The files that only the destination has, if they may be deleted.
async fn extra(call: &Call, from: &Place, to: &Place, options: &SyncOptions, most: MaxDelete) -> Result<Vec<Path>> {
    let ours = files(call, from, &options.copy.filter).await?;
    let theirs = match to.backend().stat(call, &to.resolved()).await? {
        Some(_) => files(call, to, &options.copy.filter).await?,
        None => return Ok(Vec::new()),
    };
    let extra: Vec<Path> = theirs.keys().filter(|path| !ours.contains_key(*path)).cloned().collect();
    let refuse = |message: String| Error::new(ErrorKind::InvalidInput, message).at(to).leaving("nothing was done");
    if ours.is_empty() && !extra.is_empty() {
        let message = format!("the source {from} has no files, and all {} would be deleted at", extra.len());
        return Err(refuse(message).hint("law fs rm -r removes a tree"));
    }
    if !most.allows(extra.len(), theirs.len()) {
        let message = format!("{} of {} files would be deleted at", extra.len(), theirs.len());
        let error = refuse(message);
        return Err(error.hint(format!("--max-delete {} allows it, --dry-run shows which", extra.len())));
    }
    Ok(extra)
}

async fn delete(call: Call, to: Place, options: CopyOptions, below: Path) -> Result<Path> {
    let place = to.join(&below);
    if options.dry_run {
        return Ok(below);
    }
    if let Some(top) = &options.backup {
        back_up(&call, &place, &top.join(&below)).await?;
    }
    match place.backend().remove_file(&call, &place.resolved()).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(below),
        other => other.map(|()| below),
    }
}

/// A copy of what is about to be replaced or deleted, with proof.
pub(crate) async fn back_up(call: &Call, place: &Place, backup: &Place) -> Result<()> {
    let options = CopyOptions {
        policy: Policy::Always,
        parents: law_storage::Parents::Create,
        preserve: crate::Preserve::ALL,
        ..CopyOptions::default()
    };
    copy_file(call, place, backup, &options).await.map(drop)
}

fn above(below: &Path) -> Vec<Path> {
    let parents = std::iter::successors(below.parent(), Path::parent);
    parents.take_while(|parent| !parent.is_root()).collect()
}

/// Directories that deletions left empty, and that the source does not have either; the deepest first.
async fn remove_empty(call: &Call, from: &Place, to: &Place, directories: BTreeSet<Path>) -> Result<()> {
    for directory in directories.iter().rev() {
        let ours = from.join(directory);
        if ours.backend().stat(call, &ours.resolved()).await?.is_some_and(|metadata| metadata.is_directory()) {
            continue;
        }
        let place = to.join(directory);
        match place.backend().remove_directory(call, &place.resolved()).await {
            Err(error) if matches!(error.kind(), ErrorKind::NotEmpty | ErrorKind::NotFound) => {}
            other => other?,
        }
    }
    Ok(())
}
