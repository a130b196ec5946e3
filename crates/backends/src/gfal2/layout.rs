//! Structures of C as the library fills them.

use std::ffi::{c_char, c_int, c_long};

/// `struct stat` of glibc on x86_64 Linux.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stat {
    device: u64,
    inode: u64,
    links: u64,
    pub(super) mode: u32,
    user: u32,
    group: u32,
    padding: c_int,
    special: u64,
    pub(super) size: i64,
    block: i64,
    blocks: i64,
    accessed: [i64; 2],
    /// Seconds and nanoseconds.
    pub(super) modified: [i64; 2],
    changed: [i64; 2],
    reserved: [c_long; 3],
}

/// `struct dirent` of glibc on x86_64 Linux.
#[repr(C)]
pub(super) struct Dirent {
    inode: u64,
    offset: i64,
    length: u16,
    kind: u8,
    pub(super) name: [c_char; 256],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_as_large_as_those_of_the_system() {
        assert_eq!((size_of::<Stat>(), align_of::<Stat>()), (144, 8));
        assert_eq!(std::mem::offset_of!(Stat, size), 48);
        assert_eq!(std::mem::offset_of!(Stat, modified), 88);
        assert_eq!((size_of::<Dirent>(), std::mem::offset_of!(Dirent, name)), (280, 19));
    }
}
