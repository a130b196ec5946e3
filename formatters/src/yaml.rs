//! YAML.

use std::io::Read as _;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Dump, Error, Formatter, Input, Load, Output, Result, reader};

/// YAML 1.2 of anything that serde knows. Files are read safely: no tag runs anything, and aliases that blow up are refused.
///
/// PyYAML writes YAML 1.1, where a text such as `1e3` needs no quotes; YAML 1.2 reads it as a number. Ours are quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Yaml;

impl Formatter for Yaml {
    fn name(&self) -> &'static str {
        "yaml"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["yaml", "yml"]
    }
}

impl<T: DeserializeOwned> Load<T> for Yaml {
    fn load(&self, input: &dyn Input) -> Result<T> {
        let mut text = String::new();
        reader::parse(input, |mut reader| Ok(reader.read_to_string(&mut text)?))?;
        serde_saphyr::from_str(&text).map_err(|error| explain(&text, &error))
    }
}

/// What is no YAML at all is the file's fault; YAML of another type is the caller's.
fn explain(text: &str, error: &serde_saphyr::Error) -> Error {
    let message = error.to_string();
    let message = message.lines().next().unwrap_or_default().to_owned();
    match serde_saphyr::from_str::<serde_json::Value>(text) {
        Ok(_) => Error::wrong_type(message),
        Err(_) => Error::malformed(format!("not YAML: {message}")),
    }
}

impl<T: Serialize> Dump<T> for Yaml {
    fn dump(&self, value: &T, output: &mut dyn Output) -> Result<()> {
        let text = serde_saphyr::to_string(value).map_err(|e| Error::wrong_type(e.to_string()))?;
        Ok(output.write_all(text.as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::ErrorKind;
    use crate::memory::Memory;

    fn load<T: DeserializeOwned>(text: &[u8]) -> Result<T> {
        Yaml.load(&Memory::new("a.yaml", text.into()))
    }

    #[test]
    fn values_come_back() {
        let value = json!({
            "text": ["yes", "no", "null", "~", "1e3", "0x10", " padded ", "a: b", "# no comment", "two\nlines\n", ""],
            "numbers": [1, -2.5, 1e300, 0.1],
            "nested": {"empty": {}, "list": [[], [null, true]]},
        });
        let mut file = Memory::new("a.yaml", Vec::new());
        Yaml.dump(&value, &mut file).unwrap();
        assert_eq!(Load::<Value>::load(&Yaml, &file).unwrap(), value);
    }

    #[test]
    fn errors_say_whose_fault_it_is() {
        for bad in [&b"a: [1, 2"[..], b"a: b: c", b"\xff", b"a: &x [*x]"] {
            assert_eq!(load::<Value>(bad).unwrap_err().kind(), ErrorKind::Malformed, "{bad:?}");
        }
        assert_eq!(load::<BTreeMap<String, u8>>(b"a: 256").unwrap_err().kind(), ErrorKind::Type);
    }

    #[test]
    fn aliases_that_blow_up_are_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let above = level - 1;
            text += &format!(
                "a{level}: &a{level} [*a{above}, *a{above}, *a{above}, *a{above}, *a{above}, *a{above}, *a{above}]\n"
            );
        }
        assert!(load::<Value>(text.as_bytes()).is_err());
    }
}
