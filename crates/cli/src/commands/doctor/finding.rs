//! What was found, a line each.

use std::io;

use law_storage::{Error, ErrorKind};
use serde_json::json;

use crate::exit::Failure;
use crate::output::Out;

/// Tells findings as they come, and remembers what was bad.
pub(super) struct Findings {
    json: bool,
    bad: Vec<ErrorKind>,
}

impl Findings {
    pub(super) fn new(json: bool) -> Self {
        Self { json, bad: Vec::new() }
    }

    pub(super) fn json(&self) -> bool {
        self.json
    }

    /// It works.
    pub(super) fn good(&mut self, what: &str, text: impl std::fmt::Display) -> io::Result<()> {
        self.tell("ok", what, &text.to_string(), None)
    }

    /// Neither good nor bad, but good to know.
    pub(super) fn note(&mut self, what: &str, text: impl std::fmt::Display) -> io::Result<()> {
        self.tell("note", what, &text.to_string(), None)
    }

    /// It does not work.
    pub(super) fn failed(&mut self, what: &str, error: &Error) -> io::Result<()> {
        self.bad.push(error.kind());
        self.tell("FAIL", what, &error.to_string(), error.hint_text())
    }

    fn tell(&self, state: &str, what: &str, text: &str, hint: Option<&str>) -> io::Result<()> {
        let mut out = Out::new();
        if self.json {
            out.line(json!({"state": state.to_lowercase(), "what": what, "text": text, "hint": hint}))?;
            return out.flush();
        }
        out.line(format!("{state:<4}  {what:<10} {text}"))?;
        if let Some(hint) = hint {
            out.line(format!("                 hint: {hint}"))?;
        }
        out.flush()
    }

    /// The end of the command.
    pub(super) fn outcome(self) -> Result<(), Failure> {
        if self.bad.is_empty() { Ok(()) } else { Err(Failure::Several(self.bad)) }
    }
}
