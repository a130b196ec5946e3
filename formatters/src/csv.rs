//! Tables as text: one row a line.

use std::io::{self, BufRead, Read};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Dump, Error, Formatter, Input, Load, LoadRows, Output, Result, reader};

/// CSV (RFC 4180) of rows that serde knows, with the names of the columns in the first line.
///
/// ```
/// use law_formatters::Csv;
/// let tabs = Csv.separated_by(b'\t').without_header();
/// let rows: Result<Vec<(u32, f64)>, _> = tabs.rows(&b"1\t2.5\n2\t3.5\n"[..]).collect();
/// assert_eq!(rows.unwrap(), [(1, 2.5), (2, 3.5)]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Csv;

/// CSV with options: see [`Csv::separated_by`] and [`Csv::without_header`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CsvOptions {
    separator: u8,
    header: bool,
}

impl Csv {
    /// Another character between the values, such as `;` or a tab.
    pub fn separated_by(self, separator: u8) -> CsvOptions {
        CsvOptions { separator, header: true }
    }

    /// Without a line of names.
    pub fn without_header(self) -> CsvOptions {
        CsvOptions { separator: b',', header: false }
    }
}

impl CsvOptions {
    /// Without a line of names.
    #[must_use]
    pub fn without_header(self) -> Self {
        Self { header: false, ..self }
    }

    /// The rows of a file one by one, in the memory of one row.
    ///
    /// # Errors
    /// Each row may be one: [`ErrorKind::Malformed`](crate::ErrorKind) for a line that is none, `Type` for one that is no `T`.
    pub fn rows<T: DeserializeOwned>(self, file: impl Read) -> impl Iterator<Item = Result<T>> {
        let reader = csv::ReaderBuilder::new().delimiter(self.separator).has_headers(self.header).from_reader(file);
        reader.into_deserialize().map(|row| row.map_err(csv_error))
    }

    fn write<T: Serialize>(self, rows: &[T], output: impl io::Write) -> Result<()> {
        let mut writer =
            csv::WriterBuilder::new().delimiter(self.separator).has_headers(self.header).from_writer(output);
        rows.iter().try_for_each(|row| writer.serialize(row)).map_err(csv_error)?;
        Ok(writer.flush()?)
    }

    /// What the extension says: tabs in a `.tsv`.
    fn of(name: &str) -> Self {
        let tabs = name.to_ascii_lowercase().ends_with(".tsv");
        Csv.separated_by(if tabs { b'\t' } else { b',' })
    }
}

impl Formatter for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["csv", "tsv"]
    }
}

impl Formatter for CsvOptions {
    fn name(&self) -> &'static str {
        Csv.name()
    }

    fn extensions(&self) -> &'static [&'static str] {
        Csv.extensions()
    }
}

impl<T: DeserializeOwned> Load<Vec<T>> for CsvOptions {
    fn load(&self, input: &dyn Input) -> Result<Vec<T>> {
        reader::parse(input, |reader| self.rows(reader).collect())
    }
}

impl<T: DeserializeOwned> Load<Vec<T>> for Csv {
    fn load(&self, input: &dyn Input) -> Result<Vec<T>> {
        CsvOptions::of(input.name()).load(input)
    }
}

impl<T: DeserializeOwned + Send + 'static> LoadRows<T> for CsvOptions {
    fn load_rows(&self, _name: &str, file: Box<dyn BufRead + Send>) -> Box<dyn Iterator<Item = Result<T>> + Send> {
        Box::new(self.rows(file))
    }
}

impl<T: DeserializeOwned + Send + 'static> LoadRows<T> for Csv {
    fn load_rows(&self, name: &str, file: Box<dyn BufRead + Send>) -> Box<dyn Iterator<Item = Result<T>> + Send> {
        CsvOptions::of(name).load_rows(name, file)
    }
}

impl<T: Serialize> Dump<Vec<T>> for CsvOptions {
    fn dump(&self, rows: &Vec<T>, output: &mut dyn Output) -> Result<()> {
        self.write(rows, io::BufWriter::new(output))
    }
}

impl<T: Serialize> Dump<Vec<T>> for Csv {
    fn dump(&self, rows: &Vec<T>, output: &mut dyn Output) -> Result<()> {
        CsvOptions::of(output.name()).dump(rows, output)
    }
}

fn csv_error(error: csv::Error) -> Error {
    let message = format!("not CSV: {error}");
    match error.into_kind() {
        csv::ErrorKind::Io(error) => Error::from(error),
        csv::ErrorKind::Deserialize { err, .. } => Error::wrong_type(err.to_string()),
        csv::ErrorKind::Serialize(why) => Error::wrong_type(why),
        _ => Error::malformed(message),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::ErrorKind;
    use crate::memory::Memory;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Event {
        run: u64,
        mass: f64,
        name: String,
        weight: Option<f32>,
    }

    fn events() -> Vec<Event> {
        let event = |run, mass, name: &str, weight| Event { run, mass, name: name.into(), weight };
        vec![event(1, 0.1, "a, \"b\"", Some(2.5)), event(u64::MAX, 1e300, "two\nlines \u{3b3}", None)]
    }

    #[test]
    fn rows_come_back() {
        for name in ["a.csv", "a.tsv"] {
            let mut file = Memory::new(name, Vec::new());
            Csv.dump(&events(), &mut file).unwrap();
            assert_eq!(Load::<Vec<Event>>::load(&Csv, &file).unwrap(), events());
            assert_eq!(file.bytes().contains(&b'\t'), name == "a.tsv");
        }
        let mut file = Memory::new("a.csv", Vec::new());
        Csv.separated_by(b';').without_header().dump(&vec![(1, 2)], &mut file).unwrap();
        assert_eq!(file.bytes(), b"1;2\n");
    }

    #[test]
    fn errors_say_whose_fault_it_is() {
        let load = |text: &str| Load::<Vec<(u8, u8)>>::load(&Csv, &Memory::new("a.csv", text.into()));
        assert_eq!(load("a,b\n1,2\n").unwrap(), [(1, 2)]);
        assert_eq!(load("a,b\n1\n").unwrap_err().kind(), ErrorKind::Malformed, "a row that is too short");
        assert_eq!(load("a,b\n1,256\n").unwrap_err().kind(), ErrorKind::Type);
    }
}
