//! `law fs mv`

use std::ffi::{OsStr, OsString};

use clap::Args;
use law_storage::{Error, ErrorKind, Metadata, Parents};
use law_transfer::{CopyOptions, Moved, Place, Policy, Preserve, ThirdParty, TreeReport, move_to};
use serde_json::json;

use crate::context::Context;
use crate::copy_arguments::ThirdPartyWay;
use crate::exit::Failure;
use crate::output::{self, Out};
use crate::progress::Display;

/// Rename within a storage; between storages copy, verify, and only then remove the source.
#[derive(Args)]
pub(crate) struct Mv {
    /// What to move.
    #[arg(value_name = "PLACE")]
    first: OsString,

    /// More of that, and last where to.
    // Two arguments, as options may stand between them.
    #[arg(value_name = "PLACE", required = true)]
    others: Vec<OsString>,

    /// Never replace a file.
    #[arg(short, long)]
    no_clobber: bool,

    /// The destination is the new name, also if it is a directory.
    #[arg(short = 'T', long)]
    no_target_directory: bool,

    /// Whether two storages copy large files between themselves, as for `cp`.
    #[arg(long, value_enum, value_name = "WAY", default_value = "auto", hide_default_value = true)]
    third_party: ThirdPartyWay,

    /// Only say what would be moved.
    #[arg(long)]
    dry_run: bool,
}

impl Mv {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let places: Vec<OsString> = std::iter::once(&self.first).chain(&self.others).cloned().collect();
        // clap has made sure that there are two.
        let Some((to, from)) = places.split_last() else { return Ok(()) };
        let (target, slash) = context.place(to)?;
        let existing = if self.no_target_directory { None } else { context.stat(&target).await? };
        let is_directory = existing.as_ref().is_some_and(Metadata::is_directory);
        if (slash || from.len() > 1) && !is_directory {
            let (kind, message) = match existing {
                Some(_) => (ErrorKind::NotADirectory, "not a directory"),
                None => (ErrorKind::NotFound, "no such directory"),
            };
            return Err(Error::new(kind, message).at(&target).into());
        }
        if is_directory {
            context.refuse_same_names(from.iter(), &target)?;
        }
        context.for_each(from, async |from| self.one(context, from, &target, is_directory).await).await
    }

    async fn one(&self, context: &Context, text: &OsStr, target: &Place, into: bool) -> Result<(), Failure> {
        let from = context.place_only(text)?;
        let to = match (into, from.path.name()) {
            (true, Some(name)) => target.child(name).map_err(Error::from)?,
            _ => target.clone(),
        };
        let missing = || Error::new(ErrorKind::NotFound, "not found").at(&from);
        let metadata = from.backend().lstat(&context.call, &from.resolved()).await?.ok_or_else(missing)?;
        if from == to {
            return Err(same_file(&from, &to).into());
        }
        if self.no_clobber && context.stat(&to).await?.is_some() {
            return tell(context, &from, &to, "exists, kept");
        }
        if self.dry_run {
            return tell(context, &from, &to, "would move");
        }
        let how = self.move_one(context, &from, &to, &metadata).await?;
        tell(context, &from, &to, how)
    }

    async fn move_one(
        &self,
        context: &Context,
        from: &Place,
        to: &Place,
        metadata: &Metadata,
    ) -> Result<&'static str, Failure> {
        let options = CopyOptions {
            policy: if self.no_clobber { Policy::Fail } else { Policy::Differs },
            preserve: Preserve::ALL,
            third_party: ThirdParty::new(self.third_party.into()),
            parents: if to.backend().capabilities().implied_directories { Parents::Create } else { Parents::Require },
            ..CopyOptions::default()
        };
        let display = Display::of(&options.progress, !context.json);
        let moved = move_to(&context.call, from, to, metadata, &options).await;
        drop(display);
        match moved? {
            Moved::Renamed => Ok("renamed"),
            Moved::Copied => Ok("copied, verified, removed the source"),
            Moved::Stays(report) => Err(stays(context, from, &report)),
        }
    }
}

/// A tree of which not all was copied.
fn stays(context: &Context, from: &Place, report: &TreeReport) -> Failure {
    let kinds: Vec<ErrorKind> = report.failed.iter().map(Error::kind).collect();
    report.failed.iter().for_each(|error| context.tell(error));
    match report.what_is_missing("move").filter(|_| kinds.is_empty()) {
        Some(skipped) => skipped.leaving(format!("{from} stays; everything else was copied")).into(),
        None => {
            output::note(format!("{from} stays, as not all of it was copied"));
            Failure::Several(kinds)
        }
    }
}

fn same_file(from: &Place, to: &Place) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("{from} and {to} are the same file"))
}

fn tell(context: &Context, from: &Place, to: &Place, how: &str) -> Result<(), Failure> {
    let mut out = Out::new();
    if context.json {
        out.line(json!({"from": output::reference(from), "to": output::reference(to), "outcome": how}))?;
    } else {
        out.line(format!("{from} -> {to} ({how})"))?;
    }
    Ok(out.flush()?)
}
