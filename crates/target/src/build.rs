//! The one place that puts a file system together.

use std::sync::Arc;

use law_backends::local::Local;
use law_backends::webdav::WebDavFactory;
use law_storage::{
    Durability, EndpointSettings, FileSystem, Memory, Path, Registry, RemoteUrl, Result, Retry, RetrySettings, Traced,
};

/// The backends of this build.
pub fn registry() -> Registry {
    Registry::new().with(Arc::new(WebDavFactory))
}

/// The local disk, from its root.
pub fn local(durability: Durability) -> FileSystem {
    let disk = Arc::new(Local::new("/".into(), durability));
    FileSystem::new("local", Path::root(), Arc::new(Traced::new("local", disk)))
}

/// A file system of one door, asked again where that can help. Doors and Cache will be stacked here, in this order, and nowhere
/// else:
///
/// ```text
/// Cache( Doors( Retry(Backend), Retry(Backend), ... ) )
/// ```
///
/// Retry stands below Doors, so that one door is asked again before the next is taken; the cache stands above both, so
/// that its key never has a door in it. Each layer is [`Traced`], so that `-v` shows the way of a call.
///
/// # Errors
/// `Unsupported` for a scheme that this build does not serve; `InvalidInput` for settings that make no sense.
pub fn build(
    registry: &Registry,
    name: &str,
    base: Path,
    door: &RemoteUrl,
    settings: &EndpointSettings,
    retry: RetrySettings,
) -> Result<FileSystem> {
    let backend = Arc::new(Traced::new(door.scheme().name(), registry.open(door, settings)?));
    let retry = Arc::new(Traced::new("retry", Arc::new(Retry::new(backend, retry))));
    Ok(FileSystem::new(name, base, retry))
}

/// A file system in memory, for tests and examples.
pub fn in_memory(name: &str) -> FileSystem {
    FileSystem::new(name, Path::root(), Arc::new(Memory::new()))
}
