//! Reading: positional, from the version that was opened.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use law_storage::{
    ByteRange, ByteStream, Call, Comparison, ErrorKind, LocalFile, Metadata, Operation, ReadOptions, Reading, Result,
    Validator, read_local,
};

use super::inspect::describe;
use super::{failure, refusal};

/// Opens a file for reading. A pipe or a device is refused, and does not make anybody wait.
pub(super) fn open_file(path: &Path) -> Result<LocalFile> {
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path);
    let file = file.map_err(|e| failure(e, path, Operation::Read))?;
    let metadata = file.metadata().map_err(|e| failure(e, path, Operation::Read))?;
    match describe(&metadata) {
        found if found.is_directory() => Err(refusal(ErrorKind::IsADirectory, path, Operation::Read)),
        found if found.is_file() => Ok(LocalFile::new(file, path.into())),
        _ => Err(refusal(ErrorKind::InvalidInput, path, Operation::Read).hint("it is neither a file nor a directory")),
    }
}

/// What is open now, if it is the version that is wanted.
pub(super) fn check_version(local: &LocalFile, wanted: Option<&Validator>) -> Result<Metadata> {
    let now = local.file().metadata().map_err(|e| failure(e, local.path(), Operation::Read))?;
    let now = describe(&now);
    match wanted.map(|wanted| wanted.compare(&now.identity())) {
        Some(Comparison::Different) => Err(refusal(ErrorKind::Changed, local.path(), Operation::Read)),
        _ => Ok(now),
    }
}

pub(super) fn read(path: PathBuf, options: &ReadOptions, call: Call) -> Result<Reading> {
    let local = open_file(&path)?;
    let metadata = check_version(&local, options.validator.as_ref())?;
    let size = metadata.size.unwrap_or_default();
    let range = options.range.unwrap_or(ByteRange::whole(size)).clamp(size);
    let validator = metadata.identity();
    let stream = watched(local, range, validator.clone(), call);
    Ok(Reading { size, range, validator, digests: Vec::new(), stream })
}

/// A stream that ends in `Changed` if somebody wrote to the open file meanwhile.
fn watched(local: LocalFile, range: ByteRange, validator: Validator, call: Call) -> ByteStream {
    let state = (read_local(local.clone(), range), local, validator, call);
    stream::try_unfold(state, |(mut stream, local, validator, call)| async move {
        match call.bound(async { stream.next().await.transpose() }).await {
            Ok(Some(chunk)) => Ok(Some((chunk, (stream, local, validator, call)))),
            Ok(None) => check_version(&local, Some(&validator)).map(|_| None),
            Err(error) => Err(check_version(&local, Some(&validator)).err().unwrap_or(error)),
        }
    })
    .boxed()
}

pub(super) fn read_ranges(path: PathBuf, ranges: &[ByteRange], wanted: Option<&Validator>) -> Result<Vec<Bytes>> {
    let local = open_file(&path)?;
    let metadata = check_version(&local, wanted)?;
    let size = metadata.size.unwrap_or_default();
    let parts: Result<Vec<Bytes>> = ranges.iter().map(|range| part(local.file(), range.clamp(size), &path)).collect();
    let parts = parts?;
    check_version(&local, Some(&metadata.identity()))?;
    Ok(parts)
}

fn part(file: &File, range: ByteRange, path: &Path) -> Result<Bytes> {
    let mut buffer = vec![0; range.length as usize];
    match file.read_exact_at(&mut buffer, range.offset) {
        Ok(()) => Ok(buffer.into()),
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(refusal(ErrorKind::Changed, path, Operation::Read))
        }
        Err(e) => Err(failure(e, path, Operation::Read)),
    }
}
