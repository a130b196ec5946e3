//! `law fs sync`

use std::ffi::OsString;

use clap::Args;
use law_storage::{Error, ErrorKind, Parents};
use law_transfer::{CopyOptions, MaxDelete, Place, Policy, Preserve, SyncOptions, SyncReport};
use serde_json::json;

use super::cp;
use crate::context::Context;
use crate::copy_arguments::CopyArguments;
use crate::exit::Failure;
use crate::output::{self, Out};
use crate::tree_job::{TreeJob, ended, summary};

/// Make a directory like another: copy what is missing or different, and with --delete remove what is only there.
///
/// A file is the same if it has the same size, and either the same time of modification, or, where the destination keeps
/// no times, none before the source's; else checksums decide, where both storages have them. Nothing is deleted unless both
/// directories were listed to their ends, every copy succeeded, and the source has files.
#[derive(Args)]
pub(crate) struct Sync {
    /// The directory that is copied.
    #[arg(value_name = "FROM")]
    from: OsString,

    /// The directory that becomes like it.
    #[arg(value_name = "TO")]
    to: OsString,

    /// Remove files that only the destination has.
    #[arg(long)]
    delete: bool,

    /// Remove so many files at most; else a tenth of those that are there, ten in any case, a thousand at most.
    #[arg(long, value_name = "FILES", requires = "delete")]
    max_delete: Option<u64>,

    /// Copy what is replaced or deleted to this directory before.
    #[arg(long, value_name = "PLACE")]
    backup_dir: Option<OsString>,

    /// Compare checksums also where size and time are the same; where a storage has none, the bytes are read.
    #[arg(long)]
    checksum: bool,

    #[command(flatten)]
    copy: CopyArguments,
}

impl Sync {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let (from, to) = (context.place_only(&self.from)?, context.place_only(&self.to)?);
        if !context.existing(&from).await?.is_directory() {
            let error = Error::new(ErrorKind::NotADirectory, "not a directory").at(&from);
            return Err(error.hint("law fs cp copies a file").into());
        }
        for (one, other) in [(&from, &to), (&to, &from)] {
            if one.fs == other.fs && other.path.starts_with(&one.path) {
                let message = "one directory is in the other";
                return Err(Error::new(ErrorKind::InvalidInput, message).at(other).into());
            }
        }
        let options = SyncOptions { copy: self.options(context)?, delete: self.max_delete() };
        let overlaps = |backup: &Place| {
            [&from, &to].iter().any(|top| {
                backup.fs == top.fs && (backup.path.starts_with(&top.path) || top.path.starts_with(&backup.path))
            })
        };
        if let Some(backup) = options.copy.backup.as_ref().filter(|backup| overlaps(backup)) {
            let error =
                Error::new(ErrorKind::InvalidInput, "the directory for backups is in one of both, or they in it");
            return Err(error.at(backup).leaving("nothing was done").into());
        }
        let (quiet, json) = (self.copy.quiet, context.json);
        let display = self.copy.display(context, &options.copy);
        let job = TreeJob {
            from: &from,
            to: &to,
            options: options.copy.clone(),
            quiet: quiet && !json,
            resume: self.copy.resume,
            manifest: self.copy.manifest.as_deref(),
        };
        let show = |copied: &law_transfer::Copied| if copied.is_done() { cp::print(context, copied) } else { Ok(()) };
        let report = job.sync(context, &options, &show, &display).await?;
        drop(display);
        self.finish(context, &from, &to, &report)
    }

    fn max_delete(&self) -> Option<MaxDelete> {
        self.delete.then(|| self.max_delete.map_or(MaxDelete::Careful, MaxDelete::Files))
    }

    fn options(&self, context: &Context) -> Result<CopyOptions, Failure> {
        let backup = self.backup_dir.as_ref().map(|text| context.place_only(text)).transpose()?;
        let options = CopyOptions {
            policy: if self.checksum { Policy::Checksum } else { Policy::Modified },
            parents: Parents::Require,
            preserve: Preserve { modified: true, ..Preserve::default() },
            backup,
            ..self.copy.options()
        };
        Ok(self.copy.filtered(options)?)
    }

    fn finish(&self, context: &Context, from: &Place, to: &Place, report: &SyncReport) -> Result<(), Failure> {
        if report.spared > 0 {
            output::note(format!("{} files that only {to} has were not deleted, as not all was copied", report.spared));
        }
        if context.json {
            let failed: u64 = report.copies.failures.values().sum();
            let mut out = Out::new();
            out.line(json!({"from": output::reference(from), "to": output::reference(to), "copied": report.copies.copied, "bytes": report.copies.bytes,
                "unchanged": report.copies.unchanged, "deleted": report.deleted, "failed": failed}))?;
            out.flush()?;
        } else if !self.copy.quiet {
            let deleted = match (report.deleted, self.copy.dry_run) {
                (0, _) => String::new(),
                (count, true) => format!(", would delete {count}"),
                (count, false) => format!(", {count} deleted"),
            };
            // That times cannot be kept is how such a storage is, and no news each time.
            let copies = summary(&report.copies, self.copy.dry_run, false);
            output::note(format!("{from} -> {to}: {copies}{deleted}"));
        }
        ended(&report.copies)
    }
}
