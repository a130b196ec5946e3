//! Files as a whole: completed, compared, handed out, pinned, and kept when they are written.

use std::fs;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use law_storage::{
    Algorithm, ByteRange, Call, Computed, Digest, Error, ErrorKind, Hasher, LocalFile, Path, Receipt, Result, Source,
    Validator, read_local,
};

use crate::fill::{Begun, Blocks, Fill, Order, Writer, look_again, may_keep, reserve};
use crate::names::Names;
use crate::object::{Found, Object};
use crate::resolve::{Resolved, Shared, on_disk};
use crate::seal::seal;
use crate::statistics::Counters;
use crate::store::Store;

/// Requests at once for what is missing of a file.
const AT_ONCE: usize = 4;

/// Blocks of one of them at most.
const RUN: u64 = 16;

/// How often a file is made whole whose blocks turn out to be bad: a disk that damages everything is not trusted.
const TRIES: usize = 3;

/// Who fetches nothing for so long is not waited for any more.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at what another process fetches.
const PAUSE: Duration = Duration::from_millis(10);

/// The local file with all of a version, which stays as long as it is held; none if there is no room for it.
pub(crate) async fn hand_out(order: Arc<Order>) -> Result<Option<LocalFile>> {
    let is_sealed = order.object.seal_holds() == Some(true);
    let was_here = is_sealed || order.object.is_whole();
    let counters = &order.shared.counters;
    Counters::count(if was_here { &counters.hits } else { &counters.misses }, 1);
    if was_here {
        Counters::count(&counters.bytes_here, order.object.meta.size);
    }
    if !is_sealed && !make_whole(&order).await? {
        return Ok(None);
    }
    let object = order.object.clone();
    object.use_all();
    // Opened anew: the descriptor of the object is the cache's.
    let file = fs::File::open(object.path());
    Ok(or_past(file.map_err(Error::from)).map(|file| LocalFile::new(file, object.path()).guarded(object)))
}

/// What the disk of the cache refuses is passed by.
fn or_past<T>(done: Result<T>) -> Option<T> {
    done.inspect_err(|error| tracing::debug!("the cache is passed by: {error}")).ok()
}

/// Completes and seals it; once more if a block was bad.
async fn make_whole(order: &Arc<Order>) -> Result<bool> {
    for _ in 0..TRIES {
        if !complete(order).await? {
            return Ok(false);
        }
        if prove_and_seal(order).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Fetches everything that is missing. False if there is no room for it.
async fn complete(order: &Arc<Order>) -> Result<bool> {
    let blocks = order.object.meta.blocks();
    let parts = (0..blocks).step_by(RUN as usize).map(|first| complete_part(order, first, (first + RUN).min(blocks)));
    let done: Vec<bool> = stream::iter(parts).buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(done.into_iter().all(|done| done))
}

async fn complete_part(order: &Arc<Order>, first: u64, end: u64) -> Result<bool> {
    let (mut fetched, mut waited) = (None, Duration::ZERO);
    while let Some((first, end)) = order.object.missing(first, end) {
        order.call.check()?;
        // What was fetched and is not there, the disk has refused.
        if fetched == Some(first) || waited > PATIENCE {
            return Ok(false);
        }
        match or_past(Fill::begin(order, first, end, end).await) {
            Some(Begun::Fill(fill)) => {
                fill.finish().await?;
                (fetched, waited) = (Some(first), Duration::ZERO);
            }
            Some(Begun::There) => {}
            Some(Begun::Busy) => {
                order.call.pause(PAUSE).await?;
                waited += PAUSE;
            }
            Some(Begun::NoRoom) | None => return Ok(false),
        }
    }
    Ok(true)
}

/// Compares all blocks with their checksums, and the file with that of the storage, where it has one. False if a block was bad: it is missing now.
async fn prove_and_seal(order: &Arc<Order>) -> Result<bool> {
    let expected = expected(order).await?;
    let algorithm = expected.as_ref().map(Digest::algorithm);
    let (waiting, reading) = (order.clone(), order.clone());
    let Some(guard) = or_past(on_disk(move || waiting.object.sealing()).await) else { return Ok(false) };
    let computed = on_disk(move || checksum(&reading.object, &reading.shared.counters, algorithm)).await;
    let Some(Some(computed)) = or_past(computed) else { return Ok(false) };
    if let (Some(expected), Some(computed)) = (&expected, &computed)
        && expected != computed
    {
        return Err(wrong(order, expected, computed).await);
    }
    let sealing = order.clone();
    let sealed = on_disk(move || {
        let proven = expected.map(|digest| digest.to_string());
        seal(&sealing.shared.store, &sealing.object, proven)?;
        drop(guard);
        Ok(())
    });
    Ok(or_past(sealed.await).is_some())
}

/// Bytes that are not the file's: nothing of them is kept.
async fn wrong(order: &Arc<Order>, expected: &Digest, computed: &Digest) -> Error {
    let error = match look_again(order).await {
        Err(error) if error.kind() == ErrorKind::Changed => error,
        _ => mismatch(order, expected, computed),
    };
    let work = order.clone();
    or_past(on_disk(move || work.object.drop_all()).await);
    order.shared.forget(&order.path).await;
    error
}

fn mismatch(order: &Order, expected: &Digest, computed: &Digest) -> Error {
    let (kind, stored, read) = (expected.algorithm(), expected.hex(), computed.hex());
    let message = format!("checksum mismatch ({kind} {stored} at the storage, {read} read)");
    Error::new(ErrorKind::Integrity, message).at(order.shared.inner.url(&order.path))
}

/// The checksum that the storage has, if it has any.
async fn expected(order: &Order) -> Result<Option<Digest>> {
    if let Some(digest) = order.digests.first() {
        return Ok(Some(digest.clone()));
    }
    // Which checksums it has, a storage may tell only with the first one: nothing wanted is any.
    let wanted = order.shared.inner.capabilities().digests;
    match order.shared.inner.digest(&order.call, &order.path, &wanted).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
        other => other,
    }
}

/// The checksum of all blocks; none if one of them is not right. The inner none is that nobody wants one.
fn checksum(object: &Object, counters: &Counters, algorithm: Option<Algorithm>) -> io::Result<Option<Option<Digest>>> {
    let mut hasher = Hasher::new(algorithm);
    for block in 0..object.meta.blocks() {
        match object.block(block)? {
            Found::Content(content) => hasher.update(&content),
            Found::Missing => return Ok(None),
            Found::Bad => {
                Counters::count(&counters.bad, 1);
                object.drop_block(block)?;
                return Ok(None);
            }
        }
    }
    Ok(Some(hasher.finish().into_iter().next()))
}

/// Keeps what was just written, under the version that the storage gave it.
pub(crate) async fn keep_what_was_written(
    shared: &Arc<Shared>,
    call: &Call,
    path: &Path,
    source: &dyn Source,
    receipt: &Receipt,
) -> Result<()> {
    // Whether the source still has the same bytes is known by what was computed on their way.
    let Some((sent, _)) = receipt.digests.iter().find(|(_, who)| *who == Computed::Here) else { return Ok(()) };
    let stream = match source.local_file().await? {
        Some(local) => read_local(local, ByteRange::whole(receipt.size)),
        None if source.is_in_memory() => source.open(call, 0).await?,
        // What comes from elsewhere would come a second time.
        None => return Ok(()),
    };
    // What the storage has now may be somebody else's already.
    let Some(validator) = &receipt.validator else { return Ok(()) };
    let version = validator.clone().with_size(Some(receipt.size));
    if receipt.size == 0 || receipt.size > shared.store.limits().all / 4 || !kept(shared, &version) {
        return Ok(());
    }
    let Resolved::Kept(object, ..) = shared.resolve(call, path, Some(&version)).await? else { return Ok(()) };
    let (work, meta) = (shared.clone(), object.meta.clone());
    let writer = on_disk(move || {
        let claim = object.claim(0, meta.blocks())?.filter(|claim| claim.end() == meta.blocks());
        let Some(claim) = claim else { return Ok(None) };
        if !reserve(&work, &object, meta.size)? {
            return Ok(None);
        }
        Writer::of_everything(claim, &object, work).map(Some)
    });
    let Some(writer) = writer.await? else { return Ok(()) };
    let (mut blocks, mut hasher) = (Blocks::new(writer), Hasher::new([sent.algorithm()]));
    let written = blocks.write_all(stream, |bytes| hasher.update(bytes)).await;
    if written.is_ok() && hasher.finish().contains(sent) {
        blocks.confirm().await?;
    }
    blocks.end().await;
    Ok(())
}

fn kept(shared: &Shared, validator: &Validator) -> bool {
    crate::version::Version::identified(validator).is_some_and(|version| may_keep(shared.policy, &version))
}

/// Marks an object: it stays.
pub(crate) fn mark(store: &Store, key: &str) -> io::Result<()> {
    fs::write(store.object(key).join("pinned"), "")
}

/// Pins a path, or lets it go. False if nothing is known of it, or it was so before.
pub(crate) fn pin(store: &Arc<Store>, names: &Names, path: &Path, pinned: bool) -> io::Result<bool> {
    let entry = names.read(path);
    let Some(known) = entry.known.clone() else { return Ok(false) };
    let changed = known.pinned != pinned;
    if !names.replace(path, &entry, &crate::names::Known { pinned, ..known.clone() })? {
        return Err(io::Error::new(io::ErrorKind::Interrupted, "the file is being changed"));
    }
    if pinned {
        mark(store, &known.object)?;
    } else if let Err(error) = fs::remove_file(store.object(&known.object).join("pinned")) {
        return if error.kind() == io::ErrorKind::NotFound { Ok(changed) } else { Err(error) };
    }
    Ok(changed)
}
