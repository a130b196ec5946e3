//! One file from one place to another.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use law_storage::{
    Call, Checkpoint, Computed, Destination, Digest, Error, ErrorKind, Existing, FileSource, Metadata, Operation,
    Parents, Path, Proof, PutOptions, Receipt, Result, Source, Support, Trail, Unfinished, Validator, Verify, Way,
};

use crate::attributes::copy_attributes;
use crate::counted::Counted;
use crate::damaged::Damaged;
use crate::policy::spare;
use crate::sync::back_up;
use crate::third_party::{self, ThirdParty};
use crate::{Bandwidth, Filter, Journal, Place, Policy, Progress, RemoteSource};

/// What a copy keeps beside its bytes, where the destination can; what it cannot is in [`Copied::lost`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Preserve {
    /// The time of modification.
    pub modified: bool,
    /// The permission bits.
    pub mode: bool,
    /// The extended attributes, which a copy gets right after its name.
    pub attributes: bool,
}

impl Preserve {
    /// Everything.
    pub const ALL: Self = Self { modified: true, mode: true, attributes: true };

    /// What a storage cannot keep.
    fn lost_at(self, to: &Place) -> Vec<&'static str> {
        let capabilities = to.backend().capabilities();
        let lost = [
            (self.modified && capabilities.keeps_modified == Support::No, "the time of modification"),
            (self.mode && capabilities.modes == Support::No, "the permissions"),
        ];
        lost.into_iter().filter(|(lost, _)| *lost).map(|(_, what)| what).collect()
    }
}

/// How a file is copied.
#[derive(Debug, Clone, Default)]
pub struct CopyOptions {
    /// What happens to a file that is there already.
    pub policy: Policy,
    /// How much proof is wanted, on both sides; none is what the more careful of the two file systems wants.
    pub verify: Option<Verify>,
    /// Whether directories above the destination are made.
    pub parents: Parents,
    /// What a copy keeps beside its bytes.
    pub preserve: Preserve,
    /// Finds out what would happen, and changes nothing.
    pub dry_run: bool,
    /// How many streams bring a large file; none is as many as help.
    pub streams: Option<NonZeroUsize>,
    /// How many files of a tree are copied at once; none is as many as their sizes suggest.
    pub jobs: Option<NonZeroUsize>,
    /// Which files of a tree are meant.
    pub filter: Arc<Filter>,
    /// A copy of a tree ends after so many failures; none is never.
    pub max_errors: Option<u64>,
    /// What was done before by a job that broke off, and where it is noted what this one does.
    pub journal: Option<Arc<Journal>>,
    /// How long a copy of a tree waits for a storage that does not answer; none is a minute.
    pub patience: Option<Duration>,
    /// Where files of a tree are copied to before they are replaced.
    pub backup: Option<Place>,
    /// The most bytes a second, of all files together.
    pub limit: Option<Bandwidth>,
    /// Whether the storages copy between themselves, where both can.
    pub third_party: ThirdParty,
    /// Set by those who copy many files: see [`PutOptions::one_of_many`].
    pub one_of_many: bool,
    /// Where to count.
    pub progress: Progress,
}

/// What a caller has just seen of both ends, so that nobody has to look again.
pub(crate) struct Known {
    /// The source.
    pub(crate) source: Metadata,
    /// The destination, or that there is none; the outer none is that nobody has looked.
    pub(crate) existing: Option<Option<Metadata>>,
    /// Where what is replaced is copied to before.
    pub(crate) backup: Option<Place>,
    /// What another process has left of the copy.
    pub(crate) unfinished: Option<Unfinished>,
    /// Who notes how far it is.
    pub(crate) checkpoint: Option<Arc<dyn Checkpoint>>,
}

impl Known {
    /// The source alone.
    pub(crate) fn of(source: Metadata) -> Self {
        Self { source, existing: None, backup: None, unfinished: None, checkpoint: None }
    }

    /// With what is left of a large file `below` the top of a job, and who notes how far it is.
    pub(crate) fn going_on(self, from: &Place, to: &Place, below: &Path, journal: Option<&Arc<Journal>>) -> Self {
        match journal.filter(|_| goes_on(from, to, &self.source)) {
            Some(journal) => Self {
                unfinished: journal.unfinished(below, &self.source),
                checkpoint: Some(journal.checkpoint(below, &self.source)),
                ..self
            },
            None => self,
        }
    }
}

/// Smaller files are begun anew.
pub(crate) const LARGE: u64 = 64 << 20;

/// Whether the copy of a file can go on in its middle after a crash, if it has a journal: of a large one that comes from elsewhere to a disk of
/// this machine, or that goes to where parts are kept, and of which a version can be told from the next.
pub fn goes_on(from: &Place, to: &Place, source: &Metadata) -> bool {
    let here = |place: &Place| place.backend().capabilities().local_files == Support::Yes;
    let kept = (!here(from) && here(to)) || to.backend().capabilities().keeps_parts;
    let told = source.modified.is_some() || source.identity().entity_tag().is_some();
    kept && told && source.size.is_some_and(|size| size >= LARGE)
}

/// What became of one file.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was written.
    Written(Box<Receipt>),
    /// The storage copied it by itself.
    CopiedByStorage,
    /// The two storages copied it between themselves, and it is proven by what both say.
    ByThirdParty(Way, Box<Receipt>),
    /// Its destination had the same content already.
    Same(Digest),
    /// Its destination exists, and was to stay.
    Kept,
    /// Its destination has the same size, and its time says that it is a copy.
    Unmodified,
    /// A job that broke off had copied it, with proof.
    Before,
    /// It would be written, were this not a dry run.
    Would,
}

/// One file that was copied, or need not be.
#[derive(Debug, Clone)]
pub struct Copied {
    /// Where it was read.
    pub from: Place,
    /// Where it is now.
    pub to: Place,
    /// Bytes.
    pub size: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// What was to be kept beside the bytes, and could not.
    pub lost: Vec<&'static str>,
}

/// Copies a file, proves that both ends have the same bytes, and only then publishes it.
///
/// # Errors
/// `NotFound`, `IsADirectory` for the source; those of [`put`](law_storage::Backend::put) for the destination;
/// `InvalidInput` if both are the same file.
pub async fn copy_file(call: &Call, from: &Place, to: &Place, options: &CopyOptions) -> Result<Copied> {
    copy_file_onto(call, from, to, None, options).await
}

/// As [`copy_file`], by somebody who has just looked at the destination: `existing` is what is there, or that nothing is; none if nobody has looked.
///
/// # Errors
/// Those of [`copy_file`].
pub async fn copy_file_onto(
    call: &Call,
    from: &Place,
    to: &Place,
    existing: Option<Option<Metadata>>,
    options: &CopyOptions,
) -> Result<Copied> {
    let source = look(call, from).await?;
    let known = Known { existing, ..Known::of(source.clone()) };
    let known = known.going_on(from, to, &Path::root(), options.journal.as_ref());
    let copied = copy_seen(call, from, to, options, &known).await?;
    if let Some(journal) = &options.journal {
        journal.note(&Path::root(), &source, &copied);
    }
    Ok(copied)
}

/// As [`copy_file`], of a file that was listed. One that has changed since is looked at again.
pub(crate) async fn copy_known(
    call: &Call,
    from: &Place,
    to: &Place,
    options: &CopyOptions,
    known: Known,
) -> Result<Copied> {
    match copy_seen(call, from, to, options, &known).await {
        Err(error) if error.kind() == ErrorKind::Changed => {
            let known = Known { backup: known.backup, ..Known::of(look(call, from).await?) };
            copy_seen(call, from, to, options, &known).await
        }
        other => other,
    }
}

async fn copy_seen(call: &Call, from: &Place, to: &Place, options: &CopyOptions, known: &Known) -> Result<Copied> {
    if same_place(from, to) {
        return Err(Error::new(ErrorKind::InvalidInput, format!("{from} and {to} are the same file")));
    }
    let metadata = &known.source;
    let size = metadata.size.unwrap_or_default();
    options.progress.expect(size);
    let done = |outcome: Outcome, size: u64| {
        let lost = if outcome.is_copied() { options.preserve.lost_at(to) } else { Vec::new() };
        Copied { from: from.clone(), to: to.clone(), size, outcome, lost }
    };
    let existing = match &known.existing {
        Some(existing) => existing.clone(),
        None => to.backend().stat(call, &to.resolved()).await?,
    };
    if let Some(outcome) = spare(call, from, metadata, to, existing.as_ref(), options).await? {
        options.progress.complete(size);
        let same = matches!(outcome, Outcome::Same(_) | Outcome::Unmodified) && !options.dry_run;
        return with_attributes(call, done(outcome, size), options.preserve.attributes && same).await;
    }
    if options.dry_run {
        would_have_a_place(call, to, existing.as_ref(), options.parents).await?;
        return Ok(done(Outcome::Would, size));
    }
    if let Some(backup) = known.backup.as_ref().filter(|_| existing.is_some()) {
        Box::pin(back_up(call, to, backup)).await?;
    }
    let settled = settled(call, from, to, options, known).await?;
    let known = settled.as_ref().unwrap_or(known);
    let outcome = write(call, from, known, to, existing.as_ref(), options).await?;
    options.progress.complete(size);
    with_attributes(call, done(outcome, known.source.size.unwrap_or(size)), options.preserve.attributes).await
}

/// Of a file that changed a moment ago, what it is when the next change gets another time, so that times tell the two apart: a clock of seconds
/// may give both the same one, and round it, too. None of older files, and where times decide nothing.
async fn settled(call: &Call, from: &Place, to: &Place, options: &CopyOptions, known: &Known) -> Result<Option<Known>> {
    let there = to.backend().capabilities();
    let by_time = options.policy == Policy::Modified && there.keeps_modified == Support::Yes;
    let Some(modified) = known.source.modified.filter(|_| by_time) else { return Ok(None) };
    let coarse = there.modified_resolution.unwrap_or_default().max(modified.resolution);
    let young = (2 * coarse).min(SETTLES);
    let age = SystemTime::now().duration_since(modified.time).unwrap_or_else(|ahead| ahead.duration());
    if coarse < SECOND || age >= young {
        return Ok(None);
    }
    call.pause(young - age).await?;
    let known =
        Known { existing: known.existing.clone(), backup: known.backup.clone(), ..Known::of(look(call, from).await?) };
    Ok(Some(known))
}

const SECOND: Duration = Duration::from_secs(1);

/// The longest that a file is waited for because it has just changed.
const SETTLES: Duration = Duration::from_secs(4);

async fn with_attributes(call: &Call, mut copied: Copied, wanted: bool) -> Result<Copied> {
    if wanted && !copy_attributes(call, &copied.from, &copied.to).await? {
        copied.lost.push("the extended attributes");
    }
    Ok(copied)
}

async fn look(call: &Call, from: &Place) -> Result<Metadata> {
    let refuse = |kind: ErrorKind| Error::new(kind, kind.phrase()).at(from).during(Operation::Copy);
    match from.backend().stat(call, &from.resolved()).await? {
        None => Err(refuse(ErrorKind::NotFound)),
        Some(metadata) if metadata.is_directory() => Err(refuse(ErrorKind::IsADirectory)),
        Some(metadata) if !metadata.is_file() => {
            let error = Error::new(ErrorKind::InvalidInput, "neither a file nor a directory").at(from);
            Err(error.during(Operation::Copy).hint("what a pipe or a device gives can be copied from `-`"))
        }
        Some(metadata) => Ok(metadata),
    }
}

/// What a write would find out.
pub(crate) async fn would_have_a_place(
    call: &Call,
    to: &Place,
    existing: Option<&Metadata>,
    parents: Parents,
) -> Result<()> {
    let parent = to.resolved().parent().filter(|_| existing.is_none() && parents == Parents::Require);
    let Some(parent) = parent else { return Ok(()) };
    let shown = to.path.parent().map_or_else(|| to.backend().url(&parent), |parent| to.fs.shown(&parent));
    let refuse = |kind: ErrorKind| Err(Error::new(kind, kind.phrase()).at(&shown).during(Operation::Copy));
    match to.backend().stat(call, &parent).await? {
        None => refuse(ErrorKind::NotFound),
        Some(metadata) if !metadata.is_directory() => refuse(ErrorKind::NotADirectory),
        Some(_) => Ok(()),
    }
}

fn same_place(from: &Place, to: &Place) -> bool {
    from.is_within(to) && to.is_within(from)
}

/// Refuses to copy or move a directory to where it is, or into itself.
pub(crate) fn refuse_within(from: &Place, to: &Place, what: &str) -> Result<()> {
    if !to.is_within(from) {
        return Ok(());
    }
    Err(match from.is_within(to) {
        true => Error::new(ErrorKind::InvalidInput, format!("{from} and {to} are the same directory")),
        false => Error::new(ErrorKind::InvalidInput, format!("a directory cannot be {what} into itself")).at(to),
    })
}

/// Writes, and once more if the bytes that came from the source were damaged: from other doors, where there are some.
async fn write(
    call: &Call,
    from: &Place,
    known: &Known,
    to: &Place,
    existing: Option<&Metadata>,
    options: &CopyOptions,
) -> Result<Outcome> {
    let mut damaged = Damaged::default();
    loop {
        let trail = Trail::default();
        let call = call.clone().on(trail.clone()).avoiding(damaged.doors());
        match write_once(&call, from, known, to, existing, options).await {
            Err(error) if trail.is_damaged() => damaged.add(from, &trail, error)?,
            other => return other,
        }
    }
}

impl CopyOptions {
    fn verify_between(&self, from: &Place, to: &Place) -> Verify {
        self.verify.unwrap_or_else(|| from.fs.verify().max(to.fs.verify()))
    }
}

async fn write_once(
    call: &Call,
    from: &Place,
    known: &Known,
    to: &Place,
    existing: Option<&Metadata>,
    options: &CopyOptions,
) -> Result<Outcome> {
    let metadata = &known.source;
    let verify = options.verify_between(from, to);
    if Arc::ptr_eq(from.fs.backend(), to.fs.backend())
        && from.backend().capabilities().local_files != Support::Yes
        && (options.parents == Parents::Require || to.backend().capabilities().implied_directories)
        && verify != Verify::Require
    {
        match copy_within(call, from, to, options).await {
            Err(error) if error.kind() == ErrorKind::Unsupported => {}
            other => return other,
        }
    }
    let job = third_party::Job { call, from, source: metadata, to, existing, options, verify };
    if let Some((way, receipt)) = Box::pin(third_party::copy_between(&job)).await? {
        return Ok(Outcome::ByThirdParty(way, Box::new(receipt)));
    }
    let source = limited_source(call, from, metadata, verify, options).await?;
    let put = PutOptions {
        existing: match (options.policy, existing) {
            (Policy::Never | Policy::Fail, _) => Existing::Refuse,
            _ => Existing::Replace,
        },
        parents: options.parents,
        verify,
        modified: metadata.modified.map(|m| m.time).filter(|_| options.preserve.modified),
        mode: metadata.mode.filter(|_| options.preserve.mode),
        created_mode: metadata.mode,
        // Who copies many files has made their directories.
        seen_missing: options.one_of_many && existing.is_none(),
        one_of_many: options.one_of_many,
        streams: options.streams,
        unfinished: known.unfinished.clone(),
        checkpoint: known.checkpoint.clone(),
        ..PutOptions::default()
    };
    let receipt = to.backend().put(call, &to.resolved(), &*source, &put).await?;
    Ok(Outcome::Written(Box::new(receipt)))
}

async fn copy_within(call: &Call, from: &Place, to: &Place, options: &CopyOptions) -> Result<Outcome> {
    let destination = match options.policy {
        Policy::Never | Policy::Fail => Destination::NoReplace,
        _ => Destination::Replace,
    };
    let parent = to.resolved().parent().filter(|parent| !parent.is_root() && options.parents == Parents::Create);
    match (from.backend().copy(call, &from.resolved(), &to.resolved(), destination).await, parent) {
        (Err(error), Some(parent)) if error.kind() == ErrorKind::NotFound => {
            to.backend().create_directory(call, &parent, Parents::Create).await?;
            from.backend().copy(call, &from.resolved(), &to.resolved(), destination).await?;
        }
        (copied, _) => copied?,
    }
    Ok(Outcome::CopiedByStorage)
}

/// The bytes of a file as a source: the local file where there is one, else a pinned remote file.
///
/// # Errors
/// Those of opening a local file; `Malformed` if a remote one has no size.
pub async fn source_of(
    call: &Call,
    from: &Place,
    metadata: &Metadata,
    verify: Verify,
    progress: &Progress,
) -> Result<Box<dyn Source>> {
    let options = CopyOptions { progress: progress.clone(), ..CopyOptions::default() };
    limited_source(call, from, metadata, verify, &options).await
}

async fn limited_source(
    call: &Call,
    from: &Place,
    metadata: &Metadata,
    verify: Verify,
    options: &CopyOptions,
) -> Result<Box<dyn Source>> {
    let (progress, limit) = (options.progress.clone(), options.limit.clone());
    let pinned: Validator = metadata.identity();
    let local = match from.backend().capabilities().local_files {
        Support::No => None,
        _ => from.backend().local_file_here(call, &from.resolved(), Some(&pinned)).await?,
    };
    match local {
        Some(local) => Ok(Box::new(Counted::new(FileSource::new(local)?, progress, limit))),
        None => {
            let source = RemoteSource::new(from.clone(), metadata, verify)?;
            let source = if options.one_of_many { source.of_many() } else { source };
            Ok(Box::new(Counted::new(source, progress, limit)))
        }
    }
}

impl Outcome {
    /// What is known of a file that was written.
    pub fn receipt(&self) -> Option<&Receipt> {
        match self {
            Self::Written(receipt) | Self::ByThirdParty(_, receipt) => Some(receipt),
            _ => None,
        }
    }

    /// The bytes are at the destination now, and were not before.
    fn is_copied(&self) -> bool {
        matches!(self, Self::Written(_) | Self::CopiedByStorage | Self::ByThirdParty(..))
    }
}

impl Copied {
    /// Something was done, or would be in a dry run.
    pub fn is_done(&self) -> bool {
        self.outcome.is_copied() || matches!(self.outcome, Outcome::Would)
    }

    /// One word for what became of it, for people and `--json`.
    pub fn word(&self) -> &'static str {
        match self.outcome {
            Outcome::Written(_) | Outcome::CopiedByStorage | Outcome::ByThirdParty(..) => "copied",
            Outcome::Same(_) | Outcome::Unmodified => "same",
            Outcome::Kept => "kept",
            Outcome::Before => "copied before",
            Outcome::Would => "would copy",
        }
    }

    /// The checksum that both ends agree on, where a storage computed one.
    pub fn checksum(&self) -> Option<String> {
        if let Outcome::Same(digest) = &self.outcome {
            return Some(digest.to_string());
        }
        let receipt = self.outcome.receipt()?;
        let proven = matches!(receipt.source_proof, Proof::Checksum(_)).then(|| receipt.digests.first()).flatten();
        let digest = receipt.storage_digest().or(proven.filter(|(_, who)| *who == Computed::Here).map(|(d, _)| d));
        digest.map(ToString::to_string)
    }
}
