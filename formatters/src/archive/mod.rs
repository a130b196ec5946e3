//! Archives: many files in one.

mod extraction;
mod member;
mod packing;
mod peek;
mod tar;
#[cfg(test)]
mod tests;
mod zip;

use std::io::Read;
use std::path::{Path, PathBuf};

pub use member::{Member, MemberKind};
pub use tar::Tar;
pub use zip::Zip;
pub(crate) use zip::{LARGE, Sink, check_sizes, write_error, zip_error};

use crate::compression::Limit;
use crate::{Dump, Error, Formatter, Input, Load, Output, Result};
use extraction::Extraction;
use packing::Packed;
pub use peek::first_members;

/// Members that an archive may have, unless somebody allows more: each costs the file system a file.
const MOST_MEMBERS: u64 = 1_000_000;

/// A format that holds files and directories. Loaded as a `Vec<Member>` it is listed, without being extracted; a path that is
/// dumped is packed: a directory's content, or one file.
///
/// ```no_run
/// # fn main() -> law_formatters::Result<()> {
/// use law_formatters::{Archive, FileInput, Load, Member, Tar};
/// let file = FileInput::new(std::fs::File::open("plots.tar.gz")?, "plots.tar.gz");
/// let members: Vec<Member> = Tar.load(&file)?; // nothing is written
/// Tar.extract_to("plots").load(&file)?; // whole or not at all
/// let legend: Vec<u8> = Tar.member("legend.txt").load(&file)?;
/// # Ok(()) }
/// ```
///
/// Nothing that an archive says makes anything outside of the destination: absolute paths, `..`, links that lead out, devices and
/// bombs are refused with the name of the member, and then nothing is extracted at all.
pub trait Archive: Formatter + Copy + sealed::Container {
    /// Extracts into a directory, which must be absent or empty. It appears whole or not at all.
    fn extract_to(self, directory: impl AsRef<Path>) -> Extract<Self> {
        Extract { archive: self, directory: directory.as_ref().to_owned(), most: None }
    }

    /// The bytes of one file in it, held in memory.
    fn member(self, path: impl AsRef<Path>) -> OneMember<Self> {
        OneMember { archive: self, path: path.as_ref().to_owned() }
    }
}

mod sealed {
    use super::{Input, Output, Packed, Result, Visit};

    /// What tells one kind of archive from another.
    pub trait Container {
        /// Shows all members, in the order of the archive. Their content may be left unread.
        fn visit(&self, input: &dyn Input, content: super::Content, visit: &mut Visit<'_>) -> Result<()>;

        /// Writes an archive.
        fn pack(&self, packed: Packed, output: &mut dyn Output) -> Result<()>;
    }
}

/// What is done with one member; whether to go on.
pub type Visit<'a> = dyn FnMut(Member, &mut dyn Read) -> Result<bool> + 'a;

/// Whether the content of members is wanted, or only what they are.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// With the limit that somebody has set for it.
    Wanted(Option<u64>),
    Skipped,
}

/// Extracts an archive when it is loaded: see [`Archive::extract_to`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extract<A> {
    archive: A,
    directory: PathBuf,
    most: Option<u64>,
}

impl<A> Extract<A> {
    /// Accepts so many bytes in all, and no more. Without it, more than 1 GiB that is also more than 100 times the archive
    /// is taken for a bomb.
    #[must_use]
    pub fn at_most(self, bytes: u64) -> Self {
        Self { most: Some(bytes), ..self }
    }
}

/// One file of an archive: see [`Archive::member`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneMember<A> {
    archive: A,
    path: PathBuf,
}

fn list(archive: &impl Archive, input: &dyn Input) -> Result<Vec<Member>> {
    let mut members = Vec::new();
    archive.visit(input, Content::Skipped, &mut |member, _| {
        members.push(member);
        enough(members.len() as u64)
    })?;
    Ok(members)
}

/// Goes on, unless there are more members than anybody wants.
fn enough(members: u64) -> Result<bool> {
    match members <= MOST_MEMBERS {
        true => Ok(true),
        false => Err(Error::malformed(format!("more than {MOST_MEMBERS} members, as a bomb would have"))),
    }
}

impl<A: Archive> Formatter for Extract<A> {
    fn name(&self) -> &'static str {
        self.archive.name()
    }

    fn extensions(&self) -> &'static [&'static str] {
        self.archive.extensions()
    }
}

impl<A: Archive> Load<Vec<Member>> for Extract<A> {
    /// Extracts it; what was extracted.
    fn load(&self, input: &dyn Input) -> Result<Vec<Member>> {
        let limit = Limit::of(input.length()?, self.most);
        let mut extraction = Extraction::begin(&self.directory, limit)?;
        let mut members = Vec::new();
        let visited = self.archive.visit(input, Content::Wanted(self.most), &mut |member, content| {
            extraction.add(&member, content)?;
            members.push(member);
            enough(members.len() as u64)
        });
        visited.map_err(|error| extraction.blame(error))?;
        extraction.finish()?;
        Ok(members)
    }
}

impl<A: Archive> Formatter for OneMember<A> {
    fn name(&self) -> &'static str {
        self.archive.name()
    }

    fn extensions(&self) -> &'static [&'static str] {
        self.archive.extensions()
    }
}

impl<A: Archive> Load<Vec<u8>> for OneMember<A> {
    fn load(&self, input: &dyn Input) -> Result<Vec<u8>> {
        let mut limit = Limit::of(input.length()?, None);
        let mut found = None;
        self.archive.visit(input, Content::Wanted(None), &mut |member, content| {
            if member.path() != self.path || *member.kind() != MemberKind::File {
                return Ok(true);
            }
            limit.take(member.size())?;
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).map_err(|e| Error::from(e).blaming_content().of(member.shown()))?;
            found = Some(bytes);
            Ok(false)
        })?;
        found.ok_or_else(|| Error::wrong_type(format!("it holds no file {:?}", self.path)))
    }
}

macro_rules! archive {
    ($format:ty) => {
        impl Archive for $format {}

        impl Load<Vec<Member>> for $format {
            /// Lists it. Nothing is extracted.
            fn load(&self, input: &dyn Input) -> Result<Vec<Member>> {
                list(self, input)
            }
        }

        impl<P: AsRef<Path>> Dump<P> for $format {
            /// Packs the content of a local directory, or one local file.
            fn dump(&self, path: &P, output: &mut dyn Output) -> Result<()> {
                sealed::Container::pack(self, Packed::of(path.as_ref())?, output)
            }
        }
    };
}

archive!(Tar);
archive!(Zip);
