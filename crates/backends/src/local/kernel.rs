//! Copies of local files by the kernel.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use law_storage::{Call, Error, ErrorKind, LocalFile, Result, Taken};
use rustix::fs::SeekFrom;
use rustix::io::Errno;

use super::blocking;
use super::room::preallocate;

/// What is copied at once, so that a cancelled copy ends soon.
const STEP: usize = 64 * 1024 * 1024;

/// Copies a file on the same machine, until nobody waits for it any more. Holes stay holes.
pub(super) async fn copy_in_kernel(
    call: &Call,
    (to, wanted): (Arc<File>, Arc<AtomicBool>),
    from: LocalFile,
) -> Result<Taken> {
    blocking(call, move || copy_now(&to, &wanted, &from)).await
}

/// As [`copy_in_kernel`], on this thread.
pub(super) fn copy_now(to: &File, wanted: &AtomicBool, from: &LocalFile) -> Result<Taken> {
    if rustix::fs::ioctl_ficlone(to, from.file()).is_err() {
        copy_steps(from.file(), to, wanted)?;
    }
    Ok(Taken { size: to.metadata()?.len(), digests: Vec::new() })
}

/// Within the kernel where both file systems can, else through memory.
fn copy_steps(from: &File, to: &File, wanted: &AtomicBool) -> Result<()> {
    let metadata = from.metadata()?;
    let size = metadata.len();
    // Some file systems call a hole what is not on the disk yet: only who has holes is asked for them.
    let sparse = metadata.blocks() * 512 < size;
    if !sparse {
        preallocate(to, Some(size))?;
    }
    let (mut offset, mut begun) = (0, false);
    while let Some((begin, end)) = next_data(from, offset, size, sparse)? {
        offset = begin;
        while offset < end {
            if !wanted.load(Ordering::Relaxed) {
                return Err(Error::new(ErrorKind::Cancelled, "cancelled"));
            }
            let (mut source, mut target) = (offset, offset);
            let step = usize::try_from(end - offset).unwrap_or(STEP).min(STEP);
            match rustix::fs::copy_file_range(from, Some(&mut source), to, Some(&mut target), step) {
                // It became shorter, and that is told by its size.
                Ok(0) => return Ok(()),
                Ok(copied) => {
                    offset += copied as u64;
                    begun = true;
                }
                Err(_) if !begun => return copy_through_memory(from, to),
                Err(errno) => return Err(io::Error::from(errno).into()),
            }
        }
    }
    // A hole at the end has no data that would make the file so long.
    if from.metadata()?.len() == size && to.metadata()?.len() < size {
        to.set_len(size)?;
    }
    Ok(())
}

/// Where there is data from `offset` on, and where it ends; without an answer, or holes, everything is data.
fn next_data(file: &File, offset: u64, size: u64, sparse: bool) -> Result<Option<(u64, u64)>> {
    if offset >= size {
        return Ok(None);
    }
    if !sparse {
        return Ok(Some((offset, size)));
    }
    let begin = match rustix::fs::seek(file, SeekFrom::Data(offset)) {
        Ok(begin) => begin,
        Err(Errno::NXIO) => return Ok(None),
        Err(_) => return Ok(Some((offset, size))),
    };
    let end = rustix::fs::seek(file, SeekFrom::Hole(begin)).unwrap_or(size);
    Ok((begin < size).then(|| (begin, end.clamp(begin + 1, size))))
}

fn copy_through_memory(from: &File, to: &File) -> Result<()> {
    use std::os::unix::fs::FileExt as _;
    let mut buffer = vec![0; law_storage::CHUNK];
    let mut offset = 0;
    loop {
        let read = from.read_at(&mut buffer, offset)?;
        if read == 0 {
            return Ok(());
        }
        to.write_all_at(&buffer[..read], offset)?;
        offset += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt as _;

    #[test]
    fn holes_stay_holes() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let options = File::options().read(true).write(true).create(true).truncate(true).clone();
            options.open(directory.path().join(name)).unwrap()
        };
        for (number, data) in
            [vec![(0, 10)], vec![(3_000_000, 5_000_000)], vec![(1 << 30, 7), (3 << 30, 9)], vec![]].iter().enumerate()
        {
            let (from, to) = (file(&format!("from{number}")), file(&format!("to{number}")));
            from.set_len(4 << 30).unwrap();
            for (offset, length) in data {
                from.write_all_at(&vec![7; *length], *offset).unwrap();
            }
            copy_steps(&from, &to, &AtomicBool::new(true)).unwrap();
            assert_eq!(to.metadata().unwrap().len(), 4 << 30);
            assert!(to.metadata().unwrap().blocks() <= from.metadata().unwrap().blocks() + 16, "{data:?}");
            for (offset, length) in data {
                let mut bytes = vec![0; *length + 1];
                to.read_exact_at(&mut bytes, *offset).unwrap();
                assert!(bytes[..*length].iter().all(|byte| *byte == 7) && bytes[*length] == 0);
            }
        }
    }

    #[test]
    fn a_hole_at_the_beginning_and_another_file_system() {
        let (here, Ok(there)) = (tempfile::tempdir_in("/var/tmp").unwrap(), tempfile::tempdir_in("/dev/shm")) else {
            return;
        };
        let options = File::options().read(true).write(true).create(true).truncate(true).clone();
        let from = options.open(here.path().join("from")).unwrap();
        from.write_all_at(b"data", 3_000_000).unwrap();
        let to = options.open(there.path().join("to")).unwrap();
        copy_steps(&from, &to, &AtomicBool::new(true)).unwrap();
        assert_eq!(std::fs::read(here.path().join("from")).unwrap(), std::fs::read(there.path().join("to")).unwrap());
    }
}
