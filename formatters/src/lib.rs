//! Formats of files: from bytes to an object, and back.
//!
//! This crate knows no storage. It reads from an [`Input`] and writes to an [`Output`]; targets implement both.

use std::io::BufRead;

mod archive;
mod by_name;
mod compression;
mod csv;
mod error;
pub mod hdf5;
mod io;
mod json;
mod json_lines;
#[cfg(test)]
mod memory;
pub mod numpy;
mod reader;
mod text;
mod toml;
mod yaml;

pub use archive::{Archive, Content, Extract, Member, MemberKind, OneMember, Tar, Visit, Zip, first_members};
pub use by_name::ByName;
pub use compression::{Beginning, Bzip2, Compressed, Gzip, Xz, Zstd, codec, compressed_beginning, compressions};
pub use csv::{Csv, CsvOptions};
pub use error::{Error, ErrorKind, Result};
pub use hdf5::H5;
pub use io::{FileInput, Input, Output};
pub use json::{IndentedJson, Json};
pub use json_lines::JsonLines;
pub use numpy::Numpy;
pub use text::Text;
pub use toml::Toml;
pub use yaml::Yaml;

/// A format, as its name and the extensions of its files.
pub trait Formatter {
    /// One word, such as `json`.
    fn name(&self) -> &'static str;

    /// The extensions of its files, without the dot; the usual one first.
    fn extensions(&self) -> &'static [&'static str];
}

/// A format that makes a `T` of bytes.
pub trait Load<T>: Formatter {
    /// Reads a file as an object.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] for bytes that do not follow the format, [`ErrorKind::Type`] for an object of another
    /// type than `T`, [`ErrorKind::Io`] for those of reading.
    fn load(&self, input: &dyn Input) -> Result<T>;
}

/// A format of rows, which come one by one.
pub trait LoadRows<T>: Formatter {
    /// The rows of a file of that name, in the memory of one row.
    ///
    /// # Errors
    /// Each row may be one: [`ErrorKind::Malformed`] for one that does not follow the format, [`ErrorKind::Type`] for one
    /// that is no `T`, [`ErrorKind::Io`] for those of reading, of which the first is the last item that counts.
    fn load_rows(&self, name: &str, file: Box<dyn BufRead + Send>) -> Box<dyn Iterator<Item = Result<T>> + Send>;
}

/// A format that writes a `T`.
pub trait Dump<T>: Formatter {
    /// Writes an object as a file.
    ///
    /// # Errors
    /// [`ErrorKind::Type`] for an object that the format cannot hold, [`ErrorKind::Io`] for those of writing; what was
    /// written until then is no file.
    fn dump(&self, value: &T, output: &mut dyn Output) -> Result<()>;
}

/// All formats that have extensions of their own.
pub const KNOWN: [&dyn Formatter; 10] = [&Numpy, &H5, &Json, &JsonLines, &Yaml, &Toml, &Csv, &Text, &Tar, &Zip];

/// The format that files of that name usually have; none if the extension is unknown.
pub fn by_extension(name: &str) -> Option<&'static dyn Formatter> {
    let name = name.rsplit('/').next()?.to_ascii_lowercase();
    let ends_in = |extension: &&str| {
        name.strip_suffix(extension).and_then(|stem| stem.strip_suffix('.')).is_some_and(|stem| !stem.is_empty())
    };
    KNOWN.into_iter().find(|format| format.extensions().iter().any(ends_in))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_by_extension() {
        for (name, expected) in [
            ("a.npz", Some("numpy")),
            ("x/a.b.NPY", Some("numpy")),
            ("a.h5", Some("hdf5")),
            ("a.HDF5", Some("hdf5")),
            ("a.json", Some("json")),
            ("a.log", Some("text")),
            ("a.yml", Some("yaml")),
            ("a.toml", Some("toml")),
            ("a.tsv", Some("csv")),
            ("a.ndjson", Some("jsonl")),
            ("a.tar.gz", Some("tar")),
            ("a.TGZ", Some("tar")),
            ("a.zip", Some("zip")),
            ("a.gz", None),
            ("a.root", None),
            (".json", None),
            ("json", None),
        ] {
            assert_eq!(by_extension(name).map(Formatter::name), expected, "{name}");
        }
    }
}
