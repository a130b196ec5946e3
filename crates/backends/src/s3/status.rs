//! Refusals of S3 as errors (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).

use std::time::Duration;

use http::{StatusCode, header};
use law_storage::{Error, ErrorKind, Operation, Outcome, Path, Status};

use super::Bucket;
use super::answers::{Refusal, read};
use crate::http::Answer;
use crate::http::status::{of_status, outcome, page, retry_after};

/// How much of an answer is read to find its reason.
const REASON: usize = 16 * 1024;

/// An answer that is not the one hoped for.
pub(super) struct Refused {
    pub(super) status: StatusCode,
    /// The word of S3 for it; empty in the answer to a HEAD.
    pub(super) code: String,
    message: String,
    wait: Option<Duration>,
    page: bool,
    outcome: Outcome,
}

impl Refused {
    pub(super) async fn read(answer: Answer) -> Self {
        let (status, page) = (answer.status, answer.is_page());
        let outcome = if answer.is_to_a_question() { Outcome::NotDone } else { outcome(status) };
        let wait = answer.text(header::RETRY_AFTER).and_then(|text| retry_after(&text));
        let words = answer.words(REASON).await;
        let told = read::<Refusal>(words.as_bytes()).ok();
        let (code, message) = told.map(|told| (told.code, told.message)).unwrap_or_default();
        Self { status, code: plain(&code), message: plain(&message), wait, page, outcome }
    }

    /// What came in the body of an answer that began well.
    pub(super) fn later(code: &str, message: &str) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: plain(code),
            message: plain(message),
            wait: None,
            page: false,
            outcome: Outcome::Unknown,
        }
    }

    /// What is said of one of several.
    pub(super) fn of_entry(code: &str, message: &str) -> Self {
        Self { outcome: Outcome::NotDone, ..Self::later(code, message) }
    }

    /// Whether it is a checksum that the service does not know.
    pub(super) fn is_about_checksums(&self) -> bool {
        let status = matches!(self.status.as_u16(), 400 | 405 | 501);
        let says = |word: &str| self.message.to_ascii_lowercase().contains(word);
        let code = matches!(self.code.as_str(), "InvalidRequest" | "InvalidArgument" | "NotImplemented" | "");
        status && code && (says("checksum") || says("crc") || says("header") || self.message.is_empty())
    }

    fn kind(&self) -> Option<(ErrorKind, Option<Status>)> {
        let (temporary, exhausted) = (Some(Status::Temporary), Some(Status::Exhausted));
        Some(match self.code.as_str() {
            "NoSuchKey" | "NoSuchBucket" | "NoSuchUpload" | "NoSuchVersion" => (ErrorKind::NotFound, None),
            "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => (ErrorKind::PermissionDenied, None),
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "ExpiredToken"
            | "InvalidToken"
            | "RequestExpired"
            | "RequestTimeTooSkewed"
            | "TokenRefreshRequired"
            | "AuthorizationHeaderMalformed" => (ErrorKind::Unauthenticated, None),
            "PreconditionFailed" => (ErrorKind::Changed, None),
            "SlowDown"
            | "ServiceUnavailable"
            | "Busy"
            | "OperationAborted"
            | "ConditionalRequestConflict"
            | "ThrottlingException"
            | "TooManyRequests" => (ErrorKind::Unavailable, temporary),
            "RequestTimeout" => (ErrorKind::Timeout, temporary),
            "InternalError" => (ErrorKind::Unavailable, temporary),
            "BadDigest" | "XAmzContentChecksumMismatch" | "XAmzContentSHA256Mismatch" | "IncompleteBody" => {
                (ErrorKind::Integrity, temporary)
            }
            "EntityTooLarge" | "QuotaExceeded" | "XMinioStorageFull" | "InsufficientStorage" => {
                (ErrorKind::NoSpace, None)
            }
            "KeyTooLongError" => (ErrorKind::NameTooLong, None),
            "InvalidObjectState" => (ErrorKind::NotOnline, None),
            "NotImplemented" | "MethodNotAllowed" => (ErrorKind::Unsupported, exhausted),
            "PermanentRedirect" | "TemporaryRedirect" => (ErrorKind::InvalidInput, exhausted),
            "BucketAlreadyExists" | "BucketAlreadyOwnedByYou" => (ErrorKind::AlreadyExists, None),
            _ if self.status == StatusCode::CONFLICT => (ErrorKind::Unavailable, exhausted),
            // The answer to a HEAD has no code.
            "" if self.status == StatusCode::INTERNAL_SERVER_ERROR && !self.page => (ErrorKind::Unavailable, temporary),
            _ => return None,
        })
    }

    fn words(&self) -> String {
        match (self.code.as_str(), self.message.as_str()) {
            ("", _) => format!("HTTP {}", self.status.as_u16()),
            (code, "") => code.to_owned(),
            (code, message) => format!("{code}: {}", message.trim_end_matches('.')),
        }
    }

    /// As an error about `path`.
    pub(super) fn error(self, bucket: &Bucket, path: &Path, operation: Operation) -> Error {
        let error = match self.kind() {
            _ if self.page && self.code.is_empty() && self.status.is_success() => page(self.status),
            Some((kind, severity)) => {
                let error = Error::new(kind, format!("{} ({})", kind.phrase(), self.words()));
                severity.into_iter().fold(error, Error::with_status)
            }
            None => of_status(self.status, (!self.code.is_empty()).then(|| self.words()).as_deref()),
        };
        let error = match self.code.as_str() {
            "NoSuchBucket" => error.hint(format!("there is no bucket {}", bucket.name())),
            "RequestTimeTooSkewed" => error.hint("the clock of this machine, or of the service, is wrong"),
            "ExpiredToken" | "TokenRefreshRequired" => error.hint("the temporary key is too old: get a new one"),
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" => error.hint("law fs token show tells which key is used"),
            "InvalidObjectState" => error.hint("the object is archived, and must be restored first"),
            "PermanentRedirect" | "TemporaryRedirect" => error.hint("set endpoint and region in [fs.NAME]"),
            _ => error,
        };
        let error = error.at(bucket.url(path)).during(operation).with_outcome(self.outcome);
        self.wait.into_iter().fold(error, Error::retry_after)
    }
}

/// A service's words are foreign text: nothing in them moves a cursor.
fn plain(text: &str) -> String {
    const LONGEST: usize = 160;
    text.chars().filter(|character| !character.is_control()).take(LONGEST).collect()
}

impl Bucket {
    /// An answer that is not the one hoped for, as an error about `path`.
    pub(super) async fn refused(&self, answer: Answer, path: &Path, operation: Operation) -> Error {
        self.said(Refused::read(answer).await, path, operation).await
    }

    /// The same of a listing: S3 has a word for a bucket that is not there, and a server of another kind has none.
    pub(super) async fn not_listed(&self, answer: Answer, path: &Path, operation: Operation) -> Error {
        let refused = Refused::read(answer).await;
        if refused.status != StatusCode::NOT_FOUND || !refused.code.is_empty() {
            return self.said(refused, path, operation).await;
        }
        let error =
            Error::new(ErrorKind::Malformed, "an answer that is not of S3 (HTTP 404)").with_outcome(refused.outcome);
        error.at(self.url(path)).during(operation).hint("is endpoint in [fs.NAME] the address of the service?")
    }

    async fn said(&self, refused: Refused, path: &Path, operation: Operation) -> Error {
        let denied = refused.status == StatusCode::FORBIDDEN || refused.code == "AccessDenied";
        let error = refused.error(self, path, operation);
        let Ok(site) = self.site() else { return error };
        if denied && error.kind() == ErrorKind::PermissionDenied && site.signer.is_anonymous().await {
            return error.with_kind(ErrorKind::Unauthenticated).hint(nobody(&|name| std::env::var(name).ok()));
        }
        error
    }
}

/// Why nobody has asked.
fn nobody(environment: &dyn Fn(&str) -> Option<String>) -> String {
    const HALVES: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    let set = |name: &str| environment(name).filter(|value| !value.is_empty());
    match (HALVES.map(|name| set(name).is_some()), set("AWS_PROFILE")) {
        ([true, false], _) => {
            "nobody is named: $AWS_ACCESS_KEY_ID is set, and $AWS_SECRET_ACCESS_KEY is missing".into()
        }
        ([false, true], _) => {
            "nobody is named: $AWS_SECRET_ACCESS_KEY is set, and $AWS_ACCESS_KEY_ID is missing".into()
        }
        (_, Some(profile)) => format!("nobody is named: no file has a key of the profile {profile} ($AWS_PROFILE)"),
        (_, None) => {
            "nobody is named: set access_key and secret_key, or a profile, in [fs.NAME], or $AWS_ACCESS_KEY_ID \
            and $AWS_SECRET_ACCESS_KEY"
                .into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_half_of_a_key_that_is_missing_is_named() {
        for (there, missing) in
            [("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")]
        {
            let told = nobody(&|name| (name == there).then(|| "hidden".into()));
            assert!(told.contains(&format!("${missing} is missing")) && !told.contains("hidden"), "{told}");
        }
        assert!(nobody(&|_| None).contains("set access_key"));
        assert!(nobody(&|name| (name == "AWS_PROFILE").then(|| "lab".into())).contains("profile lab"));
    }
}
