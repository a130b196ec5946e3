//! TOML.

use std::io::Read as _;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Dump, Error, Formatter, Input, Load, Output, Result, reader};

/// TOML 1.0 of anything that serde makes a table of, laid out for people. It has no null: what is `None` is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Toml;

impl Formatter for Toml {
    fn name(&self) -> &'static str {
        "toml"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["toml"]
    }
}

impl<T: DeserializeOwned> Load<T> for Toml {
    fn load(&self, input: &dyn Input) -> Result<T> {
        let mut text = String::new();
        reader::parse(input, |mut reader| Ok(reader.read_to_string(&mut text)?))?;
        // Syntax first, so that a wrong type is not taken for a broken file.
        let table: toml::Table =
            text.parse().map_err(|e: toml::de::Error| Error::malformed(one_line("not TOML", &e)))?;
        table.try_into().map_err(|e: toml::de::Error| Error::wrong_type(one_line("another type", &e)))
    }
}

impl<T: Serialize> Dump<T> for Toml {
    fn dump(&self, value: &T, output: &mut dyn Output) -> Result<()> {
        let text = toml::to_string_pretty(value).map_err(|e| Error::wrong_type(e.to_string()))?;
        Ok(output.write_all(text.as_bytes())?)
    }
}

fn one_line(what: &str, error: &toml::de::Error) -> String {
    format!("{what}: {}", error.message())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ErrorKind;
    use crate::memory::Memory;

    fn load<T: DeserializeOwned>(text: &[u8]) -> Result<T> {
        Toml.load(&Memory::new("a.toml", text.into()))
    }

    #[test]
    fn tables_come_back() {
        let value = BTreeMap::from([("cuts".to_owned(), vec![0.1, 1e300, -0.0]), ("empty".to_owned(), vec![])]);
        let mut file = Memory::new("a.toml", Vec::new());
        Toml.dump(&value, &mut file).unwrap();
        assert_eq!(Load::<BTreeMap<String, Vec<f64>>>::load(&Toml, &file).unwrap(), value);
    }

    #[test]
    fn errors_say_whose_fault_it_is() {
        assert_eq!(load::<toml::Table>(b"a = ").unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(load::<toml::Table>(b"a = \"\xff\"").unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(load::<BTreeMap<String, u8>>(b"a = 256").unwrap_err().kind(), ErrorKind::Type);
        let none = Toml.dump(&1, &mut Memory::new("a.toml", Vec::new()));
        assert_eq!(none.unwrap_err().kind(), ErrorKind::Type, "a number is no table");
    }
}
