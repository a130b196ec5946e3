//! Files on any storage.

use std::fmt;

use async_trait::async_trait;
use law_formatters::{ByName, Dump, FileInput, Load};
use law_storage::{
    BytesSource, Call, Error, ErrorKind, Existing, FileSource, FileSystem, Metadata, Operation, Parents, Path,
    PutOptions, Receipt, Result,
};
use law_transfer::{CopyOptions, Place, Policy, copy_file};

use crate::DirectoryTarget;
use crate::bridge::{Staging, format_error_of};
use crate::directory::basename;
use crate::file_systems::FileSystems;
use crate::localize::{self, LocalizedRead, LocalizedWrite};
use crate::runtime::wait;
use crate::target::{Spot, Target};

/// A file on any storage, which exists or not. Making one does no input or output. Cheap to clone.
///
/// All methods block the calling thread; each that does input or output has an async twin for use within a runtime.
#[derive(Clone, PartialEq, Eq)]
pub struct FileTarget(pub(crate) Spot);

impl FileTarget {
    /// The file at a path, a URL, or `NAME:path` of a configured file system.
    ///
    /// # Errors
    /// `InvalidInput` for a URL that is none, a name that is not configured, or a configuration that is wrong.
    pub fn at(url: impl AsRef<std::ffi::OsStr>) -> Result<Self> {
        Ok(Self(Spot::new(FileSystems::shared()?.place(url)?)))
    }

    /// The file at a place that is known already.
    pub fn new(place: Place) -> Self {
        Self(Spot::new(place))
    }

    /// The same file, which nobody minds if it does not exist.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.0.expected.optional = true;
        self
    }

    /// The same file, which somebody else makes.
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

    /// The file of that name beside this one.
    #[must_use]
    pub fn sibling(&self, name: impl AsRef<[u8]>) -> Self {
        Self(self.0.parent().child(name))
    }

    /// The directory that has it.
    #[must_use]
    pub fn parent(&self) -> DirectoryTarget {
        DirectoryTarget(self.0.parent())
    }

    /// The path on its file system.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The URL, without secrets.
    pub fn uri(&self) -> String {
        self.to_string()
    }

    /// The last part of the path.
    pub fn basename(&self) -> String {
        basename(self.path())
    }

    /// What stands behind the last dot of the name, such as `npz`; empty if there is none.
    pub fn ext(&self) -> String {
        let name = self.basename();
        let (stem, extension) = name.rsplit_once('.').unwrap_or_default();
        if stem.is_empty() { String::new() } else { extension.to_owned() }
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

    /// Whether it exists as a file. An error means "cannot tell", never "no".
    ///
    /// # Errors
    /// "Cannot tell".
    pub fn exists(&self) -> Result<bool> {
        Ok(self.stat()?.is_some_and(|metadata| metadata.is_file()))
    }

    /// As [`exists`](Self::exists), within a runtime.
    ///
    /// # Errors
    /// As [`exists`](Self::exists).
    pub async fn exists_async(&self) -> Result<bool> {
        Ok(self.stat_async().await?.is_some_and(|metadata| metadata.is_file()))
    }

    /// Makes an empty file, and the directories above it. A file that exists is left as it is.
    ///
    /// # Errors
    /// `IsADirectory`; those of writing.
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
        let options = PutOptions { existing: Existing::Refuse, parents: Parents::Create, ..PutOptions::default() };
        match place.backend().put(&Call::new(), &place.resolved(), &BytesSource::new(""), &options).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            other => other.map(drop),
        }
    }

    /// Removes it. Whether anything was there.
    ///
    /// # Errors
    /// `IsADirectory`; those of removing.
    pub fn remove(&self) -> Result<bool> {
        let target = self.clone();
        wait(async move { target.remove_async().await })
    }

    /// As [`remove`](Self::remove), within a runtime.
    ///
    /// # Errors
    /// As [`remove`](Self::remove).
    pub async fn remove_async(&self) -> Result<bool> {
        let place = self.0.place()?;
        match place.backend().remove_file(&Call::new(), &place.resolved()).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// Reads it as an object. The bytes are proven to be the file's before anything is made of them.
    ///
    /// # Errors
    /// `NotFound`; `Integrity`; `Malformed` for content that does not follow its format or is of another type.
    pub fn load<T>(&self, format: impl Load<T>) -> Result<T> {
        let local = self.localize_read()?;
        self.parse(&local, format)
    }

    /// As [`load`](Self::load), within a runtime.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn load_async<T: Send + 'static>(&self, format: impl Load<T> + Send + 'static) -> Result<T> {
        let (target, local) = (self.clone(), localize::localize_read(self.0.place()?).await?);
        let broken = |e| Error::new(ErrorKind::Internal, "the formatting thread broke").because(e);
        tokio::task::spawn_blocking(move || target.parse(&local, format)).await.map_err(broken)?
    }

    fn parse<T>(&self, local: &LocalizedRead, format: impl Load<T>) -> Result<T> {
        let input = FileInput::new(local.file().file().try_clone()?, self.basename());
        format.load(&input).map_err(|error| format_error_of(self, error))
    }

    /// Reads it in the format that its name says: `.json`, `.yaml`, `.toml`, and `.gz`, `.zst`, `.bz2`, `.xz` around them.
    ///
    /// # Errors
    /// `Unsupported` for a name that does not say a format; those of [`load`](Self::load).
    pub fn load_as<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        self.load(ByName)
    }

    /// As [`load_as`](Self::load_as), within a runtime.
    ///
    /// # Errors
    /// As [`load_as`](Self::load_as).
    pub async fn load_as_async<T: serde::de::DeserializeOwned + Send + 'static>(&self) -> Result<T> {
        self.load_async(ByName).await
    }

    /// Writes an object in the format that its name says, and publishes it.
    ///
    /// # Errors
    /// `Unsupported` for a name that does not say a format; those of [`dump`](Self::dump).
    pub fn dump_as<T: serde::Serialize>(&self, value: T) -> Result<Receipt> {
        self.dump(value, ByName)
    }

    /// As [`dump_as`](Self::dump_as), within a runtime.
    ///
    /// # Errors
    /// As [`dump_as`](Self::dump_as).
    pub async fn dump_as_async<T: serde::Serialize + Send + 'static>(&self, value: T) -> Result<Receipt> {
        self.dump_async(value, ByName).await
    }

    /// Writes an object, by value or by reference, and publishes it: proven and at once, with the directories above it.
    ///
    /// # Errors
    /// Those of the format; those of [`put`](law_storage::Backend::put), with the old content untouched.
    pub fn dump<T>(&self, value: T, format: impl Dump<T>) -> Result<Receipt> {
        let source = self.stage(&value, format)?;
        let target = self.clone();
        wait(async move { localize::publish(target.0.place()?, &source).await })
    }

    /// As [`dump`](Self::dump), within a runtime.
    ///
    /// # Errors
    /// As [`dump`](Self::dump).
    pub async fn dump_async<T: Send + 'static>(
        &self,
        value: T,
        format: impl Dump<T> + Send + 'static,
    ) -> Result<Receipt> {
        let target = self.clone();
        let broken = |e| Error::new(ErrorKind::Internal, "the formatting thread broke").because(e);
        let source = tokio::task::spawn_blocking(move || target.stage(&value, format)).await.map_err(broken)??;
        localize::publish(self.0.place()?, &source).await
    }

    fn stage<T>(&self, value: &T, format: impl Dump<T>) -> Result<FileSource> {
        // The refusal of an impossible name comes before the work.
        self.0.place()?;
        let mut staging = Staging::new(self.basename())?;
        format.dump(value, &mut staging).map_err(|error| format_error_of(self, error).during(Operation::Put))?;
        staging.source()
    }

    /// A local path with its content, for any program: the file itself where it is local, else a proven copy that is
    /// gone when the result is dropped.
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`, `Integrity`; those of reading and of the local disk.
    pub fn localize_read(&self) -> Result<LocalizedRead> {
        let target = self.clone();
        wait(async move { target.localize_read_async().await })
    }

    /// As [`localize_read`](Self::localize_read), within a runtime.
    ///
    /// # Errors
    /// As [`localize_read`](Self::localize_read).
    pub async fn localize_read_async(&self) -> Result<LocalizedRead> {
        localize::localize_read(self.0.place()?).await
    }

    /// A local path to write to, for any program; [`commit`](LocalizedWrite::commit) publishes it.
    ///
    /// # Errors
    /// `InvalidInput` for a name that cannot be; those of the local disk.
    pub fn localize_write(&self) -> Result<LocalizedWrite> {
        localize::localize_write(self.0.place()?)
    }

    /// Copies it to another target, with proof on both sides.
    ///
    /// # Errors
    /// Those of [`copy_file`].
    pub fn copy_to(&self, to: &Self) -> Result<()> {
        let (from, to) = (self.clone(), to.clone());
        wait(async move { from.copy_to_async(&to).await })
    }

    /// As [`copy_to`](Self::copy_to), within a runtime.
    ///
    /// # Errors
    /// As [`copy_to`](Self::copy_to).
    pub async fn copy_to_async(&self, to: &Self) -> Result<()> {
        let options = CopyOptions { policy: Policy::Differs, parents: Parents::Create, ..CopyOptions::default() };
        copy_file(&Call::new(), self.0.place()?, to.0.place()?, &options).await.map(drop)
    }
}

#[async_trait]
impl Target for FileTarget {
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

    fn listed(&self) -> Option<&Place> {
        self.0.place().ok()
    }
}

impl fmt::Display for FileTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for FileTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileTarget({self})")
    }
}
