//! The directories that files are copied to: each is made once, and listed once instead of a look at every file.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use law_storage::{Call, Error, ListOptions, Metadata, Parents, Path, Result, Support};
use tokio::sync::OnceCell;

use crate::Place;

/// Directories that are remembered; a walk comes back to none that it has left.
const REMEMBERED: usize = 64;

/// Names that are remembered of a directory: with more, files are looked at one by one.
const NAMES: usize = 100_000;

/// The same on a disk, where looking costs less.
const LOCAL_NAMES: usize = 1000;

/// What a directory has, if that was asked for and is not too much.
pub(crate) type Names = Arc<HashMap<Vec<u8>, Metadata>>;

/// The directories of one destination.
pub(crate) struct Directories {
    top: Place,
    known: Mutex<Known>,
}

type Prepared = Arc<OnceCell<Option<Names>>>;

#[derive(Default)]
struct Known {
    cells: HashMap<Path, Prepared>,
    order: std::collections::VecDeque<Path>,
}

impl Directories {
    pub(crate) fn new(top: &Place) -> Self {
        Self { top: top.clone(), known: Mutex::default() }
    }

    /// What the directory `below` the top has, after it was made; none where looking at single files is as good. In a dry run
    /// nothing is made.
    ///
    /// # Errors
    /// Those of making it. A listing that fails is none.
    pub(crate) async fn names(&self, call: &Call, below: &Path, dry_run: bool) -> Result<Option<Names>> {
        let cell = self.cell(below);
        let prepared = cell.get_or_try_init(|| self.prepare(call, below, dry_run)).await?;
        Ok(prepared.clone())
    }

    fn cell(&self, below: &Path) -> Prepared {
        // Cells and their order are two ways to say the same; a panic between both costs a listing.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = known.cells.get(below) {
            return cell.clone();
        }
        if known.order.len() >= REMEMBERED
            && let Some(oldest) = known.order.pop_front()
        {
            known.cells.remove(&oldest);
        }
        let cell = Prepared::default();
        known.order.push_back(below.clone());
        known.cells.insert(below.clone(), cell.clone());
        cell
    }

    async fn prepare(&self, call: &Call, below: &Path, dry_run: bool) -> Result<Option<Names>> {
        let place = self.top.join(below);
        if !dry_run && !below.is_root() {
            place.backend().create_directory(call, &place.resolved(), Parents::Create).await?;
        }
        let capabilities = place.backend().capabilities();
        if capabilities.list != Support::Yes {
            return Ok(None);
        }
        let most = if capabilities.local_files == Support::Yes { LOCAL_NAMES } else { NAMES };
        Ok(list(call, &place, most).await.ok().flatten())
    }
}

/// The names in a directory; none if there are more than `most`.
async fn list(call: &Call, place: &Place, most: usize) -> Result<Option<Names>, Error> {
    let mut names = HashMap::new();
    let mut listing = place.backend().list(call, &place.resolved(), &ListOptions::default()).await?;
    while let Some(page) = listing.next().await {
        for entry in page?.entries {
            names.insert(entry.path.name().unwrap_or_default().to_vec(), entry.metadata);
        }
        if names.len() > most {
            return Ok(None);
        }
    }
    Ok(Some(Arc::new(names)))
}
