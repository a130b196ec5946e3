//! Status codes as errors.

use std::time::{Duration, SystemTime};

use http::{StatusCode, header};
use law_storage::{Error, ErrorKind, Operation, Outcome, Status};

use super::Answer;

/// How much of an answer is read to find its reason.
const REASON: usize = 4096;

/// An answer that is not the one hoped for, with the reason that its body gives.
pub(crate) async fn refused(answer: Answer, operation: Operation) -> Error {
    let status = answer.status;
    let url = answer.address.to_string();
    let outcome = if answer.is_to_a_question() { Outcome::NotDone } else { outcome(status) };
    let wait = answer.text(header::RETRY_AFTER).and_then(|text| retry_after(&text));
    let html = answer.text(header::CONTENT_TYPE).is_some_and(|t| t.contains("html") || t.contains("xml"));
    if status.is_success() && answer.is_page() {
        answer.body.discard().await;
        return page(status).at(url).during(operation).with_outcome(outcome);
    }
    let words = answer.words(REASON).await;
    let reason = if html { None } else { first_line(&words) };
    let error = of_status(status, reason.as_deref()).at(url).during(operation).with_outcome(outcome);
    match wait {
        Some(wait) => error.retry_after(wait),
        None => error,
    }
}

/// What is no answer of a storage: somebody between, or another service, has answered.
pub(crate) fn page(status: StatusCode) -> Error {
    let message = format!("a page for people (HTML) came instead of the storage's answer (HTTP {})", status.as_u16());
    Error::new(ErrorKind::Malformed, message).hint("perhaps of a login or a portal: a browser shows it")
}

/// A server that broke down, and a gateway that lost it, may have done what was asked.
pub(crate) fn outcome(status: StatusCode) -> Outcome {
    match status.as_u16() {
        500 | 502 | 504 | 520..=599 => Outcome::Unknown,
        _ => Outcome::NotDone,
    }
}

/// An error for a status, with the server's own words where there are any.
pub(crate) fn of_status(status: StatusCode, reason: Option<&str>) -> Error {
    let (kind, severity) = classify(status, reason.unwrap_or_default());
    let name = status.canonical_reason().unwrap_or("no standard status");
    let said = reason.map(|reason| format!(", \"{reason}\"")).unwrap_or_default();
    let error = Error::new(kind, format!("{} (HTTP {} {name}{said})", kind.phrase(), status.as_u16()));
    let error = match kind {
        ErrorKind::Unauthenticated => error.hint("it wants a token (token_file), or user and password, in [fs.NAME]"),
        _ => error,
    };
    match severity {
        Some(severity) => error.with_status(severity),
        None => error,
    }
}

fn classify(status: StatusCode, reason: &str) -> (ErrorKind, Option<Status>) {
    let says = |words: &str| reason.to_ascii_lowercase().contains(words);
    match status.as_u16() {
        401 | 407 => (ErrorKind::Unauthenticated, None),
        403 if says("read-only") || says("read only") => (ErrorKind::ReadOnly, None),
        403 => (ErrorKind::PermissionDenied, None),
        404 | 410 => (ErrorKind::NotFound, None),
        405 | 501 => (ErrorKind::Unsupported, None),
        408 | 504 => (ErrorKind::Timeout, None),
        409 => (ErrorKind::NotFound, None),
        412 => (ErrorKind::AlreadyExists, None),
        413 | 507 => (ErrorKind::NoSpace, None),
        414 | 431 => (ErrorKind::NameTooLong, None),
        423 | 425 | 429 | 503 => (ErrorKind::Unavailable, None),
        500 if says("no space") || says("quota") => (ErrorKind::NoSpace, None),
        500 if says("not empty") => (ErrorKind::NotEmpty, None),
        500 if says("permission denied") => (ErrorKind::PermissionDenied, None),
        500 if says("name too long") => (ErrorKind::NameTooLong, None),
        // What a gateway says of a server that is just not there.
        502 => (ErrorKind::Unavailable, None),
        500..=599 => (ErrorKind::Unavailable, Some(Status::Exhausted)),
        400..=499 => (ErrorKind::InvalidInput, None),
        _ => (ErrorKind::Malformed, None),
    }
}

/// `Retry-After` in either of its forms (RFC 9110 section 10.2.3).
pub(crate) fn retry_after(text: &str) -> Option<Duration> {
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds
        .or_else(|| Some(httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).unwrap_or_default()))
}

/// The first line with something to read, short and without control characters.
fn first_line(text: &str) -> Option<String> {
    const LONGEST: usize = 160;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    (!line.starts_with('<')).then(|| line.chars().filter(|c| !c.is_control()).take(LONGEST).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_words_are_told_on_one_line() {
        let error = of_status(StatusCode::FORBIDDEN, Some("no way"));
        assert_eq!(error.to_string(), "permission denied (HTTP 403 Forbidden, \"no way\")");
        assert_eq!(first_line("\n\n a\x1b[0mb\nc").as_deref(), Some("a[0mb"));
        assert_eq!(first_line("<html>"), None);
    }

    #[test]
    fn both_forms_of_retry_after() {
        assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Mon, 01 Jan 2001 00:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after("soon"), None);
    }

    #[test]
    fn a_gateway_that_has_lost_its_server_is_worth_another_try() {
        let status = |code| of_status(StatusCode::from_u16(code).unwrap(), None).status();
        assert_eq!([502, 503, 504].map(status), [Status::Temporary; 3]);
        assert_eq!([500, 520].map(status), [Status::Exhausted; 2]);
    }

    #[test]
    fn a_server_in_trouble_is_never_missing() {
        for code in [401, 403, 429, 500, 502, 503, 504] {
            let status = StatusCode::from_u16(code).unwrap();
            assert_ne!(of_status(status, Some("x")).kind(), ErrorKind::NotFound, "{code}");
        }
    }
}
