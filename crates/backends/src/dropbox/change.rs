//! Folders, removal, new names and copies.

use law_storage::{Call, Destination, Error, ErrorKind, Operation, Parents, Path, Result, aside_path, temporary_path};
use serde_json::{Value, json};

use super::Account;
use super::answers::Entry;
use super::asking::Asked;

impl Account {
    pub(super) async fn create_directory(&self, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        const OPERATION: Operation = Operation::CreateDirectory;
        if path.is_root() {
            return Ok(());
        }
        if let (Parents::Require, Some(parent)) = (parents, path.parent()) {
            self.look_for_directory(call, &parent, OPERATION).await?;
        }
        let argument = json!({"path": self.name(path)?, "autorename": false});
        let asked = Asked { endpoint: "files/create_folder_v2", argument, path, operation: OPERATION };
        match self.call::<Value>(call, &asked).await {
            Ok(_) => Ok(()),
            Err(refused) if refused.says("conflict") && refused.says("folder") => Ok(()),
            Err(refused) => Err(refused.error(self, path, OPERATION)),
        }
    }

    pub(super) async fn remove_file(&self, call: &Call, path: &Path) -> Result<()> {
        if call.proof_comes_later() {
            return self.remove_with_others(call, path).await;
        }
        let found = self.look_for_file(call, path, Operation::Remove).await?;
        self.delete(call, path, found.rev(), Operation::Remove).await
    }

    /// The service removes a folder with all that is in it. So it steps aside first, and comes back if it is not empty.
    pub(super) async fn remove_directory(&self, call: &Call, path: &Path) -> Result<()> {
        const OPERATION: Operation = Operation::Remove;
        if path.is_root() {
            return Err(self.error(ErrorKind::InvalidInput, path, OPERATION));
        }
        if !self.first_entries(call, path, 1, OPERATION).await?.entries.is_empty() {
            return Err(self.error(ErrorKind::NotEmpty, path, OPERATION));
        }
        let aside = aside_path(path)?;
        self.relocate(call, "files/move_v2", path, &aside, OPERATION).await?;
        let left = |error: Error| error.leaving(format!("the directory is at {} now", self.url(&aside)));
        if self.first_entries(call, &aside, 1, OPERATION).await.map_err(left)?.entries.is_empty() {
            return self.delete(call, &aside, None, OPERATION).await.map_err(left);
        }
        self.relocate(call, "files/move_v2", &aside, path, OPERATION).await.map_err(left)?;
        Err(self.error(ErrorKind::NotEmpty, path, OPERATION))
    }

    /// Removes what is there: of a file only that revision, if one is named.
    pub(super) async fn delete(&self, call: &Call, path: &Path, rev: Option<&str>, operation: Operation) -> Result<()> {
        let mut argument = json!({"path": self.name(path)?});
        if let Some(rev) = rev {
            argument["parent_rev"] = json!(rev);
        }
        let asked = Asked { endpoint: "files/delete_v2", argument, path, operation };
        match self.call::<Value>(call, &asked).await {
            Ok(_) => Ok(()),
            Err(refused) => {
                let changed = refused.says("conflict");
                let error = refused.error(self, path, operation);
                Err(if changed { error.with_kind(ErrorKind::Changed) } else { error })
            }
        }
    }

    pub(super) async fn rename(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        const OPERATION: Operation = Operation::Rename;
        let source = self.source(call, from, OPERATION).await?;
        if from == to {
            return Ok(());
        }
        if is_same_name(from, to) {
            return self.respell(call, from, to).await;
        }
        if to.starts_with(from) {
            return Err(self.error(ErrorKind::InvalidInput, to, OPERATION));
        }
        let replaced = self.destination(call, (from, &source), to, destination, OPERATION).await?;
        if replaced.is_none() {
            return self.relocate(call, "files/move_v2", from, to, OPERATION).await;
        }
        self.in_place_of(call, to, OPERATION, async || self.relocate(call, "files/move_v2", from, to, OPERATION).await)
            .await
    }

    /// The service calls another spelling of a name taken, so that what has it steps aside first.
    async fn respell(&self, call: &Call, from: &Path, to: &Path) -> Result<()> {
        const OPERATION: Operation = Operation::Rename;
        let aside = aside_path(from)?;
        self.relocate(call, "files/move_v2", from, &aside, OPERATION).await?;
        let Err(error) = self.relocate(call, "files/move_v2", &aside, to, OPERATION).await else { return Ok(()) };
        match self.relocate(&Call::new(), "files/move_v2", &aside, from, OPERATION).await {
            Ok(()) => Err(error.leaving("it has its old name")),
            Err(_) => Err(error.leaving(format!("it is called {} now", self.url(&aside)))),
        }
    }

    pub(super) async fn copy(&self, call: &Call, from: &Path, to: &Path, destination: Destination) -> Result<()> {
        const OPERATION: Operation = Operation::Copy;
        let source = self.source(call, from, OPERATION).await?;
        if source.is_folder() {
            return Err(self.error(ErrorKind::IsADirectory, from, OPERATION));
        }
        if from == to {
            return Ok(());
        }
        let replaced = self.destination(call, (from, &source), to, destination, OPERATION).await?;
        if replaced.is_none() {
            return self.relocate(call, "files/copy_v2", from, to, OPERATION).await;
        }
        // The copy is there before the old file steps aside.
        let temporary = temporary_path(to)?;
        self.relocate(call, "files/copy_v2", from, &temporary, OPERATION).await?;
        let publish = async || self.relocate(call, "files/move_v2", &temporary, to, OPERATION).await;
        let done = self.in_place_of(call, to, OPERATION, publish).await;
        if done.is_err() {
            drop(self.delete(call, &temporary, None, OPERATION).await);
        }
        done
    }

    async fn source(&self, call: &Call, from: &Path, operation: Operation) -> Result<Entry> {
        if from.is_root() {
            return Err(self.error(ErrorKind::InvalidInput, from, operation));
        }
        let found = self.look(call, from, operation).await?;
        found.ok_or_else(|| self.error(ErrorKind::NotFound, from, operation))
    }

    /// What is at the destination and may be replaced.
    async fn destination(
        &self,
        call: &Call,
        (from, source): (&Path, &Entry),
        to: &Path,
        destination: Destination,
        operation: Operation,
    ) -> Result<Option<Entry>> {
        self.name(to)?;
        let found = self.look(call, to, operation).await?;
        // Another spelling of the same name is no other file.
        let Some(found) = found.filter(|_| !is_same_name(from, to)) else {
            if let Some(parent) = to.parent() {
                self.look_for_directory(call, &parent, operation).await?;
            }
            return Ok(None);
        };
        match destination {
            _ if found.is_folder() && source.is_file() => Err(self.error(ErrorKind::IsADirectory, to, operation)),
            _ if found.is_folder() || source.is_folder() => Err(self.error(ErrorKind::AlreadyExists, to, operation)),
            Destination::NoReplace => Err(self.error(ErrorKind::AlreadyExists, to, operation)),
            Destination::Replace => Ok(Some(found)),
        }
    }

    /// Does something while the file at `to` stands aside, and removes that; brings it back if nothing came of it.
    async fn in_place_of(
        &self,
        call: &Call,
        to: &Path,
        operation: Operation,
        act: impl AsyncFnOnce() -> Result<()>,
    ) -> Result<()> {
        let aside = aside_path(to)?;
        self.relocate(call, "files/move_v2", to, &aside, operation).await?;
        match act().await {
            Ok(()) => {
                let removed = self.delete(call, &aside, None, operation).await;
                removed.map_err(|error| error.leaving(format!("the old file is left at {}", self.url(&aside))))
            }
            Err(error) => match self.relocate(&Call::new(), "files/move_v2", &aside, to, operation).await {
                Ok(()) => Err(error.leaving("the old file is as it was")),
                Err(_) => Err(error.leaving(format!("the old file is at {}", self.url(&aside)))),
            },
        }
    }

    async fn relocate(
        &self,
        call: &Call,
        endpoint: &'static str,
        from: &Path,
        to: &Path,
        operation: Operation,
    ) -> Result<()> {
        let argument = json!({"from_path": self.name(from)?, "to_path": self.name(to)?, "autorename": false});
        let asked = Asked { endpoint, argument, path: to, operation };
        match self.call::<Value>(call, &asked).await {
            Ok(_) => Ok(()),
            Err(refused) if refused.says("from_lookup") => Err(refused.error(self, from, operation)),
            Err(refused) => Err(refused.error(self, to, operation)),
        }
    }
}

/// Whether both are one name, for a service that takes no notice of case.
fn is_same_name(one: &Path, other: &Path) -> bool {
    one.to_str().map(str::to_lowercase) == other.to_str().map(str::to_lowercase)
}
