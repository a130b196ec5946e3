//! The copy of a whole tree as a job: told while it goes on, noted in a journal, listed in a manifest.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use law_storage::{Error, ErrorKind, Location, Result, Url};
use law_transfer::{
    Copied, CopyOptions, JobName, Journal, Outcome, Place, SyncOptions, SyncReport, SyncTold, Told, TreeReport,
    sync_tree,
};
use serde_json::{Value, json};

use crate::context::Context;
use crate::exit::Failure;
use crate::output::{self, Out};
use crate::progress::Display;

/// What the copy of a tree is beside its options.
pub(crate) struct TreeJob<'a> {
    pub(crate) from: &'a Place,
    pub(crate) to: &'a Place,
    pub(crate) options: CopyOptions,
    /// Nothing is said of what was copied.
    pub(crate) quiet: bool,
    /// What a job of the same name had done is not done again.
    pub(crate) resume: bool,
    /// Where each file is noted.
    pub(crate) manifest: Option<&'a Path>,
}

impl TreeJob<'_> {
    /// Copies, tells, and gives the report; the journal says how it ended.
    pub(crate) async fn run(
        mut self,
        context: &Context,
        show: &(dyn Fn(&Copied) -> std::io::Result<()> + Sync),
        display: &Display,
    ) -> Result<TreeReport, Failure> {
        let options = SyncOptions { copy: std::mem::take(&mut self.options), delete: None };
        Ok(self.sync(context, &options, show, display).await?.copies)
    }

    /// As [`run`](Self::run), and deletes what only the destination has.
    pub(crate) async fn sync(
        self,
        context: &Context,
        options: &SyncOptions,
        show: &(dyn Fn(&Copied) -> std::io::Result<()> + Sync),
        display: &Display,
    ) -> Result<SyncReport, Failure> {
        let journal = journal(self.from, self.to, self.resume, options.copy.dry_run)?;
        let mut options = options.clone();
        options.copy.journal = journal.clone();
        // Who wants no repetitions wants no waiting either.
        if context.file_systems().config().every.retries == 0 {
            options.copy.patience = Some(std::time::Duration::ZERO);
        }
        let mut manifest = self.manifest.map(|path| Manifest::open(path, self.resume)).transpose()?;
        let mut told = Ok(());
        let (quiet, skip) = (self.quiet, |place: &Place, reason: &str| tell_skipped(context, place, reason));
        let dry_run = options.copy.dry_run;
        let mut tell = |event: SyncTold<'_>| {
            let told_now = display.above(|| match event {
                SyncTold::Deleted(_) if quiet => Ok(()),
                SyncTold::Deleted(place) => tell_deleted(context, place, dry_run),
                SyncTold::Copy(Told::Copied(copied)) => {
                    manifest.as_mut().map_or(Ok(()), |manifest| manifest.add(copied))?;
                    if matches!(copied.outcome, Outcome::Before) || quiet { Ok(()) } else { show(copied) }
                }
                SyncTold::Copy(Told::Skipped(place, reason)) => skip(place, reason),
                SyncTold::Copy(Told::Failed(error)) => {
                    let taken = std::mem::replace(error, Error::new(ErrorKind::Internal, "taken"));
                    *error = context.judged(taken);
                    context.tell(error);
                    Ok(())
                }
            });
            told = std::mem::replace(&mut told, Ok(())).and(told_now);
        };
        let report = sync_tree(&context.call, self.from, self.to, &options, &mut tell).await;
        let report = report.inspect_err(|error| note_refusal(journal.as_deref(), error))?;
        told?;
        if let Some(manifest) = manifest {
            manifest.close()?;
        }
        if let Some(journal) = journal {
            journal.end(report.copies.failures.values().sum())?;
        }
        Ok(report)
    }
}

/// That a job failed as a whole; one that was stopped goes on later.
fn note_refusal(journal: Option<&Journal>, error: &Error) {
    let Some(journal) = journal.filter(|_| error.kind() != ErrorKind::Cancelled) else { return };
    if let Err(error) = journal.end_or_forget(1) {
        tracing::warn!("the end of this copy is not noted: {error}");
    }
}

/// The journal of a job; with `resume` it goes on. None in a dry run, and where there is no place for one.
pub(crate) fn journal(from: &Place, to: &Place, resume: bool, dry_run: bool) -> Result<Option<Arc<Journal>>> {
    let Some(directory) = transfers().filter(|_| !dry_run) else { return Ok(None) };
    match Journal::open(&directory, &JobName::new(from, to), typed().as_ref(), resume) {
        Ok(journal) => Ok(Some(Arc::new(journal))),
        // Who goes on must be alone; others are proven one by one, whoever does the same beside them.
        Err(error) if resume => Err(error),
        Err(error) => {
            tracing::info!("this job cannot be resumed: {error}");
            Ok(None)
        }
    }
}

/// Whether the copy of one place to another was begun before.
pub(crate) fn is_remembered(from: &Place, to: &Place) -> bool {
    transfers().is_some_and(|directory| Journal::knows(&directory, &JobName::new(from, to)))
}

/// Where journals are.
pub(crate) fn transfers() -> Option<PathBuf> {
    Some(law_config::Environment::of_process().ok()?.state_directory()?.join("transfers"))
}

/// The command line and its directory; none if something in it is secret, or no text.
fn typed() -> Option<(PathBuf, Vec<String>)> {
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| word.into_string().ok()).collect::<Option<_>>()?;
    let secret = |word: &String| {
        let url = Url::parse(word).ok();
        url.is_some_and(|url| match url.location() {
            Location::Remote(remote) => remote.password().is_some() || remote.query().is_some(),
            _ => false,
        })
    };
    let sets = |word: &String| word.starts_with("--set");
    if words.iter().any(|word| secret(word) || sets(word)) {
        return None;
    }
    Some((std::env::current_dir().ok()?, words))
}

fn tell_deleted(context: &Context, place: &Place, dry_run: bool) -> std::io::Result<()> {
    let mut out = Out::new();
    match (context.json, dry_run) {
        (true, _) => out.line(
            json!({"to": output::reference(place), "outcome": if dry_run { "would delete" } else { "deleted" }}),
        )?,
        (false, true) => out.line(format!("would delete {place}"))?,
        (false, false) => out.line(format!("deleted {place}"))?,
    }
    out.flush()
}

fn tell_skipped(context: &Context, place: &Place, reason: &str) -> std::io::Result<()> {
    if !context.json {
        output::note(format!("skipped {place}: {reason}"));
        return Ok(());
    }
    let mut out = Out::new();
    out.line(json!({"from": output::reference(place), "outcome": "skipped", "reason": reason}))?;
    out.flush()
}

/// One JSON object a line for each file, for catalogues and bookkeeping.
struct Manifest {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Manifest {
    fn open(path: &Path, goes_on: bool) -> Result<Self> {
        let mut options = OpenOptions::new();
        let options = options.create(true).write(true).append(goes_on).truncate(!goes_on);
        let file = options.open(path).map_err(|e| Error::from(e).at(path.display()))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    fn add(&mut self, copied: &Copied) -> std::io::Result<()> {
        writeln!(self.file, "{}", entry(copied))
    }

    fn close(mut self) -> Result<()> {
        let written = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        written.map_err(|e| Error::from(e).at(self.path.display()))
    }
}

fn entry(copied: &Copied) -> Value {
    let mut line = json!({"from": output::reference(&copied.from), "to": output::reference(&copied.to), "size": copied.size,
        "outcome": copied.word(), "checksum": copied.checksum()});
    if let Some(receipt) = copied.outcome.receipt() {
        let digests =
            receipt.digests.iter().map(|(digest, _)| (digest.algorithm().name().to_owned(), digest.hex().into()));
        line["checksums"] = Value::Object(digests.collect());
        line["door"] = receipt.door.clone().into();
        line["attempts"] = (receipt.attempts.len() + 1).into();
    }
    line
}

/// `3 files copied, 1.2MiB, 2 unchanged`: what was there already is nothing that was copied.
pub(crate) fn summary(report: &TreeReport, dry_run: bool, with_lost: bool) -> String {
    let files = if report.copied == 1 { "1 file".into() } else { format!("{} files", report.copied) };
    let copied = if dry_run { format!("would copy {files}") } else { format!("{files} copied") };
    let failed: u64 = report.failures.values().sum();
    let others = [
        (report.before, ", ", "copied before"),
        (report.unchanged, ", ", "unchanged"),
        (report.kept, ", ", "kept"),
        (failed, "; ", "failed"),
    ];
    let others =
        others.iter().filter(|(count, ..)| *count > 0).map(|(count, comma, word)| format!("{comma}{count} {word}"));
    let bytes = if report.copied > 0 { format!(", {}", output::amount(report.bytes)) } else { String::new() };
    let lost = report.lost.iter().filter(|_| with_lost).map(|what| format!("; the destination cannot keep {what}"));
    format!("{copied}{bytes}{}{}", others.collect::<String>(), lost.collect::<String>())
}

/// What a tree ends with: every failure was told.
pub(crate) fn ended(report: &TreeReport) -> Result<(), Failure> {
    Failure::of_all(report.failures.keys().copied().collect())
}
