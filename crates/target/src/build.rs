//! The one place that puts a file system together.

use std::path::PathBuf;
use std::sync::Arc;

use law_backends::dropbox::DropboxFactory;
use law_backends::gfal2::Gfal2Factory;
use law_backends::local::Local;
use law_backends::opendal::{OpenDalFactory, SERVICES};
use law_backends::s3::S3Factory;
use law_backends::sftp::SftpFactory;
use law_backends::webdav::WebDavFactory;
use law_cache::{Cache, Policy, Store};
use law_storage::{
    Backend, Door, Doors, DoorsSettings, Durability, EndpointSettings, Error, ErrorKind, FileSystem, Memory, Mirrored,
    Operation, Path, Registry, RemoteUrl, Result, Retry, RetrySettings, Rooted, Traced,
};

/// The backends of this build.
pub fn registry() -> Registry {
    let web = Registry::new().with(Arc::new(WebDavFactory)).with(Arc::new(S3Factory)).with(Arc::new(DropboxFactory));
    let all = web.with(Arc::new(Gfal2Factory)).with(Arc::new(OpenDalFactory)).with(Arc::new(SftpFactory));
    SERVICES.iter().filter(|service| !service.compiled).fold(all, |all, service| {
        all.without(service.scheme, format!("{} comes with cargo install --features {}", service.name, service.scheme))
    })
}

/// The local disk, from its root.
pub fn local(durability: Durability) -> FileSystem {
    let disk = Arc::new(Local::new("/".into(), durability));
    FileSystem::new("local", Path::root(), Arc::new(Traced::new("local", disk)))
}

/// One endpoint, as `build` wants it.
#[derive(Debug, Clone)]
pub struct DoorSpec {
    /// Scheme, host, port.
    pub url: RemoteUrl,
    /// Where the storage begins at this door.
    pub root: Path,
    /// What it is kept for; none is everything.
    pub operations: Option<Vec<Operation>>,
    /// Its share of the load.
    pub weight: f64,
}

impl DoorSpec {
    /// A door for everything, where the storage begins at the endpoint's root.
    pub fn new(url: RemoteUrl) -> Self {
        Self { url, root: Path::root(), operations: None, weight: 1.0 }
    }
}

/// Puts a file system together, here and nowhere else:
///
/// ```text
/// Cache( Doors( Retry(Backend), Retry(Rooted(Backend)), ... ) )
/// ```
///
/// Retry stands below Doors, so that one door is asked again before the next is taken, and above what makes a directory the root
/// of a door, so that histories call a door what Doors calls it; the cache ([`cached`]) stands above both, so that its key never has
/// a door in it. Where there is one door for everything there is no need to choose,
/// and Doors is left out. Each layer is [`Traced`], so that `-v` shows the way of a call.
///
/// # Errors
/// `InvalidInput` without doors, and for settings that make no sense; `Unsupported` for a scheme that this build does not serve.
pub fn build(
    registry: &Registry,
    name: &str,
    base: &Path,
    doors: &[DoorSpec],
    endpoint: &EndpointSettings,
    settings: DoorsSettings,
) -> Result<FileSystem> {
    let [first, others @ ..] = doors else {
        let error = Error::new(ErrorKind::InvalidInput, format!("the file system `{name}` has no doors"));
        return Err(error.hint("doors = [\"davs://...\"]"));
    };
    let retry = RetrySettings { retries: settings.retries, deadline: settings.deadline };
    let open = |door: &DoorSpec, root: &Path| -> Result<Arc<dyn Backend>> {
        let endpoint = Arc::new(Traced::new(door.url.scheme().name(), registry.open(&door.url, endpoint)?));
        let backend: Arc<dyn Backend> =
            if root.is_root() { endpoint } else { Arc::new(Rooted::new(endpoint, root.clone())) };
        Ok(Arc::new(Traced::new("retry", Arc::new(Retry::new(backend, retry)))))
    };
    if others.is_empty() && first.operations.is_none() {
        return Ok(FileSystem::new(name, first.root.join(base), open(first, &Path::root())?));
    }
    let together = others.iter().all(|door| door.root == first.root);
    let mut all = Vec::new();
    for spec in doors {
        let root = if together { &Path::root() } else { &spec.root };
        let door = Door::new(open(spec, root)?).weighing(spec.weight);
        all.push(match &spec.operations {
            Some(operations) => door.only_for(operations.clone()),
            None => door,
        });
    }
    let base = if together { first.root.join(base) } else { base.clone() };
    let doors = Doors::new(all, DoorsSettings { name: Some((name.into(), base.clone())), ..settings });
    let fs = FileSystem::new(name, base, Arc::new(Traced::new("doors", Arc::new(doors.clone()))));
    // Of one there is nothing to tell.
    Ok(if others.is_empty() { fs } else { fs.with_doors(doors) })
}

/// A file system on the local disk that is kept for some operations.
pub fn kept(disk: FileSystem, name: &str, base: Path, operations: Vec<Operation>) -> FileSystem {
    let door = Door::new(disk.backend().clone()).only_for(operations);
    FileSystem::new(name, base, Arc::new(Doors::new(vec![door], DoorsSettings::default())))
}

/// A file system whose base is mounted on this machine as well.
pub fn mounted(fs: FileSystem, mount: PathBuf, durability: Durability) -> FileSystem {
    let disk = Arc::new(Traced::new("mount", Arc::new(Local::new(mount, durability))));
    let both = Mirrored::new(fs.backend().clone(), disk, fs.base().clone());
    fs.over(Arc::new(both))
}

/// A file system of whose files copies are kept on this machine.
pub fn cached(
    fs: FileSystem,
    doors: Vec<String>,
    store: Arc<Store>,
    policy: Policy,
    block: u64,
) -> (FileSystem, Cache) {
    let cache = Cache::new(fs.backend().clone(), fs.name(), doors, store, policy, block);
    (fs.over(Arc::new(Traced::new("cache", Arc::new(cache.clone())))), cache)
}

/// A file system in memory, for tests and examples.
pub fn in_memory(name: &str) -> FileSystem {
    FileSystem::new(name, Path::root(), Arc::new(Memory::new()))
}
