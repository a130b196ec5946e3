//! Scripts as text; it parses back to the same script.

use std::fmt;

use crate::fault::{Fault, RetryAfter, StatusFault};
use crate::script::{ConnectionFault, Match, Occurrences, Script, Target};

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connections = self.connections.iter().map(|(fault, which)| format!("* {fault}{which}"));
        let rules = self.rules.iter().map(|rule| format!("{} {}{}", rule.when, rule.fault, rule.when.occurrences));
        f.write_str(&connections.chain(rules).collect::<Vec<_>>().join("; "))
    }
}

impl fmt::Display for ConnectionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refuse => "refuse",
            Self::BlackHole => "black-hole",
            Self::TlsClose => "tls-close",
            Self::TlsGarbage => "tls-garbage",
        })
    }
}

/// Method and target; the occurrences come after the fault.
impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method.as_deref().unwrap_or("*"))?;
        match &self.target {
            Target::Any => Ok(()),
            Target::Contains(part) if part.starts_with('/') => write!(f, " {}", Quoted(part)),
            Target::Contains(part) => write!(f, " {}", AlwaysQuoted(part)),
            Target::EndsWith(end) => write!(f, " *{}", Quoted(end)),
        }
    }
}

impl fmt::Display for Occurrences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window { first: 1, count: None } => Ok(()),
            Self::Window { first: 1, count: Some(1) } => f.write_str(" once"),
            Self::Window { first: 1, count: Some(count) } => write!(f, " times {count}"),
            Self::Window { first, count: None } => write!(f, " from {first}"),
            Self::Window { first, count: Some(count) } => write!(f, " from {first} times {count}"),
            Self::Only(numbers) => {
                write!(f, " nth {}", numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(","))
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncate { at } => write!(f, "truncate at {at}"),
            Self::ShortLength { at } => write!(f, "short-length at {at}"),
            Self::NoLength { at } => write!(f, "no-length at {at}"),
            Self::FlipByte { at } => write!(f, "flip at {at}"),
            Self::Stall { at } => write!(f, "stall at {at}"),
            Self::StallHead => f.write_str("stall-head"),
            Self::Reset { at } => write!(f, "reset at {at}"),
            Self::Status(status) => status.fmt(f),
            Self::HtmlPage => f.write_str("html"),
            Self::WrongLength { delta } => write!(f, "wrong-length {delta}"),
            Self::ChunkedTrailer { status, at: None } => write!(f, "chunked-trailer {}", Quoted(status)),
            Self::ChunkedTrailer { status, at: Some(at) } => write!(f, "chunked-trailer {} at {at}", Quoted(status)),
            Self::Redirect { to, code } => write!(f, "redirect {} code {code}", Quoted(&to.to_string())),
            Self::Delay { millis } => write!(f, "delay {millis}"),
            Self::CloseBeforeResponse => f.write_str("close-before-response"),
            Self::ResetUpload { at } => write!(f, "reset-upload at {at}"),
            Self::StallUpload { at } => write!(f, "stall-upload at {at}"),
            Self::FlipUploadByte { at } => write!(f, "flip-upload at {at}"),
            Self::Bandwidth { per_second } => write!(f, "bandwidth {per_second}"),
            Self::Garbage => f.write_str("garbage"),
            Self::DuplicateEntry => f.write_str("duplicate-entry"),
            Self::DelayContinue { millis } => write!(f, "delay-continue {millis}"),
            Self::NoContinue => f.write_str("no-continue"),
            Self::ShiftRange { by } => write!(f, "shift-range {by}"),
            Self::WrongTotal { delta } => write!(f, "wrong-total {delta}"),
            Self::IgnoreRange => f.write_str("ignore-range"),
            Self::Seeded { seed } => write!(f, "seed {seed}"),
            Self::LieDigest { value } => write!(f, "lie-digest {}", Quoted(value)),
        }
    }
}

impl fmt::Display for StatusFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.code)?;
        match self.retry_after {
            None => {}
            Some(RetryAfter::Seconds(seconds)) => write!(f, " retry-after {seconds}")?,
            Some(RetryAfter::Date(seconds)) => write!(f, " retry-after-date {seconds}")?,
        }
        if self.body.is_empty() { Ok(()) } else { write!(f, " body {}", AlwaysQuoted(&self.body)) }
    }
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = !self.0.is_empty() && !self.0.contains(|c: char| c.is_whitespace() || "\";\\".contains(c));
        if plain { f.write_str(self.0) } else { AlwaysQuoted(self.0).fmt(f) }
    }
}

struct AlwaysQuoted<'a>(&'a str);

impl fmt::Display for AlwaysQuoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('\\', "\\\\").replace('"', "\\\""))
    }
}
