//! Files as local ones, for the crate that unpacks them.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use rust_hdf5::swmr::SwmrFileReader;
use rust_hdf5::{FileLocking, Hdf5Error};

use super::blocks::parse;
use crate::{Error, FileInput, Input, Result};

/// Bytes that are copied at once.
const BUFFER: usize = 1024 * 1024;

/// Does something with a local file of the same bytes. What is not local is copied to the place for temporary files, and
/// never held in memory.
pub(super) fn with_local<T>(input: &dyn Input, work: impl FnOnce(&dyn Input, &Path) -> Result<T>) -> Result<T> {
    // What is no HDF5 is not worth a copy.
    parse(input, |_| Ok(()))?;
    if let Some(path) = input.local_path() {
        return work(input, path);
    }
    let mut scratch =
        tempfile::Builder::new().prefix("law-hdf5-").suffix(".h5").tempfile().map_err(Error::on_scratch)?;
    copy(input, scratch.as_file_mut())?;
    work(&FileInput::new(scratch.reopen()?, input.name()), scratch.path())
}

fn copy(input: &dyn Input, file: &mut File) -> Result<()> {
    let length = input.length()?;
    let mut buffer = vec![0; BUFFER];
    let mut done = 0;
    while done < length {
        match input.read_at(done, &mut buffer)? {
            0 => return Err(Error::malformed("the file ends too early")),
            read => {
                file.write_all(&buffer[..read]).map_err(Error::on_scratch)?;
                done += read as u64;
            }
        }
    }
    Ok(())
}

/// Opens a file that holds nothing that leads out of it.
pub(super) fn open(path: &Path) -> Result<SwmrFileReader> {
    // A lock would keep others from a file that is only read, and some file systems have none.
    SwmrFileReader::open_with_locking(path, FileLocking::Disabled).map_err(not_read)
}

/// The crate's error: what it cannot do, or damage.
pub(super) fn not_read(error: Hdf5Error) -> Error {
    match error {
        Hdf5Error::Io(error) => Error::from(error),
        Hdf5Error::Unsupported(what) => Error::unsupported(format!("HDF5 with {what}")),
        other => Error::malformed(format!("damaged HDF5: {other}")),
    }
}
