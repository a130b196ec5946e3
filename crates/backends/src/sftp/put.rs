//! Writing: a temporary name, proof, publication; and copies that the server makes.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use law_storage::{
    Algorithm, Call, Comparison, Computed, Destination, Error, ErrorKind, Existing, Hasher, Metadata, Operation,
    Outcome, Overwrite, Parents, Path, Proof, Publish, PutOptions, Receipt, Result, Source, Taken, Verify,
    temporary_path,
};
use openssh_sftp_client::file::File;

use super::connection::Connection;
use super::leftover::Temporary;
use super::read::seek;
use super::status::No;
use super::{Endpoint, remote};

const PUT: Operation = Operation::Put;
/// What is sent at once: OpenSSH takes this much in one message.
const PIECE: usize = 255 << 10;
/// Pieces that are under way at once.
const AT_ONCE: usize = 16;
/// With less space than this a write that fails without a reason failed for that.
const FULL: u64 = 1 << 20;

/// Looks, writes under a temporary name, proves and publishes.
pub(super) async fn put(
    endpoint: &Arc<Endpoint>,
    call: &Call,
    path: &Path,
    source: &dyn Source,
    options: &PutOptions,
) -> Result<Receipt> {
    let (target, replaces) = endpoint.prepare(call, path, options).await?;
    let job = Job { endpoint, call, path, target, source, options, replaces };
    let temporary = temporary_path(&job.target)?;
    let guard = Temporary::new(endpoint, &temporary);
    match job.write_and_publish(&temporary).await {
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
    /// The path that is written to, which is where links lead, and what is there.
    async fn prepare(&self, call: &Call, path: &Path, options: &PutOptions) -> Result<(Path, Option<Metadata>)> {
        if path.is_root() {
            return Err(self.error(ErrorKind::IsADirectory, path, PUT));
        }
        let target = self.through_links(call, path).await?;
        let Some(found) = self.look_at_link(call, &target, PUT).await? else {
            if let Existing::ReplaceOnly(_) = options.existing {
                return Err(self.error(ErrorKind::Changed, path, PUT).leaving("nothing was written"));
            }
            self.prepare_parent(call, &target, options.parents).await?;
            return Ok((target, None));
        };
        let refuse = |kind| Err(self.error(kind, path, PUT));
        match &options.existing {
            _ if found.is_directory() => refuse(ErrorKind::IsADirectory),
            _ if !found.is_file() => refuse(ErrorKind::AlreadyExists),
            Existing::Refuse => refuse(ErrorKind::AlreadyExists),
            Existing::ReplaceOnly(wanted) if wanted.compare(&found.identity()) != Comparison::Same => {
                refuse(ErrorKind::Changed)
            }
            _ => Ok((target, Some(found))),
        }
    }

    /// A write through a link goes where reads go: the link stays, and what it points to is replaced.
    async fn through_links(&self, call: &Call, path: &Path) -> Result<Path> {
        let found = self.look_at_link(call, path, PUT).await?;
        if found.is_none_or(|found| found.kind != law_storage::Kind::Symlink) {
            return Ok(path.clone());
        }
        let place = remote(path)?;
        let real = self.demand(call, (path, PUT), |c| async move { c.sftp.fs().canonicalize(place).await }).await?;
        Path::parse(super::bytes_of(&real)).map_err(|error| Error::from(error).at(self.url(path)).during(PUT))
    }

    async fn prepare_parent(&self, call: &Call, path: &Path, parents: Parents) -> Result<()> {
        let Some(parent) = path.parent().filter(|_| parents == Parents::Create) else {
            return self.look_for_parent(call, path, PUT).await;
        };
        match self.create_directory(call, &parent, Parents::Create).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error.with_kind(ErrorKind::NotADirectory)),
            other => other,
        }
    }

    /// Copies a file within the server, under a temporary name first.
    pub(super) async fn copy(
        self: &Arc<Self>,
        call: &Call,
        from: &Path,
        to: &Path,
        destination: Destination,
    ) -> Result<()> {
        const COPY: Operation = Operation::Copy;
        let source = self.look_for_file(call, from, COPY).await?;
        if from == to {
            return Ok(());
        }
        let existing = match destination {
            Destination::Replace => Existing::Replace,
            Destination::NoReplace => Existing::Refuse,
        };
        let options = PutOptions { existing, ..PutOptions::default() };
        let (target, replaces) = self.prepare(call, to, &options).await.map_err(|error| error.during(COPY))?;
        let temporary = temporary_path(&target)?;
        let guard = Temporary::new(self, &temporary);
        let copied = async {
            self.copy_bytes(call, from, &temporary).await?;
            let copy = self.look_for_file(call, &temporary, COPY).await?;
            if copy.size != source.size {
                let message = format!("the copy has another size than {}", self.url(from));
                return Err(Error::new(ErrorKind::Integrity, message).at(self.url(to)).during(COPY));
            }
            self.give_name(call, &temporary, (&target, replaces.is_some()), &options.existing, COPY).await
        };
        match copied.await {
            Ok(_) => {
                guard.published();
                Ok(())
            }
            Err(error) => Err(guard.discard(error).await),
        }
    }

    async fn copy_bytes(&self, call: &Call, from: &Path, to: &Path) -> Result<()> {
        let (source, copy) = (remote(from)?, remote(to)?);
        let asked = (from, Operation::Copy);
        let connection = self.connection(call).await?;
        if !connection.abilities.copies {
            return Err(self.cannot(from, "copying within the server", Operation::Copy));
        }
        let open = async {
            let source = connection.sftp.open(source).await?;
            let copy = connection.sftp.options().write(true).create_new(true).open(copy).await?;
            Ok((source, copy))
        };
        let opened = self.ask_on(call, asked, &connection, open).await?;
        let (mut source, mut copy) = opened.map_err(|no| self.refused(no, asked))?;
        // It answers when all is copied, however long that takes; who waits no longer has a deadline.
        let copied = call.bound(async { Ok(source.copy_all_to(&mut copy).await) }).await?;
        let copied = self.ask_on(call, asked, &connection, std::future::ready(copied)).await?;
        copied.map_err(|no| self.refused(no, asked))
    }

    /// Gives a temporary file its name, in the way that the rule wants. What readers of the old file may have seen.
    async fn give_name(
        self: &Arc<Self>,
        call: &Call,
        temporary: &Path,
        (target, replaces): (&Path, bool),
        existing: &Existing,
        operation: Operation,
    ) -> Result<Option<Overwrite>> {
        match existing {
            Existing::Refuse => self.move_to_nothing(call, temporary, target, operation).await.map(|()| None),
            _ if replaces => self.move_over(call, temporary, target, operation).await.map(Some),
            _ => self.move_to(call, temporary, target, operation).await.map(|()| None),
        }
    }
}

struct Job<'a> {
    endpoint: &'a Arc<Endpoint>,
    call: &'a Call,
    path: &'a Path,
    target: Path,
    source: &'a dyn Source,
    options: &'a PutOptions,
    replaces: Option<Metadata>,
}

impl Job<'_> {
    async fn write_and_publish(&self, temporary: &Path) -> Result<Receipt> {
        // Whatever happened to the temporary file, nothing has the file's name yet.
        let receipt = self.write_and_prove(temporary).await.map_err(|error| error.with_outcome(Outcome::NotDone))?;
        match self.publish(temporary).await {
            Ok(overwrite) => Ok(Receipt { overwrite, ..receipt }),
            Err(error) if error.outcome().is_unknown() => {
                Err(error.with_outcome(Outcome::UnknownAfter(Box::new(receipt))).leaving(Outcome::UNSURE))
            }
            Err(error) => Err(error),
        }
    }

    async fn write_and_prove(&self, temporary: &Path) -> Result<Receipt> {
        let taken = self.write(temporary).await?;
        let proof = self.verify(temporary, &taken).await?;
        let source_proof = self.source.prove(self.call, &taken).await?;
        Ok(Receipt {
            size: taken.size,
            digests: taken.digests.into_iter().map(|digest| (digest, Computed::Here)).collect(),
            validator: None,
            proof,
            source_proof,
            publish: Publish::Rename,
            overwrite: None,
            door: self.endpoint.shown.endpoint(),
            attempts: Vec::new(),
        })
    }

    /// Takes all bytes from the source.
    async fn write(&self, temporary: &Path) -> Result<Taken> {
        let mut stream = self.source.open(self.call, 0).await?;
        let (connection, file) = self.create(temporary).await?;
        let mut hasher = Hasher::new(self.source.wanted().into_iter().chain(self.options.algorithm));
        let mut under_way = FuturesUnordered::new();
        while let Some(mut chunk) = self.call.bound(async { stream.next().await.transpose() }).await? {
            let mut offset = hasher.length();
            hasher.update(&chunk);
            while !chunk.is_empty() {
                if under_way.len() >= AT_ONCE {
                    under_way.next().await.transpose()?;
                }
                let piece = chunk.split_to(chunk.len().min(PIECE));
                let length = piece.len() as u64;
                under_way.push(self.piece(temporary, &connection, file.clone(), (offset, piece)));
                offset += length;
            }
        }
        while under_way.next().await.transpose()?.is_some() {}
        drop(under_way);
        self.finish(temporary, &connection, file).await?;
        let taken = Taken { size: hasher.length(), digests: hasher.finish() };
        match self.source.size().filter(|expected| *expected != taken.size) {
            None => Ok(taken),
            Some(expected) => Err(self.mismatch(format!("{} bytes came instead of {expected}", taken.size))),
        }
    }

    async fn create(&self, temporary: &Path) -> Result<(Arc<Connection>, File)> {
        let place = remote(temporary)?;
        let create = |connection: Arc<Connection>| async move {
            let file = connection.sftp.options().write(true).create_new(true).open(place).await?;
            Ok((connection, file))
        };
        self.endpoint.demand(self.call, (temporary, PUT), create).await
    }

    async fn piece(
        &self,
        temporary: &Path,
        connection: &Arc<Connection>,
        mut file: File,
        (offset, piece): (u64, Bytes),
    ) -> Result<()> {
        seek(&mut file, offset);
        let mut pieces = [piece];
        let write = file.write_all_zero_copy(&mut pieces);
        match self.endpoint.ask_on(self.call, (temporary, PUT), connection, write).await? {
            Ok(()) => Ok(()),
            Err(No::Failure) if self.is_full(temporary).await => {
                Err(self.endpoint.error(ErrorKind::NoSpace, temporary, PUT))
            }
            Err(no) => Err(self.endpoint.refused(no, (temporary, PUT))),
        }
    }

    /// The server says of a full disk no more than that something failed.
    async fn is_full(&self, temporary: &Path) -> bool {
        let space = self.endpoint.space(self.call, temporary).await;
        space.is_ok_and(|space| space.available.is_some_and(|left| left < FULL))
    }

    /// Sets what the file is to have besides its bytes, and closes it.
    async fn finish(&self, temporary: &Path, connection: &Arc<Connection>, mut file: File) -> Result<()> {
        let kept = self.replaces.as_ref().and_then(|old| old.mode);
        let attributes = super::change::attributes(self.options.mode.or(kept), self.options.modified);
        let finish = async move {
            if let Some(attributes) = attributes {
                file.set_metadata(attributes).await?;
            }
            file.close().await
        };
        let finished = self.endpoint.ask_on(self.call, (temporary, PUT), connection, finish).await?;
        finished.map_err(|no| self.endpoint.refused(no, (temporary, PUT)))
    }

    /// Compares what the server has with what was sent: of this protocol, the size.
    async fn verify(&self, temporary: &Path, taken: &Taken) -> Result<Proof> {
        match self.options.verify {
            Verify::None => return Ok(Proof::None),
            Verify::Require => return Err(self.no_checksum()),
            _ => {}
        }
        let size = self.endpoint.look_for_file(self.call, temporary, PUT).await?.size;
        if size == Some(taken.size) {
            return Ok(Proof::Size);
        }
        let stored = size.map_or("an unknown number".into(), |size| size.to_string());
        Err(self.mismatch(format!("size mismatch ({} bytes sent, {stored} stored)", taken.size)))
    }

    fn mismatch(&self, message: String) -> Error {
        Error::new(ErrorKind::Integrity, message).at(self.endpoint.url(self.path)).during(PUT)
    }

    fn no_checksum(&self) -> Error {
        let error = Error::new(ErrorKind::Unsupported, "SFTP gives no checksum to compare with");
        error.at(self.endpoint.url(self.path)).during(PUT).hint("--verify auto is content with the size")
    }

    async fn publish(&self, temporary: &Path) -> Result<Option<Overwrite>> {
        let replaces = match self.options.existing {
            Existing::ReplaceOnly(_) => self.endpoint.prepare(self.call, self.path, self.options).await?.1.is_some(),
            _ => self.replaces.is_some(),
        };
        let existing = &self.options.existing;
        self.endpoint.give_name(self.call, temporary, (&self.target, replaces), existing, PUT).await
    }
}

/// The checksums that can be compared with the server's: there are none.
pub(super) const DIGESTS: &[Algorithm] = &[];
