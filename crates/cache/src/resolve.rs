//! Which version is read, and what is here of it.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use law_storage::{Backend, Call, Comparison, Digest, Error, ErrorKind, Operation, Path, Result, Validator};

use crate::Policy;
use crate::fill::may_keep;
use crate::names::{Entry, Known, Names};
use crate::object::{Meta, Object, discard};
use crate::statistics::Counters;
use crate::store::{Store, now};
use crate::version::{Version, is_file};
use crate::whole;

/// What all calls need.
pub(crate) struct Shared {
    pub(crate) inner: Arc<dyn Backend>,
    pub(crate) name: Arc<str>,
    pub(crate) store: Arc<Store>,
    pub(crate) names: Names,
    pub(crate) policy: Policy,
    pub(crate) counters: Counters,
    /// Where the storage is, so that another one of the same name is not taken for it.
    pub(crate) doors: Vec<String>,
    /// Bytes of a block.
    pub(crate) block: u64,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.counters.write_down(&self.store, &self.name);
    }
}

/// Work on the disk of the cache.
pub(crate) async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let broken = |error| Error::new(ErrorKind::Internal, "a thread of the cache broke").because(error);
    Ok(tokio::task::spawn_blocking(work).await.map_err(broken)??)
}

/// What a reader gets.
pub(crate) enum Resolved {
    /// This version, as far as it is here.
    Kept(Arc<Object>, Validator, Vec<Digest>),
    /// Whatever the storage says.
    Past,
}

impl Shared {
    /// Nothing that was known of a path counts any more; the old content goes.
    pub(crate) async fn forget(self: &Arc<Self>, path: &Path) {
        let (shared, path) = (self.clone(), path.clone());
        let forgotten = on_disk(move || {
            if let Some(known) = shared.names.forget(&path)? {
                discard(&shared.store, &known.object)?;
            }
            Ok(())
        });
        if let Err(error) = forgotten.await {
            tracing::warn!("the cache cannot forget {error}");
        }
    }

    /// Adds what was counted to the sums on disk.
    pub(crate) async fn write_down(self: &Arc<Self>) {
        // Locks and a file for each little read would be more than the read.
        if self.counters.are_due() {
            let shared = self.clone();
            let _ = on_disk(move || {
                shared.counters.write_down(&shared.store, &shared.name);
                Ok(())
            })
            .await;
        }
    }

    /// What is known of a path, if it was this storage that said so.
    pub(crate) fn known<'a>(&self, entry: &'a Entry) -> Option<&'a Known> {
        let same =
            |known: &&Known| known.doors.iter().any(|door| self.doors.contains(door)) || known.doors == self.doors;
        entry.known.as_ref().filter(same)
    }

    /// The version that is here, if the policy, or what the caller has seen, says that it is the right one.
    fn trusted(&self, entry: &Entry, pinned: Option<&Validator>) -> Option<(Object, Version)> {
        let known = self.known(entry)?;
        let right = match pinned {
            Some(pinned) => self.is_same(known, pinned),
            None => self.policy.trusts(known.age()),
        };
        let object = right.then(|| Object::open(&self.store, &known.object).ok().flatten())??;
        (object.meta.size == known.version.size).then(|| (object, known.version.clone()))
    }

    /// Whether a version that somebody has seen is the one that is kept: by more than its time, or by a time that no other version had.
    fn is_same(&self, known: &Known, seen: &Validator) -> bool {
        let validator = known.version.validator();
        validator.is_surely(seen) || ((known.settled || self.policy == Policy::Immutable) && validator.is_version(seen))
    }

    /// Notes a version, and opens its object. What was kept of another one goes.
    pub(crate) fn note(&self, path: &Path, entry: &Entry, version: Version) -> io::Result<Option<Object>> {
        let same = self.known(entry).filter(|known| self.is_same(known, &version.validator()));
        let after = entry.after();
        let key = same.map_or_else(
            || version.key(&self.name, path.as_bytes(), &after, &self.doors),
            |known| known.object.clone(),
        );
        let old = entry.known.as_ref().filter(|known| known.object != key);
        let known = Known {
            file_system: self.name.to_string(),
            path: path.to_string(),
            object: key.clone(),
            settled: !version.may_be_another_soon(SystemTime::now()),
            version,
            seen: now(),
            pinned: entry.known.as_ref().is_some_and(|known| known.pinned),
            doors: self.doors.clone(),
            after,
        };
        let meta = Meta::new(&self.name, path, known.version.size, self.block);
        let object = Object::open_or_make(&self.store, &key, &meta)?;
        if !self.names.replace(path, entry, &known)? {
            return Ok(None);
        }
        if known.pinned {
            whole::mark(&self.store, &key)?;
        }
        if let Some(old) = old {
            discard(&self.store, &old.object)?;
        }
        Ok(object)
    }

    /// Finds out which version is to be read, and what is here of it.
    pub(crate) async fn resolve(
        self: &Arc<Self>,
        call: &Call,
        path: &Path,
        pinned: Option<&Validator>,
    ) -> Result<Resolved> {
        call.check()?;
        let entry = self.names.read(path);
        if let Some((object, version)) = self.trusted(&entry, pinned) {
            return Ok(self.opened(object, &version));
        }
        let seen = pinned.filter(|_| self.known(&entry).is_none()).and_then(Version::identified);
        let version = match seen {
            Some(version) => version,
            None => match self.ask(call, path, pinned).await? {
                Some(version) => version,
                None => return Ok(Resolved::Past),
            },
        };
        if !may_keep(self.policy, &version) {
            return Ok(Resolved::Past);
        }
        let told = version.clone();
        let (shared, path) = (self.clone(), path.clone());
        let noted = on_disk(move || shared.note(&path, &entry, version)).await;
        match noted {
            Ok(Some(object)) => Ok(self.opened(object, &told)),
            Ok(None) => Ok(Resolved::Past),
            Err(error) => {
                tracing::debug!("the cache is passed by: {error}");
                Ok(Resolved::Past)
            }
        }
    }

    /// What the storage says; none where that is not enough to keep it.
    async fn ask(&self, call: &Call, path: &Path, pinned: Option<&Validator>) -> Result<Option<Version>> {
        let error = |kind: ErrorKind| Error::new(kind, kind.phrase()).at(self.inner.url(path)).during(Operation::Read);
        let metadata = self.inner.stat(call, path).await?.ok_or_else(|| error(ErrorKind::NotFound))?;
        if metadata.is_directory() {
            return Err(error(ErrorKind::IsADirectory));
        }
        let other = pinned.is_some_and(|pinned| pinned.compare(&metadata.identity()) == Comparison::Different);
        if other {
            return Err(error(ErrorKind::Changed));
        }
        Ok(is_file(&metadata).then(|| Version::of(&metadata)).flatten())
    }

    /// A file that was handed out and changed since is one of which every block is compared again.
    fn opened(self: &Arc<Self>, mut object: Object, version: &Version) -> Resolved {
        if object.seal_holds() == Some(false) {
            Counters::count(&self.counters.bad, 1);
            if let Err(error) = object.break_seal() {
                tracing::debug!("the cache is passed by: {error}");
                return Resolved::Past;
            }
        }
        Resolved::Kept(Arc::new(object), version.validator(), version.digests())
    }
}
