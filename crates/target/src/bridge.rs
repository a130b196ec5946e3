//! Between formatters, which know no storage, and storage, which knows no formats.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use law_formatters::{Input, Output};
use law_storage::{Call, Comparison, Error, ErrorKind, FileSource, LocalFile, Result, Strength, Validator, no_scratch};
use law_transfer::Place;

use crate::runtime::wait;

/// What a formatter writes to: a file without a name in the place for temporary files.
pub(crate) struct Staging {
    file: BufWriter<File>,
    name: String,
}

impl Staging {
    pub(crate) fn new(name: String) -> Result<Self> {
        Ok(Self { file: BufWriter::with_capacity(law_storage::CHUNK, tempfile::tempfile().map_err(no_scratch)?), name })
    }

    /// What was written, as a source.
    pub(crate) fn source(self) -> Result<FileSource> {
        let file = self.file.into_inner().map_err(|e| no_scratch(e.into_error()))?;
        FileSource::new(LocalFile::new(file, PathBuf::from(self.name)))
    }
}

impl Write for Staging {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|error| no_scratch(error).into())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(|error| no_scratch(error).into())
    }
}

impl Output for Staging {
    fn name(&self) -> &str {
        &self.name
    }
}

/// A file on any storage that a formatter reads by parts, for those who need only some of it. It blocks, and it is
/// pinned to the version that it had at first; its bytes are not proven by a checksum. It exists within
/// [`read`](Self::read) only, as a server without etags does not notice that another version is asked for.
pub struct RangeInput {
    place: Place,
    name: String,
    length: u64,
    validator: Validator,
}

impl RangeInput {
    /// What `work` makes of the file at `place`. Where only size and time of modification identify a version, the file is
    /// looked at once more afterwards: parts of two versions make nothing.
    ///
    /// # Errors
    /// Those of `work`; `NotFound`, `IsADirectory`, "cannot tell"; `Changed` if the file is another one by then.
    pub fn read<T>(place: Place, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let input = Self::open(place)?;
        let made = work(&input);
        // Two versions together are often no file of any format; a storage that cannot be reached is not asked again.
        let explained = |error: &Error| !matches!(error.kind(), ErrorKind::Malformed | ErrorKind::Unsupported);
        if input.validator.strength() == Strength::Strong || made.as_ref().is_err_and(explained) {
            return made;
        }
        match input.unchanged() {
            Err(look) if made.is_ok() || look.kind() == ErrorKind::Changed => Err(look),
            _ => made,
        }
    }

    /// Whether the file is still the version that was read.
    fn unchanged(&self) -> Result<()> {
        let place = self.place.clone();
        let now = wait(async move { place.backend().stat(&Call::new(), &place.resolved()).await })?;
        match now.map(|now| now.identity().compare(&self.validator)) {
            Some(Comparison::Same | Comparison::Unknown) => Ok(()),
            _ => Err(Error::new(ErrorKind::Changed, "the file changed while it was read").at(&self.place)),
        }
    }

    fn open(place: Place) -> Result<Self> {
        let looked = place.clone();
        let metadata = wait(async move { looked.backend().stat(&Call::new(), &looked.resolved()).await })?;
        let refuse = |kind: ErrorKind| Error::new(kind, kind.phrase()).at(&place);
        let metadata = metadata.ok_or_else(|| refuse(ErrorKind::NotFound))?;
        if metadata.is_directory() {
            return Err(refuse(ErrorKind::IsADirectory));
        }
        let name = crate::directory::basename(&place.path);
        let length = metadata.size.ok_or_else(|| refuse(ErrorKind::Malformed))?;
        Ok(Self { validator: metadata.identity(), length, name, place })
    }
}

impl Input for RangeInput {
    fn name(&self) -> &str {
        &self.name
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.length)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let (place, validator, length) = (self.place.clone(), self.validator.clone(), buffer.len());
        let bytes = wait(async move {
            let mut bytes = vec![0; length];
            let backend = place.fs.backend();
            let read = backend.read_into(&Call::new(), &place.resolved(), offset, &mut bytes, Some(&validator)).await?;
            bytes.truncate(read);
            Ok(bytes)
        })?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    fn local_path(&self) -> Option<&std::path::Path> {
        None
    }
}

/// A formatter's error in storage's words; an error of the storage that went through a formatter comes out whole.
pub fn format_error(error: law_formatters::Error) -> Error {
    use law_formatters::ErrorKind as Format;
    let kind = match error.kind() {
        Format::Io => return io_error(error),
        Format::Unsupported => ErrorKind::Unsupported,
        _ => ErrorKind::Malformed,
    };
    Error::new(kind, error.to_string())
}

/// The same of a file: where another place failed, the file is named, too.
pub(crate) fn format_error_of(file: &impl std::fmt::Display, error: law_formatters::Error) -> Error {
    let error = format_error(error);
    if error.url().is_some() { error.of(file) } else { error.at(file) }
}

fn io_error(error: law_formatters::Error) -> Error {
    let message = error.to_string();
    if let Some(place) = error.place().map(std::path::Path::to_owned) {
        let about = error.about().map(str::to_owned);
        let told = error.into_io().map_or_else(|| Error::new(ErrorKind::Internal, message), |io| on_disk(&place, io));
        return about.into_iter().fold(told, Error::of);
    }
    error.into_io().map_or_else(|| Error::new(ErrorKind::Unavailable, message), Error::from)
}

/// What failed is not the file that a formatter reads or writes, but another place on the local disk.
fn on_disk(place: &std::path::Path, error: io::Error) -> Error {
    match place == std::env::temp_dir() {
        true => no_scratch(error),
        false => Error::from(error).at(place.display()),
    }
}
