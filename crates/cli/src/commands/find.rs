//! `law fs find`

use std::ffi::OsString;
use std::time::{Duration, SystemTime};

use clap::{Args, ValueEnum};
use futures_util::StreamExt as _;
use law_storage::{Entry, Kind, Path};
use law_transfer::{Pattern, Walked, walk_swiftly};

use crate::arguments::{bytes, duration};
use crate::context::Context;
use crate::exit::Failure;
use crate::output::{self, Out};
use crate::show::printable;

/// Find files and directories below a place, by name, kind, size and age.
///
/// A pattern knows `*`, `?`, `[ab]`, `{a,b}` and, across directories, `**`. Links are not followed.
/// What is above comes before what is below it, a level after the other. Each is printed as the place was typed, with the path
/// below it, so that it can be typed again. What cannot be listed is told, and the rest goes on.
#[derive(Args)]
pub(crate) struct Find {
    /// Where to look; the working directory if there is none.
    #[arg(value_name = "PLACE", default_value = ".")]
    places: Vec<OsString>,

    /// Only names like that.
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    name: Option<Pattern>,

    /// Only paths like that, below the place.
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    path: Option<Pattern>,

    /// Only such.
    #[arg(long = "type", value_name = "KIND")]
    kind: Option<Wanted>,

    /// Only files of at least that size, such as 10M.
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    min_size: Option<u64>,

    /// Only files of at most that size.
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    max_size: Option<u64>,

    /// Only what changed at least that long ago, such as 7d.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    min_age: Option<Duration>,

    /// Only what changed at most that long ago.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_age: Option<Duration>,

    /// Not deeper than so many levels.
    #[arg(long, value_name = "LEVELS")]
    max_depth: Option<usize>,

    /// A NUL byte behind each name instead of a line break.
    #[arg(short = '0', long)]
    print0: bool,
}

/// What is wanted.
#[derive(Clone, Copy, ValueEnum)]
enum Wanted {
    /// Files.
    #[value(alias = "f")]
    File,
    /// Directories.
    #[value(alias = "d")]
    Directory,
    /// Symbolic links.
    #[value(alias = "l")]
    Link,
}

fn pattern(text: &str) -> Result<Pattern, String> {
    Pattern::parse(text).map_err(|error| error.to_string())
}

impl Find {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let now = SystemTime::now();
        context.for_each(&self.places, async |text| self.below(context, text, now).await).await
    }

    async fn below(&self, context: &Context, text: &OsString, now: SystemTime) -> Result<(), Failure> {
        let place = context.place_only(text)?;
        let (deepest, path) = (self.max_depth, self.path.clone());
        let enter = move |directory: &Path| {
            let deep_enough = deepest.is_none_or(|deepest| directory.segments().count() < deepest);
            deep_enough && path.as_ref().is_none_or(|path| path.may_be_below(directory))
        };
        let mut found = walk_swiftly(&context.call, &place, enter);
        let (mut out, mut kinds) = (Out::new(), Vec::new());
        while let Some(step) = found.next().await {
            match step {
                Ok(step) if !self.wants(&step, now) => {}
                Ok(step) if context.json => {
                    out.line(output::entry_json(&place.fs, &step.entry.path, &step.entry.metadata))?;
                }
                Ok(step) => self.print(&mut out, &Context::below(text, &step.below))?,
                Err(error) => {
                    // What was found before stands before the error also where both go to one place.
                    out.flush()?;
                    context.walk_error(error, &mut kinds)?;
                }
            }
        }
        out.flush()?;
        Failure::of_all(kinds)
    }

    /// With NUL bytes a name is as it is, byte for byte: what is shown of it may be another one's name.
    fn print(&self, out: &mut Out, name: &[u8]) -> std::io::Result<()> {
        if self.print0 { out.bytes(&[name, b"\0"].concat()) } else { out.line(printable(name)) }
    }

    fn wants(&self, found: &Walked, now: SystemTime) -> bool {
        let Entry { path, metadata } = &found.entry;
        let name = || path.name().and_then(|name| Path::parse(name).ok());
        let size = metadata.size.filter(|_| metadata.is_file());
        let age =
            metadata.modified.and_then(|modified| now.duration_since(modified.time).ok().or(Some(Duration::ZERO)));
        self.name.as_ref().is_none_or(|pattern| name().is_some_and(|name| pattern.matches(&name)))
            && self.path.as_ref().is_none_or(|pattern| pattern.matches(&found.below))
            && self.kind.is_none_or(|kind| kind.is(metadata.kind))
            && self.max_depth.is_none_or(|deepest| found.below.segments().count() <= deepest)
            && self.min_size.is_none_or(|least| size.is_some_and(|size| size >= least))
            && self.max_size.is_none_or(|most| size.is_some_and(|size| size <= most))
            && self.min_age.is_none_or(|least| age.is_some_and(|age| age >= least))
            && self.max_age.is_none_or(|most| age.is_some_and(|age| age <= most))
    }
}

impl Wanted {
    fn is(self, kind: Kind) -> bool {
        kind == match self {
            Self::File => Kind::File,
            Self::Directory => Kind::Directory,
            Self::Link => Kind::Symlink,
        }
    }
}
