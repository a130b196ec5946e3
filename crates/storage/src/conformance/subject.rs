//! The backend under test, and the steps that cases are made of.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::check::{Checked, Failure, same, same_bytes};
use crate::{
    Backend, ByteRange, BytesSource, Call, Capabilities, Destination, Error, ErrorKind, Kind, Metadata, Overwrite,
    Parents, Path, PutOptions, ReadOptions, Receipt, Result, Source, Support, cleanup, list_all,
};

/// More than any case writes.
const MOST: u64 = 64 << 20;

/// A backend, and the directory that belongs to one case. Clones are the same subject.
#[derive(Debug, Clone)]
pub struct Subject {
    /// What is tested.
    pub backend: Arc<dyn Backend>,
    /// A directory that only this case uses; the suite makes and removes it.
    pub root: Path,
    /// What the endpoint declares, after it was probed, and what was unknown was tried.
    pub capabilities: Capabilities,
    limit: Duration,
    traces: Arc<Mutex<Traces>>,
}

#[derive(Debug, Default)]
struct Traces {
    paths: BTreeSet<Path>,
    notes: Vec<String>,
}

impl Subject {
    pub(super) fn new(backend: Arc<dyn Backend>, base: &Path, case: &str, capabilities: Capabilities) -> Self {
        let name = Path::parse(case.replace("::", "-")).unwrap_or_default();
        Self::at(backend, base.join(&name), capabilities)
    }

    pub(super) fn at(backend: Arc<dyn Backend>, root: Path, capabilities: Capabilities) -> Self {
        Self { backend, root, capabilities, limit: super::LIMIT, traces: Arc::default() }
    }

    /// With so much time for each case.
    pub(super) fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// A call that ends before the case does.
    pub fn call(&self) -> Call {
        Call::new().within(self.limit * 5 / 6)
    }

    /// A path below the root of the case.
    ///
    /// # Panics
    /// If `name` is none: a mistake in the case.
    pub fn path(&self, name: impl AsRef<[u8]>) -> Path {
        let below = Path::parse(name).unwrap_or_else(|error| panic!("a case with a bad path: {error}"));
        let path = self.root.join(&below);
        let mut traces = self.traces.lock().unwrap_or_else(PoisonError::into_inner);
        traces.paths.extend(path.ancestry().filter(|above| above.starts_with(&self.root)));
        path
    }

    /// Something worth to be shown in the report.
    pub fn note(&self, note: impl Into<String>) {
        self.traces.lock().unwrap_or_else(PoisonError::into_inner).notes.push(note.into());
    }

    pub(super) fn notes(&self) -> Vec<String> {
        self.traces.lock().unwrap_or_else(PoisonError::into_inner).notes.clone()
    }

    pub(super) async fn make_root(&self) -> Checked {
        if self.capabilities.write.possible() {
            self.backend.create_directory(&self.call(), &self.root, Parents::Create).await?;
        }
        Ok(())
    }

    /// Removes the root with all that is in it; where nothing can be listed, with all that the case named.
    pub(super) async fn remove_everything(&self) {
        if !self.capabilities.write.possible() {
            return;
        }
        let removed = match self.capabilities.list.possible() {
            true => remove_tree(&*self.backend, &self.call(), &self.root).await,
            false => self.remove_traces().await,
        };
        match removed {
            Err(error) if error.kind() != ErrorKind::NotFound => self.note(format!("left behind: {error}")),
            _ => (),
        }
    }

    async fn remove_traces(&self) -> Result<()> {
        self.path("");
        let paths = self.traces.lock().unwrap_or_else(PoisonError::into_inner).paths.clone();
        let call = self.call();
        for path in paths.iter().rev() {
            if self.backend.remove_file(&call, path).await.is_err() {
                drop(self.backend.remove_directory(&call, path).await);
            }
        }
        Ok(())
    }
}

async fn remove_tree(backend: &dyn Backend, call: &Call, directory: &Path) -> Result<()> {
    for entry in list_all(backend, call, directory).await? {
        if entry.path.parent().as_ref() != Some(directory) {
            let message = format!("{} is listed in {directory}, where it cannot be", entry.path);
            return Err(Error::new(ErrorKind::Malformed, message));
        }
        match entry.metadata.kind {
            Kind::Directory => Box::pin(remove_tree(backend, call, &entry.path)).await?,
            _ => backend.remove_file(call, &entry.path).await?,
        }
    }
    backend.remove_directory(call, directory).await
}

/// Writing.
impl Subject {
    /// Writes a file, which must succeed.
    pub(super) async fn put(&self, name: &str, content: impl Into<Bytes>) -> Checked<Receipt> {
        let source = BytesSource::new(content);
        self.put_from(name, &source, &PutOptions::default()).await.map_err(|e| Failure::from(e).about(name))
    }

    pub(super) async fn put_from(&self, name: &str, source: &dyn Source, options: &PutOptions) -> Result<Receipt> {
        self.backend.put(&self.call(), &self.path(name), source, options).await
    }

    /// Makes a directory, which must succeed.
    pub(super) async fn mkdir(&self, name: &str) -> Checked {
        let made = self.backend.create_directory(&self.call(), &self.path(name), Parents::Create).await;
        made.map_err(|error| Failure::from(error).about(name))
    }

    pub(super) async fn rename(&self, from: &str, to: &str, destination: Destination) -> Result<()> {
        self.backend.rename(&self.call(), &self.path(from), &self.path(to), destination).await
    }

    pub(super) async fn copy(&self, from: &str, to: &str, destination: Destination) -> Result<()> {
        self.backend.copy(&self.call(), &self.path(from), &self.path(to), destination).await
    }

    pub(super) async fn link(&self, name: &str, target: &str) -> Result<()> {
        self.backend.create_link(&self.call(), &self.path(name), target.as_bytes()).await
    }
}

/// Looking.
impl Subject {
    pub(super) async fn stat(&self, name: &str) -> Result<Option<Metadata>> {
        self.backend.stat(&self.call(), &self.path(name)).await
    }

    /// What is said about something that must be there.
    pub(super) async fn must_stat(&self, name: &str) -> Checked<Metadata> {
        self.stat(name).await?.ok_or_else(|| Failure::here(format!("{name} is missing")))
    }

    pub(super) async fn read(&self, name: &str) -> Result<Bytes> {
        self.read_with(name, &ReadOptions::whole()).await
    }

    pub(super) async fn read_with(&self, name: &str, options: &ReadOptions) -> Result<Bytes> {
        self.backend.read(&self.call(), &self.path(name), options).await?.collect(MOST).await
    }

    pub(super) async fn read_part(&self, name: &str, offset: u64, length: u64) -> Result<Bytes> {
        self.read_with(name, &ReadOptions::part(ByteRange::new(offset, length))).await
    }

    /// There must be a file with this content.
    pub(super) async fn has(&self, name: &str, content: &[u8]) -> Checked {
        let metadata = self.must_stat(name).await?;
        same(format!("the kind of {name}"), metadata.kind, Kind::File)?;
        same(format!("the size of {name}"), metadata.size, Some(content.len() as u64))?;
        same_bytes(format!("the content of {name}"), &self.read(name).await?, content)
    }

    /// There must be a directory.
    pub(super) async fn has_directory(&self, name: &str) -> Checked {
        let metadata = self.must_stat(name).await?;
        same(format!("the kind of {name}"), metadata.kind, Kind::Directory)
    }

    /// There must be nothing.
    pub(super) async fn lacks(&self, name: &str) -> Checked {
        match self.stat(name).await? {
            None => Ok(()),
            Some(metadata) => Err(Failure::here(format!("{name} must be missing, is {metadata:?}"))),
        }
    }

    /// After all clean-ups: a directory must have these entries and no others, as far as it can be listed.
    pub(super) async fn holds_only(&self, directory: &str, names: &[&str]) -> Checked {
        cleanup::finish().await;
        if !self.capabilities.list.possible() {
            return Ok(());
        }
        let mut wanted: Vec<Path> = names.iter().map(|name| self.path(format!("{directory}/{name}"))).collect();
        wanted.sort();
        let entries = list_all(&*self.backend, &self.call(), &self.path(directory)).await?;
        let found: Vec<Path> = entries.into_iter().map(|entry| entry.path).collect();
        same(format!("the entries of {directory}"), found, wanted)
    }

    /// After a write that failed: what was there before is still there, and nothing else; the old file may be gone
    /// where the endpoint declares that.
    pub(super) async fn keeps(&self, directory: &str, name: &str, old: &[u8]) -> Checked {
        let path = format!("{directory}/{name}");
        if self.capabilities.overwrite == Overwrite::Unsafe && self.stat(&path).await?.is_none() {
            return self.holds_only(directory, &[]).await;
        }
        self.has(&path, old).await?;
        self.holds_only(directory, &[name]).await
    }
}

/// Makes `base`, and finds out what the endpoint does not know of itself by trying.
pub(super) async fn learn(backend: Arc<dyn Backend>, base: Path) -> Checked<Capabilities> {
    let probed = backend.probe(&Call::new().within(super::LIMIT)).await?;
    let mut subject = Subject::new(backend, &base, "setup", probed);
    if subject.capabilities.write.possible() {
        subject.make_root().await.map_err(|failure| failure.about("making the base directory"))?;
        subject.put("tried", "tried").await?;
        subject.put("moved", "moved").await?;
        subject.capabilities = subject.try_unknown().await;
        subject.remove_everything().await;
    }
    Ok(subject.capabilities)
}

/// What is known, or else what trying shows: anything but `Unsupported` is a yes, and the cases then show what is
/// wrong.
async fn settled<T>(known: Support, attempt: impl Future<Output = Result<T>>) -> Support {
    match known {
        Support::Yes | Support::No => known,
        Support::Unknown => match attempt.await {
            Err(error) if error.kind() == ErrorKind::Unsupported => Support::No,
            _ => Support::Yes,
        },
    }
}

impl Subject {
    async fn try_unknown(&self) -> Capabilities {
        let (backend, call, file) = (&self.backend, &self.call(), &self.path("tried"));
        // A storage may learn its checksums, and more, from its first answers.
        drop(backend.digest(call, file, &[]).await);
        let known = backend.capabilities();
        Capabilities {
            list: settled(known.list, list_all(&**backend, call, &self.root)).await,
            ranges: settled(known.ranges, self.read_part("tried", 1, 2)).await,
            copy: settled(known.copy, self.copy("tried", "copied", Destination::Replace)).await,
            rename: settled(known.rename, self.rename("moved", "renamed", Destination::Replace)).await,
            symlinks: settled(known.symlinks, self.link("linked", "tried")).await,
            modes: settled(known.modes, backend.set_mode(call, file, 0o600)).await,
            set_modified: settled(known.set_modified, backend.set_modified(call, file, SystemTime::now())).await,
            space: settled(known.space, backend.space(call, &self.root)).await,
            ..known
        }
    }
}
