//! Calls into the library: on a thread, with a context, within a time, and with errors in our words.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use law_storage::{Call, Error, ErrorKind, Operation, Outcome, Path, Result};
use tokio::sync::oneshot;

use super::Endpoint;
use super::address::{Address, options};
use super::library::{Context, Failure, Library, Open};
use super::status::{is_broken, kind, what_to_install, words};
use super::threads::{GivenUp, Wanted, is_one_of_ours, threads};

/// How long a storage may compute a checksum: what gfal2 itself takes for enough.
const CHECKSUM: Duration = Duration::from_secs(1800);

/// What a context is made for: the library, and the options.
type Made = (String, Vec<(&'static str, &'static str, CString)>);

/// The contexts of this process that nobody uses just now. There are as many as were needed at once, as they are not freed.
static IDLE: Mutex<BTreeMap<Made, Vec<Arc<Context>>>> = Mutex::new(BTreeMap::new());

fn idle() -> MutexGuard<'static, BTreeMap<Made, Vec<Arc<Context>>>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is asked, for messages.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) path: &'a Path,
    pub(super) operation: Operation,
}

impl Asked<'_> {
    /// Whether an answer that was lost leaves open what is there now.
    fn changes(&self) -> bool {
        use Operation::{CreateDirectory, Put, Remove, Rename};
        matches!(self.operation, CreateDirectory | Put | Remove | Rename)
    }
}

/// What comes back from a thread: a value, a failure of the library, or an error before it was called.
type Answered<T> = Result<Result<T, Failure>>;

impl Endpoint {
    /// One call with the URL of the path. The outer error is about the call, the inner failure what the library says.
    pub(super) async fn try_ask<T: Send + 'static>(
        self: &Arc<Self>,
        call: &Call,
        asked: Asked<'_>,
        work: impl FnOnce(&Arc<Context>, &Address) -> Result<T, Failure> + Send + 'static,
    ) -> Answered<T> {
        let address = self.address(asked.path)?;
        let (endpoint, slot) = (self.clone(), Arc::<OnceLock<Weak<Context>>>::default());
        let running = slot.clone();
        let job = move |wanted: &Wanted| {
            let context = endpoint.context()?;
            let _ = slot.set(Arc::downgrade(&context));
            let outcome = work(&context, &address);
            let sound = outcome.as_ref().err().is_none_or(|failure| !is_broken(failure));
            if sound && !wanted.is_lost() {
                endpoint.give_back(context);
            }
            Ok(outcome)
        };
        self.on_a_thread(call, asked, running, job).await
    }

    /// As [`try_ask`](Self::try_ask), with what the library says as an error.
    pub(super) async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        call: &Call,
        asked: Asked<'_>,
        work: impl FnOnce(&Arc<Context>, &Address) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        self.try_ask(call, asked, work).await?.map_err(|failure| self.failed(&failure, asked))
    }

    /// Opens something, which keeps its context until it is closed. `remains` is removed if it is not.
    pub(super) async fn open<T: Open>(
        self: &Arc<Self>,
        call: &Call,
        asked: Asked<'_>,
        remains: Option<Remains>,
        work: impl FnOnce(&Arc<Context>, &Address) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Held<T>> {
        let address = self.address(asked.path)?;
        let (endpoint, slot) = (self.clone(), Arc::<OnceLock<Weak<Context>>>::default());
        let running = slot.clone();
        let job = move |_: &Wanted| {
            let context = endpoint.context()?;
            let _ = slot.set(Arc::downgrade(&context));
            let opened = work(&context, &address);
            Ok(opened.map(|open| Held { endpoint, open: Some(open), remains }))
        };
        let opened = self.on_a_thread(call, asked, running, job).await?;
        opened.map_err(|failure| self.failed(&failure, asked))
    }

    async fn on_a_thread<T: Send + 'static>(
        &self,
        call: &Call,
        asked: Asked<'_>,
        running: Arc<OnceLock<Weak<Context>>>,
        job: impl FnOnce(&Wanted) -> Answered<T> + Send + 'static,
    ) -> Answered<T> {
        let stop = self.rules.cancels.then(|| -> Box<dyn FnOnce() + Send> {
            Box::new(move || {
                if let Some(context) = running.get().and_then(Weak::upgrade) {
                    context.cancel();
                }
            })
        });
        let given_up = GivenUp { stop, awaited: asked.changes() };
        let patience = if asked.operation == Operation::Digest { CHECKSUM } else { self.patience() };
        let answer = tokio::time::timeout(patience, threads().run(call, given_up, job)).await;
        let answer = answer.unwrap_or_else(|_| {
            let message = format!("no answer came for {} s from", patience.as_secs());
            Err(Error::new(ErrorKind::Timeout, message))
        });
        let whole = |error: Error| self.unanswered(error, asked).at(self.url(asked.path)).during(asked.operation);
        match answer {
            Err(error) => Err(whole(error)),
            Ok(Err(error)) => Err(error.at(self.url(asked.path)).during(asked.operation)),
            Ok(Ok(answer)) => Ok(answer),
        }
    }

    fn unanswered(&self, error: Error, asked: Asked<'_>) -> Error {
        let lost = matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Cancelled) && asked.changes();
        if lost { error.with_outcome(Outcome::Unknown) } else { error }
    }

    /// How long a storage may be silent.
    fn patience(&self) -> Duration {
        let times = &self.settings.timeouts;
        times.connect.saturating_add(times.tls).saturating_add(times.first_byte)
    }

    /// What the library says, as an error.
    pub(super) fn failed(&self, failure: &Failure, asked: Asked<'_>) -> Error {
        let secrets = self.address(asked.path).map(|address| address.secrets).unwrap_or_default();
        let kind = kind(failure);
        let told = words(&failure.message, &secrets);
        let error = Error::new(kind, format!("{} (gfal2: {told})", kind.phrase()));
        let error = error.at(self.url(asked.path)).during(asked.operation);
        let lost = matches!(kind, ErrorKind::Unavailable | ErrorKind::Timeout) && asked.changes();
        if lost { error.with_outcome(Outcome::Unknown) } else { error }
    }

    /// A context that nobody else uses. Blocks.
    fn context(&self) -> Result<Arc<Context>> {
        let made = self.made()?;
        if let Some(context) = idle().get_mut(&made).and_then(Vec::pop) {
            return Ok(context);
        }
        let library = Library::load(&self.library).map_err(|reason| self.not_installed("gfal2", &reason))?;
        let context = Context::new(library, &made.1).map_err(|failure| {
            Error::new(ErrorKind::Unavailable, format!("gfal2 does not start ({})", words(&failure.message, &[])))
        })?;
        let plugin = self.rules.plugin;
        let is_it =
            |name: &String| name.strip_prefix(plugin).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        match context.plugins().iter().any(is_it) {
            true => Ok(Arc::new(context)),
            false => Err(self.not_installed(&format!("the plugin {plugin} of gfal2"), "gfal2 does not have it")),
        }
    }

    fn made(&self) -> Result<Made> {
        Ok((self.library.clone(), options(&self.settings.credential, self.rules)?))
    }

    fn give_back(&self, context: Arc<Context>) {
        if let Ok(made) = self.made() {
            idle().entry(made).or_default().push(context);
        }
    }

    fn not_installed(&self, what: &str, reason: &str) -> Error {
        let scheme = self.shown.scheme();
        let error =
            Error::new(ErrorKind::Unsupported, format!("{scheme}:// needs {what}, which is not installed ({reason})"));
        error.hint(what_to_install(self.rules, &self.shown))
    }
}

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

/// Something open, which is closed on a thread, whatever happens.
pub(super) struct Held<T: Open> {
    endpoint: Arc<Endpoint>,
    open: Option<T>,
    remains: Option<Remains>,
}

impl<T: Open> Held<T> {
    /// One call with it; after an error it is of no more use.
    pub(super) async fn ask<R: Send + 'static>(
        self,
        call: &Call,
        asked: Asked<'_>,
        work: impl FnOnce(&mut T) -> Result<R, Failure> + Send + 'static,
    ) -> Result<(Self, R)> {
        let (endpoint, slot) = (self.endpoint.clone(), self.slot());
        let mut held = self;
        // Where nobody comes for it, it is closed on that thread.
        let job = move |_: &Wanted| {
            let Some(open) = held.open.as_mut() else { return Err(Error::new(ErrorKind::Internal, "it is closed")) };
            Ok(work(open).map(|value| (held, value)))
        };
        let answer = endpoint.on_a_thread(call, asked, slot, job).await?;
        answer.map_err(|failure| endpoint.failed(&failure, asked))
    }

    /// Closes it; what was written is whole only if this succeeds.
    pub(super) async fn close(self, call: &Call, asked: Asked<'_>) -> Result<()> {
        let (endpoint, slot) = (self.endpoint.clone(), self.slot());
        let mut held = self;
        let job = move |wanted: &Wanted| {
            let Some(open) = held.open.take() else { return Ok(Ok(())) };
            let context = open.context().clone();
            let closed = open.close();
            match &closed {
                Err(_) => held.remove(&context),
                Ok(()) if wanted.is_lost() => held.remove(&context),
                Ok(()) => held.endpoint.give_back(context),
            }
            Ok(closed)
        };
        let answer = endpoint.on_a_thread(call, asked, slot, job).await?;
        answer.map_err(|failure| endpoint.failed(&failure, asked))
    }

    fn slot(&self) -> Arc<OnceLock<Weak<Context>>> {
        let slot = Arc::<OnceLock<Weak<Context>>>::default();
        let _ = self.open.as_ref().map(|open| slot.set(Arc::downgrade(open.context())));
        slot
    }

    /// Removes what is there of a file that is not wanted.
    fn remove(&mut self, context: &Arc<Context>) {
        if let Some(remains) = self.remains.take() {
            // Whoever gave it up looks for it once more.
            drop(context.unlink(&remains.url));
        }
    }
}

impl<T: Open> Drop for Held<T> {
    fn drop(&mut self) {
        let Some(open) = self.open.take() else { return };
        let (context, remains) = (open.context().clone(), self.remains.take());
        let (url, ending) = remains.map(|remains| (remains.url, remains.ending)).unzip();
        let give_up = move || {
            // What is not wanted need not end well.
            let _ = open.close();
            if let Some(url) = url {
                drop(context.unlink(&url));
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
