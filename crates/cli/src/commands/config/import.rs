//! `law config import`

use std::path::PathBuf;

use clap::Args;
use law_config::{Environment, Imported, add_imported, import};
use law_storage::{Error, ErrorKind};
use serde_json::json;

use super::{misconfigured, print};
use crate::arguments::Global;
use crate::exit::Failure;
use crate::output::{self, Out};

/// Print the law.toml that means the same as a law.cfg of the Python package.
///
/// Files that it names in inherit and extend count. What has no meaning here, and where secrets are, stands in comments.
#[derive(Args)]
pub(crate) struct Import {
    /// The law.cfg.
    file: PathBuf,

    /// Add it to this law.toml instead.
    #[arg(long, value_name = "PATH")]
    write: Option<PathBuf>,
}

impl Import {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let environment = Environment::of_process().map_err(Error::from)?;
        let imported = import(&environment, &self.file).map_err(|error| match error.kind() {
            law_config::ErrorKind::NotFound => Error::new(ErrorKind::NotFound, error.to_string()),
            _ => misconfigured(error),
        })?;
        imported.warnings.iter().for_each(output::warn);
        if let Some(file) = &self.write {
            add_imported(file, &imported).map_err(misconfigured)?;
        }
        let written = self.write.map(|file| file.display().to_string());
        match (global.json, written) {
            (true, written) => tell(&imported, written.as_deref()),
            (false, Some(file)) => print(format!("{file}: {}\n", added(&imported))),
            (false, None) => print(&imported.text),
        }
    }
}

fn tell(imported: &Imported, file: Option<&str>) -> Result<(), Failure> {
    let mut out = Out::new();
    match file {
        Some(file) => out.line(json!({"file": file, "names": imported.names, "outcome": "added"}))?,
        None => out.line(json!({"names": imported.names, "text": imported.text}))?,
    }
    Ok(out.flush()?)
}

fn added(imported: &Imported) -> String {
    match imported.names.as_slice() {
        [] => "no file system was added".to_owned(),
        names => format!("{} added", names.join(", ")),
    }
}
