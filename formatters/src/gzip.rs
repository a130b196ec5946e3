//! gzip around any other format.

use std::fs::File;
use std::io::{self, Write};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::{Dump, Error, FileInput, Formatter, Input, Load, Output, Result, reader};

/// Another format, compressed by gzip (RFC 1952).
///
/// Files are unpacked to an unnamed file in the directory for temporary files, so that formats that jump about can be inside, and no file
/// has to fit into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gzip<F> {
    inner: F,
    level: u32,
}

impl<F> Gzip<F> {
    /// `inner`, compressed as hard as is usual (6).
    pub fn new(inner: F) -> Self {
        Self { inner, level: 6 }
    }

    /// Compressed as fast as possible (1) to as well as possible (9); what is beyond means the nearest.
    #[must_use]
    pub fn level(self, level: u32) -> Self {
        Self { level: level.clamp(1, 9), ..self }
    }
}

/// The name of what is inside a gzip file, and its first bytes, at most `most`. No more is read than that takes.
///
/// # Errors
/// [`ErrorKind::Malformed`](crate::ErrorKind) if it is no gzip or is cut off before; those of reading.
pub fn gzip_beginning(input: &dyn Input, most: usize) -> Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    reader::parse(input, |reader| {
        let mut unpacked = io::Read::take(MultiGzDecoder::new(reader), most as u64);
        io::Read::read_to_end(&mut unpacked, &mut bytes).map_err(|error| not_gzip(&error))
    })?;
    Ok((inner_name(input.name()).to_owned(), bytes))
}

fn not_gzip(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::malformed("the gzip stream is cut off"),
        _ => Error::malformed(format!("not gzip: {error}")),
    }
}

impl<F: Formatter> Formatter for Gzip<F> {
    fn name(&self) -> &'static str {
        "gzip"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["gz"]
    }
}

/// The name of what is inside.
fn inner_name(name: &str) -> &str {
    let is_gzip =
        name.len() > 3 && name.is_char_boundary(name.len() - 3) && name[name.len() - 3..].eq_ignore_ascii_case(".gz");
    if is_gzip { &name[..name.len() - 3] } else { name }
}

impl<T, F: Load<T>> Load<T> for Gzip<F> {
    fn load(&self, input: &dyn Input) -> Result<T> {
        let mut unpacked = tempfile::tempfile()?;
        let mut full = None;
        let parsed = reader::parse(input, |reader| {
            unpack(MultiGzDecoder::new(reader), &mut unpacked).map_err(|broken| match broken {
                Broken::Content(error) => error,
                Broken::Disk(error) => {
                    let told = Error::malformed(error.to_string());
                    full = Some(error);
                    told
                }
            })
        });
        // A disk that is full is not the content's fault.
        if let Some(error) = full {
            return Err(Error::from(error));
        }
        parsed?;
        self.inner.load(&FileInput::new(unpacked, inner_name(input.name())))
    }
}

enum Broken {
    Content(Error),
    Disk(io::Error),
}

fn unpack(mut packed: impl io::Read, unpacked: &mut File) -> Result<(), Broken> {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = match packed.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) => return Err(Broken::Content(not_gzip(&error))),
        };
        unpacked.write_all(&buffer[..read]).map_err(Broken::Disk)?;
    }
}

impl<T, F: Dump<T>> Dump<T> for Gzip<F> {
    fn dump(&self, value: &T, output: &mut dyn Output) -> Result<()> {
        let name = inner_name(output.name()).to_owned();
        let mut packing = Packing { encoder: GzEncoder::new(output, Compression::new(self.level)), name };
        self.inner.dump(value, &mut packing)?;
        packing.encoder.try_finish()?;
        Ok(packing.encoder.get_mut().flush()?)
    }
}

struct Packing<'a> {
    encoder: GzEncoder<&'a mut dyn Output>,
    name: String,
}

impl Write for Packing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.encoder.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        // A flush of the encoder would cost compression, and its end flushes anyway.
        Ok(())
    }
}

impl Output for Packing<'_> {
    fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::memory::Memory;
    use crate::{ErrorKind, Json, Numpy};

    fn packed() -> Memory {
        let mut file = Memory::new("a.json.gz", Vec::new());
        Gzip::new(Json).dump(&json!({"list": vec![7; 10_000]}), &mut file).unwrap();
        file
    }

    #[test]
    fn what_goes_in_comes_out() {
        let file = packed();
        assert!(file.bytes().len() < 200 && file.bytes().starts_with(b"\x1f\x8b"));
        assert_eq!(Load::<Value>::load(&Gzip::new(Json), &file).unwrap()["list"][9_999], 7);
        let array = ndarray::array![[1.5, 2.5], [3.5, 4.5]];
        let mut file = Memory::new("a.npz.gz", Vec::new());
        Gzip::new(Numpy).level(9).dump(&array, &mut file).unwrap();
        assert_eq!(
            Load::<ndarray::Array2<f64>>::load(&Gzip::new(Numpy), &file).unwrap(),
            array,
            "the name inside is a.npz"
        );
    }

    #[test]
    fn a_beginning_costs_a_few_bytes() {
        let mut file = Memory::new("noise.txt.GZ", Vec::new());
        let mut state = 1u64;
        let mut letter = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'a' + ((state >> 33) % 26) as u8)
        };
        let noise: String = (0..400_000).map(|_| letter()).collect();
        Gzip::new(crate::Text).dump(&noise, &mut file).unwrap();
        let (name, start) = gzip_beginning(&file, 100).unwrap();
        assert_eq!((name.as_str(), start.as_slice()), ("noise.txt", &noise.as_bytes()[..100]));
        assert!(file.read() < file.bytes().len() / 2, "{} of {}", file.read(), file.bytes().len());
        assert_eq!(gzip_beginning(&Memory::new("a.gz", b"no".to_vec()), 9).unwrap_err().kind(), ErrorKind::Malformed);
    }

    #[test]
    fn several_members_are_one_file() {
        let mut file = Memory::new("a.txt.gz", Vec::new());
        for part in ["one ", "two"] {
            Gzip::new(crate::Text).dump(&part, &mut file).unwrap();
        }
        assert_eq!(Gzip::new(crate::Text).load(&file).unwrap(), "one two");
    }

    #[test]
    fn what_is_cut_or_damaged_is_malformed() {
        let whole = packed().into_bytes();
        for length in 1..whole.len() {
            let cut = Memory::new("a.json.gz", whole[..length].to_vec());
            let error = Load::<Value>::load(&Gzip::new(Json), &cut).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{length} bytes: {error}");
        }
        for byte in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[byte] ^= 0x55;
            // The header has bytes of no meaning: a time, an operating system.
            let loaded = Load::<Value>::load(&Gzip::new(Json), &Memory::new("a.json.gz", damaged));
            assert!(loaded.is_err() || (3..10).contains(&byte), "byte {byte}");
        }
    }
}
