//! Listings that are fetched before it is their turn.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use law_storage::{Backend, Call, Entry, Error, ErrorKind, ListOptions, Listing, Path, Result, Support};
use tokio::task::JoinHandle;

use crate::Place;

/// Of a directory with more entries nothing is kept before it is its turn: a listing that is not read holds a connection.
pub(crate) const FETCHED: usize = 2_000;

/// Directories of a storage that are listed before it is their turn.
const DIRECTORIES: usize = 8;

/// The first entries of a directory, and the rest if there is one.
pub(crate) struct Begun {
    pub(crate) found: Vec<Entry>,
    pub(crate) rest: Option<Listing>,
}

pub(crate) async fn list(backend: &dyn Backend, call: &Call, directory: &Path, most: usize) -> Result<Begun> {
    let mut pages = backend.list(call, directory, &ListOptions::default()).await?;
    let mut found = Vec::new();
    while found.len() < most {
        match pages.next().await.transpose()? {
            Some(page) => found.extend(page.entries),
            None => return Ok(Begun { found, rest: None }),
        }
    }
    Ok(Begun { found, rest: Some(pages) })
}

/// Directories whose turn comes soon, and which are listed meanwhile: the network need not be waited for one by one.
#[derive(Default)]
pub struct ListedAhead {
    fetching: HashMap<Path, Fetching>,
    /// One was too large: so are others, and none is listed twice again.
    off: bool,
}

impl ListedAhead {
    /// Begins with the first of those that come `next`. On a local disk nothing is gained, and nothing is done.
    pub fn begin<'a>(&mut self, call: &Call, top: &Place, next: impl Iterator<Item = &'a Path>) {
        if self.off || top.backend().capabilities().local_files == Support::Yes {
            return;
        }
        for directory in next.take(DIRECTORIES) {
            if self.fetching.len() >= 2 * DIRECTORIES {
                return;
            }
            self.fetching.entry(directory.clone()).or_insert_with(|| Fetching::begin(call, top, directory));
        }
    }

    /// All entries of a directory, or why it cannot be listed; none if it was not listed ahead, or has too many.
    ///
    /// # Errors
    /// Those of [`Backend::list`].
    pub async fn take(&mut self, directory: &Path) -> Option<Result<Vec<Entry>>> {
        match self.fetching.remove(directory)?.finish().await {
            Ok(Some(found)) => Some(Ok(found)),
            Ok(None) => {
                self.off = true;
                None
            }
            Err(error) => Some(Err(error)),
        }
    }
}

/// All entries of a directory, or nothing if they are too many. It ends when nobody waits for it any more.
struct Fetching(JoinHandle<Result<Option<Vec<Entry>>>>);

impl Fetching {
    fn begin(call: &Call, top: &Place, directory: &Path) -> Self {
        let (call, top, directory) = (call.clone(), top.clone(), directory.clone());
        Self(tokio::spawn(async move {
            let begun = list(top.backend(), &call, &directory, FETCHED).await?;
            Ok(begun.rest.is_none().then_some(begun.found))
        }))
    }

    async fn finish(mut self) -> Result<Option<Vec<Entry>>> {
        let broken = |e| Error::new(ErrorKind::Internal, "a listing broke").because(e);
        (&mut self.0).await.map_err(broken)?
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use law_storage::{Faulty, FileSystem, Memory, Operation, Parents};

    use super::*;

    #[tokio::test]
    async fn what_comes_next_is_listed_once_and_before_its_turn() {
        let backend = Arc::new(Faulty::new(Arc::new(Memory::new()), []));
        let top = Place::new(FileSystem::new("m", Path::root(), backend.clone()), Path::root());
        let paths = ["a", "b/c", "none"].map(|name| Path::parse(name).unwrap());
        backend.create_directory(&Call::new(), &paths[0], Parents::Create).await.unwrap();
        backend.create_directory(&Call::new(), &paths[1], Parents::Create).await.unwrap();
        let mut ahead = ListedAhead::default();
        ahead.begin(&Call::new(), &top, paths.iter());
        ahead.begin(&Call::new(), &top, paths.iter());
        assert_eq!(ahead.take(&paths[0]).await.unwrap().unwrap(), []);
        assert_eq!(ahead.take(&paths[2]).await.unwrap().unwrap_err().kind(), ErrorKind::NotFound);
        let b = Path::parse("b").unwrap();
        assert!(ahead.take(&b).await.is_none(), "nobody has said that it comes");
        ahead.begin(&Call::new(), &top, [&b].into_iter());
        assert_eq!(ahead.take(&b).await.unwrap().unwrap().len(), 1);
        assert_eq!(ahead.take(&paths[1]).await.unwrap().unwrap(), []);
        assert_eq!(backend.calls(Operation::List), 4);
    }
}
