//! Locks on bytes of a file, which the kernel gives back when their holder ends, however it ends.
//!
//! They belong to an open file description (`F_OFD_SETLK`, see fcntl(2)): two of one process exclude each other like those of two, and closing
//! another descriptor of the same file gives nothing back.

use std::fs::File;
use std::io;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

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

/// Waits for the lock. Only for those who hold it briefly.
pub(crate) fn lock(file: &File, lock: Lock, first: u64, length: u64) -> io::Result<()> {
    loop {
        match fcntl(file, FcntlArg::F_OFD_SETLKW(&wish(kind(lock), first, length))) {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
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
