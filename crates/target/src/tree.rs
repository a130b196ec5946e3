//! Trees: what a directory does with everything below it.

use std::collections::VecDeque;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use law_storage::{Call, Error, ErrorKind, Operation, Parents, Result};
use law_transfer::{CopyOptions, Moved, Pattern, Place, Preserve, Walked, copy_tree, glob, move_to, walk};

use crate::runtime::wait;
use crate::target::Spot;
use crate::{AnyTarget, DirectoryTarget, FileTarget};

/// Entries that are handed from the runtime to a blocking caller at once.
const BATCH: usize = 512;

impl DirectoryTarget {
    /// Everything below that matches, sorted: `*` and `?` within a name, `**` for any number of directories, `[ab]`, `{a,b}`. Only
    /// directories in which something can match are listed. A directory that is missing has nothing.
    ///
    /// # Errors
    /// `InvalidInput` for a bad pattern; those of listing. Never a part of what matches.
    pub fn glob(&self, pattern: &str) -> Result<Vec<AnyTarget>> {
        let (target, pattern) = (self.clone(), pattern.to_owned());
        wait(async move { target.glob_async(&pattern).await })
    }

    /// As [`glob`](Self::glob), within a runtime.
    ///
    /// # Errors
    /// As [`glob`](Self::glob).
    pub async fn glob_async(&self, pattern: &str) -> Result<Vec<AnyTarget>> {
        let (place, pattern) = (self.place()?, Pattern::parse(pattern)?);
        let mut found: Vec<Walked> = glob(&Call::new(), place, &pattern).try_collect().await?;
        found.sort_by(|a, b| a.below.cmp(&b.below));
        Ok(found.into_iter().map(|found| target_of(place, found)).collect())
    }

    /// Everything below, a directory before what it has; links are not followed. Nothing is asked before the first step, and one
    /// directory at a time is held in memory.
    ///
    /// # Errors
    /// Each step may be an error, which is the last one: what came before is then not the whole tree.
    pub fn walk(&self) -> Walk {
        Walk { steps: Some(self.walk_async().ready_chunks(BATCH).boxed()), ready: VecDeque::new() }
    }

    /// As [`walk`](Self::walk), within a runtime.
    pub fn walk_async(&self) -> BoxStream<'static, Result<AnyTarget>> {
        match self.place().cloned() {
            Ok(place) => walk(&Call::new(), &place).map_ok(move |found| target_of(&place, found)).boxed(),
            Err(error) => futures_util::stream::iter([Err(error)]).boxed(),
        }
    }

    /// Copies everything below to another directory, which is made, with proof of each file. Files that are the same already are left
    /// alone; what the other directory has beside stays.
    ///
    /// # Errors
    /// Those of listing and making directories; the first file that failed, after all others were copied. Links and other things that
    /// are no files are `Unsupported`, after all files were copied.
    pub fn copy_to(&self, to: &Self) -> Result<()> {
        let (from, to) = (self.clone(), to.clone());
        wait(async move { from.copy_to_async(&to).await })
    }

    /// As [`copy_to`](Self::copy_to), within a runtime.
    ///
    /// # Errors
    /// As [`copy_to`](Self::copy_to).
    pub async fn copy_to_async(&self, to: &Self) -> Result<()> {
        let options = CopyOptions { parents: Parents::Create, ..CopyOptions::default() };
        let report = copy_tree(&Call::new(), self.place()?, to.place()?, &options, &mut |_| {}).await?;
        report.what_is_missing("copy").map_or(Ok(()), |error| Err(error.leaving("everything else was copied")))
    }

    /// As [`copy_to`](Self::copy_to), the other way round.
    ///
    /// # Errors
    /// As [`copy_to`](Self::copy_to).
    pub fn copy_from(&self, from: &Self) -> Result<()> {
        from.copy_to(self)
    }

    /// As [`copy_from`](Self::copy_from), within a runtime.
    ///
    /// # Errors
    /// As [`copy_to`](Self::copy_to).
    pub async fn copy_from_async(&self, from: &Self) -> Result<()> {
        from.copy_to_async(self).await
    }

    /// Moves it: a rename within a storage; between storages a copy with proof, after which what was copied is removed. Nothing may
    /// have the other name.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`, `AlreadyExists`; what keeps the tree from being copied: it stays then as it is.
    pub fn move_to(&self, to: &Self) -> Result<()> {
        let (from, to) = (self.clone(), to.clone());
        wait(async move { from.move_to_async(&to).await })
    }

    /// As [`move_to`](Self::move_to), within a runtime.
    ///
    /// # Errors
    /// As [`move_to`](Self::move_to).
    pub async fn move_to_async(&self, to: &Self) -> Result<()> {
        moved(&self.0, &to.0, ErrorKind::NotADirectory).await
    }
}

impl FileTarget {
    /// Copies another file to this one; see [`copy_to`](Self::copy_to).
    ///
    /// # Errors
    /// As [`copy_to`](Self::copy_to).
    pub fn copy_from(&self, from: &Self) -> Result<()> {
        from.copy_to(self)
    }

    /// As [`copy_from`](Self::copy_from), within a runtime.
    ///
    /// # Errors
    /// As [`copy_to`](Self::copy_to).
    pub async fn copy_from_async(&self, from: &Self) -> Result<()> {
        from.copy_to_async(self).await
    }

    /// Moves it, with the directories above its new place: a rename within a storage; between storages a copy with proof, after which
    /// the source is removed if it did not change meanwhile. A file that has the other name is replaced.
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`; those of renaming, copying and removing, which say where the file is.
    pub fn move_to(&self, to: &Self) -> Result<()> {
        let (from, to) = (self.clone(), to.clone());
        wait(async move { from.move_to_async(&to).await })
    }

    /// As [`move_to`](Self::move_to), within a runtime.
    ///
    /// # Errors
    /// As [`move_to`](Self::move_to).
    pub async fn move_to_async(&self, to: &Self) -> Result<()> {
        moved(&self.0, &to.0, ErrorKind::IsADirectory).await
    }

    /// Sets the permission bits, such as `0o640`.
    ///
    /// # Errors
    /// `Unsupported` where the storage has none; `NotFound`.
    pub fn set_mode(&self, mode: u32) -> Result<()> {
        let target = self.clone();
        wait(async move { target.set_mode_async(mode).await })
    }

    /// As [`set_mode`](Self::set_mode), within a runtime.
    ///
    /// # Errors
    /// As [`set_mode`](Self::set_mode).
    pub async fn set_mode_async(&self, mode: u32) -> Result<()> {
        let place = self.place()?;
        place.backend().set_mode(&Call::new(), &place.resolved(), mode).await
    }
}

/// Moves a file or a directory, whichever `wrong` does not say.
async fn moved(from: &Spot, to: &Spot, wrong: ErrorKind) -> Result<()> {
    let (call, from, to) = (Call::new(), from.place()?, to.place()?);
    let refuse = |kind: ErrorKind| Error::new(kind, kind.phrase()).at(from).during(Operation::Rename);
    let metadata = from.backend().lstat(&call, &from.resolved()).await?.ok_or_else(|| refuse(ErrorKind::NotFound))?;
    if metadata.is_directory() != (wrong == ErrorKind::NotADirectory) {
        return Err(refuse(wrong));
    }
    if let Some(parent) = to.path.parent().filter(|parent| !parent.is_root()) {
        let parent = to.fs.resolve(&parent);
        to.backend().create_directory(&call, &parent, Parents::Create).await?;
    }
    let options = CopyOptions { parents: Parents::Create, preserve: Preserve::ALL, ..CopyOptions::default() };
    match move_to(&call, from, to, &metadata, &options).await? {
        Moved::Renamed | Moved::Copied => Ok(()),
        Moved::Stays(report) => {
            let missing = report.what_is_missing("move").unwrap_or_else(|| refuse(ErrorKind::Internal));
            Err(missing.leaving(format!("{from} stays; everything else was copied")))
        }
    }
}

fn target_of(top: &Place, found: Walked) -> AnyTarget {
    let spot = Spot::new(top.join(&found.below));
    match found.entry.metadata.is_directory() {
        true => AnyTarget::Directory(DirectoryTarget(spot)),
        false => AnyTarget::File(FileTarget(spot)),
    }
}

/// A tree, step by step: see [`DirectoryTarget::walk`].
pub struct Walk {
    steps: Option<BoxStream<'static, Vec<Result<AnyTarget>>>>,
    ready: VecDeque<Result<AnyTarget>>,
}

impl Iterator for Walk {
    type Item = Result<AnyTarget>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(step) = self.ready.pop_front() {
            return Some(step);
        }
        let mut steps = self.steps.take()?;
        let more = wait(async move {
            let batch = steps.next().await;
            Ok(batch.map(|batch| (batch, steps)))
        });
        match more {
            Ok(None) => None,
            Err(error) => Some(Err(error)),
            Ok(Some((batch, steps))) => {
                self.steps = Some(steps);
                self.ready.extend(batch);
                self.ready.pop_front()
            }
        }
    }
}

impl std::fmt::Debug for Walk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Walk({} ready)", self.ready.len())
    }
}
