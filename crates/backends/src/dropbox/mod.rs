//! Dropbox (API version 2, <https://www.dropbox.com/developers/documentation/http/documentation>).
//!
//! Names keep their case, and differ by more than their case. A file that is replaced is replaced at once, and its checksum comes with
//! every answer about it. A rename over a file is none: the old file steps aside first.

mod answers;
mod aside;
mod asking;
mod bulk;
mod change;
mod login;
mod look;
mod put;
mod read;
mod sessions;
mod status;
mod token;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use law_storage::{
    Algorithm, Backend, ByteRange, Call, Capabilities, Destination, Digest, EndpointSettings, Error, ErrorKind,
    Factory, ListOptions, Listing, LocalFile, Metadata, NameRules, NoClobber, Operation, Overwrite, Parents, Path,
    Publish, PutOptions, ReadOptions, Reading, Receipt, RemoteUrl, Result, Source, Space, Support, Validator,
};

use crate::http::Client;
use crate::pieces::MEMORY;
use crate::together::Together;
use asking::origin;
use token::Tokens;

pub use login::Login;

/// Makes [`Dropbox`] backends for `dropbox`.
pub struct DropboxFactory;

impl Factory for DropboxFactory {
    fn schemes(&self) -> &'static [&'static str] {
        &["dropbox"]
    }

    fn open(&self, url: &RemoteUrl, settings: &EndpointSettings) -> Result<Arc<dyn Backend>> {
        Ok(Arc::new(Dropbox::new(url, settings)?))
    }
}

/// The client of one account. Cheap to clone; the root is the root of the app's or the user's folder.
#[derive(Clone)]
pub struct Dropbox(Arc<Account>);

struct Account {
    /// `dropbox:///`, for messages.
    shown: RemoteUrl,
    settings: EndpointSettings,
    /// Where questions go, and where content goes and comes from.
    api: Client,
    content: Client,
    tokens: Tokens,
    /// Files that are to be removed with the next list.
    doomed: Together<Option<String>>,
    /// Places for pieces of files that are held in memory, one for each MiB.
    memory: tokio::sync::Semaphore,
}

/// Dropbox refuses more: names of its own, and blanks at the end of one. It says so itself.
const NAMES: NameRules = NameRules { forbidden: b"\\", longest: Some(255), case_sensitive: false, ..NameRules::TEXT };

impl Dropbox {
    /// The client for the account that the credential is of. Does no input or output.
    ///
    /// # Errors
    /// `InvalidInput` for an address of the service that is none.
    pub fn new(url: &RemoteUrl, settings: &EndpointSettings) -> Result<Self> {
        let mut plain = settings.clone();
        // Each request says itself who asks.
        plain.credential = law_storage::Credential::None;
        let named = settings.endpoint.as_deref();
        let api = origin(named.unwrap_or("https://api.dropboxapi.com"))?;
        let content = origin(named.unwrap_or("https://content.dropboxapi.com"))?;
        Ok(Self(Arc::new(Account {
            shown: url.with_path(Path::root()),
            settings: settings.clone(),
            api: Client::new(api, &plain)?,
            content: Client::new(content, &plain)?,
            tokens: Tokens::of(&settings.credential),
            doomed: Together::new(bulk::MOST),
            memory: tokio::sync::Semaphore::new(MEMORY as usize),
        })))
    }
}

impl Account {
    fn url(&self, path: &Path) -> String {
        self.shown.with_path(path.clone()).to_string()
    }

    fn error(&self, kind: ErrorKind, path: &Path, operation: Operation) -> Error {
        Error::new(kind, kind.phrase()).at(self.url(path)).during(operation)
    }

    fn cannot(&self, path: &Path, what: &str, operation: Operation) -> Error {
        Error::new(ErrorKind::Unsupported, format!("Dropbox has no way of {what}")).at(self.url(path)).during(operation)
    }

    /// The name of a path in the API; the root has none.
    fn name(&self, path: &Path) -> Result<String> {
        if let Some(refusal) = NAMES.refusal(path) {
            return Err(refusal.error().at(self.url(path)));
        }
        let text = path.to_str().unwrap_or_default();
        Ok(if path.is_root() { String::new() } else { format!("/{text}") })
    }
}

impl fmt::Debug for Dropbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dropbox({})", self.0.api.home())
    }
}

#[async_trait]
impl Backend for Dropbox {
    fn url(&self, path: &Path) -> String {
        self.0.url(path)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            list: Support::Yes,
            ranges: Support::Yes,
            rename: Support::Yes,
            copy: Support::Yes,
            write: Support::Unknown,
            symlinks: Support::No,
            modes: Support::No,
            set_modified: Support::No,
            keeps_modified: Support::Yes,
            space: Support::Yes,
            local_files: Support::No,
            digests: vec![Algorithm::Dropbox],
            digests_differ: false,
            loses_digests: false,
            implied_directories: false,
            keeps_parts: false,
            bulk_removals: bulk::MOST,
            overwrite: Overwrite::Atomic,
            no_clobber: NoClobber::Atomic,
            publish: Publish::Direct,
            names: NAMES,
            modified_resolution: Some(Duration::from_secs(1)),
        }
    }

    async fn probe(&self, call: &Call) -> Result<Capabilities> {
        self.0.space(call).await?;
        Ok(self.capabilities())
    }

    async fn stat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        Ok(self.0.look(call, path, Operation::Stat).await?.map(|entry| entry.metadata()))
    }

    async fn lstat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        self.stat(call, path).await
    }

    async fn read(&self, call: &Call, path: &Path, options: &ReadOptions) -> Result<Reading> {
        self.0.read(call, path, options).await
    }

    async fn read_ranges(
        &self,
        call: &Call,
        path: &Path,
        ranges: &[ByteRange],
        validator: Option<&Validator>,
    ) -> Result<Vec<Bytes>> {
        self.0.read_ranges(call, path, ranges, validator).await
    }

    async fn read_into(
        &self,
        call: &Call,
        path: &Path,
        offset: u64,
        buffer: &mut [u8],
        validator: Option<&Validator>,
    ) -> Result<usize> {
        self.0.read_into(call, path, offset, buffer, validator).await
    }

    async fn put(&self, call: &Call, path: &Path, source: &dyn Source, options: &PutOptions) -> Result<Receipt> {
        put::put(&self.0, call, path, source, options).await
    }

    async fn list(&self, call: &Call, path: &Path, options: &ListOptions) -> Result<Listing> {
        look::list(self.0.clone(), call, path, options).await
    }

    async fn create_directory(&self, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        self.0.create_directory(call, path, parents).await
    }

    async fn remove_file(&self, call: &Call, path: &Path) -> Result<()> {
        self.0.remove_file(call, path).await
    }

    async fn remove_directory(&self, call: &Call, path: &Path) -> Result<()> {
        self.0.remove_directory(call, path).await
    }

    async fn rename(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        self.0.rename(call, from, to, destination).await
    }

    async fn copy(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        self.0.copy(call, from, to, destination).await
    }

    async fn digest(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>> {
        let found = self.0.look_for_file(call, path, Operation::Digest).await?;
        let fits = |digest: &Digest| wanted.is_empty() || wanted.contains(&digest.algorithm());
        Ok(found.digest().filter(fits))
    }

    async fn local_file(&self, call: &Call, path: &Path, validator: Option<&Validator>) -> Result<Option<LocalFile>> {
        let seen = self.0.look_for_file(call, path, Operation::LocalFile).await?;
        self.0.same_version(path, validator, &seen.metadata().identity())?;
        Ok(None)
    }

    async fn set_modified(&self, _call: &Call, path: &Path, _time: SystemTime) -> Result<()> {
        Err(self.0.cannot(path, "setting the time of modification", Operation::SetMetadata))
    }

    async fn set_mode(&self, _call: &Call, path: &Path, _mode: u32) -> Result<()> {
        Err(self.0.cannot(path, "setting permissions", Operation::SetMetadata))
    }

    async fn create_link(&self, _call: &Call, path: &Path, _target: &[u8]) -> Result<()> {
        Err(self.0.cannot(path, "making symbolic links", Operation::Link))
    }

    async fn read_link(&self, _call: &Call, path: &Path) -> Result<Vec<u8>> {
        Err(self.0.cannot(path, "making symbolic links", Operation::Link))
    }

    async fn attributes(&self, _call: &Call, path: &Path) -> Result<Vec<String>> {
        Err(self.0.cannot(path, "setting extended attributes", Operation::SetMetadata))
    }

    async fn attribute(&self, _call: &Call, path: &Path, _name: &str) -> Result<Option<Vec<u8>>> {
        Err(self.0.cannot(path, "setting extended attributes", Operation::SetMetadata))
    }

    async fn set_attribute(&self, _call: &Call, path: &Path, _name: &str, _value: Option<&[u8]>) -> Result<()> {
        Err(self.0.cannot(path, "setting extended attributes", Operation::SetMetadata))
    }

    async fn space(&self, call: &Call, _path: &Path) -> Result<Space> {
        self.0.space(call).await
    }
}
