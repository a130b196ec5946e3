//! What `ssh` and the server say, in our words.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use law_storage::{Call, Error, ErrorKind, Operation, Outcome, Path, Result, Status};
use openssh_sftp_client::Error as Failure;
use openssh_sftp_client::error::SftpErrorKind;

use super::Endpoint;
use super::connection::Connection;

/// A no of the server, who gives hardly any reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum No {
    NotFound,
    Denied,
    Unsupported,
    /// A name that is too long, mostly.
    BadMessage,
    /// Anything else: it exists, it has entries, the disk is full.
    Failure,
}

impl No {
    pub(super) fn kind(self) -> ErrorKind {
        match self {
            Self::NotFound => ErrorKind::NotFound,
            Self::Denied => ErrorKind::PermissionDenied,
            Self::Unsupported => ErrorKind::Unsupported,
            Self::BadMessage => ErrorKind::InvalidInput,
            Self::Failure => ErrorKind::Unavailable,
        }
    }
}

/// What is asked about, and what for.
pub(super) type Asked<'a> = (&'a Path, Operation);

/// What became of a question.
enum Answer<T> {
    Yes(T),
    No(No),
    /// Nonsense, after which nothing can be trusted.
    Malformed,
    /// The connection is gone.
    Broken,
}

impl<T> Answer<T> {
    fn of(answer: Result<T, Failure>) -> Self {
        match answer {
            Ok(answer) => Self::Yes(answer),
            Err(Failure::SftpError(kind, _)) => Self::No(match kind {
                SftpErrorKind::NoSuchFile => No::NotFound,
                SftpErrorKind::PermDenied => No::Denied,
                SftpErrorKind::OpUnsupported => No::Unsupported,
                SftpErrorKind::BadMessage => No::BadMessage,
                _ => No::Failure,
            }),
            Err(Failure::UnsupportedExtension(_)) => Self::No(No::Unsupported),
            Err(Failure::FormatError(_) | Failure::InvalidResponse(_) | Failure::HandleTooLong) => Self::Malformed,
            Err(_) => Self::Broken,
        }
    }
}

impl Endpoint {
    /// One question. The outer error is about the call and the connection, the inner one is the server's no.
    pub(super) async fn ask<T, Question, Asking>(
        &self,
        call: &Call,
        asked: Asked<'_>,
        question: Question,
    ) -> Result<Result<T, No>>
    where
        Question: FnOnce(Arc<Connection>) -> Asking,
        Asking: Future<Output = Result<T, Failure>>,
    {
        let connection = self.connection(call).await.map_err(|error| self.about(error, asked))?;
        self.ask_on(call, asked, &connection, question(connection.clone())).await
    }

    /// As [`ask`](Self::ask), of what is open on that connection.
    pub(super) async fn ask_on<T>(
        &self,
        call: &Call,
        asked: Asked<'_>,
        connection: &Arc<Connection>,
        question: impl Future<Output = Result<T, Failure>>,
    ) -> Result<Result<T, No>> {
        let lost = if changes(asked.1) { Outcome::Unknown } else { Outcome::NotDone };
        let limit = self.settings.timeouts.first_byte;
        let answer = call.bound(async { Ok(answered(connection, limit, question).await) }).await;
        let answer = answer.map_err(|error| self.about(error, asked).with_outcome(lost.clone()))?;
        let error = match answer.map(Answer::of) {
            Ok(Answer::Yes(answer)) => return Ok(Ok(answer)),
            Ok(Answer::No(no)) => return Ok(Err(no)),
            Ok(Answer::Malformed) => senseless(),
            Ok(Answer::Broken) if connection.was_given_up().await => senseless(),
            Ok(Answer::Broken) => broken(),
            Err(_) => Error::new(ErrorKind::Timeout, format!("no answer within {} s", limit.as_secs())),
        };
        self.forget(connection).await;
        Err(self.about(error, asked).with_outcome(lost))
    }

    /// As [`ask`](Self::ask), where a no is an error.
    pub(super) async fn demand<T, Question, Asking>(
        &self,
        call: &Call,
        asked: Asked<'_>,
        question: Question,
    ) -> Result<T>
    where
        Question: FnOnce(Arc<Connection>) -> Asking,
        Asking: Future<Output = Result<T, Failure>>,
    {
        self.ask(call, asked, question).await?.map_err(|no| self.refused(no, asked))
    }

    /// A no as an error.
    pub(super) fn refused(&self, no: No, asked: Asked<'_>) -> Error {
        let too_long = no == No::BadMessage && asked.0.segments().any(|segment| segment.len() > 255);
        let error = match no {
            No::Failure => {
                let error = Error::new(ErrorKind::Unavailable, "the server refuses it, and gives no reason");
                error.with_status(Status::Exhausted)
            }
            _ if too_long => Error::new(ErrorKind::NameTooLong, ErrorKind::NameTooLong.phrase()),
            no => Error::new(no.kind(), no.kind().phrase()),
        };
        self.about(error, asked)
    }

    fn about(&self, error: Error, (path, operation): Asked<'_>) -> Error {
        error.at(self.url(path)).during(operation)
    }
}

/// Waits for an answer, as long as the connection brings any: on a slow line questions wait for what was sent before them.
async fn answered<T>(
    connection: &Connection,
    limit: Duration,
    question: impl Future<Output = T>,
) -> Result<T, tokio::time::error::Elapsed> {
    let mut question = std::pin::pin!(question);
    loop {
        match tokio::time::timeout(limit, &mut question).await {
            Err(_) if connection.silence() < limit => {}
            answer => {
                if answer.is_ok() {
                    connection.answers();
                }
                return answer;
            }
        }
    }
}

fn senseless() -> Error {
    let error = Error::new(ErrorKind::Malformed, "an answer that makes no sense");
    error.hint("names that are not UTF-8 cannot be read by SFTP: is there one?")
}

fn broken() -> Error {
    Error::new(ErrorKind::Unavailable, "the connection broke off").with_status(Status::Temporary)
}

/// Whether an answer that was lost leaves open what is there now.
fn changes(operation: Operation) -> bool {
    use Operation::{Copy, CreateDirectory, Link, Put, Remove, Rename, SetMetadata};
    matches!(operation, Copy | CreateDirectory | Link | Put | Remove | Rename | SetMetadata)
}

/// Why `ssh` ended before anything was asked, by its last words; `whom` is what `ssh` is told.
pub(super) fn refused_by_ssh(words: &str, whom: &str) -> Error {
    const LONGEST: usize = 160;
    let says = |word: &str| words.contains(word);
    let line = words.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("ssh ended without a word");
    let line: String = line.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    let error = |kind, status| Error::new(kind, format!("no connection ({line})")).with_status(status);
    if says("Host key verification failed") || says("IDENTIFICATION HAS CHANGED") {
        let error = error(ErrorKind::Unauthenticated, Status::Exhausted);
        return error.hint(format!("compare its key by hand once: ssh {whom}"));
    }
    if says("Permission denied") || says("Too many authentication failures") {
        let error = error(ErrorKind::Unauthenticated, Status::Exhausted);
        return error.hint(format!("ssh -o BatchMode=yes {whom} must work without a password: use a key, an agent, or user and key in [fs.NAME]"));
    }
    if says("subsystem request failed") || says("Bad configuration option") {
        return error(ErrorKind::Unsupported, Status::Exhausted);
    }
    if says("Could not resolve hostname") {
        return error(ErrorKind::Unavailable, Status::Exhausted);
    }
    error(ErrorKind::Unavailable, Status::Temporary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_of_ssh_tell_what_to_do() {
        let told = |words| refused_by_ssh(words, "host.example");
        let denied = told("Warning: x\nme@host.example: Permission denied (publickey).\r\n");
        assert_eq!(denied.kind(), ErrorKind::Unauthenticated);
        assert!(denied.message().contains("Permission denied (publickey)"), "{denied}");
        assert!(denied.hint_text().unwrap().contains("ssh -o BatchMode=yes host.example"));
        let stranger = told("No ED25519 host key is known for host.example.\nHost key verification failed.");
        assert_eq!((stranger.kind(), stranger.status()), (ErrorKind::Unauthenticated, Status::Exhausted));
        let gone = told("ssh: connect to host host.example port 22: Connection refused");
        assert_eq!((gone.kind(), gone.status()), (ErrorKind::Unavailable, Status::Temporary));
        assert_eq!(told("subsystem request failed on channel 0").kind(), ErrorKind::Unsupported);
        assert!(!told("evil \u{1b}[2J").message().contains('\u{1b}'));
        assert!(told("").message().contains("without a word"));
    }
}
