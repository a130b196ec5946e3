//! Copies between two storages that do not pass through this machine: ordered, followed, and proven at both ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use law_storage::{
    Algorithm, Call, Comparison, Computed, Destination, Digest, Error, ErrorKind, Metadata, Operation, Order, Outcome,
    Overwrite, Parents, Proof, Publish, Receipt, Result, Support, Verify, Way, cleanup, temporary_path,
};

use crate::copy::would_have_a_place;
use crate::{CopyOptions, Place, Policy, Progress};

/// Smaller files are copied through this machine before two storages have agreed on anything.
const WORTH_IT: u64 = 4 << 20;

/// Which ways are tried. A token is handed over only to who was wanted to have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Between {
    /// Pull, then push, then through this machine; only for files that are large enough, and where no token has to be handed over.
    #[default]
    Auto,
    /// Pull, then push, or an error.
    Only,
    /// One way, or an error.
    By(Way),
    /// Through this machine.
    Never,
}

/// Whether storages copy between themselves. All clones know what one of them found out: a way that failed is not tried for every
/// file.
#[derive(Debug, Clone, Default)]
pub struct ThirdParty {
    wanted: Between,
    failed: Arc<[AtomicBool; 2]>,
}

impl ThirdParty {
    /// As it is wanted.
    pub fn new(wanted: Between) -> Self {
        Self { wanted, failed: Arc::default() }
    }

    fn ways(&self, size: u64) -> Vec<Way> {
        let both = [Way::Pull, Way::Push];
        match self.wanted {
            Between::Never => Vec::new(),
            Between::By(way) => vec![way],
            Between::Only => both.to_vec(),
            Between::Auto if size < WORTH_IT => Vec::new(),
            Between::Auto => both.into_iter().filter(|way| !self.mark(*way).load(Ordering::Relaxed)).collect(),
        }
    }

    fn mark(&self, way: Way) -> &AtomicBool {
        &self.failed[usize::from(way == Way::Push)]
    }

    fn must(&self) -> bool {
        matches!(self.wanted, Between::Only | Between::By(_))
    }
}

/// One file that two storages shall copy.
pub(crate) struct Job<'a> {
    pub(crate) call: &'a Call,
    pub(crate) from: &'a Place,
    pub(crate) source: &'a Metadata,
    pub(crate) to: &'a Place,
    pub(crate) existing: Option<&'a Metadata>,
    pub(crate) options: &'a CopyOptions,
    pub(crate) verify: Verify,
}

/// What the storages did by themselves; none if the bytes must pass here.
pub(crate) async fn copy_between(job: &Job<'_>) -> Result<Option<(Way, Receipt)>> {
    let wanted = &job.options.third_party;
    if !wanted.must() && !job.is_possible() {
        return Ok(None);
    }
    if wanted.must() && job.options.limit.is_some() {
        let message = "what two storages copy between themselves cannot be held back by --bwlimit";
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    let ways = wanted.ways(job.size());
    if !ways.is_empty() && !job.options.one_of_many {
        // A storage may make directories that nobody has asked for.
        would_have_a_place(job.call, job.to, job.existing, job.options.parents).await?;
    }
    let mut failed = Vec::new();
    for way in ways {
        match job.copy(way).await {
            Ok(receipt) => return Ok(Some((way, receipt))),
            Err(error) if !job.is_worth_another_way(&error) => return Err(error),
            Err(error) => {
                tracing::info!(from = %job.from, to = %job.to, way = way.word(), "not copied by the storages: {error}");
                wanted.mark(way).store(true, Ordering::Relaxed);
                failed.push((way, error));
            }
        }
    }
    if wanted.must() { Err(refused(job, failed)) } else { Ok(None) }
}

/// Why none of the ways worked.
fn refused(job: &Job<'_>, failed: Vec<(Way, Error)>) -> Error {
    let kinds = failed.iter().map(|(_, error)| error.kind());
    let kind = kinds.clone().find(|kind| *kind != ErrorKind::Unsupported).unwrap_or(ErrorKind::Unsupported);
    let left = failed.iter().filter_map(|(_, error)| error.left_behind()).find(|left| left.contains("may be left"));
    let left = left.unwrap_or("nothing was published").to_owned();
    let told: Vec<String> = failed.iter().map(|(way, error)| format!("{}: {}", way.word(), error.reason())).collect();
    let message = format!("the storages could not copy {} between themselves ({})", job.from, told.join("; "));
    let error = Error::new(kind, message).at(job.to).during(Operation::Copy).leaving(left);
    error.hint("`--third-party never` copies through this machine")
}

impl Job<'_> {
    fn size(&self) -> u64 {
        self.source.size.unwrap_or_default()
    }

    /// Whether both ends are storages of their own, and nobody wants to hold the bytes back.
    fn is_possible(&self) -> bool {
        let local = |place: &Place| place.backend().capabilities().local_files == Support::Yes;
        let same = Arc::ptr_eq(self.from.fs.backend(), self.to.fs.backend());
        !same && !local(self.from) && !local(self.to) && self.options.limit.is_none()
    }

    /// What the destination says of its names, and whoever gave up, say it whatever the way.
    fn is_worth_another_way(&self, error: &Error) -> bool {
        let settled = [ErrorKind::AlreadyExists, ErrorKind::Changed, ErrorKind::Cancelled];
        let published = error.operation() == Some(Operation::Rename) && error.outcome().is_unknown();
        self.call.check().is_ok() && !settled.contains(&error.kind()) && !published
    }

    async fn copy(&self, way: Way) -> Result<Receipt> {
        if self.to.backend().capabilities().publish == Publish::Direct {
            let error = Error::new(ErrorKind::Unsupported, "files are written under their final names there");
            return Err(error.at(self.to).during(Operation::Copy));
        }
        let (source, target) = (self.from.resolved(), self.to.resolved());
        if let Some(parent) = target.parent().filter(|parent| !parent.is_root())
            && self.options.parents == Parents::Create
            && !self.options.one_of_many
        {
            self.to.backend().create_directory(self.call, &parent, Parents::Create).await?;
        }
        let place = Place::new(self.to.fs.clone(), temporary_path(&self.to.path)?);
        let name = place.resolved();
        let (performer, path, other) = match way {
            Way::Pull => (self.to, &name, self.from.backend().access(&source)?),
            Way::Push => (self.from, &source, self.to.backend().access(&name)?),
        };
        let seen = AtomicU64::new(0);
        let progress = |bytes| count(&self.options.progress, &seen, u64::min(bytes, self.size()));
        let require_checksum = self.verify == Verify::Require;
        let order = Order { other: &other, way, size: self.size(), require_checksum, progress: &progress };
        if !self.options.third_party.must() && other.is_confidential() {
            let why =
                "the other storage would have to be given a token, which only --third-party pull, push or only allows";
            return Err(Error::new(ErrorKind::Unsupported, why).at(self.to).during(Operation::Copy));
        }
        let temporary = Temporary { place, armed: true };
        let ordered = performer.backend().third_party(self.call, path, &order).await;
        let ordered = match ordered {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                // Nothing was begun.
                temporary.forget();
                return Err(error);
            }
            other => other,
        };
        match self.proven(ordered, &temporary.place).await {
            Ok(digest) => self.publish(temporary, way, digest).await,
            Err(error) => Err(temporary.discard(error).await),
        }
    }

    /// Who said how it ended is believed only where both ends agree; who did not, only where a checksum does.
    async fn proven(&self, ordered: Result<()>, copy: &Place) -> Result<Option<Digest>> {
        match ordered {
            Ok(()) => self.prove(copy).await,
            Err(error) if error.outcome().is_unknown() => match self.prove(copy).await {
                Ok(Some(digest)) => Ok(Some(digest)),
                _ => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// Compares sizes, and checksums where both have one.
    async fn prove(&self, copy: &Place) -> Result<Option<Digest>> {
        let wrong = |kind, message: String| Error::new(kind, message).at(self.to).during(Operation::Copy);
        let stored = copy.backend().stat(self.call, &copy.resolved()).await?.and_then(|metadata| metadata.size);
        if stored.is_none() || stored != self.source.size {
            let shown = |size: Option<u64>| size.map_or("no".into(), |size| size.to_string());
            let message =
                format!("size mismatch ({} bytes at the source, {} stored)", shown(self.source.size), shown(stored));
            return Err(wrong(ErrorKind::Integrity, message));
        }
        let digest = match self.verify {
            Verify::Auto | Verify::Require => self.compare(copy).await?,
            Verify::Size | Verify::None => None,
        };
        if digest.is_none() && self.verify == Verify::Require {
            let error = wrong(ErrorKind::Unsupported, "the storages have no checksum in common".into());
            return Err(error.hint("--verify auto is content with the size"));
        }
        let now = self.from.backend().stat(self.call, &self.from.resolved()).await?;
        match now.map(|now| now.identity().compare(&self.source.identity())) {
            Some(Comparison::Same | Comparison::Unknown) => Ok(digest),
            _ => Err(Error::new(ErrorKind::Changed, "the source changed while it was copied").at(self.from)),
        }
    }

    async fn compare(&self, copy: &Place) -> Result<Option<Digest>> {
        let (from, path) = (self.from.backend(), self.from.resolved());
        let mut wanted: Vec<Algorithm> = from.capabilities().digests;
        wanted.retain(|algorithm| copy.backend().capabilities().digests.contains(algorithm));
        let Some(source) = from.digest(self.call, &path, &wanted).await? else { return Ok(None) };
        let stored = copy.backend().digest(self.call, &copy.resolved(), &[source.algorithm()]).await?;
        match stored {
            // It has none: then nothing was compared.
            None => Ok(None),
            Some(stored) if stored == source => Ok(Some(source)),
            Some(stored) => {
                let (kind, source, stored) = (source.algorithm(), source.hex(), stored.hex());
                let message = format!("checksum mismatch ({kind} {source} at the source, {stored} stored)");
                Err(Error::new(ErrorKind::Integrity, message).at(self.to).during(Operation::Copy))
            }
        }
    }

    async fn publish(&self, temporary: Temporary, way: Way, digest: Option<Digest>) -> Result<Receipt> {
        let destination = match self.options.policy {
            Policy::Never | Policy::Fail => Destination::NoReplace,
            _ => Destination::Replace,
        };
        let (name, target) = (temporary.place.resolved(), self.to.resolved());
        match self.to.backend().rename(self.call, &name, &target, destination).await {
            Ok(()) => {}
            Err(error) if error.outcome().is_unknown() => {
                // It may have its name already, or get it.
                temporary.forget();
                return Err(error);
            }
            Err(error) => return Err(temporary.discard(error).await),
        }
        temporary.forget();
        let overwrite = self.existing.map(|_| self.to.backend().capabilities().overwrite);
        Ok(receipt(self.size(), way, digest, overwrite))
    }
}

fn receipt(size: u64, way: Way, digest: Option<Digest>, overwrite: Option<Overwrite>) -> Receipt {
    let proof = digest.as_ref().map_or(Proof::Size, |digest| Proof::Checksum(digest.algorithm()));
    Receipt {
        size,
        digests: digest.into_iter().map(|digest| (digest, Computed::Storage)).collect(),
        validator: None,
        proof: proof.clone(),
        source_proof: proof,
        publish: Publish::Rename,
        overwrite,
        door: way.word().into(),
        attempts: Vec::new(),
    }
}

/// Storages tell sums, and some go back.
fn count(progress: &Progress, seen: &AtomicU64, now: u64) {
    let before = seen.fetch_max(now, Ordering::Relaxed);
    progress.add_bytes(now.saturating_sub(before));
}

/// What another storage writes to, removed unless it was published.
struct Temporary {
    place: Place,
    armed: bool,
}

impl Temporary {
    /// It was published, or never made.
    fn forget(mut self) {
        self.armed = false;
    }

    /// Removes it now, and tells in the error what is left.
    async fn discard(mut self, error: Error) -> Error {
        let broke_off =
            error.outcome().is_unknown() || matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Cancelled);
        let looks = if broke_off { LOOKS } else { 1 };
        let removed = tokio::time::timeout(cleanup::LIMIT, remove(&self.place, looks)).await;
        self.armed = false;
        match removed {
            Ok(Ok(true)) => error.leaving("nothing was published"),
            Ok(Ok(false)) if !broke_off => error.leaving("nothing was published"),
            _ => error.leaving(format!("nothing was published; the temporary file {} may be left", self.place)),
        }
    }
}

/// How often it is looked for what a storage may still make after its order broke off.
const LOOKS: u32 = 4;

/// Whether there was something, which is gone now.
async fn remove(place: &Place, looks: u32) -> Result<bool> {
    let mut found = false;
    for look in 0..looks {
        if look > 0 {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        match place.backend().remove_file(&Call::new(), &place.resolved()).await {
            Ok(()) => found = true,
            Err(error) if error.kind() == ErrorKind::NotFound && *error.outcome() == Outcome::NotDone => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.armed {
            let place = self.place.clone();
            cleanup::start(async move { drop(remove(&place, LOOKS).await) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use law_storage::{Backend as _, BytesSource, FileSystem, Memory, Path, PutOptions};

    async fn place(name: &str, has_digests: bool) -> Place {
        let memory = Memory::new().with_capabilities(|all| {
            if !has_digests {
                all.digests.clear();
            }
        });
        let path = Path::parse("file").unwrap();
        memory.put(&Call::new(), &path, &BytesSource::new("content"), &PutOptions::default()).await.unwrap();
        Place::new(FileSystem::new(name, Path::root(), Arc::new(memory)), path)
    }

    async fn proof(verify: Verify, from: bool, to: bool) -> Result<Option<Digest>> {
        let (from, to, call) = (place("from", from).await, place("to", to).await, Call::new());
        let source = from.backend().stat(&call, &from.resolved()).await.unwrap().unwrap();
        let options = CopyOptions::default();
        let job = Job { call: &call, from: &from, source: &source, to: &to, existing: None, options: &options, verify };
        job.prove(&to).await
    }

    #[tokio::test]
    async fn a_checksum_of_one_end_proves_nothing() {
        assert!(proof(Verify::Auto, true, true).await.unwrap().is_some());
        for (from, to) in [(true, false), (false, true), (false, false)] {
            assert_eq!(proof(Verify::Auto, from, to).await.unwrap(), None);
            assert_eq!(proof(Verify::Require, from, to).await.unwrap_err().kind(), ErrorKind::Unsupported);
        }
    }
}
