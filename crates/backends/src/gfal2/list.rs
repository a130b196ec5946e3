//! Listings, in pages, as the library reads them.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use law_storage::{Call, Entry, Listing, Operation, Page, Path, Result};

use super::Endpoint;
use super::asking::Asked;
use super::held::Held;
use super::layout::Stat;
use super::library::OpenDirectory;
use super::look::metadata;

const PAGE: usize = 1000;

/// A listing under way.
struct Walk {
    call: Call,
    path: Path,
    directory: Option<Held<OpenDirectory>>,
}

pub(super) async fn list(endpoint: &Arc<Endpoint>, call: &Call, path: &Path) -> Result<Listing> {
    // What they say of a file that is to be listed differs.
    endpoint.look_for_directory(call, path, Operation::List).await?;
    let asked = Asked { path, operation: Operation::List };
    let directory =
        endpoint.open(call, asked, None, |context, address| OpenDirectory::open(context, &address.url)).await?;
    let walk = Walk { call: call.clone(), path: path.clone(), directory: Some(directory) };
    let pages = stream::try_unfold(walk, |mut walk| async move { Ok(walk.next().await?.map(|page| (page, walk))) });
    Ok(pages.boxed())
}

impl Walk {
    async fn next(&mut self) -> Result<Option<Page>> {
        let asked = Asked { path: &self.path, operation: Operation::List };
        let Some(directory) = self.directory.take() else { return Ok(None) };
        let (directory, entries) = directory.ask(&self.call, asked, |directory| directory.next(PAGE)).await?;
        if entries.is_empty() {
            directory.close(&self.call, asked).await?;
            return Ok(None);
        }
        self.directory = Some(directory);
        Ok(Some(Page { entries: self.entries(&entries)?, continuation: None }))
    }

    /// GridFTP also lists the directory itself, and the one above.
    fn entries(&self, found: &[(Vec<u8>, Stat)]) -> Result<Vec<Entry>> {
        let others = found.iter().filter(|(name, _)| !matches!(name.as_slice(), b"." | b".."));
        let entry =
            |(name, stat): &(Vec<u8>, Stat)| Ok(Entry { path: self.path.child(name)?, metadata: metadata(stat) });
        others.map(entry).collect()
    }
}
