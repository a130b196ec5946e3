//! Contests with directories: many small files, and some large ones.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::clients::{Client, Clients};
use super::contest::Task;
use super::random_file;

const SMALL: u64 = 10 << 10;
const LARGE: u64 = 10 << 20;

/// `many` files of 10 KiB, and `some`, a hundredth as many, of 10 MiB, below `top`.
pub(super) fn make(top: &Path, files: u32) -> Result<()> {
    for (name, count, size) in [("many", files, SMALL), ("some", files / 100, LARGE)] {
        let directory = top.join(name);
        fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
        for number in 0..count {
            random_file(&directory.join(format!("file-{number:06}.root")), size)?;
        }
    }
    Ok(())
}

/// The same files on the server, for all to read.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    let status = Command::new("cp").arg("-r").args([from, to]).status().context("cp")?;
    ensure!(status.success(), "the trees could not be copied to the server");
    let status = Command::new("chmod").args(["-R", "a+rX"]).arg(to).status().context("chmod")?;
    ensure!(status.success(), "the trees cannot be read by the server");
    Ok(())
}

/// What is done with them.
pub(super) fn contests(
    clients: &Clients<'_>,
    trees: &Path,
    data: &Path,
    place: &Path,
) -> Result<Vec<(&'static str, Task, Vec<Client>)>> {
    let mut all = Vec::new();
    for (name, groups) in
        [("many", ["many down", "many up", "many local"]), ("some", ["some down", "some up", "some local"])]
    {
        let source = trees.join(name);
        let files = names(&source)?;
        let bytes = files.len() as u64 * if name == "many" { SMALL } else { LARGE };
        let copies = place.join("copies");
        fs::create_dir_all(&copies).context("a directory for copies")?;
        let (here, there) = (copies.join(name), data.join(format!("{name}-copy")));
        let list = |up: bool| -> Result<std::path::PathBuf> {
            let path = place.join(format!("{name}-{up}.curl"));
            let (remote, local) = if up { (format!("{name}-copy"), &source) } else { (format!("trees/{name}"), &here) };
            fs::write(&path, clients.curl_list(&remote, local, &files, up)).context("the list for curl")?;
            Ok(path)
        };
        let task =
            |destination: &Path| Task::Tree { source: source.clone(), destination: destination.to_owned(), bytes };
        let down = clients.download_tree(&format!("trees/{name}"), &here, &list(false)?);
        let up = clients.upload_tree(&source, &format!("{name}-copy"), &list(true)?);
        let local = clients.copy_tree(&source, &here);
        all.extend([(groups[0], task(&here), down), (groups[1], task(&there), up), (groups[2], task(&here), local)]);
    }
    Ok(all)
}

fn names(directory: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(directory).with_context(|| directory.display().to_string())?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.collect::<std::io::Result<_>>()?;
    names.sort();
    Ok(names)
}
