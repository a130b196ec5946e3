//! Listings: pages of keys below a prefix, with what lies deeper as one entry.

use std::collections::HashSet;
use std::sync::Arc;

use ::opendal::Lister;
use futures_util::{StreamExt as _, stream};
use law_storage::{Call, Entry, Error, ErrorKind, Listing, Metadata, Operation, Page, Path, Result, show_bytes};

use super::Store;

/// How many entries a page has.
const PAGE: usize = 1000;

pub(super) async fn list(store: Arc<Store>, call: &Call, path: &Path) -> Result<Listing> {
    let (operator, prefix) = (store.operator()?.clone(), store.prefix(path)?);
    let asked = (path, Operation::List);
    let lister = store.ask(call, asked, operator.lister(&prefix)).await?;
    let lister = lister.map_err(|told| store.failed(told, path, Operation::List))?;
    let below = prefix.trim_start_matches('/').to_owned();
    let mut pages = Pages {
        store,
        call: call.clone(),
        path: path.clone(),
        below,
        lister: Some(lister),
        marked: false,
        first: None,
        directories: HashSet::new(),
    };
    // The first page is fetched now, so that a file is refused now and not within the stream.
    let first = pages.page().await?;
    let nothing = first.as_ref().is_none_or(|page| page.entries.is_empty());
    if nothing && !pages.marked && pages.lister.is_none() && !path.is_root() {
        pages.store.look_for_directory(call, path, Operation::List).await?;
    }
    let rest = stream::try_unfold(pages, |mut pages| async move { Ok(pages.page().await?.map(|page| (page, pages))) });
    Ok(stream::iter(first.map(Ok)).chain(rest).boxed())
}

struct Pages {
    store: Arc<Store>,
    call: Call,
    path: Path,
    /// What all keys begin with.
    below: String,
    /// None at the end.
    lister: Option<Lister>,
    /// The directory is marked by an empty object.
    marked: bool,
    /// The first entry of all: a service that loses its place gives it again, and so on for ever.
    first: Option<Path>,
    /// The directories of the last page: a file of the same name comes close to it.
    directories: HashSet<Path>,
}

impl Pages {
    /// The next entries; none at the end.
    async fn page(&mut self) -> Result<Option<Page>> {
        let mut entries: Vec<Entry> = Vec::new();
        while entries.len() < PAGE
            && let Some(found) = self.next().await?
        {
            entries.extend(self.entry(&found)?);
        }
        if entries.is_empty() {
            return Ok(None);
        }
        self.check_twins(&entries)?;
        Ok(Some(Page { entries, continuation: None }))
    }

    async fn next(&mut self) -> Result<Option<::opendal::Entry>> {
        let Some(lister) = &mut self.lister else { return Ok(None) };
        let next = async { lister.next().await.transpose() };
        let next = self.store.ask(&self.call, (&self.path, Operation::List), next).await?;
        let next = next.map_err(|told| self.store.failed(told, &self.path, Operation::List))?;
        if next.is_none() {
            self.lister = None;
        }
        Ok(next)
    }

    /// None for what marks the directory itself.
    fn entry(&mut self, found: &::opendal::Entry) -> Result<Option<Entry>> {
        if found.path() == self.below && !self.path.is_root() {
            self.marked = true;
            return Ok(None);
        }
        let key = found.path().strip_suffix('/');
        let path = self.within(key.unwrap_or(found.path()))?;
        if self.first.as_ref() == Some(&path) {
            return Err(self.odd("the listing begins anew"));
        }
        self.first.get_or_insert_with(|| path.clone());
        let metadata = match key {
            Some(_) => Metadata::directory(),
            None => self.store.file(&path, found.metadata(), Operation::List)?,
        };
        Ok(Some(Entry { path, metadata }))
    }

    /// The path of a key that is right below the directory.
    fn within(&self, key: &str) -> Result<Path> {
        let name = key.strip_prefix(&self.below).filter(|name| !name.is_empty());
        // Keys with `//`, `.` or `..` in them would lose those.
        let inside = name.and_then(|name| self.path.child(name).ok());
        inside.ok_or_else(|| {
            let mut name = String::new();
            let _ = show_bytes(key.as_bytes(), &mut name);
            self.odd(&format!("the key {name} cannot be a path here"))
        })
    }

    fn check_twins(&mut self, entries: &[Entry]) -> Result<()> {
        let (directories, files): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry.metadata.is_directory());
        let now: HashSet<Path> = directories.into_iter().map(|entry| entry.path.clone()).collect();
        let known = |path: &Path| now.contains(path) || self.directories.contains(path);
        if let Some(twin) = files.into_iter().find(|entry| known(&entry.path)) {
            return Err(self.odd(&format!("both a file and a directory are called {}", twin.path)));
        }
        self.directories = now;
        Ok(())
    }

    fn odd(&self, what: &str) -> Error {
        Error::new(ErrorKind::Malformed, what).at(self.store.url(&self.path)).during(Operation::List)
    }
}
