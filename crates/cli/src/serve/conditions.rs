//! Conditional requests (RFC 9110 section 13), and the headers that make them possible.

use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};
use law_storage::Metadata;

use super::answer::Refusal;

/// The conditions that the crate behind [`tree`](super::tree) would read as well, and differently.
pub(super) const HEADERS: [HeaderName; 4] =
    [header::IF_MATCH, header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_UNMODIFIED_SINCE];

/// Whether a request may go on, given what is there now (RFC 9110 section 13.2.2).
///
/// # Errors
/// 412, or 304 for a GET or HEAD of a version that the client has already.
pub(super) fn check(method: &Method, headers: &HeaderMap, current: Option<&Metadata>) -> Result<(), Refusal> {
    let failed = || Err(Refusal::new(StatusCode::PRECONDITION_FAILED, "a condition of the request does not hold"));
    let read = matches!(*method, Method::GET | Method::HEAD);
    match text(headers, header::IF_MATCH) {
        Some(tags) if !matches(tags, current, Weak::Differ) => return failed(),
        None if unmodified_since(headers, current) == Some(false) => return failed(),
        _ => {}
    }
    match text(headers, header::IF_NONE_MATCH) {
        Some(tags) if matches(tags, current, Weak::Same) && read => Err(not_modified()),
        Some(tags) if matches(tags, current, Weak::Same) => failed(),
        None if read && modified_since(headers, current) == Some(false) => Err(not_modified()),
        _ => Ok(()),
    }
}

fn not_modified() -> Refusal {
    Refusal::new(StatusCode::NOT_MODIFIED, "")
}

/// Whether the ranges of a request still mean this version (RFC 9110 section 13.1.5).
pub(super) fn if_range_holds(headers: &HeaderMap, current: &Metadata) -> bool {
    match text(headers, header::IF_RANGE) {
        None => true,
        Some(tag) if tag.contains('"') => matches(tag, Some(current), Weak::Differ),
        // A date is a weak validator: the whole file is always right.
        Some(_) => false,
    }
}

/// What a condition calls "nothing may be there".
pub(super) fn wants_nothing_there(headers: &HeaderMap) -> bool {
    text(headers, header::IF_NONE_MATCH) == Some("*")
}

/// Tells the version of an answer: `ETag` and `Last-Modified`.
pub(super) fn describe(headers: &mut HeaderMap, metadata: &Metadata) {
    let identity = metadata.identity();
    let tag = identity.entity_tag().and_then(|tag| HeaderValue::from_str(tag).ok());
    headers.extend(tag.map(|tag| (header::ETAG, tag)));
    let date = metadata.modified.and_then(|modified| http_date(modified.time));
    headers.extend(date.map(|date| (header::LAST_MODIFIED, date)));
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// What a weak entity tag is worth (RFC 9110 section 8.8.3.2).
#[derive(Clone, Copy, PartialEq)]
enum Weak {
    Same,
    Differ,
}

fn matches(tags: &str, current: Option<&Metadata>, weak: Weak) -> bool {
    let Some(current) = current else { return false };
    let identity = current.identity();
    let own = identity.entity_tag();
    tags == "*"
        || listed(tags)
            .any(|(strong, tag)| (strong || weak == Weak::Same) && own.is_some_and(|own| own.trim_matches('"') == tag))
}

/// The entity tags of a list without their quotes, and whether they are strong.
fn listed(tags: &str) -> impl Iterator<Item = (bool, &str)> {
    let mut pieces = tags.split('"');
    std::iter::from_fn(move || {
        let (before, tag) = (pieces.next()?, pieces.next()?);
        Some((!before.trim_end().ends_with("W/"), tag))
    })
}

fn unmodified_since(headers: &HeaderMap, current: Option<&Metadata>) -> Option<bool> {
    let since = parse(text(headers, header::IF_UNMODIFIED_SINCE)?)?;
    Some(seconds(current?)? <= since.as_second())
}

fn modified_since(headers: &HeaderMap, current: Option<&Metadata>) -> Option<bool> {
    let since = parse(text(headers, header::IF_MODIFIED_SINCE)?)?;
    Some(seconds(current?)? > since.as_second())
}

fn seconds(metadata: &Metadata) -> Option<i64> {
    Timestamp::try_from(metadata.modified?.time).ok().map(|time| time.as_second())
}

fn parse(date: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(date).ok()
}

fn http_date(time: SystemTime) -> Option<HeaderValue> {
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::try_from(time).ok()?).ok()?;
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use law_storage::{Modified, Validator};
    use std::time::Duration;

    fn file() -> Metadata {
        let mut file = Metadata::file(3);
        file.validator = Some(Validator::etag("\"v,1\""));
        file.modified = Some(Modified::nanoseconds(SystemTime::UNIX_EPOCH + Duration::from_millis(1_500)));
        file
    }

    fn status(method: Method, name: HeaderName, value: &'static str, current: Option<&Metadata>) -> u16 {
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        match check(&method, &headers, current) {
            Ok(()) => 200,
            Err(refusal) => refusal.into_answer().status().as_u16(),
        }
    }

    #[test]
    fn entity_tags() {
        let file = file();
        let some = Some(&file);
        assert_eq!(status(Method::PUT, header::IF_MATCH, "\"x\", \"v,1\"", some), 200);
        assert_eq!(status(Method::PUT, header::IF_MATCH, "W/\"v,1\"", some), 412);
        assert_eq!(status(Method::PUT, header::IF_MATCH, "*", None), 412);
        assert_eq!(status(Method::PUT, header::IF_NONE_MATCH, "*", some), 412);
        assert_eq!(status(Method::PUT, header::IF_NONE_MATCH, "*", None), 200);
        assert_eq!(status(Method::GET, header::IF_NONE_MATCH, "W/\"v,1\"", some), 304);
        assert_eq!(status(Method::GET, header::IF_NONE_MATCH, "\"v\"", some), 200);
    }

    #[test]
    fn dates_count_whole_seconds() {
        let file = file();
        let (same, before) = ("Thu, 01 Jan 1970 00:00:01 GMT", "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(status(Method::GET, header::IF_MODIFIED_SINCE, same, Some(&file)), 304);
        assert_eq!(status(Method::GET, header::IF_MODIFIED_SINCE, before, Some(&file)), 200);
        assert_eq!(status(Method::DELETE, header::IF_UNMODIFIED_SINCE, same, Some(&file)), 200);
        assert_eq!(status(Method::DELETE, header::IF_UNMODIFIED_SINCE, before, Some(&file)), 412);
        assert_eq!(status(Method::GET, header::IF_MODIFIED_SINCE, "soon", Some(&file)), 200);
    }

    #[test]
    fn a_version_is_told() {
        let mut headers = HeaderMap::new();
        describe(&mut headers, &file());
        assert_eq!(headers[header::ETAG], "\"v,1\"");
        assert_eq!(headers[header::LAST_MODIFIED], "Thu, 01 Jan 1970 00:00:01 GMT");
    }
}
