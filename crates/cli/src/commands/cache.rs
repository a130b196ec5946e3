//! `law fs cache`

use std::ffi::OsString;
use std::sync::Arc;
use std::time::SystemTime;

use clap::{Args, Subcommand};
use futures_util::StreamExt as _;
use law_cache::{Cache as Over, Content, Store, Tidied};
use law_storage::{Error, ErrorKind, Location, Result, Url};
use law_transfer::{Place, walk};
use serde_json::json;

use crate::context::Context;
use crate::exit::Failure;
use crate::output::{self, Out};
use crate::show::printable;

/// Show and look after the copies of remote files on this machine, which all processes share.
///
/// A file system has a cache if `[fs.NAME.cache]` stands in law.toml.
#[derive(Args)]
pub(crate) struct Cache {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show where it is, how much it holds, and what it was good for.
    Stat,
    /// List the files of which something is here, and how much.
    Ls {
        /// Only of this file system.
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
    /// Read everything and compare it with its checksums; what is damaged is forgotten, and fetched again when it is needed.
    ///
    /// Exits with 7 if something was.
    Verify,
    /// Bring files here, as a whole, and keep them whatever room is needed; of directories everything that is in them now.
    Pin {
        /// Files and directories of file systems with a cache.
        #[arg(value_name = "PLACE", required = true)]
        places: Vec<OsString>,
    },
    /// Let files that were pinned go when room is needed.
    Unpin {
        /// As for pin.
        #[arg(value_name = "PLACE", required = true)]
        places: Vec<OsString>,
    },
    /// Remove what no file needs any more, and what is too much.
    Gc,
    /// Remove everything, but what somebody is reading.
    Clear {
        /// Only of this file system.
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
}

impl Cache {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self.action {
            Action::Stat => stores(context)?.iter().try_for_each(|store| show(context, store)),
            Action::Ls { name } => stores(context)?.iter().try_for_each(|store| list(context, store, name.as_deref())),
            Action::Verify => verify(context, stores(context)?).await,
            Action::Pin { places } => context.for_each(&places, async |place| pin(context, place, true).await).await,
            Action::Unpin { places } => context.for_each(&places, async |place| pin(context, place, false).await).await,
            Action::Gc => tidied(context, |store| store.tidy()).await,
            Action::Clear { name } => tidied(context, move |store| store.clear(name.as_deref())).await,
        }
    }
}

/// The directories of all caches that stay.
fn stores(context: &Context) -> Result<Vec<Arc<Store>>> {
    context.file_systems().cache_stores()
}

/// Does something with each of them that frees room.
async fn tidied<W>(context: &Context, work: W) -> Result<(), Failure>
where
    W: Fn(&Arc<Store>) -> std::io::Result<Tidied> + Send + 'static,
{
    let stores = stores(context)?;
    let all = on_disk(move || stores.iter().map(work).collect::<std::io::Result<Vec<_>>>()).await?;
    let sum = |of: fn(&Tidied) -> u64| all.iter().map(of).sum();
    let (bytes, gone, in_use) = (sum(|one| one.bytes), sum(|one| one.gone), sum(|one| one.in_use));
    told(context, Tidied { bytes, gone, in_use })
}

/// Work that reads all of the disk.
async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> Result<T> {
    let broken = |error| Error::new(ErrorKind::Internal, "the working thread broke").because(error);
    Ok(tokio::task::spawn_blocking(work).await.map_err(broken)??)
}

fn show(context: &Context, store: &Store) -> Result<(), Failure> {
    let (usage, statistics, limits) = (store.usage(), store.statistics()?, store.limits());
    let used: u64 = usage.values().sum();
    let mut out = Out::new();
    if context.json {
        let rows: serde_json::Map<_, _> = statistics
            .iter()
            .map(|(name, row)| {
                let saved = row.saved().as_secs_f64();
                let row = json!({"used": usage.get(name).copied().unwrap_or_default(), "hits": row.hits, "misses": row.misses,
                    "bytes_here": row.bytes_here, "bytes_fetched": row.bytes_fetched, "bytes_past": row.bytes_past,
                    "bad": row.bad, "saved_seconds": saved});
                (name.clone(), row)
            })
            .collect();
        out.line(json!({"directory": store.root().display().to_string(), "used": used, "max_size": limits.all,
            "min_free": limits.free, "file_systems": rows}))?;
        return Ok(out.flush()?);
    }
    out.line(store.root().display())?;
    out.line(format!(
        "{} of {} used, {} of the disk stay free",
        output::amount(used),
        output::amount(limits.all),
        output::amount(limits.free)
    ))?;
    for (name, row) in &statistics {
        let used = output::amount(usage.get(name).copied().unwrap_or_default());
        let (hits, bytes) = (share(row.hits, row.misses), share(row.bytes_here, row.bytes_fetched + row.bytes_past));
        let (here, fetched) = (output::amount(row.bytes_here), output::amount(row.bytes_fetched + row.bytes_past));
        out.line(format!(
            "{name}: {used}; {hits} of {} openings and {bytes} of the bytes were here",
            row.hits + row.misses
        ))?;
        let bad = if row.bad > 0 { format!(", {} damaged and fetched again", row.bad) } else { String::new() };
        let saved = row.saved().as_secs();
        out.line(format!("  {here} from here, {fetched} fetched, about {saved} s saved{bad}"))?;
    }
    Ok(out.flush()?)
}

/// `83 %`
fn share(part: u64, rest: u64) -> String {
    match part + rest {
        0 => "none".to_owned(),
        all => format!("{:.0} %", 100.0 * part as f64 / all as f64),
    }
}

fn list(context: &Context, store: &Store, name: Option<&str>) -> Result<(), Failure> {
    let mut out = Out::new();
    for content in store.contents().into_iter().filter(|content| name.is_none_or(|name| name == content.file_system)) {
        let age = SystemTime::now().duration_since(content.since).unwrap_or_default();
        if context.json {
            out.line(json!({"file_system": content.file_system, "path": content.path, "place": called(context, &content), "size": content.size,
                "here": content.here, "on_disk": content.on_disk, "whole": content.sealed, "pinned": content.pinned,
                "age": age.as_secs()}))?;
            continue;
        }
        let words = [(content.sealed, "whole"), (content.pinned, "pinned")];
        let words: String = words.iter().filter(|(is, _)| *is).map(|(_, word)| format!(", {word}")).collect();
        let (here, size) = (output::amount(content.here), output::amount(content.size));
        out.line(format!("{}  {here} of {size}, {}{words}", called(context, &content), output::ago(age)))?;
    }
    Ok(out.flush()?)
}

/// As somebody types it: below the base of the file system, as long as there is one of that name.
fn called(context: &Context, content: &Content) -> String {
    let name = &content.file_system;
    let base = context.file_systems().config().file_systems.get(name.as_str()).map(|fs| fs.base.trim_matches('/'));
    let below = base.and_then(|base| content.path.strip_prefix(base));
    let below = below.filter(|below| base == Some("") || below.is_empty() || below.starts_with('/'));
    let path = below.map_or_else(|| format!("/{}", content.path), |below| below.trim_start_matches('/').to_owned());
    output::escaped(&format!("{name}:{path}"))
}

async fn verify(context: &Context, stores: Vec<Arc<Store>>) -> Result<(), Failure> {
    let check = move || stores.iter().map(|store| store.check()).collect::<std::io::Result<Vec<_>>>();
    let checked = on_disk(check).await?;
    let right: u64 = checked.iter().map(|checked| checked.blocks).sum();
    let bad: Vec<_> = checked.into_iter().flat_map(|checked| checked.bad).collect();
    let mut out = Out::new();
    for (content, blocks) in &bad {
        if context.json {
            out.line(json!({"file_system": content.file_system, "path": content.path,
                "place": called(context, content), "bad_blocks": blocks}))?;
        } else {
            out.line(format!("{}  {blocks} damaged, forgotten", called(context, content)))?;
        }
    }
    out.flush()?;
    output::note(format!("{right} blocks are right, {} files were damaged", bad.len()));
    if bad.is_empty() { Ok(()) } else { Err(Failure::Several(vec![ErrorKind::Integrity])) }
}

fn told(context: &Context, tidied: Tidied) -> Result<(), Failure> {
    let mut out = Out::new();
    if context.json {
        out.line(json!({"bytes": tidied.bytes, "removed": tidied.gone, "in_use": tidied.in_use}))?;
    } else {
        let in_use =
            if tidied.in_use > 0 { format!(", {} stay as they are in use", tidied.in_use) } else { String::new() };
        out.line(format!("{} freed, {} files{in_use}", output::amount(tidied.bytes), tidied.gone))?;
    }
    Ok(out.flush()?)
}

async fn pin(context: &Context, text: &OsString, pinned: bool) -> Result<(), Failure> {
    let place = context.place_only(text)?;
    let none = || {
        let error = Error::new(ErrorKind::Unsupported, format!("{} has no cache", place.fs.name())).at(&place);
        error.hint(where_a_cache_is(context, &place))
    };
    let cache = context.file_systems().cache_of(&place).ok_or_else(none)?;
    if !context.existing(&place).await?.is_directory() {
        return one(context, &cache, &place, pinned).await;
    }
    let mut below = walk(&context.call, &place);
    while let Some(walked) = below.next().await.transpose()? {
        if walked.entry.metadata.is_file() {
            one(context, &cache, &place.join(&walked.below), pinned).await?;
        }
    }
    Ok(())
}

/// Whether the place has a cache under its name, or how it gets one.
fn where_a_cache_is(context: &Context, place: &Place) -> String {
    let (systems, called) = (context.file_systems(), place.fs.name());
    if systems.config().file_systems.contains_key(called) {
        return format!("[fs.{called}.cache] in law.toml gives it one");
    }
    let name = Url::parse(called).ok().and_then(|url| match url.location() {
        Location::Remote(remote) => systems.configured_name(remote).map(str::to_owned),
        _ => None,
    });
    let name = name.unwrap_or_else(|| "NAME".to_owned());
    format!("places have a cache by their names: {name}:PATH, with [fs.{name}.cache] in law.toml")
}

async fn one(context: &Context, cache: &Over, place: &Place, pinned: bool) -> Result<(), Failure> {
    let path = place.resolved();
    let what = match pinned {
        true => format!("{}, pinned", output::amount(cache.pin(&context.call, &path).await?)),
        false if cache.unpin(&path).await? => "unpinned".to_owned(),
        false => "was not pinned".to_owned(),
    };
    let mut out = Out::new();
    if context.json {
        out.line(json!({"url": output::place_url(place), "outcome": what}))?;
    } else {
        out.line(format!("{} ({what})", printable(place.to_string())))?;
    }
    Ok(out.flush()?)
}
