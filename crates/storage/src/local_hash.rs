//! Checksums of local files.

use std::thread;

use crate::local_read::Buffers;
use crate::{Algorithm, ByteRange, Error, ErrorKind, Hasher, LocalFile, Result, Taken};

/// Smaller pieces are not worth a thread.
const PIECE: u64 = 16 * 1024 * 1024;

/// More threads read no disk faster.
const THREADS: u64 = 8;

/// Checksums of a local file, on threads of their own: of pieces beside each other, where the algorithms can combine them.
///
/// # Errors
/// Those of reading.
pub async fn hash_local(local: LocalFile, algorithms: Vec<Algorithm>) -> Result<Taken> {
    tokio::task::spawn_blocking(move || hash(&local, &algorithms, THREADS.min(processors())))
        .await
        .map_err(|e| Error::new(ErrorKind::Internal, "the hashing thread broke").because(e))?
}

fn processors() -> u64 {
    thread::available_parallelism().map_or(1, |count| count.get() as u64)
}

fn hash(local: &LocalFile, algorithms: &[Algorithm], threads: u64) -> Result<Taken> {
    let size = local.file().metadata().map_err(|e| Error::from(e).at(local.path().display()))?.len();
    let pieces = if algorithms.iter().all(|a| a.is_combinable()) { threads.min(size / PIECE).max(1) } else { 1 };
    let beside = if pieces > 1 { beside_each_other(local, algorithms, size, pieces)? } else { None };
    let hasher = match beside {
        Some(hasher) => hasher,
        None => piece(local, algorithms, ByteRange::new(0, u64::MAX))?,
    };
    Ok(Taken { size: hasher.length(), digests: hasher.finish() })
}

/// None if the file was not as long as it seemed.
fn beside_each_other(local: &LocalFile, algorithms: &[Algorithm], size: u64, pieces: u64) -> Result<Option<Hasher>> {
    let each = size.div_ceil(pieces);
    let begins = (0..pieces).map(|number| number * each);
    // The last one goes on to the end, wherever that is by then.
    let ranges = begins.map(|begin| ByteRange::new(begin, if begin + each < size { each } else { u64::MAX - begin }));
    let parts: Vec<Result<Hasher>> = thread::scope(|scope| {
        let started: Vec<_> = ranges.map(|range| scope.spawn(move || piece(local, algorithms, range))).collect();
        let broken = |_| Err(Error::new(ErrorKind::Internal, "a hashing thread broke"));
        started.into_iter().map(|thread| thread.join().unwrap_or_else(broken)).collect()
    });
    let mut whole = Hasher::new(algorithms.iter().copied());
    for (number, part) in (0..pieces).zip(parts) {
        let part = part?;
        if whole.length() != number * each || !whole.append(&part) {
            return Ok(None);
        }
    }
    Ok(Some(whole))
}

fn piece(local: &LocalFile, algorithms: &[Algorithm], range: ByteRange) -> Result<Hasher> {
    let mut hasher = Hasher::new(algorithms.iter().copied());
    let mut buffers = Buffers::default();
    loop {
        let left = range.after(hasher.length());
        let chunk = if left.is_empty() { return Ok(hasher) } else { buffers.next(local, left)? };
        if chunk.is_empty() {
            return Ok(hasher);
        }
        hasher.update(&chunk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn file_of(size: usize) -> (LocalFile, Vec<u8>) {
        let bytes: Vec<u8> = (0..size).map(|i| (i / 7 % 253) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        (LocalFile::new(file, "(a test)".into()), bytes)
    }

    #[test]
    fn threads_find_what_one_pass_finds() {
        let both = [Algorithm::Adler32, Algorithm::Crc64Nvme];
        for size in [0, 1, PIECE as usize * 2 - 1, PIECE as usize * 3 + 12_345] {
            let (local, bytes) = file_of(size);
            let mut hasher = Hasher::new(both);
            hasher.update(&bytes);
            let expected = Taken { size: size as u64, digests: hasher.finish() };
            for threads in [1, 2, 3, 8] {
                assert_eq!(hash(&local, &both, threads).unwrap(), expected, "{size} bytes, {threads} threads");
            }
        }
    }

    #[test]
    fn a_file_that_is_shorter_than_it_seemed_is_read_as_it_is() {
        let (local, _) = file_of(100);
        assert!(beside_each_other(&local, &[Algorithm::Adler32], 1000, 4).unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_combined_is_one_pass() {
        let (local, bytes) = file_of(PIECE as usize * 2 + 5);
        let taken = hash(&local, &[Algorithm::Md5, Algorithm::Adler32], 4).unwrap();
        let mut hasher = Hasher::new([Algorithm::Md5, Algorithm::Adler32]);
        hasher.update(&bytes);
        assert_eq!(taken.digests, hasher.finish());
    }
}
