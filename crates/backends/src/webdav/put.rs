//! Writing: temporary name, proof, publication.

use std::sync::Arc;

use futures_util::StreamExt as _;
use http::{HeaderValue, Method, header};
use law_storage::{
    Algorithm, Call, Comparison, Computed, Digest, Error, ErrorKind, Existing, Hasher, Operation, Outcome, Overwrite,
    Parents, Path, Proof, Publish, PutOptions, Receipt, Result, Source, SpooledSource, Taken, Validator, Verify,
    temporary_path,
};

use super::Endpoint;
use super::digest::Told;
use super::leftover::{Aside, Temporary};
use super::look::Seen;
use crate::http::status::refused;
use crate::http::{Address, Answer, Request, Upload};

/// The size up to which a file may be read back instead of asking for its checksum.
const READ_BACK: u64 = 64 * 1024;

/// Looks, spools what has no size, and writes in the way that this kind of server needs.
pub(super) async fn put(
    endpoint: &Arc<Endpoint>,
    call: &Call,
    path: &Path,
    source: &dyn Source,
    options: &PutOptions,
) -> Result<Receipt> {
    endpoint.acquaint(call).await?;
    endpoint.admit_new_name(call, path, Operation::Put).await?;
    if endpoint.believes(options) {
        let hopeful = Job::run(endpoint, (call, path), source, options, None).await;
        match hopeful {
            // Something came meanwhile, or the directory went.
            Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => {}
            other => return other,
        }
    }
    let existing = endpoint.prepare(call, path, options).await?;
    Job::run(endpoint, (call, path), source, options, existing).await
}

impl Job<'_> {
    async fn run(
        endpoint: &Arc<Endpoint>,
        (call, path): (&Call, &Path),
        source: &dyn Source,
        options: &PutOptions,
        existing: Option<Seen>,
    ) -> Result<Receipt> {
        let spooled = match source.size() {
            Some(_) => None,
            None => Some(SpooledSource::spool(source.open(call, 0).await?).await?),
        };
        let size = spooled.as_ref().map_or(source.size(), |spooled| spooled.source().size()).unwrap_or_default();
        let publish = endpoint.publish(existing.is_some());
        let job = Job { endpoint, call, path, source, spooled: spooled.as_ref(), size, options, existing, publish };
        match publish {
            Publish::Rename => job.by_rename().await,
            Publish::Direct => job.directly().await,
        }
    }
}

impl Endpoint {
    /// Whether to do without a look: only where nobody is overwritten who must not be.
    fn believes(&self, options: &PutOptions) -> bool {
        let replaces = matches!(options.existing, Existing::Replace);
        options.seen_missing && replaces && !self.redirects() && self.publish(false) == Publish::Rename
    }

    /// Looks at the destination and its parent; what is there may be replaced afterwards.
    async fn prepare(&self, call: &Call, path: &Path, options: &PutOptions) -> Result<Option<Seen>> {
        let Some(parent) = path.parent() else {
            return Err(self.error(ErrorKind::IsADirectory, path, Operation::Put));
        };
        let existing = self.look(call, path, Operation::Put).await?;
        if let Some(seen) = existing {
            self.may_replace(path, &seen, &options.existing)?;
            return Ok(Some(seen));
        }
        if let Existing::ReplaceOnly(_) = options.existing {
            return Err(self.error(ErrorKind::Changed, path, Operation::Put).leaving("nothing was written"));
        }
        match options.parents {
            Parents::Create => self.create_parent(call, &parent).await?,
            Parents::Require if parent.is_root() => {}
            Parents::Require => drop(self.look_for_directory(call, &parent, Operation::Put).await?),
        }
        Ok(None)
    }

    async fn create_parent(&self, call: &Call, parent: &Path) -> Result<()> {
        match self.create_directory(call, parent, Parents::Create).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error.with_kind(ErrorKind::NotADirectory)),
            other => other,
        }
    }

    fn may_replace(&self, path: &Path, seen: &Seen, existing: &Existing) -> Result<()> {
        let refuse = |kind| Err(self.error(kind, path, Operation::Put));
        if seen.metadata.is_directory() {
            return refuse(ErrorKind::IsADirectory);
        }
        match existing {
            Existing::Replace => Ok(()),
            Existing::Refuse => refuse(ErrorKind::AlreadyExists),
            Existing::ReplaceOnly(wanted) => match wanted.compare(&seen.metadata.identity()) {
                Comparison::Same => Ok(()),
                _ => refuse(ErrorKind::Changed),
            },
        }
    }
}

struct Job<'a> {
    endpoint: &'a Arc<Endpoint>,
    call: &'a Call,
    path: &'a Path,
    source: &'a dyn Source,
    spooled: Option<&'a SpooledSource>,
    size: u64,
    options: &'a PutOptions,
    existing: Option<Seen>,
    publish: Publish,
}

/// A file that has arrived, and what is known of it.
struct Written {
    place: Address,
    taken: Taken,
    told: Told,
    proof: Proof,
    source_proof: Proof,
    tag: Option<String>,
}

/// A request that publishes and whose answer was lost: this is what is there if it was acted on.
fn unpublished(error: Error, receipt: impl FnOnce() -> Receipt) -> Error {
    match error.outcome().is_unknown() {
        true => error.with_outcome(Outcome::UnknownAfter(Box::new(receipt()))).leaving(Outcome::UNSURE),
        false => error,
    }
}

impl Job<'_> {
    /// What is sent: the source, or its spool.
    fn body(&self, algorithm: Option<Algorithm>) -> Upload<'_> {
        let source = self.spooled.map_or(self.source, |spooled| spooled.source());
        let mut algorithms = self.source.wanted();
        algorithms.extend(algorithm);
        Upload::new(source, self.size, algorithms)
    }

    /// The checksum that will be compared with the server's.
    fn algorithm(&self) -> Option<Algorithm> {
        match self.options.verify {
            Verify::Auto | Verify::Require => self.endpoint.algorithm_for_put(self.options.algorithm),
            Verify::Size | Verify::None => None,
        }
    }

    async fn by_rename(&self) -> Result<Receipt> {
        let temporary = temporary_path(self.path)?;
        let home = match &self.existing {
            // Behind a redirector the new file must be where the old one is: two servers with one name would
            // answer in turn.
            Some(seen) => self.endpoint.path_at(seen.address.origin(), &temporary),
            None => self.endpoint.address(&temporary),
        };
        let guard = Temporary::new(self.endpoint.clone(), temporary.clone(), home.clone());
        match self.write_and_publish(&temporary, home, &guard).await {
            Ok(receipt) => {
                guard.published();
                Ok(receipt)
            }
            Err(error) => Err(guard.discard(self.about_the_file(error, &temporary)).await),
        }
    }

    /// Nobody has asked for the temporary file, so that what happened to it happened to the file.
    fn about_the_file(&self, error: Error, temporary: &Path) -> Error {
        let name = String::from_utf8_lossy(temporary.name().unwrap_or_default());
        // Its random part is not encoded in any URL.
        let mark = name.rsplit('.').nth(1).unwrap_or_default();
        let told = error.url().is_some_and(|url| url.contains(mark));
        if told { error.instead_at(self.endpoint.url(self.path)) } else { error }
    }

    async fn write_and_publish(&self, temporary: &Path, address: Address, guard: &Temporary) -> Result<Receipt> {
        // Whatever happened to the temporary file, nothing has the file's name yet.
        let written = self.write(temporary, address, guard).await;
        let written = written.map_err(|error| error.with_outcome(Outcome::NotDone))?;
        let place = written.place.clone();
        let receipt = self.receipt(written);
        self.publish(temporary, &place).await.map_err(|error| unpublished(error, || receipt.clone()))?;
        if self.existing.is_none() {
            // It is published; whoever asks the redirector shall find it.
            drop(self.endpoint.wait_until_seen(self.call, self.path, Operation::Put).await);
        }
        Ok(receipt)
    }

    /// Writes the temporary file and proves it.
    async fn write(&self, temporary: &Path, address: Address, guard: &Temporary) -> Result<Written> {
        let algorithm = self.algorithm();
        let upload = self.body(algorithm);
        let answer = self.send(&upload, address, false).await?;
        let place = self.endpoint.path_at(answer.address.origin(), temporary);
        let tag = answer.text(header::ETAG);
        answer.body.discard().await;
        guard.is_at(place.clone());
        let taken = upload.taken()?;
        let (told, proof) = self.verify(&place, &taken, algorithm).await?;
        let source_proof = self.source.prove(self.call, &taken).await?;
        Ok(Written { place, taken, told, proof, source_proof, tag })
    }

    /// Sends the body; `refuse` asks the server itself to replace nothing.
    async fn send(&self, upload: &Upload<'_>, address: Address, refuse: bool) -> Result<Answer> {
        let mut request = Request::new(Method::PUT, address)
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))
            .upload(upload);
        if refuse {
            request = request.header(header::IF_NONE_MATCH, HeaderValue::from_static("*"));
        }
        let answer = self.endpoint.send(self.call, request, Operation::Put).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(refused(answer, Operation::Put).await) }
    }

    /// Compares what the server has with what was sent.
    async fn verify(&self, at: &Address, taken: &Taken, algorithm: Option<Algorithm>) -> Result<(Told, Proof)> {
        if self.options.verify == Verify::None {
            return Ok((Told { size: None, digest: None }, Proof::None));
        }
        if self.is_read_back(taken) {
            return self.read_back(at, taken).await;
        }
        let told = self.endpoint.told(self.call, self.path, at, algorithm, Some(taken.size)).await?;
        let (told, taken) = self.ask_for_others(at, told, taken.clone(), algorithm).await?;
        if told.size != Some(taken.size) {
            return Err(self.mismatch(format!(
                "size mismatch ({} bytes sent, {} stored)",
                taken.size,
                told.size.map_or("an unknown number".into(), |size| size.to_string())
            )));
        }
        match &told.digest {
            Some(stored) => self.compare(stored, &taken).map(|proof| (told.clone(), proof)),
            None if self.options.verify == Verify::Require => Err(self.no_checksum()),
            None => Ok((told, Proof::Size)),
        }
    }

    /// A server that loses answers about fresh checksums, and now and then its life, is spared the question for every small file.
    fn is_read_back(&self, taken: &Taken) -> bool {
        let small = self.options.one_of_many && taken.size <= READ_BACK;
        small && self.endpoint.quirks().forgets_checksums && self.options.verify == Verify::Auto
    }

    async fn read_back(&self, at: &Address, taken: &Taken) -> Result<(Told, Proof)> {
        let answer = self.endpoint.send(self.call, Request::new(Method::GET, at.clone()), Operation::Put).await?;
        if !answer.status.is_success() {
            return Err(refused(answer, Operation::Put).await);
        }
        let stored = self.call.bound(answer.body.collect(READ_BACK as usize + 1)).await?;
        let mut hasher = Hasher::new(taken.digests.iter().map(Digest::algorithm));
        hasher.update(&stored);
        let size = stored.len() as u64;
        if size != taken.size {
            return Err(self.mismatch(format!("size mismatch ({} bytes sent, {size} read back)", taken.size)));
        }
        if hasher.finish() != taken.digests {
            return Err(self.mismatch("what was read back is not what was sent".into()));
        }
        Ok((Told { size: Some(size), digest: None }, Proof::ReadBack))
    }

    /// If the server lacks the checksum that was computed on the way, but has another, the source is read once more.
    async fn ask_for_others(
        &self,
        at: &Address,
        mut told: Told,
        mut taken: Taken,
        first: Option<Algorithm>,
    ) -> Result<(Told, Taken)> {
        if first.is_none() || told.digest.is_some() {
            return Ok((told, taken));
        }
        for algorithm in self.endpoint.offered() {
            told.digest = self.endpoint.ask_digest(self.call, at.clone(), algorithm, Some(taken.size)).await?.digest;
            if told.digest.is_some() {
                taken.digests.push(self.read_again(algorithm).await?);
                break;
            }
        }
        Ok((told, taken))
    }

    async fn read_again(&self, algorithm: Algorithm) -> Result<Digest> {
        let source = self.spooled.map_or(self.source, |spooled| spooled.source());
        let mut stream = source.open(self.call, 0).await?;
        let mut hasher = Hasher::new([algorithm]);
        while let Some(chunk) = stream.next().await {
            hasher.update(&chunk?);
        }
        let digest = hasher.finish().pop();
        digest.ok_or_else(|| Error::new(ErrorKind::Internal, "a checksum that was not computed"))
    }

    fn compare(&self, stored: &Digest, taken: &Taken) -> Result<Proof> {
        let sent = taken.digests.iter().find(|digest| digest.algorithm() == stored.algorithm());
        match sent {
            Some(sent) if sent == stored => Ok(Proof::Checksum(stored.algorithm())),
            Some(sent) => Err(self.mismatch(format!(
                "checksum mismatch ({} {} sent, {} stored)",
                stored.algorithm(),
                sent.hex(),
                stored.hex()
            ))),
            None => Err(Error::new(ErrorKind::Internal, "a checksum that was not computed")),
        }
    }

    fn mismatch(&self, message: String) -> Error {
        Error::new(ErrorKind::Integrity, message).at(self.endpoint.url(self.path)).during(Operation::Put)
    }

    fn no_checksum(&self) -> Error {
        Error::new(ErrorKind::Unsupported, "the server gives no checksum to compare with")
            .at(self.endpoint.url(self.path))
            .during(Operation::Put)
            .hint("--verify auto is content with the size")
    }

    /// Gives the temporary file its name.
    async fn publish(&self, temporary: &Path, place: &Address) -> Result<()> {
        let replaces = self.existing.is_some();
        if !replaces || self.endpoint.quirks().move_over == Overwrite::Atomic {
            return self.endpoint.move_at(self.call, place, temporary, self.path, replaces).await;
        }
        let aside = Aside::make(self.endpoint, self.call, self.path, place).await?;
        match self.endpoint.move_at(self.call, place, temporary, self.path, false).await {
            Ok(()) => aside.forget().await,
            Err(error) => Err(aside.restore(error).await),
        }
    }

    /// Writes under the final name. The last bytes are held back until the source has proven itself, so that a source
    /// that turns out wrong ends in an aborted request, which such a server forgets.
    async fn directly(&self) -> Result<Receipt> {
        let algorithm = self.algorithm();
        if algorithm.is_none() && self.options.verify == Verify::Require {
            return Err(self.no_checksum().leaving("nothing was written"));
        }
        let address = self.endpoint.address(self.path);
        let refuse = self.existing.is_none() && self.options.existing == Existing::Refuse;
        let upload = self.body(algorithm);
        let sent = match self.size {
            0 => self.prove_then_send(&upload, address.clone(), refuse).await,
            _ => self.send_then_prove(&upload, address.clone(), refuse).await,
        };
        let (answer, source_proof) = sent.map_err(|error| match error.left_behind() {
            Some(_) => error,
            None => error.leaving(self.left_by_abort()),
        })?;
        let tag = answer.text(header::ETAG);
        let place = self.endpoint.path_at(answer.address.origin(), self.path);
        answer.body.discard().await;
        let taken = upload.taken()?;
        match self.verify(&place, &taken, algorithm).await {
            Ok((told, proof)) => Ok(self.receipt(Written { place, taken, told, proof, source_proof, tag })),
            Err(error) => Err(self.remove_wrong(error).await),
        }
    }

    async fn prove_then_send(&self, upload: &Upload<'_>, to: Address, refuse: bool) -> Result<(Answer, Proof)> {
        let digests = Hasher::new(upload.algorithms().iter().copied()).finish();
        let proof = self.source.prove(self.call, &Taken { size: 0, digests }).await?;
        let answer = self.send(upload, to, refuse).await;
        let taken = Taken { size: 0, digests: Vec::new() };
        Ok((answer.map_err(|error| unpublished(error, || self.receipt_of(taken, proof.clone())))?, proof))
    }

    async fn send_then_prove(&self, upload: &Upload<'_>, to: Address, refuse: bool) -> Result<(Answer, Proof)> {
        upload.hold_the_end();
        let send = self.send(upload, to, refuse);
        tokio::pin!(send);
        let prove = async {
            let taken = upload.all_read().await;
            let proof = self.source.prove(self.call, &taken).await?;
            Ok::<_, Error>((taken, proof))
        };
        let (taken, proof) = tokio::select! {
            biased;
            answer = &mut send => {
                let answer = answer?;
                let message = format!("the server answered HTTP {} before it had the whole file", answer.status.as_u16());
                return Err(Error::new(ErrorKind::Integrity, message).at(self.endpoint.url(self.path)));
            }
            proof = prove => proof?,
        };
        upload.release_the_end();
        let answer = send.await.map_err(|error| unpublished(error, || self.receipt_of(taken, proof.clone())))?;
        Ok((answer, proof))
    }

    fn left_by_abort(&self) -> &'static str {
        match self.endpoint.quirks().puts_over {
            true => "nothing was published",
            false => "this server may keep a part of the file under its name",
        }
    }

    /// What was replaced is gone already; what is there now may be another writer's, so that only a file that had no
    /// predecessor is removed.
    async fn remove_wrong(&self, error: Error) -> Error {
        if self.existing.is_some() {
            return error.leaving("what has this name now is not what was sent; another writer may have replaced it");
        }
        match self.endpoint.delete(self.call, self.endpoint.address(self.path), Operation::Put).await {
            Ok(()) => error.leaving("the wrong file was removed"),
            Err(_) => error.leaving("the wrong file has this name now"),
        }
    }

    /// What readers saw while a file was replaced.
    fn overwrite(&self) -> Overwrite {
        let quirks = self.endpoint.quirks();
        match self.publish {
            Publish::Rename => quirks.move_over,
            Publish::Direct if quirks.puts_over => Overwrite::Atomic,
            Publish::Direct => Overwrite::Unsafe,
        }
    }

    /// Of bytes that were sent under the final name, of which the server has told nothing yet.
    fn receipt_of(&self, taken: Taken, source_proof: Proof) -> Receipt {
        let (place, told) = (self.endpoint.address(self.path), Told { size: None, digest: None });
        self.receipt(Written { place, taken, told, proof: Proof::None, source_proof, tag: None })
    }

    fn receipt(&self, written: Written) -> Receipt {
        let Written { taken, told, proof, source_proof, tag, .. } = written;
        let here = taken.digests.into_iter().map(|digest| (digest, Computed::Here));
        let there = told.digest.into_iter().map(|digest| (digest, Computed::Storage));
        let direct = self.publish == Publish::Direct;
        Receipt {
            size: taken.size,
            digests: here.chain(there).collect(),
            // A tag of the temporary file is not always that of the published one.
            validator: tag.filter(|_| direct).map(|tag| Validator::etag(tag).with_size(Some(taken.size))),
            proof,
            source_proof,
            publish: self.publish,
            overwrite: self.existing.is_some().then(|| self.overwrite()),
            door: self.endpoint.client.home().base(),
            attempts: Vec::new(),
        }
    }
}
