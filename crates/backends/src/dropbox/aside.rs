//! Something that stands aside for a moment, and comes back whatever happens to the call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use law_storage::{Call, Error, ErrorKind, Operation, Path, Result, aside_path, cleanup};

use super::Account;

/// A file or a folder under another name.
pub(super) struct Aside {
    account: Arc<Account>,
    name: Path,
    original: Path,
    away: AtomicBool,
}

impl Aside {
    /// Lets it step aside. An error says where it is, if that is not known.
    pub(super) async fn make(account: &Arc<Account>, call: &Call, path: &Path, operation: Operation) -> Result<Self> {
        let name = aside_path(path)?;
        let aside = Self { account: account.clone(), name, original: path.clone(), away: AtomicBool::new(true) };
        match account.relocate_surely(call, "files/move_v2", path, &aside.name, operation).await {
            Ok(()) => Ok(aside),
            Err(error) if error.outcome().is_unknown() => Err(aside.restore(error).await),
            Err(error) => {
                aside.away.store(false, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// Its name now.
    pub(super) fn name(&self) -> &Path {
        &self.name
    }

    /// It may stay away.
    pub(super) fn forget(&self) {
        self.away.store(false, Ordering::Relaxed);
    }

    /// Brings it back now, and tells in the error where it is.
    pub(super) async fn restore(&self, error: Error) -> Error {
        let back = tokio::time::timeout(cleanup::LIMIT, self.bring_back()).await;
        self.forget();
        match back {
            Ok(Ok(())) => error.leaving(format!("{} is as it was", self.account.url(&self.original))),
            _ => error.leaving(format!(
                "what was {} may be at {} now",
                self.account.url(&self.original),
                self.account.url(&self.name)
            )),
        }
    }

    async fn bring_back(&self) -> Result<()> {
        let call = Call::new();
        let (from, to) = (&self.name, &self.original);
        let back = self.account.relocate_surely(&call, "files/move_v2", from, to, Operation::Rename);
        match back.await {
            // It never went.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.away.swap(false, Ordering::Relaxed) {
            return;
        }
        let gone = Self {
            account: self.account.clone(),
            name: self.name.clone(),
            original: self.original.clone(),
            away: AtomicBool::new(false),
        };
        cleanup::start(async move { drop(gone.bring_back().await) });
    }
}
