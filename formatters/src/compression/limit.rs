//! How much may come out of a compressed file.

use crate::{Error, Result};

/// Less than this never is a bomb.
const HARMLESS: u64 = 1 << 30;
/// What is packed better than this is no data of ours: numbers reach 2 to 10, zeros 1000.
const LARGEST_RATIO: u64 = 100;

/// The bytes that may still come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    most: u64,
    taken: u64,
}

impl Limit {
    /// For what comes out of `packed` bytes; `most` is the limit if somebody has set one.
    pub(crate) fn of(packed: u64, most: Option<u64>) -> Self {
        let most = most.unwrap_or_else(|| HARMLESS.max(packed.saturating_mul(LARGEST_RATIO)));
        Self { most, taken: 0 }
    }

    /// More bytes were unpacked than was known before; a limit that somebody has set stays.
    pub(crate) fn or_of(self, packed: u64, most: Option<u64>) -> Self {
        Self { taken: self.taken, ..Self::of(packed, most) }
    }

    /// Counts bytes that came.
    ///
    /// # Errors
    /// `Malformed` if they are too many.
    pub(crate) fn take(&mut self, bytes: u64) -> Result<()> {
        self.taken = self.taken.saturating_add(bytes);
        if self.taken <= self.most {
            return Ok(());
        }
        let most = self.most;
        Err(Error::malformed(format!("it unpacks to more than {most} bytes, as a bomb would (at_most allows more)")))
    }
}
