//! `law fs tree`

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::Args;
use futures_util::TryStreamExt as _;
use law_storage::{Entry, Path};
use law_transfer::{Place, walk_where};

use crate::context::Context;
use crate::exit::Failure;
use crate::output::{self, Out};

/// Draw directories and what they have.
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
        let children = self.children(context, &place).await?;
        let mut out = Out::new();
        if context.json {
            for entry in children.values().flatten() {
                let name = name_of(entry);
                out.line(output::entry_json(&name, &place.backend().url(&entry.path), &entry.metadata))?;
            }
            return Ok(out.flush()?);
        }
        out.line(&place)?;
        draw_below(&mut out, &children, &Path::root(), "")?;
        let (directories, files): (Vec<_>, Vec<_>) =
            children.values().flatten().partition(|entry| entry.metadata.is_directory());
        let plural = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
        let directories = plural(directories.len(), "directory", "directories");
        match self.directories {
            true => out.line(format!("\n{directories}"))?,
            false => out.line(format!("\n{directories}, {}", plural(files.len(), "file", "files")))?,
        }
        Ok(out.flush()?)
    }

    async fn children(&self, context: &Context, place: &Place) -> Result<Children, Failure> {
        let (deepest, all) = (self.max_depth, self.all);
        let enter = move |directory: &Path| {
            let hidden = directory.name().is_some_and(|name| name.starts_with(b"."));
            (all || !hidden) && deepest.is_none_or(|deepest| directory.segments().count() < deepest)
        };
        let mut walked = walk_where(&context.call, place, enter);
        let mut children = Children::new();
        while let Some(found) = walked.try_next().await? {
            let hidden = found.below.name().is_some_and(|name| name.starts_with(b"."));
            if (hidden && !self.all) || (self.directories && !found.entry.metadata.is_directory()) {
                continue;
            }
            children.entry(found.below.parent().unwrap_or_default()).or_default().push(found.entry);
        }
        Ok(children)
    }
}

fn draw_below(out: &mut Out, children: &Children, directory: &Path, margin: &str) -> std::io::Result<()> {
    let Some(entries) = children.get(directory) else { return Ok(()) };
    for (at, entry) in entries.iter().enumerate() {
        let last = at + 1 == entries.len();
        let (branch, below) = if last { ("└── ", "    ") } else { ("├── ", "│   ") };
        let slash = if entry.metadata.is_directory() { "/" } else { "" };
        out.line(format!("{margin}{branch}{}{slash}", output::escaped(&name_of(entry))))?;
        // Names come from a storage that was asked, and are names.
        if let Ok(child) = directory.child(entry.path.name().unwrap_or_default()) {
            draw_below(out, children, &child, &format!("{margin}{below}"))?;
        }
    }
    Ok(())
}

fn name_of(entry: &Entry) -> String {
    String::from_utf8_lossy(entry.path.name().unwrap_or_default()).into_owned()
}
