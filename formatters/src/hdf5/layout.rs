//! How a dataset is stored, and whether that can be.

use rust_hdf5::format::messages::data_layout::DataLayoutMessage;
use rust_hdf5::format::messages::dataspace::DataspaceMessage;
use rust_hdf5::format::messages::filter::FilterPipeline;
use rust_hdf5::format::messages::{
    MSG_DATA_LAYOUT, MSG_DATASPACE, MSG_DATATYPE, MSG_EXTERNAL_FILE_LIST, MSG_FILTER_PIPELINE,
};
use rust_hdf5::format::{FormatContext, UNDEF_ADDR};
use rust_hdf5::{DatatypeMessage, Filter};

use super::blocks::{BEST_RATIO, damaged};
use super::datatype::describe;
use super::header::Header;
use super::index::{Index, check_filters};
use crate::{Error, Result};

/// Bytes that any dataset may have, as those of parts that were never written are in no file.
const FREE: u64 = 64 * 1024 * 1024;

/// What stands in front of the values of a dataset.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) datatype: DatatypeMessage,
    /// None for a dataset without a shape, which has no values.
    pub(super) shape: Option<Vec<usize>>,
    /// Bytes of one value as stored.
    pub(super) width: usize,
    pub(super) chunks: Option<Vec<usize>>,
    pub(super) filters: Vec<Filter>,
    pub(super) place: Place,
    pub(super) index: Option<Index>,
    /// The length that each axis may get.
    most: Option<Vec<u64>>,
}

/// Where the values are.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In one piece, at an address; nowhere if none were written.
    Whole(Option<u64>),
    /// In the header.
    Header(Vec<u8>),
    Chunks,
    /// In other files.
    Elsewhere,
}

impl Layout {
    pub(super) fn of(header: &Header, context: &FormatContext) -> Result<Self> {
        let body = |kind: u8| match header.find(kind) {
            Some(_) if header.is_elsewhere(kind) => Err(Error::unsupported("HDF5 with shared messages of headers")),
            other => other.ok_or_else(|| Error::malformed("damaged HDF5: a dataset without shape or type")),
        };
        let (datatype, _) = DatatypeMessage::decode(body(MSG_DATATYPE)?, context).map_err(damaged)?;
        let (space, _) = DataspaceMessage::decode(body(MSG_DATASPACE)?, context).map_err(damaged)?;
        let (layout, _) = DataLayoutMessage::decode(body(MSG_DATA_LAYOUT)?, context).map_err(damaged)?;
        let (shape, index) = (shape(&space)?, Index::of(&layout));
        let (chunks, mut place) = storage(layout)?;
        if header.has(MSG_EXTERNAL_FILE_LIST) {
            place = Place::Elsewhere;
        }
        let chunks = chunks.map(|mut dims: Vec<u64>| {
            // The last is the size of a value.
            dims.pop();
            sizes(&dims)
        });
        let filters = match header.has(MSG_FILTER_PIPELINE) {
            true => FilterPipeline::decode(body(MSG_FILTER_PIPELINE)?).map_err(damaged)?.0.filters,
            false => Vec::new(),
        };
        let width = datatype.element_size_ctx(context) as usize;
        let chunks = chunks.transpose()?;
        if chunks.as_ref().is_some_and(|chunks| Some(chunks.len()) != shape.as_ref().map(Vec::len)) {
            return Err(Error::malformed("damaged HDF5: pieces with other axes than the dataset"));
        }
        Ok(Self { datatype, shape, width, chunks, filters, place, index, most: space.max_dims })
    }

    /// Bytes of all values; none if no memory could hold them.
    pub(super) fn bytes(&self) -> Option<u64> {
        let shape = self.shape.as_deref().unwrap_or(&[0]);
        count(shape)?.checked_mul(self.width).map(|bytes| bytes as u64)
    }

    pub(super) fn describe(&self) -> String {
        describe(&self.datatype)
    }

    /// Whether the values, or one chunk of them, are more than a file of that length can give.
    pub(super) fn check_size(&self, wanted: &[usize], length: u64) -> Result<()> {
        let chunk = self.chunks.as_deref().unwrap_or(&[0]);
        let ratio = if self.filters.is_empty() { 1 } else { BEST_RATIO };
        let most = length.saturating_mul(ratio).saturating_add(FREE);
        for shape in [wanted, chunk] {
            let bytes = count(shape).and_then(|count| count.checked_mul(self.width));
            if bytes.is_none_or(|bytes| bytes as u64 > most) {
                let (kind, shape) = (self.describe(), show(shape));
                return Err(Error::malformed(format!("{kind} of shape {shape} is more than {length} bytes can hold")));
            }
        }
        Ok(())
    }

    /// Whether the values are in this file, and can be unpacked.
    pub(super) fn check_storage(&self, length: u64) -> Result<()> {
        match self.place {
            Place::Elsewhere => return Err(Error::unsupported("its values are in other files")),
            Place::Whole(Some(start)) => {
                let end = self.bytes().and_then(|bytes| bytes.checked_add(start));
                if end.is_none_or(|end| end > length) {
                    return Err(Error::malformed("truncated or damaged HDF5: values lie behind its end"));
                }
            }
            _ => {}
        }
        check_filters(&self.filters, self.chunks.as_deref().unwrap_or_default(), self.width)
    }

    /// The number of pieces, of the whole size that the dataset may get where that is known.
    pub(super) fn pieces(&self) -> Option<u64> {
        let (Some(shape), Some(chunks)) = (&self.shape, &self.chunks) else { return Some(0) };
        let most = self.most.as_deref().unwrap_or_default();
        let axes = shape.iter().enumerate().zip(chunks);
        let along = axes.map(|((axis, size), chunk)| match most.get(axis) {
            Some(&most) if most != u64::MAX => most.div_ceil(*chunk as u64),
            _ => size.div_ceil(*chunk) as u64,
        });
        along.into_iter().try_fold(1u64, |pieces, along| pieces.checked_mul(along))
    }
}

fn sizes(dims: &[u64]) -> Result<Vec<usize>> {
    let size = |dim: &u64| usize::try_from(*dim).map_err(|_| Error::malformed("damaged HDF5: an axis without an end"));
    dims.iter().map(size).collect()
}

fn shape(space: &DataspaceMessage) -> Result<Option<Vec<usize>>> {
    if space.is_null() { Ok(None) } else { sizes(&space.dims).map(Some) }
}

fn storage(layout: DataLayoutMessage) -> Result<(Option<Vec<u64>>, Place)> {
    Ok(match layout {
        DataLayoutMessage::Contiguous { address, .. } => {
            (None, Place::Whole(Some(address).filter(|address| *address != UNDEF_ADDR)))
        }
        DataLayoutMessage::Compact { data } => (None, Place::Header(data)),
        DataLayoutMessage::ChunkedV3 { chunk_dims, .. } | DataLayoutMessage::ChunkedV4 { chunk_dims, .. } => {
            if chunk_dims.contains(&0) {
                return Err(Error::malformed("damaged HDF5: chunks of no values"));
            }
            (Some(chunk_dims), Place::Chunks)
        }
        DataLayoutMessage::Virtual { .. } => (None, Place::Elsewhere),
    })
}

/// The number of values; none if it is beyond any memory.
pub(super) fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |count, size| count.checked_mul(*size))
}

/// A shape as Python writes it.
pub(super) fn show(shape: &[usize]) -> String {
    match shape {
        [size] => format!("({size},)"),
        _ => format!("({})", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// A filter as people call it.
pub(super) fn filter_name(filter: &Filter) -> String {
    let name = match filter.id {
        1 => return filter.cd_values.first().map_or("gzip".to_owned(), |level| format!("gzip {level}")),
        2 => "shuffle",
        3 => "fletcher32",
        4 => "szip",
        5 => "nbit",
        6 => "scaleoffset",
        307 => "bzip2",
        32000 => "lzf",
        32001 => "blosc",
        32004 => "lz4",
        32008 => "bitshuffle",
        32013 => "zfp",
        32015 => "zstd",
        32026 => "blosc2",
        other => return format!("filter {other}"),
    };
    name.to_owned()
}

/// Whether the values are in other files, or in other datasets, which can be in other files.
pub(super) fn leads_out(header: &Header, context: &FormatContext) -> bool {
    let layout = header.find(MSG_DATA_LAYOUT).map(|body| DataLayoutMessage::decode(body, context));
    header.has(MSG_EXTERNAL_FILE_LIST) || matches!(layout, Some(Ok((DataLayoutMessage::Virtual { .. }, _))))
}
