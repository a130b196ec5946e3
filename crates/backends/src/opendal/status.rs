//! What OpenDAL says, in our words. Its own words are not shown: they have headers and addresses in them.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use law_storage::{Call, Credential, Error, ErrorKind, Operation, Outcome, Path, Result};

use super::Store;
use crate::http::at_place;

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Told {
    /// Nothing is there.
    NotFound,
    /// A condition of ours does not hold.
    Condition,
    /// The part is behind the end of the file.
    RangeNotSatisfied,
    /// Anything else.
    Other(Error),
}

/// An error of ours on its way through OpenDAL.
pub(super) struct Carried(Mutex<Option<Error>>);

impl Carried {
    pub(super) fn pack(error: Error) -> ::opendal::Error {
        let packed = ::opendal::Error::new(::opendal::ErrorKind::Unexpected, "see its source");
        packed.set_source(Self(Mutex::new(Some(error))))
    }

    fn unpack(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Carried")
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error of law")
    }
}

impl StdError for Carried {}

impl Told {
    pub(super) fn of(error: ::opendal::Error) -> Self {
        use ::opendal::ErrorKind as Kind;
        if let Some(ours) = causes(&error).find_map(|cause| cause.downcast_ref::<Carried>()?.unpack()) {
            return Self::Other(ours);
        }
        let kind = match error.kind() {
            Kind::NotFound => return Self::NotFound,
            Kind::ConditionNotMatch => return Self::Condition,
            Kind::RangeNotSatisfied => return Self::RangeNotSatisfied,
            Kind::PermissionDenied => ErrorKind::PermissionDenied,
            Kind::IsADirectory => ErrorKind::IsADirectory,
            Kind::NotADirectory => ErrorKind::NotADirectory,
            Kind::AlreadyExists => ErrorKind::AlreadyExists,
            Kind::Unsupported => ErrorKind::Unsupported,
            Kind::ConfigInvalid => ErrorKind::InvalidInput,
            Kind::RateLimited | Kind::Conflict => ErrorKind::Unavailable,
            _ if lacks_credential(&error) => return Self::Other(no_credential()),
            _ if error.is_temporary() => ErrorKind::Unavailable,
            _ => ErrorKind::Malformed,
        };
        Self::Other(Error::new(kind, kind.phrase()))
    }

    /// As an error that does not know yet where it happened.
    pub(super) fn error(self) -> Error {
        let kind = match self {
            Self::Other(error) => return error,
            Self::NotFound => ErrorKind::NotFound,
            Self::Condition => ErrorKind::Changed,
            Self::RangeNotSatisfied => ErrorKind::InvalidInput,
        };
        Error::new(kind, kind.phrase())
    }
}

fn causes<'a>(error: &'a ::opendal::Error) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |cause: &&'a (dyn StdError + 'static)| (*cause).source())
}

/// Whether there was nothing to sign a request with.
fn lacks_credential(error: &::opendal::Error) -> bool {
    causes(error).any(|cause| cause.downcast_ref::<reqsign_core::Error>().is_some())
}

fn no_credential() -> Error {
    let error = Error::new(ErrorKind::Unauthenticated, "no credential was found, or it makes no sense");
    error.hint("name one in [fs.NAME] or the environment; auth = [\"none\"] reads what is public")
}

impl Store {
    /// One question, under the deadline and the cancellation of the call. The outer error is about the call.
    pub(super) async fn ask<T>(
        &self,
        call: &Call,
        (path, operation): (&Path, Operation),
        question: impl Future<Output = ::opendal::Result<T>>,
    ) -> Result<Result<T, Told>> {
        let answer = call.bound(async { Ok(question.await.map_err(Told::of)) }).await;
        answer.map_err(|error| {
            let error = error.at(self.url(path)).during(operation);
            if changes(operation) { error.with_outcome(Outcome::Unknown) } else { error }
        })
    }

    /// What is denied to nobody in particular may be allowed to somebody, and what is denied to one key, to another.
    fn denied(&self, error: Error) -> Error {
        let nobody = matches!(self.settings.credential, Credential::None);
        match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::Unauthenticated if nobody => {
                let error = error.with_kind(ErrorKind::Unauthenticated);
                error.hint(format!("nobody is named: {}", self.service.credential().takes()))
            }
            // Azure says the same of a key that is wrong, and of one that may not.
            ErrorKind::PermissionDenied if self.is_with_ticket_or_key() && error.hint_text().is_none() => {
                error.hint("is the key or SAS right, and may it do this? law fs token show tells which it is")
            }
            _ => error,
        }
    }

    fn is_with_ticket_or_key(&self) -> bool {
        self.service.scheme == "azblob" && matches!(self.settings.credential, Credential::AccessKey { .. })
    }

    /// What OpenDAL says, as an error about `path`.
    pub(super) fn failed(&self, told: Told, path: &Path, operation: Operation) -> Error {
        let missing = matches!(told, Told::NotFound);
        let lost = matches!(&told, Told::Other(error) if matches!(error.kind(), ErrorKind::Malformed));
        let error = at_place(self.denied(told.error()), self.url(path)).during(operation);
        let error = if lost && changes(operation) { error.with_outcome(Outcome::Unknown) } else { error };
        match missing && matches!(operation, Operation::List | Operation::Put | Operation::CreateDirectory) {
            true => {
                let (container, host) = (self.service.container, self.shown.host());
                error.hint(format!("is there a {container} {host}? law makes no {container}s there"))
            }
            false => error,
        }
    }
}

/// Whether an answer that was lost leaves open what is there now.
fn changes(operation: Operation) -> bool {
    use Operation::{Copy, CreateDirectory, Put, Remove};
    matches!(operation, Copy | CreateDirectory | Put | Remove)
}
