//! From what somebody typed to a place on a file system that is ready.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use law_cache::{Cache, Store};
use law_config::{Config, DoorSettings, Environment, FileSystemSettings};
use law_storage::{
    Algorithm, DoorPolicy, DoorsSettings, Durability, EndpointSettings, Error, ErrorKind, FileSystem, Location,
    Operation, Path, Publish, Registry, RemoteUrl, Result, Secret, Url, Verify,
};
use law_transfer::Place;

use crate::build::{DoorSpec, build, kept, local, mounted, registry};
use crate::cache::Caches;
use crate::credential::{self, CredentialReport, credential};
use crate::{halves, node_directory};

/// The configured file systems, and those of URLs that were typed. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct FileSystems {
    config: Arc<Config>,
    registry: Registry,
    ca: Option<PathBuf>,
    /// Where processes of this node share what they know.
    node: PathBuf,
    caches: Caches,
    ready: Arc<Mutex<HashMap<String, FileSystem>>>,
}

impl FileSystems {
    /// Those of this process's environment, with overrides such as `fs.wlcg.checksum=md5`.
    ///
    /// # Errors
    /// `InvalidInput` with the line of the configuration that is wrong.
    pub fn load(overrides: &[String]) -> Result<Self> {
        let overrides: Vec<&str> = overrides.iter().map(String::as_str).collect();
        let environment = Environment::of_process()?;
        let config = Config::load(&environment, &overrides).map_err(misconfigured)?;
        config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        config.notes.iter().for_each(|note| tracing::info!("{note}"));
        Ok(Self {
            config: Arc::new(config),
            registry: registry(),
            ca: None,
            node: environment.node_directory(),
            caches: Caches::new(environment.cache_directories()),
            ready: Arc::default(),
        })
    }

    /// Those that targets use: loaded once, at the first use.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn shared() -> Result<Self> {
        static SHARED: OnceLock<FileSystems> = OnceLock::new();
        match SHARED.get() {
            Some(shared) => Ok(shared.clone()),
            None => Self::load(&[]).map(|loaded| SHARED.get_or_init(|| loaded).clone()),
        }
    }

    /// Also believes this certificate authority, everywhere.
    #[must_use]
    pub fn with_ca(mut self, ca: Option<PathBuf>) -> Self {
        self.ca = ca.or(self.ca);
        self
    }

    /// The cache on this machine, of all file systems; opened when it is asked for the first time.
    ///
    /// # Errors
    /// Why there is none: `Unsupported` on network file systems, otherwise what the disk says.
    pub fn cache_store(&self) -> Result<Arc<Store>> {
        self.caches.store(&self.config)
    }

    /// [`cache_store`](Self::cache_store), and those of file systems that have a directory for themselves.
    ///
    /// # Errors
    /// As there.
    pub fn cache_stores(&self) -> Result<Vec<Arc<Store>>> {
        self.caches.all(&self.config)
    }

    /// The cache of the file system of a place; none if it has none.
    pub fn cache_of(&self, place: &Place) -> Option<Cache> {
        self.caches.of(place.fs.name())
    }

    /// The settings behind them.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The place that a path, a URL or `NAME:path` means.
    ///
    /// # Errors
    /// `InvalidInput` for what is none of these, or a name that is not configured.
    pub fn place(&self, text: impl AsRef<OsStr>) -> Result<Place> {
        self.place_of(&Url::parse(text)?)
    }

    /// As [`place`](Self::place), for a URL that was parsed already.
    ///
    /// # Errors
    /// As [`place`](Self::place).
    pub fn place_of(&self, url: &Url) -> Result<Place> {
        match url.location() {
            Location::Local(path) => self.local_place(path, self.config.every.durability),
            Location::Named { name, path } => Ok(Place::new(self.named(name)?, path.clone())),
            Location::Remote(remote) => Ok(Place::new(self.typed(remote)?, remote.path().clone())),
            other => Err(Error::new(ErrorKind::Unsupported, "no storage for").at(other)),
        }
    }

    /// Relative paths start at the working directory of now; `..` is taken off by name, as a shell does.
    fn local_place(&self, path: &std::path::Path, wanted: law_config::Durability) -> Result<Place> {
        use std::os::unix::ffi::OsStrExt as _;
        let absolute = std::path::absolute(path).map_err(|e| Error::from(e).at(path.display()))?;
        let mut clean = PathBuf::new();
        for part in absolute.components() {
            match part {
                std::path::Component::ParentDir => drop(clean.pop()),
                part => clean.push(part),
            }
        }
        let fs = match durability(wanted) {
            Durability::Full => self.remembered("local", || Ok(local(Durability::Full)))?,
            Durability::None => self.remembered("local without sync", || Ok(local(Durability::None)))?,
        };
        Ok(Place::new(fs, Path::parse(clean.as_os_str().as_bytes())?))
    }

    fn named(&self, name: &str) -> Result<FileSystem> {
        self.remembered(&format!("{name}:"), || {
            let settings = self.config.file_system(name).map_err(|e| self.unknown_name(name, e))?;
            self.configured(name, settings)
        })
    }

    fn unknown_name(&self, name: &str, error: law_config::Error) -> Error {
        let local = std::path::Path::new(name).exists();
        let error = misconfigured(error);
        if local { error.hint(format!("a file of that name is ./{name}:...")) } else { error }
    }

    fn configured(&self, name: &str, settings: &FileSystemSettings) -> Result<FileSystem> {
        let mut schemes = settings.doors.iter().filter_map(|door| door.url.split_once("://"));
        schemes.try_for_each(|(scheme, _)| halves::check(name, settings, scheme))?;
        let base = Path::parse(&settings.base)?;
        let mut doors = Vec::new();
        for door in &settings.doors {
            let url = Url::parse(&door.url)?;
            match url.location() {
                Location::Remote(remote) => doors.push(door_spec(remote, door)),
                Location::Local(path) if settings.doors.len() == 1 => {
                    let place = self.local_place(path, settings.durability)?;
                    if let Some(operations) = operations_of(door) {
                        return Ok(kept(place.fs, name, place.path.join(&base), operations));
                    }
                    return Ok(FileSystem::new(name, place.path.join(&base), place.fs.backend().clone()));
                }
                Location::Local(_) => {
                    let message =
                        format!("a local directory is the only door of a file system, and `{name}` has several");
                    return Err(Error::new(ErrorKind::InvalidInput, message).at(&url));
                }
                _ => {
                    return Err(Error::new(ErrorKind::InvalidInput, format!("the door of `{name}` is no URL")).at(&url));
                }
            }
        }
        let urls: Vec<&RemoteUrl> = doors.iter().map(|door| &door.url).collect();
        let endpoint = self.endpoint_settings(settings, &urls)?;
        let fs = build(&self.registry, name, &base, &doors, &endpoint, self.doors_settings(settings))?;
        warn_of_checksum(name, &endpoint, &fs);
        let fs = match &settings.local_root {
            Some(mount) => mounted(fs, mount.clone(), durability(settings.durability)),
            None => fs,
        };
        let fs =
            if urls.first().is_some_and(|door| self.is_hidden(name, settings, door)) { fs.only_by_name() } else { fs };
        Ok(self.caches.over(&self.config, name, fs).verifying(verify(settings)).at_service(service(settings, name)))
    }

    /// Whether a URL at this door means another file system, with other settings.
    fn is_hidden(&self, name: &str, settings: &FileSystemSettings, door: &RemoteUrl) -> bool {
        let first = self.name_of(door).filter(|first| *first != name);
        let Some(first) = first.and_then(|first| self.config.file_systems.get(first)) else { return false };
        let mut there = settings.clone();
        (there.base, there.doors) = (first.base.clone(), first.doors.clone());
        there != *first
    }

    fn doors_settings(&self, from: &FileSystemSettings) -> DoorsSettings {
        let policy = match from.door_policy {
            law_config::DoorPolicy::Adaptive => DoorPolicy::Adaptive,
            law_config::DoorPolicy::RoundRobin => DoorPolicy::RoundRobin,
            law_config::DoorPolicy::Random => DoorPolicy::Random,
        };
        let shared = if from.doors.len() > 1 { node_directory::private(&self.node) } else { None };
        DoorsSettings { policy, retries: from.retries, deadline: from.deadline, name: None, shared }
    }

    /// Half of a credential for a URL that was typed is refused.
    fn check_typed(&self, remote: &RemoteUrl) -> Result<()> {
        halves::check(self.name_of(remote).unwrap_or("\"*\""), self.settings_of(remote), remote.scheme().name())
    }

    fn typed(&self, remote: &RemoteUrl) -> Result<FileSystem> {
        let user = remote.user().unwrap_or_default();
        let password = remote.password().map(Secret::expose).unwrap_or_default();
        let query = remote.query().map(Secret::expose).unwrap_or_default();
        // The key holds secrets, and never leaves this map.
        let key = format!("{}\0{user}\0{password}\0{query}", remote.endpoint());
        self.remembered(&key, || {
            self.check_typed(remote)?;
            let settings = self.settings_of(remote);
            let endpoint = self.endpoint_settings(settings, &[remote])?;
            let doors = DoorsSettings { shared: None, ..self.doors_settings(settings) };
            let door = DoorSpec::new(remote.clone());
            let fs = build(&self.registry, &remote.endpoint(), &Path::root(), &[door], &endpoint, doors)?;
            let name = self.name_of(remote).unwrap_or_default();
            Ok(fs.verifying(verify(settings)).at_service(service(settings, name)))
        })
    }

    /// The settings of a configured file system with the same endpoint, else those for all.
    fn settings_of(&self, remote: &RemoteUrl) -> &FileSystemSettings {
        let named = self.name_of(remote).and_then(|name| self.config.file_systems.get(name));
        named.unwrap_or(&self.config.every)
    }

    /// The configured file system whose settings count for a URL that was typed.
    pub fn configured_name(&self, remote: &RemoteUrl) -> Option<&str> {
        self.name_of(remote)
    }

    /// The lines of a `[fs.NAME]` that say where the service of a bucket is, as the settings have it for a URL that was typed; empty if they do not.
    pub fn endpoint_of(&self, remote: &RemoteUrl) -> String {
        let named = self.settings_of(remote).endpoint.as_ref();
        named.map(|endpoint| format!("endpoint = {endpoint:?}\n")).unwrap_or_default()
    }

    /// The first configured file system with the same endpoint.
    fn name_of(&self, remote: &RemoteUrl) -> Option<&str> {
        self.named_at(remote).next().map(|(name, _)| name)
    }

    /// The configured file systems with a door at the same endpoint, in the order of their names.
    fn named_at(&self, remote: &RemoteUrl) -> impl Iterator<Item = (&str, &FileSystemSettings)> {
        let same = |url: &str| {
            matches!(Url::parse(url).as_ref().map(Url::location),
            Ok(Location::Remote(door)) if door.server() == remote.server())
        };
        let all = self.config.file_systems.iter().map(|(name, fs)| (name.as_str(), fs));
        all.filter(move |(_, fs)| fs.doors.iter().any(|door| same(&door.url)))
    }

    /// The first endpoint behind a place that somebody typed; none for the local disk.
    ///
    /// # Errors
    /// `InvalidInput` for a name that is not configured, or whose door is no URL.
    pub fn door(&self, url: &Url) -> Result<Option<RemoteUrl>> {
        let door = match url.location() {
            Location::Remote(remote) => return Ok(Some(remote.clone())),
            Location::Named { name, .. } => self.config.file_system(name).map_err(misconfigured)?.doors.first(),
            _ => None,
        };
        let Some(door) = door else { return Ok(None) };
        match Url::parse(&door.url)?.location() {
            Location::Remote(remote) => Ok(Some(remote.clone())),
            _ => Ok(None),
        }
    }

    /// The server behind a place that somebody typed, as far as the settings tell: the service at `endpoint` that has a bucket, or else the door. None
    /// for the local disk.
    ///
    /// # Errors
    /// As [`door`](Self::door) has them, and `InvalidInput` for an `endpoint` that is no URL.
    pub fn server(&self, url: &Url) -> Result<Option<RemoteUrl>> {
        let Some(door) = self.door(url)? else { return Ok(None) };
        let settings = match url.location() {
            Location::Named { name, .. } => self.config.file_system(name).map_err(misconfigured)?,
            _ => self.settings_of(&door),
        };
        let Some(endpoint) = &settings.endpoint else { return Ok(Some(door)) };
        match Url::parse(endpoint)?.location() {
            Location::Remote(remote) => Ok(Some(remote.clone())),
            _ => Ok(None),
        }
    }

    /// Which credential goes to the storage of a place that somebody typed, and where it is from.
    ///
    /// # Errors
    /// `InvalidInput` for a name that is not configured, and for half of a credential; `Unauthenticated` for a token that cannot be read.
    pub fn credential_of(&self, url: &Url) -> Result<CredentialReport> {
        match url.location() {
            Location::Remote(remote) if remote.user().is_some() && remote.scheme().name() != "sftp" => {
                Ok(CredentialReport::typed())
            }
            Location::Remote(remote) => {
                self.check_typed(remote)?;
                credential_at(remote, self.settings_of(remote))
            }
            Location::Named { name, .. } => {
                let settings = self.config.file_system(name).map_err(misconfigured)?;
                let Some(door) = self.door(url)? else { return Ok(CredentialReport::none()) };
                halves::check(name, settings, door.scheme().name())?;
                credential_at(&door, settings)
            }
            _ => Ok(CredentialReport::none()),
        }
    }

    /// The credentials that may have been sent to a URL: those of the configured file systems that were used here so far and have a door there, or else
    /// that of the URL itself. What cannot be read is left out.
    pub fn credentials_used_at(&self, url: &Url) -> Vec<CredentialReport> {
        let Location::Remote(remote) = url.location() else { return self.credential_of(url).into_iter().collect() };
        let is_used = |name: &str| {
            let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
            ready.contains_key(&format!("{name}:"))
        };
        let used = self.named_at(remote).filter(|(name, _)| is_used(name));
        let mut reports: Vec<_> = used.filter_map(|(_, settings)| credential_at(remote, settings).ok()).collect();
        if reports.is_empty() {
            reports.extend(self.credential_of(url));
        }
        reports
    }

    /// Which credential goes to any storage that somebody types, has no settings of its own, and is reached with encryption.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that cannot be read.
    pub fn usual_credential(&self) -> Result<CredentialReport> {
        credential::report(&self.config.every, &[], true)
    }

    fn bare(&self) -> EndpointSettings {
        let mut settings = EndpointSettings::default();
        settings.ca = self.ca.clone();
        settings
    }

    pub(crate) fn endpoint_settings(
        &self,
        from: &FileSystemSettings,
        doors: &[&RemoteUrl],
    ) -> Result<EndpointSettings> {
        let mut settings = self.bare();
        let chosen = credential(from, doors);
        (settings.credential, settings.found) = (chosen.credential, chosen.found);
        settings.ca = self.ca.clone().or(from.ca.clone());
        settings.publish = from.publish.map(|publish| match publish {
            law_config::Publish::Rename => Publish::Rename,
            law_config::Publish::Direct => Publish::Direct,
        });
        settings.quirks = from.quirks.clone();
        settings.send_checksums = from.checksum.as_deref() != Some("none");
        let named = from.checksum.as_deref().filter(|name| !matches!(*name, "auto" | "none"));
        settings.checksum = named.map(algorithm).transpose()?;
        settings.endpoint = from.endpoint.clone();
        settings.region = from.region.clone();
        settings.path_style = from.path_style;
        settings.durability = durability(from.durability);
        settings.timeouts.connect = from.timeouts.connect;
        settings.timeouts.tls = from.timeouts.tls;
        settings.timeouts.first_byte = from.timeouts.first_byte;
        settings.timeouts.stall = from.timeouts.stall;
        settings.timeouts.continue_wait = from.timeouts.continue_wait;
        Ok(settings)
    }

    fn remembered(&self, key: &str, make: impl FnOnce() -> Result<FileSystem>) -> Result<FileSystem> {
        // A map of file systems is right whatever panicked beside it.
        let ready = || self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fs) = ready().get(key) {
            return Ok(fs.clone());
        }
        // Without the lock: the file system of a local door is that of the disk, which is remembered here, too.
        let fs = make()?;
        Ok(ready().entry(key.to_owned()).or_insert(fs).clone())
    }
}

/// Says that a storage whose checksums are known from the start has none of the kind that was named.
fn warn_of_checksum(name: &str, settings: &EndpointSettings, fs: &FileSystem) {
    let known = fs.backend().capabilities().digests;
    let Some(named) = settings.checksum.filter(|named| !known.is_empty() && !known.contains(named)) else { return };
    let known: Vec<_> = known.iter().map(|kind| kind.name()).collect();
    tracing::warn!(
        "[fs.{name}] names the checksum {named}, which this storage does not have: it has {}",
        known.join(", ")
    );
}

/// What nobody has named goes nowhere without encryption.
fn credential_at(door: &RemoteUrl, settings: &FileSystemSettings) -> Result<CredentialReport> {
    credential::report(settings, &[door], door.scheme().encrypted())
}

/// What tells a storage from others of the same URLs: where the service is, and at Dropbox, which is one, whose account it is.
fn service(settings: &FileSystemSettings, name: &str) -> String {
    let endpoint = settings.endpoint.clone().unwrap_or_default();
    let account = settings.doors.iter().any(|door| door.url.starts_with("dropbox:"));
    if account { format!("{endpoint} {name}") } else { endpoint }
}

fn durability(wanted: law_config::Durability) -> Durability {
    match wanted {
        law_config::Durability::Full => Durability::Full,
        law_config::Durability::None => Durability::None,
    }
}

fn verify(settings: &FileSystemSettings) -> Verify {
    match settings.verify {
        law_config::Verify::Auto => Verify::Auto,
        law_config::Verify::Require => Verify::Require,
        law_config::Verify::Size => Verify::Size,
        law_config::Verify::None => Verify::None,
    }
}

fn door_spec(url: &RemoteUrl, settings: &DoorSettings) -> DoorSpec {
    let operations = operations_of(settings);
    DoorSpec { root: url.path().clone(), operations, weight: settings.weight, ..DoorSpec::new(url.clone()) }
}

/// What a door is kept for; none is everything. Whatever is read or listed is looked at before, and compared afterwards.
fn operations_of(door: &DoorSettings) -> Option<Vec<Operation>> {
    use law_config::Operation::{Checksum, List, Read, Stat};
    let words = door.ops.as_ref()?;
    let implied: &[_] = if words.iter().any(|word| matches!(word, Read | List)) { &[Stat, Checksum] } else { &[] };
    Some(words.iter().chain(implied).flat_map(|word| operations(*word)).copied().collect())
}

/// What a word of the configuration stands for.
fn operations(word: law_config::Operation) -> &'static [Operation] {
    use law_config::Operation as Word;
    match word {
        Word::Read => &[Operation::Read, Operation::LocalFile],
        Word::Write => &[Operation::Put, Operation::SetMetadata, Operation::Link],
        Word::List => &[Operation::List],
        Word::Stat => &[Operation::Stat, Operation::Open, Operation::Space],
        Word::Mkdir => &[Operation::CreateDirectory],
        Word::Remove => &[Operation::Remove],
        Word::Rename => &[Operation::Rename],
        Word::Copy => &[Operation::Copy],
        Word::Checksum => &[Operation::Digest],
        _ => &[],
    }
}

pub(crate) fn misconfigured(error: law_config::Error) -> Error {
    Error::new(ErrorKind::InvalidInput, error.to_string())
}

fn algorithm(name: &str) -> Result<Algorithm> {
    Algorithm::parse(name).ok_or_else(|| {
        let known = Algorithm::ALL.map(Algorithm::name).join(", ");
        Error::new(ErrorKind::InvalidInput, format!("unknown checksum `{name}`")).hint(format!("known are {known}"))
    })
}
