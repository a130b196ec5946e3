//! `law run NAME`: makes a task complete, with all that it requires; or shows what would be done.

mod asked;
mod events;
mod interactive;
mod watch;
mod words;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use law_task::{Families, Family, Summary, Work};
use law_workflow::command;

use crate::output::{Out, complain};
use words::Typed;

/// Run a task, and all that it requires and that is not complete.
///
/// The name of a task, then its parameters as options: `law run TimesTwo --n 5`. `law run NAME --help` tells them; `law run` alone lists all tasks. Tasks are
/// those of the tasks.toml in this directory or above it.
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
        let (code, message) = match families().and_then(|families| run(&self.words, &families)) {
            Ok(code) => return ExitCode::from(code),
            Err(Refused::Done) => return ExitCode::SUCCESS,
            Err(Refused::Usage(message)) => (USAGE, message),
            Err(Refused::Unknown(message)) => (SCHEDULING, message),
        };
        complain(format_args!("law run: {message}"));
        ExitCode::from(code)
    }
}

/// All tasks that this program knows: those of Rust that are linked, and those of the file that is nearest.
fn families() -> Result<Families, Refused> {
    let mut families = Families::linked()?;
    if let Some(file) = tasks_file() {
        command::read(&file, &mut families).map_err(|wrong| Refused::Usage(wrong.to_string()))?;
    }
    Ok(families)
}

/// The `tasks.toml` of this directory, or of the nearest one above it.
fn tasks_file() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|directory| directory.join("tasks.toml")).find(|file| file.is_file())
}

fn run(words: &[OsString], families: &Families) -> Result<u8, Refused> {
    let Some(name) = words::name(words) else {
        list(families)?;
        return Ok(0);
    };
    let unknown = || {
        let hint = families.similar(&name).map(|name| format!(": did you mean {name}?"));
        let hint = hint.unwrap_or_else(|| "; `law run` lists those that there are".into());
        Refused::Usage(format!("there is no task {name}{hint}"))
    };
    let family: &Arc<dyn Family> = families.get(&name).ok_or_else(unknown)?;
    let typed = Typed::read(&**family, words)?;
    let task = family.make(&typed.values).map_err(|wrong| Refused::Usage(format!("{name} {wrong}")))?;
    let runs = match &typed.asked {
        Some(asked) => interactive::answer(asked, task.clone(), typed.as_json)?,
        None => true,
    };
    if runs { complete(task, &typed) } else { Ok(0) }
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

fn list(families: &Families) -> Result<(), Refused> {
    let mut out = Out::new();
    if families.iter().next().is_none() {
        out.line("There are no tasks: a tasks.toml in this directory, or above it, has some.")?;
    }
    for family in families.iter() {
        let about = family.about();
        out.line(format_args!("{}{}{about}", family.name(), if about.is_empty() { "" } else { "  " }))?;
    }
    Ok(out.flush()?)
}
