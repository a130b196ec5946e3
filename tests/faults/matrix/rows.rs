//! What goes wrong: the rows of the tables.

use super::Action::{self, Download, List, Remove, Rename, Upload};
use crate::SIZE;

/// One fault, perhaps at several offsets.
pub(super) struct Row {
    pub(super) action: Action,
    /// What people read.
    pub(super) name: &'static str,
    /// What happens before, once, so that there is something to break: a rule with its end.
    pub(super) before: &'static str,
    /// A rule without its end, for each offset.
    pub(super) rules: Vec<String>,
    /// Whether the client has to speak TLS to meet it.
    pub(super) tls: bool,
    pub(super) remedy: Remedy,
}

impl Row {
    /// Whether nobody knows how it ends.
    pub(super) fn is_random(&self) -> bool {
        self.rules[0].starts_with("* seed ")
    }

    /// Whether it is about the request that gives a file its name, which only `law` has.
    pub(super) fn is_of_publishing(&self) -> bool {
        self.action == Upload && ["MOVE ", "DELETE "].iter().any(|method| self.rules[0].starts_with(method))
    }
}

/// What helps against a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// None is needed: it does no harm.
    None,
    /// Another attempt, at this door or at another one.
    Attempt,
    /// Only another door.
    Door,
    /// It ends the command.
    Nothing,
}

/// Faults at an offset: in the first byte, in the middle, and in the last byte.
const OF_ANSWERS: [(&str, &str); 6] = [
    ("connection closed after N bytes", "truncate"),
    ("`Content-Length` and body end at N", "short-length"),
    ("no length, connection closed after N bytes", "no-length"),
    ("byte N inverted", "flip"),
    ("silence after N bytes", "stall"),
    ("reset after N bytes", "reset"),
];

const OF_UPLOADS: [(&str, &str); 3] = [
    ("reset after N bytes went up", "reset-upload"),
    ("silence after N bytes went up", "stall-upload"),
    ("byte N inverted on its way up", "flip-upload"),
];

const WITH_BODY: [(&str, &str); 2] =
    [("`Content-Length` says one byte more", "wrong-length 1"), ("every byte inverted", "garbage")];

const OF_DOWNLOADS: [(&str, &str); 2] = [
    ("trailer `X-Transfer-Status: 500` after all bytes", "chunked-trailer \"500: read error\""),
    ("HTTP 404", "status 404"),
];

/// What a read that goes on after a break can meet.
const OF_RANGES: [(&str, &str); 3] = [
    ("after a break: 206 with another range", "shift-range 1"),
    ("after a break: 206 with another total", "wrong-total 1"),
    ("after a break: 200 with the whole file", "ignore-range"),
];

const EVERYWHERE: [(&str, &str); 12] = [
    ("200 with an HTML page", "html"),
    ("HTTP 503, `Retry-After: 1`", "status 503 retry-after 1"),
    ("HTTP 503, `Retry-After:` a date", "status 503 retry-after-date 1"),
    ("HTTP 429, `Retry-After: 1`", "status 429 retry-after 1"),
    ("HTTP 500", "status 500"),
    ("HTTP 403", "status 403"),
    ("performed, and never answered", "stall-head"),
    ("performed, and closed without an answer", "close-before-response"),
    ("performed, and reset where the body of the answer begins", "reset at 0"),
    ("redirect to itself", "redirect self code 307"),
    ("redirects between two targets", "redirect pair code 307"),
    ("HTTP 302 to a port where nobody listens", "redirect http://127.0.0.1:9/ code 302"),
];

const HARMLESS: [(&str, &str); 2] = [("answer 300 ms late", "delay 300"), ("600 kB/s", "bandwidth 600000")];

const OF_CONNECTIONS: [(&str, &str, bool); 4] = [
    ("connections reset at once", "refuse", false),
    ("connections accepted, and never read", "black-hole", false),
    ("TLS: closed in the handshake", "tls-close", true),
    ("TLS: garbage in the handshake", "tls-garbage", true),
];

/// Every row. `listing` is the length of a listing in bytes.
pub(super) fn rows(listing: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    let file = SIZE as u64;
    rows.extend(at_offsets(Download, &OF_ANSWERS, file));
    rows.push(Row { rules: rules("GET chunked-trailer \"500: read error\" at", file), ..row(Download, TRAILER, "") });
    rows.extend(simple(Download, &WITH_BODY).chain(simple(Download, &OF_DOWNLOADS)));
    rows.extend(simple(Download, &OF_RANGES).map(|row| Row { before: "GET truncate at 150000 once; ", ..row }));
    rows.push(row(Download, WRONG_CHECKSUM, "* lie-digest adler32=00000001"));
    rows.push(row(Upload, WRONG_CHECKSUM, "* lie-digest adler32=00000001"));
    rows.extend(at_offsets(Upload, &OF_UPLOADS, file));
    rows.extend(simple(Upload, &[("`100 Continue` never comes", "no-continue")]).map(harmless));
    rows.extend(simple(Upload, &[("`100 Continue` 300 ms late", "delay-continue 300")]).map(harmless));
    rows.extend(simple(Upload, &[("HTTP 507", "status 507"), ("HTTP 201, and nothing done", "status 201")]));
    rows.extend(at_offsets(List, &OF_ANSWERS, listing));
    rows.extend(simple(List, &WITH_BODY));
    rows.extend(simple(List, &[("the last entry twice", "duplicate-entry")]));
    rows.extend(simple(Rename, &[("HTTP 201, and nothing done", "status 201")]));
    rows.extend(simple(Remove, &[("HTTP 204, and nothing done", "status 204")]));
    for action in [Download, Upload, List, Rename, Remove] {
        rows.extend(simple(action, &EVERYWHERE));
        // There is nothing in a MOVE or DELETE that could be slow.
        let of_bodies = if matches!(action, Rename | Remove) { 1 } else { 2 };
        rows.extend(simple(action, &HARMLESS[..of_bodies]).map(harmless));
        rows.extend(OF_CONNECTIONS.map(|(name, word, tls)| Row { tls, ..row(action, name, &format!("* {word}")) }));
    }
    rows.extend(publishing());
    let settled = |row: Row| Row { remedy: decided(&row).unwrap_or(row.remedy), ..row };
    rows.into_iter().map(settled).collect()
}

/// A plan of a seed.
pub(super) fn random(action: Action, seed: u64) -> Row {
    Row { remedy: Remedy::Nothing, ..row(action, "random plan", &format!("* seed {seed}")) }
}

const WRONG_CHECKSUM: &str = "the storage tells a wrong checksum";

const TRAILER: &str = "trailer `X-Transfer-Status: 500` after N bytes";

/// What can go wrong between an upload and its name.
fn publishing() -> impl Iterator<Item = Row> {
    let names = [
        ("its MOVE: HTTP 503", "status 503"),
        ("its MOVE: performed, and never answered", "stall-head"),
        ("its MOVE: performed, and closed without an answer", "close-before-response"),
        ("its MOVE: 200 with an HTML page", "html"),
        ("its MOVE: HTTP 201, and nothing done", "status 201"),
    ];
    let after_others = [
        (
            "HEAD */old html; ",
            "its MOVE: performed, and closed without an answer; no checksum then",
            "MOVE close-before-response",
        ),
        ("PUT flip-upload at 0 once; ", "bytes damaged once, and HTTP 500 for its DELETE", "DELETE status 500"),
        ("PUT flip-upload at 0; ", "bytes damaged, and HTTP 500 for its DELETE", "DELETE status 500"),
    ];
    let after_others = after_others.map(|(before, name, rule)| Row { before, ..row(Upload, name, rule) });
    names.into_iter().map(|(name, fault)| row(Upload, name, &format!("MOVE {fault}"))).chain(after_others)
}

fn harmless(row: Row) -> Row {
    Row { remedy: Remedy::None, ..row }
}

/// What `law` takes for an answer, and not for a failure that may pass.
fn decided(row: &Row) -> Option<Remedy> {
    let rule = row.rules[0].split(' ').skip(1).collect::<Vec<_>>().join(" ");
    let is = |words: &[&str]| words.iter().any(|word| rule.starts_with(word));
    match row.action {
        _ if is(&["status 403", "status 404", "status 507", "lie-digest"]) => Some(Remedy::Nothing),
        _ if is(&["status 500", "tls-"]) => Some(Remedy::Door),
        Download if is(&["shift-range", "wrong-total"]) => Some(Remedy::Nothing),
        _ => None,
    }
}

fn row(action: Action, name: &'static str, rule: &str) -> Row {
    Row { action, name, before: "", rules: vec![rule.to_owned()], tls: false, remedy: Remedy::Attempt }
}

fn simple(action: Action, faults: &[(&'static str, &'static str)]) -> impl Iterator<Item = Row> {
    faults.iter().map(move |(name, fault)| row(action, name, &format!("{} {fault}", action.method())))
}

fn at_offsets(action: Action, faults: &[(&'static str, &'static str)], size: u64) -> impl Iterator<Item = Row> {
    let method = action.method();
    faults
        .iter()
        .map(move |(name, fault)| Row { rules: rules(&format!("{method} {fault} at"), size), ..row(action, name, "") })
}

/// At the start, in the middle, and at the last byte.
fn rules(beginning: &str, size: u64) -> Vec<String> {
    [0, size / 2, size - 1].iter().map(|at| format!("{beginning} {at}")).collect()
}
