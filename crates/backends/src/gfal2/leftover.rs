//! What must not stay behind, whatever happens: temporary files, and old files that were moved aside.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use law_storage::{Call, Error, ErrorKind, Operation, Outcome, Overwrite, Path, Result, aside_path, cleanup};

use super::Endpoint;
use super::held::Ending;

/// A temporary file that is removed unless it is published.
pub(super) struct Temporary {
    endpoint: Arc<Endpoint>,
    /// None once it is published or removed.
    path: Option<Path>,
    ending: Ending,
}

impl Temporary {
    /// Nothing is removed before `ending` says that nobody writes any more.
    pub(super) fn new(endpoint: &Arc<Endpoint>, path: &Path, ending: &Ending) -> Self {
        Self { endpoint: endpoint.clone(), path: Some(path.clone()), ending: ending.clone() }
    }

    pub(super) fn published(mut self) {
        self.path = None;
    }

    /// Removes it now, and tells in the error what is left.
    pub(super) async fn discard(mut self, error: Error) -> Error {
        let Some(path) = self.path.clone() else { return error };
        let remove = remove_closed(&self.endpoint, &path, &self.ending);
        let removed = tokio::time::timeout(cleanup::LIMIT, remove).await;
        self.path = None;
        let what = error.left_behind().unwrap_or("nothing was published").to_owned();
        match removed {
            Ok(Ok(())) => error.leaving(what),
            // Who may not write there was refused before anything was made.
            Ok(Err(refused)) if refused.kind() == error.kind() && is_refusal(error.kind()) => error.leaving(what),
            _ => error.leaving(format!("{what}; the temporary file {} may be left", self.endpoint.url(&path))),
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = self.path.take() {
            let (endpoint, ending) = (self.endpoint.clone(), self.ending.clone());
            cleanup::start(async move { drop(remove_closed(&endpoint, &path, &ending).await) });
        }
    }
}

/// Removes a file once nobody writes to it any more: GridFTP may make one as late as when it is closed.
async fn remove_closed(endpoint: &Arc<Endpoint>, path: &Path, ending: &Ending) -> Result<()> {
    ending.wait().await;
    remove(endpoint, path).await
}

fn is_refusal(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::PermissionDenied | ErrorKind::Unauthenticated | ErrorKind::ReadOnly)
}

/// Removes a file that may be gone already.
async fn remove(endpoint: &Arc<Endpoint>, path: &Path) -> Result<()> {
    match endpoint.unlink(&Call::new(), path).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The old file, moved aside while a new one takes its name.
struct Aside {
    endpoint: Arc<Endpoint>,
    path: Path,
    /// None once it is back or of no more use.
    aside: Option<Path>,
}

impl Aside {
    /// The new file is not there: gives the old one its name back.
    async fn restore(mut self, error: Error) -> Error {
        let Some(aside) = self.aside.clone() else { return error };
        let back = put_back(&self.endpoint, &aside, &self.path).await;
        self.aside = None;
        match back {
            Ok(true) => error.with_outcome(Outcome::NotDone).leaving("nothing was published"),
            Ok(false) => error,
            Err(_) => error.leaving(format!("the old content is at {}", self.endpoint.url(&aside))),
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some(aside) = self.aside.take() {
            let (endpoint, path) = (self.endpoint.clone(), self.path.clone());
            cleanup::start(async move { drop(put_back(&endpoint, &aside, &path).await) });
        }
    }
}

/// Never over anything: if the name is taken, the old content is of no use. Whether the old file has its name.
async fn put_back(endpoint: &Arc<Endpoint>, aside: &Path, path: &Path) -> Result<bool> {
    let call = Call::new();
    let there = endpoint.look(&call, path, Operation::Put).await?.is_some();
    let kept = endpoint.look(&call, aside, Operation::Put).await?.is_some();
    match (there, kept) {
        (true, true) => remove(endpoint, aside).await.map(|()| false),
        (false, true) => endpoint.move_to(&call, aside, path, Operation::Put).await.map(|()| true),
        // It was never moved, or is gone.
        (there, false) => Ok(there),
    }
}

impl Endpoint {
    /// Gives a file the name of another one, and says what readers of that may have seen.
    pub(super) async fn move_over(
        self: &Arc<Self>,
        call: &Call,
        from: &Path,
        to: &Path,
        over: Overwrite,
        operation: Operation,
    ) -> Result<Overwrite> {
        if over == Overwrite::Atomic && !self.refuses_over.load(Ordering::Relaxed) {
            match self.move_to(call, from, to, operation).await {
                // EOS is one of those who do.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    self.refuses_over.store(true, Ordering::Relaxed)
                }
                other => return other.map(|()| over),
            }
        }
        let aside = aside_path(to)?;
        let guard = Aside { endpoint: self.clone(), path: to.clone(), aside: Some(aside.clone()) };
        if let Err(error) = self.move_to(call, to, &aside, operation).await {
            return Err(guard.restore(error).await);
        }
        match self.move_to(call, from, to, operation).await {
            Ok(()) => self.forget(guard, &aside).await,
            Err(error) => Err(guard.restore(error).await),
        }
    }

    /// The new file is there: removes the old one.
    async fn forget(self: &Arc<Self>, mut guard: Aside, aside: &Path) -> Result<Overwrite> {
        // Whether it can be removed or not, the new file is published.
        if remove(self, aside).await.is_err() {
            tracing::warn!(file = %self.url(aside), "the old content could not be removed");
        }
        guard.aside = None;
        Ok(Overwrite::Window)
    }
}
