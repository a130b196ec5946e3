//! Contests with directories: many small files, some large ones, and a few small ones for long ways.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::clients::{Clients, LocalClients};
use super::contest::{Contest, Destination, Task};
use super::random_file;

const SMALL: u64 = 10 << 10;
const LARGE: u64 = 10 << 20;

/// A directory of files of one size.
#[derive(Clone)]
pub(super) struct Tree {
    pub(super) name: &'static str,
    path: PathBuf,
    files: Vec<String>,
    bytes: u64,
}

impl Tree {
    /// `many` files of 10 KiB, `some`, a hundredth as many, of 10 MiB, and a `few`, a tenth as many, of 10 KiB, below `top`.
    pub(super) fn make_all(top: &Path, files: u32) -> Result<[Self; 3]> {
        let make = |name, count, size| Self::make(top, name, count, size);
        Ok([make("many", files, SMALL)?, make("some", files / 100, LARGE)?, make("few", files / 10, SMALL)?])
    }

    fn make(top: &Path, name: &'static str, count: u32, size: u64) -> Result<Self> {
        let path = top.join(name);
        fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
        let files: Vec<String> = (0..count).map(|number| format!("file-{number:06}.root")).collect();
        files.iter().try_for_each(|file| random_file(&path.join(file), size))?;
        Ok(Self { name, path, files, bytes: u64::from(count) * size })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn task(&self, destination: impl Into<Destination>) -> Task {
        Task::Tree { source: self.path.clone(), destination: destination.into(), bytes: self.bytes }
    }

    /// Down from a server, and up to it.
    pub(super) fn contests(&self, site: &str, clients: &Clients, data: &Path, place: &Path) -> Result<[Contest; 2]> {
        let (there, copies) = (format!("{}-copy", self.name), place.join("copies"));
        fs::create_dir_all(&copies).context("a directory for copies")?;
        let here = copies.join(self.name);
        let list = |remote: &str, local: &Path, up: bool| -> Result<PathBuf> {
            let path = place.join(format!("{site}-{}-{up}.curl", self.name));
            fs::write(&path, clients.curl_list(remote, local, &self.files, up)).context("the list for curl")?;
            Ok(path)
        };
        let source = format!("trees/{}", self.name);
        let down = clients.download_tree(&source, &here, &list(&source, &here, false)?);
        let up = clients.upload_tree(&self.path, &there, &list(&there, &self.path, true)?);
        let contest = |way, destination, clients| Contest {
            group: format!("{site} {} {way}", self.name),
            task: self.task(destination),
            clients,
            place: place.to_owned(),
        };
        Ok([contest("down", here, down), contest("up", data.join(&there), up)])
    }

    /// From one directory to another.
    pub(super) fn local_contest(&self, clients: &LocalClients, place: &Path) -> Contest {
        let here = place.join(format!("local-{}", self.name));
        let clients = clients.copy_tree(&self.path, &here);
        Contest { group: format!("local {}", self.name), task: self.task(here), clients, place: place.to_owned() }
    }
}

/// The same files below `to`, for all to read.
pub(super) fn share(from: &Path, to: &Path) -> Result<()> {
    let status = Command::new("chmod").args(["-R", "a+rX"]).arg(from).status().context("chmod")?;
    ensure!(status.success(), "{} cannot be made readable", from.display());
    let status = Command::new("cp").arg("-rl").args([from, to]).status().context("cp")?;
    ensure!(status.success(), "{} cannot be given to the server", from.display());
    Ok(())
}
