//! Looking: what the storage says about one path.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use law_storage::{Call, Comparison, Error, ErrorKind, Kind, Metadata, Modified, Operation, Path, Result, Validator};
use rustix::io::Errno;

use super::Endpoint;
use super::asking::Asked;
use super::layout::Stat;
use super::library::Failure;
use super::status::{kind, number};

impl Endpoint {
    /// What is there, following links; `None` only on the storage's own word.
    pub(super) async fn look(
        self: &Arc<Self>,
        call: &Call,
        path: &Path,
        operation: Operation,
    ) -> Result<Option<Metadata>> {
        let asked = Asked { path, operation };
        let answer = self.try_ask(call, asked, |context, address| context.stat(&address.url)).await?;
        self.seen(call, asked, answer).await
    }

    /// What is there, a link itself where the protocol has links.
    pub(super) async fn look_at_link(
        self: &Arc<Self>,
        call: &Call,
        path: &Path,
        operation: Operation,
    ) -> Result<Option<Metadata>> {
        let asked = Asked { path, operation };
        let answer = self.try_ask(call, asked, |context, address| context.lstat(&address.url)).await?;
        match &answer {
            Err(failure) if kind(failure) == ErrorKind::Unsupported => self.look(call, path, operation).await,
            _ => self.seen(call, asked, answer).await,
        }
    }

    async fn seen(
        self: &Arc<Self>,
        call: &Call,
        asked: Asked<'_>,
        answer: Result<Stat, Failure>,
    ) -> Result<Option<Metadata>> {
        match answer {
            Ok(stat) => Ok(Some(metadata(&stat))),
            Err(failure) if matches!(kind(&failure), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(failure) if self.rules.vague && number(&failure) == Errno::NODEV => {
                let error = self.failed(&failure, asked);
                if self.is_below_a_directory(call, asked).await? { Err(error) } else { Ok(None) }
            }
            Err(failure) => Err(self.failed(&failure, asked)),
        }
    }

    /// Whether what is above a path is a directory: nothing is below a file, or below nothing.
    fn is_below_a_directory<'a>(self: &'a Arc<Self>, call: &'a Call, asked: Asked<'a>) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let Some(parent) = asked.path.parent() else { return Ok(true) };
            let above = self.look(call, &parent, asked.operation).await?;
            Ok(above.is_some_and(|above| above.is_directory()))
        })
    }

    pub(super) async fn look_for_file(
        self: &Arc<Self>,
        call: &Call,
        path: &Path,
        operation: Operation,
    ) -> Result<Metadata> {
        match self.look(call, path, operation).await? {
            Some(found) if found.is_file() => Ok(found),
            Some(found) if found.is_directory() => Err(self.error(ErrorKind::IsADirectory, path, operation)),
            Some(_) => {
                Err(self.error(ErrorKind::InvalidInput, path, operation).hint("it is neither a file nor a directory"))
            }
            None => Err(self.error(ErrorKind::NotFound, path, operation)),
        }
    }

    pub(super) async fn look_for_directory(
        self: &Arc<Self>,
        call: &Call,
        path: &Path,
        operation: Operation,
    ) -> Result<()> {
        match self.look(call, path, operation).await? {
            Some(found) if found.is_directory() => Ok(()),
            Some(_) => Err(self.error(ErrorKind::NotADirectory, path, operation)),
            None => Err(self.error(ErrorKind::NotFound, path, operation)),
        }
    }

    /// An error if `found` is another version than the one that is wanted.
    pub(super) fn same_version(&self, path: &Path, wanted: Option<&Validator>, found: &Metadata) -> Result<()> {
        match wanted.map(|wanted| wanted.compare(&found.identity())) {
            Some(Comparison::Different) => Err(self.changed(path)),
            _ => Ok(()),
        }
    }

    pub(super) fn changed(&self, path: &Path) -> Error {
        self.error(ErrorKind::Changed, path, Operation::Read)
    }
}

/// What is said in a `struct stat`. Some plugins leave out that a file is one.
pub(super) fn metadata(stat: &Stat) -> Metadata {
    const FORMAT: u32 = 0o170_000;
    let kind = match stat.mode & FORMAT {
        0o040_000 => Kind::Directory,
        0o120_000 => Kind::Symlink,
        0o100_000 | 0 => Kind::File,
        _ => Kind::Other,
    };
    let mut metadata = match (kind, u64::try_from(stat.size)) {
        (Kind::File, Ok(size)) => Metadata::file(size),
        (kind, _) => Metadata::of(kind),
    };
    metadata.modified = modified(stat);
    if metadata.is_file() {
        metadata.validator = Some(Validator::weak(metadata.size, metadata.modified));
    }
    metadata
}

/// No time at all is told as the beginning of all times.
fn modified(stat: &Stat) -> Option<Modified> {
    let seconds = u64::try_from(stat.modified[0]).ok().filter(|seconds| *seconds > 0)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).map(Modified::seconds)
}
