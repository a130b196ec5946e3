//! Several arrays: a zip archive of npy files.

use std::io::Read;

use zip::read::{ArchiveOffset, Config};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::header::Header;
use super::npy::Body;
use crate::archive::{LARGE, Sink, check_sizes, write_error, zip_error};
use crate::reader::Reader;
use crate::{Error, Output, Result};

/// What the names of arrays have in the archive.
const EXTENSION: &str = ".npy";

/// An npz file that is being read.
pub(crate) struct Archive<'a> {
    zip: ZipArchive<Reader<'a>>,
    length: u64,
}

/// One file of an archive.
pub(crate) struct Member {
    index: usize,
    /// The name of the array; none for files that are no arrays.
    pub(crate) array: Option<String>,
    /// The name in the archive.
    pub(crate) file: String,
    pub(crate) compressed: bool,
    /// Bytes when uncompressed.
    pub(crate) size: u64,
}

impl<'a> Archive<'a> {
    /// Whether a file that starts so is a zip archive.
    pub(crate) fn is_start(bytes: &[u8]) -> bool {
        bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
    }

    /// Reads the directory, which stands at the end.
    pub(crate) fn open(reader: Reader<'a>) -> Result<Self> {
        let length = reader.length();
        // NumPy puts nothing before an archive, and looking for its start could mean reading all of it.
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let damaged = |error| zip_error(error).of("truncated or damaged npz");
        Ok(Self { zip: ZipArchive::with_config(config, reader).map_err(damaged)?, length })
    }

    /// Files in the archive.
    pub(crate) fn len(&self) -> usize {
        self.zip.len()
    }

    /// One file, by its number.
    pub(crate) fn member(&self, index: usize) -> Result<Member> {
        let entry = self.zip.by_index_data(index).map_err(zip_error)?;
        let file = entry.name().map_err(zip_error)?.into_owned();
        let array = file.strip_suffix(EXTENSION).map(String::from);
        let compressed = entry.compression() != CompressionMethod::Stored;
        Ok(Member { index, array, file, compressed, size: entry.size() })
    }

    /// All files, in the order of the directory.
    pub(crate) fn members(&self) -> Result<Vec<Member>> {
        (0..self.len()).map(|index| self.member(index)).collect()
    }

    /// The member that holds the array of that name; without a name, the only member.
    pub(crate) fn find(&self, name: Option<&str>) -> Result<Member> {
        let mut members = self.members()?;
        let wanted = |member: &Member| name.is_none() || member.array.as_deref() == name;
        let found: Vec<usize> = (0..members.len()).filter(|index| wanted(&members[*index])).collect();
        match (&found[..], name) {
            ([only], _) => Ok(members.swap_remove(*only)),
            (_, Some(name)) => Err(Error::wrong_type(format!("holds no array {name:?}, but {}", names(&members)))),
            (_, None) => {
                let count = members.len();
                let message = format!("holds {count} arrays ({}), not one: take one by Numpy::named", names(&members));
                Err(Error::wrong_type(message))
            }
        }
    }

    /// Reads the header of a member, and what follows.
    pub(crate) fn read<T>(
        &mut self,
        member: &Member,
        read: impl FnOnce(Header, &mut dyn Read) -> Result<T>,
    ) -> Result<T> {
        if member.array.is_none() {
            return Err(Error::wrong_type(format!("holds {:?}, which is no array", member.file)));
        }
        let length = self.length;
        let result = self.zip.by_index(member.index).map_err(zip_error).and_then(|mut file| {
            check_sizes(&file, length)?;
            let header = Header::read(&mut file, member.size)?;
            read(header, &mut file)
        });
        result.map_err(|error| {
            error.blaming_content().of(format!("array {:?}", member.array.as_deref().unwrap_or_default()))
        })
    }
}

fn names(members: &[Member]) -> String {
    const SHOWN: usize = 8;
    let name = |member: &Member| format!("{:?}", member.array.as_ref().unwrap_or(&member.file));
    let mut names: Vec<String> = members.iter().take(SHOWN).map(name).collect();
    if members.len() > SHOWN {
        names.push("...".into());
    }
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}

/// How the members of an archive are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Stored,
    Deflated,
}

/// Writes arrays as an archive, without going back: sizes and checksums follow the values.
pub(crate) fn write(arrays: &[(&str, &dyn Body)], compression: Compression, output: &mut dyn Output) -> Result<()> {
    if let Some((name, _)) = arrays.iter().find(|(name, _)| name.contains('\0')) {
        return Err(Error::wrong_type(format!("the name {name:?}, which Python would cut")));
    }
    let mut sink = Sink::new(output);
    let written = write_members(arrays, compression, &mut sink);
    sink.outcome(written)
}

fn write_members(arrays: &[(&str, &dyn Body)], compression: Compression, sink: &mut Sink<'_>) -> Result<()> {
    let method = match compression {
        Compression::Stored => CompressionMethod::Stored,
        Compression::Deflated => CompressionMethod::Deflated,
    };
    let mut zip = ZipWriter::new_stream(sink);
    for (name, array) in arrays {
        let options = SimpleFileOptions::default().compression_method(method).large_file(array.size() >= LARGE);
        zip.start_file(format!("{name}{EXTENSION}"), options).map_err(write_error)?;
        array.write(&mut zip)?;
    }
    zip.finish().map_err(write_error)?;
    Ok(())
}
