//! The compressions.

use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::ops::RangeInclusive;

use lzma_rust2::{CheckType, XzOptions, XzReader, XzWriter};

/// The most memory that unpacking may take, in powers of two of bytes: what zstd itself allows without being asked.
const WINDOW_LOG: u32 = 27;

/// One compression. Sealed: those of this crate are all there are.
pub trait Codec: sealed::Sealed {
    /// One word, such as `gzip`.
    const NAME: &'static str;
    /// What its files end in, without the dot; the usual one first.
    const EXTENSIONS: &'static [&'static str];
    /// How hard it can compress.
    const LEVELS: RangeInclusive<i32>;
    /// How hard it usually does.
    const USUAL: i32;
    /// What its files begin with.
    #[doc(hidden)]
    const START: &'static [u8];

    /// Unpacks all members of a file, and proves their checksums.
    ///
    /// # Errors
    /// Of the first bytes, where they are read here.
    #[doc(hidden)]
    fn unpack<'a>(packed: Box<dyn BufRead + 'a>) -> io::Result<Box<dyn Read + 'a>>;

    /// As [`unpack`](Self::unpack), by whichever thread.
    ///
    /// # Errors
    /// As [`unpack`](Self::unpack).
    #[doc(hidden)]
    fn unpack_anywhere(packed: Box<dyn BufRead + Send>) -> io::Result<Box<dyn Read + Send>>;

    /// Packs what is written.
    ///
    /// # Errors
    /// Those of writing.
    #[doc(hidden)]
    fn pack<'a>(output: Box<dyn Write + 'a>, level: i32) -> io::Result<Box<dyn Pack + 'a>>;

    /// The name of what is inside.
    #[doc(hidden)]
    fn inner_name(name: &str) -> &str {
        inner_name(name, Self::EXTENSIONS)
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A compression that is under way.
pub trait Pack: Write {
    /// Writes the end.
    ///
    /// # Errors
    /// Those of writing.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A compression that is known by its name or its first bytes.
#[derive(Clone, Copy)]
pub(crate) struct AnyCodec {
    name: &'static str,
    extensions: &'static [&'static str],
    start: &'static [u8],
    unpack: Unpacker,
    pack: Packer,
    usual: i32,
}

type Unpacker = for<'a> fn(Box<dyn BufRead + 'a>) -> io::Result<Box<dyn Read + 'a>>;
type Packer = for<'a> fn(Box<dyn Write + 'a>, i32) -> io::Result<Box<dyn Pack + 'a>>;

/// All that there are.
pub(super) const CODECS: [AnyCodec; 4] =
    [AnyCodec::of::<GzipCodec>(), AnyCodec::of::<ZstdCodec>(), AnyCodec::of::<Bzip2Codec>(), AnyCodec::of::<XzCodec>()];

impl AnyCodec {
    pub(crate) const fn of<C: Codec>() -> Self {
        let (unpack, pack) = (C::unpack, C::pack);
        Self { name: C::NAME, extensions: C::EXTENSIONS, start: C::START, unpack, pack, usual: C::USUAL }
    }

    pub(crate) fn name(self) -> &'static str {
        self.name
    }

    pub(super) fn extensions(self) -> &'static [&'static str] {
        self.extensions
    }

    pub(crate) fn unpack<'a>(self, packed: Box<dyn BufRead + 'a>) -> io::Result<Box<dyn Read + 'a>> {
        (self.unpack)(packed)
    }

    /// As hard as is usual, if no level is given.
    pub(crate) fn pack<'a>(self, output: Box<dyn Write + 'a>, level: Option<i32>) -> io::Result<Box<dyn Pack + 'a>> {
        (self.pack)(output, level.unwrap_or(self.usual))
    }

    pub(crate) fn inner_name(self, name: &str) -> &str {
        inner_name(name, self.extensions)
    }
}

impl fmt::Debug for AnyCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The compression whose extension a name has.
pub(crate) fn codec_by_name(name: &str) -> Option<AnyCodec> {
    CODECS.into_iter().find(|codec| inner_name(name, codec.extensions) != name)
}

/// The compression whose first bytes these are.
pub(crate) fn codec_by_start(start: &[u8]) -> Option<AnyCodec> {
    CODECS.into_iter().find(|codec| start.starts_with(codec.start))
}

/// A name without one of the extensions; the name itself if it has none, or nothing else.
fn inner_name<'a>(name: &'a str, extensions: &[&str]) -> &'a str {
    let without = |extension: &&str| {
        let (stem, end) = name.rsplit_once('.')?;
        (end.eq_ignore_ascii_case(extension) && !stem.is_empty()).then_some(stem)
    };
    extensions.iter().find_map(without).unwrap_or(name)
}

/// gzip (RFC 1952).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GzipCodec {}

impl sealed::Sealed for GzipCodec {}

impl Codec for GzipCodec {
    const NAME: &'static str = "gzip";
    const EXTENSIONS: &'static [&'static str] = &["gz"];
    const LEVELS: RangeInclusive<i32> = 1..=9;
    const USUAL: i32 = 6;
    const START: &'static [u8] = b"\x1f\x8b";

    fn unpack<'a>(packed: Box<dyn BufRead + 'a>) -> io::Result<Box<dyn Read + 'a>> {
        Ok(Box::new(flate2::bufread::MultiGzDecoder::new(packed)))
    }

    fn unpack_anywhere(packed: Box<dyn BufRead + Send>) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(flate2::bufread::MultiGzDecoder::new(packed)))
    }

    fn pack<'a>(output: Box<dyn Write + 'a>, level: i32) -> io::Result<Box<dyn Pack + 'a>> {
        let level = flate2::Compression::new(level.unsigned_abs());
        Ok(Box::new(flate2::write::GzEncoder::new(output, level)))
    }
}

impl<W: Write> Pack for flate2::write::GzEncoder<W> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        (*self).finish().map(drop)
    }
}

/// Zstandard (RFC 8878). What is written has a checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZstdCodec {}

impl sealed::Sealed for ZstdCodec {}

impl Codec for ZstdCodec {
    const NAME: &'static str = "zstd";
    const EXTENSIONS: &'static [&'static str] = &["zst", "zstd"];
    const LEVELS: RangeInclusive<i32> = 1..=19;
    const USUAL: i32 = 3;
    const START: &'static [u8] = b"\x28\xb5\x2f\xfd";

    fn unpack<'a>(packed: Box<dyn BufRead + 'a>) -> io::Result<Box<dyn Read + 'a>> {
        Ok(Box::new(unzstd(packed)?))
    }

    fn unpack_anywhere(packed: Box<dyn BufRead + Send>) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(unzstd(packed)?))
    }

    fn pack<'a>(output: Box<dyn Write + 'a>, level: i32) -> io::Result<Box<dyn Pack + 'a>> {
        let mut encoder = zstd::stream::write::Encoder::new(output, level)?;
        encoder.include_checksum(true)?;
        Ok(Box::new(encoder))
    }
}

fn unzstd<R: BufRead>(packed: R) -> io::Result<zstd::stream::read::Decoder<'static, R>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
    decoder.window_log_max(WINDOW_LOG)?;
    Ok(decoder)
}

impl<W: Write> Pack for zstd::stream::write::Encoder<'_, W> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        (*self).finish().map(drop)
    }
}

/// bzip2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bzip2Codec {}

impl sealed::Sealed for Bzip2Codec {}

impl Codec for Bzip2Codec {
    const NAME: &'static str = "bzip2";
    const EXTENSIONS: &'static [&'static str] = &["bz2"];
    const LEVELS: RangeInclusive<i32> = 1..=9;
    const USUAL: i32 = 9;
    const START: &'static [u8] = b"BZh";

    fn unpack<'a>(packed: Box<dyn BufRead + 'a>) -> io::Result<Box<dyn Read + 'a>> {
        Ok(Box::new(bzip2::bufread::MultiBzDecoder::new(packed)))
    }

    fn unpack_anywhere(packed: Box<dyn BufRead + Send>) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(bzip2::bufread::MultiBzDecoder::new(packed)))
    }

    fn pack<'a>(output: Box<dyn Write + 'a>, level: i32) -> io::Result<Box<dyn Pack + 'a>> {
        let level = bzip2::Compression::new(level.unsigned_abs());
        Ok(Box::new(bzip2::write::BzEncoder::new(output, level)))
    }
}

impl<W: Write> Pack for bzip2::write::BzEncoder<W> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        (*self).finish().map(drop)
    }
}

/// xz (<https://tukaani.org/xz/xz-file-format.txt>). What is written has a CRC-64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XzCodec {}

impl sealed::Sealed for XzCodec {}

impl Codec for XzCodec {
    const NAME: &'static str = "xz";
    const EXTENSIONS: &'static [&'static str] = &["xz"];
    const LEVELS: RangeInclusive<i32> = 0..=9;
    const USUAL: i32 = 6;
    const START: &'static [u8] = b"\xfd7zXZ\0";

    fn unpack<'a>(packed: Box<dyn BufRead + 'a>) -> io::Result<Box<dyn Read + 'a>> {
        Ok(Box::new(unxz(packed)))
    }

    fn unpack_anywhere(packed: Box<dyn BufRead + Send>) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(unxz(packed)))
    }

    fn pack<'a>(output: Box<dyn Write + 'a>, level: i32) -> io::Result<Box<dyn Pack + 'a>> {
        let mut options = XzOptions::with_preset(level.unsigned_abs());
        options.set_check_sum_type(CheckType::Crc64);
        Ok(Box::new(XzWriter::new(output, options)?))
    }
}

fn unxz<R: Read>(packed: R) -> XzReader<R> {
    XzReader::new_mem_limit(packed, true, 1 << (WINDOW_LOG - 10))
}

impl<W: Write> Pack for XzWriter<W> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        (*self).finish().map(drop)
    }
}
