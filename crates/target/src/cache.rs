//! The cache of this machine, as the settings want it.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use law_cache::{Cache, Limits, Policy, Store};
use law_config::{CachePolicy, Config, FileSystemCacheSettings, FileSystemSettings};
use law_storage::{Error, FileSystem, Location, Result, Url};

use crate::build::cached;
use crate::own_cache::OwnDirectory;

/// The most that is kept where nobody has said how much.
const MOST: u64 = 20_000_000_000;

/// What stays free at most where nobody has said how much.
const FREE: u64 = 5_000_000_000;

/// The cache, once it is needed, and what stands over which file system.
#[derive(Clone)]
pub(crate) struct Caches {
    /// Where it may be, the best first.
    directories: Arc<[PathBuf]>,
    store: Arc<OnceLock<Arc<Store>>>,
    /// Of file systems that have a directory of their own.
    others: Arc<Mutex<HashMap<PathBuf, Arc<Store>>>>,
    told: Arc<OnceLock<()>>,
    over: Arc<Mutex<HashMap<String, Cache>>>,
    /// They go behind everything that uses them.
    own: Arc<Mutex<Vec<OwnDirectory>>>,
}

impl Caches {
    pub(crate) fn new(directories: Vec<PathBuf>) -> Self {
        Self {
            directories: directories.into(),
            store: Arc::default(),
            others: Arc::default(),
            told: Arc::default(),
            over: Arc::default(),
            own: Arc::default(),
        }
    }

    /// The file system with a cache, if it is to have one. A cache that cannot be is said, once, and is none.
    pub(crate) fn over(&self, config: &Config, name: &str, fs: FileSystem) -> FileSystem {
        let Some(all) = config.file_systems.get(name) else { return fs };
        let Some(settings) = &all.cache else { return fs };
        let store = match self.store_of(config, settings) {
            Ok(store) => store,
            Err(error) => {
                if self.told.set(()).is_ok() {
                    tracing::warn!("there is no cache: {error}");
                }
                return fs;
            }
        };
        let policy = match settings.policy {
            Some(CachePolicy::Immutable) => Policy::Immutable,
            Some(CachePolicy::TimeToLive(time)) => Policy::TimeToLive(time),
            Some(CachePolicy::Strict) | None => Policy::Strict,
        };
        let (fs, cache) = cached(fs, addresses(all), store, policy, config.cache.block_size);
        self.over.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), cache);
        fs
    }

    pub(crate) fn store(&self, config: &Config) -> Result<Arc<Store>> {
        if let Some(store) = self.store.get() {
            return Ok(store.clone());
        }
        let opened = Arc::new(self.open(config)?);
        Ok(self.store.get_or_init(|| opened).clone())
    }

    /// That of all file systems, and those that some have for themselves and keep.
    pub(crate) fn all(&self, config: &Config) -> Result<Vec<Arc<Store>>> {
        let mut stores = vec![self.store(config)?];
        let settings = config.file_systems.values().filter_map(|settings| settings.cache.as_ref());
        for directory in settings.filter(|settings| !settings.cleanup).filter_map(|settings| settings.dir.as_ref()) {
            let store = self.other(config, directory)?;
            if !stores.iter().any(|known| known.root() == store.root()) {
                stores.push(store);
            }
        }
        Ok(stores)
    }

    fn store_of(&self, config: &Config, settings: &FileSystemCacheSettings) -> Result<Arc<Store>> {
        match (&settings.dir, settings.cleanup) {
            (None, false) => self.store(config),
            (Some(directory), false) => self.other(config, directory),
            (directory, true) => self.own(config, &directory.clone().unwrap_or_else(std::env::temp_dir)),
        }
    }

    fn other(&self, config: &Config, directory: &Path) -> Result<Arc<Store>> {
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = others.get(directory) {
            return Ok(store.clone());
        }
        let store = Arc::new(Store::open(directory, limits(config, directory))?);
        others.insert(directory.to_owned(), store.clone());
        Ok(store)
    }

    /// One that goes when the process ends.
    fn own(&self, config: &Config, above: &Path) -> Result<Arc<Store>> {
        let own = OwnDirectory::make(above).map_err(|error| Error::from(error).at(above.display()))?;
        let store = Store::open(own.path(), limits(config, own.path()))?;
        self.own.lock().unwrap_or_else(PoisonError::into_inner).push(own);
        Ok(Arc::new(store))
    }

    pub(crate) fn of(&self, name: &str) -> Option<Cache> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// In the directory of the settings, or else in the first that will do.
    fn open(&self, config: &Config) -> Result<Store> {
        if let Some(directory) = &config.cache.dir {
            return Store::open(directory, limits(config, directory));
        }
        let mut failed = None;
        for directory in self.directories.iter() {
            match Store::open(directory, limits(config, directory)) {
                Ok(store) => return Ok(store),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Err(failed.unwrap_or_else(|| Error::new(law_storage::ErrorKind::NotFound, "there is no directory for it")))
    }
}

/// Where a storage is: its doors without their paths, and the service that has a bucket.
fn addresses(settings: &FileSystemSettings) -> Vec<String> {
    let endpoint = |door: &law_config::DoorSettings| match Url::parse(&door.url).ok()?.location() {
        Location::Remote(remote) => {
            Some(format!("{}{}", settings.endpoint.as_deref().unwrap_or_default(), remote.endpoint()))
        }
        _ => None,
    };
    let mut doors: Vec<String> = settings.doors.iter().filter_map(endpoint).collect();
    doors.sort();
    doors
}

/// What the settings say, or what suits the disk.
fn limits(config: &Config, directory: &Path) -> Limits {
    let size = |settings: &FileSystemSettings| settings.cache.as_ref()?.max_size;
    let sizes = config.file_systems.iter().filter_map(|(name, settings)| Some((name.to_string(), size(settings)?)));
    let of_one: BTreeMap<String, u64> = sizes.collect();
    let disk = disk(directory);
    let usual = MOST.min(disk / 10).max(of_one.values().sum());
    let all = config.cache.max_size.unwrap_or(usual);
    Limits { all, of_one, free: config.cache.min_free.unwrap_or(FREE.min(disk / 20)) }
}

/// Bytes of the disk that a directory is on, or will be on.
fn disk(directory: &Path) -> u64 {
    let there = directory.ancestors().find_map(|above| rustix::fs::statvfs(above).ok());
    there.map_or(0, |disk| disk.f_blocks.saturating_mul(disk.f_frsize))
}
