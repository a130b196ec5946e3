//! Formats of files: from bytes to an object, and back.
//!
//! This crate knows no storage. It reads from an [`Input`] and writes to an [`Output`]; targets implement both.

mod error;
mod io;
mod json;
#[cfg(test)]
mod memory;
pub mod numpy;
mod reader;
mod text;

pub use error::{Error, ErrorKind, Result};
pub use io::{FileInput, Input, Output};
pub use json::{IndentedJson, Json};
pub use numpy::Numpy;
pub use text::Text;

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

/// The format that files of that name usually have; none if the extension is unknown.
pub fn by_extension(name: &str) -> Option<&'static dyn Formatter> {
    const KNOWN: [&dyn Formatter; 3] = [&Numpy, &Json, &Text];
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
            ("a.root", None),
            (".json", None),
            ("json", None),
        ] {
            assert_eq!(by_extension(name).map(Formatter::name), expected, "{name}");
        }
    }
}
