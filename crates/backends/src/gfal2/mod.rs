//! Legacy protocols of the grid, by way of gfal2 (<https://dmc-docs.web.cern.ch/dmc-docs/gfal2/gfal2.html>): GridFTP, SRM, dcap and xrootd.
//!
//! The C library is loaded when something is asked for the first time; where it is missing, the error says what to install. Its calls block, and some never
//! return: they run on threads of their own, end with the call as far as anybody waits, and are given up.

mod address;
mod asking;
mod change;
mod contexts;
mod digest;
mod held;
mod layout;
mod leftover;
mod library;
mod list;
mod look;
mod put;
mod read;
mod rules;
mod status;
mod threads;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use law_storage::{
    Algorithm, Backend, ByteRange, Call, Capabilities, Destination, Digest, EndpointSettings, Error, ErrorKind,
    Factory, ListOptions, Listing, LocalFile, Metadata, NoClobber, Operation, Overwrite, Parents, Path, Publish,
    PutOptions, ReadOptions, Reading, Receipt, RemoteUrl, Result, Source, Space, Support, Validator,
};

use rules::Rules;

/// Makes [`Gfal2`] backends for `gsiftp`, `root`, `roots`, `srm`, `dcap`, `gsidcap` and `mock`.
pub struct Gfal2Factory;

impl Factory for Gfal2Factory {
    fn schemes(&self) -> &'static [&'static str] {
        Rules::SCHEMES
    }

    fn open(&self, url: &RemoteUrl, settings: &EndpointSettings) -> Result<Arc<dyn Backend>> {
        Ok(Arc::new(Gfal2::new(url, settings)?))
    }
}

/// Whether the library is on this machine. It is loaded, and nobody is asked.
pub fn is_here() -> bool {
    library::Library::load(library::NAME).is_ok()
}

/// The package with the plugin of a scheme; none for one that gfal2 does not serve here.
pub fn package(scheme: &str) -> Option<String> {
    Rules::of(scheme).map(|rules| format!("gfal2-plugin-{}", rules.plugin))
}

/// The client of one endpoint. Cheap to clone; the root is the server's root.
#[derive(Clone)]
pub struct Gfal2(Arc<Endpoint>);

struct Endpoint {
    /// Scheme, user, host, port and parameters.
    shown: RemoteUrl,
    settings: EndpointSettings,
    rules: &'static Rules,
    /// The name of the library.
    library: String,
    /// A rename over a file was refused: it has to be moved aside first.
    refuses_over: AtomicBool,
}

impl Gfal2 {
    /// The client for the endpoint of `url`. Does no input or output, and loads nothing.
    ///
    /// # Errors
    /// `InvalidInput` for the long form of an SRM URL, and for a credential that the protocol has no place for.
    pub fn new(url: &RemoteUrl, settings: &EndpointSettings) -> Result<Self> {
        Self::with_library(url, settings, library::NAME)
    }

    /// As [`new`](Self::new), with a library of another name.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_library(url: &RemoteUrl, settings: &EndpointSettings, name: &str) -> Result<Self> {
        let scheme = url.scheme().name();
        let unserved = || Error::new(ErrorKind::Unsupported, format!("gfal2 does not serve {scheme}://")).at(url);
        let rules = Rules::of(scheme).ok_or_else(unserved)?;
        if scheme == "srm" && url.query().is_some() {
            let error = Error::new(ErrorKind::InvalidInput, "an SRM URL in its long form").at(url);
            return Err(error.hint("write srm://host:8443/path, without managerv2?SFN="));
        }
        address::check_credential(url, &settings.credential, settings.found)?;
        Ok(Self(Arc::new(Endpoint {
            shown: url.with_path(Path::root()),
            settings: settings.clone(),
            rules,
            library: name.to_owned(),
            refuses_over: AtomicBool::new(false),
        })))
    }
}

impl Endpoint {
    fn url(&self, path: &Path) -> String {
        self.shown.with_path(path.clone()).to_string()
    }

    /// An error of that kind.
    fn error(&self, kind: ErrorKind, path: &Path, operation: Operation) -> Error {
        Error::new(kind, kind.phrase()).at(self.url(path)).during(operation)
    }

    fn cannot(&self, path: &Path, what: &str, operation: Operation) -> Error {
        let message = format!("{}:// has no way of {what}", self.shown.scheme());
        Error::new(ErrorKind::Unsupported, message).at(self.url(path)).during(operation)
    }

    fn overwrite(&self) -> Overwrite {
        match self.rules.over {
            Some(over) if !self.refuses_over.load(Ordering::Relaxed) => over,
            Some(_) => Overwrite::Window,
            None => Overwrite::Unsafe,
        }
    }
}

impl fmt::Debug for Gfal2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gfal2({})", self.0.shown)
    }
}

#[async_trait]
impl Backend for Gfal2 {
    fn url(&self, path: &Path) -> String {
        self.0.url(path)
    }

    fn capabilities(&self) -> Capabilities {
        let writes = self.0.rules.over.is_some();
        Capabilities {
            list: Support::Yes,
            ranges: if self.0.rules.fragile { Support::No } else { Support::Yes },
            rename: if writes { Support::Yes } else { Support::No },
            copy: Support::No,
            write: if writes { Support::Unknown } else { Support::No },
            symlinks: Support::No,
            modes: Support::No,
            set_modified: Support::No,
            keeps_modified: Support::No,
            space: Support::No,
            local_files: Support::No,
            digests: self.0.rules.digests.to_vec(),
            digests_differ: false,
            loses_digests: false,
            implied_directories: false,
            keeps_parts: false,
            bulk_removals: 1,
            overwrite: self.0.overwrite(),
            no_clobber: NoClobber::CheckThenAct,
            publish: Publish::Rename,
            names: self.0.rules.names,
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

    async fn copy(&self, _call: &Call, from: &Path, _to: &Path, _destination: Destination) -> Result<()> {
        Err(self.0.cannot(from, "copying within the storage", Operation::Copy))
    }

    async fn digest(&self, call: &Call, path: &Path, wanted: &[Algorithm]) -> Result<Option<Digest>> {
        self.0.digest(call, path, wanted).await
    }

    async fn local_file(&self, call: &Call, path: &Path, validator: Option<&Validator>) -> Result<Option<LocalFile>> {
        let seen = self.0.look_for_file(call, path, Operation::LocalFile).await?;
        self.0.same_version(path, validator, &seen)?;
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
        Err(self.0.cannot(path, "reading symbolic links", Operation::Link))
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
