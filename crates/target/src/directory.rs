//! Directories on any storage.

use std::fmt;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use law_storage::{
    Call, Entry, Error, ErrorKind, FileSystem, Kind, ListOptions, Metadata, Operation, Parents, Path, Result,
};
use law_transfer::{Pattern, Place, remove_tree};

use crate::file_systems::FileSystems;
use crate::runtime::wait;
use crate::target::{Spot, Target};
use crate::{AnyTarget, FileTarget};

/// A directory on any storage, which exists or not. Making one does no input or output. Cheap to clone.
///
/// All methods block the calling thread; each has an async twin for use within a runtime.
#[derive(Clone, PartialEq, Eq)]
pub struct DirectoryTarget(pub(crate) Spot);

impl DirectoryTarget {
    /// The directory at a path, a URL, or `NAME:path` of a configured file system.
    ///
    /// # Errors
    /// `InvalidInput` for a URL that is none, a name that is not configured, or a configuration that is wrong.
    pub fn at(url: impl AsRef<std::ffi::OsStr>) -> Result<Self> {
        Ok(Self(Spot::new(FileSystems::shared()?.place(url)?)))
    }

    /// The directory at a place that is known already.
    pub fn new(place: Place) -> Self {
        Self(Spot::new(place))
    }

    /// The same directory, which nobody minds if it does not exist.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.0.expected.optional = true;
        self
    }

    /// The same directory, which somebody else makes.
    #[must_use]
    pub fn external(mut self) -> Self {
        self.0.expected.external = true;
        self
    }

    /// Whether it exists, or nobody minds.
    ///
    /// # Errors
    /// "Cannot tell".
    pub fn complete(&self) -> Result<bool> {
        Ok(self.0.expected.optional || self.exists()?)
    }

    /// As [`complete`](Self::complete), within a runtime.
    ///
    /// # Errors
    /// As [`complete`](Self::complete).
    pub async fn complete_async(&self) -> Result<bool> {
        Ok(self.0.expected.optional || self.exists_async().await?)
    }

    /// The file with that name, or path, below this directory. A name that cannot be fails where the file is used.
    #[must_use]
    pub fn child(&self, name: impl AsRef<[u8]>) -> FileTarget {
        FileTarget(self.0.child(name))
    }

    /// The directory with that name, or path, below this one.
    #[must_use]
    pub fn child_dir(&self, name: impl AsRef<[u8]>) -> Self {
        Self(self.0.child(name))
    }

    /// What has that name: the store is asked whether it is a file or a directory.
    ///
    /// # Errors
    /// `NotFound` if nothing has it; those of asking.
    pub fn child_any(&self, name: impl AsRef<[u8]>) -> Result<AnyTarget> {
        let spot = self.0.child(name);
        wait(async move { any(&Call::new(), spot).await })
    }

    /// As [`child_any`](Self::child_any), within a runtime.
    ///
    /// # Errors
    /// As [`child_any`](Self::child_any).
    pub async fn child_any_async(&self, name: impl AsRef<[u8]>) -> Result<AnyTarget> {
        any(&Call::new(), self.0.child(name)).await
    }

    /// The directory of that name beside this one.
    #[must_use]
    pub fn sibling(&self, name: impl AsRef<[u8]>) -> Self {
        Self(self.0.parent().child(name))
    }

    /// The directory that has this one; the root is its own.
    #[must_use]
    pub fn parent(&self) -> Self {
        Self(self.0.parent())
    }

    /// The path on its file system.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The URL, without secrets.
    pub fn uri(&self) -> String {
        self.to_string()
    }

    /// The last part of the path; empty for the root.
    pub fn basename(&self) -> String {
        basename(self.path())
    }

    /// The file system that it is on.
    ///
    /// # Errors
    /// `InvalidInput` for a name that cannot be.
    pub fn fs(&self) -> Result<&FileSystem> {
        Ok(&self.0.place()?.fs)
    }

    /// Where it is, for the functions of [`law_transfer`].
    ///
    /// # Errors
    /// `InvalidInput` for a name that cannot be.
    pub fn place(&self) -> Result<&Place> {
        self.0.place()
    }

    /// What the storage says about it; none if nothing is there.
    ///
    /// # Errors
    /// "Cannot tell".
    pub fn stat(&self) -> Result<Option<Metadata>> {
        let target = self.clone();
        wait(async move { target.stat_async().await })
    }

    /// As [`stat`](Self::stat), within a runtime.
    ///
    /// # Errors
    /// As [`stat`](Self::stat).
    pub async fn stat_async(&self) -> Result<Option<Metadata>> {
        self.0.stat(&Call::new()).await
    }

    /// Whether it exists as a directory. An error means "cannot tell", never "no".
    ///
    /// # Errors
    /// "Cannot tell".
    pub fn exists(&self) -> Result<bool> {
        Ok(self.stat()?.is_some_and(|metadata| metadata.is_directory()))
    }

    /// As [`exists`](Self::exists), within a runtime.
    ///
    /// # Errors
    /// As [`exists`](Self::exists).
    pub async fn exists_async(&self) -> Result<bool> {
        Ok(self.stat_async().await?.is_some_and(|metadata| metadata.is_directory()))
    }

    /// Makes it and all directories above it; fine if it is there.
    ///
    /// # Errors
    /// `AlreadyExists` if a file is there; `NotADirectory` if one is above.
    pub fn touch(&self) -> Result<()> {
        let target = self.clone();
        wait(async move { target.touch_async().await })
    }

    /// As [`touch`](Self::touch), within a runtime.
    ///
    /// # Errors
    /// As [`touch`](Self::touch).
    pub async fn touch_async(&self) -> Result<()> {
        let place = self.0.place()?;
        place.backend().create_directory(&Call::new(), &place.resolved(), Parents::Create).await
    }

    /// The names in it that match `pattern` (`*`, `?`, `[ab]`, `{a,b}`) and are of that kind, sorted.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`; `InvalidInput` for a bad pattern. Never a part of the names.
    pub fn listdir(
        &self,
        pattern: impl Into<Option<&'static str>>,
        kind: impl Into<Option<Kind>>,
    ) -> Result<Vec<String>> {
        let (target, pattern, kind) = (self.clone(), pattern.into(), kind.into());
        wait(async move { target.listdir_async(pattern, kind).await })
    }

    /// As [`listdir`](Self::listdir), within a runtime.
    ///
    /// # Errors
    /// As [`listdir`](Self::listdir).
    pub async fn listdir_async(&self, pattern: Option<&str>, kind: Option<Kind>) -> Result<Vec<String>> {
        let pattern = pattern.map(Pattern::parse).transpose()?;
        let place = self.0.place()?;
        let mut pages = place.backend().list(&Call::new(), &place.resolved(), &ListOptions::default()).await?;
        let matches = |entry: &Entry| match (&pattern, entry.path.name().map(Path::parse)) {
            (Some(pattern), Some(Ok(name))) => pattern.matches(&name),
            (Some(_), _) => false,
            (None, _) => true,
        };
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let of_kind = page?.entries.into_iter().filter(|entry| kind.is_none_or(|kind| entry.metadata.kind == kind));
            names.extend(of_kind.filter(matches).map(|entry| basename(&entry.path)));
        }
        names.sort();
        Ok(names)
    }

    /// Removes it and everything below it. Whether anything was there.
    ///
    /// # Errors
    /// `NotADirectory` if it is a file; the first entry that could not be removed.
    pub fn remove(&self) -> Result<bool> {
        let target = self.clone();
        wait(async move { target.remove_async().await })
    }

    /// As [`remove`](Self::remove), within a runtime.
    ///
    /// # Errors
    /// As [`remove`](Self::remove).
    pub async fn remove_async(&self) -> Result<bool> {
        let call = Call::new();
        match self.0.stat(&call).await? {
            None => Ok(false),
            Some(metadata) if !metadata.is_directory() => {
                Err(Error::new(ErrorKind::NotADirectory, "not a directory").at(self).during(Operation::Remove))
            }
            Some(_) => remove_tree(&call, self.0.place()?, &mut |_| {}).await.map(|()| true),
        }
    }
}

#[async_trait]
impl Target for DirectoryTarget {
    async fn exists_async(&self) -> Result<bool> {
        Self::exists_async(self).await
    }

    async fn remove_async(&self) -> Result<bool> {
        Self::remove_async(self).await
    }

    fn is_optional(&self) -> bool {
        self.0.expected.optional
    }

    fn is_external(&self) -> bool {
        self.0.expected.external
    }
}

async fn any(call: &Call, spot: Spot) -> Result<AnyTarget> {
    match spot.stat(call).await? {
        None => Err(Error::new(ErrorKind::NotFound, "not found").at(&spot)),
        Some(metadata) if metadata.is_directory() => Ok(AnyTarget::Directory(DirectoryTarget(spot))),
        Some(_) => Ok(AnyTarget::File(FileTarget(spot))),
    }
}

pub(crate) fn basename(path: &Path) -> String {
    path.name().map(|name| String::from_utf8_lossy(name).into_owned()).unwrap_or_default()
}

impl fmt::Display for DirectoryTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for DirectoryTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DirectoryTarget({self})")
    }
}
