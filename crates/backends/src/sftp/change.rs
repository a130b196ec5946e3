//! Directories, removal, new names, attributes, links. The server says of nearly everything that it failed, and no more: so it is looked
//! at before, and after.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use law_storage::{Call, Destination, Error, ErrorKind, Metadata, Operation, Overwrite, Parents, Path, Result};
use openssh_sftp_client::UnixTimeStamp;
use openssh_sftp_client::metadata::{MetaData, MetaDataBuilder, Permissions};

use super::leftover::{move_by_aside, remove};
use super::status::No;
use super::{Endpoint, bytes_of, remote};

const RENAME: Operation = Operation::Rename;

impl Endpoint {
    pub(super) async fn create_directory(&self, call: &Call, path: &Path, parents: Parents) -> Result<()> {
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
    async fn make_directory(&self, call: &Call, path: &Path) -> Result<()> {
        let asked = (path, Operation::CreateDirectory);
        let place = remote(path)?;
        match self.ask(call, asked, |c| async move { c.sftp.fs().create_dir(place).await }).await? {
            Ok(()) => Ok(()),
            Err(no) => match self.look_at_link(call, path, Operation::CreateDirectory).await? {
                Some(found) if found.is_directory() => Ok(()),
                Some(_) => Err(self.error(ErrorKind::AlreadyExists, path, Operation::CreateDirectory)),
                None => Err(self.refused(no, asked)),
            },
        }
    }

    pub(super) async fn remove_file(&self, call: &Call, path: &Path) -> Result<()> {
        const OPERATION: Operation = Operation::Remove;
        match self.look_at_link(call, path, OPERATION).await? {
            Some(found) if found.is_directory() => Err(self.error(ErrorKind::IsADirectory, path, OPERATION)),
            Some(_) => self.unlink(call, path).await,
            None => Err(self.error(ErrorKind::NotFound, path, OPERATION)),
        }
    }

    /// Removes a file without a look.
    pub(super) async fn unlink(&self, call: &Call, path: &Path) -> Result<()> {
        let place = remote(path)?;
        self.demand(call, (path, Operation::Remove), |c| async move { c.sftp.fs().remove_file(place).await }).await
    }

    pub(super) async fn remove_directory(&self, call: &Call, path: &Path) -> Result<()> {
        const OPERATION: Operation = Operation::Remove;
        if path.is_root() {
            return Err(Error::new(ErrorKind::InvalidInput, "the root cannot be removed").at(self.url(path)));
        }
        match self.look_at_link(call, path, OPERATION).await? {
            Some(found) if found.is_directory() => {}
            Some(_) => return Err(self.error(ErrorKind::NotADirectory, path, OPERATION)),
            None => return Err(self.error(ErrorKind::NotFound, path, OPERATION)),
        }
        let place = remote(path)?;
        match self.ask(call, (path, OPERATION), |c| async move { c.sftp.fs().remove_dir(place).await }).await? {
            Ok(()) => Ok(()),
            // It is a directory: what its disk has against its removal is that it has entries.
            Err(No::Failure) => Err(self.error(ErrorKind::NotEmpty, path, OPERATION)),
            Err(no) => Err(self.refused(no, (path, OPERATION))),
        }
    }

    pub(super) async fn rename(
        self: &Arc<Self>,
        call: &Call,
        from: &Path,
        to: &Path,
        destination: Destination,
    ) -> Result<()> {
        let source = self.look_at_link(call, from, RENAME).await?;
        let source = source.ok_or_else(|| self.error(ErrorKind::NotFound, from, RENAME))?;
        if from == to {
            return Ok(());
        }
        if to.starts_with(from) {
            let error = Error::new(ErrorKind::InvalidInput, "a directory cannot be moved into itself");
            return Err(error.at(self.url(from)).during(RENAME));
        }
        let refuse = |kind| Err(self.error(kind, to, RENAME));
        match self.look_at_link(call, to, RENAME).await? {
            None => self.rename_to_nothing(call, (from, &source), to, destination).await,
            Some(found) if found.is_directory() && !source.is_directory() => refuse(ErrorKind::IsADirectory),
            Some(_) if destination == Destination::NoReplace || source.is_directory() => {
                refuse(ErrorKind::AlreadyExists)
            }
            Some(_) => self.move_over(call, from, to, RENAME).await.map(drop),
        }
    }

    async fn rename_to_nothing(
        self: &Arc<Self>,
        call: &Call,
        (from, source): (&Path, &Metadata),
        to: &Path,
        destination: Destination,
    ) -> Result<()> {
        self.look_for_parent(call, to, RENAME).await?;
        match destination {
            Destination::NoReplace if source.is_file() => self.move_to_nothing(call, from, to, RENAME).await,
            _ => self.move_to(call, from, to, RENAME).await,
        }
    }

    /// Gives something another name.
    pub(super) async fn move_to(&self, call: &Call, from: &Path, to: &Path, operation: Operation) -> Result<()> {
        let (old, new) = (remote(from)?, remote(to)?);
        self.demand(call, (from, operation), |c| async move { c.sftp.fs().rename(old, new).await }).await
    }

    /// Gives a file the name of another one, and says what readers of that may have seen.
    pub(super) async fn move_over(
        self: &Arc<Self>,
        call: &Call,
        from: &Path,
        to: &Path,
        operation: Operation,
    ) -> Result<Overwrite> {
        if self.connection(call).await?.abilities.replaces {
            return self.move_to(call, from, to, operation).await.map(|()| Overwrite::Atomic);
        }
        move_by_aside(self, from, to, operation).await
    }

    /// Gives a file a name that nothing has: a second name, which the server refuses if there is one, and then the first one is removed.
    pub(super) async fn move_to_nothing(
        &self,
        call: &Call,
        from: &Path,
        to: &Path,
        operation: Operation,
    ) -> Result<()> {
        if self.connection(call).await?.abilities.links && !self.refuses_links.load(Ordering::Relaxed) {
            let (old, new) = (remote(from)?, remote(to)?);
            let linked = self.ask(call, (to, operation), |c| async move { c.sftp.fs().hard_link(old, new).await });
            if linked.await?.is_ok() {
                let Err(error) = remove(self, from).await else { return Ok(()) };
                // Only a name that is there for sure is as good as the other: without an answer, the first one may be gone.
                if error.outcome().is_unknown()
                    || !matches!(self.look_at_link(call, from, operation).await, Ok(Some(_)))
                {
                    return Err(error.leaving(format!("{} may be there as well", self.url(to))));
                }
                // It keeps its first name, and must not have two.
                return match remove(self, to).await {
                    Ok(()) => Err(error),
                    Err(_) => Err(error.leaving(format!("{} is there as well", self.url(to)))),
                };
            }
        }
        if self.look_at_link(call, to, operation).await?.is_some() {
            return Err(self.error(ErrorKind::AlreadyExists, to, operation));
        }
        // Nothing was there: some disks have no second names.
        self.refuses_links.store(true, Ordering::Relaxed);
        match self.move_to(call, from, to, operation).await {
            // Somebody was faster: without extensions a rename replaces nothing, and does not say why.
            Err(error) if !error.outcome().is_unknown() && self.look_at_link(call, to, operation).await?.is_some() => {
                Err(self.error(ErrorKind::AlreadyExists, to, operation))
            }
            other => other,
        }
    }

    pub(super) async fn set(&self, call: &Call, path: &Path, attributes: Option<MetaData>) -> Result<()> {
        let Some(attributes) = attributes else {
            let error = Error::new(
                ErrorKind::InvalidInput,
                "a time that SFTP cannot tell: it counts seconds from 1970 to 2106",
            );
            return Err(error.at(self.url(path)).during(Operation::SetMetadata));
        };
        let place = remote(path)?;
        let set =
            |c: Arc<super::connection::Connection>| async move { c.sftp.fs().set_metadata(place, attributes).await };
        self.demand(call, (path, Operation::SetMetadata), set).await
    }

    pub(super) async fn create_link(&self, call: &Call, path: &Path, target: &[u8]) -> Result<()> {
        let asked = (path, Operation::Link);
        let (place, target) = (remote(path)?, super::os_path(target)?);
        match self.ask(call, asked, |c| async move { c.sftp.fs().symlink(target, place).await }).await? {
            Ok(()) => Ok(()),
            Err(no) => match self.look_at_link(call, path, Operation::Link).await? {
                Some(_) => Err(self.error(ErrorKind::AlreadyExists, path, Operation::Link)),
                None => Err(self.refused(no, asked)),
            },
        }
    }

    pub(super) async fn read_link(&self, call: &Call, path: &Path) -> Result<Vec<u8>> {
        let asked = (path, Operation::Link);
        match self.look_at_link(call, path, Operation::Link).await? {
            Some(found) if found.kind == law_storage::Kind::Symlink => {}
            Some(_) => return Err(self.error(ErrorKind::InvalidInput, path, Operation::Link).hint("it is no link")),
            None => return Err(self.error(ErrorKind::NotFound, path, Operation::Link)),
        }
        let place = remote(path)?;
        let target = self.demand(call, asked, |c| async move { c.sftp.fs().read_link(place).await }).await?;
        Ok(bytes_of(&target).to_vec())
    }
}

/// What is to be set; none if it is nothing, or a time that cannot be told.
pub(super) fn attributes(mode: Option<u32>, modified: Option<SystemTime>) -> Option<MetaData> {
    let mut attributes = MetaDataBuilder::new();
    if let Some(mode) = mode {
        // No more than 12 bits.
        attributes.permissions(Permissions::from((mode & 0o7777) as u16));
    }
    let time = modified.and_then(|time| UnixTimeStamp::new(time).ok());
    if let Some(time) = time {
        attributes.time(time, time);
    }
    (mode.is_some() || time.is_some()).then(|| attributes.create())
}
