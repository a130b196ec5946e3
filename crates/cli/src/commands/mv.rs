//! `law fs mv`

use std::ffi::{OsStr, OsString};

use clap::Args;
use law_storage::{Destination, Error, ErrorKind, Metadata, Verify, aside_path};
use law_transfer::{CopyOptions, Outcome, Place, Policy, copy_file, copy_tree, remove_tree};
use serde_json::json;

use crate::context::Context;
use crate::exit::Failure;
use crate::output::{self, Out};

/// Rename within a storage; between storages copy, verify, and only then remove the source.
#[derive(Args)]
pub(crate) struct Mv {
    /// What to move, and last where to.
    #[arg(value_name = "PLACE", required = true, num_args = 2..)]
    places: Vec<OsString>,

    /// Never replace a file.
    #[arg(short, long)]
    no_clobber: bool,

    /// The destination is the new name, also if it is a directory.
    #[arg(short = 'T', long)]
    no_target_directory: bool,

    /// Only say what would be moved.
    #[arg(long)]
    dry_run: bool,
}

impl Mv {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        // clap has made sure that there are two.
        let Some((to, from)) = self.places.split_last() else { return Ok(()) };
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
        if std::sync::Arc::ptr_eq(from.fs.backend(), to.fs.backend()) {
            let rule = if self.no_clobber { Destination::NoReplace } else { Destination::Replace };
            match from.backend().rename(&context.call, &from.resolved(), &to.resolved(), rule).await {
                Err(error) if error.kind() == ErrorKind::Unsupported && metadata.is_file() => {}
                other => return Ok(other.map(|()| "renamed")?),
            }
        }
        let options = CopyOptions {
            policy: if self.no_clobber { Policy::Fail } else { Policy::Differs },
            verify: Verify::Auto,
            preserve_modified: true,
            ..CopyOptions::default()
        };
        if metadata.is_directory() {
            self.tree(context, from, to, metadata, &options).await?;
        } else {
            let copied = copy_file(&context.call, from, to, &options).await?;
            debug_assert!(!matches!(copied.outcome, Outcome::Kept));
            remove_source(context, from, to, metadata).await?;
        }
        Ok("copied, verified, removed the source")
    }

    /// The source goes only if all of it is there.
    async fn tree(
        &self,
        context: &Context,
        from: &Place,
        to: &Place,
        metadata: &Metadata,
        options: &CopyOptions,
    ) -> Result<(), Failure> {
        let report = copy_tree(&context.call, from, to, options, &mut |_| {}).await?;
        let kinds: Vec<ErrorKind> = report.failed.iter().map(Error::kind).collect();
        report.failed.iter().for_each(|error| context.tell(error));
        if !kinds.is_empty() {
            output::note(format!("{from} stays, as not all of it was copied"));
            return Err(Failure::Several(kinds));
        }
        if let Some((place, reason)) = report.skipped.first() {
            let error = Error::new(ErrorKind::Unsupported, format!("cannot move {reason}")).at(place);
            return Err(error.leaving(format!("{from} stays; everything else was copied")).into());
        }
        remove_source(context, from, to, metadata).await
    }
}

/// Removes what was copied. Two URLs may name the same file, of which the copy would then go as well: the source steps
/// aside first, and comes back if its copy went with it.
async fn remove_source(context: &Context, from: &Place, to: &Place, metadata: &Metadata) -> Result<(), Failure> {
    let aside = aside_path(&from.resolved())?;
    let left = || format!("the source is at {} now", from.backend().url(&aside));
    from.backend().rename(&context.call, &from.resolved(), &aside, Destination::NoReplace).await?;
    let copy = context.stat(to).await;
    if !matches!(copy, Ok(Some(_))) {
        let back = from.backend().rename(&context.call, &aside, &from.resolved(), Destination::NoReplace).await;
        back.map_err(|error| error.leaving(left()))?;
        return Err(copy.map_or_else(Failure::from, |_| same_file(from, to).into()));
    }
    if !metadata.is_directory() {
        let removed = from.backend().remove_file(&context.call, &aside).await;
        return Ok(removed.map_err(|error| error.leaving(left()))?);
    }
    let name = aside.name().unwrap_or_default();
    let tree =
        Place { fs: from.fs.clone(), path: from.path.parent().unwrap_or_default().child(name).map_err(Error::from)? };
    let removed = remove_tree(&context.call, &tree, &mut |_| {}).await;
    Ok(removed.map_err(|error| error.leaving(format!("what is left of the source is at {tree}")))?)
}

fn same_file(from: &Place, to: &Place) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("{from} and {to} are the same file"))
}

fn tell(context: &Context, from: &Place, to: &Place, how: &str) -> Result<(), Failure> {
    let mut out = Out::new();
    if context.json {
        out.line(json!({"from": from.to_string(), "to": to.to_string(), "outcome": how}))?;
    } else {
        out.line(format!("{from} -> {to} ({how})"))?;
    }
    Ok(out.flush()?)
}
