//! `law fs transfers`

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use law_storage::{Error, ErrorKind};
use law_transfer::{Journal, JournalRecord};
use serde_json::json;

use crate::context::Context;
use crate::exit::Failure;
use crate::output::{self, Out};
use crate::tree_job::transfers;

/// List the copies of directories that were begun on this machine, and go on with those that broke off.
#[derive(Args)]
pub(crate) struct Transfers {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Go on with a copy that broke off, as the command that began it with --resume.
    Resume {
        /// Its identity, as the list has it.
        id: String,
    },
    /// Forget a copy: it cannot be resumed then.
    Forget {
        /// Its identity, as the list has it.
        id: String,
    },
}

impl Transfers {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let nowhere = || Error::new(ErrorKind::NotFound, "there is no home directory, and no XDG_STATE_HOME");
        let directory = transfers().ok_or_else(nowhere)?;
        match self.action {
            None => list(context, &Journal::all(&directory)?),
            Some(Action::Forget { id }) => Ok(Journal::forget(&directory, &id)?),
            Some(Action::Resume { id }) => Err(resume(&directory, &id).into()),
        }
    }
}

fn list(context: &Context, records: &[JournalRecord]) -> Result<(), Failure> {
    let mut out = Out::new();
    for record in records {
        if context.json {
            out.line(json!({"id": record.id, "from": record.name.from, "to": record.name.to, "state": state(record),
                "files": record.files, "bytes": record.bytes, "failures": record.failures}))?;
            continue;
        }
        let files = if record.files == 1 { "1 file".into() } else { format!("{} files", record.files) };
        let (name, bytes) = (&record.name, output::amount(record.bytes));
        out.line(format!("{}  {:<11}  {files}, {bytes}  {} -> {}", record.id, state(record), name.from, name.to))?;
    }
    Ok(out.flush()?)
}

fn state(record: &JournalRecord) -> &'static str {
    match record.failures {
        _ if record.running => "running",
        Some(0) => "complete",
        Some(_) => "failed",
        None => "interrupted",
    }
}

/// Becomes the command that began the job; comes back only with the reason why not.
fn resume(directory: &std::path::Path, id: &str) -> Error {
    let records = match Journal::all(directory) {
        Ok(records) => records,
        Err(error) => return error,
    };
    let Some(record) = records.into_iter().find(|record| record.id == id) else {
        return Error::new(ErrorKind::NotFound, format!("no job `{id}`")).hint("law fs transfers lists them");
    };
    let Some((working_directory, mut words)) = record.command else {
        let error = Error::new(ErrorKind::Unsupported, "the command that began it had secrets, which are not kept");
        return error.hint("give it again, with --resume");
    };
    if !words.iter().any(|word| word == "--resume") {
        words.push("--resume".into());
    }
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("law"));
    let failed = std::process::Command::new(&program).args(words).current_dir(&working_directory).exec();
    Error::from(failed).at(program.display())
}
