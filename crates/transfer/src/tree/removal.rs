//! Whole trees that go.

use futures_util::{StreamExt as _, stream};
use law_storage::{Call, Entry, ErrorKind, Path, Result};

use crate::{Place, walk};

/// Files that are removed at once.
const AT_ONCE: usize = 16;

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
    let capabilities = top.backend().capabilities();
    let at_once = AT_ONCE.max(capabilities.bulk_removals);
    let mut removals = stream::iter(files).map(|file| remove_file(&later, top, file)).buffer_unordered(at_once);
    while let Some(removed) = removals.next().await {
        tell(&removed?);
    }
    drop(removals);
    for directory in directories {
        remove_directory(&later, top, &directory.path).await?;
        tell(&directory);
    }
    remove_directory(call, top, &top.resolved()).await
}

/// A directory that nobody has made went with its last file.
async fn remove_directory(call: &Call, top: &Place, path: &Path) -> Result<()> {
    match top.backend().remove_directory(call, path).await {
        Err(error) if error.kind() == ErrorKind::NotFound && top.backend().capabilities().implied_directories => Ok(()),
        other => other,
    }
}

async fn remove_file(call: &Call, top: &Place, file: Entry) -> Result<Entry> {
    top.backend().remove_file(call, &file.path).await.map(|()| file)
}
