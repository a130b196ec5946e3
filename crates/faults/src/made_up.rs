//! Answers that the proxy gives by itself.

use std::time::{Duration, SystemTime};

use crate::fault::{Fault, RedirectTo, RetryAfter, StatusFault};
use crate::head::{RequestHead, ResponseHead};

/// What tells the two targets of [`RedirectTo::Pair`] apart.
const AGAIN: &str = "again";

/// A date that is further away (100 years) may have no text form.
const LONGEST_WAIT: u64 = 100 * 365 * 24 * 3600;

/// An answer that the proxy gives without asking the server.
pub(crate) struct MadeUp {
    pub(crate) head: ResponseHead,
    pub(crate) body: Vec<u8>,
}

impl MadeUp {
    /// The answer, if the fault is one that needs no server. `own_url` is the proxy's.
    pub(crate) fn for_request(fault: Option<&Fault>, request: &RequestHead, own_url: &str) -> Option<Self> {
        match fault? {
            Fault::Status(status) => Some(Self::status(status)),
            Fault::HtmlPage => Some(Self::html_page()),
            Fault::Redirect { to, code } => Some(Self::redirect(to, *code, &request.target, own_url)),
            _ => None,
        }
    }

    /// An answer in plain text about a failure of the proxy's own.
    pub(crate) fn text(status: u16, reason: &str, text: &str) -> Self {
        let mut head = ResponseHead::new(status, reason);
        head.headers.set("Content-Type", "text/plain");
        Self::with_body(head, format!("{text}\n").into_bytes())
    }

    fn status(fault: &StatusFault) -> Self {
        let mut head = ResponseHead::new(fault.code, "Scripted");
        match fault.retry_after {
            None => {}
            Some(RetryAfter::Seconds(seconds)) => head.headers.set("Retry-After", seconds.to_string()),
            Some(RetryAfter::Date(seconds)) => head.headers.set("Retry-After", date_in(seconds)),
        }
        Self::with_body(head, fault.body.clone().into_bytes())
    }

    fn html_page() -> Self {
        let mut head = ResponseHead::new(200, "OK");
        head.headers.set("Content-Type", "text/html; charset=utf-8");
        let page = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in.</body></html>\n";
        Self::with_body(head, page.into())
    }

    fn redirect(to: &RedirectTo, code: u16, target: &str, own_url: &str) -> Self {
        let mut head = ResponseHead::new(code, "Scripted");
        let location = match to {
            RedirectTo::Itself => absolute(target, own_url),
            RedirectTo::Pair => absolute(&other_of_pair(target), own_url),
            RedirectTo::Url(url) => url.clone(),
        };
        head.headers.set("Location", location);
        Self::with_body(head, Vec::new())
    }

    fn with_body(mut head: ResponseHead, body: Vec<u8>) -> Self {
        if !matches!(head.status, 204 | 304) {
            head.headers.set("Content-Length", body.len().to_string());
        }
        Self { head, body }
    }
}

fn absolute(target: &str, own_url: &str) -> String {
    if target.starts_with('/') { format!("{own_url}{target}") } else { target.to_owned() }
}

/// The target with [`AGAIN`] in its query, or without.
fn other_of_pair(target: &str) -> String {
    match target.strip_suffix(AGAIN) {
        Some(first) => first.trim_end_matches(['?', '&']).to_owned(),
        None => format!("{target}{}{AGAIN}", if target.contains('?') { '&' } else { '?' }),
    }
}

/// As an HTTP date, rounded up to its whole seconds: nobody shall come back too early by following it.
fn date_in(seconds: u64) -> String {
    httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(seconds.min(LONGEST_WAIT)) + Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_targets_of_a_pair_lead_to_each_other() {
        for target in ["/a", "/a?x=1", "/a?x=1&y"] {
            let other = other_of_pair(target);
            assert_ne!(other, target);
            assert_eq!(other_of_pair(&other), target);
        }
    }

    #[test]
    fn a_date_is_not_too_early() {
        let now = SystemTime::now();
        let date = httpdate::parse_http_date(&date_in(7)).unwrap();
        assert!((7..=9).contains(&date.duration_since(now).unwrap().as_secs()));
        assert!(!date_in(u64::MAX).is_empty());
    }
}
