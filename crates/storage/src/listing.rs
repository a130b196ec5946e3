//! Listings: pages of entries in no promised order.

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use crate::{Backend, Call, Error, ErrorKind, Metadata, Path, Result};

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its path, as the directory was named in the request.
    pub path: Path,
    /// What the storage says about it; links are not followed.
    pub metadata: Metadata,
}

/// Some entries of a directory.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The entries, in the server's order.
    pub entries: Vec<Entry>,
    /// Where a new listing can go on after this page, for servers that know such a thing.
    pub continuation: Option<String>,
}

/// A listing under way. An error item ends it, and what came before is then no listing.
pub type Listing = BoxStream<'static, Result<Page>>;

/// How a directory is listed.
#[derive(Debug, Clone, Default)]
pub struct ListOptions {
    /// Goes on after the page that had this [`Page::continuation`].
    pub after: Option<String>,
}

/// A whole listing, or an error: entries of a listing that broke are never returned. Sorted by name.
///
/// # Errors
/// Those of [`Backend::list`], at once or on the way.
pub async fn list_all(backend: &dyn Backend, call: &Call, path: &Path) -> Result<Vec<Entry>> {
    let mut listing = backend.list(call, path, &ListOptions::default()).await?;
    let mut entries = Vec::new();
    while let Some(page) = listing.next().await {
        entries.extend(page?.entries);
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    match entries.windows(2).find(|pair| pair[0].path == pair[1].path) {
        None => Ok(entries),
        Some(pair) => Err(twice(&pair[0].path)),
    }
}

fn twice(path: &Path) -> Error {
    Error::new(ErrorKind::Malformed, format!("the listing has {path} twice"))
}
