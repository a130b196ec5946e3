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
/// Exit code 3 if there is no record of it.
#[derive(Args)]
pub(crate) struct History {
    /// The record as it is, and what the file is now.
    #[arg(long)]
    json: bool,

    /// What tasks have written.
    #[arg(value_name = "PLACE", required = true)]
    places: Vec<OsString>,
}

/// `exists` of `law fs` says so, too.
const NO_RECORD: u8 = 3;

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
            if self.json {
                out.line(json!({ "place": file.to_string(), "record": record, "now": now }))?;
            } else {
                lines(&file.to_string(), &record, &now).into_iter().try_for_each(|line| out.line(line))?;
            }
        }
        out.flush()?;
        Ok(code)
    }
}

fn lines(place: &str, record: &Value, now: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let parameters = record["parameters"].as_object().into_iter().flatten();
    let parameters = parameters.map(|(name, value)| format!("{name}={}", text(value))).collect::<Vec<_>>().join(", ");
    let mut lines = vec![
        format!("{place}: {}", state(place, record, now)),
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
        for file in input["files"].as_array().into_iter().flatten() {
            lines.push(format!("    from      {}{}", text(&file["place"]), details(file)));
        }
    }
    lines
}

/// Whether a file is still what was recorded.
fn state(place: &str, record: &Value, now: &Value) -> String {
    if now.is_null() {
        return "is not there any more".into();
    }
    let mut outputs = record["outputs"].as_array().into_iter().flatten();
    let Some(then) = outputs.find(|output| output["place"] == place) else { return "not in the record".into() };
    let is_known = |key: &str| !then[key].is_null() && !now[key].is_null();
    let differs = ["size", "checksum"].into_iter().find(|key| is_known(key) && then[*key] != now[*key]);
    match differs {
        Some(key) => format!("changed since: its {key} was {} and is {}", then[key], now[key]),
        None => format!("as it was made{}", details(then)),
    }
}

fn details(file: &Value) -> String {
    let size = file["size"].as_u64().map(|size| format!("{size} bytes"));
    let count = file["count"].as_u64().map(|count| format!("{count} files"));
    let parts: Vec<String> = [size, count, file["checksum"].as_str().map(Into::into)].into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}
