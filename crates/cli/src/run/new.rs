//! `law new NAME`: a directory with tasks that run at once.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::{Refused, finish};
use crate::output::Out;

/// Write a directory with tasks that run at once, to begin with.
///
/// By default a tasks.toml with command lines; with --rust a crate whose program has the tasks. Nothing that is there is overwritten.
#[derive(Args)]
#[command(visible_aliases = ["init", "quickstart"])]
pub(crate) struct New {
    /// The directory; `law init` alone is this one.
    #[arg(value_name = "PATH", default_value = ".")]
    directory: PathBuf,

    /// A crate of tasks.
    #[arg(long)]
    rust: bool,
}

/// A file of a starter.
type File = (&'static str, String);

impl New {
    pub(crate) fn run(&self) -> ExitCode {
        finish(self.write(), "law new")
    }

    fn write(&self) -> Result<u8, Refused> {
        let files = if self.rust { self.of_rust()? } else { vec![("tasks.toml", TASKS.into())] };
        if let Some((name, _)) = files.iter().find(|(name, _)| self.directory.join(name).exists()) {
            let path = self.directory.join(name);
            return Err(Refused::Usage(format!("{} is there already: nothing was written", path.display())));
        }
        for (name, text) in &files {
            written(&self.directory.join(name), text)?;
        }
        let mut out = Out::new();
        for (name, _) in &files {
            out.line(format_args!("wrote {}", self.directory.join(name).display()))?;
        }
        let here = self.directory == Path::new(".");
        let change = if here { String::new() } else { format!("cd {} && ", self.directory.display()) };
        out.line(format_args!("next: {change}law run Greeting --name you --print-status 1"))?;
        out.line(format_args!("      {change}law run Greeting --name you"))?;
        out.flush()?;
        Ok(0)
    }

    /// A crate with the name of the directory.
    fn of_rust(&self) -> Result<Vec<File>, Refused> {
        let directory = std::path::absolute(&self.directory)?;
        let name = directory.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let letter = |letter: char| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' };
        let name: String = name.chars().map(letter).collect();
        if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Err(Refused::Usage(format!("{name:?} cannot be the name of a crate: it begins with no letter")));
        }
        Ok(vec![
            ("Cargo.toml", CARGO.replace("NAME", &name)),
            ("law.toml", LAW.into()),
            ("src/main.rs", GREETING.into()),
        ])
    }
}

/// A file that is new.
fn written(path: &Path, text: &str) -> Result<(), Refused> {
    let cannot = |error: std::io::Error| Refused::Usage(format!("{}: {error}", path.display()));
    fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(cannot)?;
    let mut file = fs::File::create_new(path).map_err(cannot)?;
    file.write_all(text.as_bytes()).map_err(cannot)
}

const TASKS: &str = include_str!("starter/tasks.toml");
const CARGO: &str = include_str!("starter/Cargo.toml.in");
const LAW: &str = "# Where `law run` finds the tasks: the crate in this directory, which is built when it is needed.\n[[project]]\npath = \".\"\n";
const GREETING: &str = include_str!("starter/main.rs");
