//! The text form of a script.
//!
//! ```text
//! script     = rule { (";" | newline) rule }
//! rule       = method [target] fault [occurrence]   |   "*" connection [occurrence]
//! connection = refuse | black-hole | tls-close | tls-garbage
//! method     = "*" | GET | PUT | ...
//! target     = /part (contained in the target) | *end (the path ends so) | "any part" in quotes
//! occurrence = "once" | "times" N | "nth" N,N,... | "from" N ["times" N]
//! fault      = truncate at N | short-length at N | no-length at N | flip at N | stall at N | stall-head | reset at N
//!            | status CODE [retry-after SECONDS | retry-after-date SECONDS] [body TEXT] | html | garbage
//!            | wrong-length N | chunked-trailer TEXT [at N] | redirect self|pair|URL [code CODE]
//!            | delay MILLISECONDS | bandwidth BYTES | close-before-response | lie-digest VALUE
//!            | shift-range N | wrong-total N | ignore-range | duplicate-entry
//!            | reset-upload at N | stall-upload at N | flip-upload at N | no-continue | delay-continue MILLISECONDS
//!            | seed N
//! ```
//! Words with spaces, `;` or quotes stand in double quotes, where `\"` and `\\` are a quote and a backslash.

use std::fmt;
use std::iter::Peekable;
use std::str::FromStr;

use crate::fault::{Fault, RedirectTo, RetryAfter, StatusFault};
use crate::script::{ConnectionFault, Match, Occurrences, Rule, Script, Target};
use crate::words::{Word, split};

/// Every word that can begin a fault, for the error message.
const FAULT_WORDS: &str = "truncate, short-length, no-length, flip, stall, stall-head, reset, status, html, \
    garbage, wrong-length, chunked-trailer, redirect, delay, bandwidth, close-before-response, lie-digest, \
    shift-range, wrong-total, ignore-range, duplicate-entry, reset-upload, stall-upload, flip-upload, no-continue, \
    delay-continue, seed, refuse, black-hole, tls-close, tls-garbage";

/// Why a text is no script: one line with the column and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    pub(crate) column: usize,
    pub(crate) problem: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fault script, character {}: {}", self.column, self.problem)
    }
}

impl std::error::Error for ScriptError {}

pub(crate) type Parsed<T> = Result<T, ScriptError>;

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Parsed<Self> {
        let mut script = Self::new();
        for words in split(text)?.into_iter().filter(|words| !words.is_empty()) {
            RuleParser::new(words).add_to(&mut script)?;
        }
        Ok(script)
    }
}

struct RuleParser {
    words: Peekable<std::vec::IntoIter<Word>>,
    last_column: usize,
}

impl RuleParser {
    fn new(words: Vec<Word>) -> Self {
        let last_column = words.last().map_or(1, |word| word.column);
        Self { words: words.into_iter().peekable(), last_column }
    }

    fn add_to(mut self, script: &mut Script) -> Parsed<()> {
        let method = self.method()?;
        if let Some(word) = self.words.next_if(|word| connection_fault(word).is_some()) {
            return self.add_connection_fault(&method, &word, script);
        }
        let target = self.target();
        let fault = self.fault()?;
        let occurrences = self.occurrences()?;
        let method = (method.text != "*").then_some(method.text);
        script.rules.push(Rule { when: Match { method, target, occurrences }, fault });
        Ok(())
    }

    fn add_connection_fault(mut self, method: &Word, word: &Word, script: &mut Script) -> Parsed<()> {
        if method.text != "*" {
            let problem = format!("a connection has no method yet: write \"* {}\"", word.text);
            return Err(word.error(problem));
        }
        let which = self.occurrences()?;
        script.connections.extend(connection_fault(word).map(|fault| (fault, which)));
        Ok(())
    }

    fn method(&mut self) -> Parsed<Word> {
        let word = self.next("a method or *")?;
        let is_method = word.text == "*" || word.text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
        if is_method && !word.quoted {
            Ok(word)
        } else {
            Err(word.error(format!("{:?} is no method in capitals, and not *", word.text)))
        }
    }

    fn target(&mut self) -> Target {
        let is_target = |word: &Word| word.quoted || word.text.starts_with(['/', '*']);
        match self.words.next_if(is_target) {
            None => Target::Any,
            Some(word) if word.quoted || word.text.starts_with('/') => Target::Contains(word.text),
            Some(word) if word.text == "*" => Target::Any,
            Some(word) => Target::EndsWith(word.text[1..].to_owned()),
        }
    }

    fn fault(&mut self) -> Parsed<Fault> {
        let word = self.next("a fault")?;
        Ok(match word.text.as_str() {
            "truncate" => Fault::Truncate { at: self.at()? },
            "short-length" => Fault::ShortLength { at: self.at()? },
            "no-length" => Fault::NoLength { at: self.at()? },
            "flip" => Fault::FlipByte { at: self.at()? },
            "stall" => Fault::Stall { at: self.at()? },
            "stall-head" => Fault::StallHead,
            "reset" => Fault::Reset { at: self.at()? },
            "status" => self.status()?.into(),
            "html" => Fault::HtmlPage,
            "garbage" => Fault::Garbage,
            "wrong-length" => Fault::WrongLength { delta: self.number("the bytes too many")? },
            "chunked-trailer" => self.chunked_trailer()?,
            "redirect" => self.redirect()?,
            "delay" => Fault::Delay { millis: self.number("milliseconds")? },
            "close-before-response" => Fault::CloseBeforeResponse,
            "reset-upload" => Fault::ResetUpload { at: self.at()? },
            "stall-upload" => Fault::StallUpload { at: self.at()? },
            "flip-upload" => Fault::FlipUploadByte { at: self.at()? },
            "bandwidth" => Fault::Bandwidth { per_second: self.number("bytes per second")?.max(1) },
            "shift-range" => Fault::ShiftRange { by: self.number("bytes")? },
            "wrong-total" => Fault::WrongTotal { delta: self.number("the bytes too many")? },
            "ignore-range" => Fault::IgnoreRange,
            "duplicate-entry" => Fault::DuplicateEntry,
            "no-continue" => Fault::NoContinue,
            "delay-continue" => Fault::DelayContinue { millis: self.number("milliseconds")? },
            "seed" => Fault::Seeded { seed: self.number("a seed")? },
            "lie-digest" => Fault::LieDigest { value: self.header_value("a digest such as adler32=deadbeef")? },
            other => return Err(word.error(format!("{other:?} is no fault; known: {FAULT_WORDS}"))),
        })
    }

    fn status(&mut self) -> Parsed<StatusFault> {
        let code = self.code()?;
        let seconds = self.optional("retry-after", |parser| parser.number("seconds"))?;
        let date = self.optional("retry-after-date", |parser| parser.number("seconds"))?;
        let retry_after = seconds.map(RetryAfter::Seconds).or(date.map(RetryAfter::Date));
        let body = self.optional("body", |parser| Ok(parser.next("a text")?.text))?.unwrap_or_default();
        Ok(StatusFault { code, retry_after, body })
    }

    fn chunked_trailer(&mut self) -> Parsed<Fault> {
        let status = self.header_value("a trailer such as \"500: read error\"")?;
        let at = self.optional("at", |parser| parser.number("an offset"))?;
        Ok(Fault::ChunkedTrailer { status, at })
    }

    fn redirect(&mut self) -> Parsed<Fault> {
        let to = match self.header_value("self, pair or a URL")?.as_str() {
            "self" => RedirectTo::Itself,
            "pair" => RedirectTo::Pair,
            url => RedirectTo::Url(url.to_owned()),
        };
        let code = self.optional("code", Self::code)?.unwrap_or(302);
        Ok(Fault::Redirect { to, code })
    }

    fn occurrences(&mut self) -> Parsed<Occurrences> {
        let Some(word) = self.words.next() else { return Ok(Occurrences::ALWAYS) };
        let found = match word.text.as_str() {
            "once" => Occurrences::ONCE,
            "times" => Occurrences::Window { first: 1, count: Some(self.number("how often")?) },
            "nth" => Occurrences::Only(self.ordinals()?),
            "from" => {
                let first = self.ordinal("the first one, from 1")?;
                Occurrences::Window { first, count: self.optional("times", |parser| parser.number("how often"))? }
            }
            other => {
                return Err(
                    word.error(format!("{other:?} is not expected here; known: once, times N, nth N,N, from N"))
                );
            }
        };
        match self.words.next() {
            None => Ok(found),
            Some(extra) => {
                Err(extra.error(format!("{:?} comes after the end of the rule; rules are separated by ;", extra.text)))
            }
        }
    }

    fn ordinals(&mut self) -> Parsed<Vec<u64>> {
        let word = self.next("numbers such as 2,5")?;
        word.text.split(',').map(|number| parse_ordinal(&word, number)).collect()
    }

    fn ordinal(&mut self, what: &str) -> Parsed<u64> {
        let word = self.next(what)?;
        parse_ordinal(&word, &word.text)
    }

    fn at(&mut self) -> Parsed<u64> {
        let word = self.next("\"at\" and an offset")?;
        if word.text != "at" {
            return Err(word.error(format!("expected \"at\" and an offset, found {:?}", word.text)));
        }
        self.number("an offset")
    }

    fn code(&mut self) -> Parsed<u16> {
        let word = self.next("a status code")?;
        let code = word.text.parse().ok().filter(|code| (200..=599).contains(code));
        code.ok_or_else(|| word.error(format!("expected a status code from 200 to 599, found {:?}", word.text)))
    }

    fn number(&mut self, what: &str) -> Parsed<u64> {
        let word = self.next(what)?;
        word.text.parse().map_err(|_| word.error(format!("expected {what} (a whole number), found {:?}", word.text)))
    }

    /// A word that may stand in a header: anything but control characters, which would end the line.
    fn header_value(&mut self, what: &str) -> Parsed<String> {
        let word = self.next(what)?;
        if word.text.chars().any(char::is_control) {
            return Err(word.error("control characters cannot stand in a header"));
        }
        Ok(word.text)
    }

    fn optional<T>(&mut self, keyword: &str, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<Option<T>> {
        match self.words.next_if(|word| !word.quoted && word.text == keyword) {
            Some(_) => parse(self).map(Some),
            None => Ok(None),
        }
    }

    fn next(&mut self, expected: &str) -> Parsed<Word> {
        let column = self.last_column;
        self.words
            .next()
            .ok_or_else(|| ScriptError { column, problem: format!("the rule ends where {expected} is missing") })
    }
}

fn connection_fault(word: &Word) -> Option<ConnectionFault> {
    match word.text.as_str() {
        _ if word.quoted => None,
        "refuse" => Some(ConnectionFault::Refuse),
        "black-hole" => Some(ConnectionFault::BlackHole),
        "tls-close" => Some(ConnectionFault::TlsClose),
        "tls-garbage" => Some(ConnectionFault::TlsGarbage),
        _ => None,
    }
}

fn parse_ordinal(word: &Word, number: &str) -> Parsed<u64> {
    let number = number.trim().parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| word.error(format!("expected a count from 1, found {:?}", word.text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One rule per fault, with every kind of target and occurrence.
    const EVERYTHING: &str = r#"* refuse nth 2,5; GET /x.root truncate at 1000 once; PUT stall at 0; * status 503 retry-after 7 times 2;
        GET *.root short-length at 1; GET "id=1;2" no-length at 2 from 3; GET flip at 3 from 3 times 2; HEAD stall-head
        GET reset at 4; * status 404 body "not \"here\""; GET html; GET wrong-length 5
        GET chunked-trailer "500: disk" at 6; GET chunked-trailer 200:OK; * redirect self; PUT redirect http://b/ code 307
        * delay 200; MOVE close-before-response; PUT reset-upload at 7; PUT stall-upload at 8; PUT flip-upload at 9
        HEAD lie-digest adler32=deadbeef; * black-hole once; * tls-close; * tls-garbage from 2; GET garbage
        GET status 429 retry-after-date 3 body x; * bandwidth 1000; PUT no-continue; PUT delay-continue 10
        GET shift-range 1; GET wrong-total 2; GET ignore-range; PROPFIND duplicate-entry; * redirect pair; * seed 42"#;

    fn parse(text: &str) -> Parsed<Script> {
        text.parse()
    }

    fn problem(text: &str) -> String {
        parse(text).expect_err("must not parse").to_string()
    }

    #[test]
    fn text_and_builder_make_the_same_script() {
        let text =
            "GET /x.root truncate at 1000 once; PUT stall at 0; * status 503 retry-after 7 times 2; * refuse once";
        let built = Script::new()
            .on(Match::get("/x.root").once(), Fault::Truncate { at: 1000 })
            .on(Match::method("PUT"), Fault::Stall { at: 0 })
            .on(Match::any().times(2), Fault::status(503).retry_after(7).into())
            .refuse_connections(Occurrences::ONCE);
        assert_eq!(parse(text).unwrap(), built);
    }

    #[test]
    fn every_fault_survives_printing_and_parsing() {
        let script = parse(EVERYTHING).unwrap();
        assert_eq!((script.rules.len(), script.connections.len()), (32, 4));
        assert_eq!(parse(&script.to_string()).unwrap(), script);
    }

    #[test]
    fn every_word_of_the_error_message_is_known() {
        let script = parse(EVERYTHING).unwrap().to_string();
        for word in FAULT_WORDS.split(", ") {
            assert!(script.contains(&format!(" {word}")), "{word} is listed, but not in the example");
        }
    }

    #[test]
    fn an_empty_text_is_an_empty_script() {
        assert_eq!(parse("").unwrap(), Script::new());
        assert_eq!(parse(" ;;\n ; ").unwrap(), Script::new());
    }

    #[test]
    fn errors_name_place_and_remedy() {
        assert!(
            problem("GET truncat at 5").starts_with("fault script, character 5: \"truncat\" is no fault; known: trunc")
        );
        assert_eq!(problem("GET"), "fault script, character 1: the rule ends where a fault is missing");
        assert_eq!(
            problem("* html; GET flip 5"),
            "fault script, character 18: expected \"at\" and an offset, found \"5\""
        );
        assert_eq!(
            problem("GET flip at -1"),
            "fault script, character 13: expected an offset (a whole number), found \"-1\""
        );
        assert!(problem("* status 99").contains("from 200 to 599"));
        assert!(problem("GET refuse").contains("write \"* refuse\""));
        assert!(problem("GET html nth 0").contains("a count from 1"));
        assert!(problem("GET html once PUT html").contains("separated by ;"));
        assert!(problem("get html").contains("no method in capitals"));
        assert!(problem("GET \"abc").contains("never closed"));
        assert!(problem("GET lie-digest \"a\r\nX: y\"").contains("control characters"));
    }

    #[test]
    fn no_text_panics() {
        let cuts = EVERYTHING.char_indices().map(|(at, _)| &EVERYTHING[..at]);
        let damaged = EVERYTHING
            .char_indices()
            .map(|(at, c)| format!("{}\u{1F980}{}", &EVERYTHING[..at], &EVERYTHING[at + c.len_utf8()..]));
        for text in cuts.map(str::to_owned).chain(damaged) {
            if let Ok(script) = parse(&text) {
                assert_eq!(parse(&script.to_string()).as_ref(), Ok(&script), "{text}");
            }
        }
        assert!(parse(&"99999999999999999999 ".repeat(1000)).is_err());
    }
}
