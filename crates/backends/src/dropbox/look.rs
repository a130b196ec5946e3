//! Looking and listing.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use law_storage::{
    Call, Comparison, Entry as Listed, ErrorKind, ListOptions, Listing, Operation, Page, Path, Result, Space, Validator,
};
use serde_json::json;

use super::Account;
use super::answers::{Entry, Folder, Usage};
use super::asking::Asked;

/// Entries of a page.
const PAGE: u32 = 2000;

impl Account {
    /// What is there; `None` only on the service's own word.
    pub(super) async fn look(&self, call: &Call, path: &Path, operation: Operation) -> Result<Option<Entry>> {
        if path.is_root() {
            return Ok(Some(Entry::root()));
        }
        let argument = json!({"path": self.name(path)?});
        let asked = Asked { endpoint: "files/get_metadata", argument, path, operation };
        match self.call::<Entry>(call, &asked).await {
            Ok(entry) => Ok(Some(entry)),
            Err(refused) if refused.says("path") && (refused.says("not_found") || refused.says("not_folder")) => {
                Ok(None)
            }
            Err(refused) => Err(refused.error(self, path, operation)),
        }
    }

    pub(super) async fn look_for_file(&self, call: &Call, path: &Path, operation: Operation) -> Result<Entry> {
        match self.look(call, path, operation).await? {
            Some(found) if found.is_file() => Ok(found),
            Some(_) => Err(self.error(ErrorKind::IsADirectory, path, operation)),
            None => Err(self.error(ErrorKind::NotFound, path, operation)),
        }
    }

    pub(super) async fn look_for_directory(&self, call: &Call, path: &Path, operation: Operation) -> Result<()> {
        match self.look(call, path, operation).await? {
            Some(found) if found.is_folder() => Ok(()),
            Some(_) => Err(self.error(ErrorKind::NotADirectory, path, operation)),
            None => Err(self.error(ErrorKind::NotFound, path, operation)),
        }
    }

    /// An error if `found` is another version than the one that is wanted.
    pub(super) fn same_version(&self, path: &Path, wanted: Option<&Validator>, found: &Validator) -> Result<()> {
        match wanted.map(|wanted| wanted.compare(found)) {
            Some(Comparison::Different) => Err(self.error(ErrorKind::Changed, path, Operation::Read)),
            _ => Ok(()),
        }
    }

    pub(super) async fn space(&self, call: &Call) -> Result<Space> {
        let (path, operation) = (&Path::root(), Operation::Space);
        let asked = Asked { endpoint: "users/get_space_usage", argument: json!(null), path, operation };
        let usage = self.call::<Usage>(call, &asked).await;
        let usage = usage.map_err(|refused| refused.error(self, path, operation))?;
        let available = usage.allocation.allocated.map(|allocated| allocated.saturating_sub(usage.used));
        Ok(Space { used: Some(usage.used), available })
    }

    /// The first entries of a folder.
    pub(super) async fn first_entries(
        &self,
        call: &Call,
        path: &Path,
        most: u32,
        operation: Operation,
    ) -> Result<Folder> {
        let argument = json!({"path": self.name(path)?, "limit": most});
        let asked = Asked { endpoint: "files/list_folder", argument, path, operation };
        match self.call(call, &asked).await {
            Ok(folder) => Ok(folder),
            // A path below a file is none, and a file may be called either.
            Err(refused) if refused.says("not_folder") || refused.says("not_found") => {
                self.look_for_directory(call, path, operation).await?;
                Err(refused.error(self, path, operation))
            }
            Err(refused) => Err(refused.error(self, path, operation)),
        }
    }

    async fn next_entries(&self, call: &Call, path: &Path, cursor: &str) -> Result<Folder> {
        let (argument, operation) = (json!({"cursor": cursor}), Operation::List);
        let asked = Asked { endpoint: "files/list_folder/continue", argument, path, operation };
        self.call(call, &asked).await.map_err(|refused| refused.error(self, path, operation))
    }
}

pub(super) async fn list(account: Arc<Account>, call: &Call, path: &Path, options: &ListOptions) -> Result<Listing> {
    let first = match &options.after {
        Some(cursor) => account.next_entries(call, path, cursor).await?,
        None => account.first_entries(call, path, PAGE, Operation::List).await?,
    };
    let (call, path) = (call.clone(), path.clone());
    let state = (account, call, path, Next::Page(first));
    Ok(stream::try_unfold(state, |(account, call, path, next)| async move {
        let folder = match next {
            Next::Page(folder) => folder,
            Next::Cursor(cursor) => account.next_entries(&call, &path, &cursor).await?,
            Next::End => return Ok(None),
        };
        let continuation = folder.has_more.then_some(folder.cursor);
        let page = Page { entries: entries(&account, &path, folder.entries)?, continuation: continuation.clone() };
        let next = continuation.map_or(Next::End, Next::Cursor);
        Ok(Some((page, (account, call, path, next))))
    })
    .boxed())
}

/// How a listing goes on.
enum Next {
    Page(Folder),
    Cursor(String),
    End,
}

fn entries(account: &Account, path: &Path, found: Vec<Entry>) -> Result<Vec<Listed>> {
    let known = found.into_iter().filter(|entry| entry.is_file() || entry.is_folder());
    known
        .map(|entry| {
            let odd = |error| law_storage::Error::from(error).at(account.url(path)).during(Operation::List);
            Ok(Listed { path: path.child(entry.shown_name()).map_err(odd)?, metadata: entry.metadata() })
        })
        .collect()
}
