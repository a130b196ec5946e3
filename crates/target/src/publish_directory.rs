//! Directories that appear with all that they have.

use futures_util::StreamExt as _;
use law_storage::{
    Call, Destination, Error, ErrorKind, FileSystem, Kind, Operation, Parents, Path, Result, Support, cleanup,
    temporary_path,
};
use law_transfer::{Copied, CopyOptions, Place, Policy, Told, TreeReport, copy_tree, remove_tree, walk};

/// What most failures leave.
pub(crate) const NOTHING: &str = "nothing was published";

/// What a directory was published with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishedDirectory {
    /// Files in it, at any depth.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Whether it appeared with all that it has in one step. Where the storage cannot rename directories it does not: a
    /// reader may have seen some files of it before the others.
    pub at_once: bool,
}

/// Publishes everything below `from`, which nobody else writes to, as the new directory `to`.
pub(crate) async fn publish_directory(from: &Place, to: &Place) -> Result<PublishedDirectory> {
    let (call, to) = (Call::new(), from_the_root(to));
    let directories = directories_of(&call, from).await?;
    refuse_taken(&call, &to).await?;
    if let Some(parent) = to.path.parent().filter(|parent| !parent.is_root()) {
        to.backend().create_directory(&call, &parent, Parents::Create).await?;
    }
    match Stage::make(&call, &to).await? {
        Some(stage) => stage.publish(&call, from, &to).await,
        None => file_by_file(&call, from, &to, &directories).await,
    }
}

/// The same place, on a file system whose base is the root: also a base has a directory above it, where it is staged.
fn from_the_root(place: &Place) -> Place {
    let fs = FileSystem::new(place.fs.name(), Path::root(), place.fs.backend().clone());
    Place::new(fs, place.resolved())
}

/// The directories below, each before what it has. What is no file and no directory is refused before anything is sent.
async fn directories_of(call: &Call, from: &Place) -> Result<Vec<Path>> {
    let mut directories = Vec::new();
    let mut walked = walk(call, from);
    while let Some(found) = walked.next().await.transpose()? {
        let refuse = |what| Err(Error::new(ErrorKind::Unsupported, what).at(from.join(&found.below)));
        match found.entry.metadata.kind {
            Kind::File => {}
            Kind::Directory => directories.push(found.below),
            Kind::Symlink => return refuse("cannot publish a symbolic link"),
            _ => return refuse("cannot publish what is neither a file nor a directory"),
        }
    }
    Ok(directories)
}

async fn refuse_taken(call: &Call, to: &Place) -> Result<()> {
    match to.backend().lstat(call, &to.resolved()).await? {
        None => Ok(()),
        Some(_) => Err(taken(Error::new(ErrorKind::AlreadyExists, "already exists").at(to).during(Operation::Put))),
    }
}

fn taken(error: Error) -> Error {
    error.hint("a directory is published once: remove what is there, or take another name").leaving(NOTHING)
}

/// All of it, or the reason why not.
async fn fill(
    call: &Call,
    from: &Place,
    to: &Place,
    policy: Policy,
    tell: &mut (dyn FnMut(&Copied) + Send),
) -> Result<TreeReport> {
    let options = CopyOptions { policy, ..CopyOptions::default() };
    let mut tell_files = |told: Told<'_>| {
        if let Told::Copied(copied) = told {
            tell(copied);
        }
    };
    let report = copy_tree(call, from, to, &options, &mut tell_files).await?;
    report.what_is_missing("publish").map_or(Ok(report), Err)
}

/// A directory under a temporary name, which is removed unless it gets its own.
struct Stage {
    before: Place,
    now: Place,
    over: bool,
}

impl Stage {
    /// None where the storage cannot rename directories, which an empty one finds out before any byte travels.
    async fn make(call: &Call, to: &Place) -> Result<Option<Self>> {
        if to.backend().capabilities().rename == Support::No {
            return Ok(None);
        }
        let beside = || Ok::<_, Error>(Place::new(to.fs.clone(), temporary_path(&to.path)?));
        let mut stage = Self { before: beside()?, now: beside()?, over: false };
        let Err(error) = stage.try_out(call).await else { return Ok(Some(stage)) };
        let unsupported = error.kind() == ErrorKind::Unsupported;
        match stage.remove().await {
            None if unsupported => Ok(None),
            left => Err(leaving_nothing_but(left, error.instead_at(to))),
        }
    }

    async fn try_out(&self, call: &Call) -> Result<()> {
        self.before.backend().create_directory(call, &self.before.resolved(), Parents::Require).await?;
        rename(call, &self.before, &self.now).await
    }

    async fn publish(mut self, call: &Call, from: &Place, to: &Place) -> Result<PublishedDirectory> {
        let report = match fill(call, from, &self.now, Policy::Always, &mut |_| {}).await {
            Ok(report) => report,
            Err(error) => return Err(leaving_nothing_but(self.remove().await, error)),
        };
        if let Err(error) = rename(call, &self.now, to).await {
            self.unless_it_was_renamed(call, to, error).await?;
        }
        self.over = true;
        Ok(PublishedDirectory { files: report.copied, bytes: report.bytes, at_once: true })
    }

    /// What a failed rename means. Where the answer was lost, the storage may have done it, or be about to: then what is
    /// there must not be removed piece by piece, but take another name first.
    async fn unless_it_was_renamed(&mut self, call: &Call, to: &Place, error: Error) -> Result<()> {
        let unclear = matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Unavailable | ErrorKind::Cancelled);
        if unclear {
            match rename(call, &self.now, &self.before).await {
                Ok(()) => {}
                Err(gone) if gone.kind() == ErrorKind::NotFound => return Ok(()),
                Err(_) => {
                    self.over = true;
                    let left = format!("whether {to} was published cannot be told; if not, it is at {}", self.now);
                    return Err(error.leaving(left));
                }
            }
        }
        let error = if error.kind() == ErrorKind::AlreadyExists { taken(error) } else { error };
        Err(leaving_nothing_but(self.remove().await, error))
    }

    /// Removes it, under whichever name it is. What stays, if anything does.
    async fn remove(&mut self) -> Option<String> {
        let mut left = Vec::new();
        for place in [&self.before, &self.now] {
            if let Err(error) = remove_whatever_is_there(place).await {
                left.push(format!("{place} ({})", error.kind().phrase()));
            }
        }
        self.over = true;
        (!left.is_empty()).then(|| left.join(" and "))
    }
}

async fn rename(call: &Call, from: &Place, to: &Place) -> Result<()> {
    from.backend().rename(call, &from.resolved(), &to.resolved(), Destination::NoReplace).await
}

/// It takes its other name first: if the call was given up while it was to get its own, that must come too late.
impl Drop for Stage {
    fn drop(&mut self) {
        if !self.over {
            let (before, now) = (self.before.clone(), self.now.clone());
            cleanup::start(async move {
                match rename(&Call::new(), &now, &before).await {
                    Err(error) if error.kind() != ErrorKind::NotFound => {}
                    _ => drop(remove_whatever_is_there(&before).await),
                }
            });
        }
    }
}

fn leaving_nothing_but(left: Option<String>, error: Error) -> Error {
    match left {
        None => error.leaving(NOTHING),
        Some(left) => error.leaving(format!("{NOTHING}; left behind is {left}")),
    }
}

/// An empty directory takes one request, and no listing, which not every storage has. A write that was given up removes its
/// own temporary file meanwhile, so that a list of what is there can be too long.
async fn remove_whatever_is_there(place: &Place) -> Result<()> {
    const TRIES: usize = 3;
    let call = Call::new();
    let mut last = Ok(());
    for _ in 0..TRIES {
        last = match place.backend().remove_directory(&call, &place.resolved()).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotEmpty => remove_tree(&call, place, &mut |_| {}).await,
            other => return other,
        };
        let moving = |error: &Error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotEmpty);
        if !last.as_ref().is_err_and(moving) {
            break;
        }
    }
    last
}

/// For storages that cannot rename directories: every file is published whole, and no file of somebody else is replaced.
async fn file_by_file(call: &Call, from: &Place, to: &Place, directories: &[Path]) -> Result<PublishedDirectory> {
    to.backend().create_directory(call, &to.resolved(), Parents::Require).await?;
    let directories = [Path::root()].iter().chain(directories).map(|below| to.join(below)).collect();
    let mut pieces = Pieces { files: Vec::new(), directories, over: false };
    let files = &mut pieces.files;
    let report = fill(call, from, to, Policy::Fail, &mut |copied| files.push(copied.to.clone())).await;
    let left = if report.is_err() { pieces.remove().await } else { None };
    pieces.over = true;
    let report = report.map_err(|error| leaving_nothing_but(left, error))?;
    Ok(PublishedDirectory { files: report.copied, bytes: report.bytes, at_once: false })
}

/// Files and directories that have their names already, and lose them again if the others do not get theirs.
struct Pieces {
    files: Vec<Place>,
    directories: Vec<Place>,
    over: bool,
}

impl Pieces {
    /// Removes what was published, and nothing else. What stays, if anything does.
    async fn remove(&self) -> Option<String> {
        remove_pieces(&self.files, &self.directories).await
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        if !self.over {
            let (files, directories) = (std::mem::take(&mut self.files), std::mem::take(&mut self.directories));
            cleanup::start(async move { drop(remove_pieces(&files, &directories).await) });
        }
    }
}

async fn remove_pieces(files: &[Place], directories: &[Place]) -> Option<String> {
    let call = Call::new();
    let mut left = Vec::new();
    let mut note = |place: &Place, removed: Result<()>| match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => left.push(format!("{place} ({})", error.kind().phrase())),
        _ => {}
    };
    for file in files {
        note(file, file.backend().remove_file(&call, &file.resolved()).await);
    }
    for directory in directories.iter().rev() {
        note(directory, directory.backend().remove_directory(&call, &directory.resolved()).await);
    }
    let more = left.len().saturating_sub(1);
    let first = left.into_iter().next()?;
    Some(if more > 0 { format!("{first} and {more} more") } else { first })
}
