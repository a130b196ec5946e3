//! The act about the cache: a file that is fetched once, also if its copy on the disk is damaged.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use law_faults::{FaultProxy, Script};
use law_formatters::Numpy;
use law_storage::Result;
use law_target::FileSystems;
use ndarray::Array2;

use super::{Stage, expect, hits, proxy_url, say, unexpected};

/// Loads three times, the last time after a bit of the cache has flipped.
pub(super) fn once(stage: &Stage) -> Result<()> {
    stage.target("hits.npz")?.dump(hits(3.0), Numpy)?;
    let proxy = FaultProxy::start_blocking(stage.address()?, Script::new())?;
    let directory = stage.directory.path().join("cache");
    let settings = [
        format!("fs.hot.doors={}", proxy_url(&proxy)),
        "fs.hot.cache.policy=immutable".to_owned(),
        format!("cache.dir={}", directory.display()),
    ];
    let load = |times: usize| -> Result<()> {
        // As another process would.
        let file = law_target::FileTarget::new(FileSystems::load(&settings)?.place("hot:hits.npz")?);
        say("> let back: Array2<f64> = file.load(Numpy)?;")?;
        let back: Array2<f64> = file.load(Numpy)?;
        let fetched = proxy.requests().iter().filter(|request| request.method == "GET").count();
        expect(back == hits(3.0) && fetched == times, format!("every number is the same, and {fetched} is {times}"))?;
        say(format!("every number the same; fetched {} so far", if times == 1 { "once" } else { "twice" }))
    };
    load(1)?;
    load(1)?;
    flip(&directory)?;
    say("A bit of the copy on the disk flips:")?;
    load(2)?;
    Ok(std::fs::remove_dir_all(directory)?)
}

/// Damages the one file that is in the cache.
fn flip(directory: &Path) -> Result<()> {
    let found = data(directory)?.ok_or_else(|| unexpected("there is no file in the cache"))?;
    let file = std::fs::File::options().read(true).write(true).open(found)?;
    let mut byte = [0];
    file.read_exact_at(&mut byte, 12_345)?;
    Ok(file.write_all_at(&[byte[0] ^ 1], 12_345)?)
}

fn data(directory: &Path) -> Result<Option<PathBuf>> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let found = if path.is_dir() { data(&path)? } else { Some(path).filter(|path| path.ends_with("data.npz")) };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}
