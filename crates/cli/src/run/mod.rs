//! `law run NAME`: makes a task complete, with all that it requires; or shows what would be done.

mod asked;
mod events;
mod finder;
mod graph;
mod history;
mod index;
mod interactive;
mod new;
mod watch;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use law_task::{Families, Summary, Work};

use crate::output::{Out, complain, warn};
use finder::Found;
pub(crate) use graph::Graph;
pub(crate) use history::History;
pub(crate) use index::Index;
pub(crate) use new::New;
use words::Typed;

/// Run a task, and all that it requires and that is not complete.
///
/// The name of a task, then its parameters as options: `law run TimesTwo --n 5`. `law run NAME --help` tells them; `law run` alone lists all tasks. Tasks are
/// those of the tasks.toml and the law.toml in this directory or above it, and of the projects that the law.toml names.
#[derive(Args)]
pub(crate) struct Run {
    /// The name of a task, its parameters, and options.
    #[arg(value_name = "TASK [OPTIONS]", trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

/// luigi's codes for what is no task that ran.
const USAGE: u8 = 2;
const SCHEDULING: u8 = 50;

/// Why nothing was run.
pub(crate) enum Refused {
    /// Something else should have been typed, or a file says something that cannot be.
    Usage(String),
    /// It could not be told what there is to do.
    Unknown(String),
    /// Help was asked for, and given; or the reader of it is gone.
    Done,
}

impl From<std::io::Error> for Refused {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe { Self::Done } else { Self::Unknown(error.to_string()) }
    }
}

impl From<anyhow::Error> for Refused {
    fn from(error: anyhow::Error) -> Self {
        Self::Unknown(format!("{error:#}"))
    }
}

/// Whether a task of Rust has that name in this program.
pub(crate) fn is_linked(name: &str) -> bool {
    // Whoever runs it hears what is wrong.
    Families::linked().is_ok_and(|families| families.get(name).is_some())
}

impl Run {
    /// As if the words had been typed behind `law run`.
    pub(crate) fn of(words: Vec<OsString>) -> Self {
        Self { words }
    }

    pub(crate) fn run(self) -> ExitCode {
        finish(Found::here().and_then(|found| run(&self.words, &found)), "law run")
    }
}

/// The exit code; what was refused is said.
fn finish(result: Result<u8, Refused>, command: &str) -> ExitCode {
    let (code, message) = match result {
        Ok(code) => return ExitCode::from(code),
        Err(Refused::Done) => return ExitCode::SUCCESS,
        Err(Refused::Usage(message)) => (USAGE, message),
        Err(Refused::Unknown(message)) => (SCHEDULING, message),
    };
    complain(format_args!("{command}: {message}"));
    ExitCode::from(code)
}

fn run(words: &[OsString], found: &Found) -> Result<u8, Refused> {
    let Some(name) = words::name(words) else {
        list(found)?;
        return Ok(0);
    };
    if found.families.get(&name).is_none() {
        return Err(elsewhere(&name, words, found)?);
    }
    let (task, typed) = made(words, found)?;
    found.doubts.iter().for_each(warn);
    let runs = match &typed.asked {
        Some(asked) => interactive::answer(asked, task.clone(), typed.as_json)?,
        None => true,
    };
    if runs { complete(task, &typed) } else { Ok(0) }
}

/// The task that was typed, and what else was.
fn made(words: &[OsString], found: &Found) -> Result<(Arc<dyn Work>, Typed), Refused> {
    let name = words::name(words).unwrap_or_default();
    let family = found.families.get(&name).ok_or_else(|| unknown(&name, found))?;
    let typed = Typed::read(&**family, words)?;
    let task = family.make(&typed.values).map_err(|wrong| Refused::Usage(format!("{name} {wrong}")))?;
    Ok((task, typed))
}

/// Another program has the task, and this process becomes that one; or nobody has it.
fn elsewhere(name: &str, words: &[OsString], found: &Found) -> Result<Refused, Refused> {
    if let Some(program) = found.program_with(name)? {
        return Ok(program.run(words));
    }
    Ok(unknown(name, found))
}

fn unknown(name: &str, found: &Found) -> Refused {
    let hint = found.families.similar(name).map(|name| format!(": did you mean {name}?"));
    let hint = hint.unwrap_or_else(|| "; `law run` lists those that there are".into());
    Refused::Usage(format!("there is no task {name}{hint}"))
}

/// The tasks that there are, for a shell: their names and what they do, and the options of one.
pub(crate) fn completions(words: &[String]) -> Vec<(String, String)> {
    let Ok(found) = Found::here() else { return Vec::new() };
    let words: Vec<OsString> = words.iter().map(Into::into).collect();
    match words::name(&words) {
        None => found.families.iter().map(|family| (family.name().into(), family.about().into())).collect(),
        Some(name) => found.families.get(&name).map(|family| words::options(&**family)).unwrap_or_default(),
    }
}

fn complete(task: Arc<dyn Work>, typed: &Typed) -> Result<u8, Refused> {
    let settings = watch::settings(typed)?;
    let done = law_task::run(vec![task], settings).map_err(|error| Refused::Unknown(error.to_string()))?;
    let mut out = Out::new();
    if typed.as_json {
        out.line(events::end(&done))?
    } else {
        out.line(Summary(&done))?
    }
    out.flush()?;
    Ok(done.exit_code())
}

fn list(found: &Found) -> Result<(), Refused> {
    let mut out = Out::new();
    let tasks = index::objects(found)?;
    if tasks.is_empty() {
        out.line(
            "There are no tasks: a tasks.toml in this directory, or above it, has some. `law new NAME` writes one.",
        )?;
    }
    for task in tasks {
        let (name, about) = (task["name"].as_str().unwrap_or_default(), task["about"].as_str().unwrap_or_default());
        out.line(format_args!("{name}{}{about}", if about.is_empty() { "" } else { "  " }))?;
    }
    Ok(out.flush()?)
}
