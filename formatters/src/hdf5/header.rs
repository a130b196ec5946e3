//! The header of an object: its messages, wherever they stand.

use std::collections::HashSet;

use rust_hdf5::format::checksum::checksum_metadata;
use rust_hdf5::format::messages::{MSG_DATATYPE, MSG_FLAG_SHARED, MSG_OBJ_HEADER_CONTINUATION};
use rust_hdf5::format::object_header::{OCHK_SIGNATURE, OHDR_SIGNATURE, ObjectHeader, ObjectHeaderMessage};
use rust_hdf5::format::sohm::{SharedLocation, SharedMessagePointer};
use rust_hdf5::format::{FormatContext, FormatError};

use super::blocks::{Blocks, damaged};
use crate::{Error, Result};

/// Where most headers end.
const USUAL_SIZE: usize = 512;
/// Types that are kept beside the datasets can be kept elsewhere in turn, but no writer does that often.
const MOST_DETOURS: usize = 8;

/// The messages of an object.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) messages: Vec<ObjectHeaderMessage>,
}

impl Header {
    /// Reads a header with all its continuations.
    pub(super) fn read(blocks: &mut Blocks<'_>, context: &FormatContext, address: u64) -> Result<Self> {
        Self::read_through(blocks, context, address, MOST_DETOURS)
    }

    fn read_through(blocks: &mut Blocks<'_>, context: &FormatContext, address: u64, detours: usize) -> Result<Self> {
        let (first, is_new) = beginning(blocks, address)?;
        let ordered = is_new && first.flags & 0x04 != 0;
        let mut messages = first.messages;
        let mut seen = HashSet::new();
        let mut next = 0;
        while next < messages.len() {
            if let Some((place, size)) = continuation(&messages[next], context)
                && seen.insert(place)
            {
                let block = blocks.exactly(place, size)?;
                messages.extend(if is_new { new_messages(&block, ordered)? } else { old_messages(&block) });
            }
            next += 1;
        }
        for message in messages.iter_mut().filter(|message| message.flags & MSG_FLAG_SHARED != 0) {
            if message.msg_type == MSG_DATATYPE {
                resolve(blocks, context, message, detours)?;
            }
        }
        Ok(Self { messages })
    }

    /// The body of the first message of that type.
    pub(super) fn find(&self, kind: u8) -> Option<&[u8]> {
        self.of(kind).next()
    }

    /// The bodies of all messages of that type.
    pub(super) fn of(&self, kind: u8) -> impl Iterator<Item = &[u8]> {
        self.messages.iter().filter(move |message| message.msg_type == kind).map(|message| message.data.as_slice())
    }

    pub(super) fn has(&self, kind: u8) -> bool {
        self.find(kind).is_some()
    }

    /// Whether a message is kept elsewhere, so that its body is no message.
    pub(super) fn is_elsewhere(&self, kind: u8) -> bool {
        self.messages.iter().any(|message| message.msg_type == kind && message.flags & MSG_FLAG_SHARED != 0)
    }
}

/// The first part of a header, and whether it is of the newer kind.
fn beginning(blocks: &mut Blocks<'_>, address: u64) -> Result<(ObjectHeader, bool)> {
    let mut bytes = blocks.at_most(address, USUAL_SIZE)?;
    let mut decoded = ObjectHeader::decode_any(&bytes);
    if let Err(FormatError::BufferTooShort { needed, .. }) = decoded {
        bytes = blocks.exactly(address, needed as u64)?;
        decoded = ObjectHeader::decode_any(&bytes);
    }
    let (header, _) = decoded.map_err(damaged)?;
    Ok((header, bytes.starts_with(&OHDR_SIGNATURE)))
}

/// Where a header goes on.
fn continuation(message: &ObjectHeaderMessage, context: &FormatContext) -> Option<(u64, u64)> {
    let (wide, long) = (usize::from(context.sizeof_addr), usize::from(context.sizeof_size));
    if message.msg_type != MSG_OBJ_HEADER_CONTINUATION {
        return None;
    }
    let (place, size) = message.data.get(..wide + long)?.split_at(wide);
    Some((number(place), number(size)))
}

/// A little-endian number of at most eight bytes.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Messages of a continuation of the newer kind, which has a checksum.
fn new_messages(block: &[u8], ordered: bool) -> Result<Vec<ObjectHeaderMessage>> {
    let bad = || Error::malformed("damaged HDF5: a part of an object's header is not what it was");
    let (body, sum) =
        block.split_last_chunk::<4>().map(|(body, sum)| (body, u32::from_le_bytes(*sum))).ok_or_else(bad)?;
    let mut rest = body.strip_prefix(&OCHK_SIGNATURE).ok_or_else(bad)?;
    if checksum_metadata(body) != sum {
        return Err(bad());
    }
    let mut messages = Vec::new();
    while let Some((&[kind, low, high, flags], after)) = rest.split_first_chunk::<4>() {
        let size = usize::from(u16::from_le_bytes([low, high]));
        let skipped = if ordered { 2 } else { 0 };
        // A gap at the end is shorter than a message.
        let Some(data) = after.get(skipped..skipped + size) else { break };
        messages.push(ObjectHeaderMessage { msg_type: kind, flags, creation_index: 0, data: data.to_vec() });
        rest = &after[skipped + size..];
    }
    Ok(messages)
}

/// Messages of a continuation of the older kind.
fn old_messages(block: &[u8]) -> Vec<ObjectHeaderMessage> {
    let mut messages = Vec::new();
    let mut rest = block;
    while let Some((&[kind, _, low, high, flags, _, _, _], after)) = rest.split_first_chunk::<8>() {
        let size = usize::from(u16::from_le_bytes([low, high]));
        let Some(data) = after.get(..size) else { break };
        messages.push(ObjectHeaderMessage { msg_type: kind, flags, creation_index: 0, data: data.to_vec() });
        // Every message begins at a multiple of eight.
        rest = after.get(size.next_multiple_of(8)..).unwrap_or_default();
    }
    messages
}

/// Replaces a reference to a type by the type, which is an object of its own.
fn resolve(
    blocks: &mut Blocks<'_>,
    context: &FormatContext,
    message: &mut ObjectHeaderMessage,
    detours: usize,
) -> Result<()> {
    let pointer = SharedMessagePointer::decode(&message.data, context).map_err(damaged)?;
    if pointer.location != SharedLocation::Committed || detours == 0 {
        // It stays marked as one that is elsewhere.
        return Ok(());
    }
    let other = Header::read_through(blocks, context, pointer.oh_addr, detours - 1)?;
    if let Some(found) = other.messages.into_iter().find(|found| found.msg_type == message.msg_type) {
        *message = found;
    }
    Ok(())
}
