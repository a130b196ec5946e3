//! Copies between two storages that do not pass through this machine (third-party copy).

use std::fmt;

use crate::Secret;

/// How another storage reaches a file: what this client would use, to be handed over.
#[derive(Clone)]
pub struct Access {
    /// The URL, with the tickets in it.
    pub url: Secret,
    /// The URL as it may be shown.
    pub shown: String,
    /// The bearer token of this storage.
    pub token: Option<Secret>,
}

impl Access {
    /// Whether it has something that only its own storage and its user should know.
    pub fn is_confidential(&self) -> bool {
        self.token.is_some() || self.url.expose().contains('?')
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Access({}, token: {})", self.shown, self.token.is_some())
    }
}

/// Which of two storages does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The destination fetches the file.
    Pull,
    /// The source sends the file.
    Push,
}

impl Way {
    /// One word, for people and `--json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
        }
    }
}

/// What a storage is told to do with one of its files and another storage.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    /// The file at the other storage.
    pub other: &'a Access,
    /// Whether it is fetched from there or sent there.
    pub way: Way,
    /// Its size in bytes.
    pub size: u64,
    /// Whether the storages shall compare checksums and fail without; whoever orders compares them in any case.
    pub require_checksum: bool,
    /// Hears how many bytes went over so far: as the storages tell it, so that it proves nothing.
    pub progress: &'a (dyn Fn(u64) + Send + Sync),
}

impl fmt::Debug for Order<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Order({} {:?})", self.way.word(), self.other)
    }
}
