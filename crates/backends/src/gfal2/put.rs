//! Writing: temporary name, proof, publication.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use law_storage::{
    Algorithm, Call, Comparison, Computed, Digest, Error, ErrorKind, Existing, Hasher, Operation, Outcome, Overwrite,
    Parents, Path, Proof, Publish, PutOptions, Receipt, Result, Source, Taken, Verify, temporary_path,
};

use super::Endpoint;
use super::asking::Asked;
use super::held::{Ending, Held, Remains};
use super::leftover::Temporary;
use super::library::{Failure, OpenFile};

/// How much is written at once: one question and its answer for each.
const CHUNK: usize = 4 << 20;

const PUT: Operation = Operation::Put;

/// Looks, writes under a temporary name, proves and publishes.
pub(super) async fn put(
    endpoint: &Arc<Endpoint>,
    call: &Call,
    path: &Path,
    source: &dyn Source,
    options: &PutOptions,
) -> Result<Receipt> {
    let over = endpoint.rules.over.ok_or_else(|| {
        let error = endpoint.cannot(path, "renaming, so that no file could be published whole", PUT);
        error.leaving("nothing was written")
    })?;
    let replaces = endpoint.prepare(call, path, options).await?;
    let job = Job { endpoint, call, path, source, options, replaces, over };
    let temporary = temporary_path(path)?;
    let ending = Ending::default();
    let guard = Temporary::new(endpoint, &temporary, &ending);
    match job.write_and_publish(&temporary, ending).await {
        Ok(receipt) => {
            guard.published();
            Ok(receipt)
        }
        // Nobody has asked for the temporary file, so that what happened to it happened to the file.
        Err(error) => {
            let ours = error.url() == Some(endpoint.url(&temporary).as_str());
            let error = if ours { error.instead_at(endpoint.url(path)) } else { error };
            Err(guard.discard(error).await)
        }
    }
}

impl Endpoint {
    /// Whether the write replaces a file.
    async fn prepare(self: &Arc<Self>, call: &Call, path: &Path, options: &PutOptions) -> Result<bool> {
        if path.is_root() {
            return Err(self.error(ErrorKind::IsADirectory, path, PUT));
        }
        let Some(found) = self.look(call, path, PUT).await? else {
            if let Existing::ReplaceOnly(_) = options.existing {
                return Err(self.error(ErrorKind::Changed, path, PUT).leaving("nothing was written"));
            }
            self.prepare_parent(call, path, options.parents).await?;
            return Ok(false);
        };
        let refuse = |kind| Err(self.error(kind, path, PUT));
        match &options.existing {
            _ if found.is_directory() => refuse(ErrorKind::IsADirectory),
            Existing::Replace => Ok(true),
            Existing::Refuse => refuse(ErrorKind::AlreadyExists),
            Existing::ReplaceOnly(wanted) => match wanted.compare(&found.identity()) {
                Comparison::Same => Ok(true),
                _ => refuse(ErrorKind::Changed),
            },
        }
    }

    async fn prepare_parent(self: &Arc<Self>, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        let Some(parent) = path.parent().filter(|_| parents == Parents::Create) else {
            return self.look_for_parent(call, path, PUT).await;
        };
        match self.create_directory(call, &parent, Parents::Create).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error.with_kind(ErrorKind::NotADirectory)),
            other => other,
        }
    }
}

struct Job<'a> {
    endpoint: &'a Arc<Endpoint>,
    call: &'a Call,
    path: &'a Path,
    source: &'a dyn Source,
    options: &'a PutOptions,
    replaces: bool,
    over: Overwrite,
}

impl Job<'_> {
    async fn write_and_publish(&self, temporary: &Path, ending: Ending) -> Result<Receipt> {
        // Whatever happened to the temporary file, nothing has the file's name yet.
        let receipt =
            self.write_and_prove(temporary, ending).await.map_err(|error| error.with_outcome(Outcome::NotDone))?;
        match self.publish(temporary).await {
            Ok(overwrite) => Ok(Receipt { overwrite, ..receipt }),
            Err(error) if error.outcome().is_unknown() => {
                Err(error.with_outcome(Outcome::UnknownAfter(Box::new(receipt))).leaving(Outcome::UNSURE))
            }
            Err(error) => Err(error),
        }
    }

    async fn write_and_prove(&self, temporary: &Path, ending: Ending) -> Result<Receipt> {
        let taken = self.write(temporary, ending).await?;
        self.all_came(&taken)?;
        let (stored, proof) = self.verify(temporary, &taken).await?;
        let source_proof = self.source.prove(self.call, &taken).await?;
        let here = taken.digests.into_iter().map(|digest| (digest, Computed::Here));
        let there = stored.into_iter().map(|digest| (digest, Computed::Storage));
        Ok(Receipt {
            size: taken.size,
            digests: here.chain(there).collect(),
            validator: None,
            proof,
            source_proof,
            publish: Publish::Rename,
            overwrite: self.replaces.then_some(self.over),
            door: self.endpoint.shown.endpoint(),
            attempts: Vec::new(),
        })
    }

    /// Takes all bytes from the source.
    async fn write(&self, temporary: &Path, ending: Ending) -> Result<Taken> {
        let mut stream = self.source.open(self.call, 0).await?;
        let asked = Asked { path: temporary, operation: PUT };
        let remains = Some(Remains { url: self.endpoint.address(temporary)?.url, ending });
        let open = |context: &_, address: &super::address::Address| OpenFile::write_to(context, &address.url);
        let mut file = self.endpoint.open(self.call, asked, remains, open).await?;
        let mut hasher = Hasher::new(self.source.wanted().into_iter().chain(self.algorithm()));
        let mut waiting = BytesMut::new();
        while let Some(chunk) = self.call.bound(async { stream.next().await.transpose() }).await? {
            hasher.update(&chunk);
            waiting.extend_from_slice(&chunk);
            if waiting.len() >= CHUNK {
                file = self.append(file, asked, waiting.split().freeze()).await?;
            }
        }
        file = self.append(file, asked, waiting.freeze()).await?;
        file.close(self.call, asked).await?;
        Ok(Taken { size: hasher.length(), digests: hasher.finish() })
    }

    async fn append(&self, file: Held<OpenFile>, asked: Asked<'_>, bytes: Bytes) -> Result<Held<OpenFile>> {
        let (file, ()) = file.ask(self.call, asked, move |file| write_all(file, &bytes)).await?;
        Ok(file)
    }

    fn all_came(&self, taken: &Taken) -> Result<()> {
        match self.source.size().filter(|expected| *expected != taken.size) {
            None => Ok(()),
            Some(expected) => Err(self.mismatch(format!("{} bytes came instead of {expected}", taken.size))),
        }
    }

    /// The checksum that will be compared with the storage's.
    fn algorithm(&self) -> Option<Algorithm> {
        match self.options.verify {
            Verify::Auto | Verify::Require => {
                let settled = self.options.algorithm.or(self.endpoint.settings.checksum);
                settled.or_else(|| self.endpoint.rules.digests.first().copied())
            }
            Verify::Size | Verify::None => None,
        }
    }

    /// Compares what the storage has with what was sent.
    async fn verify(&self, temporary: &Path, taken: &Taken) -> Result<(Option<Digest>, Proof)> {
        if self.options.verify == Verify::None {
            return Ok((None, Proof::None));
        }
        let size = self.endpoint.look_for_file(self.call, temporary, PUT).await?.size;
        if size != Some(taken.size) {
            let stored = size.map_or("an unknown number".into(), |size| size.to_string());
            return Err(self.mismatch(format!("size mismatch ({} bytes sent, {stored} stored)", taken.size)));
        }
        let stored = match self.algorithm() {
            Some(algorithm) => self.endpoint.checksum(self.call, temporary, algorithm).await?,
            None => None,
        };
        match stored {
            Some(stored) => self.compare(stored, taken),
            None if self.options.verify == Verify::Require => Err(self.no_checksum()),
            None => Ok((None, Proof::Size)),
        }
    }

    fn compare(&self, stored: Digest, taken: &Taken) -> Result<(Option<Digest>, Proof)> {
        let algorithm = stored.algorithm();
        match taken.digests.iter().find(|digest| digest.algorithm() == algorithm) {
            Some(sent) if *sent == stored => Ok((Some(stored), Proof::Checksum(algorithm))),
            Some(sent) => {
                let message = format!("checksum mismatch ({algorithm} {} sent, {} stored)", sent.hex(), stored.hex());
                Err(self.mismatch(message))
            }
            None => Err(Error::new(ErrorKind::Internal, "a checksum that was not computed")),
        }
    }

    fn mismatch(&self, message: String) -> Error {
        Error::new(ErrorKind::Integrity, message).at(self.endpoint.url(self.path)).during(PUT)
    }

    fn no_checksum(&self) -> Error {
        let error = Error::new(ErrorKind::Unsupported, "the storage gives no checksum to compare with");
        error.at(self.endpoint.url(self.path)).during(PUT).hint("--verify auto is content with the size")
    }

    /// Gives the temporary file its name. These protocols replace without being asked, so that it is looked at once more where that must not be.
    async fn publish(&self, temporary: &Path) -> Result<Option<Overwrite>> {
        let replaces = match self.options.existing {
            Existing::Replace => self.replaces,
            _ => self.endpoint.prepare(self.call, self.path, self.options).await?,
        };
        if !replaces {
            return self.endpoint.move_to(self.call, temporary, self.path, PUT).await.map(|()| None);
        }
        self.endpoint.move_over(self.call, temporary, self.path, self.over, PUT).await.map(Some)
    }
}

fn write_all(file: &mut OpenFile, mut bytes: &[u8]) -> Result<(), Failure> {
    while !bytes.is_empty() {
        let written = file.write(bytes)?;
        bytes = &bytes[written.min(bytes.len())..];
    }
    Ok(())
}
