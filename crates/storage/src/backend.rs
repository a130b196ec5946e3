//! The contract.

use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    Access, Algorithm, ByteRange, Call, Capabilities, Digest, Error, ErrorKind, ListOptions, Listing, LocalFile,
    Metadata, Order, Parents, Path, PutOptions, ReadOptions, Reading, Receipt, Result, Source, TapeAnswer, TapeOrder,
    UnfinishedUpload, Validator,
};

/// What happens to something at the destination of a rename or a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// A file is replaced by a file; a directory never is.
    Replace,
    /// Nothing is replaced: [`AlreadyExists`](crate::ErrorKind::AlreadyExists).
    NoReplace,
}

/// Space of a storage, as far as it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Space {
    /// Bytes in use.
    pub used: Option<u64>,
    /// Bytes that can still be written.
    pub available: Option<u64>,
}

/// One protocol client talking to one endpoint. It knows nothing of retries, other doors or caches.
///
/// This documentation is the contract; the suite in `conformance` (feature `testing`) checks it on every backend and wrapper.
///
/// # For every method
/// * **The call.** Deadline and cancellation of [`Call`] end it with `Timeout` or `Cancelled`. Dropping the future
///   cancels it too. Clean-up that must still happen (a temporary file to delete) goes on in the background:
///   [`cleanup`](crate::cleanup).
/// * **Existence has three values.** `Ok(Some)`, `Ok(None)`, and an error, which means "cannot tell". No error is ever
///   turned into "missing". `NotFound` is said only on the authority of the storage; a refused connection is
///   `Unavailable`.
/// * **Links.** [`stat`](Backend::stat) and reads follow them, [`lstat`](Backend::lstat), listings, removals and
///   renames do not.
/// * **Names** that the storage cannot hold are `InvalidInput` (or `NameTooLong`) with the reason, before anything
///   is sent.
/// * **What a storage cannot do** is `Unsupported`, never something else in its place.
/// * **Errors** name the operation, the URL without secrets, the reason, and what was left behind.
///
/// # Publication
/// Whatever happens before a file is published, the old content stays, unless the endpoint declares
/// [`Overwrite::Unsafe`](crate::Overwrite). After a successful return, every new reader sees the new content.
#[async_trait]
pub trait Backend: fmt::Debug + Send + Sync {
    /// The URL of a path at this endpoint, without secrets, for messages.
    fn url(&self, path: &Path) -> String;

    /// What the endpoint can do, as far as it is known now. Does not wait and does not ask.
    fn capabilities(&self) -> Capabilities;

    /// Asks the endpoint what is not known yet, as far as it can be learnt without changing anything.
    ///
    /// # Errors
    /// Those of the connection; a capability that stays unknown is not an error.
    async fn probe(&self, call: &Call) -> Result<Capabilities>;

    /// What the storage says about `path`, following links.
    ///
    /// Missing: `Ok(None)`; also when a parent is missing or is a file. A dangling link: `Ok(None)`.
    /// A file has its size and a validator.
    ///
    /// # Errors
    /// "Cannot tell": `Unavailable`, `Timeout`, `PermissionDenied`, ...
    async fn stat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>>;

    /// As [`stat`](Backend::stat), but of a link itself.
    ///
    /// # Errors
    /// As [`stat`](Backend::stat).
    async fn lstat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>>;

    /// Reads a file, or a part of it, which is clamped to the file's size: a part behind the end is empty.
    ///
    /// Missing: `NotFound`. A directory: `IsADirectory`, never its HTML listing.
    /// The stream has exactly the bytes of [`Reading::range`], or ends in an error that names the offset reached:
    /// a body that is short, long, of another type or with a failing trailer is never the end of a file.
    /// With a validator in the options, another version is `Changed`, where the endpoint can tell.
    /// Interruption: dropping the stream ends the transfer.
    ///
    /// # Errors
    /// As above, at once or in the stream.
    async fn read(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading>;

    /// Reads several parts, in the order asked, each clamped to the file's size, as few requests as the endpoint can.
    ///
    /// # Errors
    /// As [`read`](Backend::read); one part that fails is a failure of all.
    async fn read_ranges(
        &self,
        call: &Call,
        path: &Path,
        ranges: &[ByteRange],
        validator: Option<&Validator>,
    ) -> Result<Vec<Bytes>>;

    /// Fills `buffer` from `offset` on and returns how many bytes there were: fewer only at the end of the file.
    ///
    /// # Errors
    /// As [`read`](Backend::read).
    async fn read_into(
        &self,
        call: &Call,
        path: &Path,
        offset: u64,
        buffer: &mut [u8],
        validator: Option<&Validator>,
    ) -> Result<usize>;

    /// Writes a file and publishes it, once, whole and as well proven as the options ask.
    ///
    /// The order is: look at the destination, write all bytes (under a temporary name where [`publish`] is `Rename`),
    /// compare size and checksum with the storage's, let the source prove itself ([`Source::prove`]), publish.
    /// Missing parents: [`Parents`]. Existing: [`Existing`](crate::Existing). A directory: `IsADirectory`.
    /// A parent that is a file: `NotADirectory`.
    /// Interruption, by an error or by dropping the future: the old content stays, the temporary file is deleted
    /// (in the background if need be); after `kill -9` it may stay, under a name that begins with `.` and ends in
    /// [`TEMPORARY_SUFFIX`](crate::TEMPORARY_SUFFIX).
    /// A source of unknown size is spooled to disk where the protocol needs a length, never held in memory.
    ///
    /// [`publish`]: crate::Capabilities::publish
    ///
    /// # Errors
    /// `AlreadyExists`, `Changed`, `IsADirectory`, `NotADirectory`, `NotFound` (a parent), `PermissionDenied`,
    /// `NoSpace`, `Integrity`, and those of the source.
    async fn put(&self, call: &Call, path: &Path, source: &dyn Source, options: &PutOptions) -> Result<Receipt>;

    /// Lists a directory, in pages and in no promised order, without following links and without itself.
    ///
    /// Missing: `NotFound`. A file: `NotADirectory`. An entry whose name this crate cannot hold is an error item.
    /// An error item ends the stream; what came before is then no listing. An endpoint that shows only a part of
    /// the directory says `Unsupported`, never a short answer.
    ///
    /// # Errors
    /// As above, at once or in the stream.
    async fn list(&self, call: &Call, path: &Path, options: &ListOptions) -> Result<Listing>;

    /// Makes a directory. Existing as a directory: fine, so that two jobs may make the same one.
    ///
    /// Existing as a file: `AlreadyExists`. A parent is missing: `NotFound`, or it is made ([`Parents::Create`]).
    /// A parent is a file: `NotADirectory`.
    ///
    /// # Errors
    /// As above.
    async fn create_directory(&self, call: &Call, path: &Path, parents: Parents) -> Result<()>;

    /// Removes a file or a link (not what it points to).
    ///
    /// Missing: `NotFound`. A directory: `IsADirectory`, and it stays.
    ///
    /// # Errors
    /// As above.
    async fn remove_file(&self, call: &Call, path: &Path) -> Result<()>;

    /// Removes an empty directory.
    ///
    /// Missing: `NotFound`. A file: `NotADirectory`. With entries: `NotEmpty`, and everything stays.
    /// The root: `InvalidInput`.
    ///
    /// # Errors
    /// As above.
    async fn remove_directory(&self, call: &Call, path: &Path) -> Result<()>;

    /// Renames a file, a link or a directory in one step; never a hidden copy.
    ///
    /// Missing: `NotFound`. The destination exists: [`Destination`]; a directory there is `AlreadyExists`
    /// (`IsADirectory` for a file), never replaced. The parent of the destination is missing: `NotFound`, also where
    /// the server would make it. Into itself: `InvalidInput`. Onto itself: nothing happens.
    ///
    /// # Errors
    /// As above; `Unsupported` where the storage cannot rename, or only in pieces.
    async fn rename(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()>;

    /// Copies a file within the storage, without passing the bytes through this client. Published as by
    /// [`put`](Backend::put), and compared by size at least.
    ///
    /// Missing: `NotFound`. A directory: `IsADirectory`. The rest as in [`rename`](Backend::rename).
    ///
    /// # Errors
    /// As above; `Unsupported` where the storage cannot.
    async fn copy(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()>;

    /// How another storage reaches a file here. Whether there is such a file is not asked.
    ///
    /// # Errors
    /// `Unsupported`, with the reason, where only this client can reach it. So it is unless a backend says otherwise.
    fn access(&self, path: &Path) -> Result<Access> {
        Err(Error::new(ErrorKind::Unsupported, "no other storage can reach it").at(self.url(path)))
    }

    /// Lets the storage fetch a file from another one to `path`, or send the one at `path` there, and waits for the end. Whatever
    /// the file at the destination is called is replaced, not always in one step: names that nobody else has are for this. A storage
    /// that says yes has proven nothing.
    ///
    /// Interruption: the storage is told to give up, and a part of the file may stay at the destination.
    ///
    /// # Errors
    /// `Unsupported`, with the reason, where the storage cannot, or may not be told the other's token; otherwise what the storage
    /// says. An end that was not told is [`Outcome::Unknown`](crate::Outcome::Unknown).
    async fn third_party(&self, call: &Call, path: &Path, order: &Order<'_>) -> Result<()> {
        let _ = (call, order);
        Err(Error::new(ErrorKind::Unsupported, "it copies nothing from or to another storage").at(self.url(path)))
    }

    /// Asks a storage with tapes to bring files to a disk, how far that is, where files are, or to let go of them.
    ///
    /// # Errors
    /// `Unsupported` where there are no tapes, or the storage does not say so. So it is unless a backend says otherwise.
    async fn tape(&self, call: &Call, order: &TapeOrder<'_>) -> Result<TapeAnswer> {
        let _ = (call, order);
        Err(Error::new(ErrorKind::Unsupported, "there are no tapes at").at(self.url(&Path::root())))
    }

    /// Uploads of files below `top` that were begun and have not become files: the parts of them that are kept, unseen. Those that
    /// writers are at just now are among them. None unless a backend says otherwise: elsewhere a part of a file is a file with a temporary
    /// name, and is listed.
    ///
    /// # Errors
    /// Those of listing.
    async fn unfinished_uploads(&self, call: &Call, top: &Path) -> Result<Vec<UnfinishedUpload>> {
        let _ = (call, top);
        Ok(Vec::new())
    }

    /// Throws away what is kept of an upload. One that is gone already is fine.
    ///
    /// # Errors
    /// As above; `Unsupported` where there are none.
    async fn abandon_upload(&self, call: &Call, upload: &UnfinishedUpload) -> Result<()> {
        let _ = call;
        Err(Error::new(ErrorKind::Unsupported, "it keeps no parts of uploads").at(self.url(&upload.path)))
    }

    /// The checksum that the storage computed or keeps: of the first algorithm in `wanted` that it has; with nothing
    /// wanted, its cheapest. None if it has none of them.
    ///
    /// Missing: `NotFound`. A directory: `IsADirectory`. A checksum that is not ready yet is waited for, within bounds.
    ///
    /// # Errors
    /// As above.
    async fn digest(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>>;

    /// The local file that has this version, where the bytes are on this machine, or are brought here first to stay for others, as a cache does.
    ///
    /// Missing: `NotFound`. Another version: `Changed`. The file must not be written to.
    ///
    /// # Errors
    /// As above; `Ok(None)` where bytes must be fetched.
    async fn local_file(&self, call: &Call, path: &Path, validator: Option<&Validator>) -> Result<Option<LocalFile>>;

    /// The same where nothing needs to be fetched for it: for those who read the bytes as they come and need no file.
    ///
    /// # Errors
    /// As above; `Ok(None)` where bytes must be fetched.
    async fn local_file_here(
        &self,
        call: &Call,
        path: &Path,
        validator: Option<&Validator>,
    ) -> Result<Option<LocalFile>> {
        self.local_file(call, path, validator).await
    }

    /// The path of a directory for other programs, where all that is in it is on this machine already. None unless a
    /// backend says otherwise. The directory must not be written to.
    ///
    /// Missing: `NotFound`. A file: `NotADirectory`.
    ///
    /// # Errors
    /// As above; `Ok(None)` where bytes must be fetched, whatever is there.
    async fn local_directory(&self, call: &Call, path: &Path) -> Result<Option<std::path::PathBuf>> {
        let _ = (call, path);
        Ok(None)
    }

    /// Sets the time of modification.
    ///
    /// # Errors
    /// `NotFound`; `Unsupported` where the storage cannot.
    async fn set_modified(&self, call: &Call, path: &Path, time: SystemTime) -> Result<()>;

    /// Sets the permission bits.
    ///
    /// # Errors
    /// `NotFound`; `Unsupported` where the storage has none.
    async fn set_mode(&self, call: &Call, path: &Path, mode: u32) -> Result<()>;

    /// Makes a symbolic link at `path` to `target`, which is taken as it is and need not exist.
    ///
    /// # Errors
    /// `AlreadyExists`; `Unsupported` where the storage has no links.
    async fn create_link(&self, call: &Call, path: &Path, target: &[u8]) -> Result<()>;

    /// Where the symbolic link at `path` points to, as it was written.
    ///
    /// # Errors
    /// `NotFound`; `InvalidInput` if it is no link; `Unsupported` where the storage has no links.
    async fn read_link(&self, call: &Call, path: &Path) -> Result<Vec<u8>>;

    /// The names of the extended attributes that a user may set, in no promised order.
    ///
    /// # Errors
    /// `NotFound`; `Unsupported` where the storage has none.
    async fn attributes(&self, call: &Call, path: &Path) -> Result<Vec<String>>;

    /// The value of an extended attribute; none if it is not set.
    ///
    /// # Errors
    /// `NotFound`; `Unsupported` where the storage has none.
    async fn attribute(&self, call: &Call, path: &Path, name: &str) -> Result<Option<Vec<u8>>>;

    /// Sets an extended attribute, or removes it.
    ///
    /// # Errors
    /// `NotFound`; `Unsupported` where the storage has none.
    async fn set_attribute(&self, call: &Call, path: &Path, name: &str, value: Option<&[u8]>) -> Result<()>;

    /// Free and used space at `path`, or its quota.
    ///
    /// # Errors
    /// `Unsupported` where the storage does not tell.
    async fn space(&self, call: &Call, path: &Path) -> Result<Space>;
}
