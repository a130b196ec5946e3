//! What is left of a copy that did not come about.

use std::fmt;

use law_storage::{Error, ErrorKind};

/// Of what went wrong on the way, and not because of what was asked for, that nothing became of the copy at `to`; unless the error
/// says what is left, or nobody knows.
pub fn unpublished(error: Error, to: impl fmt::Display) -> Error {
    or_leaving(error, || format!("nothing was published as {to}"))
}

/// The same in other words.
pub(crate) fn or_leaving(error: Error, what: impl FnOnce() -> String) -> Error {
    use ErrorKind::{
        Cancelled, Integrity, Malformed, NoSpace, PermissionDenied, Timeout, Unauthenticated, Unavailable,
    };
    match error.kind() {
        _ if error.outcome().is_unknown() => error,
        Unavailable | Timeout | Cancelled | Unauthenticated | PermissionDenied | Malformed | Integrity | NoSpace => {
            error.or_leaving(what())
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use law_storage::Outcome;

    use super::*;

    #[test]
    fn what_is_known_is_said_once() {
        let left = |error: Error| unpublished(error, "m:x").left_behind().map(str::to_owned);
        let timeout = || Error::new(ErrorKind::Timeout, "no answer");
        assert_eq!(left(timeout()).as_deref(), Some("nothing was published as m:x"));
        assert_eq!(left(timeout().leaving("a file may be left")).as_deref(), Some("a file may be left"));
        assert_eq!(left(timeout().with_outcome(Outcome::Unknown)), None);
        assert_eq!(left(Error::new(ErrorKind::NotFound, "not found")), None);
    }
}
