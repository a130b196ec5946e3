//! What is in a file, without reading all of it.

use std::io::{BufRead as _, Read};

use super::header::{Header, product, show_shape};
use super::npy::show_values;
use super::npz::{Archive, Member};
use crate::reader::{self, Reader};
use crate::{Input, Result};

/// How much to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peek {
    /// Arrays at most: each costs one request.
    pub arrays: usize,
    /// The first values of each array, at most.
    pub values: usize,
}

impl Default for Peek {
    fn default() -> Self {
        Self { arrays: 100, values: 8 }
    }
}

/// What an npy or npz file holds. Looking reads some kilobytes an array, however large the file is.
///
/// The sizes are checked against the file, so that a truncated one is noticed; the values are not proven by the
/// checksums of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// `npy` or `npz`.
    pub format: &'static str,
    /// All arrays that are there, also those that were not looked at.
    pub count: usize,
    /// The first arrays, in the order of the file.
    pub arrays: Vec<Summary>,
}

/// What stands in front of the values of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The name in an npz file.
    pub name: Option<String>,
    /// NumPy's name of the type, such as `float64` or `int32, big-endian`; for what is no number the code of the
    /// header, such as `<U5`; `no array` for other files in an archive.
    pub dtype: String,
    /// The length of each axis.
    pub shape: Vec<usize>,
    /// Whether the first index is the fastest.
    pub fortran_order: bool,
    /// Whether the values are compressed.
    pub compressed: bool,
    /// Bytes of the values, uncompressed.
    pub bytes: u64,
    /// The first values as text, in the order of the file; none of what is no number.
    pub values: Vec<String>,
}

impl Contents {
    /// Looks into an npy or npz file.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) for another format and for a truncated file; those of
    /// reading.
    pub fn open(input: &dyn Input, peek: Peek) -> Result<Self> {
        reader::parse(input, |mut reader| match Archive::is_start(reader.fill_buf()?) {
            true => Self::of_npz(Archive::open(reader)?, peek),
            false => Self::of_npy(reader, peek),
        })
    }

    fn of_npy(mut reader: Reader<'_>, peek: Peek) -> Result<Self> {
        let total = reader.length();
        let header = Header::read(&mut reader, total)?;
        let array = Summary::of(header, &mut reader, peek.values)?;
        Ok(Self { format: "npy", count: 1, arrays: vec![array] })
    }

    fn of_npz(mut archive: Archive<'_>, peek: Peek) -> Result<Self> {
        let count = archive.len();
        let mut arrays = Vec::new();
        for index in 0..count.min(peek.arrays) {
            let member = archive.member(index)?;
            arrays.push(Summary::of_member(&mut archive, member, peek.values)?);
        }
        Ok(Self { format: "npz", count, arrays })
    }
}

impl Summary {
    /// The shape as Python writes it, such as `(3, 4)`.
    pub fn shape_text(&self) -> String {
        show_shape(&self.shape)
    }

    /// The number of values; none if it is beyond any memory, which only a damaged header of no numbers says.
    pub fn count(&self) -> Option<usize> {
        product(&self.shape)
    }

    fn of_member(archive: &mut Archive<'_>, member: Member, values: usize) -> Result<Self> {
        let Some(name) = member.array.clone() else { return Ok(Self::of_other(member)) };
        let summary = archive.read(&member, |header, reader| Self::of(header, reader, values))?;
        Ok(Self { name: Some(name), compressed: member.compressed, ..summary })
    }

    fn of(header: Header, reader: &mut dyn Read, values: usize) -> Result<Self> {
        let mut summary = Self {
            name: None,
            dtype: header.descr.show(),
            shape: header.shape.clone(),
            fortran_order: header.fortran_order,
            compressed: false,
            bytes: header.bytes,
            values: Vec::new(),
        };
        if header.is_number() {
            summary.values = show_values(&header.layout()?, values, reader)?;
        }
        Ok(summary)
    }

    fn of_other(member: Member) -> Self {
        let Member { file, compressed, size, .. } = member;
        let (dtype, shape, values) = ("no array".into(), Vec::new(), Vec::new());
        Self { name: Some(file), dtype, shape, fortran_order: false, compressed, bytes: size, values }
    }
}
