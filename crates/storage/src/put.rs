//! How a file is written, and what can be told afterwards.

use std::time::SystemTime;

use crate::{Algorithm, Attempt, Digest, Overwrite, Proof, Publish, Validator};

/// What happens to something that has the name already.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Existing {
    /// A file is replaced; a directory never is.
    #[default]
    Replace,
    /// Nothing is replaced: [`ErrorKind::AlreadyExists`](crate::ErrorKind).
    Refuse,
    /// Only this version of the file is replaced; another one is [`ErrorKind::Changed`](crate::ErrorKind).
    ReplaceOnly(Validator),
}

/// Whether directories above the file are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parents {
    /// A missing parent is [`ErrorKind::NotFound`](crate::ErrorKind), also where the server would make it by itself.
    #[default]
    Require,
    /// Missing parents are made.
    Create,
}

/// How much proof is wanted before a file is published. More is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verify {
    /// Whatever the protocol says itself.
    None,
    /// The size alone.
    Size,
    /// The size always; a checksum where the storage can give one. A disk of this machine reads nothing back unless
    /// [`PutOptions::algorithm`] asks for it.
    #[default]
    Auto,
    /// A checksum by the storage, or an error.
    Require,
}

/// Whether bytes must have reached the disk before a local file is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The file and its directory are synced.
    #[default]
    Full,
    /// The operating system writes when it likes: a power loss can lose the newest files.
    None,
}

/// What the write of a large file has left when its process was killed, as far as it is known to be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The name of the temporary file, beside the destination.
    pub name: String,
    /// So many bytes from the beginning were written.
    pub length: u64,
    /// Their checksum: of a disk that lost them it is another one.
    pub digest: Digest,
}

/// Hears how far the write of a large file is, so that another process can go on if this one is killed.
pub trait Checkpoint: std::fmt::Debug + Send + Sync {
    /// So much is written.
    fn reached(&self, part: &Unfinished);
}

/// How a file is written.
#[derive(Debug, Clone, Default)]
pub struct PutOptions {
    /// What happens to something that has the name already.
    pub existing: Existing,
    /// Whether directories above it are made.
    pub parents: Parents,
    /// How much proof is wanted.
    pub verify: Verify,
    /// The checksum that the storage is asked for; none is its cheapest.
    pub algorithm: Option<Algorithm>,
    /// The time of modification to keep, where the storage can.
    pub modified: Option<SystemTime>,
    /// The permission bits to set, where the storage has them.
    pub mode: Option<u32>,
    /// The permission bits of a file that is new, before the process's umask takes some away; a file that is replaced
    /// keeps its own. Only where the storage has them, and `mode` is none.
    pub created_mode: Option<u32>,
    /// Nothing had this name a moment ago, in a directory that exists: a storage may spare its own look, and finds out when it
    /// publishes. Only a hint: what came meanwhile is `Changed` where the storage sees it in time, and else treated as
    /// [`existing`](Self::existing) says.
    pub seen_missing: bool,
    /// How many streams may bring it at once, where both sides can; none is as many as help.
    pub streams: Option<std::num::NonZeroUsize>,
    /// Many files are written beside this one: a small one may be proven by reading it back where that is less work for the
    /// storage than a checksum.
    pub one_of_many: bool,
    /// What an earlier write of the same bytes has left; a storage that cannot use it begins anew.
    pub unfinished: Option<Unfinished>,
    /// Who notes how far it is, where a storage can go on in the middle.
    pub checkpoint: Option<std::sync::Arc<dyn Checkpoint>>,
}

/// Who computed a checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Computed {
    /// This client, over the bytes as it sent them.
    Here,
    /// The storage, over the bytes as it keeps them.
    Storage,
}

/// What is known of a file that was just published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Bytes.
    pub size: u64,
    /// Checksums, and who computed them.
    pub digests: Vec<(Digest, Computed)>,
    /// The version that was published, where the storage told it.
    pub validator: Option<Validator>,
    /// How well it is known that the storage has the right bytes.
    pub proof: Proof,
    /// How well it is known that the source gave the right bytes.
    pub source_proof: Proof,
    /// How it got its name.
    pub publish: Publish,
    /// What readers may have seen meanwhile; none if nothing was replaced.
    pub overwrite: Option<Overwrite>,
    /// The endpoint that took it, without secrets.
    pub door: String,
    /// The tries that failed before.
    pub attempts: Vec<Attempt>,
}

impl Receipt {
    /// The checksum that the storage computed, where there is one.
    pub fn storage_digest(&self) -> Option<&Digest> {
        self.digests.iter().find(|(_, who)| *who == Computed::Storage).map(|(digest, _)| digest)
    }
}
