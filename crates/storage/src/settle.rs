//! After a request whose answer was lost: looks what is there, and decides. Nothing here guesses: where looking does not
//! tell, the error says so.

use futures_util::StreamExt as _;

use crate::final_source::FinalSource;
use crate::{
    Algorithm, Backend, ByteStream, Call, Comparison, Computed, Destination, Digest, Error, ErrorKind, Metadata,
    Operation, Outcome, Path, Proof, Publish, ReadOptions, Receipt, Result, Source, Taken, Validator,
};

/// The receipt of what was written, if it was; none if it must be done again.
pub(crate) async fn put(
    (backend, call, path): (&dyn Backend, &Call, &Path),
    source: &FinalSource<'_>,
    outcome: &Outcome,
) -> Result<Option<Receipt>> {
    let Some(found) = backend.stat(call, path).await? else { return Ok(None) };
    let mut receipt = match outcome {
        Outcome::UnknownAfter(receipt) => (**receipt).clone(),
        _ => unknown(backend, source.size()),
    };
    if !found.is_file() || found.size != Some(receipt.size) {
        return Ok(None);
    }
    receipt.digests.retain(|(_, who)| *who == Computed::Here);
    receipt.validator = Some(found.identity());
    let sent: Vec<Digest> = receipt.digests.iter().map(|(digest, _)| digest.clone()).collect();
    match stored(backend, call, path, &sent).await? {
        Some(stored) if sent.contains(&stored) => {
            receipt.proof = Proof::Checksum(stored.algorithm());
            receipt.digests.push((stored, Computed::Storage));
        }
        Some(_) => return Ok(None),
        None => {
            let theirs = backend.read(call, path, &ReadOptions::whole()).await?.stream;
            if !same_bytes(source.open(call, 0).await?, theirs).await? {
                return Ok(None);
            }
            receipt.proof = Proof::ReadBack;
        }
    }
    receipt.source_proof = source.proven(call, &Taken { size: receipt.size, digests: sent }).await?;
    Ok(Some(receipt))
}

/// Of a backend that does not tell what it had sent.
fn unknown(backend: &dyn Backend, size: Option<u64>) -> Receipt {
    let capabilities = backend.capabilities();
    Receipt {
        // No file has this size.
        size: size.unwrap_or(u64::MAX),
        digests: Vec::new(),
        validator: None,
        proof: Proof::None,
        source_proof: Proof::None,
        publish: capabilities.publish,
        overwrite: Some(capabilities.overwrite),
        door: backend.url(&Path::root()).trim_end_matches('/').to_owned(),
        attempts: Vec::new(),
    }
}

/// The storage's checksum of a kind that was computed on the way.
async fn stored(backend: &dyn Backend, call: &Call, path: &Path, sent: &[Digest]) -> Result<Option<Digest>> {
    let known: Vec<Algorithm> = sent.iter().map(Digest::algorithm).collect();
    if known.is_empty() {
        return Ok(None);
    }
    let digest = match backend.digest(call, path, &known).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => None,
        other => other?,
    };
    Ok(digest.filter(|digest| known.contains(&digest.algorithm())))
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
    let told = error.left_behind().filter(|left| left.contains(Outcome::UNSURE)).map(str::to_owned);
    let what = told.unwrap_or_else(|| match error.operation() {
        Some(Operation::Put) => Outcome::UNSURE.into(),
        _ => "it may or may not have happened".into(),
    });
    error.leaving(format!("{what}, and looking failed: {}", look.reason()))
}

/// What must be looked after: an outcome that is not known, or an answer that an earlier attempt may have brought about.
/// `earlier` remembers the last outcome that was not known.
pub(crate) fn to_look_after(error: &Error, earlier: &mut Option<Outcome>) -> Option<Outcome> {
    if error.outcome().is_unknown() {
        *earlier = Some(error.outcome().clone());
        return earlier.clone();
    }
    let by_us = matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::Changed | ErrorKind::NotFound);
    earlier.clone().filter(|_| by_us)
}

/// An error after it turned out that nothing had happened so far. A server that writes under the final name may still be
/// about to: then nobody knows.
pub(crate) fn nothing_happened(error: Error) -> Error {
    if matches!(error.outcome(), Outcome::UnknownAfter(receipt) if receipt.publish == Publish::Direct) {
        return error;
    }
    let left = error.left_behind().map(|left| left.replace(Outcome::UNSURE, "nothing was published"));
    let error = error.with_outcome(Outcome::NotDone);
    match left {
        Some(left) => error.leaving(left),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_an_earlier_attempt_may_have_brought_about_is_looked_after() {
        let lost = || Error::new(ErrorKind::Timeout, "lost").with_outcome(Outcome::Unknown);
        let exists = || Error::new(ErrorKind::AlreadyExists, "there is one");
        let mut earlier = None;
        assert_eq!(to_look_after(&exists(), &mut earlier), None);
        assert_eq!(to_look_after(&Error::new(ErrorKind::Unavailable, "down"), &mut earlier), None);
        assert_eq!(to_look_after(&lost(), &mut earlier), Some(Outcome::Unknown));
        assert_eq!(to_look_after(&exists(), &mut earlier), Some(Outcome::Unknown));
        assert_eq!(to_look_after(&Error::new(ErrorKind::NoSpace, "full"), &mut earlier), None);
    }
}
