//! Calls into the library: on a thread, with a context, within a time, and with errors in our words.

use std::sync::Arc;
use std::time::Duration;

use law_storage::{Call, Error, ErrorKind, Operation, Outcome, Path, Result};

use super::Endpoint;
use super::address::Address;
use super::contexts::Running;
use super::held::{Held, Remains};
use super::library::{Context, Failure, Open};
use super::status::{kind, words};
use super::threads::{GivenUp, threads};

/// How long a storage may compute a checksum: what gfal2 itself takes for enough.
const CHECKSUM: Duration = Duration::from_secs(1800);

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
pub(super) type Answered<T> = Result<Result<T, Failure>>;

impl Endpoint {
    /// One call with the URL of the path. The outer error is about the call, the inner failure what the library says.
    pub(super) async fn try_ask<T: Send + 'static>(
        self: &Arc<Self>,
        call: &Call,
        asked: Asked<'_>,
        work: impl FnOnce(&Arc<Context>, &Address) -> Result<T, Failure> + Send + 'static,
    ) -> Answered<T> {
        let address = self.address(asked.path)?;
        let (endpoint, running) = (self.clone(), Running::default());
        let ours = running.clone();
        let job = move || {
            let context = endpoint.context()?;
            ours.begins(&context)?;
            let outcome = work(&context, &address);
            if ours.ends() && endpoint.leaves_sound(&outcome) {
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
        let (endpoint, running) = (self.clone(), Running::default());
        let ours = running.clone();
        let job = move || {
            let context = endpoint.context()?;
            ours.begins(&context)?;
            let opened = work(&context, &address);
            let sound = ours.ends() && endpoint.leaves_sound(&opened);
            if opened.is_err() && sound {
                endpoint.give_back(context);
            }
            Ok(opened.map(|open| Held::new(endpoint, open, remains, sound)))
        };
        let opened = self.on_a_thread(call, asked, running, job).await?;
        opened.map_err(|failure| self.failed(&failure, asked))
    }

    pub(super) async fn on_a_thread<T: Send + 'static>(
        &self,
        call: &Call,
        asked: Asked<'_>,
        running: Running,
        job: impl FnOnce() -> Answered<T> + Send + 'static,
    ) -> Answered<T> {
        let cancels = self.rules.cancels;
        let stop: Box<dyn FnOnce() + Send> = Box::new(move || running.give_up(cancels));
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
}
