//! `law fs ls`

use std::ffi::OsString;
use std::future::ready;
use std::pin::pin;

use clap::Args;
use futures_util::{StreamExt as _, stream};
use law_storage::{Entry, Kind, ListOptions, Page, Path};
use law_transfer::{ListedAhead, Place};

use crate::context::Context;
use crate::exit::Failure;
use crate::output::{self, Out};
use crate::show::printable;

/// More entries than this are not held to be sorted.
const SORTED: usize = 10_000;

/// List directories.
///
/// Up to 10,000 entries are sorted; larger directories come in the server's order, and a note says so.
#[derive(Args)]
pub(crate) struct Ls {
    /// Places to list; the working directory if there is none.
    #[arg(value_name = "PLACE")]
    places: Vec<OsString>,

    /// Kind, permissions, size and time.
    #[arg(short)]
    long: bool,

    /// Also names that begin with a dot.
    #[arg(short, long)]
    all: bool,

    /// Directories themselves, not what they have.
    #[arg(short, long)]
    directory: bool,

    /// Sizes such as 1.2G.
    #[arg(short, long)]
    human_readable: bool,

    /// Everything below, too.
    #[arg(short = 'R', long)]
    recursive: bool,

    /// The largest first.
    #[arg(short = 'S', conflicts_with = "time")]
    size: bool,

    /// The newest first.
    #[arg(short = 't')]
    time: bool,

    /// The other way round.
    #[arg(short, long)]
    reverse: bool,

    /// Unsorted: each entry as it comes, however many there are.
    #[arg(short = 'U', conflicts_with_all = ["size", "time", "reverse"])]
    unsorted: bool,

    /// One name a line: what is always done.
    #[arg(short = '1', hide = true)]
    one: bool,
}

impl Ls {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let places = if self.places.is_empty() { vec![".".into()] } else { self.places.clone() };
        let several = places.len() > 1 || self.recursive;
        let mut listing = Lister { options: &self, context, out: Out::new(), first: true };
        let result = context.for_each(&places, async |text| listing.argument(text, several).await).await;
        listing.out.flush()?;
        result
    }

    fn shows(&self, entry: &Entry) -> bool {
        self.all || !entry.path.name().is_some_and(|name| name.starts_with(b"."))
    }

    fn sort(&self, entries: &mut [Entry]) {
        let time = |entry: &Entry| entry.metadata.modified.map(|modified| modified.time);
        entries.sort_by(|a, b| {
            let key = match (self.size, self.time) {
                (true, _) => b.metadata.size.cmp(&a.metadata.size),
                (_, true) => time(b).cmp(&time(a)),
                _ => std::cmp::Ordering::Equal,
            };
            key.then_with(|| a.path.cmp(&b.path))
        });
        if self.reverse {
            entries.reverse();
        }
    }
}

struct Lister<'a> {
    options: &'a Ls,
    context: &'a Context,
    out: Out,
    first: bool,
}

impl Lister<'_> {
    async fn argument(&mut self, text: &OsString, several: bool) -> Result<(), Failure> {
        let place = self.context.place_only(text)?;
        let typed = Context::typed(text);
        if !self.options.directory {
            match self.directory(&place, several, text).await {
                Err(Failure::One(error)) if error.kind() == law_storage::ErrorKind::NotADirectory => {}
                other => return other,
            }
        }
        let metadata = self.context.existing(&place).await?;
        let entry = Entry { path: place.resolved(), metadata };
        self.print(&place, &entry, &typed)?;
        Ok(())
    }

    async fn directory(&mut self, top: &Place, several: bool, text: &OsString) -> Result<(), Failure> {
        let base = top.resolved();
        let (mut directories, mut ahead) = (vec![base.clone()], ListedAhead::default());
        while let Some(directory) = directories.pop() {
            let listed = ahead.take(&directory).await.transpose()?;
            ahead.begin(&self.context.call, top, directories.iter().rev());
            let below = directory.strip_prefix(&base).unwrap_or_else(Path::root);
            let title = printable(Context::below(text, &below));
            let below = self.one_directory(&top.join(&below), listed, several.then_some(title.as_str())).await?;
            directories.extend(below.into_iter().rev());
        }
        Ok(())
    }

    /// Prints one directory and returns the directories in it, if they are to be listed too.
    async fn one_directory(
        &mut self,
        place: &Place,
        listed: Option<Vec<Entry>>,
        title: Option<&str>,
    ) -> Result<Vec<Path>, Failure> {
        let pages = match listed {
            Some(entries) => stream::once(ready(Ok(Page { entries, continuation: None }))).boxed(),
            None => place.backend().list(&self.context.call, &place.resolved(), &ListOptions::default()).await?,
        };
        let mut pages = pin!(pages);
        self.title(title)?;
        let (mut below, mut held, mut streaming) = (Vec::new(), Vec::new(), self.options.unsorted);
        while let Some(page) = pages.next().await {
            held.extend(page?.entries.into_iter().filter(|entry| self.options.shows(entry)));
            if !streaming && held.len() > SORTED {
                output::note(format!("more than {SORTED} entries: unsorted, in the server's order"));
                streaming = true;
            }
            if streaming {
                self.print_all(place, std::mem::take(&mut held), &mut below)?;
                self.out.flush()?;
            }
        }
        self.options.sort(&mut held);
        self.print_all(place, held, &mut below)?;
        Ok(below)
    }

    fn print_all(&mut self, place: &Place, entries: Vec<Entry>, below: &mut Vec<Path>) -> Result<(), Failure> {
        for entry in entries {
            let name = entry.path.name().map(|name| String::from_utf8_lossy(name).into_owned()).unwrap_or_default();
            self.print(place, &entry, &name)?;
            if self.options.recursive && entry.metadata.kind == Kind::Directory {
                below.push(entry.path);
            }
        }
        Ok(())
    }

    fn title(&mut self, title: Option<&str>) -> Result<(), Failure> {
        let Some(title) = title.filter(|_| !self.context.json) else { return Ok(()) };
        if !std::mem::take(&mut self.first) {
            self.out.line("")?;
        }
        // `lab:` has one already.
        let colon = if title.ends_with(':') { "" } else { ":" };
        self.out.line(format!("{title}{colon}"))?;
        Ok(())
    }

    fn print(&mut self, place: &Place, entry: &Entry, name: &str) -> Result<(), Failure> {
        if self.context.json {
            self.out.line(output::entry_json(&place.fs, &entry.path, &entry.metadata))?;
            return Ok(());
        }
        let name = output::escaped(name);
        if !self.options.long {
            self.out.line(name)?;
            return Ok(());
        }
        let metadata = &entry.metadata;
        let size = metadata.size.map_or("-".into(), |size| output::size(size, self.options.human_readable));
        self.out.line(format!(
            "{} {size:>12} {:>16} {name}",
            output::mode(metadata),
            output::time(metadata.modified)
        ))?;
        Ok(())
    }
}
