//! `law fs cleanup`

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, SystemTime};

use clap::Args;
use law_storage::ErrorKind;
use law_transfer::{Leftover, Remedy, leftovers};
use serde_json::json;

use crate::arguments::duration;
use crate::context::Context;
use crate::exit::Failure;
use crate::output::{self, Out};

/// Find what processes that were killed left behind: parts of files and of uploads are removed, files that were moved aside
/// get their names back.
///
/// What was written to within the last hour is left alone, as somebody may be at it. What would be done is shown first; it
/// is done after a yes, or with --yes.
#[derive(Args)]
pub(crate) struct Cleanup {
    /// Directories, and everything below them; the working directory if there is none.
    #[arg(value_name = "PLACE", default_value = ".")]
    places: Vec<OsString>,

    /// Do it without asking.
    #[arg(short, long)]
    yes: bool,

    /// Only show what would be done.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,

    /// Leave alone what was written to within this time.
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1h")]
    min_age: Duration,
}

impl Cleanup {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let (mut kinds, mut found) = (Vec::new(), Vec::new());
        for text in &self.places {
            let place = context.place_only(text)?;
            let mut tell = |error| {
                let error = context.judged(error);
                context.tell(&error);
                kinds.push(error.kind());
            };
            found.extend(leftovers(&context.call, &place, self.min_age, &mut tell).await?);
        }
        let mut out = Out::new();
        for leftover in &found {
            show(context, leftover, &mut out)?;
        }
        out.flush()?;
        if found.is_empty() {
            match self.min_age.as_secs() {
                0 => output::note("nothing was left behind"),
                seconds => {
                    output::note(format!("nothing was left behind before the last {} (--min-age)", span(seconds)))
                }
            }
        } else if self.may(context)? {
            self.clean(context, &found, &mut kinds).await;
        }
        Failure::of_all(kinds)
    }

    fn may(&self, context: &Context) -> std::io::Result<bool> {
        if self.yes || self.dry_run {
            return Ok(self.yes);
        }
        if context.json || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            output::note("--yes does it");
            return Ok(false);
        }
        let mut stderr = std::io::stderr();
        write!(stderr, "do it? [y/N] ")?;
        stderr.flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    async fn clean(&self, context: &Context, found: &[Leftover], kinds: &mut Vec<ErrorKind>) {
        let mut done = 0;
        for leftover in found.iter().filter(|leftover| leftover.remedy != Remedy::Look) {
            match leftover.clean(&context.call).await {
                Ok(()) => done += 1,
                Err(error) => {
                    let error = context.judged(error);
                    context.tell(&error);
                    kinds.push(error.kind());
                }
            }
        }
        output::note(format!("{done} of {} cleaned up", found.len()));
    }
}

/// A time in the largest unit that says it exactly.
fn span(seconds: u64) -> String {
    let unit = [("day", 86_400), ("hour", 3600), ("minute", 60)]
        .into_iter()
        .find(|(_, length)| seconds.is_multiple_of(*length));
    let (name, length) = unit.unwrap_or(("second", 1));
    match seconds / length {
        1 => name.to_owned(),
        count => format!("{count} {name}s"),
    }
}

fn show(context: &Context, leftover: &Leftover, out: &mut Out) -> std::io::Result<()> {
    let (word, what) = match &leftover.remedy {
        Remedy::Remove => ("remove", "a part of a file that was never published".to_owned()),
        Remedy::RemoveTree => ("remove", "a directory that was never published".to_owned()),
        Remedy::Restore(original) => ("restore", format!("old content, back to {original}")),
        Remedy::Replaced => ("remove", "old content that was replaced".to_owned()),
        Remedy::Abandon(_) => ("remove", "parts of an upload that was never completed".to_owned()),
        Remedy::Look => ("look", "old content whose name is not known".to_owned()),
    };
    let age = leftover.modified.and_then(|time| SystemTime::now().duration_since(time).ok());
    if context.json {
        return out.line(
            json!({"url": output::place_url(&leftover.place), "remedy": word, "what": what, "size": leftover.size,
            "age": age.map(|age| age.as_secs())}),
        );
    }
    let size = leftover.size.map(|size| format!(", {}", output::amount(size))).unwrap_or_default();
    let age = age.map(|age| format!(", {}", output::ago(age))).unwrap_or_default();
    out.line(format!("{word} {} ({what}{size}{age})", leftover.place))
}
