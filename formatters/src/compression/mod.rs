//! A compression around any other format.

pub mod codec;
mod limit;
mod rows;

use std::fs::File;
use std::io::{self, BufRead, Write};
use std::marker::PhantomData;

pub(crate) use codec::{AnyCodec, codec_by_name, codec_by_start};
use codec::{Bzip2Codec, Codec, GzipCodec, Pack, XzCodec, ZstdCodec};
pub(crate) use limit::Limit;

use crate::{Dump, Error, FileInput, Formatter, Input, Load, LoadRows, Output, Result, reader};

/// Another format, compressed by gzip (RFC 1952). Levels 1 to 9, usually 6.
pub type Gzip<F> = Compressed<F, GzipCodec>;
/// Another format, compressed by Zstandard (RFC 8878). Levels 1 to 19, usually 3.
pub type Zstd<F> = Compressed<F, ZstdCodec>;
/// Another format, compressed by bzip2. Levels 1 to 9, usually 9.
pub type Bzip2<F> = Compressed<F, Bzip2Codec>;
/// Another format, compressed by xz. Levels 0 to 9, usually 6.
pub type Xz<F> = Compressed<F, XzCodec>;

/// Another format within a compression: see [`Gzip`], [`Zstd`], [`Bzip2`] and [`Xz`].
///
/// Files are unpacked to an unnamed file in the directory for temporary files, so that formats that jump about can be inside, and no file
/// has to fit into memory. A bomb is refused: more than 1 GiB that is also more than 100 times what it was packed
/// into, unless [`at_most`](Self::at_most) allows it. Rows of a table are unpacked as they are read, and no file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compressed<F, C> {
    inner: F,
    level: i32,
    most: Option<u64>,
    codec: PhantomData<C>,
}

impl<F, C: Codec> Compressed<F, C> {
    /// `inner`, compressed as hard as is usual.
    pub fn new(inner: F) -> Self {
        Self { inner, level: C::USUAL, most: None, codec: PhantomData }
    }

    /// How hard to compress; what is beyond the levels that there are means the nearest.
    #[must_use]
    pub fn level(self, level: i32) -> Self {
        Self { level: level.clamp(*C::LEVELS.start(), *C::LEVELS.end()), ..self }
    }

    /// Accepts so many bytes when unpacked, and no more, however little they were packed into.
    #[must_use]
    pub fn at_most(self, bytes: u64) -> Self {
        Self { most: Some(bytes), ..self }
    }
}

/// The compressions that there are: their names, and the extensions of their files.
pub fn compressions() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    codec::CODECS.into_iter().map(|codec| (codec.name(), codec.extensions()))
}

/// What is inside a compressed file, from its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// The name of the compression, such as `gzip`.
    pub compression: &'static str,
    /// The name of what is inside: the file's own without the extension of the compression.
    pub name: String,
    /// The first bytes.
    pub bytes: Vec<u8>,
}

/// The first bytes of what is inside a compressed file, at most `most`; none if its name says no compression. No more is read
/// than that takes.
///
/// # Errors
/// [`ErrorKind::Malformed`](crate::ErrorKind) if it is not what its name says, or is cut off before; those of reading.
pub fn compressed_beginning(input: &dyn Input, most: usize) -> Result<Option<Beginning>> {
    let Some(codec) = codec_by_name(input.name()) else { return Ok(None) };
    let mut bytes = Vec::new();
    reader::parse(input, |reader| {
        let unpacked = codec.unpack(Box::new(reader))?;
        let read = io::Read::read_to_end(&mut io::Read::take(unpacked, most as u64), &mut bytes);
        read.map(drop).map_err(|error| not_packed(codec.name(), &error))
    })?;
    let name = codec.inner_name(input.name()).to_owned();
    Ok(Some(Beginning { compression: codec.name(), name, bytes }))
}

/// What a decompressor says of bytes that it does not understand.
pub(crate) fn not_packed(codec: &str, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::malformed(format!("the {codec} stream is cut off")),
        _ => Error::malformed(format!("not {codec}: {error}")),
    }
}

impl<F, C: Codec> Formatter for Compressed<F, C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn extensions(&self) -> &'static [&'static str] {
        C::EXTENSIONS
    }
}

impl<T, F: Load<T>, C: Codec> Load<T> for Compressed<F, C> {
    fn load(&self, input: &dyn Input) -> Result<T> {
        load_packed(AnyCodec::of::<C>(), self.most, &self.inner, input)
    }
}

impl<T, F: Dump<T>, C: Codec> Dump<T> for Compressed<F, C> {
    fn dump(&self, value: &T, output: &mut dyn Output) -> Result<()> {
        dump_packed(AnyCodec::of::<C>(), Some(self.level), &self.inner, value, output)
    }
}

impl<T: 'static, F: LoadRows<T>, C: Codec> LoadRows<T> for Compressed<F, C> {
    fn load_rows(&self, name: &str, file: Box<dyn BufRead + Send>) -> Box<dyn Iterator<Item = Result<T>> + Send> {
        rows::unpacked::<T, C>(&self.inner, self.most, name, file)
    }
}

/// Unpacks a file, and loads what is inside.
pub(crate) fn load_packed<T>(codec: AnyCodec, most: Option<u64>, inner: &impl Load<T>, input: &dyn Input) -> Result<T> {
    let mut unpacked = tempfile::tempfile().map_err(Error::on_scratch)?;
    let limit = Limit::of(input.length()?, most);
    let mut full = None;
    let parsed = reader::parse(input, |reader| {
        let packed = codec.unpack(Box::new(reader))?;
        unpack(codec.name(), packed, &mut unpacked, limit).map_err(|broken| match broken {
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
        return Err(Error::on_scratch(error));
    }
    parsed?;
    inner.load(&FileInput::new(unpacked, codec.inner_name(input.name())))
}

enum Broken {
    Content(Error),
    Disk(io::Error),
}

fn unpack(name: &str, mut packed: impl io::Read, unpacked: &mut File, mut limit: Limit) -> Result<(), Broken> {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = match packed.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) => return Err(Broken::Content(not_packed(name, &error))),
        };
        limit.take(read as u64).map_err(Broken::Content)?;
        unpacked.write_all(&buffer[..read]).map_err(Broken::Disk)?;
    }
}

/// Dumps a value with what is inside, and packs that.
pub(crate) fn dump_packed<T>(
    codec: AnyCodec,
    level: Option<i32>,
    inner: &impl Dump<T>,
    value: &T,
    output: &mut dyn Output,
) -> Result<()> {
    let name = codec.inner_name(output.name()).to_owned();
    let mut encoder = codec.pack(Box::new(&mut *output), level)?;
    inner.dump(value, &mut Packing { encoder: &mut *encoder, name })?;
    encoder.finish()?;
    Ok(output.flush()?)
}

/// What the format inside writes to.
struct Packing<'a> {
    encoder: &'a mut (dyn Pack + 'a),
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
mod tests;
