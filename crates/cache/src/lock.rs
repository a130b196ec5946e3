//! Locks on bytes of a file, which the kernel gives back when their holder ends, however it ends.
//!
//! They belong to an open file description (`F_OFD_SETLK`, see fcntl(2)): two of one process exclude each other like those of two, and closing
//! another descriptor of the same file gives nothing back.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

/// Between two looks.
const PAUSES: (Duration, Duration) = (Duration::from_micros(50), Duration::from_millis(5));

/// Who else may have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    /// Others who share it.
    Shared,
    /// Nobody.
    Exclusive,
}

/// Takes the lock if nobody is in the way.
pub(crate) fn try_lock(file: &File, lock: Lock, first: u64, length: u64) -> io::Result<bool> {
    match fcntl(file, FcntlArg::F_OFD_SETLK(&wish(kind(lock), first, length))) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Waits for the lock of a byte, but not longer than anybody needs it: who has it may be stopped, or its disk hang.
///
/// Waiting in the kernel cannot be broken off, so it is looked for again and again.
pub(crate) fn lock(file: &File, lock: Lock, byte: u64, patience: Duration) -> io::Result<()> {
    let (begin, mut pause) = (Instant::now(), PAUSES.0);
    while !try_lock(file, lock, byte, 1)? {
        if begin.elapsed() >= patience {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "a process that does not go on has locked the cache"));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(PAUSES.1);
    }
    Ok(())
}

/// Gives it back.
pub(crate) fn unlock(file: &File, first: u64, length: u64) {
    // What cannot be given back now is given back when the file is closed.
    let _ = fcntl(file, FcntlArg::F_OFD_SETLK(&wish(libc::F_UNLCK, first, length)));
}

fn kind(lock: Lock) -> libc::c_int {
    match lock {
        Lock::Shared => libc::F_RDLCK,
        Lock::Exclusive => libc::F_WRLCK,
    }
}

fn wish(kind: libc::c_int, first: u64, length: u64) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: first as libc::off_t,
        l_len: length as libc::off_t,
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_ever() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let open = || File::options().read(true).write(true).open(file.path()).unwrap();
        let (one, two) = (open(), open());
        assert!(try_lock(&one, Lock::Exclusive, 0, 1).unwrap());
        let (begin, patience) = (Instant::now(), Duration::from_millis(30));
        let error = lock(&two, Lock::Exclusive, 0, patience).unwrap_err();
        assert!(error.kind() == io::ErrorKind::TimedOut && begin.elapsed() >= patience);
        drop(one);
        lock(&two, Lock::Exclusive, 0, patience).unwrap();
    }

    #[test]
    fn two_openings_of_a_process_exclude_each_other() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let open = || File::options().read(true).write(true).open(file.path()).unwrap();
        let (one, two) = (open(), open());
        assert!(try_lock(&one, Lock::Exclusive, 0, 10).unwrap());
        assert!(!try_lock(&two, Lock::Shared, 9, 1).unwrap());
        assert!(try_lock(&two, Lock::Exclusive, 10, 5).unwrap());
        unlock(&one, 9, 1);
        assert!(try_lock(&two, Lock::Shared, 9, 1).unwrap());
        drop(open());
        assert!(!try_lock(&two, Lock::Shared, 0, 1).unwrap(), "closing another descriptor gives nothing back");
        drop(one);
        assert!(try_lock(&two, Lock::Shared, 0, 1).unwrap());
    }
}
