//! `law fs cp`

use std::ffi::{OsStr, OsString};

use clap::{Args, ValueEnum};
use law_storage::{
    Error, ErrorKind, Metadata, Overwrite as Overwritten, Parents, PutOptions, Receipt, SpooledSource, Way,
};
use law_transfer::{Copied, CopyOptions, Outcome, Place, Policy, Preserve, copy_file_onto, goes_on, unpublished};
use serde_json::{Value, json};
use tokio_util::io::ReaderStream;

use super::cat;
use crate::context::Context;
use crate::copy_arguments::CopyArguments;
use crate::exit::Failure;
use crate::output::{self, Out};
use crate::tree_job::{TreeJob, ended, is_remembered, journal, summary};

/// Copy files, with proof that both ends have the same bytes.
///
/// A destination that is a directory takes the copies under their own names. `cp -r a b/` makes b/a, or b if there is no
/// b yet; `cp -r a/ b/` copies what a has. A file that has the same content already, as far as checksums tell, is left
/// alone. Symbolic links within a directory are passed over and named. `-` is standard input or output.
#[derive(Args)]
pub(crate) struct Cp {
    /// What to copy.
    #[arg(value_name = "PLACE")]
    first: OsString,

    /// More of that, and last where to.
    // Two arguments, as options may stand between them.
    #[arg(value_name = "PLACE", required = true)]
    others: Vec<OsString>,

    /// Directories, and everything below them.
    #[arg(short, long, visible_short_alias = 'R')]
    recursive: bool,

    /// Never replace a file.
    #[arg(short, long, conflicts_with = "force")]
    no_clobber: bool,

    /// Replace files even if they have the same content.
    #[arg(short, long)]
    force: bool,

    /// What happens to files that exist.
    #[arg(long, value_enum, value_name = "RULE", conflicts_with_all = ["no_clobber", "force"])]
    overwrite: Option<Overwrite>,

    /// The destination is the name of the copy, also if it is a directory.
    #[arg(short = 'T', long)]
    no_target_directory: bool,

    /// Make missing directories above the destination.
    #[arg(long)]
    mkdir: bool,

    /// Keep what is named of: mtime, mode, xattr; mtime and mode if nothing is named. What the destination cannot keep is said.
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',', num_args = 0..=1, default_missing_value = "mtime,mode", require_equals = true)]
    preserve: Vec<Kept>,

    /// As --preserve: the time of modification and the permissions.
    #[arg(short = 'p')]
    preserve_all: bool,

    #[command(flatten)]
    pub(crate) copy: CopyArguments,
}

/// What happens to files that exist.
#[derive(Clone, Copy, ValueEnum)]
enum Overwrite {
    /// They are replaced if the content differs.
    Differs,
    /// They are replaced if they are older.
    Newer,
    /// They are replaced unless their checksum is the same; where a storage has none, the bytes are read.
    Checksum,
    /// They stay.
    Never,
    /// They are replaced.
    Always,
    /// They stay, and that is an error, also if the content is the same.
    Fail,
}

/// What a copy may keep beside its bytes.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kept {
    /// The time of modification.
    Mtime,
    /// The permissions.
    Mode,
    /// The extended attributes.
    Xattr,
}

/// Where copies go.
struct Target {
    place: Place,
    kind: TargetKind,
}

enum TargetKind {
    /// Copies keep their names in there.
    Directory,
    /// The name of the copy, and what has that name; the outer none is that nobody has looked.
    Name(Box<Option<Option<Metadata>>>),
    /// The name of the copy, which ends in `/`, so that only a directory can have it.
    NewDirectory,
}

impl Cp {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let places: Vec<OsString> = std::iter::once(&self.first).chain(&self.others).cloned().collect();
        // clap has made sure that there are two.
        let Some((to, from)) = places.split_last() else { return Ok(()) };
        match (from, to) {
            ([from], to) if from == "-" && to == "-" => {
                let error = Error::new(
                    ErrorKind::InvalidInput,
                    "from standard input to standard output there is nothing to copy",
                );
                return Err(error.into());
            }
            ([from], to) if to == "-" => {
                return cat::print(context, &context.place_only(from)?, self.copy.verify.map(Into::into)).await;
            }
            ([from], to) if from == "-" => {
                let written = self.write_input(context, to).await;
                return written.map_err(|failure| failure.unpublished(Context::typed(to)));
            }
            _ => {}
        }
        let target = self.target(context, to, from.len() > 1).await;
        let target = target.map_err(|failure| failure.unpublished(Context::typed(to)))?;
        if matches!(target.kind, TargetKind::Directory) {
            // Of `a/` what it has is copied, and not its name.
            let named = from.iter().filter(|text| !text.as_encoded_bytes().ends_with(b"/"));
            context.refuse_same_names(named, &target.place)?;
        }
        context.for_each(from, async |from| self.one(context, from, &target).await).await
    }

    /// Looks at the destination: a directory takes copies under their own names.
    async fn target(&self, context: &Context, text: &OsStr, several: bool) -> Result<Target, Failure> {
        let (place, slash) = context.place(text)?;
        if self.no_target_directory {
            return Ok(Target { place, kind: TargetKind::Name(Box::default()) });
        }
        let exists = context.stat(&place).await?;
        let is_directory = exists.as_ref().is_some_and(Metadata::is_directory) || place.path.is_root();
        let kind = match exists {
            _ if is_directory => TargetKind::Directory,
            None if slash && self.mkdir => TargetKind::Directory,
            None if slash && self.recursive && !several => TargetKind::NewDirectory,
            None if (slash || several) && is_implied(&place) => TargetKind::Directory,
            None if slash || several => return Err(no_directory(&place).into()),
            Some(_) if slash || several => {
                return Err(Error::new(ErrorKind::NotADirectory, "not a directory").at(&place).into());
            }
            exists => TargetKind::Name(Box::new(Some(exists))),
        };
        Ok(Target { place, kind })
    }

    async fn one(&self, context: &Context, text: &OsStr, target: &Target) -> Result<(), Failure> {
        let (from, slash) = context.place(text)?;
        let metadata = context.existing(&from).await.map_err(|error| unpublished(error, &target.place))?;
        // When the command was given first, the destination was not there: it is the copy, and not where the copy goes.
        let resumed = self.copy.resume && metadata.is_directory() && is_remembered(&from, &target.place);
        let contents_only = resumed || (slash && metadata.is_directory());
        let to = match (&target.kind, from.path.name()) {
            (TargetKind::NewDirectory, _) if !metadata.is_directory() => {
                return Err(no_directory(&target.place).into());
            }
            (TargetKind::Directory, Some(name)) if !contents_only => target.place.child(name).map_err(Error::from)?,
            _ => target.place.clone(),
        };
        if metadata.is_directory() {
            return self.tree(context, &from, &to).await;
        }
        let mut options = self.options_for(&to);
        if goes_on(&from, &to, &metadata) {
            options.journal = journal(&from, &to, self.copy.resume, options.dry_run)?;
        }
        let display = self.copy.display(context, &options);
        let existing = match &target.kind {
            TargetKind::Name(existing) => existing.as_ref().clone(),
            _ => None,
        };
        let copied = copy_file_onto(&context.call, &from, &to, existing, &options).await;
        drop(display);
        if let Some(Err(error)) = options.journal.map(|journal| journal.end_or_forget(copied.is_err().into())) {
            tracing::warn!("the end of this copy is not noted: {error}");
        }
        self.tell(context, &copied.map_err(|error| unpublished(self.hinted(error, &to), &to))?)?;
        Ok(())
    }

    /// The source is there, so that what is missing is a directory for the copy.
    fn hinted(&self, error: Error, to: &Place) -> Error {
        // Where no directory need be made, the storage says what is.
        if error.kind() == ErrorKind::NotFound && !self.mkdir && !is_implied(to) {
            return error.hint("--mkdir makes the directories above the copy");
        }
        error
    }

    async fn tree(&self, context: &Context, from: &Place, to: &Place) -> Result<(), Failure> {
        if !self.recursive {
            let error = Error::new(ErrorKind::IsADirectory, "is a directory").at(from);
            return Err(error.hint("cp -r copies it with everything below it").into());
        }
        let options = self.copy.filtered(self.options_for(to))?;
        let display = self.copy.display(context, &options);
        let (quiet, resume, manifest) =
            (self.copy.quiet && !context.json, self.copy.resume, self.copy.manifest.as_deref());
        let job = TreeJob { from, to, options, quiet, resume, manifest };
        let report = job.run(context, &|copied| self.tell(context, copied), &display).await;
        let report = report.map_err(|failure| self.hinted_failure(failure, to))?;
        drop(display);
        if !self.copy.quiet && !context.json {
            output::note(format!("{from} -> {to}: {}", summary(&report, self.copy.dry_run, true)));
        }
        ended(&report)
    }

    fn hinted_failure(&self, failure: Failure, to: &Place) -> Failure {
        match failure {
            Failure::One(error) => Failure::One(self.hinted(error, to)),
            other => other,
        }
    }

    /// Standard input is spooled, so that it has a size and can be sent again.
    async fn write_input(&self, context: &Context, to: &OsStr) -> Result<(), Failure> {
        use futures_util::{StreamExt as _, TryStreamExt as _};
        let (place, slash) = context.place(to)?;
        if slash {
            let error = Error::new(ErrorKind::InvalidInput, "standard input has no name of its own in").at(&place);
            return Err(error.hint("name the file that is to be written").into());
        }
        if matches!(self.options().policy, Policy::Never) && context.stat(&place).await?.is_some() {
            let kept = json!({"from": "-", "to": output::reference(&place), "outcome": "kept"});
            return Ok(self.print(context, &kept, &format!("- -> {place} (exists, kept)"))?);
        }
        let input = ReaderStream::with_capacity(tokio::io::stdin(), law_storage::CHUNK);
        let spooled = context.call.bound(SpooledSource::spool(input.map_err(Error::from).boxed())).await?;
        let options = PutOptions {
            existing: match self.options().policy {
                Policy::Never | Policy::Fail => law_storage::Existing::Refuse,
                _ => law_storage::Existing::Replace,
            },
            parents: self.options_for(&place).parents,
            verify: self.copy.verify.map_or(place.fs.verify(), Into::into),
            ..PutOptions::default()
        };
        if self.copy.dry_run {
            output::note(format!("would write standard input to {place}"));
            return Ok(());
        }
        let receipt = place.backend().put(&context.call, &place.resolved(), spooled.source(), &options).await;
        let receipt = receipt.map_err(|error| self.hinted(error, &place))?;
        let copied = json!({"from": "-", "to": output::reference(&place), "size": receipt.size, "outcome": "copied",
            "checksum": receipt.storage_digest().map(ToString::to_string)});
        let line = format!("- -> {place} ({}, {})", output::amount(receipt.size), proof(&receipt));
        self.print(context, &copied, &line)?;
        Ok(())
    }

    /// As [`options`](Self::options), where directories may need not be made.
    fn options_for(&self, to: &Place) -> CopyOptions {
        let options = self.options();
        let parents = if is_implied(to) { Parents::Create } else { options.parents };
        CopyOptions { parents, ..options }
    }

    fn options(&self) -> CopyOptions {
        let policy = match (self.overwrite, self.no_clobber, self.force) {
            (Some(Overwrite::Never), ..) | (_, true, _) => Policy::Never,
            (Some(Overwrite::Always), ..) | (_, _, true) => Policy::Always,
            (Some(Overwrite::Fail), ..) => Policy::Fail,
            (Some(Overwrite::Newer), ..) => Policy::Newer,
            (Some(Overwrite::Checksum), ..) => Policy::Checksum,
            (Some(Overwrite::Differs) | None, ..) => Policy::Differs,
        };
        let keeps = |what| self.preserve_all || self.preserve.contains(&what);
        let attributes = self.preserve.contains(&Kept::Xattr);
        CopyOptions {
            policy,
            parents: if self.mkdir { Parents::Create } else { Parents::Require },
            preserve: Preserve { modified: keeps(Kept::Mtime), mode: keeps(Kept::Mode), attributes },
            ..self.copy.options()
        }
    }

    fn tell(&self, context: &Context, copied: &Copied) -> std::io::Result<()> {
        self.print(context, &describe(copied), &line(copied))
    }

    fn print(&self, context: &Context, object: &Value, line: &str) -> std::io::Result<()> {
        let mut out = Out::new();
        match (context.json, self.copy.quiet) {
            (true, _) => out.line(object)?,
            (false, true) => {}
            (false, false) => out.line(line)?,
        }
        out.flush()
    }
}

/// Whether a directory there is nothing but a part of names.
fn is_implied(place: &Place) -> bool {
    place.backend().capabilities().implied_directories
}

fn no_directory(place: &Place) -> Error {
    let error = Error::new(ErrorKind::NotFound, "no such directory").at(place);
    error.hint("--mkdir makes it, law fs mkdir does too")
}

/// Prints what became of a file.
pub(crate) fn print(context: &Context, copied: &Copied) -> std::io::Result<()> {
    let mut out = Out::new();
    match context.json {
        true => out.line(describe(copied))?,
        false => out.line(line(copied))?,
    }
    out.flush()
}

/// What became of a file, as an object.
pub(crate) fn describe(copied: &Copied) -> Value {
    let mut object = json!({
        "from": output::reference(&copied.from),
        "to": output::reference(&copied.to),
        "size": copied.size,
        "outcome": copied.word(),
        "checksum": copied.checksum(),
    });
    if !copied.lost.is_empty() {
        object["lost"] = json!(copied.lost);
    }
    if let Outcome::ByThirdParty(way, _) = &copied.outcome {
        object["third_party"] = way.word().into();
    }
    if let Some(receipt) = copied.outcome.receipt() {
        object["proof"] = proof(receipt).into();
        object["door"] = receipt.door.as_str().into();
        object["replaced"] = receipt.overwrite.map(Overwritten::word).into();
    }
    object
}

fn line(copied: &Copied) -> String {
    let size = output::amount(copied.size);
    let how = match &copied.outcome {
        Outcome::Written(receipt) => proof(receipt),
        Outcome::ByThirdParty(way, receipt) => format!("{}, {}", moved_by(*way), proof(receipt)),
        Outcome::CopiedByStorage => "copied by the storage".into(),
        Outcome::Same(_) | Outcome::Unmodified => "has the same content already".into(),
        Outcome::Kept => "exists, kept".into(),
        Outcome::Before => "copied before".into(),
        Outcome::Would => "would copy".into(),
    };
    let lost: String = copied.lost.iter().map(|what| format!("; the destination cannot keep {what}")).collect();
    format!("{} -> {} ({size}, {how}{}{lost})", copied.from, copied.to, replaced(copied))
}

fn moved_by(way: Way) -> &'static str {
    match way {
        Way::Pull => "fetched by the destination itself",
        Way::Push => "sent by the source itself",
    }
}

/// What readers of a replaced file may have seen, where that was not always one of both.
fn replaced(copied: &Copied) -> &'static str {
    let Some(receipt) = copied.outcome.receipt() else { return "" };
    match receipt.overwrite {
        None | Some(Overwritten::Atomic) => "",
        Some(Overwritten::Window) => "; while it was replaced there was no file for a moment",
        Some(Overwritten::Unsafe) => "; while it was replaced there was a part of it",
    }
}

/// What proves that the copy is right, in a few words.
fn proof(receipt: &Receipt) -> String {
    use law_storage::Proof as Proven;
    // A chain is as strong as its weakest link, and a local end needs no proof of its own.
    let weakest = match (&receipt.proof, &receipt.source_proof) {
        (Proven::Local, other) | (other, Proven::Local) => other.clone(),
        (one, other) => one.min(other).clone(),
    };
    match weakest {
        Proven::Checksum(algorithm) => {
            let value = receipt.digests.iter().find(|(digest, _)| digest.algorithm() == algorithm);
            let value = value.map(|(digest, _)| format!(" {}", digest.hex())).unwrap_or_default();
            format!("{algorithm}{value} agrees")
        }
        Proven::Local => "copied by this machine".into(),
        Proven::ReadBack => "read back, and the same".into(),
        Proven::Size => "size agrees".into(),
        Proven::None => "not verified".into(),
    }
}
