//! The cache over a storage in memory.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "this is all test code, also where no function is a test"
)]

mod damage;
mod killed;
mod model;
mod reads;
mod room;
mod small_disk;
mod stopped;
mod suite;
mod versions;
mod weak;

use std::path::PathBuf;
use std::sync::Arc;

use law_cache::{Cache, Limits, Policy, Statistics, Store};
use law_storage::{
    Backend, BytesSource, Call, Faulty, Memory, Operation, Parents, Path, PutOptions, ReadOptions, Result,
};

/// Bytes of a block.
const BLOCK: u64 = 16 << 10;

/// A storage that counts what it is asked, and the cache of one process over it.
struct Stack {
    storage: Arc<Faulty>,
    cache: Cache,
    directory: Arc<tempfile::TempDir>,
    policy: Policy,
    limits: Limits,
}

fn plenty() -> Limits {
    Limits { all: 1 << 30, free: 0, ..Limits::default() }
}

impl Stack {
    fn new(policy: Policy) -> Self {
        Self::limited(policy, plenty())
    }

    /// Over a storage whose versions are told apart by size and time alone.
    fn weak(policy: Policy) -> Self {
        Self::over(Memory::new().without_etags(), policy, plenty())
    }

    fn limited(policy: Policy, limits: Limits) -> Self {
        Self::over(Memory::new(), policy, limits)
    }

    fn over(memory: Memory, policy: Policy, limits: Limits) -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let storage = Arc::new(Faulty::new(Arc::new(memory), []));
        let store = Arc::new(Store::open(directory.path(), limits.clone()).unwrap());
        let cache = Cache::new(storage.clone(), "lab", Vec::new(), store, policy, BLOCK);
        Self { storage, cache, directory, policy, limits }
    }

    /// The cache of another process over the same storage and the same directory.
    fn again(&self) -> Self {
        let store = Arc::new(Store::open(self.directory.path(), self.limits.clone()).unwrap());
        let cache = Cache::new(self.storage.clone(), "lab", Vec::new(), store, self.policy, BLOCK);
        let (storage, directory) = (self.storage.clone(), self.directory.clone());
        Self { storage, cache, directory, policy: self.policy, limits: self.limits.clone() }
    }

    /// Writes past the cache.
    async fn store(&self, name: &str, content: &[u8]) {
        put(&*self.storage, name, content).await.unwrap();
    }

    /// As if it had been written so many seconds ago.
    async fn age(&self, name: &str, seconds: u64) {
        let time = std::time::SystemTime::now() - std::time::Duration::from_secs(seconds);
        self.storage.set_modified(&Call::new(), &path(name), time).await.unwrap();
    }

    async fn read(&self, name: &str) -> Vec<u8> {
        get(&self.cache, name).await.unwrap()
    }

    /// How often the storage was asked to read.
    fn reads(&self) -> usize {
        self.storage.calls(Operation::Read)
    }

    /// What was counted so far by processes that have ended.
    fn statistics(self) -> Statistics {
        let (store, directory) = (self.cache.store().clone(), self.directory.clone());
        drop(self);
        let found = store.statistics().unwrap().get("lab").copied().unwrap_or_default();
        drop(directory);
        found
    }

    /// Files below the directory that are called so.
    fn files(&self, name: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut directories = vec![self.directory.path().to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).unwrap().flatten() {
                if entry.path().is_dir() {
                    directories.push(entry.path());
                } else if entry.file_name().to_string_lossy().split('.').next() == Some(name) {
                    found.push(entry.path());
                }
            }
        }
        found
    }
}

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn content(seed: u8, length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 7 % 251) as u8 ^ seed).collect()
}

async fn put(backend: &dyn Backend, name: &str, content: &[u8]) -> Result<law_storage::Receipt> {
    let options = PutOptions { parents: Parents::Create, ..PutOptions::default() };
    backend.put(&Call::new(), &path(name), &BytesSource::new(content.to_vec()), &options).await
}

async fn get(backend: &dyn Backend, name: &str) -> Result<Vec<u8>> {
    let reading = backend.read(&Call::new(), &path(name), &ReadOptions::whole()).await?;
    Ok(reading.collect(u64::MAX).await?.to_vec())
}
