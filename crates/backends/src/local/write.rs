//! Writing: a temporary file beside the destination, proof, then its name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path as OsPath, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt as _;
use law_storage::{
    Algorithm, ByteStream, Call, Comparison, Computed, Digest, Durability, Error, ErrorKind, Existing, Hasher,
    LocalFile, Metadata, Operation, Overwrite, Parents, Path, Proof, Publish, PutOptions, Receipt, Result, Source,
    Taken, Validator, Verify, hash_local, temporary_path,
};
use rustix::fs::Advice;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::inspect::describe;
use super::kernel::{copy_in_kernel, copy_now};
use super::parallel;
use super::room::preallocate;
use super::unfinished::{Notes, reopen};
use super::{Local, blocking, change, failure, refusal, shown};

/// After so many bytes the disk is told to begin writing, so that the sync at the end has little left to do.
pub(super) const WRITEBACK: u64 = 16 * 1024 * 1024;

/// Files of so many bytes are taken into memory, and then written by one step of one thread.
const SMALL: u64 = 1024 * 1024;

pub(super) async fn put(
    local: &Local,
    call: &Call,
    path: &Path,
    source: &dyn Source,
    options: &PutOptions,
) -> Result<Receipt> {
    if is_small(source, options) {
        match source.local_file().await? {
            None => return put_small(local, call, path, source, options).await,
            Some(from) if to_compute(source, options).is_empty() => {
                return put_small_file(local, call, path, (source, from), options).await;
            }
            Some(_) => {}
        }
    }
    let (full, durability) = (local.full(path), local.durability);
    let (prepared, wanted) = (full.clone(), options.clone());
    let temporary_name = temporary_path(path).map_err(|e| e.at(shown(&full)))?;
    let algorithms = to_compute(source, options);
    let (staged, begun) =
        blocking(call, move || stage_or_go_on(&prepared, &temporary_name, &wanted, durability, &algorithms)).await?;
    let written = write(call, &staged, begun, source, options, durability).await;
    let (taken, source_proof, proof) =
        written.map_err(|error| error.at(shown(&full)).leaving("nothing was published"))?;
    call.check()?;
    // From here on it is one short step, which is done as a whole or not at all, whoever still waits for it.
    let existing = options.existing.clone();
    let replaced = staged.replaced;
    let validator = blocking(&Call::new(), move || staged.publish(&existing, durability)).await?;
    Ok(receipt(taken, (proof, source_proof), replaced, validator))
}

fn receipt(
    taken: Taken,
    (proof, source_proof): (Proof, Proof),
    replaced: bool,
    validator: Option<Validator>,
) -> Receipt {
    let stored = taken.digests.iter().find(|digest| proof == Proof::Checksum(digest.algorithm())).cloned();
    let here = taken.digests.into_iter().map(|digest| (digest, Computed::Here));
    Receipt {
        size: taken.size,
        digests: here.chain(stored.map(|digest| (digest, Computed::Storage))).collect(),
        validator,
        proof,
        source_proof,
        publish: Publish::Rename,
        overwrite: replaced.then_some(Overwrite::Atomic),
        door: "local".into(),
        attempts: Vec::new(),
    }
}

/// Whether going from thread to thread would cost more than all the rest: of what is not read back.
fn is_small(source: &dyn Source, options: &PutOptions) -> bool {
    let read_back =
        options.verify == Verify::Require || (options.verify == Verify::Auto && options.algorithm.is_some());
    source.size().is_some_and(|size| size <= SMALL) && !read_back
}

/// As [`put`], of a file on this machine: a step to copy it, and one to publish it.
async fn put_small_file(
    local: &Local,
    call: &Call,
    path: &Path,
    (source, from): (&dyn Source, LocalFile),
    options: &PutOptions,
) -> Result<Receipt> {
    let (full, durability) = (local.full(path), local.durability);
    let (prepared, wanted) = (full.clone(), options.clone());
    let name = temporary_path(path).map_err(|e| e.at(shown(&full)))?;
    let expected = source.size();
    let copy = move || {
        let staged = stage(&prepared, &name, &wanted, durability)?;
        let copied = copy_file(&staged, &from, expected, &wanted, durability);
        let taken = copied.map_err(|error| error.at(shown(&staged.target)).leaving("nothing was published"))?;
        Ok((staged, taken))
    };
    let (staged, taken) = blocking(call, copy).await?;
    let nothing = |error: Error| error.at(shown(&full)).leaving("nothing was published");
    let source_proof = source.prove(call, &taken).await.map_err(nothing)?;
    call.check()?;
    // As in `put`: one step, which is done as a whole or not at all.
    let (replaced, existing) = (staged.replaced, options.existing.clone());
    let validator = blocking(&Call::new(), move || staged.publish(&existing, durability)).await?;
    Ok(receipt(taken, (Proof::Local, source_proof), replaced, validator))
}

fn copy_file(
    staged: &Staged,
    from: &LocalFile,
    expected: Option<u64>,
    options: &PutOptions,
    durability: Durability,
) -> Result<Taken> {
    let taken = copy_now(&staged.file, &staged.wanted, from)?;
    all_came(expected, taken.size)?;
    finish_file(&staged.file, options.modified, durability)?;
    same_size(staged, taken.size)?;
    Ok(taken)
}

fn all_came(expected: Option<u64>, size: u64) -> Result<()> {
    match expected.filter(|expected| *expected != size) {
        None => Ok(()),
        Some(expected) => {
            let message = format!("{size} bytes came instead of {expected}");
            Err(Error::new(ErrorKind::Integrity, message))
        }
    }
}

/// As [`put`], in one step of the disk.
async fn put_small(
    local: &Local,
    call: &Call,
    path: &Path,
    source: &dyn Source,
    options: &PutOptions,
) -> Result<Receipt> {
    let (full, durability) = (local.full(path), local.durability);
    let prepared = full.clone();
    let (wanted, name) = (options.clone(), temporary_path(path).map_err(|e| e.at(shown(&full)))?);
    let nothing = |error: Error| error.at(shown(&full)).leaving("nothing was published");
    let (content, taken) = call.bound(take_small(call, source)).await.map_err(nothing)?;
    let source_proof = source.prove(call, &taken).await.map_err(nothing)?;
    call.check()?;
    // As in `put`: one step, which is done as a whole or not at all.
    let write = move || {
        let staged = stage(&prepared, &name, &wanted, durability)?;
        write_content(&staged, &content, &wanted, durability)
            .map_err(|error| error.at(shown(&staged.target)).leaving("nothing was published"))?;
        let replaced = staged.replaced;
        Ok((replaced, staged.publish(&wanted.existing, durability)?))
    };
    let (replaced, validator) = blocking(&Call::new(), write).await?;
    Ok(receipt(taken, (Proof::Local, source_proof), replaced, validator))
}

async fn take_small(call: &Call, source: &dyn Source) -> Result<(Vec<bytes::Bytes>, Taken)> {
    let mut stream = source.open(call, 0).await?;
    let (mut content, mut hasher) = (Vec::new(), Hasher::new(source.wanted()));
    while let Some(chunk) = stream.next().await.transpose()? {
        hasher.update(&chunk);
        content.push(chunk);
    }
    let taken = Taken { size: hasher.length(), digests: hasher.finish() };
    all_came(source.size(), taken.size)?;
    Ok((content, taken))
}

fn write_content(
    staged: &Staged,
    content: &[bytes::Bytes],
    options: &PutOptions,
    durability: Durability,
) -> Result<()> {
    let expected: u64 = content.iter().map(|chunk| chunk.len() as u64).sum();
    let mut out = &*staged.file;
    for chunk in content {
        out.write_all(chunk)?;
    }
    finish_file(&staged.file, options.modified, durability)?;
    same_size(staged, expected)
}

fn same_size(staged: &Staged, expected: u64) -> Result<()> {
    let stored = staged.file.metadata()?.len();
    if stored == expected {
        return Ok(());
    }
    let message = format!("size mismatch ({expected} bytes written, {stored} on the disk)");
    Err(Error::new(ErrorKind::Integrity, message))
}

/// A temporary file, open for writing. Dropped before it is published, it is removed.
struct Staged {
    file: Arc<File>,
    temporary: PathBuf,
    target: PathBuf,
    replaced: bool,
    armed: bool,
    wanted: Arc<AtomicBool>,
}

impl Drop for Staged {
    fn drop(&mut self) {
        self.wanted.store(false, Ordering::Relaxed);
        if self.armed {
            // It is gone, or it stays under a name that a clean-up knows.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// As [`stage`], with what another process has left of the same file, if there is such.
fn stage_or_go_on(
    full: &OsPath,
    name: &Path,
    options: &PutOptions,
    durability: Durability,
    algorithms: &[Algorithm],
) -> Result<(Staged, Option<Hasher>)> {
    let directory = through_links(full)?.parent().map(OsPath::to_owned).unwrap_or_default();
    let begun = options.unfinished.as_ref().and_then(|part| {
        let (file, hasher) = reopen(&directory, part, algorithms)?;
        Some((Path::parse(part.name.as_bytes()).ok()?, file, hasher))
    });
    match begun {
        Some((name, file, hasher)) => {
            stage_in(full, &name, options, durability, Some(file)).map(|staged| (staged, Some(hasher)))
        }
        None => stage(full, name, options, durability).map(|staged| (staged, None)),
    }
}

fn stage(full: &OsPath, name: &Path, options: &PutOptions, durability: Durability) -> Result<Staged> {
    stage_in(full, name, options, durability, None)
}

/// Looks at the destination and opens a temporary file beside it, unless there is one.
fn stage_in(
    full: &OsPath,
    name: &Path,
    options: &PutOptions,
    durability: Durability,
    opened: Option<File>,
) -> Result<Staged> {
    let target = through_links(full)?;
    let existing = fs::symlink_metadata(&target).ok();
    if options.seen_missing && existing.is_some() {
        // Whoever listed the directory decides again.
        return Err(refusal(ErrorKind::Changed, &target, Operation::Put));
    }
    may_replace(&target, existing.as_ref(), &options.existing)?;
    let above = target.parent().unwrap_or(OsPath::new("."));
    if existing.is_none() {
        prepare_parent(above, options.parents, durability)?;
    }
    let name = std::os::unix::ffi::OsStrExt::from_bytes(name.name().unwrap_or_default());
    let temporary = above.join::<&std::ffi::OsStr>(name);
    let created_mode = options.created_mode.unwrap_or(0o666) & 0o777;
    let create = || OpenOptions::new().read(true).write(true).create_new(true).mode(created_mode).open(&temporary);
    let file = opened.map_or_else(create, Ok).map_err(|e| failure(e, &target, Operation::Put))?;
    let replaced = existing.is_some();
    let staged = Staged {
        file: Arc::new(file),
        temporary,
        target,
        replaced,
        armed: true,
        wanted: Arc::new(AtomicBool::new(true)),
    };
    let mode = options.mode.or(existing.map(|metadata| metadata.mode() & 0o7777));
    if let Some(mode) = mode {
        let set = staged.file.set_permissions(fs::Permissions::from_mode(mode));
        set.map_err(|e| failure(e, &staged.target, Operation::Put))?;
    }
    Ok(staged)
}

/// A write through a link goes where reads go: the link stays, and what it points to is replaced.
fn through_links(full: &OsPath) -> Result<PathBuf> {
    let mut path = full.to_owned();
    for _ in 0..40 {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(OsPath::new("/")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(refusal(ErrorKind::InvalidInput, full, Operation::Put).hint("it is a link that points to itself"))
}

fn may_replace(target: &OsPath, existing: Option<&fs::Metadata>, rule: &Existing) -> Result<()> {
    let refuse = |kind| Err(refusal(kind, target, Operation::Put));
    match (existing.map(describe), rule) {
        (Some(found), _) if found.is_directory() => refuse(ErrorKind::IsADirectory),
        (Some(found), _) if !found.is_file() => refuse(ErrorKind::AlreadyExists),
        (Some(_), Existing::Refuse) => refuse(ErrorKind::AlreadyExists),
        (Some(found), Existing::ReplaceOnly(wanted)) if !same(&found, wanted) => refuse(ErrorKind::Changed),
        (None, Existing::ReplaceOnly(_)) => refuse(ErrorKind::Changed),
        _ => Ok(()),
    }
}

fn same(found: &Metadata, wanted: &Validator) -> bool {
    wanted.compare(&found.identity()) == Comparison::Same
}

fn prepare_parent(above: &OsPath, parents: Parents, durability: Durability) -> Result<()> {
    match fs::metadata(above) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(refusal(ErrorKind::NotADirectory, above, Operation::Put)),
        Err(e) if e.kind() == io::ErrorKind::NotFound && parents == Parents::Create => {
            change::create_directory(above, parents, durability)
        }
        Err(e) => Err(failure(e, above, Operation::Put)),
    }
}

/// The checksum that is compared after writing.
fn to_check(options: &PutOptions) -> Option<Algorithm> {
    match options.verify {
        Verify::Require => Some(options.algorithm.unwrap_or(Algorithm::Adler32)),
        Verify::Auto => options.algorithm,
        Verify::Size | Verify::None => None,
    }
}

/// The checksums that are computed on the way.
fn to_compute(source: &dyn Source, options: &PutOptions) -> Vec<Algorithm> {
    let mut algorithms = source.wanted();
    algorithms.extend(to_check(options));
    if algorithms.is_empty() && options.checkpoint.is_some() && source.has_parts() {
        algorithms.push(Algorithm::Crc32c);
    }
    algorithms
}

/// Takes all bytes, and proves them on both sides.
async fn write(
    call: &Call,
    staged: &Staged,
    begun: Option<Hasher>,
    source: &dyn Source,
    options: &PutOptions,
    durability: Durability,
) -> Result<(Taken, Proof, Proof)> {
    let (algorithms, check) = (to_compute(source, options), to_check(options));
    let in_kernel = if algorithms.is_empty() { source.local_file().await? } else { None };
    let taken = match in_kernel {
        Some(from) => copy_in_kernel(call, (staged.file.clone(), staged.wanted.clone()), from).await?,
        None if source.has_parts() && parallel::is_worth_it(source.size(), &algorithms) => {
            let (file, size) = (staged.file.clone(), source.size().unwrap_or_default());
            preallocate(&file, Some(size))?;
            let notes = Notes::new(options.checkpoint.as_ref(), &staged.temporary);
            let front = parallel::Front { begun, notes };
            parallel::take(call, file, source, size, &algorithms, options.streams, front).await?
        }
        None => {
            staged.file.set_len(0)?;
            take_stream(call, staged, source, algorithms).await?
        }
    };
    all_came(source.size(), taken.size)?;
    let finish = (staged.file.clone(), options.modified, durability);
    blocking(call, move || finish_file(&finish.0, finish.1, finish.2)).await?;
    let proof = check_disk(call, staged, &taken, check).await?;
    Ok((taken.clone(), source.prove(call, &taken).await?, proof))
}

/// One thread takes the bytes from the source, hashes and writes them: handing them from thread to thread would cost
/// more than all the rest. It ends when nobody waits for it any more.
async fn take_stream(call: &Call, staged: &Staged, source: &dyn Source, algorithms: Vec<Algorithm>) -> Result<Taken> {
    let stream = source.open(call, 0).await?;
    let (file, expected, bound) = (staged.file.clone(), source.size(), call.clone());
    let waited_for = CancellationToken::new();
    let (unwanted, runtime) = (waited_for.clone(), Handle::current());
    let _given_up = waited_for.drop_guard();
    let work = tokio::task::spawn_blocking(move || {
        let work = bound.bound(write_chunks(&file, expected, stream, algorithms));
        runtime.block_on(unwanted.run_until_cancelled(work))
    });
    let broken = |e| Error::new(ErrorKind::Internal, "a thread for the disk broke").because(e);
    // Bound here too: a disk that hangs holds its thread, but nobody else.
    let taken = call.bound(async { work.await.map_err(broken) }).await?;
    taken.unwrap_or_else(|| Err(Error::new(ErrorKind::Cancelled, "nobody waits for it any more")))
}

async fn write_chunks(
    file: &File,
    expected: Option<u64>,
    mut stream: ByteStream,
    algorithms: Vec<Algorithm>,
) -> Result<Taken> {
    preallocate(file, expected)?;
    let mut hasher = Hasher::new(algorithms);
    let mut started = 0;
    let mut out = file;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        hasher.update(&chunk);
        out.write_all(&chunk)?;
        if hasher.length() - started >= WRITEBACK {
            begin_writeback(file, started, hasher.length());
            started = hasher.length();
        }
    }
    Ok(Taken { size: hasher.length(), digests: hasher.finish() })
}

/// The kernel begins to write what it is told to forget, and forgets only what is on the disk.
pub(super) fn begin_writeback(file: &File, from: u64, to: u64) {
    let length = std::num::NonZeroU64::new(to - from);
    // Advice only: whatever comes of it, the sync at the end decides.
    let _ = rustix::fs::fadvise(file, from, length, Advice::DontNeed);
}

fn finish_file(file: &File, modified: Option<std::time::SystemTime>, durability: Durability) -> Result<()> {
    if let Some(time) = modified {
        file.set_modified(time)?;
    }
    if durability == Durability::Full {
        file.sync_all()?;
    }
    Ok(())
}

/// The size as the disk has it; with a checksum to compare, the bytes are read back.
async fn check_disk(call: &Call, staged: &Staged, taken: &Taken, check: Option<Algorithm>) -> Result<Proof> {
    same_size(staged, taken.size)?;
    let Some(algorithm) = check else { return Ok(Proof::Local) };
    let file = LocalFile::new(staged.file.try_clone()?, staged.temporary.clone());
    let read_back = call.bound(hash_local(file, vec![algorithm])).await?;
    let of = |digests: &[Digest]| digests.iter().find(|digest| digest.algorithm() == algorithm).cloned();
    if of(&read_back.digests) != of(&taken.digests) {
        return Err(Error::new(ErrorKind::Integrity, format!("checksum mismatch ({algorithm}) after writing")));
    }
    Ok(Proof::Checksum(algorithm))
}

impl Staged {
    /// Gives the file its name; the version that is published.
    fn publish(mut self, rule: &Existing, durability: Durability) -> Result<Option<Validator>> {
        if let Existing::ReplaceOnly(_) = rule {
            may_replace(&self.target, fs::symlink_metadata(&self.target).ok().as_ref(), rule)?;
        }
        let renamed = match rule {
            Existing::Refuse => change::rename_new(&self.temporary, &self.target),
            _ => fs::rename(&self.temporary, &self.target),
        };
        renamed.map_err(|e| failure(e, &self.target, Operation::Put).leaving("nothing was published"))?;
        self.armed = false;
        change::sync_parent(&self.target, durability)?;
        Ok(self.file.metadata().ok().map(|metadata| describe(&metadata).identity()))
    }
}
