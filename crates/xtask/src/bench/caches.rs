//! The cache of this machine: reads that fill it, and reads that find everything in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::clients::Client;
use super::contest::{Contest, Task};
use super::sites::Content;
use crate::servers::Endpoints;

/// A storage under several names: without a cache, with one that is cleared before each run, with one that has every block of the file, and with
/// one that has it as a whole file.
pub(super) struct Caches {
    law: PathBuf,
    place: PathBuf,
}

impl Caches {
    /// Writes the settings to the working directory of the clients, and fills what is to be full.
    pub(super) fn prepare(endpoints: &Endpoints, far: &str, law: &Path, content: &Content<'_>) -> Result<Self> {
        let near = endpoints.get("XROOTD_HTTP")?.replacen("http:", "dav:", 1);
        let system = |name: &str| {
            let door = if name.starts_with("far") { format!("dav://{far}") } else { near.clone() };
            format!("[fs.{name}]\ndoors = [\"{door}\"]\n")
        };
        let policies = [("cold", "strict"), ("far-cold", "strict"), ("warm", "immutable"), ("sealed", "immutable")];
        let cached =
            |(name, policy): (&str, &str)| format!("{}[fs.{name}.cache]\npolicy = \"{policy}\"\n", system(name));
        let directory = content.place.join("cache");
        let settings = format!("[cache]\ndir = \"{}\"\nmin_free = 0\n", directory.display());
        let text = settings + &system("plain") + &system("far-plain") + &policies.map(cached).concat();
        fs::write(content.place.join("law.toml"), text)?;
        let caches = Self { law: law.to_owned(), place: content.place.to_owned() };
        for line in ["cat cold:source", "cat warm:source", "cache pin sealed:source"] {
            caches.right(line)?;
        }
        Ok(caches)
    }

    /// Runs `law fs`, and compares what it prints of the file with the file.
    fn right(&self, line: &str) -> Result<()> {
        let mut law = Command::new(&self.law);
        law.arg("fs").args(line.split(' ')).current_dir(&self.place).stdout(Stdio::piped());
        let mut running = law.spawn().context("law")?;
        let output = running.stdout.take().context("no standard output")?;
        let mut compare = Command::new("cmp");
        compare.args(["--silent", "-", "source"]).current_dir(&self.place).stdin(output);
        let same = !line.starts_with("cat") || compare.status().context("cmp")?.success();
        ensure!(running.wait()?.success() && same, "law fs {line} did not do what it should");
        Ok(())
    }

    pub(super) fn contests(&self) -> Vec<Contest> {
        let contest = |what: &str, before: Option<&str>, names: Vec<Client>| Contest {
            group: format!("cache {what}"),
            task: Task::Read { source: self.place.join("source"), before: before.map(|line| self.line(line)) },
            clients: names,
            place: self.place.clone(),
        };
        vec![
            contest(
                "cold",
                Some("cache clear cold"),
                self.clients(["law fs cat plain:source", "law fs cat cold:source"]),
            ),
            contest(
                "cold from afar",
                Some("cache clear far-cold"),
                self.clients(["law fs cat far-plain:source", "law fs cat far-cold:source"]),
            ),
            contest(
                "warm",
                None,
                self.clients(["cat source", "law fs cat source", "law fs cat warm:source", "law fs cat sealed:source"]),
            ),
        ]
    }

    fn line(&self, line: &str) -> Vec<std::ffi::OsString> {
        let words = ["fs"].into_iter().chain(line.split(' ')).map(Into::into);
        std::iter::once(self.law.clone().into_os_string()).chain(words).collect()
    }

    fn clients<const N: usize>(&self, names: [&'static str; N]) -> Vec<Client> {
        names.map(|name| Client::new(Some(&self.law), name, "", ["".as_ref(), "".as_ref()])).into()
    }
}
