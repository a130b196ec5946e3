//! Listings, in pages, as the server gives them.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use law_storage::{Call, Entry, Error, Listing, Operation, Page, Path, Result};
use openssh_sftp_client::fs::{DirEntry, ReadDir};

use super::connection::Connection;
use super::look::metadata;
use super::{Endpoint, bytes_of, remote};

const PAGE: usize = 1000;
const LIST: Operation = Operation::List;

/// A listing under way.
struct Walk {
    endpoint: Arc<Endpoint>,
    call: Call,
    path: Path,
    connection: Arc<Connection>,
    directory: Pin<Box<ReadDir>>,
}

pub(super) async fn list(endpoint: &Arc<Endpoint>, call: &Call, path: &Path) -> Result<Listing> {
    // A file that is to be listed is said to be missing.
    endpoint.look_for_directory(call, path, LIST).await?;
    let place = remote(path)?;
    let open = |connection: Arc<Connection>| async move {
        let directory = connection.sftp.fs().open_dir(place).await?;
        Ok((connection, directory))
    };
    let (connection, directory) = endpoint.demand(call, (path, LIST), open).await?;
    let directory = Box::pin(directory.read_dir());
    let walk = Walk { endpoint: endpoint.clone(), call: call.clone(), path: path.clone(), connection, directory };
    let pages = stream::try_unfold(walk, |mut walk| async move { Ok(walk.next().await?.map(|page| (page, walk))) });
    Ok(pages.boxed())
}

impl Walk {
    async fn next(&mut self) -> Result<Option<Page>> {
        let mut entries = Vec::new();
        while entries.len() < PAGE {
            let next = self.directory.try_next();
            let next = self.endpoint.ask_on(&self.call, (&self.path, LIST), &self.connection, next).await?;
            let Some(found) = next.map_err(|no| self.endpoint.refused(no, (&self.path, LIST)))? else { break };
            entries.extend(self.entry(&found)?);
        }
        Ok((!entries.is_empty()).then_some(Page { entries, continuation: None }))
    }

    /// None for the directory itself, and for the one above.
    fn entry(&self, found: &DirEntry) -> Result<Option<Entry>> {
        let name = bytes_of(found.filename());
        if matches!(name, b"." | b"..") {
            return Ok(None);
        }
        let odd = |error| Error::from(error).at(self.endpoint.url(&self.path)).during(LIST);
        let path = self.path.child(name).map_err(odd)?;
        Ok(Some(Entry { path, metadata: metadata(&found.metadata()) }))
    }
}
