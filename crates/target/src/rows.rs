//! Tables row by row.

use std::fmt;
use std::io::{self, BufReader, Read};

use law_formatters::{ErrorKind, FileInput, Input as _, LoadRows};
use law_storage::{CHUNK, Result};

use crate::FileTarget;
use crate::bridge::format_error_of;
use crate::localize::LocalizedRead;

/// The rows of a file, one by one: see [`FileTarget::rows`].
pub struct Rows<T> {
    rows: Option<Box<dyn Iterator<Item = law_formatters::Result<T>> + Send>>,
    target: FileTarget,
    /// The copy stays as long as it is read.
    _local: LocalizedRead,
}

impl FileTarget {
    /// The rows of a table one by one, in the memory of one row. The file is fetched to the local disk and proven to be the
    /// target's before the first row is given.
    ///
    /// ```
    /// # fn main() -> law_storage::Result<()> {
    /// use law_formatters::JsonLines; // or Csv
    /// # let directory = law_target::DirectoryTarget::temporary()?;
    /// # let events = directory.child("events.jsonl");
    /// # events.dump(vec![(1_u32, 2.5_f64), (2, 3.5)], JsonLines)?;
    /// let mut sum = 0.0;
    /// for row in events.rows::<(u32, f64)>(JsonLines)? {
    ///     sum += row?.1;
    /// }
    /// assert_eq!(sum, 6.0);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`, `Integrity`; those of reading and of the local disk. Each row may be an error, too: `Malformed`
    /// for one that does not follow the format or is no `T`, after which the next row comes; an error of reading is the
    /// last.
    pub fn rows<T>(&self, format: impl LoadRows<T>) -> Result<Rows<T>> {
        Rows::of(self, self.localize_read()?, &format)
    }

    /// As [`rows`](Self::rows), within a runtime: the file is fetched without blocking; each row is read from the local disk.
    ///
    /// # Errors
    /// As [`rows`](Self::rows).
    pub async fn rows_async<T>(&self, format: impl LoadRows<T>) -> Result<Rows<T>> {
        Rows::of(self, self.localize_read_async().await?, &format)
    }
}

impl<T> Rows<T> {
    fn of(target: &FileTarget, local: LocalizedRead, format: &impl LoadRows<T>) -> Result<Self> {
        let name = target.basename();
        let input = FileInput::new(local.file().file().try_clone()?, &name);
        let reader = BufReader::with_capacity(CHUNK, Sequential { input, position: 0 });
        let rows = Some(format.load_rows(&name, Box::new(reader)));
        Ok(Self { rows, target: target.clone(), _local: local })
    }
}

impl<T> Iterator for Rows<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        let row = self.rows.as_mut()?.next();
        let broke = |error: &law_formatters::Error| error.kind() == ErrorKind::Io;
        if row.as_ref().is_none_or(|row| row.as_ref().is_err_and(broke)) {
            self.rows = None;
        }
        row.map(|row| row.map_err(|error| format_error_of(&self.target, error)))
    }
}

/// A local file from its beginning on; copies of the handle share its position, which is not used therefore.
struct Sequential {
    input: FileInput,
    position: u64,
}

impl Read for Sequential {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read_at(self.position, buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl<T> fmt::Debug for Rows<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rows({})", self.target)
    }
}
