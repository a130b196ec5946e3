//! Which blocks of an object are there.
//!
//! A record for each block, at a place of its own: which checksum (CRC-32C) the block has, how long it is, when it was written, and a checksum of
//! the record itself. Behind the records stands a byte for each group of blocks, which says whether somebody has read it since the last look of
//! [eviction](crate::evict). A record is written after its block: what a crash leaves in between is a block without a record, which is none, or
//! a record that is not right, which is none either. Only those who hold the lock of a block write its record.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use crc_fast::{CrcAlgorithm, checksum};

use crate::lock::{Lock, lock, try_lock, unlock};

/// Blocks that come and go together.
pub(crate) const GROUP: u64 = 16;

/// Bytes of a record.
const RECORD: usize = 32;

/// Told apart from zeros, and from records of other layouts.
const MAGIC: &[u8; 4] = b"law1";

/// Locks beyond those of blocks: the object is read, or being sealed.
const IN_USE: u64 = 1 << 62;
const SEALING: u64 = IN_USE + 1;

/// What is known of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    /// CRC-32C of the block.
    pub(crate) checksum: u32,
    /// Bytes.
    pub(crate) length: u32,
    /// Milliseconds since 1970.
    pub(crate) written: u64,
}

impl Record {
    fn encode(self, block: u64) -> [u8; RECORD] {
        let mut bytes = [0; RECORD];
        bytes[..4].copy_from_slice(MAGIC);
        bytes[4..8].copy_from_slice(&self.checksum.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.length.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.written.to_le_bytes());
        bytes[20..28].copy_from_slice(&block.to_le_bytes());
        let check = crc32c(&bytes[..28]);
        bytes[28..].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8], block: u64) -> Option<Self> {
        let number = |from: usize| Some(u32::from_le_bytes(bytes.get(from..from + 4)?.try_into().ok()?));
        let large = |from: usize| Some(u64::from_le_bytes(bytes.get(from..from + 8)?.try_into().ok()?));
        let right = bytes.get(..4)? == MAGIC && number(28)? == crc32c(bytes.get(..28)?) && large(20)? == block;
        right.then_some(Self { checksum: number(4)?, length: number(8)?, written: large(12)? })
    }
}

/// CRC-32C of some bytes.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    // The upper half of what is returned for a checksum of 32 bits is empty.
    checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

/// The file with the records of an object that has so many blocks.
#[derive(Debug)]
pub(crate) struct Map {
    file: File,
    blocks: u64,
}

impl Map {
    /// Bytes of a map of so many blocks.
    pub(crate) fn length(blocks: u64) -> u64 {
        blocks * RECORD as u64 + blocks.div_ceil(GROUP)
    }

    pub(crate) fn new(file: File, blocks: u64) -> Self {
        Self { file, blocks }
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// What is known of a block; none if it is not there.
    pub(crate) fn record(&self, block: u64) -> io::Result<Option<Record>> {
        let mut bytes = [0; RECORD];
        match self.file.read_exact_at(&mut bytes, block * RECORD as u64) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
            Ok(()) => Ok(Record::decode(&bytes, block)),
        }
    }

    /// All records, and which groups somebody has read.
    pub(crate) fn all(&self) -> io::Result<(Vec<Option<Record>>, Vec<bool>)> {
        let mut bytes = vec![0; Self::length(self.blocks) as usize];
        let mut filled = 0;
        while filled < bytes.len() {
            match self.file.read_at(&mut bytes[filled..], filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        let (records, used) = bytes.split_at(self.blocks as usize * RECORD);
        let records = records.chunks(RECORD).zip(0..).map(|(bytes, block)| Record::decode(bytes, block)).collect();
        Ok((records, used.iter().map(|byte| *byte != 0).collect()))
    }

    pub(crate) fn write(&self, block: u64, record: Record) -> io::Result<()> {
        self.file.write_all_at(&record.encode(block), block * RECORD as u64)
    }

    /// The block is not there any more.
    pub(crate) fn clear(&self, block: u64) -> io::Result<()> {
        self.file.write_all_at(&[0; RECORD], block * RECORD as u64)
    }

    /// Somebody reads of this block.
    pub(crate) fn use_block(&self, block: u64) -> io::Result<()> {
        let at = self.blocks * RECORD as u64 + block / GROUP;
        let mut byte = [0];
        self.file.read_exact_at(&mut byte, at)?;
        if byte == [0] { self.file.write_all_at(&[1], at) } else { Ok(()) }
    }

    /// Nobody has read of this group since now.
    pub(crate) fn unuse(&self, group: u64) -> io::Result<()> {
        self.file.write_all_at(&[0], self.blocks * RECORD as u64 + group)
    }

    /// The object is read as long as this is open: nothing of it goes away. False if it is about to go as a whole.
    pub(crate) fn hold(&self) -> io::Result<bool> {
        try_lock(&self.file, Lock::Shared, IN_USE, 1)
    }

    /// Nobody reads it, and nobody begins to as long as this is open. False if somebody does.
    pub(crate) fn hold_alone(&self) -> io::Result<bool> {
        try_lock(&self.file, Lock::Exclusive, IN_USE, 1)
    }
}

/// Some blocks that nobody else writes. Dropping it gives back what was not given back yet.
#[derive(Debug)]
pub(crate) struct Claim {
    map: Map,
    first: u64,
    end: u64,
}

impl Claim {
    /// The blocks from `first` to before `end`, or else as many of them from the beginning as nobody else is at; none if somebody is at the first.
    ///
    /// `map` is opened for this alone.
    pub(crate) fn take(map: Map, first: u64, end: u64) -> io::Result<Option<Self>> {
        let mut end = end;
        while end > first {
            if try_lock(&map.file, Lock::Exclusive, first, end - first)? {
                return Ok(Some(Self { map, first, end }));
            }
            end = first + (end - first) / 2;
        }
        Ok(None)
    }

    pub(crate) fn map(&self) -> &Map {
        &self.map
    }

    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Gives back what is behind.
    pub(crate) fn shorten(&mut self, end: u64) {
        if end < self.end {
            unlock(&self.map.file, end, self.end - end);
            self.end = end;
        }
    }

    /// Gives back everything before.
    pub(crate) fn done_before(&mut self, block: u64) {
        if block > self.first {
            unlock(&self.map.file, self.first, block - self.first);
            self.first = block;
        }
    }
}

/// Nobody else seals the object.
#[derive(Debug)]
pub(crate) struct Sealing(#[expect(dead_code, reason = "holds the lock")] Map);

impl Sealing {
    /// Waits until nobody else does. `map` is opened for this alone.
    pub(crate) fn begin(map: Map, patience: Duration) -> io::Result<Self> {
        lock(&map.file, Lock::Exclusive, SEALING, patience)?;
        Ok(Self(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(blocks: u64) -> Map {
        let file = tempfile::tempfile().unwrap();
        file.set_len(Map::length(blocks)).unwrap();
        Map::new(file, blocks)
    }

    const RECORD_OF_SEVEN: Record = Record { checksum: 7, length: 1 << 20, written: 99 };

    #[test]
    fn what_was_written_is_there_and_nothing_else() {
        let map = map(40);
        map.write(3, RECORD_OF_SEVEN).unwrap();
        map.use_block(17).unwrap();
        assert_eq!((map.record(2).unwrap(), map.record(3).unwrap()), (None, Some(RECORD_OF_SEVEN)));
        let (records, used) = map.all().unwrap();
        assert_eq!(records.iter().flatten().count(), 1);
        assert_eq!(used, [false, true, false]);
        map.unuse(1).unwrap();
        map.clear(3).unwrap();
        let (records, used) = map.all().unwrap();
        assert!(records.iter().all(Option::is_none) && used.iter().all(|used| !used));
        assert_eq!(map.record(4000).unwrap(), None, "behind the end");
    }

    #[test]
    fn a_record_that_is_not_right_in_every_bit_is_none() {
        let good = RECORD_OF_SEVEN.encode(3);
        for bit in 0..good.len() * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Record::decode(&bad, 3), None, "bit {bit}");
        }
        assert_eq!(Record::decode(&good, 4), None, "of another block");
        assert_eq!(Record::decode(&good[..31], 3), None);
        assert_eq!(Record::decode(&[0; 32], 0), None);
    }
}
