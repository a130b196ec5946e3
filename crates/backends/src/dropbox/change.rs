//! Folders, removal, new names and copies.

use std::sync::Arc;

use law_storage::{
    Call, Destination, Error, ErrorKind, Operation, Outcome, Parents, Path, Result, cleanup, temporary_path,
};
use serde_json::{Value, json};

use super::Account;
use super::answers::Entry;
use super::aside::Aside;
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
    pub(super) async fn remove_directory(self: &Arc<Self>, call: &Call, path: &Path) -> Result<()> {
        const OPERATION: Operation = Operation::Remove;
        if path.is_root() {
            return Err(self.error(ErrorKind::InvalidInput, path, OPERATION));
        }
        if !self.is_empty(call, path, OPERATION).await? {
            return Err(self.error(ErrorKind::NotEmpty, path, OPERATION));
        }
        let aside = Aside::make(self, call, path, OPERATION).await?;
        let removed = match self.is_empty(call, aside.name(), OPERATION).await {
            Ok(true) => self.delete(call, aside.name(), None, OPERATION).await,
            Ok(false) => Err(self.error(ErrorKind::NotEmpty, path, OPERATION)),
            Err(error) => Err(error),
        };
        match removed {
            Ok(()) => {
                aside.forget();
                Ok(())
            }
            Err(error) => Err(aside.restore(error.instead_at(self.url(path))).await),
        }
    }

    /// Whether a folder has nothing in it: a page may be empty, and others not.
    async fn is_empty(&self, call: &Call, path: &Path, operation: Operation) -> Result<bool> {
        let folder = self.first_entries(call, path, 1, operation).await?;
        Ok(folder.entries.is_empty() && !folder.has_more)
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

    pub(super) async fn rename(
        self: &Arc<Self>,
        call: &Call,
        from: &Path,
        to: &Path,
        destination: Destination,
    ) -> Result<()> {
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
        match self.destination(call, (from, &source), to, destination, OPERATION).await? {
            None => self.relocate(call, "files/move_v2", from, to, OPERATION).await,
            Some(replaced) => self.in_place_of(call, (to, &replaced), from, OPERATION).await,
        }
    }

    /// The service calls another spelling of a name taken, so that what has it steps aside first.
    async fn respell(self: &Arc<Self>, call: &Call, from: &Path, to: &Path) -> Result<()> {
        const OPERATION: Operation = Operation::Rename;
        let aside = Aside::make(self, call, from, OPERATION).await?;
        match self.relocate_surely(call, "files/move_v2", aside.name(), to, OPERATION).await {
            Ok(()) => {
                aside.forget();
                Ok(())
            }
            Err(error) => Err(aside.restore(error).await),
        }
    }

    pub(super) async fn copy(
        self: &Arc<Self>,
        call: &Call,
        from: &Path,
        to: &Path,
        destination: Destination,
    ) -> Result<()> {
        const OPERATION: Operation = Operation::Copy;
        let source = self.source(call, from, OPERATION).await?;
        if source.is_folder() {
            return Err(self.error(ErrorKind::IsADirectory, from, OPERATION));
        }
        if from == to {
            return Ok(());
        }
        let Some(replaced) = self.destination(call, (from, &source), to, destination, OPERATION).await? else {
            return self.relocate(call, "files/copy_v2", from, to, OPERATION).await;
        };
        // The copy is there before the old file steps aside.
        let temporary = temporary_path(to)?;
        let done = async {
            self.relocate_surely(call, "files/copy_v2", from, &temporary, OPERATION).await?;
            self.in_place_of(call, (to, &replaced), &temporary, OPERATION).await
        };
        match done.await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.discard(&temporary, error).await),
        }
    }

    /// Removes what may have been made under a name that nobody else has.
    async fn discard(&self, temporary: &Path, error: Error) -> Error {
        let call = Call::new();
        let delete = self.delete(&call, temporary, None, Operation::Remove);
        match tokio::time::timeout(cleanup::LIMIT, delete).await {
            Ok(Ok(())) => error,
            Ok(Err(missing)) if missing.kind() == ErrorKind::NotFound => error,
            _ => {
                let what = error.left_behind().map(|what| format!("{what}; ")).unwrap_or_default();
                error.leaving(format!("{what}{} may be left", self.url(temporary)))
            }
        }
    }

    /// As [`relocate`](Self::relocate), to a name that nobody else has, or that was made free: if the answer is lost it is looked
    /// whether it is there.
    pub(super) async fn relocate_surely(
        &self,
        call: &Call,
        endpoint: &'static str,
        from: &Path,
        to: &Path,
        operation: Operation,
    ) -> Result<()> {
        let Err(error) = self.relocate(call, endpoint, from, to, operation).await else { return Ok(()) };
        if !error.outcome().is_unknown() {
            return Err(error);
        }
        match self.look(&Call::new().within(cleanup::LIMIT), to, operation).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(error.with_outcome(Outcome::NotDone)),
            Err(_) => Err(error),
        }
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

    /// Gives `from` the name of a file, which stands aside for it and is removed then; brings that back if nothing came of it.
    async fn in_place_of(
        self: &Arc<Self>,
        call: &Call,
        (to, replaced): (&Path, &Entry),
        from: &Path,
        operation: Operation,
    ) -> Result<()> {
        let aside = Aside::make(self, call, to, operation).await?;
        if let Err(error) = self.relocate_surely(call, "files/move_v2", from, to, operation).await {
            return Err(aside.restore(error).await);
        }
        aside.forget();
        // It is done, whatever becomes of the old file; what came in its place since it was looked at is not removed.
        let old = self.look(call, aside.name(), operation).await.ok().flatten();
        let same = old.as_ref().is_some_and(|old| old.is_file() && old.digest() == replaced.digest());
        let removed = match &old {
            Some(old) if same => self.delete(call, aside.name(), old.rev(), operation).await.is_ok(),
            _ => false,
        };
        if !removed {
            tracing::warn!("the old file is left at {}", self.url(aside.name()));
        }
        Ok(())
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
