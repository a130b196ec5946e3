//! Moves: a rename where the storage can, else a copy, proof, and the removal of what was copied.

use law_storage::{Call, Destination, Error, ErrorKind, Metadata, Result, Support};

use crate::copy::refuse_within;
use crate::unpublished::{or_leaving, unpublished};
use crate::{CopyOptions, Inventory, Outcome, Place, Policy, TreeReport, copy_file, copy_tree, remove_copied};

/// What became of something that was to be moved.
#[derive(Debug)]
pub enum Moved {
    /// The storage gave it the other name.
    Renamed,
    /// It was copied with proof, and then removed.
    Copied,
    /// Not all of it was copied, or could be: it stays as it is, and the report says why.
    Stays(TreeReport),
}

/// Moves a file, a link or a tree, which `metadata` is about.
///
/// Within a storage it is renamed. Between storages, and where the storage cannot rename, it is copied, and what was copied
/// is removed: see [`remove_copied`]. A link is moved as what it points to.
///
/// # Errors
/// `InvalidInput` if both are the same place; those of renaming, copying and removing.
pub async fn move_to(
    call: &Call,
    from: &Place,
    to: &Place,
    metadata: &Metadata,
    options: &CopyOptions,
) -> Result<Moved> {
    if std::sync::Arc::ptr_eq(from.fs.backend(), to.fs.backend()) {
        let rule = match options.policy {
            Policy::Never | Policy::Fail => Destination::NoReplace,
            _ => Destination::Replace,
        };
        match from.backend().rename(call, &from.resolved(), &to.resolved(), rule).await {
            Err(error) if error.kind() == ErrorKind::Unsupported && (metadata.is_file() || never_renames(from)) => {}
            other => return other.map(|()| Moved::Renamed).map_err(|error| unmoved(error, from)),
        }
    }
    if std::sync::Arc::ptr_eq(from.fs.backend(), to.fs.backend()) {
        check_names(call, from, to, metadata).await.map_err(|error| unmoved(error, from))?;
    }
    if metadata.is_directory() {
        refuse_within(from, to, "moved").map_err(|error| unmoved(error, from))?;
    }
    let inventory = Inventory::take(call, from).await.map_err(|error| unmoved(error, from))?;
    if metadata.is_directory() {
        let report = copy_tree(call, from, to, options, &mut |_| {}).await?;
        if report.what_is_missing("move").is_some() || report.kept > 0 || options.dry_run {
            return Ok(Moved::Stays(report));
        }
    } else {
        let copied = copy_file(call, from, to, options).await.map_err(|error| unpublished(error, to))?;
        if matches!(copied.outcome, Outcome::Kept | Outcome::Would) {
            let kept = u64::from(matches!(copied.outcome, Outcome::Kept));
            return Ok(Moved::Stays(TreeReport { kept, ..TreeReport::default() }));
        }
    }
    remove_copied(call, from, to, &inventory).await?;
    Ok(Moved::Copied)
}

/// What a storage that renames would say.
async fn check_names(call: &Call, from: &Place, to: &Place, metadata: &Metadata) -> Result<()> {
    if to.resolved() != from.resolved() && to.resolved().starts_with(&from.resolved()) {
        return Err(Error::new(ErrorKind::InvalidInput, "a directory cannot be moved into itself").at(to));
    }
    let there = if metadata.is_directory() { to.backend().stat(call, &to.resolved()).await? } else { None };
    match there {
        Some(_) => Err(Error::new(ErrorKind::AlreadyExists, "already exists").at(to)),
        None => Ok(()),
    }
}

fn never_renames(place: &Place) -> bool {
    place.backend().capabilities().rename == Support::No
}

fn unmoved(error: Error, from: &Place) -> Error {
    or_leaving(error, || format!("{from} was not moved"))
}

impl TreeReport {
    /// Why the copy is not the whole tree, if it is not: the first failure, or the first thing that was passed over. `act` is
    /// what was to be done, such as `move`.
    pub fn what_is_missing(&self, act: &str) -> Option<Error> {
        if let Some(error) = self.failed.first() {
            let failed = self.failed.len();
            let (kind, first) = (error.kind(), error.to_string());
            let more = if failed > 1 { format!(" (and {} more)", failed - 1) } else { String::new() };
            return Some(Error::new(kind, format!("{first}{more}")));
        }
        let (place, reason) = self.skipped.first()?;
        Some(Error::new(ErrorKind::Unsupported, format!("cannot {act} {reason}")).at(place))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use law_storage::{BytesSource, FileSystem, Memory, Parents, Path, PutOptions};

    use super::*;

    #[tokio::test]
    async fn a_storage_that_never_renames_is_asked_for_no_nonsense() {
        let memory = Memory::new().with_capabilities(|capabilities| capabilities.rename = Support::No);
        let fs = FileSystem::new("a", Path::root(), Arc::new(memory));
        let place = |path: &str| Place::new(fs.clone(), Path::parse(path).unwrap());
        let options = PutOptions { parents: Parents::Create, ..PutOptions::default() };
        for file in ["d/file", "other/file"] {
            let file = place(file);
            file.backend().put(&Call::new(), &file.resolved(), &BytesSource::new("x"), &options).await.unwrap();
        }
        let directory = Metadata::directory();
        for (to, kind) in [("d/deeper", ErrorKind::InvalidInput), ("other", ErrorKind::AlreadyExists)] {
            let moved = move_to(&Call::new(), &place("d"), &place(to), &directory, &CopyOptions::default()).await;
            assert_eq!(moved.unwrap_err().kind(), kind, "{to}");
        }
        let wishes = CopyOptions { parents: Parents::Create, ..CopyOptions::default() };
        let moved = move_to(&Call::new(), &place("d"), &place("new"), &directory, &wishes).await.unwrap();
        assert!(matches!(moved, Moved::Copied));
        assert_eq!(fs.backend().stat(&Call::new(), &Path::parse("d").unwrap()).await.unwrap(), None);
    }
}
