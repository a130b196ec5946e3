//! Writing: a small file in one request, a large one in pieces; nothing has the name before all have arrived.

use std::sync::Arc;

use ::opendal::options::WriteOptions;
use futures_util::StreamExt as _;
use law_storage::{
    Algorithm, Call, Computed, Digest, Error, ErrorKind, Existing, Hasher, Metadata, Operation, Outcome, Overwrite,
    Path, Proof, Publish, PutOptions, Receipt, Result, Source, SpooledSource, Taken, Validator, Verify,
};
use tokio::sync::SemaphorePermit;

use super::Store;
use super::look::md5;
use super::status::Told;
use super::unfinished::Unfinished;
use crate::pieces::MEMORY;

const PUT: Operation = Operation::Put;
const MIB: u64 = 1 << 20;

/// Up to this size a file is written in one request, of which the service tells the checksum.
const WHOLE: u64 = 16 * MIB;
/// The least of a piece, but for the last one.
const PIECE: u64 = 8 * MIB;
/// The most pieces that all services take.
const MOST: u64 = 10_000;
/// Pieces that travel at once, unless they are so large that memory allows fewer.
const AT_ONCE: u64 = 4;

/// Looks, spools what has no size, and writes.
pub(super) async fn put(
    store: &Arc<Store>,
    call: &Call,
    path: &Path,
    source: &dyn Source,
    options: &PutOptions,
) -> Result<Receipt> {
    let replaces = store.prepare(call, path, options).await?;
    let spooled = match source.size() {
        Some(_) => None,
        None => Some(SpooledSource::spool(source.open(call, 0).await?).await?),
    };
    let bytes = spooled.as_ref().map_or(source, |spooled| spooled.source());
    let size = bytes.size().unwrap_or_default();
    let job = Job { store, call, path, source, bytes, size, options, replaces };
    job.run().await.map_err(|error| error.or_leaving("nothing was published"))
}

impl Store {
    /// What the write replaces.
    async fn prepare(&self, call: &Call, path: &Path, options: &PutOptions) -> Result<Option<Metadata>> {
        if path.is_root() {
            return Err(self.error(ErrorKind::IsADirectory, path, PUT));
        }
        self.key(path)?;
        if options.seen_missing && options.existing == Existing::Replace {
            return Ok(None);
        }
        let Some(found) = self.look(call, path, PUT).await? else {
            if let Existing::ReplaceOnly(_) = options.existing {
                return Err(self.error(ErrorKind::Changed, path, PUT).leaving("nothing was written"));
            }
            self.check_parent(call, path, options.parents, PUT).await?;
            return Ok(None);
        };
        let refuse = |kind| Err(self.error(kind, path, PUT));
        match &options.existing {
            _ if found.is_directory() => refuse(ErrorKind::IsADirectory),
            Existing::Replace => Ok(Some(found)),
            Existing::Refuse => refuse(ErrorKind::AlreadyExists),
            Existing::ReplaceOnly(wanted) if wanted.is_version(&found.identity()) => Ok(Some(found)),
            Existing::ReplaceOnly(_) => refuse(ErrorKind::Changed),
        }
    }
}

/// Pieces are as small as their number allows.
fn piece_size(size: u64) -> u64 {
    match size {
        0..=WHOLE => WHOLE,
        _ => PIECE.max(size.div_ceil(MOST).div_ceil(MIB) * MIB),
    }
}

/// How many pieces travel at once.
fn at_once(piece: u64) -> u64 {
    (u64::from(MEMORY) * MIB / 2 / piece).clamp(1, AT_ONCE)
}

/// One write.
struct Job<'a> {
    store: &'a Arc<Store>,
    call: &'a Call,
    path: &'a Path,
    /// Who proves the bytes.
    source: &'a dyn Source,
    /// Where they are read: the source, or its spool.
    bytes: &'a dyn Source,
    size: u64,
    options: &'a PutOptions,
    replaces: Option<Metadata>,
}

impl Job<'_> {
    async fn run(&self) -> Result<Receipt> {
        if self.options.verify == Verify::Require && self.size > WHOLE && !self.store.can.write_with_if_version_match {
            return Err(self.no_checksum());
        }
        let piece = piece_size(self.size);
        let _place = self.place(piece).await?;
        let writer = self.writer(piece).await?;
        let mut unfinished = Unfinished::new(writer);
        let proven = match self.write(&mut unfinished).await {
            Ok(taken) => self.source.prove(self.call, &taken).await.map(|proof| (taken, proof)),
            Err(error) => Err(error),
        };
        match proven {
            // Whatever arrived, nothing has the name yet.
            Err(error) => Err(unfinished.abandon(error.with_outcome(Outcome::NotDone)).await),
            Ok((taken, proof)) => self.publish(unfinished, &taken, proof).await,
        }
    }

    /// A place in memory for all that may be held at once.
    async fn place(&self, piece: u64) -> Result<SemaphorePermit<'_>> {
        let held = self.size.min(piece * (at_once(piece) + 2));
        let mebibytes = u32::try_from(held / MIB + 1).unwrap_or(u32::MAX).min(MEMORY);
        let closed = |_| Error::new(ErrorKind::Internal, "places in memory that are no more");
        self.call.bound(async { self.store.memory.acquire_many(mebibytes).await.map_err(closed) }).await
    }

    async fn writer(&self, piece: u64) -> Result<::opendal::Writer> {
        let options = WriteOptions {
            chunk: Some(usize::try_from(piece).unwrap_or(usize::MAX)),
            concurrent: usize::try_from(at_once(piece)).unwrap_or(1),
            content_type: self.store.service.names_type.then(|| "application/octet-stream".into()),
            ..self.condition()?
        };
        let (operator, key) = (self.store.operator()?, self.store.key(self.path)?);
        let writer = self.store.ask(self.call, (self.path, PUT), operator.writer_options(&key, options)).await?;
        writer.map_err(|told| self.store.failed(told, self.path, PUT))
    }

    /// Lets the service itself refuse to replace what must not be replaced.
    fn condition(&self) -> Result<WriteOptions> {
        let can = &self.store.can;
        let tag = match &self.options.existing {
            Existing::Refuse => {
                return Ok(WriteOptions { if_not_exists: can.write_with_if_not_exists, ..WriteOptions::default() });
            }
            // The version that was seen, as not every validator can be asked for.
            Existing::ReplaceOnly(_) => self.seen_tag(),
            Existing::Replace if self.needs_one_upload() => match self.seen_tag() {
                None => return Ok(WriteOptions { if_not_exists: true, ..WriteOptions::default() }),
                tag => tag,
            },
            Existing::Replace => None,
        };
        Ok(match tag {
            Some(tag) if can.write_with_if_version_match => {
                WriteOptions { if_version_match: Some(tag.trim_matches('"').into()), ..WriteOptions::default() }
            }
            Some(tag) if can.write_with_if_match => WriteOptions { if_match: Some(tag), ..WriteOptions::default() },
            _ => WriteOptions::default(),
        })
    }

    fn seen_tag(&self) -> Option<String> {
        let seen = self.replaces.as_ref()?.identity();
        seen.entity_tag().map(str::to_owned)
    }

    /// A checksum is wanted that only what is not put together from parts has: at Google, uploads on a condition are of this kind.
    fn needs_one_upload(&self) -> bool {
        self.options.verify == Verify::Require && self.size > WHOLE && self.store.can.write_with_if_version_match
    }

    /// Takes all bytes from the source.
    async fn write(&self, unfinished: &mut Unfinished) -> Result<Taken> {
        let mut stream = self.bytes.open(self.call, 0).await?;
        let mut hasher = Hasher::new(self.source.wanted().into_iter().chain(self.algorithms()));
        while let Some(chunk) = self.call.bound(async { stream.next().await.transpose() }).await? {
            hasher.update(&chunk);
            if hasher.length() > self.size {
                break;
            }
            let written = self.store.ask(self.call, (self.path, PUT), unfinished.write(chunk)).await?;
            written.map_err(|told| self.refused(told))?;
        }
        match hasher.length() == self.size {
            true => Ok(Taken { size: self.size, digests: hasher.finish() }),
            false => Err(self.mismatch(format!("another number of bytes came than {}", self.size))),
        }
    }

    /// What the service may tell a checksum of, and what is asked for.
    fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        let compares = !matches!(self.options.verify, Verify::None | Verify::Size);
        let stored = self.store.service.digests.iter().copied();
        stored.chain(self.options.algorithm).filter(move |_| compares)
    }

    async fn publish(&self, mut unfinished: Unfinished, taken: &Taken, source_proof: Proof) -> Result<Receipt> {
        let closed = self.store.ask(self.call, (self.path, PUT), unfinished.close()).await;
        let closed = closed.and_then(|closed| closed.map_err(|told| self.refused(told)));
        let told = match closed {
            Ok(told) => told,
            Err(error) if error.outcome().is_unknown() => {
                unfinished.finished();
                let receipt = self.receipt(taken, source_proof, Proof::None, None);
                return Err(error.with_outcome(Outcome::UnknownAfter(Box::new(receipt))).leaving(Outcome::UNSURE));
            }
            Err(error) => return Err(unfinished.abandon(error).await),
        };
        unfinished.finished();
        match self.proven(&told, taken).await {
            Ok((proof, validator)) => Ok(self.receipt(taken, source_proof, proof, validator)),
            Err(error) => Err(self.remove_wrong(error).await),
        }
    }

    /// How well the service has shown that it has these bytes.
    async fn proven(&self, told: &::opendal::Metadata, taken: &Taken) -> Result<(Proof, Option<Validator>)> {
        let tag = self.store.tag(told);
        let validator = tag.as_ref().map(|tag| Validator::etag(tag).with_size(Some(taken.size)));
        if self.options.verify == Verify::None {
            return Ok((Proof::None, validator));
        }
        if let (Some(stored), Some(_)) = (md5(told), &validator)
            && self.compares()
        {
            return Ok((self.compare(&stored, taken)?, validator));
        }
        self.look_again(validator, taken).await
    }

    fn compares(&self) -> bool {
        self.options.verify != Verify::Size
    }

    /// Looks at what is there now, where the answer has proven nothing.
    async fn look_again(&self, ours: Option<Validator>, taken: &Taken) -> Result<(Proof, Option<Validator>)> {
        let now = self.store.look_for_file(self.call, self.path, PUT).await?;
        let there = now.identity();
        if ours.as_ref().is_some_and(|ours| ours.entity_tag() != there.entity_tag()) {
            if self.options.verify == Verify::Require {
                let error = Error::new(ErrorKind::Changed, "somebody replaced it before it could be compared");
                return Err(error.at(self.store.url(self.path)).during(PUT).with_outcome(Outcome::Unknown));
            }
            // Somebody has replaced it already, which is no fault of it.
            return Ok((Proof::None, ours));
        }
        if now.size != Some(taken.size) {
            let stored = now.size.map_or("an unknown number".into(), |size| size.to_string());
            return Err(self.mismatch(format!("size mismatch ({} bytes sent, {stored} stored)", taken.size)));
        }
        match now.digests.first().filter(|_| self.compares()) {
            Some(stored) => Ok((self.compare(stored, taken)?, Some(there))),
            None if self.options.verify == Verify::Require => Err(self.no_checksum()),
            None => Ok((Proof::Size, Some(there))),
        }
    }

    fn compare(&self, stored: &Digest, taken: &Taken) -> Result<Proof> {
        let algorithm = stored.algorithm();
        match taken.digests.iter().find(|digest| digest.algorithm() == algorithm) {
            Some(sent) if sent == stored => Ok(Proof::Checksum(algorithm)),
            Some(sent) => {
                let message = format!("checksum mismatch ({algorithm} {} sent, {} stored)", sent.hex(), stored.hex());
                Err(self.mismatch(message))
            }
            None => Ok(Proof::Size),
        }
    }

    /// What the service says against it, or that somebody was faster.
    fn refused(&self, told: Told) -> Error {
        let lost = matches!(told, Told::Condition);
        let error = self.store.failed(told, self.path, PUT);
        match self.options.existing {
            Existing::Refuse if lost => error.with_kind(ErrorKind::AlreadyExists),
            _ => error,
        }
    }

    fn mismatch(&self, message: String) -> Error {
        Error::new(ErrorKind::Integrity, message).at(self.store.url(self.path)).during(PUT)
    }

    fn no_checksum(&self) -> Error {
        let error = Error::new(ErrorKind::Unsupported, "the service gives no checksum of a file of this size");
        error.at(self.store.url(self.path)).during(PUT).hint("--verify auto is content with the size")
    }

    /// What was replaced is gone already; what is there now may be another writer's, so that only a file that had no
    /// predecessor is removed.
    async fn remove_wrong(&self, error: Error) -> Error {
        if error.kind() != ErrorKind::Integrity {
            return error.leaving("it was published, and could not be compared");
        }
        if self.replaces.is_some() || self.options.seen_missing {
            return error.leaving("what has this name now is not what was sent; another writer may have replaced it");
        }
        match self.store.delete(self.call, self.path).await {
            Ok(()) => error.leaving("the wrong file was removed"),
            Err(_) => error.leaving("the wrong file has this name now"),
        }
    }

    fn receipt(&self, taken: &Taken, source_proof: Proof, proof: Proof, validator: Option<Validator>) -> Receipt {
        let stored = match proof {
            Proof::Checksum(kind) => taken.digests.iter().find(|digest| digest.algorithm() == kind).cloned(),
            _ => None,
        };
        let here = taken.digests.iter().cloned().map(|digest| (digest, Computed::Here));
        Receipt {
            size: taken.size,
            digests: here.chain(stored.map(|digest| (digest, Computed::Storage))).collect(),
            validator,
            proof,
            source_proof,
            publish: Publish::Direct,
            overwrite: self.replaces.as_ref().map(|_| Overwrite::Atomic),
            door: self.store.url(&Path::root()).trim_end_matches('/').to_owned(),
            attempts: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_few_enough_and_fit_into_memory() {
        for size in [0, WHOLE, WHOLE + 1, 80_000 * MIB, 80_000 * MIB + 1, 5 << 40] {
            let piece = piece_size(size);
            assert!(size.div_ceil(piece) <= MOST, "{size}");
            assert!(piece * at_once(piece) <= u64::from(MEMORY) * MIB / 2 || at_once(piece) == 1, "{size}");
        }
        assert_eq!((piece_size(WHOLE + 1), at_once(PIECE)), (PIECE, AT_ONCE));
    }
}
