//! Listings, in pages, while the directory is being read.

use std::fs::{DirEntry, ReadDir};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use futures_util::{StreamExt as _, stream};
use law_storage::{Call, Entry, Listing, Operation, Page, Path, Result};
use tokio::sync::mpsc;

use super::inspect::describe;
use super::{blocking, failure};

const PAGE: usize = 1000;

pub(super) async fn list(call: &Call, full: PathBuf, path: Path) -> Result<Listing> {
    let directory = full.clone();
    let open = move || std::fs::read_dir(&directory).map_err(|e| failure(e, &directory, Operation::List));
    let entries = blocking(call, open).await?;
    let (sender, receiver) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || send_pages(entries, &full, &path, &sender));
    let state = (receiver, call.clone());
    let pages = stream::try_unfold(state, |(mut receiver, call)| async move {
        let page = call.bound(async { receiver.recv().await.transpose() }).await?;
        Ok(page.map(|page| (page, (receiver, call))))
    });
    Ok(pages.boxed())
}

fn send_pages(mut entries: ReadDir, full: &std::path::Path, path: &Path, sender: &mpsc::Sender<Result<Page>>) {
    loop {
        let page = next_page(&mut entries, full, path);
        let last = page.as_ref().map_or(true, |page| page.entries.is_empty());
        let wanted = !matches!(&page, Ok(page) if page.entries.is_empty());
        if (wanted && sender.blocking_send(page).is_err()) || last {
            return;
        }
    }
}

fn next_page(entries: &mut ReadDir, full: &std::path::Path, path: &Path) -> Result<Page> {
    let mut page = Page::default();
    while page.entries.len() < PAGE {
        let Some(entry) = entries.next() else { break };
        let entry = entry.map_err(|e| failure(e, full, Operation::List))?;
        page.entries.extend(describe_entry(&entry, path)?);
    }
    Ok(page)
}

/// An entry, unless it was removed since its name was read.
fn describe_entry(entry: &DirEntry, path: &Path) -> Result<Option<Entry>> {
    match entry.metadata() {
        Ok(metadata) => {
            let path = path.child(entry.file_name().as_bytes())?;
            Ok(Some(Entry { path, metadata: describe(&metadata) }))
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failure(e, &entry.path(), Operation::List)),
    }
}
