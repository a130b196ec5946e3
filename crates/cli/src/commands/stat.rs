//! `law fs stat`

use std::ffi::OsString;

use clap::Args;

use crate::context::Context;
use crate::exit::Failure;
use crate::output::{self, Out};

/// Show what a storage says about files and directories.
#[derive(Args)]
pub(crate) struct Stat {
    /// What to look at.
    #[arg(value_name = "PLACE", required = true)]
    places: Vec<OsString>,
}

impl Stat {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        context.for_each(&self.places, async |text| show(context, text).await).await
    }
}

async fn show(context: &Context, text: &OsString) -> Result<(), Failure> {
    let place = context.place_only(text)?;
    let metadata = context.existing(&place).await?;
    let mut out = Out::new();
    if context.json {
        out.line(output::entry_json(&place.fs, &place.resolved(), &metadata))?;
        return Ok(out.flush()?);
    }
    let mut row = |name: &str, value: String| out.line(format!("{name:<10} {value}"));
    row("url", place.to_string())?;
    row("kind", output::kind(metadata.kind).into())?;
    if let Some(size) = metadata.size {
        let human = if size < 1024 { String::new() } else { format!(" ({})", output::amount(size)) };
        row("size", format!("{size}{human}"))?;
    }
    row("modified", output::time(metadata.modified))?;
    if let Some(mode) = metadata.mode {
        row("mode", format!("{mode:04o} {}", output::mode(&metadata)))?;
    }
    if let Some(tag) = metadata.identity().entity_tag() {
        row("etag", tag.into())?;
    }
    for digest in &metadata.digests {
        row("checksum", digest.to_string())?;
    }
    Ok(out.flush()?)
}
