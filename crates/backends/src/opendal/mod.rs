//! Object stores by way of OpenDAL (<https://opendal.apache.org>): Google Cloud Storage, Azure Blob Storage, and others of its services.
//!
//! Only its public `Operator` is used, and requests travel by our own client ([`crate::http`]). What a store calls a bucket or a container is one
//! endpoint. Its keys are paths; a directory is a prefix that keys begin with, or an empty object whose key ends in `/`. There is no renaming.

mod change;
mod copy;
mod credential;
mod list;
mod look;
mod put;
mod read;
mod services;
mod status;
mod transport;
mod unfinished;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use ::opendal::{Capability, Operator};
use async_trait::async_trait;
use bytes::Bytes;
use law_storage::{
    Algorithm, Backend, ByteRange, Call, Capabilities, Destination, Digest, EndpointSettings, Error, ErrorKind,
    Factory, ListOptions, Listing, LocalFile, Metadata, NoClobber, Operation, Overwrite, Parents, Path, Publish,
    PutOptions, ReadOptions, Reading, Receipt, RemoteUrl, Result, Source, Space, Support, Validator,
};
use tokio::sync::Semaphore;

pub use services::{Known, SERVICES};

use services::Service;

/// Makes [`OpenDal`] backends for the services of this build.
pub struct OpenDalFactory;

impl Factory for OpenDalFactory {
    fn schemes(&self) -> &'static [&'static str] {
        services::schemes()
    }

    fn open(&self, url: &RemoteUrl, settings: &EndpointSettings) -> Result<Arc<dyn Backend>> {
        Ok(Arc::new(OpenDal::new(url, settings)?))
    }
}

/// The client of one bucket or container. Cheap to clone; the root is the bucket's root.
#[derive(Clone)]
pub struct OpenDal(Arc<Store>);

struct Store {
    /// Scheme and bucket, for messages.
    shown: RemoteUrl,
    settings: EndpointSettings,
    service: &'static Service,
    /// What OpenDAL says that the service can do.
    can: Capability,
    operator: OnceLock<Operator>,
    /// Places for pieces of files that are held in memory, one for each MiB.
    memory: Semaphore,
}

impl OpenDal {
    /// The client for the bucket of `url`. Does no input or output.
    ///
    /// # Errors
    /// `InvalidInput` for a URL with a port, and for a credential that the service has no place for.
    pub fn new(url: &RemoteUrl, settings: &EndpointSettings) -> Result<Self> {
        let scheme = url.scheme().name();
        let unserved = || Error::new(ErrorKind::Unsupported, format!("OpenDAL does not serve {scheme}://")).at(url);
        let service = Service::of(scheme).ok_or_else(unserved)?;
        if url.port().is_some() {
            let error = Error::new(ErrorKind::InvalidInput, format!("a {} has no port", service.container)).at(url);
            return Err(error.hint("the address of the service is set by endpoint in [fs.NAME]"));
        }
        credential::check(service, &settings.credential).map_err(|error| error.at(url))?;
        Ok(Self(Arc::new(Store {
            shown: url.with_path(Path::root()),
            settings: settings.clone(),
            service,
            can: service.can(),
            operator: OnceLock::new(),
            memory: Semaphore::new(crate::pieces::MEMORY as usize),
        })))
    }
}

impl Store {
    /// The operator, which is made when it is asked for the first time.
    fn operator(&self) -> Result<&Operator> {
        if let Some(operator) = self.operator.get() {
            return Ok(operator);
        }
        let operator = self.service.operator(self.shown.host(), &self.settings)?;
        Ok(self.operator.get_or_init(|| operator))
    }

    fn url(&self, path: &Path) -> String {
        self.shown.with_path(path.clone()).to_string()
    }

    fn error(&self, kind: ErrorKind, path: &Path, operation: Operation) -> Error {
        Error::new(kind, kind.phrase()).at(self.url(path)).during(operation)
    }

    fn cannot(&self, path: &Path, what: &str, operation: Operation) -> Error {
        let message = format!("{} has no way of {what}", self.service.name);
        Error::new(ErrorKind::Unsupported, message).at(self.url(path)).during(operation)
    }

    /// The key of a path; an error if no key can be called so.
    fn key(&self, path: &Path) -> Result<String> {
        self.service.check_name(path).map_err(|error| error.at(self.url(path)))?;
        // The slash, which is not a part of the key, keeps blanks at its beginning.
        Ok(format!("/{}", path.to_str().unwrap_or_default()))
    }

    /// What marks a directory, and what all keys below it begin with.
    fn prefix(&self, path: &Path) -> Result<String> {
        let key = self.key(path)?;
        Ok(if path.is_root() { key } else { format!("{key}/") })
    }
}

impl fmt::Debug for OpenDal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenDal({})", self.0.shown)
    }
}

#[async_trait]
impl Backend for OpenDal {
    fn url(&self, path: &Path) -> String {
        self.0.url(path)
    }

    fn capabilities(&self) -> Capabilities {
        let service = self.0.service;
        Capabilities {
            list: Support::Yes,
            ranges: Support::Yes,
            rename: Support::No,
            copy: if self.0.can.copy { Support::Yes } else { Support::No },
            write: Support::Unknown,
            symlinks: Support::No,
            modes: Support::No,
            set_modified: Support::No,
            keeps_modified: Support::No,
            space: Support::No,
            local_files: Support::No,
            digests: service.digests.to_vec(),
            digests_differ: true,
            loses_digests: false,
            implied_directories: true,
            keeps_parts: false,
            bulk_removals: 1,
            overwrite: Overwrite::Atomic,
            no_clobber: if self.0.can.write_with_if_not_exists { NoClobber::Atomic } else { NoClobber::CheckThenAct },
            publish: Publish::Direct,
            names: service.names,
            modified_resolution: Some(Duration::from_secs(1)),
        }
    }

    async fn probe(&self, call: &Call) -> Result<Capabilities> {
        match self.0.look(call, &Path::root(), Operation::Open).await {
            // Whoever may not list the bucket may still be allowed to read from it.
            Err(error) if error.kind() != ErrorKind::PermissionDenied => Err(error),
            _ => Ok(self.capabilities()),
        }
    }

    async fn stat(&self, call: &Call, path: &Path) -> Result<Option<Metadata>> {
        self.0.look(call, path, Operation::Stat).await
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

    async fn list(&self, call: &Call, path: &Path, _options: &ListOptions) -> Result<Listing> {
        list::list(self.0.clone(), call, path).await
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

    async fn rename(&self, _call: &Call, from: &Path, _to: &Path, _destination: Destination) -> Result<()> {
        Err(self.0.cannot(from, "renaming", Operation::Rename))
    }

    async fn copy(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        self.0.copy(call, from, to, destination).await
    }

    async fn digest(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>> {
        let found = self.0.look_for_file(call, path, Operation::Digest).await?;
        let fits = |digest: &Digest| wanted.is_empty() || wanted.contains(&digest.algorithm());
        Ok(found.digests.into_iter().find(fits))
    }

    async fn local_file(&self, call: &Call, path: &Path, validator: Option<&Validator>) -> Result<Option<LocalFile>> {
        let seen = self.0.look_for_file(call, path, Operation::LocalFile).await?;
        self.0.same_version(path, validator, &seen.identity())?;
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

    async fn space(&self, _call: &Call, path: &Path) -> Result<Space> {
        Err(self.0.cannot(path, "telling how much space there is", Operation::Space))
    }
}
