//! Blocks of a file's structure, from an input: few requests, and no more than a file can need.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rust_hdf5::format::superblock::HDF5_SIGNATURE;
use rust_hdf5::format::{BlockReader, FormatError, FormatResult};

use crate::{Error, Input, Result};

/// What one request reads around a block: headers stand side by side mostly.
const WINDOW: usize = 16 * 1024;
/// Bytes of structure that even a small file may have looked at, beside a multiple of its length. Structures that point
/// at each other end here.
const SPENDABLE: u64 = 64 * 1024 * 1024;

/// What gzip makes of a byte at best.
pub(super) const BEST_RATIO: u64 = 1032;

/// A file's structure, by addresses. They count from the place of the signature.
pub(super) struct Blocks<'a> {
    input: &'a dyn Input,
    length: u64,
    base: u64,
    window: Vec<u8>,
    window_start: u64,
    spendable: u64,
    values: u64,
    failure: Option<std::io::Error>,
}

/// Parses a file. An error of the storage comes out as it was, even if a decoder hides it; every other error is the
/// content's fault, and so is a panic of a decoder.
pub(super) fn parse<T>(input: &dyn Input, parser: impl FnOnce(&mut Blocks<'_>) -> Result<T>) -> Result<T> {
    let length = input.length()?;
    let spendable = SPENDABLE.saturating_add(length.saturating_mul(16));
    let values = SPENDABLE.saturating_add(length.saturating_mul(BEST_RATIO));
    let (window, window_start) = (Vec::new(), 0);
    let mut blocks = Blocks { input, length, base: 0, window, window_start, spendable, values, failure: None };
    let result = contained(|| {
        blocks.locate()?;
        parser(&mut blocks)
    });
    match blocks.failure.take() {
        Some(error) => Err(Error::from(error)),
        None => result.map_err(Error::blaming_content),
    }
}

/// Runs code of the HDF5 crate on foreign bytes. It means to be free of panics, but is large and young: one that is left
/// counts as damage of the file instead of ending the program.
pub(super) fn contained<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // What the closure holds is dropped unseen after a panic, except for the failure of `Blocks`, which is set at once.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Error::malformed("damaged HDF5: it cannot be parsed")))
}

/// A decoder's error in words of this crate.
pub(super) fn damaged(error: FormatError) -> Error {
    match error {
        FormatError::UnsupportedFeature(what) => Error::unsupported(format!("HDF5 with {what}")),
        FormatError::InvalidSignature => {
            Error::malformed("damaged HDF5: a part of its structure is not where it should be")
        }
        FormatError::BufferTooShort { .. } => {
            Error::malformed("truncated or damaged HDF5: it ends within its structure")
        }
        other => Error::malformed(format!("damaged HDF5: {other}")),
    }
}

impl Blocks<'_> {
    /// Finds the signature: at the beginning, or behind a block for other uses of 512 bytes, doubled as often as needed.
    fn locate(&mut self) -> Result<()> {
        let mut place = 0;
        while place < self.length {
            if self.at_most(place, 8)? == HDF5_SIGNATURE {
                self.base = place;
                return Ok(());
            }
            place = if place == 0 { 512 } else { place * 2 };
        }
        Err(Error::malformed("not an HDF5 file: its signature is missing"))
    }

    /// Bytes of the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The bytes at an address, fewer at the end of the file.
    pub(super) fn at_most(&mut self, address: u64, size: usize) -> Result<Vec<u8>> {
        let Some(start) = address.checked_add(self.base).filter(|start| *start < self.length) else {
            return Ok(Vec::new());
        };
        // At most the size that was asked for.
        let size = (self.length - start).min(size as u64) as usize;
        self.spend(size)?;
        if !self.in_window(start, size) {
            self.fill(start, size)?;
        }
        // Within the window, which is in memory.
        let offset = (start - self.window_start) as usize;
        Ok(self.window[offset..offset + size].to_vec())
    }

    /// The bytes at an address, all of them.
    pub(super) fn exactly(&mut self, address: u64, size: u64) -> Result<Vec<u8>> {
        let here = usize::try_from(size).ok().filter(|_| size <= self.length);
        let bytes = self.at_most(address, here.unwrap_or_default())?;
        match here {
            Some(size) if bytes.len() == size => Ok(bytes),
            _ => Err(Error::malformed("truncated or damaged HDF5: a part of it lies behind its end")),
        }
    }

    fn spend(&mut self, size: usize) -> Result<()> {
        let left = self.spendable.checked_sub(size as u64 + 64);
        self.spendable = left.ok_or_else(|| Error::malformed("damaged HDF5: its structure runs in circles"))?;
        Ok(())
    }

    /// Refuses more values than the file can hold. One piece of it can be many datasets, or many texts.
    pub(super) fn take_values(&mut self, bytes: u64) -> Result<()> {
        let left = self.values.checked_sub(bytes);
        self.values = left.ok_or_else(|| Error::malformed("damaged HDF5: more values than the file can hold"))?;
        Ok(())
    }

    fn in_window(&self, start: u64, size: usize) -> bool {
        let end = self.window_start + self.window.len() as u64;
        start >= self.window_start && start + size as u64 <= end
    }

    fn fill(&mut self, start: u64, size: usize) -> Result<()> {
        let most = self.length - start;
        // At most the larger of a window and a block.
        let size = most.min(size.max(WINDOW) as u64) as usize;
        self.window.clear();
        self.window_start = start;
        let mut bytes = vec![0; size];
        let mut done = 0;
        while done < size {
            match self.input.read_at(start + done as u64, &mut bytes[done..]) {
                Ok(0) => return Err(Error::malformed("the file ends too early")),
                Ok(read) => done += read,
                Err(error) => {
                    self.failure = Some(error);
                    return Err(Error::malformed("the storage failed"));
                }
            }
        }
        self.window = bytes;
        Ok(())
    }
}

impl BlockReader for Blocks<'_> {
    fn read_block(&mut self, offset: u64, length: usize) -> FormatResult<Vec<u8>> {
        self.at_most(offset, length).map_err(|error| FormatError::InvalidData(error.to_string()))
    }
}
