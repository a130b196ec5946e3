//! What processes that were killed left behind.

use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use law_storage::{Call, Destination, Entry, Kind, Path, Result, UnfinishedUpload, is_temporary, original_of_aside};

use crate::walk::walk_on;
use crate::{Place, is_of_one_directory, remove_tree};

/// Something that a process left behind.
#[derive(Debug, Clone)]
pub struct Leftover {
    /// Where.
    pub place: Place,
    /// What is to be done with it.
    pub remedy: Remedy,
    /// Bytes, of a file.
    pub size: Option<u64>,
    /// When it was written last, where the storage tells.
    pub modified: Option<SystemTime>,
}

/// What is to be done with something that was left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// It is a part of a file that was never published: it is removed.
    Remove,
    /// It is a directory that was never published: it is removed with everything in it.
    RemoveTree,
    /// It is old content whose name is free: it gets its name back.
    Restore(Place),
    /// It is old content, and new content has its name: it is removed.
    Replaced,
    /// It is old content whose name is not known: somebody has to look.
    Look,
    /// It is an upload that never became a file, of which the storage keeps parts: these are thrown away.
    Abandon(UnfinishedUpload),
}

/// Everything below `top` that was left behind and not written to for so long. `tell` hears of directories that cannot be listed.
///
/// # Errors
/// Those of listing `top`, and a storage that is gone.
pub async fn leftovers(
    call: &Call,
    top: &Place,
    age: Duration,
    tell: &mut (dyn FnMut(law_storage::Error) + Send),
) -> Result<Vec<Leftover>> {
    let mut walked = walk_on(call, top, |below| !is_temporary(below.name().unwrap_or_default())).enumerate();
    let mut found = Vec::new();
    while let Some((number, entry)) = walked.next().await {
        match entry {
            Err(error) if number > 0 && is_of_one_directory(&error) => tell(error),
            Err(error) => return Err(error),
            Ok(entry) if !is_temporary(entry.below.name().unwrap_or_default()) || is_young(&entry.entry, age) => {}
            Ok(entry) => found.push(judge(call, top.join(&entry.below), &entry.entry).await?),
        }
    }
    found.extend(uploads(call, top, age).await?);
    Ok(found)
}

/// Uploads that nobody has begun within this time.
async fn uploads(call: &Call, top: &Place, age: Duration) -> Result<Vec<Leftover>> {
    let root = top.resolved();
    let uploads = top.backend().unfinished_uploads(call, &root).await?;
    let old = uploads.into_iter().filter(|upload| !upload.begun.is_some_and(|begun| is_within(begun, age)));
    let leftover = |upload: UnfinishedUpload| {
        let place = top.join(&upload.path.strip_prefix(&root)?);
        Some(Leftover { place, modified: upload.begun, size: None, remedy: Remedy::Abandon(upload) })
    };
    Ok(old.filter_map(leftover).collect())
}

/// Somebody may be writing to it.
fn is_young(entry: &Entry, age: Duration) -> bool {
    entry.metadata.modified.is_some_and(|modified| is_within(modified.time, age))
}

fn is_within(time: SystemTime, age: Duration) -> bool {
    // A storage whose clock is ahead has just been written to.
    SystemTime::now().duration_since(time).map_or(true, |passed| passed < age)
}

async fn judge(call: &Call, place: Place, entry: &Entry) -> Result<Leftover> {
    let modified = entry.metadata.modified.map(|modified| modified.time);
    let size = entry.metadata.size.filter(|_| entry.metadata.is_file());
    let name = place.path.name().unwrap_or_default().to_vec();
    let remedy = match (original_of_aside(&name), entry.metadata.kind) {
        (None, Kind::Directory) => Remedy::RemoveTree,
        (None, _) => Remedy::Remove,
        (Some(None), _) => Remedy::Look,
        (Some(Some(original)), _) => {
            let parent = place.path.parent().unwrap_or_else(Path::root);
            let original = Place::new(place.fs.clone(), parent.child(original)?);
            match original.backend().lstat(call, &original.resolved()).await? {
                None => Remedy::Restore(original),
                Some(_) if entry.metadata.is_directory() => Remedy::Look,
                Some(_) => Remedy::Replaced,
            }
        }
    };
    Ok(Leftover { place, remedy, size, modified })
}

impl Leftover {
    /// Does what is to be done with it; nothing if somebody has to look.
    ///
    /// # Errors
    /// Those of removing and renaming.
    pub async fn clean(&self, call: &Call) -> Result<()> {
        let (backend, path) = (self.place.backend(), self.place.resolved());
        match &self.remedy {
            Remedy::Remove | Remedy::Replaced => backend.remove_file(call, &path).await,
            Remedy::RemoveTree => remove_tree(call, &self.place, &mut |_| {}).await,
            Remedy::Restore(original) => {
                backend.rename(call, &path, &original.resolved(), Destination::NoReplace).await
            }
            Remedy::Abandon(upload) => backend.abandon_upload(call, upload).await,
            Remedy::Look => Ok(()),
        }
    }
}
