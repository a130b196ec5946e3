//! Looking: what the server says about one path.

use law_storage::{
    Call, Comparison, Error, ErrorKind, Kind, Metadata, Modified, Operation, Path, Result, Space, Validator,
};
use openssh_sftp_client::metadata::{FileType, MetaData};

use super::Endpoint;
use super::status::{Asked, No};
use crate::sftp::remote;

impl Endpoint {
    /// What is there, following links; `None` only on the server's own word.
    pub(super) async fn look(&self, call: &Call, path: &Path, operation: Operation) -> Result<Option<Metadata>> {
        let file = remote(path)?;
        let asked = (path, operation);
        let answer = self.ask(call, asked, |c| async move { c.sftp.fs().metadata(file).await }).await?;
        self.seen(answer, asked)
    }

    /// What is there, a link itself.
    pub(super) async fn look_at_link(
        &self,
        call: &Call,
        path: &Path,
        operation: Operation,
    ) -> Result<Option<Metadata>> {
        let file = remote(path)?;
        let asked = (path, operation);
        let answer = self.ask(call, asked, |c| async move { c.sftp.fs().symlink_metadata(file).await }).await?;
        self.seen(answer, asked)
    }

    fn seen(&self, answer: Result<MetaData, No>, asked: Asked<'_>) -> Result<Option<Metadata>> {
        match answer {
            Ok(told) => Ok(Some(metadata(&told))),
            Err(No::NotFound) => Ok(None),
            Err(no) => Err(self.refused(no, asked)),
        }
    }

    pub(super) async fn look_for_file(&self, call: &Call, path: &Path, operation: Operation) -> Result<Metadata> {
        match self.look(call, path, operation).await? {
            Some(found) if found.is_file() => Ok(found),
            Some(found) if found.is_directory() => Err(self.error(ErrorKind::IsADirectory, path, operation)),
            Some(_) => {
                Err(self.error(ErrorKind::InvalidInput, path, operation).hint("it is neither a file nor a directory"))
            }
            None => Err(self.error(ErrorKind::NotFound, path, operation)),
        }
    }

    pub(super) async fn look_for_directory(&self, call: &Call, path: &Path, operation: Operation) -> Result<()> {
        match self.look(call, path, operation).await? {
            Some(found) if found.is_directory() => Ok(()),
            Some(_) => Err(self.error(ErrorKind::NotADirectory, path, operation)),
            None => Err(self.error(ErrorKind::NotFound, path, operation)),
        }
    }

    /// What stands above `path` must be a directory.
    pub(super) async fn look_for_parent(&self, call: &Call, path: &Path, operation: Operation) -> Result<()> {
        match path.parent().filter(|parent| !parent.is_root()) {
            Some(parent) => self.look_for_directory(call, &parent, operation).await,
            None => Ok(()),
        }
    }

    /// An error if `found` is another version than the one that is wanted.
    pub(super) fn same_version(&self, path: &Path, wanted: Option<&Validator>, found: &Metadata) -> Result<()> {
        match wanted.map(|wanted| wanted.compare(&found.identity())) {
            Some(Comparison::Different) => Err(self.changed(path)),
            _ => Ok(()),
        }
    }

    pub(super) fn changed(&self, path: &Path) -> Error {
        self.error(ErrorKind::Changed, path, Operation::Read)
    }

    pub(super) async fn space(&self, call: &Call, path: &Path) -> Result<Space> {
        let asked = (path, Operation::Space);
        let place = remote(path)?;
        let told = self.ask(call, asked, |c| async move { c.sftp.fs().statvfs(place).await }).await?;
        let told = told.map_err(|no| match no {
            No::Unsupported => self.cannot(path, "telling its space to this client", Operation::Space),
            no => self.refused(no, asked),
        })?;
        let bytes = |blocks: u64| blocks.saturating_mul(told.frsize.max(1));
        Ok(Space { used: Some(bytes(told.blocks.saturating_sub(told.bfree))), available: Some(bytes(told.bavail)) })
    }
}

/// What the server says, in our words.
pub(super) fn metadata(told: &MetaData) -> Metadata {
    let kind = match told.file_type() {
        Some(kind) => kind_of(kind),
        None => Kind::File,
    };
    let mut metadata = match (kind, told.len()) {
        (Kind::File, Some(size)) => Metadata::file(size),
        (kind, _) => Metadata::of(kind),
    };
    metadata.modified = told.modified().map(|time| Modified::seconds(time.as_system_time()));
    metadata.mode = told.permissions().map(|permissions| permissions.as_raw().bits() & 0o7777);
    if metadata.is_file() {
        metadata.validator = Some(Validator::weak(metadata.size, metadata.modified));
    }
    metadata
}

fn kind_of(kind: FileType) -> Kind {
    match kind {
        kind if kind.is_dir() => Kind::Directory,
        kind if kind.is_symlink() => Kind::Symlink,
        kind if kind.is_file() => Kind::File,
        _ => Kind::Other,
    }
}
