//! S3 (<https://docs.aws.amazon.com/AmazonS3/latest/API/>) of Amazon and of everybody who speaks it: SeaweedFS, Ceph, MinIO, garage, ...
//!
//! A bucket is one endpoint. Its keys are paths; a directory is a prefix that keys begin with, or an empty object whose key ends in `/`,
//! which [`create_directory`](law_storage::Backend::create_directory) makes. There is no renaming: whoever moves copies, compares and removes.

mod address;
mod answers;
mod asking;
mod bulk;
mod change;
mod copy;
mod going_on;
mod list;
mod look;
mod parts;
mod put;
mod read;
mod services;
mod signing;
mod status;
mod sums;
mod unfinished;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use law_storage::{
    Algorithm, Backend, ByteRange, Call, Capabilities, Destination, Digest, EndpointSettings, Error, ErrorKind,
    Factory, ListOptions, Listing, LocalFile, Metadata, Operation, Parents, Path, Publish, PutOptions, ReadOptions,
    Reading, Receipt, RemoteUrl, Result, Source, Space, Support, UnfinishedUpload, Validator,
};

use address::Site;
use answers::NotDeleted;
use services::Service;
use sums::Trust;

use crate::together::Together;

/// Makes [`S3`] backends for `s3`.
pub struct S3Factory;

impl Factory for S3Factory {
    fn schemes(&self) -> &'static [&'static str] {
        &["s3"]
    }

    fn open(&self, url: &RemoteUrl, settings: &EndpointSettings) -> Result<Arc<dyn Backend>> {
        Ok(Arc::new(S3::new(url, settings)?))
    }
}

/// The client of one bucket. Cheap to clone; the root is the bucket's root.
#[derive(Clone)]
pub struct S3(Arc<Bucket>);

struct Bucket {
    /// `s3://bucket`, for messages.
    shown: RemoteUrl,
    settings: EndpointSettings,
    site: Mutex<Option<Arc<Site>>>,
    learnt: Mutex<Learnt>,
    /// Keys that are to be removed with the next list.
    doomed: Together<Option<NotDeleted>>,
    /// Places for pieces of files that are held in memory, one for each MiB.
    memory: tokio::sync::Semaphore,
}

/// What the answers have told so far.
#[derive(Default)]
struct Learnt {
    /// The region that the bucket is in, where the service has said so.
    region: Option<String>,
    trust: Trust,
    /// Which service it is.
    service: Option<&'static Service>,
    /// The service takes no lists of what to delete.
    no_bulk: bool,
}

impl S3 {
    /// The client for the bucket of `url`. Does no input or output.
    ///
    /// # Errors
    /// `InvalidInput` for a URL with a port, and an address of a service that is none.
    pub fn new(url: &RemoteUrl, settings: &EndpointSettings) -> Result<Self> {
        if url.port().is_some() {
            let error = Error::new(ErrorKind::InvalidInput, "a bucket has no port").at(url);
            return Err(error.hint("the address of the service is set by endpoint in [fs.NAME], or $AWS_ENDPOINT_URL"));
        }
        Ok(Self(Arc::new(Bucket {
            shown: url.with_path(Path::root()),
            settings: settings.clone(),
            site: Mutex::default(),
            learnt: Mutex::default(),
            doomed: Together::new(bulk::MOST),
            memory: tokio::sync::Semaphore::new(crate::pieces::MEMORY as usize),
        })))
    }
}

impl Bucket {
    fn name(&self) -> &str {
        self.shown.host()
    }

    fn learnt(&self) -> MutexGuard<'_, Learnt> {
        // Every fact in it stands alone, so that it is right whatever panicked beside it.
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn service(&self) -> &'static Service {
        self.learnt().service.unwrap_or(Service::unknown())
    }

    fn url(&self, path: &Path) -> String {
        self.shown.with_path(path.clone()).to_string()
    }

    fn error(&self, kind: ErrorKind, path: &Path, operation: Operation) -> Error {
        Error::new(kind, kind.phrase()).at(self.url(path)).during(operation)
    }

    fn cannot(&self, path: &Path, what: &str, operation: Operation) -> Error {
        Error::new(ErrorKind::Unsupported, format!("S3 has no way of {what}")).at(self.url(path)).during(operation)
    }

    /// Refuses what cannot be a key.
    fn check_name(&self, path: &Path) -> Result<()> {
        const LONGEST: usize = 1024;
        if path.as_bytes().len() >= LONGEST {
            let error = Error::new(ErrorKind::NameTooLong, format!("a path of {LONGEST} bytes or more"));
            return Err(error.at(self.url(path)));
        }
        self.service().names.refusal(path).map_or(Ok(()), |refusal| Err(refusal.error().at(self.url(path))))
    }
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3({})", self.0.shown)
    }
}

#[async_trait]
impl Backend for S3 {
    fn url(&self, path: &Path) -> String {
        self.0.url(path)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            list: Support::Yes,
            ranges: Support::Yes,
            rename: Support::No,
            copy: Support::Yes,
            write: Support::Unknown,
            symlinks: Support::No,
            modes: Support::No,
            set_modified: Support::No,
            keeps_modified: Support::No,
            space: Support::No,
            local_files: Support::No,
            digests: self.0.offered(),
            digests_differ: true,
            loses_digests: false,
            implied_directories: true,
            keeps_parts: true,
            bulk_removals: if self.0.learnt().no_bulk { 1 } else { bulk::MOST },
            overwrite: self.0.service().overwrite,
            no_clobber: self.0.service().no_clobber,
            publish: Publish::Direct,
            names: self.0.service().names,
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

    async fn list(&self, call: &Call, path: &Path, options: &ListOptions) -> Result<Listing> {
        list::list(self.0.clone(), call, path, options).await
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

    async fn unfinished_uploads(&self, call: &Call, top: &Path) -> Result<Vec<UnfinishedUpload>> {
        going_on::unfinished_uploads(&self.0, call, top).await
    }

    async fn abandon_upload(&self, call: &Call, upload: &UnfinishedUpload) -> Result<()> {
        unfinished::throw_away(&self.0, call, &upload.path, &upload.id).await
    }

    async fn digest(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>> {
        self.0.digest(call, path, wanted).await
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
