//! Directories, removal and new names. Servers of these protocols make missing parents, replace empty directories, and say of a directory
//! that is missing that it was removed: so it is looked at before.

use std::sync::Arc;

use law_storage::{Call, Destination, Error, ErrorKind, Operation, Parents, Path, Result};
use rustix::io::Errno;

use super::Endpoint;
use super::asking::Asked;
use super::library::Failure;
use super::status::{kind, number};

impl Endpoint {
    pub(super) async fn create_directory(self: &Arc<Self>, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        const OPERATION: Operation = Operation::CreateDirectory;
        match self.look(call, path, OPERATION).await? {
            Some(found) if found.is_directory() => return Ok(()),
            Some(_) => return Err(self.error(ErrorKind::AlreadyExists, path, OPERATION)),
            None => {}
        }
        let mut missing = vec![path.clone()];
        let mut above = path.parent();
        while let Some(parent) = above.filter(|parent| !parent.is_root()) {
            match self.look(call, &parent, OPERATION).await? {
                Some(found) if found.is_directory() => break,
                Some(_) => return Err(self.error(ErrorKind::NotADirectory, &parent, OPERATION)),
                None if parents == Parents::Require => return Err(self.error(ErrorKind::NotFound, &parent, OPERATION)),
                None => above = parent.parent(),
            }
            missing.push(parent);
        }
        for directory in missing.iter().rev() {
            self.make_directory(call, directory).await?;
        }
        Ok(())
    }

    /// Somebody else may have made it meanwhile.
    async fn make_directory(self: &Arc<Self>, call: &Call, path: &Path) -> Result<()> {
        let asked = Asked { path, operation: Operation::CreateDirectory };
        match self.ask(call, asked, |context, address| context.mkdir(&address.url)).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let found = self.look(call, path, Operation::CreateDirectory).await?;
                if found.is_some_and(|found| found.is_directory()) { Ok(()) } else { Err(error) }
            }
            other => other,
        }
    }

    pub(super) async fn remove_file(self: &Arc<Self>, call: &Call, path: &Path) -> Result<()> {
        const OPERATION: Operation = Operation::Remove;
        match self.look_at_link(call, path, OPERATION).await? {
            Some(found) if found.is_directory() => Err(self.error(ErrorKind::IsADirectory, path, OPERATION)),
            Some(_) => self.unlink(call, path).await,
            None => Err(self.error(ErrorKind::NotFound, path, OPERATION)),
        }
    }

    /// Removes a file without a look.
    pub(super) async fn unlink(self: &Arc<Self>, call: &Call, path: &Path) -> Result<()> {
        let asked = Asked { path, operation: Operation::Remove };
        self.ask(call, asked, |context, address| context.unlink(&address.url)).await
    }

    pub(super) async fn remove_directory(self: &Arc<Self>, call: &Call, path: &Path) -> Result<()> {
        const OPERATION: Operation = Operation::Remove;
        if path.is_root() {
            return Err(Error::new(ErrorKind::InvalidInput, "the root cannot be removed").at(self.url(path)));
        }
        match self.look_at_link(call, path, OPERATION).await? {
            Some(found) if found.is_directory() => {}
            Some(_) => return Err(self.error(ErrorKind::NotADirectory, path, OPERATION)),
            None => return Err(self.error(ErrorKind::NotFound, path, OPERATION)),
        }
        let asked = Asked { path, operation: OPERATION };
        let answer = self.try_ask(call, asked, |context, address| context.rmdir(&address.url)).await?;
        match answer {
            Ok(()) => Ok(()),
            Err(failure) if self.means_full(&failure) => Err(self.error(ErrorKind::NotEmpty, path, OPERATION)),
            Err(failure) => Err(self.failed(&failure, asked)),
        }
    }

    /// It is a directory: what its server's disk has against its removal is that it has entries.
    fn means_full(&self, failure: &Failure) -> bool {
        kind(failure) == ErrorKind::NotEmpty || (self.rules.vague && number(failure) == Errno::NODEV)
    }

    pub(super) async fn rename(
        self: &Arc<Self>,
        call: &Call,
        from: &Path,
        to: &Path,
        destination: Destination,
    ) -> Result<()> {
        const OPERATION: Operation = Operation::Rename;
        let over = self.rules.over.ok_or_else(|| self.cannot(from, "renaming", OPERATION))?;
        self.address(to)?;
        let source = self.look_at_link(call, from, OPERATION).await?;
        let source = source.ok_or_else(|| self.error(ErrorKind::NotFound, from, OPERATION))?;
        if from == to {
            return Ok(());
        }
        if to.starts_with(from) {
            let error = Error::new(ErrorKind::InvalidInput, "a directory cannot be moved into itself");
            return Err(error.at(self.url(from)).during(OPERATION));
        }
        let refuse = |kind| Err(self.error(kind, to, OPERATION));
        match self.look_at_link(call, to, OPERATION).await? {
            None => {
                self.look_for_parent(call, to, OPERATION).await?;
                return self.move_to(call, from, to, OPERATION).await;
            }
            Some(found) if found.is_directory() && !source.is_directory() => return refuse(ErrorKind::IsADirectory),
            Some(_) if destination == Destination::NoReplace || source.is_directory() => {
                return refuse(ErrorKind::AlreadyExists);
            }
            Some(_) => {}
        }
        self.move_over(call, from, to, over, OPERATION).await.map(drop)
    }

    /// What stands above `path` must be a directory.
    pub(super) async fn look_for_parent(
        self: &Arc<Self>,
        call: &Call,
        path: &Path,
        operation: Operation,
    ) -> Result<()> {
        match path.parent().filter(|parent| !parent.is_root()) {
            Some(parent) => self.look_for_directory(call, &parent, operation).await,
            None => Ok(()),
        }
    }

    /// Gives something a name that nothing has.
    pub(super) async fn move_to(
        self: &Arc<Self>,
        call: &Call,
        from: &Path,
        to: &Path,
        operation: Operation,
    ) -> Result<()> {
        let target = self.address(to)?;
        let asked = Asked { path: from, operation };
        self.ask(call, asked, move |context, address| context.rename(&address.url, &target.url)).await
    }
}
