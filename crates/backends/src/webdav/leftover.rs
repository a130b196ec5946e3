//! What must not stay behind, whatever happens: temporary files, and old files that were moved aside.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use law_storage::{Call, Error, ErrorKind, Operation, Outcome, Path, Result, aside_path, cleanup};

use super::Endpoint;
use crate::http::Address;

/// A temporary file that is deleted unless it was published.
pub(super) struct Temporary {
    endpoint: Arc<Endpoint>,
    path: Path,
    /// Where it is; none once it is published or deleted.
    place: Mutex<Option<Address>>,
}

impl Temporary {
    pub(super) fn new(endpoint: Arc<Endpoint>, path: Path, place: Address) -> Self {
        Self { endpoint, path, place: Mutex::new(Some(place)) }
    }

    /// Tells which server of many has it.
    pub(super) fn is_at(&self, place: Address) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
    }

    fn take(&self) -> Option<Address> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Where it is, for who cleans up and may be stopped in the middle.
    fn place(&self) -> Option<Address> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn published(self) {
        drop(self.take());
    }

    /// Deletes it now, and tells in the error what is left.
    pub(super) async fn discard(self, error: Error) -> Error {
        let Some(place) = self.place() else { return error };
        let delete = async {
            delete_surely(&self.endpoint, &place).await?;
            match broke_off(error.kind()) && self.endpoint.quirks().opens_late {
                true => delete_latecomer(&self.endpoint, &place).await,
                false => Ok(()),
            }
        };
        let deleted = tokio::time::timeout(cleanup::LIMIT, delete).await;
        self.take();
        let unclear = error.left_behind().map(str::to_owned);
        let what = unclear.unwrap_or_else(|| "nothing was published".into());
        match deleted {
            Ok(Ok(())) => error.leaving(what),
            // Who may not write there was refused before anything was made.
            Ok(Err(refused)) if refused.kind() == error.kind() && is_refusal(error.kind()) => error.leaving(what),
            _ => error.leaving(format!("{what}; the temporary file {} may be left", self.endpoint.url(&self.path))),
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(place) = self.take() {
            let endpoint = self.endpoint.clone();
            cleanup::start(async move { drop(delete_surely(&endpoint, &place).await) });
        }
    }
}

fn broke_off(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Cancelled)
}

/// Waits for the file that a server may still make for an upload that was broken off, and deletes it again.
async fn delete_latecomer(endpoint: &Endpoint, place: &Address) -> Result<()> {
    const LOOKS: [u64; 3] = [50, 150, 300];
    for wait in LOOKS {
        tokio::time::sleep(Duration::from_millis(wait)).await;
        delete_surely(endpoint, place).await?;
    }
    Ok(())
}

fn is_refusal(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::PermissionDenied | ErrorKind::Unauthenticated | ErrorKind::ReadOnly)
}

/// DELETE, again if the server still holds the file open for an upload that was broken off a moment ago.
async fn delete_surely(endpoint: &Endpoint, place: &Address) -> Result<()> {
    let call = Call::new();
    let mut wait = Duration::from_millis(100);
    loop {
        match endpoint.delete(&call, place.clone(), Operation::Remove).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Unavailable && wait < cleanup::LIMIT / 2 => {
                tokio::time::sleep(wait).await;
                wait *= 3;
            }
            other => return other,
        }
    }
}

/// The old file, moved aside while a new one takes its name.
pub(super) struct Aside {
    endpoint: Arc<Endpoint>,
    path: Path,
    aside: Path,
    place: Option<Address>,
}

impl Aside {
    /// Moves the file at `path` aside; from here on its name is free.
    pub(super) async fn make(endpoint: &Arc<Endpoint>, call: &Call, path: &Path, place: &Address) -> Result<Self> {
        let aside = aside_path(path)?;
        let guard =
            Self { endpoint: endpoint.clone(), path: path.clone(), aside: aside.clone(), place: Some(place.clone()) };
        let moved = endpoint.move_at(call, place, path, &aside, false).await;
        match moved {
            Ok(()) => Ok(guard),
            Err(error) => Err(guard.restore(error).await),
        }
    }

    /// The new file is there: deletes the old one.
    pub(super) async fn forget(mut self) -> Result<()> {
        let Some(place) = self.place.clone() else { return Ok(()) };
        // Whether it can be deleted or not, the new file is published.
        let old = self.endpoint.path_at(place.origin(), &self.aside);
        if delete_surely(&self.endpoint, &old).await.is_err() {
            tracing::warn!(file = %self.endpoint.url(&self.aside), "the old content could not be removed");
        }
        self.place = None;
        Ok(())
    }

    /// The new file is not there: gives the old one its name back.
    pub(super) async fn restore(mut self, error: Error) -> Error {
        let Some(place) = self.place.clone() else { return error };
        let back = put_back(&self.endpoint, &place, &self.aside, &self.path).await;
        self.place = None;
        match back {
            Ok(Back::There) => error.with_outcome(Outcome::NotDone).leaving("nothing was published"),
            Ok(Back::Replaced) => error,
            Err(_) => error.leaving(format!("the old content is at {}", self.endpoint.url(&self.aside))),
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            let (endpoint, aside, path) = (self.endpoint.clone(), self.aside.clone(), self.path.clone());
            cleanup::start(async move { drop(put_back(&endpoint, &place, &aside, &path).await) });
        }
    }
}

/// What has the old file's name.
enum Back {
    /// The old file.
    There,
    /// Another one: the new file did get there, or somebody else's.
    Replaced,
}

/// Never over anything: if the name is taken, the old content is of no use.
async fn put_back(endpoint: &Endpoint, place: &Address, aside: &Path, path: &Path) -> Result<Back> {
    match endpoint.move_at(&Call::new(), place, aside, path, false).await {
        Ok(()) => Ok(Back::There),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            delete_surely(endpoint, &endpoint.path_at(place.origin(), aside)).await?;
            Ok(Back::Replaced)
        }
        // It was never moved.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            endpoint.look_for_file(&Call::new(), path, Operation::Put).await?;
            Ok(Back::There)
        }
        Err(error) => Err(error),
    }
}
