//! Arrays in NumPy's files: npy (NEP 1, versions 1 to 3 of the header) and npz.
//!
//! All numeric types go both ways, in both orders of memory, of any number of dimensions. Files of either order of bytes
//! are read; written are the bytes that `numpy.save` writes on a little-endian machine. Structured types, strings and
//! dates are refused, and so are Python objects: nothing in a file is ever executed.
//!
//! ```
//! use law_formatters::numpy::{NamedArrays, Numpy};
//! use law_formatters::{Dump, FileInput, Load, Output};
//! use ndarray::{Array2, array};
//!
//! # struct File(std::fs::File);
//! # impl std::io::Write for File {
//! #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> { self.0.write(bytes) }
//! #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
//! # }
//! # impl Output for File { fn name(&self) -> &str { "hits.npz" } }
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("hits.npz");
//! # let mut file = File(std::fs::File::create(&path)?);
//! let arrays = NamedArrays::new().with("hits", array![[1, 2, 3], [4, 5, 6]]).with("energy", array![0.5, 2.5]);
//! Numpy::compressed().dump(&arrays, &mut file)?; // a file that is named hits.npz
//!
//! let input = FileInput::new(std::fs::File::open(path)?, "hits.npz");
//! let hits: Array2<i32> = Numpy::named("hits").load(&input)?;
//! assert_eq!(hits[[1, 2]], 6);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod array;
mod contents;
mod dtype;
mod dump;
mod header;
#[cfg(test)]
mod hostile;
mod literal;
mod load;
mod npy;
mod npz;
#[cfg(test)]
mod tests;

pub use array::{DynArray, NamedArrays};
pub use contents::{Contents, Peek, Summary};
pub(crate) use dtype::{Codec, Endian, for_each_dtype};
pub use dtype::{DType, Element};
pub use dump::Arrays;

use crate::Formatter;

/// Arrays of numbers as npy or npz files. What is written depends on the extension; what is read, on the content.
///
/// An array is loaded as `Array<A, D>` if its type and number of dimensions are known, else as [`DynArray`]. An npz file
/// of several arrays is loaded as [`NamedArrays`], or one of them by [`Numpy::named`]. A single array is written to an
/// npz file under the name `arr_0`, as `numpy.savez` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Numpy;

/// [`Numpy`] that writes compressed npz files. Made by [`Numpy::compressed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CompressedNumpy;

/// [`Numpy`] that reads one array of several. Made by [`Numpy::named`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedNumpy {
    name: String,
}

impl Numpy {
    /// Writes compressed npz files, by deflate, as `numpy.savez_compressed` does.
    pub fn compressed() -> CompressedNumpy {
        CompressedNumpy
    }

    /// Reads the array of that name from an npz file.
    pub fn named(name: impl Into<String>) -> NamedNumpy {
        NamedNumpy { name: name.into() }
    }
}

macro_rules! formatter {
    ($($format:ty),*) => {
        $(impl Formatter for $format {
            fn name(&self) -> &'static str {
                "numpy"
            }

            fn extensions(&self) -> &'static [&'static str] {
                &["npy", "npz"]
            }
        })*
    };
}
formatter!(Numpy, CompressedNumpy, NamedNumpy);
