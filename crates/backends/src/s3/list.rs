//! Listings: pages of keys below a prefix, with what lies deeper as one entry.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use http::Method;
use law_storage::{
    Call, Entry, Error, ErrorKind, ListOptions, Listing, Metadata, Modified, Operation, Page, Path, Result, show_bytes,
};

use super::Bucket;
use super::answers::{Names, Object, quoted, read, time};
use super::asking::{About, Ask};
use super::look::{PAGE, below, file};

pub(super) async fn list(bucket: Arc<Bucket>, call: &Call, path: &Path, options: &ListOptions) -> Result<Listing> {
    bucket.acquaint(call, path).await?;
    let next = Some(options.after.clone());
    let mut pages =
        Pages { bucket, call: call.clone(), path: path.clone(), next, marked: false, directories: HashSet::new() };
    // The first page is fetched now, so that a file is refused now and not within the stream.
    let first = pages.page().await?;
    let nothing = first.as_ref().is_none_or(|page| page.entries.is_empty());
    if nothing && !pages.marked && pages.next.is_none() && options.after.is_none() && !path.is_root() {
        pages.bucket.look_for_directory(call, path, Operation::List).await?;
    }
    let rest = stream::try_unfold(pages, |mut pages| async move { Ok(pages.page().await?.map(|page| (page, pages))) });
    Ok(stream::iter(first.map(Ok)).chain(rest).boxed())
}

struct Pages {
    bucket: Arc<Bucket>,
    call: Call,
    path: Path,
    /// Where the next page begins; an inner none is the beginning, and an outer none is the end.
    next: Option<Option<String>>,
    /// The directory is marked by an empty object.
    marked: bool,
    /// The directories of the last page: a file of the same name comes close to it.
    directories: HashSet<Path>,
}

impl Pages {
    /// The next entries; none at the end.
    async fn page(&mut self) -> Result<Option<Page>> {
        let Some(token) = self.next.take() else { return Ok(None) };
        let names = self.ask(token.as_deref()).await?;
        let next = names.next_continuation_token.clone().filter(|next| names.is_truncated && !next.is_empty());
        if names.is_truncated && (next.is_none() || next == token) {
            // Some services lose their place, and would begin anew for ever.
            return Err(self.odd("the listing goes on, and does not say where"));
        }
        let entries = self.entries(&names)?;
        self.next = next.clone().map(Some);
        Ok(Some(Page { entries, continuation: next }))
    }

    async fn ask(&self, token: Option<&str>) -> Result<Names> {
        let mut ask = Ask::new(Method::GET, About::Bucket, Operation::List);
        if let Some(token) = token {
            ask = ask.query("continuation-token", token);
        }
        ask = ask.query("delimiter", "/").query("encoding-type", "url").query("list-type", "2");
        let ask = ask.query("prefix", below(&self.path));
        let answer = self.bucket.ask(&self.call, &ask).await?;
        if !answer.status.is_success() {
            return Err(self.bucket.not_listed(answer, &self.path, Operation::List).await);
        }
        let xml = self.call.bound(answer.body.collect(PAGE)).await?;
        read(&xml).map_err(|error| error.at(self.bucket.url(&self.path)).during(Operation::List))
    }

    fn entries(&mut self, names: &Names) -> Result<Vec<Entry>> {
        let mut entries = Vec::with_capacity(names.contents.len() + names.common_prefixes.len());
        let directories = names.common_prefixes.iter().map(|prefix| self.directory(&names.decoded(&prefix.prefix)));
        let directories: Vec<Path> = directories.collect::<Result<_>>()?;
        let known: HashSet<Path> = directories.iter().cloned().chain(self.directories.drain()).collect();
        for object in &names.contents {
            let key = names.decoded(&object.key);
            if key == below(&self.path).as_bytes() {
                self.marked = true;
                continue;
            }
            let path = self.within(&key, &key)?;
            if known.contains(&path) {
                return Err(self.odd(&format!("both a file and a directory are called {path}")));
            }
            entries.push(Entry { path, metadata: metadata(object) });
        }
        let entry = |path: &Path| Entry { path: path.clone(), metadata: Metadata::directory() };
        entries.extend(directories.iter().map(entry));
        self.directories = directories.into_iter().collect();
        Ok(entries)
    }

    fn directory(&self, prefix: &[u8]) -> Result<Path> {
        match prefix.strip_suffix(b"/") {
            Some(name) => self.within(name, prefix),
            None => Err(self.odd("a directory without a / behind it")),
        }
    }

    /// The path of a key that is right below the directory.
    fn within(&self, key: &[u8], shown: &[u8]) -> Result<Path> {
        let inside = Path::parse(key).ok().filter(|path| {
            // Keys with `//`, `.` or `..` in them would lose those.
            path.as_bytes() == key && path.parent().as_ref() == Some(&self.path)
        });
        inside.ok_or_else(|| {
            let mut name = String::new();
            let _ = show_bytes(shown, &mut name);
            self.odd(&format!("the key {name} cannot be a path here"))
        })
    }

    fn odd(&self, what: &str) -> Error {
        Error::new(ErrorKind::Malformed, what).at(self.bucket.url(&self.path)).during(Operation::List)
    }
}

fn metadata(object: &Object) -> Metadata {
    let modified = object.last_modified.as_deref().and_then(time).map(Modified::seconds);
    file(object.size, modified, &object.tag.as_deref().map(quoted).unwrap_or_default())
}
