//! zip.

use std::ffi::OsString;
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use ::zip::read::{ArchiveOffset, Config, ZipFile};
use ::zip::result::ZipError;
use ::zip::write::SimpleFileOptions;
use ::zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::packing::{Item, Packed, What, copy_exactly};
use super::{Content, Member, MemberKind, Visit, sealed};
use crate::reader::{self, Reader};
use crate::{Error, Formatter, Input, Output, Result};

/// Deflate makes at most this many bytes of one.
const MOST_INFLATION: u64 = 1032;
/// From here on sizes are written in 64 bits: well below 4 GiB, as compression may make values longer.
pub(crate) const LARGE: u64 = 1 << 31;
/// The longest path of a link.
const LONGEST_LINK: u64 = 4096;
const KIND: u32 = 0o170_000;
const LINK: u32 = 0o120_000;
const FILE: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;

/// zip (PKWARE's APPNOTE 6.3): listed from its end. Members are stored, or compressed by deflate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Zip;

impl Formatter for Zip {
    fn name(&self) -> &'static str {
        "zip"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["zip"]
    }
}

impl sealed::Container for Zip {
    fn visit(&self, input: &dyn Input, content: Content, visit: &mut Visit<'_>) -> Result<()> {
        reader::parse(input, |reader| {
            let length = reader.length();
            // What stands in front would have to be searched for in all of the file.
            let config = Config { archive_offset: ArchiveOffset::Known(0) };
            let mut archive = ZipArchive::with_config(config, reader)
                .map_err(|error| zip_error(error).of("not a zip archive, or a damaged one"))?;
            for index in 0..archive.len() {
                if !show(&mut archive, index, content, length, visit)? {
                    break;
                }
            }
            Ok(())
        })
    }

    fn pack(&self, packed: Packed, output: &mut dyn Output) -> Result<()> {
        let mut sink = Sink::new(output);
        let written = write_all(&packed, &mut sink);
        sink.outcome(written)
    }
}

fn show(
    archive: &mut ZipArchive<Reader<'_>>,
    index: usize,
    content: Content,
    length: u64,
    visit: &mut Visit<'_>,
) -> Result<bool> {
    let entry = archive.by_index_data(index).map_err(zip_error)?;
    let (name, size) = (entry.name_raw().to_owned(), entry.size());
    let (mode, encrypted) = (entry.unix_mode(), entry.encrypted());
    let shown = format!("member {:?}", String::from_utf8_lossy(&name));
    if encrypted {
        return Err(Error::unsupported("it is encrypted").of(shown));
    }
    let kind = match mode.map(|mode| mode & KIND) {
        Some(LINK) => MemberKind::Symlink(link_target(archive, index, size).map_err(|error| error.of(&shown))?),
        _ if name.ends_with(b"/") => MemberKind::Directory,
        Some(DIRECTORY) => MemberKind::Directory,
        None | Some(0 | FILE) => MemberKind::File,
        Some(_) => return Err(Error::unsupported("it is a device or a pipe").of(shown)),
    };
    let size = if kind == MemberKind::File { size } else { 0 };
    let reads = kind == MemberKind::File && content != Content::Skipped;
    let member = Member::new(&name, kind)?.with(size, mode.filter(|mode| mode & 0o777 != 0), None);
    if !reads {
        return visit(member, &mut io::empty());
    }
    let mut file = archive.by_index(index).map_err(zip_error).map_err(|error| error.of(&shown))?;
    check_sizes(&file, length).map_err(|error| error.of(&shown))?;
    visit(member, &mut file)
}

fn link_target(archive: &mut ZipArchive<Reader<'_>>, index: usize, size: u64) -> Result<PathBuf> {
    if size > LONGEST_LINK {
        return Err(Error::malformed("a link that is longer than any path"));
    }
    let mut target = Vec::new();
    let entry = archive.by_index(index).map_err(zip_error)?;
    entry.take(LONGEST_LINK).read_to_end(&mut target)?;
    Ok(OsString::from_vec(target).into())
}

fn write_all(packed: &Packed, sink: &mut Sink<'_>) -> Result<()> {
    let mut zip = ZipWriter::new_stream(sink);
    for item in packed.items() {
        write_item(&mut zip, item?)?;
    }
    zip.finish().map(drop).map_err(write_error)
}

fn write_item<W: Write + Seek>(zip: &mut ZipWriter<W>, item: Item) -> Result<()> {
    let name = String::from_utf8(item.name).map_err(|error| {
        Error::wrong_type(format!("zip holds names of UTF-8 only, and not {:?}", error.to_string()))
    })?;
    let options = SimpleFileOptions::default().unix_permissions(item.mode);
    match item.what {
        What::Directory => zip.add_directory(name, options).map_err(write_error),
        What::Symlink(target) => {
            let target = target.into_os_string().into_string();
            let target =
                target.map_err(|t| Error::wrong_type(format!("zip holds names of UTF-8 only, and not {t:?}")))?;
            zip.add_symlink(name, target, options).map_err(write_error)
        }
        What::File(file, size) => {
            let options = options.compression_method(CompressionMethod::Deflated).large_file(size >= LARGE);
            zip.start_file(name.as_str(), options).map_err(write_error)?;
            copy_exactly(name.as_bytes(), &file, size, zip)
        }
    }
}

/// A size that the compressed bytes cannot have is refused before memory is taken for it.
pub(crate) fn check_sizes<R: Read>(file: &ZipFile<'_, R>, length: u64) -> Result<()> {
    let (size, compressed) = (file.size(), file.compressed_size());
    let most = match file.compression() {
        CompressionMethod::Stored => compressed,
        CompressionMethod::Deflated => compressed.saturating_mul(MOST_INFLATION),
        other => return Err(Error::unsupported(format!("zip compression {other}"))),
    };
    if compressed > length || size > most {
        return Err(Error::malformed(format!("{size} bytes out of {compressed} in a file of {length}")));
    }
    Ok(())
}

/// What the crate says, in other words where it speaks in those of the specification.
pub(crate) fn zip_error(error: ZipError) -> Error {
    match error {
        ZipError::Io(error) => Error::from(error),
        ZipError::UnsupportedArchive(what) => Error::unsupported(format!("zip: {what}")),
        ZipError::CompressionMethodNotSupported(method) => Error::unsupported(format!("zip compression {method}")),
        ZipError::InvalidArchive(message) if message.contains("EOCD") => {
            Error::malformed("its directory, which stands at the end, is missing")
        }
        ZipError::InvalidArchive(message) => Error::malformed(message),
        other => Error::malformed(other.to_string()),
    }
}

pub(crate) fn write_error(error: ZipError) -> Error {
    Error::from(io::Error::from(error))
}

/// Keeps the first error of an output and swallows what comes after it: a `ZipWriter` that is dropped writes its end,
/// and would print that it cannot.
pub(crate) struct Sink<'a> {
    output: &'a mut dyn Output,
    failure: Option<io::Error>,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(output: &'a mut dyn Output) -> Self {
        Self { output, failure: None }
    }

    /// The error that was kept, else what became of the writing.
    pub(crate) fn outcome(self, written: Result<()>) -> Result<()> {
        match self.failure {
            Some(error) => Err(Error::from(error)),
            None => written,
        }
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.failure.is_some() {
            return Ok(bytes.len());
        }
        match self.output.write(bytes) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                let told = error.kind().into();
                self.failure = Some(error);
                Err(told)
            }
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
