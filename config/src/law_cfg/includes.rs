//! What a file says together with the files that it names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ini::{self, Entry, Sections};
use super::values::{DEFAULT, Values};
use crate::braces::{expand, split_list};
use crate::environment::Environment;
use crate::error::Result;
use crate::origin::ConfigFile;

/// More files come from nobody who means well.
const MOST: usize = 100;

/// Reads another file, if it is there.
pub(crate) type Read<'r> = dyn FnMut(&Path) -> Result<Option<(Arc<ConfigFile>, Vec<u8>)>> + 'r;

/// What a file says with the files of its `[core]`: those of `inherit` are weaker, those of `extend` stronger, later ones win.
///
/// # Errors
/// Those of reading each, and `InvalidValue` for files that name each other.
pub(super) fn whole(
    file: &Arc<ConfigFile>,
    bytes: &[u8],
    environment: &Environment,
    read: &mut Read<'_>,
) -> Result<Sections> {
    Including { environment, read, above: Vec::new(), files: 0 }.whole(file, bytes)
}

struct Including<'i, 'r> {
    environment: &'i Environment,
    read: &'i mut Read<'r>,
    /// The files that led to this one.
    above: Vec<PathBuf>,
    files: usize,
}

impl Including<'_, '_> {
    fn whole(&mut self, file: &Arc<ConfigFile>, bytes: &[u8]) -> Result<Sections> {
        self.above.push(file.path.clone());
        let own = ini::parse(file, bytes)?;
        let mut all = Sections::new();
        self.add(&mut all, &own, ["inherit", "inherit_configs"], file)?;
        merge(&mut all, own.clone());
        let mut together = all.clone();
        self.add(&mut together, &all, ["extend", "extend_configs"], file)?;
        self.above.pop();
        Ok(together)
    }

    /// Adds the files that an option of `[core]` names, beside the one that it stands in; the second name is the older one.
    fn add(&mut self, all: &mut Sections, from: &Sections, options: [&str; 2], file: &ConfigFile) -> Result<()> {
        let found = options.iter().find_map(|option| Some((*option, from.get("core")?.get(*option)?)));
        let Some((option, entry)) = found.filter(|(_, entry)| !entry.text.eq_ignore_ascii_case("none")) else {
            return Ok(());
        };
        let values = Values::new(from, self.environment);
        let Some(text) = values.of("core", option).transpose()? else { return Ok(()) };
        for path in paths(&text.text, file, self.environment).map_err(|problem| entry.invalid(problem))? {
            self.include(all, &path, option, entry)?;
        }
        Ok(())
    }

    fn include(&mut self, all: &mut Sections, path: &Path, option: &str, entry: &Entry) -> Result<()> {
        self.files += 1;
        if self.above.iter().any(|above| above == path) {
            return Err(entry.invalid(format!("{option} leads back to itself")));
        }
        if self.files > MOST {
            return Err(entry.invalid(format!("more than {MOST} files are named, or some lead back to themselves")));
        }
        // As in law, what is not there says nothing.
        if let Some((other, bytes)) = (self.read)(path)? {
            let mut sections = self.whole(&other, &bytes)?;
            // As in law, what is for all sections is for those of its own file.
            sections.remove(DEFAULT);
            merge(all, sections);
        }
        Ok(())
    }
}

fn paths(text: &str, file: &ConfigFile, environment: &Environment) -> std::result::Result<Vec<PathBuf>, String> {
    let beside = file.path.parent().unwrap_or(Path::new("/"));
    let mut paths = Vec::new();
    for names in split_list(text).map(expand) {
        for name in names? {
            let name = super::values::home(&name, environment)?;
            paths.push(beside.join(name).components().collect());
        }
    }
    Ok(paths)
}

fn merge(lower: &mut Sections, upper: Sections) {
    upper.into_iter().for_each(|(name, options)| lower.entry(name).or_default().extend(options));
}
