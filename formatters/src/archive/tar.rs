//! tar, plain or compressed.

use std::cell::Cell;
use std::ffi::OsString;
use std::io::{self, BufRead as _, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStringExt as _;
use std::time::{Duration, SystemTime};

use ::tar::{Archive as TarArchive, Builder, Entries, Entry, EntryType, Header};

use super::member::inside;
use super::packing::{Item, Packed, What, copy_exactly};
use super::{Content, Member, MemberKind, Visit, sealed};
use crate::compression::{Limit, codec_by_name, codec_by_start, not_packed};
use crate::reader::{self, Reader};
use crate::{Error, Formatter, Input, Output, Result};

/// What a header may take, with the long names and extensions in front of it.
const LARGEST_HEADER: u64 = 1 << 20;

/// What the headers of as many members as are accepted may take.
const HEADERS: u64 = 2 << 30;

/// The marks of the end: a block of zeros.
const BLOCK: u64 = 512;

/// tar (POSIX pax and GNU): one after the other. Read in whatever compression it is; written in the one that its
/// name says: `.tar`, `.tar.gz` or `.tgz`, `.tar.zst`, `.tar.bz2`, `.tar.xz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tar;

impl Formatter for Tar {
    fn name(&self) -> &'static str {
        "tar"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["tar", "tar.gz", "tgz", "tar.zst", "tzst", "tar.bz2", "tbz2", "tbz", "tar.xz", "txz"]
    }
}

impl sealed::Container for Tar {
    fn visit(&self, input: &dyn Input, content: Content, visit: &mut Visit<'_>) -> Result<()> {
        let length = input.length()?;
        reader::parse(input, |mut reader| {
            let codec = codec_by_start(reader.fill_buf()?);
            let meter = Meter::default();
            match codec {
                None if content == Content::Skipped => visit_plain(reader, &meter, visit),
                None => read_all(Metered { inner: reader, meter: &meter }, visit),
                Some(codec) => {
                    let unpacked = codec.unpack(Box::new(reader)).map_err(|e| not_packed(codec.name(), &e))?;
                    let limit = Limit::of(length, content.limit_of_stream());
                    let mut limited = Limited { inner: unpacked, limit, codec: codec.name() };
                    let go_on = read_members(Metered { inner: &mut limited, meter: &meter }, visit)?;
                    // To the end, where the checksum stands.
                    if go_on { io::copy(&mut limited, &mut io::sink()).map(drop).map_err(Error::from) } else { Ok(()) }
                }
            }
        })
    }

    fn pack(&self, packed: Packed, output: &mut dyn Output) -> Result<()> {
        let name = output.name().to_ascii_lowercase();
        let short = [(".tgz", "gz"), (".tzst", "zst"), (".tbz2", "bz2"), (".tbz", "bz2"), (".txz", "xz")];
        let long = short.iter().find_map(|(end, extension)| name.ends_with(end).then(|| format!("a.{extension}")));
        match codec_by_name(&long.unwrap_or(name)) {
            None => write_all(&packed, &mut &mut *output)?,
            Some(codec) => {
                let mut encoder = codec.pack(Box::new(&mut *output), None)?;
                write_all(&packed, &mut encoder)?;
                encoder.finish()?;
            }
        }
        Ok(output.flush()?)
    }
}

impl Content {
    /// Headers and padding come on top of what is in the members.
    pub(super) fn limit_of_stream(self) -> Option<u64> {
        match self {
            Self::Wanted(most) => most.map(|most| most.saturating_add(HEADERS)),
            Self::Skipped => None,
        }
    }
}

/// How far a reader is, and how far it may go.
#[derive(Default)]
struct Meter {
    read: Cell<u64>,
    /// The end of what may be read now.
    most: Cell<Option<u64>>,
}

struct Metered<'a, R> {
    inner: R,
    meter: &'a Meter,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let done = self.meter.read.get();
        if self.meter.most.get().is_some_and(|most| done > most) {
            return Err(ours(Error::malformed("a header without end")));
        }
        let read = self.inner.read(buffer)?;
        self.meter.read.set(done + read as u64);
        Ok(read)
    }
}

impl<R: Seek> Seek for Metered<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// Bytes that come out of a compression, as many as are harmless.
struct Limited<R> {
    inner: R,
    limit: Limit,
    codec: &'static str,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer).map_err(|error| ours(not_packed(self.codec, &error)))?;
        self.limit.take(read as u64).map_err(ours)?;
        Ok(read)
    }
}

fn visit_plain(reader: Reader<'_>, meter: &Meter, visit: &mut Visit<'_>) -> Result<()> {
    let mut archive = TarArchive::new(Metered { inner: reader, meter });
    let entries = archive.entries_with_seek()?;
    each(entries, meter, Content::Skipped, visit).map(drop)
}

fn read_all(reader: Metered<'_, Reader<'_>>, visit: &mut Visit<'_>) -> Result<()> {
    read_members(reader, visit).map(drop)
}

/// Whether everything was read.
fn read_members<R: Read>(reader: Metered<'_, R>, visit: &mut Visit<'_>) -> Result<bool> {
    let meter = reader.meter;
    let mut archive = TarArchive::new(reader);
    let entries = archive.entries()?;
    each(entries, meter, Content::Wanted(None), visit)
}

/// Shows all entries; whether it went to the end.
fn each<R: Read>(mut entries: Entries<'_, R>, meter: &Meter, content: Content, visit: &mut Visit<'_>) -> Result<bool> {
    for number in 0_u64.. {
        let before = meter.read.get();
        meter.most.set(Some(before + LARGEST_HEADER));
        let next = entries.next();
        meter.most.set(None);
        let Some(entry) = next else {
            // Less than a block was the rest of the last member.
            return match meter.read.get() - before {
                BLOCK.. => Ok(true),
                0 if number == 0 => Err(Error::malformed("not a tar archive: it is empty")),
                _ => Err(Error::malformed("the archive is cut off: the mark of its end is missing")),
            };
        };
        let mut entry = entry.map_err(|error| if number == 0 { no_tar(error) } else { tar_error(error) })?;
        let Some(member) = member(&mut entry)? else { continue };
        if !visit(member, &mut entry)? {
            return Ok(false);
        }
        if content != Content::Skipped {
            io::copy(&mut entry, &mut io::sink()).map_err(tar_error)?;
        }
    }
    Ok(true)
}

/// What an entry is; none for those that say something about the archive.
fn member<R: Read>(entry: &mut Entry<'_, R>) -> Result<Option<Member>> {
    let name = entry.path_bytes().into_owned();
    let of = |what: &str| Error::unsupported(format!("member {:?} is {what}", String::from_utf8_lossy(&name)));
    let target = || entry.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default();
    let kind = match entry.header().entry_type() {
        EntryType::XGlobalHeader => return Ok(None),
        // Old archives mark directories by a slash alone.
        EntryType::Regular | EntryType::Continuous if name.ends_with(b"/") => MemberKind::Directory,
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => MemberKind::File,
        EntryType::Directory => MemberKind::Directory,
        EntryType::Symlink => MemberKind::Symlink(OsString::from_vec(target()).into()),
        EntryType::Link => MemberKind::HardLink(inside(&target())?),
        EntryType::Fifo | EntryType::Char | EntryType::Block => return Err(of("a device or a pipe")),
        other => return Err(of(&format!("of a kind that is unknown ({:?})", char::from(other.as_byte())))),
    };
    let size = if kind == MemberKind::File { entry.size() } else { 0 };
    let mode = entry.header().mode().map_err(tar_error)?;
    let seconds = entry.header().mtime().map_err(tar_error)?;
    let modified = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    Ok(Some(Member::new(&name, kind)?.with(size, Some(mode), modified)))
}

/// An error of ours on its way through the crate; [`tar_error`] takes it out again.
fn ours(error: Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// The crate quotes whole headers, and has its own words for an end that comes too early.
fn tar_error(error: io::Error) -> Error {
    let text = error.to_string();
    let is_cut = error.kind() == io::ErrorKind::UnexpectedEof
        || text.contains("unexpected EOF")
        || text.contains("failed to read entire block");
    match error.downcast::<Error>() {
        Ok(ours) => ours,
        Err(_) if is_cut => Error::malformed("the archive is cut off"),
        Err(_) => Error::malformed("a header in the archive is damaged"),
    }
}

/// What is wrong with the first header: most likely it is none.
fn no_tar(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(ours) => ours,
        Err(_) => Error::malformed("not a tar archive: it does not begin with a header of one"),
    }
}

fn write_all(packed: &Packed, output: &mut impl io::Write) -> Result<()> {
    let mut builder = Builder::new(output);
    for item in packed.items() {
        write_item(&mut builder, item?)?;
    }
    Ok(builder.into_inner().map(drop)?)
}

fn write_item(builder: &mut Builder<impl io::Write>, item: Item) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(item.mode);
    let since = item.modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    header.set_mtime(since.unwrap_or_default().as_secs());
    let path = std::path::PathBuf::from(OsString::from_vec(item.name.clone()));
    match item.what {
        What::Directory => {
            header.set_entry_type(EntryType::Directory);
            header.set_size(0);
            builder.append_data(&mut header, path, io::empty())?;
        }
        What::Symlink(target) => {
            header.set_entry_type(EntryType::Symlink);
            header.set_size(0);
            builder.append_link(&mut header, path, target)?;
        }
        What::File(file, size) => {
            header.set_size(size);
            builder.append_data(&mut header, path, io::empty())?;
            copy_exactly(&item.name, &file, size, builder.get_mut())?;
            let padding = (BLOCK - size % BLOCK) % BLOCK;
            io::copy(&mut io::repeat(0).take(padding), builder.get_mut())?;
        }
    }
    Ok(())
}
