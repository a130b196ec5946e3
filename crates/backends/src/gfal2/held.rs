//! What is open in the library: files and directories, which are closed on a thread, whatever happens.

use std::ffi::CString;
use std::sync::{Arc, Mutex, PoisonError};

use law_storage::{Call, Error, ErrorKind, Result};
use tokio::sync::oneshot;

use super::Endpoint;
use super::asking::Asked;
use super::contexts::Running;
use super::library::{Failure, Open};
use super::threads::{is_one_of_ours, threads};

/// What is there of a file that is being written, to be removed if it is given up.
pub(super) struct Remains {
    pub(super) url: CString,
    pub(super) ending: Ending,
}

/// Tells when something that was given up is closed.
#[derive(Clone, Default)]
pub(super) struct Ending(Arc<Mutex<Option<oneshot::Receiver<()>>>>);

impl Ending {
    fn begins(&self, end: oneshot::Receiver<()>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
    }

    /// Waits for it, where something is being closed.
    pub(super) async fn wait(&self) {
        let end = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(end) = end {
            drop(end.await);
        }
    }
}

/// Something open, which has its context for itself.
pub(super) struct Held<T: Open> {
    endpoint: Arc<Endpoint>,
    open: Option<T>,
    remains: Option<Remains>,
    /// No call with it was given up.
    sound: bool,
}

impl<T: Open> Held<T> {
    pub(super) fn new(endpoint: Arc<Endpoint>, open: T, remains: Option<Remains>, sound: bool) -> Self {
        Self { endpoint, open: Some(open), remains, sound }
    }

    /// One call with it; after an error it is of no more use.
    pub(super) async fn ask<R: Send + 'static>(
        self,
        call: &Call,
        asked: Asked<'_>,
        work: impl FnOnce(&mut T) -> Result<R, Failure> + Send + 'static,
    ) -> Result<(Self, R)> {
        let (endpoint, running) = (self.endpoint.clone(), self.running());
        let (mut held, ours) = (self, running.clone());
        // Where nobody comes for it, it is closed on that thread.
        let job = move || {
            let Some(open) = held.open.as_mut() else { return Err(Error::new(ErrorKind::Internal, "it is closed")) };
            let outcome = work(open);
            held.sound &= ours.ends() && held.endpoint.leaves_sound(&outcome);
            Ok(outcome.map(|value| (held, value)))
        };
        let answer = endpoint.on_a_thread(call, asked, running, job).await?;
        answer.map_err(|failure| endpoint.failed(&failure, asked))
    }

    /// Closes it; what was written is whole only if this succeeds.
    pub(super) async fn close(self, call: &Call, asked: Asked<'_>) -> Result<()> {
        let (endpoint, running) = (self.endpoint.clone(), self.running());
        let (mut held, ours) = (self, running.clone());
        let job = move || {
            let Some(open) = held.open.take() else { return Ok(Ok(())) };
            let (context, remains) = (open.context().clone(), held.remains.take());
            let closed = open.close();
            let wanted = ours.ends();
            if let Some(remains) = remains.filter(|_| closed.is_err() || !wanted) {
                // Whoever gave it up looks for it once more.
                drop(context.unlink(&remains.url));
            }
            if held.sound && wanted && held.endpoint.leaves_sound(&closed) {
                held.endpoint.give_back(context);
            }
            Ok(closed)
        };
        let answer = endpoint.on_a_thread(call, asked, running, job).await?;
        answer.map_err(|failure| endpoint.failed(&failure, asked))
    }

    fn running(&self) -> Running {
        let running = Running::default();
        // Nobody can have given up what is only now being made.
        let _ = self.open.as_ref().map(|open| running.begins(open.context()));
        running
    }
}

impl<T: Open> Drop for Held<T> {
    fn drop(&mut self) {
        let Some(open) = self.open.take() else { return };
        let (endpoint, context) = (self.endpoint.clone(), open.context().clone());
        let sound = self.sound && !endpoint.rules.fragile;
        let (url, ending) = self.remains.take().map(|remains| (remains.url, remains.ending)).unzip();
        let give_up = move || {
            // What is not wanted need not end well.
            let _ = open.close();
            if let Some(url) = url {
                drop(context.unlink(&url));
            }
            if sound {
                endpoint.give_back(context);
            }
        };
        if is_one_of_ours() {
            return give_up();
        }
        let end = threads().background(give_up);
        if let Some(ending) = ending {
            ending.begins(end);
        }
    }
}
