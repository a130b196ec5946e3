//! JSON.

use std::io::{self, BufReader, Write as _};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::ser::PrettyFormatter;

use crate::{Dump, Error, Formatter, Input, Load, Output, Result, reader};

/// JSON (RFC 8259) of anything that serde knows, without spaces; [`Json::indent`] for people.
///
/// Numbers come back as the same bits. JSON has no NaN and no infinities: serde writes `null` for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Json;

impl Json {
    /// JSON with one element a line, indented by that many spaces a level.
    pub fn indent(spaces: u8) -> IndentedJson {
        IndentedJson { spaces }
    }
}

/// JSON with one element a line, made by [`Json::indent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndentedJson {
    spaces: u8,
}

impl Formatter for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["json"]
    }
}

impl Formatter for IndentedJson {
    fn name(&self) -> &'static str {
        Json.name()
    }

    fn extensions(&self) -> &'static [&'static str] {
        Json.extensions()
    }
}

impl<T: DeserializeOwned> Load<T> for Json {
    fn load(&self, input: &dyn Input) -> Result<T> {
        // The parser asks for single bytes, for which the standard buffer is made.
        reader::parse(input, |reader| serde_json::from_reader(BufReader::new(reader)).map_err(json_error))
    }
}

impl<T: DeserializeOwned> Load<T> for IndentedJson {
    fn load(&self, input: &dyn Input) -> Result<T> {
        Json.load(input)
    }
}

impl<T: Serialize> Dump<T> for Json {
    fn dump(&self, value: &T, output: &mut dyn Output) -> Result<()> {
        let mut output = io::BufWriter::new(output);
        serde_json::to_writer(&mut output, value).map_err(json_error)?;
        Ok(output.flush()?)
    }
}

impl<T: Serialize> Dump<T> for IndentedJson {
    fn dump(&self, value: &T, output: &mut dyn Output) -> Result<()> {
        let indent = " ".repeat(self.spaces.into());
        let mut output = io::BufWriter::new(output);
        let pretty = PrettyFormatter::with_indent(indent.as_bytes());
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut output, pretty)).map_err(json_error)?;
        output.write_all(b"\n")?;
        Ok(output.flush()?)
    }
}

fn json_error(error: serde_json::Error) -> Error {
    match error.classify() {
        Category::Io => Error::from(io::Error::from(error)),
        Category::Data => Error::wrong_type(error.to_string()),
        Category::Syntax | Category::Eof if error.line() == 0 => Error::wrong_type(error.to_string()),
        Category::Syntax | Category::Eof => Error::malformed(format!("not JSON: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::ErrorKind;
    use crate::memory::Memory;

    fn dumped<T>(value: &T, format: impl Dump<T>) -> String {
        let mut file = Memory::new("a.json", Vec::new());
        format.dump(value, &mut file).unwrap();
        String::from_utf8(file.into_bytes()).unwrap()
    }

    fn load<T>(text: &[u8]) -> Result<T>
    where
        Json: Load<T>,
    {
        Json.load(&Memory::new("a.json", text.into()))
    }

    #[test]
    fn both_layouts() {
        let value = json!({"char": "a", "list": [1, 2.5], "empty": {}});
        assert_eq!(dumped(&value, Json), r#"{"char":"a","empty":{},"list":[1,2.5]}"#);
        let expected =
            "{\n    \"char\": \"a\",\n    \"empty\": {},\n    \"list\": [\n        1,\n        2.5\n    ]\n}\n";
        assert_eq!(dumped(&&value, Json::indent(4)), expected);
        assert_eq!(load::<Value>(expected.as_bytes()).unwrap(), value);
    }

    #[test]
    fn errors_say_whose_fault_it_is() {
        let error = load::<Value>(br#"{"a": [1, 2"#).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert_eq!(error.to_string(), "not JSON: EOF while parsing a list at line 1 column 11");
        assert_eq!(load::<Value>(b"").unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(load::<Value>(b"1 2").unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(load::<Value>(b"\"\xff\"").unwrap_err().kind(), ErrorKind::Malformed);
        assert_eq!(load::<Vec<u8>>(b"[1, 256]").unwrap_err().kind(), ErrorKind::Type);
        let closed = Memory::new("a.json", b"{}".to_vec()).failing();
        let error = Load::<Value>::load(&Json, &closed).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Io, "the door is closed"));
    }

    #[test]
    fn what_json_cannot_hold_is_a_type_error() {
        let map = HashMap::from([(vec![1], 2)]);
        let error = Json.dump(&map, &mut Memory::new("a.json", Vec::new())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Type);
        let error = Json.dump(&1, &mut Memory::new("a.json", Vec::new()).failing()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
    }

    proptest! {
        #[test]
        fn numbers_keep_their_bits(numbers: Vec<(f64, u64, i64)>, name: String) {
            let value = BTreeMap::from([(name, numbers)]);
            prop_assert_eq!(load::<BTreeMap<String, Vec<(f64, u64, i64)>>>(dumped(&value, Json).as_bytes()).unwrap(), value);
        }
    }
}
