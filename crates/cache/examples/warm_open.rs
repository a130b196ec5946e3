//! How long it takes to open and read a small file that is in the cache: `cargo run --release -p law-cache --example warm_open [DIRECTORY]`.
//!
//! Prints microseconds: of a file whose block is there, and of one that is kept whole; each opened anew 2,000 times.

#![allow(clippy::print_stdout, reason = "this is a program")]

use std::sync::Arc;
use std::time::Instant;

use law_cache::{Cache, Limits, Policy, Store};
use law_storage::{Backend as _, BytesSource, Call, Memory, Path, PutOptions, ReadOptions, Result};

const SIZE: usize = 4 << 10;
const TIMES: usize = 2_000;

#[tokio::main]
async fn main() -> Result<()> {
    let above = std::env::args_os().nth(1).unwrap_or_else(|| std::env::temp_dir().into());
    let directory = tempfile::tempdir_in(above)?;
    let limits = Limits { all: 1 << 30, free: 0, ..Limits::default() };
    let store = Arc::new(Store::open(directory.path(), limits)?);
    let storage = Arc::new(Memory::new());
    let cache = Cache::new(storage.clone(), "lab", Vec::new(), store, Policy::Immutable, 1 << 20);
    let call = Call::new();
    for name in ["blocks", "whole"] {
        let path = Path::parse(name)?;
        storage.put(&call, &path, &BytesSource::new(vec![7; SIZE]), &PutOptions::default()).await?;
        read(&cache, &call, &path).await?;
        let kept = if name == "whole" { cache.local_file(&call, &path, None).await? } else { None };
        let mut took = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            let begin = Instant::now();
            read(&cache, &call, &path).await?;
            took.push(begin.elapsed());
        }
        took.sort();
        let [middle, late] = [TIMES / 2, TIMES * 99 / 100].map(|place| took[place].as_secs_f64() * 1e6);
        println!("{name}: {middle:.0} us, 99 of 100 within {late:.0} us ({})", kept.map_or("not sealed", |_| "sealed"));
    }
    Ok(())
}

/// Opens it, and reads all of it.
async fn read(cache: &Cache, call: &Call, path: &Path) -> Result<()> {
    let read = cache.read(call, path, &ReadOptions::whole()).await?.collect(SIZE as u64).await?;
    assert_eq!(read.len(), SIZE, "a file of another length");
    Ok(())
}
