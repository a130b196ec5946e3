//! What a file says of the pieces of a dataset, before the crate that reads them takes it at its word.
//!
//! The crate never reads behind the end of a file, but makes room for as many pieces, and for as large ones, as the file
//! says. A reservation that fails ends the program, so everything that it reserves by is looked at here.

use rust_hdf5::Filter;
use rust_hdf5::format::chunk_index::btree_v2::Bt2Header;
use rust_hdf5::format::chunk_index::fixed_array::FixedArrayHeader;
use rust_hdf5::format::messages::data_layout::{ChunkIndexType, DataLayoutMessage, EarrayParams};
use rust_hdf5::format::messages::filter::{
    FILTER_DEFLATE, FILTER_FLETCHER32, FILTER_LZF, FILTER_NBIT, FILTER_SCALEOFFSET, FILTER_SHUFFLE,
};
use rust_hdf5::format::{FormatContext, UNDEF_ADDR};

use super::blocks::{Blocks, damaged};
use super::layout::{Layout, count, filter_name};
use crate::{Error, Result};

/// Bytes that any list of pieces may take.
const FREE: u64 = 64 * 1024 * 1024;
/// Nodes of the C library have 2 KiB.
const LARGEST_NODE: u32 = 64 * 1024;

/// How the pieces of a dataset are found.
#[derive(Debug, Clone)]
pub(super) struct Index {
    kind: ChunkIndexType,
    address: u64,
    array: Option<EarrayParams>,
}

impl Index {
    /// That of a layout of the newer kind. The older one has a tree whose nodes are as many as there are in the file.
    pub(super) fn of(layout: &DataLayoutMessage) -> Option<Self> {
        match layout {
            DataLayoutMessage::ChunkedV4 { index_type, index_address, earray_params, .. } => {
                Some(Self { kind: *index_type, address: *index_address, array: earray_params.clone() })
            }
            _ => None,
        }
    }

    /// Refuses what the crate would take too much memory for.
    pub(super) fn check(&self, blocks: &mut Blocks<'_>, context: &FormatContext, layout: &Layout) -> Result<()> {
        if self.address == UNDEF_ADDR {
            return Ok(());
        }
        let bytes = blocks.at_most(self.address, 256)?;
        let pieces = match self.kind {
            ChunkIndexType::SingleChunk => return Ok(()),
            ChunkIndexType::BTreeV2 => {
                let size = Bt2Header::decode(&bytes, context).map_err(damaged)?.node_size;
                return if size <= LARGEST_NODE { Ok(()) } else { Err(too_many()) };
            }
            ChunkIndexType::FixedArray => {
                let there = FixedArrayHeader::decode(&bytes, context).map_err(damaged)?.num_elmts;
                there.max(layout.pieces().ok_or_else(too_many)?)
            }
            // No program but the C library decides on these, and it always decides the same.
            ChunkIndexType::ExtensibleArray if self.array != Some(EarrayParams::default_params()) => {
                return Err(Error::malformed("damaged HDF5: an index of pieces with odd parameters"));
            }
            ChunkIndexType::ExtensibleArray | ChunkIndexType::Implicit => layout.pieces().ok_or_else(too_many)?,
        };
        let axes = layout.shape.as_deref().unwrap_or_default().len() as u64;
        let most = blocks.length().saturating_mul(8).saturating_add(FREE);
        // An address, a size and a mask for each piece, and where it belongs.
        if pieces.saturating_mul(24 + 8 * axes) > most { Err(too_many()) } else { Ok(()) }
    }
}

fn too_many() -> Error {
    Error::malformed("damaged HDF5: more pieces than the file can hold")
}

/// Refuses filters that are not known, and those that say another size than the pieces have.
pub(super) fn check_filters(filters: &[Filter], chunk: &[usize], width: usize) -> Result<()> {
    for filter in filters {
        let is_known = match filter.id {
            FILTER_DEFLATE | FILTER_SHUFFLE | FILTER_FLETCHER32 | FILTER_LZF => true,
            // Parameters 2 and 4 are the number and the size of the values.
            FILTER_NBIT | FILTER_SCALEOFFSET => {
                let says = |place: usize| filter.cd_values.get(place).map(|value| *value as usize);
                if says(2) != count(chunk) || says(4) != Some(width) {
                    return Err(Error::malformed("damaged HDF5: a filter for pieces of another size"));
                }
                true
            }
            _ => false,
        };
        if !is_known {
            return Err(Error::unsupported(format!("packed by {}", filter_name(filter))));
        }
    }
    let packers = filters.iter().filter(|filter| [FILTER_DEFLATE, FILTER_LZF].contains(&filter.id)).count();
    // What is packed twice can be millions of times as large.
    if packers > 1 || filters.len() > 6 { Err(Error::unsupported("packed more than once")) } else { Ok(()) }
}
