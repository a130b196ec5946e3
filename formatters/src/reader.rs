//! An input as a stream, read through few large windows.

use std::cell::Cell;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

use crate::{Error, Input, Result};

/// The first window after a jump: a header and some values.
const SMALLEST_WINDOW: usize = 16 * 1024;
/// What windows grow to while reading goes straight on.
const LARGEST_WINDOW: usize = 1024 * 1024;
/// The window at the end of a file: the directory of an archive, in one request.
const TAIL: u64 = 64 * 1024;

/// Parses an input. An error of the storage comes out as it was, even if the parser hides it; every other error is the
/// content's fault.
pub(crate) fn parse<T>(input: &dyn Input, parser: impl FnOnce(Reader<'_>) -> Result<T>) -> Result<T> {
    let failure = Cell::new(None);
    let reader = Reader::new(input, &failure)?;
    let result = parser(reader);
    match failure.take() {
        Some(error) => Err(Error::from(error)),
        None => result.map_err(Error::blaming_content),
    }
}

/// A stream over an input, with one window in memory.
pub(crate) struct Reader<'a> {
    input: &'a dyn Input,
    length: u64,
    position: u64,
    window: Vec<u8>,
    window_start: u64,
    next_size: usize,
    failure: &'a Cell<Option<io::Error>>,
}

impl<'a> Reader<'a> {
    fn new(input: &'a dyn Input, failure: &'a Cell<Option<io::Error>>) -> Result<Self> {
        let (length, window) = (input.length()?, Vec::new());
        Ok(Self { input, length, position: 0, window, window_start: 0, next_size: SMALLEST_WINDOW, failure })
    }

    /// Bytes of the input.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// What the window has from the position on.
    fn in_window(&self) -> &[u8] {
        let offset = self.position.checked_sub(self.window_start).and_then(|offset| usize::try_from(offset).ok());
        offset.and_then(|offset| self.window.get(offset..)).unwrap_or_default()
    }

    /// Moves the window to the position, which is within the input.
    fn fill(&mut self) -> io::Result<()> {
        let straight_on = self.position == self.window_start + self.window.len() as u64;
        let size = if straight_on { self.next_size } else { SMALLEST_WINDOW };
        let tail = self.length.saturating_sub(TAIL);
        let (start, size) =
            if !straight_on && self.position >= tail { (tail, TAIL) } else { (self.position, size as u64) };
        // At most a window.
        let size = size.min(self.length - start) as usize;
        self.window.resize(size, 0);
        self.window_start = start;
        self.next_size = (size * 2).clamp(SMALLEST_WINDOW, LARGEST_WINDOW);
        let filled = self.read_whole(start);
        if filled.is_err() {
            self.window.clear();
        }
        filled
    }

    fn read_whole(&mut self, start: u64) -> io::Result<()> {
        let mut done = 0;
        while done < self.window.len() {
            match self.input.read_at(start + done as u64, &mut self.window[done..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => done += read,
                Err(error) => {
                    let told = io::Error::from(error.kind());
                    self.failure.set(Some(error));
                    return Err(told);
                }
            }
        }
        Ok(())
    }
}

impl BufRead for Reader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.in_window().is_empty() && self.position < self.length {
            self.fill()?;
        }
        Ok(self.in_window())
    }

    fn consume(&mut self, amount: usize) {
        self.position += amount as u64;
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let read = available.len().min(buffer.len());
        buffer[..read].copy_from_slice(&available[..read]);
        self.consume(read);
        Ok(read)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Memory;

    #[test]
    fn reading_straight_on_takes_growing_windows() {
        let input = Memory::new("x", (0..3_000_000u32).map(|i| i as u8).collect());
        let mut copy = Vec::new();
        parse(&input, |mut reader| Ok(reader.read_to_end(&mut copy)?)).unwrap();
        assert_eq!(copy, input.bytes());
        assert!(input.requests() < 12, "{}", input.requests());
    }

    #[test]
    fn jumps_at_the_end_cost_one_request() {
        let input = Memory::new("x", (0..1_000_000u32).map(|i| (i >> 8) as u8).collect());
        let read = parse(&input, |mut reader| {
            let mut byte = [0; 1];
            for offset in [1i64, 22, 700, 5, 60_000] {
                reader.seek(SeekFrom::End(-offset))?;
                reader.read_exact(&mut byte)?;
                assert_eq!(byte[0], ((1_000_000 - offset) >> 8) as u8);
            }
            reader.seek(SeekFrom::End(5))?;
            Ok(reader.read(&mut byte)?)
        });
        assert_eq!((read.unwrap(), input.requests()), (0, 1));
    }

    #[test]
    fn an_error_of_the_storage_comes_out_even_if_the_parser_hides_it() {
        let input = Memory::new("x", vec![0; 100]).failing();
        let error = parse(&input, |mut reader| {
            drop(reader.read(&mut [0; 10]));
            Err::<(), _>(Error::malformed("hidden"))
        });
        assert_eq!(error.unwrap_err().into_io().unwrap().to_string(), "the door is closed");
    }
}
