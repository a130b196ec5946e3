//! A law.cfg as the law.toml that means the same.

use std::path::Path;

use super::{LawCfg, file_systems, includes, stanza};
use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Result, one_line};
use crate::layers::read;

/// The text of a law.toml, and what somebody should know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// `[fs.NAME]` for each file system, with comments about what is not in it.
    pub text: String,
    /// The names of its file systems.
    pub names: Vec<String>,
    /// Files and file systems that were left out, one line each.
    pub warnings: Vec<String>,
}

/// The file systems of a `law.cfg`, and of those that it names, as a `law.toml` that means the same on this machine. No
/// secret is in it: comments say where they are. Variables stay what they are where a law.toml can have them.
///
/// # Errors
/// `NotFound` if there is no such file, `Unreadable` if it cannot be read, `Malformed` if it is no INI file, `InvalidValue` for
/// files that name each other.
pub fn import(environment: &Environment, path: &Path) -> Result<Imported> {
    let path = environment.working_directory.join(path);
    let missing = || Error::new(ErrorKind::NotFound, path.display(), "there is no such file", "");
    let (file, bytes) = read(&path, environment)?.ok_or_else(missing)?;
    let mut warnings = Vec::new();
    let mut read_own = |path: &Path| {
        let found = read(path, environment)?;
        if found.as_ref().is_some_and(|(file, _)| !file.is_own) {
            warnings.push(one_line(format_args!(
                "{} is left out: it is not yours, or others may write it",
                path.display()
            )));
        }
        Ok(found.filter(|(file, _)| file.is_own))
    };
    let sections = includes::whole(&file, &bytes, environment, &mut read_own)?;
    let all = file_systems(&sections, environment);
    let names = all.file_systems.keys().cloned().collect();
    warnings.extend(left_out(&all));
    Ok(Imported { text: text(&all, &path), names, warnings })
}

/// File systems that cannot be used, and why.
fn left_out(all: &LawCfg) -> impl Iterator<Item = String> {
    all.broken.iter().map(|(name, why)| one_line(format_args!("{name} is left out: {why}")))
}

fn text(all: &LawCfg, path: &Path) -> String {
    let mut parts = vec![one_line(format_args!("# The file systems of {}.", path.display())) + "\n"];
    parts[0].extend(all.warnings().map(|line| format!("# {line}\n")));
    parts[0].extend(left_out(all).map(|line| format!("# {line}\n")));
    for (name, item) in &all.file_systems {
        if let crate::tree::Value::Table(table) = &item.node.value {
            parts.push(stanza::text(name, table));
        }
    }
    parts.join("\n")
}
