//! Rows of a table within a compression: unpacked as they are read.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::codec::Codec;
use super::limit::Limit;
use super::not_packed;
use crate::{Error, LoadRows, Result};

/// The rows of what is inside, in the memory of one row and of the compression's window.
pub(super) fn unpacked<T: 'static, C: Codec>(
    inner: &impl LoadRows<T>,
    most: Option<u64>,
    name: &str,
    packed: Box<dyn BufRead + Send>,
) -> Box<dyn Iterator<Item = Result<T>> + Send> {
    let state = Shared::default();
    let unpacked = match C::unpack_anywhere(Box::new(Packed { file: packed, state: state.clone() })) {
        Ok(unpacked) => unpacked,
        Err(error) => {
            let error = state.failed_before().unwrap_or_else(|| not_packed(C::NAME, &error));
            return Box::new(std::iter::once_with(|| Err(error)));
        }
    };
    let unpacking = Unpacking { unpacked, codec: C::NAME, limit: Limit::of(0, most), most, state: state.clone() };
    let rows = inner.load_rows(C::inner_name(name), Box::new(BufReader::new(unpacking)));
    Box::new(Rows { rows: Some(rows), state })
}

/// What is known on both sides of a compression.
#[derive(Default)]
struct State {
    /// Bytes that were unpacked so far.
    packed: u64,
    /// Why no more can be read: what a parser makes of it may be anything.
    failure: Option<Error>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<State>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed_before(&self) -> Option<Error> {
        self.lock().failure.take()
    }

    /// Keeps the first failure, and says as little as a parser needs.
    fn fail(&self, error: Error) -> io::Error {
        self.lock().failure.get_or_insert(error);
        io::ErrorKind::Other.into()
    }
}

/// The file, of which is counted how much was read.
struct Packed {
    file: Box<dyn BufRead + Send>,
    state: Shared,
}

impl BufRead for Packed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let state = &self.state;
        self.file.fill_buf().map_err(|error| state.fail(Error::from(error)))
    }

    fn consume(&mut self, amount: usize) {
        self.file.consume(amount);
        self.state.lock().packed += amount as u64;
    }
}

impl Read for Packed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

/// What is inside, as long as it is no bomb.
struct Unpacking {
    unpacked: Box<dyn Read + Send>,
    codec: &'static str,
    limit: Limit,
    most: Option<u64>,
    state: Shared,
}

impl Read for Unpacking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.unpacked.read(buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => return Err(self.state.fail(not_packed(self.codec, &error))),
        };
        self.limit = self.limit.or_of(self.state.lock().packed, self.most);
        self.limit.take(read as u64).map_err(|bomb| self.state.fail(bomb))?;
        Ok(read)
    }
}

/// Rows that end where no more can be read, with the reason.
struct Rows<T> {
    rows: Option<Box<dyn Iterator<Item = Result<T>> + Send>>,
    state: Shared,
}

impl<T> Iterator for Rows<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        let row = self.rows.as_mut()?.next();
        if matches!(row, Some(Ok(_))) {
            return row;
        }
        let Some(failure) = self.state.failed_before() else { return row };
        self.rows = None;
        Some(Err(failure))
    }
}
