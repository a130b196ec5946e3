//! What must not stay behind, whatever happens: temporary files, and old files that were moved aside.

use std::sync::Arc;

use law_storage::{Call, Error, ErrorKind, Operation, Outcome, Overwrite, Path, Result, aside_path, cleanup};
use tokio::sync::oneshot;

use super::Endpoint;

/// A temporary file that is removed unless it is published.
pub(super) struct Temporary {
    endpoint: Arc<Endpoint>,
    /// None once it is published or removed.
    path: Option<Path>,
}

impl Temporary {
    pub(super) fn new(endpoint: &Arc<Endpoint>, path: &Path) -> Self {
        Self { endpoint: endpoint.clone(), path: Some(path.clone()) }
    }

    pub(super) fn published(mut self) {
        self.path = None;
    }

    /// Removes it now, and tells in the error what is left.
    pub(super) async fn discard(mut self, error: Error) -> Error {
        let Some(path) = self.path.clone() else { return error };
        let removed = tokio::time::timeout(cleanup::LIMIT, remove(&self.endpoint, &path)).await;
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
            let endpoint = self.endpoint.clone();
            cleanup::start(async move { drop(remove(&endpoint, &path).await) });
        }
    }
}

fn is_refusal(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::PermissionDenied | ErrorKind::Unauthenticated | ErrorKind::ReadOnly)
}

/// Removes a file that may be gone already.
pub(super) async fn remove(endpoint: &Endpoint, path: &Path) -> Result<()> {
    match endpoint.unlink(&Call::new(), path).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Gives a file the name of another one, which is moved aside before: for servers that cannot do it in one step. It is gone through with,
/// whether somebody still waits for it or not.
pub(super) async fn move_by_aside(
    endpoint: &Arc<Endpoint>,
    from: &Path,
    to: &Path,
    operation: Operation,
) -> Result<Overwrite> {
    let (endpoint, from, to) = (endpoint.clone(), from.clone(), to.clone());
    let aside = aside_path(&to)?;
    let (tell, told) = oneshot::channel();
    cleanup::start(async move { drop(tell.send(replace(&endpoint, (&from, &to, &aside), operation).await)) });
    told.await
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Timeout, "the replacement did not end in time")))
        .map_err(|error| if error.kind() == ErrorKind::Timeout { error.with_outcome(Outcome::Unknown) } else { error })
}

async fn replace(
    endpoint: &Endpoint,
    (from, to, aside): (&Path, &Path, &Path),
    operation: Operation,
) -> Result<Overwrite> {
    let call = Call::new();
    endpoint.move_to(&call, to, aside, operation).await?;
    if let Err(error) = endpoint.move_to(&call, from, to, operation).await {
        return Err(match endpoint.move_to(&call, aside, to, operation).await {
            Ok(()) => error.with_outcome(Outcome::NotDone).leaving("nothing was published"),
            Err(_) => error.leaving(format!("the old content is at {}", endpoint.url(aside))),
        });
    }
    // Whether it can be removed or not, the new file is published.
    if remove(endpoint, aside).await.is_err() {
        tracing::warn!(file = %endpoint.url(aside), "the old content could not be removed");
    }
    Ok(Overwrite::Window)
}
