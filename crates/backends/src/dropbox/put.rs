//! Writing: a small file in one request, a large one in a session; both name the checksum of what they bring.

use std::sync::Arc;

use law_storage::{
    Algorithm, Call, Computed, Digest, Error, ErrorKind, Existing, Operation, Outcome, Overwrite, Parents, Path, Proof,
    Publish, PutOptions, Receipt, Result, Source, SpooledSource, Taken, Verify,
};
use serde_json::{Value, json};

use super::Account;
use super::answers::{Entry, timestamp};
use super::asking::Asked;
use super::sessions::{WHOLE, in_a_session};
use super::status::Refused;
use crate::http::Upload;
use crate::pieces::{Chunks, Pieces};

/// Looks, spools what has no size, and writes.
pub(super) async fn put(
    account: &Arc<Account>,
    call: &Call,
    path: &Path,
    source: &dyn Source,
    options: &PutOptions,
) -> Result<Receipt> {
    let replaces = account.prepare(call, path, options).await?;
    let spooled = match source.size() {
        Some(_) => None,
        None => Some(SpooledSource::spool(source.open(call, 0).await?).await?),
    };
    let bytes = spooled.as_ref().map_or(source, |spooled| spooled.source());
    let size = bytes.size().unwrap_or_default();
    let job = Job { account, call, path, source, bytes, size, options, replaces };
    let put = if size > WHOLE { in_a_session(&job).await } else { job.at_once().await };
    put.map_err(|error| error.or_leaving("nothing was published"))
}

impl Account {
    /// The file that the write replaces.
    async fn prepare(&self, call: &Call, path: &Path, options: &PutOptions) -> Result<Option<Entry>> {
        if path.is_root() {
            return Err(self.error(ErrorKind::IsADirectory, path, Operation::Put));
        }
        self.name(path)?;
        if options.seen_missing && options.existing == Existing::Replace {
            return Ok(None);
        }
        let Some(found) = self.look(call, path, Operation::Put).await? else {
            if let Existing::ReplaceOnly(_) = options.existing {
                return Err(self.error(ErrorKind::Changed, path, Operation::Put).leaving("nothing was written"));
            }
            if let (Parents::Require, Some(parent)) = (options.parents, path.parent()) {
                self.look_for_directory(call, &parent, Operation::Put).await?;
            }
            return Ok(None);
        };
        let refuse = |kind| Err(self.error(kind, path, Operation::Put));
        match &options.existing {
            _ if found.is_folder() => refuse(ErrorKind::IsADirectory),
            Existing::Replace => Ok(Some(found)),
            Existing::Refuse => refuse(ErrorKind::AlreadyExists),
            Existing::ReplaceOnly(wanted) if wanted.is_version(&found.metadata().identity()) => Ok(Some(found)),
            Existing::ReplaceOnly(_) => refuse(ErrorKind::Changed),
        }
    }
}

/// One write.
pub(super) struct Job<'a> {
    pub(super) account: &'a Arc<Account>,
    pub(super) call: &'a Call,
    pub(super) path: &'a Path,
    /// Who proves the bytes.
    pub(super) source: &'a dyn Source,
    /// Where they are read: the source, or its spool.
    pub(super) bytes: &'a dyn Source,
    pub(super) size: u64,
    pub(super) options: &'a PutOptions,
    replaces: Option<Entry>,
}

impl Job<'_> {
    async fn at_once(&self) -> Result<Receipt> {
        let mut pieces = Pieces::of((self.bytes, self.size), self.call, self.sums(), &self.account.memory).await?;
        let piece = pieces.next(self.call, self.size, &[]).await?;
        let piece = piece.ok_or_else(|| Error::new(ErrorKind::Internal, "a source without a first piece"))?;
        let taken = pieces.taken();
        drop((piece.place, pieces));
        let source_proof = self.source.prove(self.call, &taken).await?;
        let body = Chunks(piece.chunks);
        let upload = Upload::new(&body, self.size, Vec::new());
        let mut argument = self.commit()?;
        if let Some(ours) = hash_of(&taken) {
            argument["content_hash"] = json!(ours.hex());
        }
        let asked = Asked { endpoint: "files/upload", argument, path: self.path, operation: Operation::Put };
        let made = self.account.upload::<Entry>(self.call, &asked, &upload).await;
        self.published(made, &taken, source_proof).await
    }

    /// The checksums of all of it: that of Dropbox, and those that the source wants.
    pub(super) fn sums(&self) -> Vec<Algorithm> {
        let ours = match self.options.verify {
            Verify::None | Verify::Size => None,
            Verify::Auto | Verify::Require => Some(Algorithm::Dropbox),
        };
        self.source.wanted().into_iter().chain(ours).collect()
    }

    /// How the file gets its name.
    pub(super) fn commit(&self) -> Result<Value> {
        let mode = match (&self.options.existing, &self.replaces) {
            (Existing::Refuse, _) => json!("add"),
            // Nobody has looked, and names that differ in case are one.
            (Existing::Replace, None) if self.options.seen_missing => json!("add"),
            (Existing::ReplaceOnly(_), Some(found)) => json!({".tag": "update", "update": found.rev()}),
            _ => json!("overwrite"),
        };
        let strict = self.options.existing != Existing::Replace || self.options.seen_missing;
        let mut commit = json!({"path": self.account.name(self.path)?, "mode": mode, "autorename": false, "mute": true,
            "strict_conflict": strict});
        if let Some(time) = self.options.modified.and_then(timestamp) {
            commit["client_modified"] = json!(time);
        }
        Ok(commit)
    }

    /// What the answer to a write means.
    pub(super) async fn published(
        &self,
        made: Result<Entry, Refused>,
        taken: &Taken,
        source_proof: Proof,
    ) -> Result<Receipt> {
        let entry = match made {
            Ok(entry) => entry,
            Err(refused) => return Err(self.unpublished(refused, taken, &source_proof)),
        };
        let proof = match (entry.digest(), hash_of(taken)) {
            _ if self.options.verify == Verify::None => Proof::None,
            _ if entry.size != Some(self.size) => {
                let stored = entry.size.map_or("an unknown number".into(), |size| size.to_string());
                let message = format!("size mismatch ({} bytes sent, {stored} stored)", self.size);
                return Err(self.remove_wrong(message, &entry).await);
            }
            (Some(stored), Some(ours)) if stored == *ours => Proof::Checksum(Algorithm::Dropbox),
            (Some(stored), Some(ours)) => {
                let message = format!("checksum mismatch (dropbox {} sent, {} stored)", ours.hex(), stored.hex());
                return Err(self.remove_wrong(message, &entry).await);
            }
            _ if self.options.verify == Verify::Require => {
                return Err(self.remove_wrong("the service tells no checksum".into(), &entry).await);
            }
            _ => Proof::Size,
        };
        Ok(self.receipt(taken, source_proof, proof, Some(&entry)))
    }

    fn unpublished(&self, refused: Refused, taken: &Taken, source_proof: &Proof) -> Error {
        let folder = refused.says("folder") && refused.says("conflict");
        let conflict = refused.says("conflict");
        let error = refused.error(self.account, self.path, Operation::Put);
        if error.outcome().is_unknown() {
            let receipt = self.receipt(taken, source_proof.clone(), Proof::None, None);
            return error.with_outcome(Outcome::UnknownAfter(Box::new(receipt))).leaving(Outcome::UNSURE);
        }
        match (&self.options.existing, error.kind()) {
            _ if folder => error.with_kind(ErrorKind::IsADirectory),
            (Existing::ReplaceOnly(_) | Existing::Replace, ErrorKind::AlreadyExists) if conflict => {
                error.with_kind(ErrorKind::Changed)
            }
            _ => error,
        }
    }

    /// What was replaced is gone already, and can be had back at the service; a file that had no predecessor is removed, if it still
    /// is the one that was written.
    async fn remove_wrong(&self, message: String, entry: &Entry) -> Error {
        let error = Error::new(ErrorKind::Integrity, message).at(self.account.url(self.path)).during(Operation::Put);
        if self.replaces.is_some() || self.options.seen_missing {
            return error
                .leaving("what has this name now is not what was sent; dropbox.com can restore the file before it");
        }
        match self.account.delete(self.call, self.path, entry.rev(), Operation::Put).await {
            Ok(()) => error.leaving("the wrong file was removed"),
            Err(_) => error.leaving("the wrong file has this name now"),
        }
    }

    fn receipt(&self, taken: &Taken, source_proof: Proof, proof: Proof, entry: Option<&Entry>) -> Receipt {
        let here = taken.digests.iter().cloned().map(|digest| (digest, Computed::Here));
        let there = entry.and_then(Entry::digest).map(|digest| (digest, Computed::Storage));
        Receipt {
            size: taken.size,
            digests: here.chain(there).collect(),
            validator: entry.map(Entry::validator),
            proof,
            source_proof,
            publish: Publish::Direct,
            overwrite: self.replaces.is_some().then_some(Overwrite::Atomic),
            door: self.account.url(&Path::root()).trim_end_matches('/').to_owned(),
            attempts: Vec::new(),
        }
    }
}

fn hash_of(taken: &Taken) -> Option<&Digest> {
    taken.digests.iter().find(|digest| digest.algorithm() == Algorithm::Dropbox)
}
