//! Datasets in HDF5 files, as h5py and the C library write them.
//!
//! Numbers of all of NumPy's types go both ways, booleans and complex numbers as h5py writes them, and texts; so do
//! groups and attributes. What is read may be of either order of bytes, in pieces, compressed (gzip, lzf, shuffled,
//! with checksums), and of any version of the format. Records, references, and what lies in other files are refused: a
//! file can never make this crate open another one.
//!
//! A number is loaded as a wider type where that loses nothing, such as `float32` as `f64`; every other change of type
//! is an error.
//!
//! ```
//! use law_formatters::hdf5::{Dataset, Datasets, H5};
//! use law_formatters::{Dump, FileInput, Load, Output};
//! use ndarray::{Array1, Array2, array};
//!
//! # struct File(std::fs::File);
//! # impl std::io::Write for File {
//! #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> { self.0.write(bytes) }
//! #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
//! # }
//! # impl Output for File { fn name(&self) -> &str { "hits.h5" } }
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("hits.h5");
//! # let mut file = File(std::fs::File::create(&path)?);
//! let energy = Dataset::new(array![0.5, 2.5, 7.5]).with("unit", "GeV");
//! let all = Datasets::new().with("events/hits", array![[1, 2], [3, 4]]).with("events/energy", energy);
//! H5.compressed().dump(&all, &mut file)?;
//!
//! let input = FileInput::new(std::fs::File::open(path)?, "hits.h5");
//! let hits: Array2<i64> = H5.named("events/hits").load(&input)?; // stored as int32, which int64 holds
//! assert_eq!(hits[[1, 1]], 4);
//! let few: Array1<f64> = H5.named("events/energy").rows(1..3).load(&input)?;
//! assert_eq!(few, array![2.5, 7.5]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attributes;
mod blocks;
mod catalog;
mod contents;
mod datasets;
mod datatype;
mod dump;
mod header;
#[cfg(test)]
mod hostile;
mod index;
mod item;
mod layout;
mod load;
mod local;
mod numbers;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod values;
mod write;

use std::ops::Range;

pub use attributes::{Attribute, Attributes};
pub use contents::{Contents, Entry, EntryKind, Peek};
pub use datasets::{Dataset, Datasets};
pub use dump::Content;
pub use item::Item;
pub use values::Values;

use crate::Formatter;

/// The first bytes of an HDF5 file, unless something else stands in front of them.
pub const MAGIC: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

/// The name that a single array gets if none is said.
const USUAL_NAME: &str = "data";

/// Datasets in HDF5 files.
///
/// An array is loaded as `Array<A, D>`, where `A` is a number, `bool` or `String`; as [`Values`] or
/// [`DynArray`](crate::numpy::DynArray) if its type is not known before; with its attributes as [`Dataset`]. All of a
/// file, or of a group, is [`Datasets`]; [`Attributes`] are those of one dataset or group.
///
/// Without a name the only dataset of a file is loaded, or that which is named `data`, which is also what a single array
/// is written as.
///
/// Files are read where they lie on a local disk; others are copied to the place for temporary files first. Those that
/// are written are finished there, too, before they go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct H5;

/// [`H5`] with choices. Made by the methods of [`H5`], which have the same names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct H5Options {
    name: Option<String>,
    level: Option<u32>,
    chunks: Option<Vec<usize>>,
    part: Option<Part>,
}

/// What to read of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Rows(Range<usize>),
    Box(Vec<Range<usize>>),
}

impl H5 {
    /// The dataset of that path, such as `events/pt`; of [`Datasets`] and [`Attributes`], those of that group.
    pub fn named(self, name: impl Into<String>) -> H5Options {
        H5Options::default().named(name)
    }

    /// Writes compressed datasets: shuffled, then gzip of level 4, which is h5py's usual. Single values and empty arrays
    /// stay as they are, as do texts.
    pub fn compressed(self) -> H5Options {
        H5Options::default().compressed()
    }

    /// The same as fast as possible (1) to as well as possible (9); what is beyond means the nearest.
    pub fn compressed_level(self, level: u32) -> H5Options {
        H5Options::default().compressed_level(level)
    }

    /// Writes numbers in pieces of that shape, which then can be read one by one. Without it, compressed datasets have pieces of
    /// whole rows, of about a megabyte.
    pub fn chunked(self, shape: &[usize]) -> H5Options {
        H5Options::default().chunked(shape)
    }

    /// Reads only these indices of the first axis.
    pub fn rows(self, rows: Range<usize>) -> H5Options {
        H5Options::default().rows(rows)
    }

    /// Reads only these indices, a range for each axis.
    pub fn slice(self, ranges: &[Range<usize>]) -> H5Options {
        H5Options::default().slice(ranges)
    }
}

impl H5Options {
    /// As [`H5::named`].
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// As [`H5::compressed`].
    #[must_use]
    pub fn compressed(self) -> Self {
        self.compressed_level(4)
    }

    /// As [`H5::compressed_level`].
    #[must_use]
    pub fn compressed_level(self, level: u32) -> Self {
        Self { level: Some(level.clamp(1, 9)), ..self }
    }

    /// As [`H5::chunked`].
    #[must_use]
    pub fn chunked(self, shape: &[usize]) -> Self {
        Self { chunks: Some(shape.to_vec()), ..self }
    }

    /// As [`H5::rows`].
    #[must_use]
    pub fn rows(self, rows: Range<usize>) -> Self {
        Self { part: Some(Part::Rows(rows)), ..self }
    }

    /// As [`H5::slice`].
    #[must_use]
    pub fn slice(self, ranges: &[Range<usize>]) -> Self {
        Self { part: Some(Part::Box(ranges.to_vec())), ..self }
    }
}

macro_rules! formatter {
    ($($format:ty),*) => {
        $(impl Formatter for $format {
            fn name(&self) -> &'static str {
                "hdf5"
            }

            fn extensions(&self) -> &'static [&'static str] {
                &["h5", "hdf5"]
            }
        })*
    };
}
formatter!(H5, H5Options);

/// A path without slashes at its ends.
fn trimmed(path: &str) -> &str {
    path.trim_matches('/')
}
