//! The format that a file's name says.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::compression::{AnyCodec, codec_by_name, dump_packed, load_packed};
use crate::{Dump, Error, Formatter, H5, Input, Json, Load, Numpy, Output, Result, Toml, Yaml, by_extension};

/// Whatever format of serde's objects the extension says: `.json`, `.yaml`, `.toml`, and `.gz`, `.zst`, `.bz2`, `.xz` around any of them.
///
/// ```
/// use std::collections::BTreeMap;
/// use law_formatters::{ByName, FileInput, Load};
/// # let mut file = tempfile::tempfile().unwrap();
/// # std::io::Write::write_all(&mut file, b"cut: 0.5\n").unwrap();
/// let cuts: BTreeMap<String, f64> = ByName.load(&FileInput::new(file, "cuts.yaml")).unwrap();
/// assert_eq!(cuts["cut"], 0.5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByName;

/// What can be told by a name.
enum Named {
    Json,
    Yaml,
    Toml,
    Packed(AnyCodec),
}

impl Named {
    fn of(name: &str) -> Result<Self> {
        if let Some(codec) = codec_by_name(name) {
            return Ok(Self::Packed(codec));
        }
        match by_extension(name).map(Formatter::name) {
            Some("json") => Ok(Self::Json),
            Some("yaml") => Ok(Self::Yaml),
            Some("toml") => Ok(Self::Toml),
            Some(other) if other == H5.name() => Err(Error::unsupported("datasets are loaded and dumped with H5")),
            Some(other) if other == Numpy.name() => Err(Error::unsupported("arrays are loaded and dumped with Numpy")),
            Some(other) => {
                Err(Error::unsupported(format!("a file of format {other} is not one object: name the format")))
            }
            None => Err(Error::unsupported(
                "the name does not tell a format: json, yaml and toml are known, and .gz, .zst, .bz2, .xz around them",
            )),
        }
    }
}

impl Formatter for ByName {
    fn name(&self) -> &'static str {
        "by name"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }
}

impl<T: DeserializeOwned> Load<T> for ByName {
    fn load(&self, input: &dyn Input) -> Result<T> {
        match Named::of(input.name())? {
            Named::Json => Json.load(input),
            Named::Yaml => Yaml.load(input),
            Named::Toml => Toml.load(input),
            Named::Packed(codec) => load_packed(codec, None, self, input),
        }
    }
}

impl<T: Serialize> Dump<T> for ByName {
    fn dump(&self, value: &T, output: &mut dyn Output) -> Result<()> {
        match Named::of(output.name())? {
            Named::Json => Json.dump(value, output),
            Named::Yaml => Yaml.dump(value, output),
            Named::Toml => Toml.dump(value, output),
            Named::Packed(codec) => dump_packed(codec, None, self, value, output),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ErrorKind;
    use crate::memory::Memory;

    #[test]
    fn the_name_says_it() {
        let value = BTreeMap::from([("a".to_owned(), 1)]);
        for (name, start) in [
            ("x.json", &b"{"[..]),
            ("x.YML", b"a: 1"),
            ("x.toml", b"a = 1"),
            ("x.json.gz", b"\x1f\x8b"),
            ("x.toml.zst", b"\x28\xb5"),
        ] {
            let mut file = Memory::new(name, Vec::new());
            ByName.dump(&value, &mut file).unwrap();
            assert!(file.bytes().starts_with(start), "{name}");
            assert_eq!(Load::<BTreeMap<String, i32>>::load(&ByName, &file).unwrap(), value, "{name}");
        }
    }

    #[test]
    fn a_name_that_says_nothing_is_refused_before_anything_is_read() {
        for name in ["x", "x.npz", "x.h5", "x.csv", "x.root", "x.gz"] {
            let file = Memory::new(name, b"{}".to_vec());
            let error = Load::<i32>::load(&ByName, &file).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::Malformed), "{name}: {error}");
            assert!(name == "x.gz" || file.requests() == 0, "{name}");
        }
    }
}
