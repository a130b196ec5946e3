//! Refusals of Dropbox as errors (<https://www.dropbox.com/developers/documentation/http/documentation#error-handling>).

use std::time::Duration;

use http::{StatusCode, header};
use law_storage::{Error, ErrorKind, Operation, Outcome, Path, Status};
use serde_json::Value;

use super::Account;
use super::asking::Asked;
use crate::http::Answer;
use crate::http::status::{of_status, outcome, page, retry_after};

/// How much of an answer is read to find its reason.
const REASON: usize = 16 * 1024;

/// Why a call did not succeed.
pub(super) enum Refused {
    /// There is no answer, or none that can be understood.
    Error(Error),
    /// The service says no.
    Said(Box<Said>),
}

/// What the service says.
pub(super) struct Said {
    status: StatusCode,
    /// The tags of the error, as in `path/not_found/..`; the words of an answer without tags.
    summary: String,
    wait: Option<Duration>,
    page: bool,
    /// Whether it speaks as the service does.
    ours: bool,
    outcome: Outcome,
}

/// Another service has answered, or somebody between.
pub(super) fn foreign() -> Error {
    let error = Error::new(ErrorKind::Malformed, "an answer that is not of Dropbox (HTTP 404)");
    error.hint("is endpoint in [fs.NAME] the address of Dropbox?")
}

impl Refused {
    pub(super) async fn read(answer: Answer, asked: &Asked<'_>) -> Self {
        let (status, page) = (answer.status, answer.is_page());
        // A page in the place of an answer tells nothing of what was done.
        let outcome = if status.is_success() { Outcome::Unknown } else { outcome(status) };
        let outcome = if asked.is_a_question() { Outcome::NotDone } else { outcome };
        let wait = answer.text(header::RETRY_AFTER).and_then(|text| retry_after(&text));
        let words = answer.words(REASON).await;
        let told: Option<Value> = serde_json::from_str(&words).ok();
        let tags = told.as_ref().and_then(|told| told["error_summary"].as_str());
        let line = || words.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let ours = tags.is_some();
        let summary = plain(tags.unwrap_or_else(line).trim_end_matches(['/', '.']));
        let wait = wait.or_else(|| told.as_ref()?["error"]["retry_after"].as_u64().map(Duration::from_secs));
        Self::Said(Box::new(Said { status, summary, wait, page, ours, outcome }))
    }

    /// What is said of one entry of a job.
    pub(super) fn of_entry(summary: &str) -> Self {
        Self::Said(Box::new(Said {
            status: StatusCode::CONFLICT,
            summary: plain(summary),
            wait: None,
            page: false,
            ours: true,
            outcome: Outcome::NotDone,
        }))
    }

    /// Whether the tags of the error have this one.
    pub(super) fn says(&self, tag: &str) -> bool {
        match self {
            Self::Said(said) => said.summary.split('/').any(|part| part == tag),
            Self::Error(_) => false,
        }
    }

    /// Whether the access token is too old.
    pub(super) fn is_expired(&self) -> bool {
        self.says("expired_access_token")
    }

    /// Whether a part was wanted that begins behind the end.
    pub(super) fn is_behind_the_end(&self) -> bool {
        matches!(self, Self::Said(said) if said.status == StatusCode::RANGE_NOT_SATISFIABLE)
    }

    /// As an error about `path`.
    pub(super) fn error(self, account: &Account, path: &Path, operation: Operation) -> Error {
        match self {
            Self::Error(error) => error.at(account.url(path)).during(operation),
            Self::Said(said) => said.error(account.url(path), operation),
        }
    }
}

impl Said {
    fn kind(&self) -> Option<(ErrorKind, Option<Status>)> {
        let has = |tags: &[&str]| self.summary.split('/').any(|part| tags.contains(&part));
        // A session of an upload can be missing as well, which tells nothing of the file.
        let missing = has(&["not_found"]) && has(&["path", "path_lookup", "from_lookup"]);
        let temporary = Some(Status::Temporary);
        let kinds: [(&[&str], ErrorKind, Option<Status>); 14] = [
            (&["expired_access_token", "invalid_access_token", "user_suspended"], ErrorKind::Unauthenticated, None),
            (&["missing_scope", "no_write_permission", "restricted_content"], ErrorKind::PermissionDenied, None),
            (&["file_ancestor", "not_folder"], ErrorKind::NotADirectory, None),
            (&["not_file"], ErrorKind::IsADirectory, None),
            (&["conflict"], ErrorKind::AlreadyExists, None),
            (&["insufficient_space", "insufficient_quota"], ErrorKind::NoSpace, None),
            (&["malformed_path", "disallowed_name"], ErrorKind::InvalidInput, None),
            (&["too_many_write_operations", "too_many_requests"], ErrorKind::Unavailable, temporary),
            (&["content_hash_mismatch"], ErrorKind::Integrity, temporary),
            (&["incorrect_offset", "closed", "not_closed"], ErrorKind::Unavailable, temporary),
            (&["reset", "internal_error", "locked", "not_found"], ErrorKind::Unavailable, temporary),
            (&["team_folder", "operation_suppressed", "access_restricted"], ErrorKind::PermissionDenied, None),
            (&["too_many_files", "payload_too_large"], ErrorKind::Unsupported, None),
            (
                &["duplicated_or_nested_paths", "cant_copy_shared_folder", "cant_move_folder_into_itself"],
                ErrorKind::InvalidInput,
                None,
            ),
        ];
        if missing {
            return Some((ErrorKind::NotFound, None));
        }
        let known = kinds.into_iter().find(|(tags, ..)| has(tags)).map(|(_, kind, status)| (kind, status));
        // All that an endpoint refuses has this status: what is not known is nothing in particular.
        known.or_else(|| {
            (self.status == StatusCode::CONFLICT).then_some((ErrorKind::Unavailable, Some(Status::Exhausted)))
        })
    }

    fn error(self, url: String, operation: Operation) -> Error {
        let error = match self.kind() {
            Some((kind, severity)) => {
                let error = Error::new(kind, format!("{} ({})", kind.phrase(), self.summary));
                severity.into_iter().fold(error, Error::with_status)
            }
            None if self.page && self.status.is_success() => page(self.status),
            // What is not there has the status 409 and tags.
            None if self.status == StatusCode::NOT_FOUND && !self.ours => foreign(),
            None => of_status(self.status, (!self.summary.is_empty() && !self.page).then_some(self.summary.as_str())),
        };
        let error = match error.kind() {
            ErrorKind::Unauthenticated => error.hint("law login dropbox makes a new token"),
            _ => error,
        };
        let error = error.at(url).during(operation).with_outcome(self.outcome);
        self.wait.into_iter().fold(error, Error::retry_after)
    }
}

/// The service's words are foreign text: nothing in them moves a cursor.
fn plain(text: &str) -> String {
    const LONGEST: usize = 160;
    text.chars().filter(|character| !character.is_control()).take(LONGEST).collect()
}
