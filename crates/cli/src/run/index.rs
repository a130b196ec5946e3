//! `law index`: the tasks that `law run` finds, and what can be set of each.

use std::process::ExitCode;

use clap::Args;
use law_task::{Family, Presence};
use serde_json::{Value, json};

use super::finder::Found;
use super::{Refused, finish};
use crate::output::Out;

/// List the tasks that `law run` finds, with their parameters.
#[derive(Args)]
pub(crate) struct Index {
    /// One object a line.
    #[arg(long)]
    json: bool,

    /// Only those of this program, and not those of files and other programs.
    #[arg(long, hide = true)]
    linked: bool,
}

impl Index {
    pub(crate) fn run(&self) -> ExitCode {
        finish(self.print(), "law index")
    }

    fn print(&self) -> Result<u8, Refused> {
        let found = if self.linked { Found::linked()? } else { Found::here()? };
        let mut out = Out::new();
        for task in objects(&found)? {
            if self.json { out.line(task)? } else { lines(&task).into_iter().try_for_each(|line| out.line(line))? }
        }
        out.flush()?;
        Ok(0)
    }
}

/// All tasks as JSON, those of other programs with the program.
pub(super) fn objects(found: &Found) -> Result<Vec<Value>, Refused> {
    let mut objects: Vec<Value> = found.families.iter().map(|family| object(&**family)).collect();
    for program in &found.programs {
        for mut task in program.index()? {
            // A program of tasks whose own project is here has told them already.
            if objects.iter().any(|known| known["name"] == task["name"]) {
                continue;
            }
            if let Some(object) = task.as_object_mut() {
                object.insert("program".into(), program.to_string().into());
            }
            objects.push(task);
        }
    }
    Ok(objects)
}

fn object(family: &dyn Family) -> Value {
    let parameters = family.parameters();
    let parameters = parameters.iter().map(|known| {
        let default = match &known.presence {
            Presence::Required => Value::Null,
            Presence::Default(text) => text.as_str().into(),
        };
        json!({
            "name": known.name, "type": known.kind, "help": known.help, "default": default, "choices": known.choices,
            "significant": known.significant,
        })
    });
    json!({ "name": family.name(), "about": family.about(), "parameters": parameters.collect::<Vec<_>>() })
}

/// A task for people.
fn lines(task: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (name, about) = (text(&task["name"]), text(&task["about"]));
    let program = task["program"].as_str().map(|program| format!("  ({program})")).unwrap_or_default();
    let mut lines = vec![format!("{name}{}{about}{program}", if about.is_empty() { "" } else { "  " })];
    for known in task["parameters"].as_array().into_iter().flatten() {
        let choices = known["choices"].as_array().map(|words| words.iter().map(text).collect::<Vec<_>>().join("|"));
        let kind = choices.unwrap_or_else(|| text(&known["type"]));
        let default = known["default"].as_str().map_or_else(|| "; needed".into(), |text| format!("; {text}"));
        lines.push(format!("    --{}  {kind}{}", text(&known["name"]), default.trim_end_matches("; ")));
    }
    lines
}
