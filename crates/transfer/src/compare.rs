//! Whether two trees have the same files.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt as _, future, stream};
use law_storage::{Call, Digest, Error, Metadata, Path, Result, is_temporary};

use crate::policy::same_content;
use crate::walk::walk_where;
use crate::{Filter, Place};

/// Files that are compared at once.
const AT_ONCE: usize = 16;

/// How much is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Thoroughness {
    /// Size and checksum; where a storage has none, the bytes are read.
    #[default]
    Content,
    /// The size.
    Size,
}

/// How a file of one tree is in the other.
#[derive(Debug)]
pub enum Difference {
    /// It is there and has the same content, or size where only that was compared.
    Same(Option<Digest>),
    /// It is there, and different: how.
    Different(&'static str),
    /// It is not there.
    Missing,
    /// It is only there.
    Extra,
    /// It could not be compared.
    Failed(Error),
}

/// Compares all files below `from` that are meant with those below `to`; `tell` hears of each, in no order.
///
/// # Errors
/// Those of listing both trees, each of which must be listed to its end.
pub async fn compare_trees(
    call: &Call,
    from: &Place,
    to: &Place,
    filter: &Arc<Filter>,
    thoroughness: Thoroughness,
    tell: &mut (dyn FnMut(&Path, Difference) + Send),
) -> Result<()> {
    let (ours, mut theirs) = future::try_join(files(call, from, filter), files(call, to, filter)).await?;
    let pairs: Vec<_> = ours.into_iter().map(|(path, metadata)| (theirs.remove(&path), path, metadata)).collect();
    let compare = |(theirs, path, ours): (Option<Metadata>, Path, Metadata)| {
        let (call, from, to) = (call.clone(), from.join(&path), to.join(&path));
        async move { (path, difference(&call, (&from, ours), (&to, theirs), thoroughness).await) }
    };
    let mut compared = stream::iter(pairs).map(compare).buffer_unordered(AT_ONCE);
    while let Some((path, difference)) = compared.next().await {
        call.check()?;
        tell(&path, difference);
    }
    theirs.keys().for_each(|path| tell(path, Difference::Extra));
    Ok(())
}

/// The files below `top` that are meant.
pub(crate) async fn files(call: &Call, top: &Place, filter: &Arc<Filter>) -> Result<BTreeMap<Path, Metadata>> {
    let enters = filter.clone();
    let enter = move |below: &Path| !is_temporary(below.name().unwrap_or_default()) && enters.enters(below);
    let mut walked = walk_where(call, top, enter);
    let mut files = BTreeMap::new();
    while let Some(found) = walked.next().await.transpose()? {
        let metadata = found.entry.metadata;
        let temporary = is_temporary(found.below.name().unwrap_or_default());
        if metadata.is_file() && !temporary && filter.matches(&found.below, &metadata) {
            files.insert(found.below, metadata);
        }
    }
    Ok(files)
}

async fn difference(
    call: &Call,
    (from, ours): (&Place, Metadata),
    (to, theirs): (&Place, Option<Metadata>),
    thoroughness: Thoroughness,
) -> Difference {
    let Some(theirs) = theirs else { return Difference::Missing };
    if ours.size != theirs.size {
        return Difference::Different("size");
    }
    if thoroughness == Thoroughness::Size {
        return Difference::Same(None);
    }
    match same_content(call, from, to).await {
        Ok(Some(digest)) => Difference::Same(Some(digest)),
        Ok(None) => Difference::Different("content"),
        Err(error) => Difference::Failed(error),
    }
}
