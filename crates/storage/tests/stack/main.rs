//! The wrappers that make a storage dependable, over a storage that is not.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "this is all test code, also where no function is a test")]

mod choice;
mod doors;
mod removal;
mod retry;
mod source;
mod storm;

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use law_storage::{Backend, BytesSource, Call, Memory, Path, ReadOptions, Result};

/// More than one chunk, and no byte like its neighbour.
const SIZE: usize = 1_000_000;

fn content() -> Vec<u8> {
    (0..SIZE).map(|i| (i * 7 % 251) as u8).collect()
}

fn path(text: &str) -> Path {
    Path::parse(text).expect("a good path")
}

async fn memory() -> Arc<Memory> {
    let memory = Arc::new(Memory::new());
    put(memory.as_ref(), "file", &content()).await.expect("a file");
    memory
}

async fn put(backend: &dyn Backend, name: &str, bytes: &[u8]) -> Result<law_storage::Receipt> {
    backend.put(&Call::new(), &path(name), &BytesSource::new(bytes.to_vec()), &Default::default()).await
}

async fn get(backend: &dyn Backend, name: &str) -> Result<Vec<u8>> {
    let reading = backend.read(&Call::new(), &path(name), &ReadOptions::whole()).await?;
    let chunks: Vec<_> = reading.stream.try_collect().await?;
    Ok(chunks.concat())
}
