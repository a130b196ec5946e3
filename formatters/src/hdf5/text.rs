//! Texts: of a fixed size, or in heaps that are shared by all texts of a file.

use std::collections::HashMap;

use rust_hdf5::format::global_heap::{GlobalHeapCollection, decode_vlen_reference, vlen_reference_size};
use rust_hdf5::format::messages::datatype::fixed_string_content;
use rust_hdf5::format::{FormatContext, UNDEF_ADDR};

use super::blocks::{Blocks, damaged};
use crate::{Error, Result};

/// Bytes of a heap's beginning that say how long it is.
const HEAP_BEGINNING: usize = 32;
/// Heaps that are kept while texts are read.
const MOST_HEAPS: usize = 64;

/// Texts of `size` bytes each, without their padding.
pub(super) fn fixed(bytes: &[u8], size: usize, padding: u8) -> Result<Vec<String>> {
    let text = |item: &[u8]| {
        let content = fixed_string_content(item, padding);
        utf8(content.ok_or_else(|| Error::unsupported(format!("texts with padding {padding}")))?)
    };
    bytes.chunks_exact(size).map(text).collect()
}

fn utf8(bytes: &[u8]) -> Result<String> {
    // What stands behind a zero is no part of a text, as the C library reads it.
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let text = String::from_utf8(bytes[..end].to_vec());
    text.map_err(|_| Error::wrong_type("holds bytes that are no UTF-8"))
}

/// Texts behind references.
pub(super) struct Texts<'b, 'i> {
    blocks: &'b mut Blocks<'i>,
    context: FormatContext,
    heaps: HashMap<u64, HashMap<u32, Vec<u8>>>,
}

impl<'b, 'i> Texts<'b, 'i> {
    pub(super) fn new(blocks: &'b mut Blocks<'i>, context: FormatContext) -> Self {
        Self { blocks, context, heaps: HashMap::new() }
    }

    /// The texts of some references.
    pub(super) fn read(&mut self, references: &[u8]) -> Result<Vec<String>> {
        let size = vlen_reference_size(&self.context);
        references.chunks_exact(size).map(|reference| self.text(reference)).collect()
    }

    fn text(&mut self, reference: &[u8]) -> Result<String> {
        let (length, heap, index) = decode_vlen_reference(reference, &self.context).map_err(damaged)?;
        // What was never written is empty.
        if length == 0 || heap == UNDEF_ADDR || heap == 0 {
            return Ok(String::new());
        }
        let text = utf8(self.object(heap, index)?.get(..length as usize).ok_or_else(missing)?)?;
        self.blocks.take_values(text.len() as u64)?;
        Ok(text)
    }

    fn object(&mut self, heap: u64, index: u32) -> Result<&[u8]> {
        if !self.heaps.contains_key(&heap) {
            if self.heaps.len() >= MOST_HEAPS {
                self.heaps.clear();
            }
            let objects = self.heap(heap)?;
            self.heaps.insert(heap, objects);
        }
        self.heaps.get(&heap).and_then(|objects| objects.get(&index)).map(Vec::as_slice).ok_or_else(missing)
    }

    fn heap(&mut self, address: u64) -> Result<HashMap<u32, Vec<u8>>> {
        let beginning = self.blocks.at_most(address, HEAP_BEGINNING)?;
        let size = GlobalHeapCollection::decode_size(&beginning, &self.context).map_err(damaged)?;
        let bytes = self.blocks.exactly(address, size as u64)?;
        let (heap, _) = GlobalHeapCollection::decode(&bytes, &self.context).map_err(damaged)?;
        Ok(heap.objects.into_iter().map(|object| (u32::from(object.index), object.data)).collect())
    }
}

fn missing() -> Error {
    Error::malformed("damaged HDF5: a text is not where it should be")
}
