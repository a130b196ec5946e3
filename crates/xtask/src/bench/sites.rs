//! What is done with which server.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::clients::{Client, Clients, LocalClients};
use super::contest::{Contest, Task};
use super::trees::Tree;

/// A server, and a directory that it shows at the top.
pub(super) struct Site {
    pub(super) name: &'static str,
    pub(super) clients: Clients,
    pub(super) data: PathBuf,
}

/// What the sites hold: a file, a directory with empty files, and trees.
pub(super) struct Content<'a> {
    pub(super) place: &'a Path,
    pub(super) entries: u32,
    pub(super) trees: &'a [Tree],
}

impl Site {
    /// Everything that is done with one server beside this machine.
    pub(super) fn contests(&self, content: &Content<'_>) -> Result<Vec<Contest>> {
        let mut all = self.large(content);
        all.extend(self.proven(content));
        let list = Task::List { lines: Some(content.entries) };
        all.push(self.contest("ls", list, self.clients.list("entries"), content));
        all.push(self.contest("du", Task::List { lines: None }, self.clients.usage("entries"), content));
        for tree in content.trees.iter().filter(|tree| tree.name != "few") {
            all.extend(tree.contests(self.name, &self.clients, &self.data, content.place)?);
        }
        Ok(all)
    }

    /// What is done with one that is far away.
    pub(super) fn contests_from_afar(&self, content: &Content<'_>) -> Result<Vec<Contest>> {
        let mut all = self.large(content);
        for tree in content.trees.iter().filter(|tree| tree.name == "few") {
            all.extend(tree.contests(self.name, &self.clients, &self.data, content.place)?);
        }
        Ok(all)
    }

    fn large(&self, content: &Content<'_>) -> Vec<Contest> {
        let (source, down, up) = (content.place.join("source"), content.place.join("down"), self.data.join("up"));
        let copy =
            |destination: &Path| Task::Copy { source: source.clone(), destination: destination.to_owned().into() };
        vec![
            self.contest("down", copy(&down), self.clients.download("source", &down), content),
            self.contest("up", copy(&up), self.clients.upload(&source, "up"), content),
        ]
    }

    /// With checksums, where the server has them.
    fn proven(&self, content: &Content<'_>) -> Vec<Contest> {
        if self.clients.root.is_none() {
            return Vec::new();
        }
        let (source, down, up) = (content.place.join("source"), content.place.join("down"), self.data.join("up"));
        let copy =
            |destination: &Path| Task::Copy { source: source.clone(), destination: destination.to_owned().into() };
        vec![
            self.contest("down proven", copy(&down), self.clients.download_proven("source", &down), content),
            self.contest("up proven", copy(&up), self.clients.upload_proven(&source, "up"), content),
        ]
    }

    fn contest(&self, what: &str, task: Task, clients: Vec<Client>, content: &Content<'_>) -> Contest {
        Contest { group: format!("{} {what}", self.name), task, clients, place: content.place.to_owned() }
    }
}

/// What is done without a server.
pub(super) fn local_contests(clients: &LocalClients, content: &Content<'_>) -> Vec<Contest> {
    let (source, copy, entries) =
        (content.place.join("source"), content.place.join("copy"), content.place.join("entries"));
    let contest = |what: &str, task, clients| Contest {
        group: format!("local {what}"),
        task,
        clients,
        place: content.place.to_owned(),
    };
    let task = Task::Copy { source: source.clone(), destination: copy.clone().into() };
    let mut all = vec![
        contest("copy", task, clients.copy(&source, &copy)),
        contest("ls", Task::List { lines: Some(content.entries) }, clients.list(&entries)),
        contest("du", Task::List { lines: None }, clients.usage(&entries)),
    ];
    let trees = content.trees.iter().filter(|tree| tree.name != "few");
    all.extend(trees.map(|tree| tree.local_contest(clients, content.place)));
    all
}

/// The address of a server in a URL such as `http://127.0.0.1:1094`.
pub(super) fn address_of(url: &str) -> Result<std::net::SocketAddr> {
    let address = url.split_once("://").map_or(url, |(_, rest)| rest);
    address.parse().with_context(|| format!("{url} has no address"))
}
