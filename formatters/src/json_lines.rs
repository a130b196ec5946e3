//! JSON lines: one JSON value a line.

use std::io::{self, BufRead, Write as _};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Dump, Error, Formatter, Input, Load, LoadRows, Output, Result, reader};

/// The longest line that is read: more is no line but a mistake.
const LONGEST: u64 = 256 * 1024 * 1024;

/// One JSON value a line (jsonlines.org), of anything that serde knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JsonLines;

impl JsonLines {
    /// The values of a file one by one, in the memory of one line. Empty lines are passed over.
    ///
    /// # Errors
    /// Each value may be one, which names its line: [`ErrorKind::Malformed`](crate::ErrorKind) or `Type`. The first of reading is the
    /// last.
    pub fn rows<T: DeserializeOwned>(self, file: impl BufRead) -> impl Iterator<Item = Result<T>> {
        Rows { file, line: Vec::new(), number: 0, ended: false, value: std::marker::PhantomData }
    }
}

struct Rows<R, T> {
    file: R,
    line: Vec<u8>,
    number: u64,
    ended: bool,
    value: std::marker::PhantomData<fn() -> T>,
}

impl<R: BufRead, T: DeserializeOwned> Rows<R, T> {
    /// The next line that is not empty; none at the end.
    fn next_line(&mut self) -> Result<Option<&[u8]>> {
        loop {
            self.line.clear();
            self.number += 1;
            let read = io::Read::take(&mut self.file, LONGEST).read_until(b'\n', &mut self.line)?;
            if read as u64 == LONGEST {
                return Err(Error::malformed("a line of more than 256 MiB"));
            }
            if read == 0 {
                return Ok(None);
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some(self.line.trim_ascii()));
            }
        }
    }
}

impl<R: BufRead, T: DeserializeOwned> Iterator for Rows<R, T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        if self.ended {
            return None;
        }
        let parsed = self.next_line().map(|line| line.map(serde_json::from_slice::<T>));
        match parsed {
            Ok(None) => None,
            Ok(Some(Ok(value))) => Some(Ok(value)),
            Ok(Some(Err(error))) if error.is_data() => {
                Some(Err(Error::wrong_type(format!("line {}: {error}", self.number))))
            }
            Ok(Some(Err(error))) => Some(Err(Error::malformed(format!("not JSON in line {}: {error}", self.number)))),
            Err(error) => {
                self.ended = true;
                Some(Err(error))
            }
        }
    }
}

impl Formatter for JsonLines {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["jsonl", "ndjson"]
    }
}

impl<T: DeserializeOwned> Load<Vec<T>> for JsonLines {
    fn load(&self, input: &dyn Input) -> Result<Vec<T>> {
        reader::parse(input, |reader| self.rows(reader).collect())
    }
}

impl<T: DeserializeOwned + 'static> LoadRows<T> for JsonLines {
    fn load_rows(&self, _name: &str, file: Box<dyn BufRead + Send>) -> Box<dyn Iterator<Item = Result<T>> + Send> {
        Box::new(self.rows(file))
    }
}

impl<T: Serialize> Dump<Vec<T>> for JsonLines {
    fn dump(&self, rows: &Vec<T>, output: &mut dyn Output) -> Result<()> {
        let mut output = io::BufWriter::new(output);
        for row in rows {
            serde_json::to_writer(&mut output, row).map_err(|error| match error.is_io() {
                true => Error::from(io::Error::from(error)),
                false => Error::wrong_type(error.to_string()),
            })?;
            output.write_all(b"\n")?;
        }
        Ok(output.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::ErrorKind;
    use crate::memory::Memory;

    fn load<T: DeserializeOwned>(text: &[u8]) -> Result<Vec<T>> {
        JsonLines.load(&Memory::new("a.jsonl", text.into()))
    }

    #[test]
    fn values_come_back() {
        let rows = vec![json!({"text": "two\nlines"}), json!([1, 2.5]), Value::Null];
        let mut file = Memory::new("a.jsonl", Vec::new());
        JsonLines.dump(&rows, &mut file).unwrap();
        assert_eq!(file.bytes().iter().filter(|byte| **byte == b'\n').count(), 3);
        assert_eq!(Load::<Vec<Value>>::load(&JsonLines, &file).unwrap(), rows);
        assert_eq!(load::<u8>(b"1\r\n\n 2").unwrap(), [1, 2], "empty lines, and no end of the last");
    }

    #[test]
    fn errors_name_the_line() {
        let error = load::<u8>(b"1\n\n1 2\n").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert!(error.to_string().contains("line 3"), "{error}");
        assert_eq!(load::<u8>(b"1\n256\n").unwrap_err().kind(), ErrorKind::Type);
        let rows: Vec<_> = JsonLines.rows::<u8>(&b"1\nx\n3\n"[..]).map(|row| row.ok()).collect();
        assert_eq!(rows, [Some(1), None, Some(3)], "one bad line does not hide the others");
    }
}
