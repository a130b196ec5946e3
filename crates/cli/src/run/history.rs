//! `law history PLACE`: how a file was made, as its record tells.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;
use law_target::FileTarget;
use law_workflow::record;
use serde_json::{Value, json};

use super::{Refused, finish};
use crate::output::Out;

/// Tell how a file was made, from what and when, and whether it has changed since.
///
/// Exit code 3 if there is no record of it, 4 if it has changed since.
#[derive(Args)]
pub(crate) struct History {
    /// The record as it is, and what the file is now.
    #[arg(long)]
    json: bool,

    /// What tasks have written.
    #[arg(value_name = "PLACE", required = true)]
    places: Vec<OsString>,
}

/// As `law fs` says of what does not exist.
const NO_RECORD: u8 = 3;

/// As `law fs` says of what has changed.
const CHANGED: u8 = 4;

/// What a file is now, beside what a record says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    AsItWas,
    Changed { what: &'static str, then: String, now: String },
    Gone,
}

impl History {
    pub(crate) fn run(&self) -> ExitCode {
        finish(self.print(), "law history")
    }

    fn print(&self) -> Result<u8, Refused> {
        let mut out = Out::new();
        let mut code = 0;
        for place in &self.places {
            let file = FileTarget::at(place).map_err(anyhow::Error::new)?;
            let Some(record) = record::of(&file)? else {
                crate::output::complain(format_args!("law history: there is no record of {file}"));
                code = NO_RECORD;
                continue;
            };
            let now = record::now(&file)?;
            let outputs = record["outputs"].as_array().into_iter().flatten();
            let place = file.to_string();
            let then = outputs.clone().find(|output| output["place"] == place.as_str());
            let state = State::of(then.unwrap_or(&Value::Null), &now);
            if state != State::AsItWas {
                code = CHANGED;
            }
            if self.json {
                out.line(json!({ "place": place, "record": record, "now": now, "changed": state != State::AsItWas }))?;
            } else {
                let first = format!("{place}: {}{}", state.words("as it was made"), details(then.unwrap_or(&now)));
                out.line(first)?;
                lines(&record)?.into_iter().try_for_each(|line| out.line(line))?;
            }
        }
        out.flush()?;
        Ok(code)
    }
}

fn lines(record: &Value) -> Result<Vec<String>, Refused> {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let parameters = record["parameters"].as_object().into_iter().flatten();
    let parameters = parameters.map(|(name, value)| format!("{name}={}", text(value))).collect::<Vec<_>>().join(", ");
    let mut lines = vec![
        format!("    made by   {}({parameters})", text(&record["family"])),
        format!(
            "    on        {}, from {} to {}",
            text(&record["host"]),
            text(&record["began"]),
            text(&record["ended"])
        ),
    ];
    if let Some(command) = record["program"]["command"].as_str() {
        lines.push(format!("    by        {command} ({})", text(&record["program"]["version"])));
    }
    for input in record["inputs"].as_array().into_iter().flatten() {
        for then in input["files"].as_array().into_iter().flatten() {
            let place = text(&then["place"]);
            let since = match then["count"].is_null() {
                true => State::of(then, &record::now(&FileTarget::at(&place).map_err(anyhow::Error::new)?)?).words(""),
                false => String::new(),
            };
            let since = if since.is_empty() { since } else { format!(", {since}") };
            lines.push(format!("    from      {place}{}{since}", details(then)));
        }
    }
    Ok(lines)
}

impl State {
    fn of(then: &Value, now: &Value) -> Self {
        if now.is_null() {
            return Self::Gone;
        }
        let is_known = |key: &str| !then[key].is_null() && !now[key].is_null();
        match ["size", "checksum"].into_iter().find(|key| is_known(key) && then[*key] != now[*key]) {
            Some(what) => Self::Changed { what, then: then[what].to_string(), now: now[what].to_string() },
            None => Self::AsItWas,
        }
    }

    fn words(&self, same: &str) -> String {
        match self {
            Self::AsItWas => same.into(),
            Self::Changed { what, then, now } => format!("changed since: its {what} was {then} and is {now}"),
            Self::Gone => "not there any more".into(),
        }
    }
}

fn details(file: &Value) -> String {
    let size = file["size"].as_u64().map(|size| format!("{size} bytes"));
    let count = file["count"].as_u64().map(|count| format!("{count} files"));
    let parts: Vec<String> = [size, count, file["checksum"].as_str().map(Into::into)].into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}
