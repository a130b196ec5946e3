//! The one place where errors become exit codes and lines for people.

use std::process::ExitCode;

use law_storage::{Error, ErrorKind};
use law_transfer::unpublished;
use serde_json::{Value, json};

use crate::context::Context;
use crate::output::{self, complain};
use crate::suggestion;

/// Why a command ends without success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// One thing went wrong.
    One(Error),
    /// Several things went wrong; each was told when it happened.
    Several(Vec<ErrorKind>),
    /// The answer is "no" (`exists`).
    No,
    /// The reader of our output is gone.
    Closed,
    /// A signal ended it, which has this code; what it has to say about that.
    Signal(u8, Option<Error>),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::One(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::One(Error::from(error)),
        }
    }
}

/// Success, for those who look for it.
pub(crate) const OK: u8 = 0;

/// What `law fs` ends with: the table of the README.
pub(crate) fn code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::NotFound => 3,
        ErrorKind::AlreadyExists
        | ErrorKind::Changed
        | ErrorKind::NotEmpty
        | ErrorKind::NotADirectory
        | ErrorKind::IsADirectory => 4,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnly => 5,
        ErrorKind::Unavailable | ErrorKind::Timeout => 6,
        ErrorKind::Integrity => 7,
        ErrorKind::NoSpace => 8,
        ErrorKind::Unsupported => 9,
        ErrorKind::NotOnline => 10,
        ErrorKind::InvalidInput | ErrorKind::NameTooLong => 2,
        ErrorKind::Malformed => 65,
        ErrorKind::Unauthenticated => 77,
        ErrorKind::Cancelled => 130,
        _ => 70,
    }
}

impl Failure {
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::One(error) => code(error.kind()),
            Self::Several(kinds) => several(kinds),
            Self::No => 3,
            // What the shell shows for a program that SIGPIPE ended.
            Self::Closed => 141,
            Self::Signal(code, _) => *code,
        }
    }

    /// What a command ends with that told its failures one by one.
    pub(crate) fn of_all(kinds: Vec<ErrorKind>) -> Result<(), Self> {
        if kinds.is_empty() { Ok(()) } else { Err(Self::Several(kinds)) }
    }

    /// Tells what has not been told yet.
    pub(crate) fn tell(&self, command: &str, as_json: bool) {
        if let Self::One(error) | Self::Signal(_, Some(error)) = self {
            tell_with(error, self.code(), command, as_json);
        }
    }

    /// The same with what is known beside it: see [`Context::judged`].
    pub(crate) fn judged(self, context: &Context) -> Self {
        match self {
            Self::One(error) => Self::One(context.judged(error)),
            other => other,
        }
    }

    /// The same of a copy that did not come to writing: what is left is what was there.
    pub(crate) fn unpublished(self, to: impl std::fmt::Display) -> Self {
        match self {
            Self::One(error) => Self::One(unpublished(error, to)),
            other => other,
        }
    }

    /// The same after a signal, whose code is what scripts look for.
    pub(crate) fn by_signal(self, code: u8) -> Self {
        match self {
            Self::One(error) => Self::Signal(code, Some(error)),
            _ => Self::Signal(code, None),
        }
    }
}

/// The code that all share, else 1.
fn several(kinds: &[ErrorKind]) -> u8 {
    let mut codes: Vec<u8> = kinds.iter().map(|kind| code(*kind)).collect();
    codes.dedup();
    match codes[..] {
        [] => OK,
        [only] => only,
        _ => 1,
    }
}

/// One line, then a hint; or the same as an object.
pub(crate) fn tell(error: &Error, command: &str, as_json: bool) {
    tell_with(error, code(error.kind()), command, as_json);
}

fn tell_with(error: &Error, exit: u8, command: &str, as_json: bool) {
    if as_json {
        complain(describe(error, exit, command));
        return;
    }
    complain(format_args!("{command}: {error}"));
    if let Some(hint) = error.hint_text() {
        complain(format_args!("  hint: {hint}"));
    }
}

fn describe(error: &Error, exit: u8, command: &str) -> Value {
    let attempts: Vec<Value> = error
        .attempts()
        .iter()
        .map(|a| json!({"door": a.door, "seconds": a.elapsed.as_secs_f64(), "reason": a.reason}))
        .collect();
    json!({
        "error": error.kind().code(),
        "exit": exit,
        "command": command,
        "message": error.to_string(),
        "url": error.url(),
        "hint": error.hint_text(),
        "left": error.left_behind(),
        "attempts": attempts,
        "seconds": (!attempts.is_empty()).then(|| error.lasted().as_secs_f64()),
    })
}

/// Ends the program for a command line that cannot be understood, or that asks for help.
pub(crate) fn usage(mut error: clap::Error, command: &str) -> ! {
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().collect();
    suggestion::improve(&mut error, &arguments, command);
    if !error.use_stderr()
        && let Err(closed) = output::refuse_closed()
    {
        let failure = Failure::from(closed);
        failure.tell(command, false);
        std::process::exit(failure.code().into());
    }
    if !error.use_stderr() || !arguments.iter().any(|argument| argument == "--json") {
        error.exit();
    }
    let text = error.to_string();
    let message = text.trim_start_matches("error: ").lines().next().unwrap_or_default();
    let error = Error::new(ErrorKind::InvalidInput, message);
    complain(describe(&error, code(error.kind()), command));
    std::process::exit(code(error.kind()).into())
}

/// The exit code of a whole command.
pub(crate) fn finish(result: Result<(), Failure>, command: &str, as_json: bool) -> ExitCode {
    match result {
        Ok(()) => ExitCode::from(OK),
        Err(failure) => {
            failure.tell(command, as_json);
            ExitCode::from(failure.code())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_one_kind_keep_their_code() {
        assert_eq!(several(&[ErrorKind::NotFound, ErrorKind::NotFound]), 3);
        assert_eq!(several(&[ErrorKind::Timeout, ErrorKind::Unavailable]), 6);
        assert_eq!(several(&[ErrorKind::NotFound, ErrorKind::Integrity]), 1);
    }

    #[test]
    fn an_object_says_what_the_line_says() {
        let error = Error::new(ErrorKind::Integrity, "wrong").at("davs://x/y").leaving("nothing was published");
        let object = describe(&error, code(error.kind()), "law fs cp");
        assert_eq!((object["error"].as_str(), object["exit"].as_u64()), (Some("integrity"), Some(7)));
        assert_eq!(object["left"], "nothing was published");
    }
}
