//! After a request whose answer was lost: looks what is there, and decides. Nothing here guesses: where looking does not
//! tell, the error says so.

use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;

use crate::final_source::FinalSource;
use crate::{
    Algorithm, Backend, ByteStream, Call, Comparison, Computed, Destination, Digest, Error, ErrorKind, Hasher,
    Metadata, Modified, Operation, Outcome, Path, Proof, Publish, ReadOptions, Receipt, Result, Source, Taken,
    Validator,
};

/// How far the clocks of a storage and of this machine may be apart.
const CLOCKS: Duration = Duration::from_secs(10);

/// The receipt of what was written, if it was; none if it must be done again.
pub(crate) async fn put(
    (backend, call, path): (&dyn Backend, &Call, &Path),
    source: &FinalSource<'_>,
    outcome: &Outcome,
) -> Result<Option<Receipt>> {
    let call = &call.clone().looking();
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
            if !is_what_was_sent(call, theirs, source, &sent).await? {
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

/// Whether the bytes that were read back are those that were sent, by the checksums that were computed on the way. Only
/// where there is none the source is read once more, and then afterwards: both may need a place at the same endpoint, which
/// may have only one.
async fn is_what_was_sent(call: &Call, theirs: ByteStream, source: &dyn Source, sent: &[Digest]) -> Result<bool> {
    if !sent.is_empty() {
        let (_, found) = hashed(theirs, sent.iter().map(Digest::algorithm)).await?;
        return Ok(sent.iter().all(|digest| found.contains(digest)));
    }
    let theirs = hashed(theirs, [Algorithm::Sha256]).await?;
    let ours = hashed(source.open(call, 0).await?, [Algorithm::Sha256]).await?;
    Ok(ours == theirs)
}

/// Size and checksums of a stream, which is closed then.
async fn hashed(mut stream: ByteStream, algorithms: impl IntoIterator<Item = Algorithm>) -> Result<(u64, Vec<Digest>)> {
    let mut hasher = Hasher::new(algorithms);
    while let Some(chunk) = stream.next().await.transpose()? {
        hasher.update(&chunk);
    }
    Ok((hasher.length(), hasher.finish()))
}

/// Whether a directory is gone. One that somebody made since is removed in its place only if it is empty as well.
pub(crate) async fn removal(backend: &dyn Backend, call: &Call, path: &Path) -> Result<Option<()>> {
    Ok(backend.lstat(&call.clone().looking(), path).await?.is_none().then_some(()))
}

/// A file that is to be removed, as far as it is known without asking for it.
pub(crate) struct Doomed {
    /// What was seen there a moment before.
    seen: Option<Validator>,
    /// When its removal began.
    since: SystemTime,
}

impl Doomed {
    /// What has this name now.
    pub(crate) fn now(seen: Option<Validator>) -> Self {
        Self { seen, since: SystemTime::now() }
    }

    /// Whether this is surely no file that took its name since.
    fn is(&self, found: &Metadata) -> bool {
        let now = found.identity().and_modified(found.modified);
        match &self.seen {
            Some(seen) if seen.is_version(&now) => true,
            Some(seen) if seen.compare(&now) == Comparison::Different => false,
            _ => found.modified.is_some_and(|modified| self.began_after(&modified)),
        }
    }

    fn began_after(&self, modified: &Modified) -> bool {
        let latest = modified.time.checked_add(modified.resolution.saturating_add(CLOCKS));
        latest.is_some_and(|latest| latest <= self.since)
    }
}

/// Whether a file is gone; none if it must be removed again. A new file that took its name is never removed in its place:
/// where it cannot be told from the old one, nobody knows.
pub(crate) async fn removal_of_file(
    (backend, call, path): (&dyn Backend, &Call, &Path),
    doomed: &Doomed,
) -> Result<Option<()>> {
    match backend.lstat(&call.clone().looking(), path).await? {
        None => Ok(Some(())),
        // A directory will be refused.
        Some(found) if found.is_directory() || doomed.is(&found) => Ok(None),
        Some(_) => Err(unclear("what is there may be a new file", backend.url(path)).during(Operation::Remove)),
    }
}

/// Whether it has its new name. `before` is what was renamed, where something may be replaced.
pub(crate) async fn rename(
    (backend, call): (&dyn Backend, &Call),
    (from, to): (&Path, &Path),
    destination: Destination,
    before: Option<&Validator>,
) -> Result<Option<()>> {
    let call = &call.clone().looking();
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
    let call = &call.clone().looking();
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
    let call = &call.clone().looking();
    let there = backend.lstat(call, path).await?.is_some();
    Ok((there && backend.read_link(call, path).await? == target).then_some(()))
}

fn unclear(why: &str, url: String) -> Error {
    Error::new(ErrorKind::Unavailable, format!("cannot tell whether it happened: {why}")).at(url)
}

/// What an error leaves of which nobody knows whether it happened, if it is not about the content of a file.
const UNTOLD: &str = "it may or may not have happened";

/// What stands before the reason why that could not be found out.
const LOOKED: &str = ", and looking failed: ";

/// An error whose outcome is still unknown, as looking failed, too.
fn unsure(error: Error, look: &Error) -> Error {
    let told = error.left_behind().filter(|left| left.contains(Outcome::UNSURE)).map(str::to_owned);
    let what = told.unwrap_or_else(|| match error.operation() {
        Some(Operation::Put) => Outcome::UNSURE.into(),
        _ => UNTOLD.into(),
    });
    // Up to here `nothing_happened` takes it away again.
    let reason = look.reason().replace("; ", ", ");
    let (what, rest) = what.split_once("; ").unwrap_or((&what, ""));
    let rest = if rest.is_empty() { String::new() } else { format!("; {rest}") };
    let left = format!("{what}{LOOKED}{reason}{rest}");
    let hint = "once the storage can be asked again, look what is there, or give the same command again";
    let error = if error.hint_text().is_none() { error.hint(hint) } else { error };
    error.leaving(left)
}

/// After an attempt that failed: breaks off with what it has done all the same, or goes on with the error. `earlier` remembers
/// the last outcome that was not known; `done` looks.
///
/// # Errors
/// Nobody can tell.
pub(crate) async fn after<T, F: Future<Output = Result<Option<T>>>>(
    error: Error,
    earlier: &mut Option<Outcome>,
    done: impl FnOnce(Outcome) -> F,
) -> Result<ControlFlow<T, Error>> {
    let Some(outcome) = to_look_after(&error, earlier) else { return Ok(ControlFlow::Continue(error)) };
    match done(outcome).await {
        Ok(Some(value)) => Ok(ControlFlow::Break(value)),
        Ok(None) => Ok(ControlFlow::Continue(nothing_happened(error))),
        Err(look) => Err(unsure(error, &look)),
    }
}

/// What must be looked after: an outcome that is not known, or an answer that an earlier attempt may have brought about.
fn to_look_after(error: &Error, earlier: &mut Option<Outcome>) -> Option<Outcome> {
    if error.outcome().is_unknown() {
        *earlier = Some(error.outcome().clone());
        return earlier.clone();
    }
    let by_us = matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::Changed | ErrorKind::NotFound);
    earlier.clone().filter(|_| by_us)
}

/// An error after it turned out that nothing had happened so far. A server that writes under the final name may still be
/// about to: then nobody knows.
fn nothing_happened(error: Error) -> Error {
    if matches!(error.outcome(), Outcome::UnknownAfter(receipt) if receipt.publish == Publish::Direct) {
        return error;
    }
    // Where looking has failed before, somebody else has been asked since.
    let left = error.left_behind().map(|left| match left.split_once(LOOKED) {
        Some((what, looked)) => [what, looked.find("; ").map_or("", |rest| &looked[rest..])].concat(),
        None => left.to_owned(),
    });
    let left = left.map(|left| left.replace(Outcome::UNSURE, NOTHING[0]).replace(UNTOLD, "nothing has happened"));
    let error = error.with_outcome(Outcome::NotDone);
    match left {
        Some(left) => error.leaving(left),
        None => error,
    }
}

/// An error after an attempt whose answer was lost at a server that writes under the final name: whatever failed later, that
/// server may still act on the request. `earlier` is the last outcome that was not known.
pub(crate) fn in_doubt(error: Error, earlier: Option<&Outcome>) -> Error {
    let Some(outcome @ Outcome::UnknownAfter(receipt)) = earlier else { return error };
    if receipt.publish != Publish::Direct {
        return error;
    }
    let left = match error.left_behind() {
        None => Outcome::UNSURE.to_owned(),
        Some(left) if left.contains(Outcome::UNSURE) => left.to_owned(),
        // That is true of the last attempt only.
        Some(left) if NOTHING.iter().any(|nothing| left.contains(nothing)) => {
            NOTHING.iter().fold(left.to_owned(), |left, nothing| left.replace(nothing, Outcome::UNSURE))
        }
        Some(left) => format!("{}; {left}", Outcome::UNSURE),
    };
    error.with_outcome(outcome.clone()).leaving(left)
}

/// What backends say of a write that has left nothing.
const NOTHING: [&str; 2] = ["nothing was published", "nothing was written"];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

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

    #[test]
    fn what_one_door_could_not_tell_another_can() {
        let (look, lost) = (Error::new(ErrorKind::Timeout, "no answer"), Error::new(ErrorKind::Timeout, "lost"));
        let unsure = unsure(lost.with_outcome(Outcome::Unknown).during(Operation::Remove), &look);
        assert_eq!(unsure.left_behind(), Some("it may or may not have happened, and looking failed: no answer"));
        assert_eq!(nothing_happened(unsure).left_behind(), Some("nothing has happened"));
        let lost = Error::new(ErrorKind::Timeout, "lost").with_outcome(Outcome::Unknown).during(Operation::Put);
        let unsure = super::unsure(lost.leaving(format!("{}; a file may be left", Outcome::UNSURE)), &look);
        let told =
            "the new content may or may not have been published, and looking failed: no answer; a file may be left";
        assert_eq!(unsure.left_behind(), Some(told));
        assert!(unsure.hint_text().is_some());
        assert_eq!(nothing_happened(unsure).left_behind(), Some("nothing was published; a file may be left"));
    }

    #[test]
    fn a_file_is_the_old_one_by_its_version_or_by_a_time_that_no_clock_explains() {
        let file = |age: u64| {
            let modified = Modified::seconds(SystemTime::now() - Duration::from_secs(age));
            Metadata { modified: Some(modified), ..Metadata::file(3) }
        };
        let seen = |found: &Metadata| Doomed::now(Some(found.identity()));
        assert!(seen(&file(2)).is(&file(2)) && !seen(&file(60)).is(&file(30)));
        assert!(!seen(&file(60)).is(&Metadata { size: Some(4), ..file(60) }));
        let unseen = Doomed::now(None);
        assert!(unseen.is(&file(60)) && !unseen.is(&file(2)));
        assert!(!unseen.is(&Metadata { modified: None, ..file(60) }));
        // Every file of that size has it.
        assert!(!seen(&Metadata::file(3)).is(&Metadata::file(3)));
    }

    /// A source at an endpoint that has one place for what is read, and waits for it.
    #[derive(Debug)]
    struct Beside(Arc<Semaphore>, crate::BytesSource);

    impl Beside {
        async fn read(&self, call: &Call) -> Result<ByteStream> {
            let place = call.bound(async { Ok(self.0.clone().acquire_owned().await.unwrap()) }).await?;
            Ok(self.1.open(call, 0).await?.inspect(move |_| assert_eq!(place.num_permits(), 1)).boxed())
        }
    }

    #[async_trait::async_trait]
    impl Source for Beside {
        fn describe(&self) -> String {
            self.1.describe()
        }

        fn size(&self) -> Option<u64> {
            self.1.size()
        }

        async fn open(&self, call: &Call, _: u64) -> Result<ByteStream> {
            self.read(call).await
        }

        fn wanted(&self) -> Vec<Algorithm> {
            Vec::new()
        }

        async fn prove(&self, call: &Call, taken: &Taken) -> Result<Proof> {
            self.1.prove(call, taken).await
        }

        async fn local_file(&self) -> Result<Option<crate::LocalFile>> {
            Ok(None)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_read_back_and_its_source_need_one_place_between_them() {
        let call = Call::new().within(Duration::from_secs(60));
        let source = Beside(Arc::new(Semaphore::new(1)), crate::BytesSource::new("the same"));
        let theirs = source.read(&call).await.unwrap();
        assert!(is_what_was_sent(&call, theirs, &source, &[]).await.unwrap());
        for other in ["another", "THE SAME", ""] {
            let theirs = crate::ready(other.into());
            assert!(!is_what_was_sent(&call, theirs, &source, &[]).await.unwrap(), "{other}");
        }
    }
}
