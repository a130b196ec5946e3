//! Formats of files: from bytes to an object, and back.
//!
//! This crate knows no storage. It reads from an [`Input`] and writes to an [`Output`]; targets implement both.

mod by_name;
mod csv;
mod error;
mod gzip;
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

pub use by_name::ByName;
pub use csv::{Csv, CsvOptions};
pub use error::{Error, ErrorKind, Result};
pub use gzip::{Gzip, gzip_beginning};
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
pub const KNOWN: [&dyn Formatter; 7] = [&Numpy, &Json, &JsonLines, &Yaml, &Toml, &Csv, &Text];

/// The format that files of that name usually have; none if the extension is unknown.
pub fn by_extension(name: &str) -> Option<&'static dyn Formatter> {
    let extension = std::path::Path::new(name).extension()?.to_str()?.to_ascii_lowercase();
    KNOWN.into_iter().find(|format| format.extensions().contains(&extension.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_by_extension() {
        for (name, expected) in [
            ("a.npz", Some("numpy")),
            ("x/a.b.NPY", Some("numpy")),
            ("a.json", Some("json")),
            ("a.log", Some("text")),
            ("a.yml", Some("yaml")),
            ("a.toml", Some("toml")),
            ("a.tsv", Some("csv")),
            ("a.ndjson", Some("jsonl")),
            ("a.root", None),
            (".json", None),
            ("json", None),
        ] {
            assert_eq!(by_extension(name).map(Formatter::name), expected, "{name}");
        }
    }
}
