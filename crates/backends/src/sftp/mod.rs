//! SFTP, version 3 (<https://datatracker.ietf.org/doc/html/draft-ietf-secsh-filexfer-02>) with OpenSSH's extensions, through the program `ssh`.
//!
//! One connection serves all calls: a process `ssh`, which finds keys, agents, jump hosts and known hosts as its user has configured it.

mod change;
mod connection;
mod leftover;
mod list;
mod look;
mod put;
mod read;
mod status;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as Guarded, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use law_storage::{
    Algorithm, Backend, ByteRange, Call, Capabilities, Credential, Destination, Digest, EndpointSettings, Error,
    ErrorKind, Factory, ListOptions, Listing, LocalFile, Metadata, NameRules, NoClobber, Operation, Overwrite, Parents,
    Path, Publish, PutOptions, ReadOptions, Reading, Receipt, RemoteUrl, Result, Source, Space, Support, Validator,
};
use tokio::sync::Mutex;

use connection::{Abilities, Connection};

/// The program that is run instead of `ssh`, if it is set.
const PROGRAM: &str = "LAW_SSH";

/// Makes [`Sftp`] backends for `sftp`.
pub struct SftpFactory;

impl Factory for SftpFactory {
    fn schemes(&self) -> &'static [&'static str] {
        &["sftp"]
    }

    fn open(&self, url: &RemoteUrl, settings: &EndpointSettings) -> Result<Arc<dyn Backend>> {
        Ok(Arc::new(Sftp::new(url, settings)?))
    }
}

/// The client of one host. Cheap to clone; the root is the server's root.
#[derive(Clone)]
pub struct Sftp(Arc<Endpoint>);

struct Endpoint {
    /// Scheme, user, host and port.
    shown: RemoteUrl,
    settings: EndpointSettings,
    /// What is run: `ssh`, mostly.
    program: OsString,
    connection: Mutex<Option<Arc<Connection>>>,
    /// What the last connection has told; none before there was one.
    abilities: Guarded<Option<Abilities>>,
    /// The disk there has no second names for a file.
    refuses_links: AtomicBool,
}

impl Sftp {
    /// The client for the host of `url`. Does no input or output. It runs `$LAW_SSH`, or `ssh`.
    ///
    /// # Errors
    /// `InvalidInput` for a credential that has no place here: passwords, above all.
    pub fn new(url: &RemoteUrl, settings: &EndpointSettings) -> Result<Self> {
        let set = std::env::var_os(PROGRAM).filter(|program| !program.is_empty());
        Self::with_program(url, settings, set.unwrap_or_else(|| "ssh".into()))
    }

    /// As [`new`](Self::new), with another program in the place of `ssh`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_program(url: &RemoteUrl, settings: &EndpointSettings, program: OsString) -> Result<Self> {
        let fits = matches!(settings.credential, Credential::None | Credential::Ssh { .. });
        if !(fits || settings.found) || url.password().is_some() {
            let error = Error::new(ErrorKind::InvalidInput, "no password or token is given to ssh").at(url);
            return Err(error.hint("use a key or an agent, as with ssh itself"));
        }
        Ok(Self(Arc::new(Endpoint {
            shown: url.with_path(Path::root()),
            settings: settings.clone(),
            program,
            connection: Mutex::default(),
            abilities: Guarded::default(),
            refuses_links: AtomicBool::new(false),
        })))
    }
}

impl Endpoint {
    /// The connection, which is made if there is none.
    async fn connection(&self, call: &Call) -> Result<Arc<Connection>> {
        call.bound(async {
            let mut kept = self.connection.lock().await;
            if let Some(connection) = &*kept {
                return Ok(connection.clone());
            }
            let opened = Connection::open(&self.program, &self.shown, &self.settings).await;
            let opened = Arc::new(opened.map_err(|error| error.at(self.url(&Path::root())))?);
            *self.abilities.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened.abilities);
            Ok(kept.insert(opened).clone())
        })
        .await
    }

    /// The next question gets another connection than this one.
    async fn forget(&self, broken: &Arc<Connection>) {
        let mut kept = self.connection.lock().await;
        if kept.as_ref().is_some_and(|connection| Arc::ptr_eq(connection, broken)) {
            *kept = None;
        }
    }

    fn abilities(&self) -> Option<Abilities> {
        *self.abilities.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn url(&self, path: &Path) -> String {
        self.shown.with_path(path.clone()).to_string()
    }

    fn error(&self, kind: ErrorKind, path: &Path, operation: Operation) -> Error {
        Error::new(kind, kind.phrase()).at(self.url(path)).during(operation)
    }

    fn cannot(&self, path: &Path, what: &str, operation: Operation) -> Error {
        let message = format!("this server has no way of {what}");
        Error::new(ErrorKind::Unsupported, message).at(self.url(path)).during(operation)
    }
}

/// A path as the server knows it. Names that are no text cannot be told by the library that speaks with it.
fn remote(path: &Path) -> Result<PathBuf> {
    if let Some(refusal) = NameRules::TEXT.refusal(path) {
        return Err(refusal.error());
    }
    let mut absolute = b"/".to_vec();
    absolute.extend_from_slice(path.as_bytes());
    Ok(OsStr::from_bytes(&absolute).into())
}

/// What a link is to point to.
fn os_path(target: &[u8]) -> Result<PathBuf> {
    match std::str::from_utf8(target) {
        Ok(text) => Ok(text.into()),
        Err(_) => Err(Error::new(ErrorKind::InvalidInput, "a link to a name that is not UTF-8")),
    }
}

fn bytes_of(path: &std::path::Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// What is known, or could still be so.
fn known(ability: Option<bool>) -> Support {
    match ability {
        Some(true) => Support::Yes,
        Some(false) => Support::No,
        None => Support::Unknown,
    }
}

impl fmt::Debug for Sftp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sftp({})", self.0.shown)
    }
}

#[async_trait]
impl Backend for Sftp {
    fn url(&self, path: &Path) -> String {
        self.0.url(path)
    }

    fn capabilities(&self) -> Capabilities {
        let abilities = self.0.abilities();
        let replaces = abilities.is_some_and(|can| can.replaces);
        let links = abilities.is_some_and(|can| can.links) && !self.0.refuses_links.load(Ordering::Relaxed);
        Capabilities {
            list: Support::Yes,
            ranges: Support::Yes,
            rename: Support::Yes,
            copy: known(abilities.map(|can| can.copies)),
            write: Support::Unknown,
            symlinks: Support::Yes,
            modes: Support::Yes,
            set_modified: Support::Yes,
            keeps_modified: Support::Yes,
            space: known(abilities.map(|can| can.space)),
            local_files: Support::No,
            digests: put::DIGESTS.to_vec(),
            digests_differ: false,
            loses_digests: false,
            implied_directories: false,
            keeps_parts: false,
            bulk_removals: 1,
            overwrite: if replaces { Overwrite::Atomic } else { Overwrite::Window },
            no_clobber: if links { NoClobber::Atomic } else { NoClobber::CheckThenAct },
            publish: Publish::Rename,
            names: NameRules { longest: Some(255), ..NameRules::TEXT },
            modified_resolution: Some(Duration::from_secs(1)),
        }
    }

    async fn probe(&self, call: &Call) -> Result<Capabilities> {
        match self.0.look(call, &Path::root(), Operation::Open).await {
            // Whoever may not look at the root may still be allowed to read below it.
            Err(error) if error.kind() != ErrorKind::PermissionDenied => Err(error),
            _ => Ok(self.capabilities()),
        }
    }

    async fn stat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        self.0.look(call, path, Operation::Stat).await
    }

    async fn lstat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        self.0.look_at_link(call, path, Operation::Stat).await
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

    async fn list(&self, call: &Call, path: &Path, _options: &ListOptions) -> Result<Listing> {
        list::list(&self.0, call, path).await
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

    async fn digest(&self, call: &Call, path: &Path, _wanted: &[Algorithm]) -> Result<Option<Digest>> {
        self.0.look_for_file(call, path, Operation::Digest).await.map(|_| None)
    }

    async fn local_file(&self, call: &Call, path: &Path, validator: Option<&Validator>) -> Result<Option<LocalFile>> {
        let seen = self.0.look_for_file(call, path, Operation::LocalFile).await?;
        self.0.same_version(path, validator, &seen)?;
        Ok(None)
    }

    async fn set_modified(&self, call: &Call, path: &Path, time: SystemTime) -> Result<()> {
        self.0.set(call, path, change::attributes(None, Some(time))).await
    }

    async fn set_mode(&self, call: &Call, path: &Path, mode: u32) -> Result<()> {
        self.0.set(call, path, change::attributes(Some(mode), None)).await
    }

    async fn create_link(&self, call: &Call, path: &Path, target: &[u8]) -> Result<()> {
        self.0.create_link(call, path, target).await
    }

    async fn read_link(&self, call: &Call, path: &Path) -> Result<Vec<u8>> {
        self.0.read_link(call, path).await
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

    async fn space(&self, call: &Call, path: &Path) -> Result<Space> {
        self.0.space(call, path).await
    }
}
