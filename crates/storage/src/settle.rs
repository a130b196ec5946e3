//! After a request whose answer was lost: looks what is there, and decides. Nothing here guesses: where looking does not
//! tell, the error says so.

use futures_util::StreamExt as _;

use crate::final_source::FinalSource;
use crate::{
    Algorithm, Backend, ByteStream, Call, Comparison, Computed, Destination, Digest, Error, ErrorKind, Existing,
    Metadata, Operation, Outcome, Path, Proof, PutOptions, ReadOptions, Receipt, Result, Source, Taken, Validator,
};

/// What was written, if it was; none if it must be done again.
pub(crate) async fn put(
    (backend, call, path): (&dyn Backend, &Call, &Path),
    source: &FinalSource<'_>,
    options: &PutOptions,
    outcome: &Outcome,
) -> Result<Option<Receipt>> {
    let Some(found) = backend.stat(call, path).await? else { return Ok(None) };
    let size = match outcome {
        Outcome::UnknownAfter(taken) => Some(taken.size),
        _ => source.size(),
    };
    if !found.is_file() || size.is_none() || found.size != size {
        return Ok(None);
    }
    let taken = match outcome {
        Outcome::UnknownAfter(taken) => taken.clone(),
        _ => Taken { size: size.unwrap_or_default(), digests: Vec::new() },
    };
    match stored(backend, call, path, &taken).await? {
        Some(stored) if taken.digests.contains(&stored) => {
            let proof = Proof::Checksum(stored.algorithm());
            receipt((backend, call), source, (taken, Some(stored)), &found, proof).await.map(Some)
        }
        Some(_) => Ok(None),
        // The same bytes once more do no harm where replacing is allowed; elsewhere it must be known whose file this is.
        None if options.existing == Existing::Replace => Ok(None),
        None => {
            let theirs = backend.read(call, path, &ReadOptions::whole()).await?.stream;
            match same_bytes(source.open(call, 0).await?, theirs).await? {
                true => receipt((backend, call), source, (taken, None), &found, Proof::Local).await.map(Some),
                false => Ok(None),
            }
        }
    }
}

/// The storage's checksum of a kind that was computed on the way.
async fn stored(backend: &dyn Backend, call: &Call, path: &Path, taken: &Taken) -> Result<Option<Digest>> {
    let known: Vec<Algorithm> = taken.digests.iter().map(Digest::algorithm).collect();
    if known.is_empty() {
        return Ok(None);
    }
    let digest = match backend.digest(call, path, &known).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => None,
        other => other?,
    };
    Ok(digest.filter(|digest| known.contains(&digest.algorithm())))
}

async fn receipt(
    (backend, call): (&dyn Backend, &Call),
    source: &FinalSource<'_>,
    (taken, stored): (Taken, Option<Digest>),
    found: &Metadata,
    proof: Proof,
) -> Result<Receipt> {
    let source_proof = source.proven(call, &taken).await?;
    let capabilities = backend.capabilities();
    let here = taken.digests.into_iter().map(|digest| (digest, Computed::Here));
    Ok(Receipt {
        size: taken.size,
        digests: here.chain(stored.map(|digest| (digest, Computed::Storage))).collect(),
        validator: Some(found.identity()),
        proof,
        source_proof,
        publish: capabilities.publish,
        overwrite: Some(capabilities.overwrite),
        door: backend.url(&Path::root()).trim_end_matches('/').to_owned(),
        attempts: Vec::new(),
    })
}

/// Whether two streams have the same bytes.
async fn same_bytes(mut ours: ByteStream, mut theirs: ByteStream) -> Result<bool> {
    let (mut left, mut right) = (bytes::Bytes::new(), bytes::Bytes::new());
    loop {
        for (buffer, stream) in [(&mut left, &mut ours), (&mut right, &mut theirs)] {
            while buffer.is_empty() {
                let Some(more) = stream.next().await.transpose()? else { break };
                *buffer = more;
            }
        }
        let common = left.len().min(right.len());
        if left.split_to(common) != right.split_to(common) {
            return Ok(false);
        }
        // Nothing in common is the end of one of them.
        if common == 0 {
            return Ok(left.is_empty() && right.is_empty());
        }
    }
}

/// Whether it is gone.
pub(crate) async fn removal(backend: &dyn Backend, call: &Call, path: &Path) -> Result<Option<()>> {
    Ok(backend.lstat(call, path).await?.is_none().then_some(()))
}

/// Whether it has its new name. `before` is what was renamed, where something may be replaced.
pub(crate) async fn rename(
    (backend, call): (&dyn Backend, &Call),
    (from, to): (&Path, &Path),
    destination: Destination,
    before: Option<&Validator>,
) -> Result<Option<()>> {
    let (old, new) = (backend.lstat(call, from).await?, backend.lstat(call, to).await?);
    match (old, new) {
        (Some(_), None) => Ok(None),
        (None, Some(_)) => Ok(Some(())),
        (None, None) => Err(unclear("both names are gone", backend.url(from)).during(Operation::Rename)),
        (Some(_), Some(_)) if destination == Destination::NoReplace => Ok(None),
        (Some(old), Some(new)) => {
            let same = |found: &Metadata| before.map(|before| before.compare(&found.identity()));
            match (same(&old), same(&new)) {
                (Some(Comparison::Same), _) => Ok(None),
                // Somebody has made a new file under the old name.
                (Some(Comparison::Different), Some(Comparison::Same)) => Ok(Some(())),
                _ => Err(unclear("both names exist", backend.url(from)).during(Operation::Rename)),
            }
        }
    }
}

/// Whether the copy is there.
pub(crate) async fn copy(
    (backend, call): (&dyn Backend, &Call),
    (from, to): (&Path, &Path),
    destination: Destination,
) -> Result<Option<()>> {
    let Some(copied) = backend.stat(call, to).await? else { return Ok(None) };
    let Some(source) = backend.stat(call, from).await? else { return Ok(None) };
    if copied.size != source.size {
        return Ok(None);
    }
    let ours = backend.digest(call, from, &[]).await?;
    let wanted: Vec<Algorithm> = ours.iter().map(Digest::algorithm).collect();
    let theirs = backend.digest(call, to, &wanted).await?;
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours == theirs => Ok(Some(())),
        (Some(ours), Some(theirs)) if ours.algorithm() == theirs.algorithm() => Ok(None),
        _ if destination == Destination::Replace => Ok(None),
        _ => Err(unclear("there is no checksum to compare with", backend.url(to)).during(Operation::Copy)),
    }
}

/// Whether the link is there.
pub(crate) async fn link(backend: &dyn Backend, call: &Call, path: &Path, target: &[u8]) -> Result<Option<()>> {
    let there = backend.lstat(call, path).await?.is_some();
    Ok((there && backend.read_link(call, path).await? == target).then_some(()))
}

fn unclear(why: &str, url: String) -> Error {
    Error::new(ErrorKind::Unavailable, format!("cannot tell whether it happened: {why}")).at(url)
}

/// An error whose outcome is still unknown, as looking failed, too.
pub(crate) fn unsure(error: Error, look: &Error) -> Error {
    let what = match error.operation() {
        Some(Operation::Put) => Outcome::UNSURE,
        _ => "it may or may not have happened",
    };
    error.leaving(format!("{what}, and looking failed: {}", look.reason()))
}

/// An error after it turned out that nothing had happened.
pub(crate) fn nothing_happened(error: Error) -> Error {
    let left = error.left_behind().map(|left| left.replace(Outcome::UNSURE, "nothing was published"));
    let error = error.with_outcome(Outcome::NotDone);
    match left {
        Some(left) => error.leaving(left),
        None => error,
    }
}
