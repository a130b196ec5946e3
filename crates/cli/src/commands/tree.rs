//! `law fs tree`

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::Args;
use futures_util::StreamExt as _;
use law_storage::{Entry, ErrorKind, Path};
use law_transfer::{Place, walk_swiftly};

use crate::context::Context;
use crate::exit::Failure;
use crate::output::{self, Out};
use crate::show::printable;

/// Draw directories and what they have.
///
/// What cannot be listed is told, and the rest goes on. The lines are ASCII where the locale has no UTF-8.
#[derive(Args)]
pub(crate) struct Tree {
    /// Directories; the working directory if there is none.
    #[arg(value_name = "PLACE", default_value = ".")]
    places: Vec<OsString>,

    /// Not deeper than so many levels.
    #[arg(short = 'L', long, value_name = "LEVELS")]
    max_depth: Option<usize>,

    /// Also names that begin with a dot.
    #[arg(short, long)]
    all: bool,

    /// Directories alone.
    #[arg(short, long)]
    directories: bool,
}

/// What each directory has, by its path below the top.
type Children = BTreeMap<Path, Vec<Entry>>;

impl Tree {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        context.for_each(&self.places, async |text| self.draw(context, text).await).await
    }

    async fn draw(&self, context: &Context, text: &OsString) -> Result<(), Failure> {
        let place = context.place_only(text)?;
        let mut kinds = Vec::new();
        let children = self.children(context, &place, &mut kinds).await?;
        let mut out = Out::new();
        if context.json {
            for entry in children.values().flatten() {
                out.line(output::entry_json(&place.fs, &entry.path, &entry.metadata))?;
            }
            out.flush()?;
            return Failure::of_all(kinds);
        }
        out.line(printable(Context::below(text, &Path::root())))?;
        let lines = if is_utf8(|name| std::env::var(name).ok()) { BOXES } else { ASCII };
        lines.draw(&mut out, &children, &Path::root(), "")?;
        let (directories, files): (Vec<_>, Vec<_>) =
            children.values().flatten().partition(|entry| entry.metadata.is_directory());
        let plural = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
        let directories = plural(directories.len(), "directory", "directories");
        match self.directories {
            true => out.line(format!("\n{directories}"))?,
            false => out.line(format!("\n{directories}, {}", plural(files.len(), "file", "files")))?,
        }
        out.flush()?;
        Failure::of_all(kinds)
    }

    async fn children(
        &self,
        context: &Context,
        place: &Place,
        kinds: &mut Vec<ErrorKind>,
    ) -> Result<Children, Failure> {
        let (deepest, all) = (self.max_depth, self.all);
        let enter = move |directory: &Path| {
            let hidden = directory.name().is_some_and(|name| name.starts_with(b"."));
            (all || !hidden) && deepest.is_none_or(|deepest| directory.segments().count() < deepest)
        };
        let mut walked = walk_swiftly(&context.call, place, enter);
        let mut children = Children::new();
        let mut first = true;
        while let Some(found) = walked.next().await {
            let found = match found {
                Ok(found) => found,
                // Of a directory that cannot be listed there is nothing to draw.
                Err(error) if first => return Err(error.into()),
                Err(error) => {
                    context.walk_error(error, kinds)?;
                    continue;
                }
            };
            first = false;
            let hidden = found.below.name().is_some_and(|name| name.starts_with(b"."));
            if (hidden && !self.all) || (self.directories && !found.entry.metadata.is_directory()) {
                continue;
            }
            children.entry(found.below.parent().unwrap_or_default()).or_default().push(found.entry);
        }
        Ok(children)
    }
}

/// What the lines are made of.
struct Lines {
    branch: &'static str,
    last: &'static str,
    beside: &'static str,
}

const BOXES: Lines = Lines { branch: "├── ", last: "└── ", beside: "│   " };
const ASCII: Lines = Lines { branch: "|-- ", last: "`-- ", beside: "|   " };

impl Lines {
    fn draw(&self, out: &mut Out, children: &Children, directory: &Path, margin: &str) -> std::io::Result<()> {
        let Some(entries) = children.get(directory) else { return Ok(()) };
        for (at, entry) in entries.iter().enumerate() {
            let last = at + 1 == entries.len();
            let (branch, beside) = if last { (self.last, "    ") } else { (self.branch, self.beside) };
            let slash = if entry.metadata.is_directory() { "/" } else { "" };
            out.line(format!("{margin}{branch}{}{slash}", output::escaped(&name_of(entry))))?;
            // Names come from a storage that was asked, and are names.
            if let Ok(child) = directory.child(entry.path.name().unwrap_or_default()) {
                self.draw(out, children, &child, &format!("{margin}{beside}"))?;
            }
        }
        Ok(())
    }
}

/// Whether the locale has UTF-8: the first of these variables that is set decides (POSIX).
fn is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

fn name_of(entry: &Entry) -> String {
    String::from_utf8_lossy(entry.path.name().unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let with = |set: &[(&str, &str)]| {
            is_utf8(|name| set.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(with(&[("LANG", "de_DE.UTF-8")]) && with(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8")]));
        assert!(!with(&[]) && !with(&[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")]) && !with(&[("LANG", "de_DE@euro")]));
    }
}
