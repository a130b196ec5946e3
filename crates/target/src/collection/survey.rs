//! Asking the storage about many targets with as few questions as possible.

use std::collections::HashMap;
use std::collections::HashSet;

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use law_storage::{Call, ErrorKind, ListOptions, Path, Result};
use law_transfer::Place;

use crate::target::Target;

/// Questions under way at once: enough to hide the way to the storage, few enough not to be a burden to it.
pub(super) const AT_ONCE: usize = 32;

/// How members are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// One question for each.
    Each,
    /// One listing for each directory that has some.
    ByDirectory,
}

/// Which members exist: places in the collection, in any order, as the answers come.
pub(super) type Answers<'a> = BoxStream<'a, Result<(usize, bool)>>;

/// Asks for the members; the stream ends with the first that cannot be answered. Whoever knows enough drops it.
pub(super) fn ask<'a, T: Target + 'a>(members: impl Iterator<Item = &'a T> + Send + 'a, look: Look) -> Answers<'a> {
    match look {
        Look::Each => each(members.enumerate()),
        Look::ByDirectory => by_directory(members),
    }
}

fn each<'a, T: Target + 'a>(members: impl Iterator<Item = (usize, &'a T)> + Send + 'a) -> Answers<'a> {
    let ask = |(index, member): (usize, &'a T)| async move { Ok((index, member.exists_async().await?)) };
    stream::iter(members.map(ask)).buffer_unordered(AT_ONCE).boxed()
}

/// What tells one directory from all others.
pub(super) type DirectoryKey<'a> = (&'a str, &'a Path, Path);

/// Members of one directory, by their names in it.
pub(super) struct Group<'a> {
    directory: Place,
    pub(super) members: Vec<(usize, &'a [u8])>,
}

/// Members that a listing tells about, and the others.
pub(super) fn grouped<'a, T: Target + ?Sized + 'a>(
    members: impl Iterator<Item = (usize, &'a T)>,
) -> (impl Iterator<Item = Group<'a>>, Vec<(usize, &'a T)>) {
    let mut groups: HashMap<DirectoryKey<'_>, Group<'a>> = HashMap::new();
    let mut alone = Vec::new();
    for (index, member) in members {
        let listed = member.listed().and_then(|place| Some((place, place.path.parent()?, place.path.name()?)));
        let Some((place, parent, name)) = listed else {
            alone.push((index, member));
            continue;
        };
        let key = (place.fs.name(), place.fs.base(), parent.clone());
        let directory = || Group { directory: Place::new(place.fs.clone(), parent), members: Vec::new() };
        groups.entry(key).or_insert_with(directory).members.push((index, name));
    }
    (groups.into_values(), alone)
}

fn by_directory<'a, T: Target + 'a>(members: impl Iterator<Item = &'a T>) -> Answers<'a> {
    let (groups, alone) = grouped(members.enumerate());
    let lists = stream::iter(groups.map(Group::answers).collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
    let listed = lists.map_ok(|answers| stream::iter(answers.into_iter().map(Ok))).try_flatten();
    listed.chain(each(alone.into_iter())).boxed()
}

impl Group<'_> {
    /// One listing; a directory that is missing has none of them, and one that cannot be listed is an error.
    pub(super) async fn answers(self) -> Result<Vec<(usize, bool)>> {
        let files = match files_in(&self.directory).await {
            Err(error) if error.kind() == ErrorKind::NotFound => HashSet::new(),
            other => other?,
        };
        Ok(self.members.iter().map(|(index, name)| (*index, files.contains(*name))).collect())
    }
}

async fn files_in(directory: &Place) -> Result<HashSet<Vec<u8>>> {
    let backend = directory.backend();
    let mut pages = backend.list(&Call::new(), &directory.resolved(), &ListOptions::default()).await?;
    let mut files = HashSet::new();
    while let Some(page) = pages.next().await.transpose()? {
        let found = page.entries.into_iter().filter(|entry| !entry.metadata.is_directory());
        files.extend(found.filter_map(|entry| entry.path.name().map(<[u8]>::to_vec)));
    }
    Ok(files)
}

/// Which members of a collection exist, and which do not, by their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey<K> {
    /// Those that exist, in the order of the collection.
    pub existing: Vec<K>,
    /// Those that do not.
    pub missing: Vec<K>,
}
