//! Moves between storages: what was copied is removed, and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::StreamExt as _;
use law_storage::{
    BytesSource, Call, Destination, Entry, Error, ErrorKind, Kind, Metadata, Operation, Path, PutOptions, Result,
    Support, aside_path, cleanup, temporary_path,
};

use crate::tree::remove_entries;
use crate::{Place, walk};

/// What a file or a tree had at one moment, to find out later whether it is still the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory(BTreeMap<Path, State>);

/// Of a directory only that it is one: its time changes with whoever looks after it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    kind: Kind,
    size: Option<u64>,
    modified: Option<SystemTime>,
    /// Where nothing steps aside: a tag may be another one under another name.
    tag: Option<String>,
}

impl State {
    fn of(metadata: &Metadata, tagged: bool) -> Self {
        let directory = metadata.is_directory();
        let version = metadata.identity();
        let tag = version.entity_tag().filter(|_| tagged && !directory).map(str::to_owned);
        Self {
            kind: metadata.kind,
            size: metadata.size.filter(|_| !directory),
            modified: metadata.modified.map(|modified| modified.time).filter(|_| !directory),
            tag,
        }
    }
}

impl Inventory {
    /// Of what is at `place` now; a link is a link.
    ///
    /// # Errors
    /// `NotFound`; those of listing.
    pub async fn take(call: &Call, place: &Place) -> Result<Self> {
        Ok(Self::with_entries(call, place).await?.0)
    }

    async fn with_entries(call: &Call, place: &Place) -> Result<(Self, Vec<Entry>)> {
        let top = place.backend().lstat(call, &place.resolved()).await?;
        let top = top.ok_or_else(|| Error::new(ErrorKind::NotFound, "not found").at(place))?;
        let tagged = place.backend().capabilities().rename == Support::No;
        let mut states = BTreeMap::from([(Path::root(), State::of(&top, tagged))]);
        let mut entries = Vec::new();
        if top.is_directory() {
            let mut walked = walk(call, place);
            while let Some(found) = walked.next().await.transpose()? {
                states.insert(found.below, State::of(&found.entry.metadata, tagged));
                entries.push(found.entry);
            }
        }
        Ok((Self(states), entries))
    }

    fn is_tree(&self) -> bool {
        self.0.get(&Path::root()).is_some_and(|top| top.kind == Kind::Directory)
    }

    /// The first thing that is not the same in both, below the place that they are of.
    fn first_difference<'a>(&'a self, other: &'a Self) -> Option<&'a Path> {
        let changed = |one: &'a Self, two: &'a Self| {
            one.0.iter().find(|(path, state)| two.0.get(*path) != Some(*state)).map(|(path, _)| path)
        };
        changed(self, other).or_else(|| changed(other, self))
    }
}

/// Removes the source of a copy, if it is what `copied` says, which was taken before the copy was begun.
///
/// The source steps aside first, so that nobody adds to it any more, and gets its name back if it is not what was
/// copied, or if its copy went with it: two URLs may name the same file. A change that keeps size and time of modification is
/// not noticed; many servers tell times in whole seconds. Where the storage cannot rename, nothing steps aside: what is added between
/// the last look and the removal of a tree stays, and a file that is changed in that moment is removed.
///
/// # Errors
/// `Changed` if something came, went or changed after it was copied: nothing is removed then. `InvalidInput` if the copy is
/// the source. Those of renaming and removing, which say where the source is.
pub async fn remove_copied(call: &Call, from: &Place, to: &Place, copied: &Inventory) -> Result<()> {
    if from.backend().capabilities().rename == Support::No {
        return remove_in_place(call, from, to, copied).await;
    }
    let name = aside_path(&from.resolved())?;
    let parent = from.path.parent().unwrap_or_default();
    let aside = Place { fs: from.fs.clone(), path: parent.child(name.name().unwrap_or_default())? };
    let stepped = from.backend().rename(call, &from.resolved(), &name, Destination::NoReplace).await;
    stepped.map_err(|error| match error.outcome().is_unknown() {
        true => error.leaving(format!("the copy is at {to}, and the source is still there or at {aside}")),
        false => error.leaving(format!("the copy is at {to}, and the source was not removed")),
    })?;
    let entries = match still_copied(call, &aside, from, to, copied).await {
        Ok(entries) => entries,
        Err(error) => return Err(give_back(&aside, from, error).await),
    };
    let removed = match copied.is_tree() {
        true => remove_entries(call, &aside, entries, &mut |_| {}).await,
        false => aside.backend().remove_file(call, &aside.resolved()).await,
    };
    removed.map_err(|error| error.leaving(format!("what is left of the source is at {aside}")))
}

/// As [`remove_copied`], of what cannot step aside.
async fn remove_in_place(call: &Call, from: &Place, to: &Place, copied: &Inventory) -> Result<()> {
    let removed = async {
        if !Arc::ptr_eq(from.fs.backend(), to.fs.backend()) && is_same_directory(call, from, to).await? {
            let message = format!("{from} and {to} are the same file");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let entries = still_copied(call, from, from, to, copied).await?;
        match copied.is_tree() {
            true => remove_entries(call, from, entries, &mut |_| {}).await,
            false => from.backend().remove_file(call, &from.resolved()).await,
        }
    };
    removed.await.map_err(|error| error.leaving(format!("the copy is at {to}, and the source was not removed")))
}

/// Whether what is made beside `to` is found beside `from`: both are one file then, whatever their URLs.
async fn is_same_directory(call: &Call, from: &Place, to: &Place) -> Result<bool> {
    if from.path.name() != to.path.name() {
        return Ok(false);
    }
    let probe = temporary_path(&to.resolved())?;
    let parent = from.resolved().parent().unwrap_or_default();
    let there = parent.child(probe.name().unwrap_or_default())?;
    to.backend().put(call, &probe, &BytesSource::new("a moment"), &PutOptions::default()).await?;
    let found = from.backend().stat(call, &there).await;
    let removed = to.backend().remove_file(call, &probe).await;
    removed.map_err(|error| error.leaving(format!("{} is left", to.backend().url(&probe))))?;
    Ok(found?.is_some())
}

async fn still_copied(call: &Call, aside: &Place, from: &Place, to: &Place, copied: &Inventory) -> Result<Vec<Entry>> {
    if to.backend().stat(call, &to.resolved()).await?.is_none() {
        let message = format!("{from} and {to} are the same file");
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    let (now, entries) = Inventory::with_entries(call, aside).await?;
    match copied.first_difference(&now) {
        None => Ok(entries),
        Some(below) => {
            let error = Error::new(ErrorKind::Changed, "changed after it was copied");
            Err(error.at(from.join(below)).during(Operation::Remove))
        }
    }
}

/// Whatever happened to the call: the source must not stay without its name.
async fn give_back(aside: &Place, from: &Place, error: Error) -> Error {
    let (call, here, name) = (Call::new(), aside.resolved(), from.resolved());
    let back = from.backend().rename(&call, &here, &name, Destination::NoReplace);
    match tokio::time::timeout(cleanup::LIMIT, back).await {
        Ok(Ok(())) => error.leaving("the source is as it was"),
        _ => error.leaving(format!("the source is at {aside} now")),
    }
}

#[cfg(test)]
mod tests {

    use law_storage::{BytesSource, FileSystem, Memory, Parents, PutOptions};

    use super::*;
    use crate::{CopyOptions, copy_tree};

    fn place(fs: &FileSystem, path: &str) -> Place {
        Place::new(fs.clone(), Path::parse(path).unwrap())
    }

    async fn write(place: &Place, content: &'static [u8]) {
        let options = PutOptions { parents: Parents::Create, ..PutOptions::default() };
        let content = BytesSource::new(content);
        place.backend().put(&Call::new(), &place.resolved(), &content, &options).await.unwrap();
    }

    async fn names(place: &Place) -> Vec<String> {
        let walked: Vec<_> = walk(&Call::new(), place).collect().await;
        walked.into_iter().map(|found| found.unwrap().below.to_string()).collect()
    }

    struct Move {
        from: Place,
        to: Place,
        copied: Inventory,
    }

    /// A tree that was just copied, and is still to be removed.
    async fn half_a_move() -> Move {
        let [from, to] = ["a", "b"].map(|name| FileSystem::new(name, Path::root(), Arc::new(Memory::new())));
        let (from, to) = (place(&from, "tree"), place(&to, "copy"));
        write(&from.child("a").unwrap(), b"one").await;
        write(&from.join(&Path::parse("sub/b").unwrap()), b"two").await;
        let copied = Inventory::take(&Call::new(), &from).await.unwrap();
        copy_tree(&Call::new(), &from, &to, &CopyOptions::default(), &mut |_| {}).await.unwrap();
        Move { from, to, copied }
    }

    #[tokio::test]
    async fn what_was_copied_is_removed() {
        let Move { from, to, copied } = half_a_move().await;
        remove_copied(&Call::new(), &from, &to, &copied).await.unwrap();
        assert_eq!(names(&place(&from.fs, "")).await, Vec::<String>::new());
        assert_eq!(names(&to).await, ["a", "sub", "sub/b"]);
    }

    #[tokio::test]
    async fn what_came_or_changed_after_the_copy_stays_with_all_the_rest() {
        for (name, content) in [("new", &b"x"[..]), ("sub/new", b"x"), ("a", b"other"), ("sub/b", b"others")] {
            let Move { from, to, copied } = half_a_move().await;
            let changed = from.join(&Path::parse(name).unwrap());
            write(&changed, content).await;
            let before = names(&from).await;
            let error = remove_copied(&Call::new(), &from, &to, &copied).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Changed, "{name}");
            assert!(error.to_string().contains(&changed.to_string()), "{error}");
            assert_eq!(names(&from).await, before, "{name}");
        }
    }

    #[tokio::test]
    async fn a_source_that_cannot_step_aside_stays_and_the_copy_is_named() {
        let Move { from, to, copied } = half_a_move().await;
        let over = Call::new();
        over.cancellation().cancel();
        let error = remove_copied(&over, &from, &to, &copied).await.unwrap_err();
        assert!(error.to_string().contains("the copy is at memory:///copy"), "{error}");
        assert_eq!(names(&from).await, ["a", "sub", "sub/b"]);
    }

    #[tokio::test]
    async fn a_copy_that_went_with_its_source_brings_it_back() {
        let Move { from, copied, .. } = half_a_move().await;
        let error = remove_copied(&Call::new(), &from, &from, &copied).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert_eq!(names(&from).await, ["a", "sub", "sub/b"]);
    }

    /// Names of one storage, which renames nothing.
    async fn without_renames() -> [Place; 2] {
        let memory = Memory::new().with_capabilities(|capabilities| capabilities.rename = Support::No);
        let storage: Arc<dyn law_storage::Backend> = Arc::new(memory.clone());
        let other: Arc<dyn law_storage::Backend> = Arc::new(memory);
        [storage, other].map(|backend| place(&FileSystem::new("a", Path::root(), backend), "tree"))
    }

    #[tokio::test]
    async fn what_cannot_step_aside_is_removed_in_its_place() {
        let [from, _] = without_renames().await;
        let to = half_a_move().await.to;
        write(&from.child("a").unwrap(), b"one").await;
        write(&from.join(&Path::parse("sub/b").unwrap()), b"two").await;
        let copied = Inventory::take(&Call::new(), &from).await.unwrap();
        write(&from.child("new").unwrap(), b"late").await;
        let error = remove_copied(&Call::new(), &from, &to, &copied).await.unwrap_err();
        assert_eq!((error.kind(), names(&from).await.len()), (ErrorKind::Changed, 4), "{error}");
        let copied = Inventory::take(&Call::new(), &from).await.unwrap();
        remove_copied(&Call::new(), &from, &to, &copied).await.unwrap();
        assert_eq!(from.backend().stat(&Call::new(), &from.resolved()).await.unwrap(), None);
        assert_eq!(names(&to).await, ["a", "sub", "sub/b"]);
    }

    #[tokio::test]
    async fn one_file_with_two_names_is_not_removed_for_its_copy() {
        let [from, to] = without_renames().await;
        write(&from.child("a").unwrap(), b"one").await;
        let copied = Inventory::take(&Call::new(), &from).await.unwrap();
        let error = remove_copied(&Call::new(), &from, &to, &copied).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert_eq!(names(&from).await, ["a"]);
    }
}
