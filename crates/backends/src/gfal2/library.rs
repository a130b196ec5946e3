//! The C library, loaded when it is needed: its functions, and what they return, as Rust values. All calls block.
//!
//! It is never unloaded: its plugins have threads of their own.

#![allow(unsafe_code, reason = "a C library is called, whose functions and structures are declared here")]

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use super::layout::{Dirent, Stat};
use libloading::os::unix::{Library as Shared, RTLD_LOCAL, RTLD_NOW};

/// The library by its usual name.
pub(super) const NAME: &str = "libgfal2.so.2";

const SEEK_SET: c_int = 0;
const SEEK_END: c_int = 2;
const O_RDONLY: c_int = 0;
const O_WRONLY: c_int = 0o1;
const O_RDWR: c_int = 0o2;
const O_CREAT: c_int = 0o100;
const O_TRUNC: c_int = 0o1000;

/// `G_LOG_LEVEL_CRITICAL`: what it tells in warnings it also tells in errors, and standard error is not its own.
const CRITICAL: c_int = 1 << 3;

/// What went wrong, as the library tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// An `errno`.
    pub(super) code: i32,
    pub(super) message: String,
}

/// `GError` of GLib.
#[repr(C)]
struct GError {
    domain: u32,
    code: c_int,
    message: *mut c_char,
}

type Handle = *mut c_void;
type Failed = *mut *mut GError;

/// The functions that are looked up, each under its own name.
macro_rules! functions {
    ($($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        struct Functions { $($name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)* }

        impl Functions {
            fn of(library: &Shared) -> Result<Self, libloading::Error> {
                Ok(Self { $(
                    // SAFETY: the types are those of gfal2's and GLib's headers.
                    $name: *unsafe { library.get(concat!(stringify!($name), "\0").as_bytes()) }?,
                )* })
            }
        }
    };
}

functions! {
    g_error_free: fn(*mut GError);
    g_strfreev: fn(*mut *mut c_char);
    gfal2_log_set_level: fn(c_int);
    gfal2_context_new: fn(Failed) -> Handle;
    gfal2_get_plugin_names: fn(Handle) -> *mut *mut c_char;
    gfal2_set_opt_string: fn(Handle, *const c_char, *const c_char, *const c_char, Failed) -> c_int;
    gfal2_cancel: fn(Handle) -> c_int;
    gfal2_stat: fn(Handle, *const c_char, *mut Stat, Failed) -> c_int;
    gfal2_lstat: fn(Handle, *const c_char, *mut Stat, Failed) -> c_int;
    gfal2_opendir: fn(Handle, *const c_char, Failed) -> Handle;
    gfal2_readdirpp: fn(Handle, Handle, *mut Stat, Failed) -> *mut Dirent;
    gfal2_closedir: fn(Handle, Handle, Failed) -> c_int;
    gfal2_open2: fn(Handle, *const c_char, c_int, c_uint, Failed) -> c_int;
    gfal2_read: fn(Handle, c_int, *mut c_void, usize, Failed) -> isize;
    gfal2_pread: fn(Handle, c_int, *mut c_void, usize, i64, Failed) -> isize;
    gfal2_lseek: fn(Handle, c_int, i64, c_int, Failed) -> i64;
    gfal2_write: fn(Handle, c_int, *const c_void, usize, Failed) -> isize;
    gfal2_close: fn(Handle, c_int, Failed) -> c_int;
    gfal2_mkdir: fn(Handle, *const c_char, c_uint, Failed) -> c_int;
    gfal2_rmdir: fn(Handle, *const c_char, Failed) -> c_int;
    gfal2_unlink: fn(Handle, *const c_char, Failed) -> c_int;
    gfal2_rename: fn(Handle, *const c_char, *const c_char, Failed) -> c_int;
    gfal2_checksum: fn(Handle, *const c_char, *const c_char, i64, usize, *mut c_char, usize, Failed) -> c_int;
}

/// The loaded library.
pub(super) struct Library {
    functions: Functions,
    /// Where the functions are.
    _shared: Shared,
}

impl Library {
    /// The library of that name, loaded if it is not yet.
    ///
    /// # Errors
    /// Why it cannot be loaded, in the words of the system.
    pub(super) fn load(name: &str) -> Result<&'static Self, String> {
        static LOADED: Mutex<BTreeMap<String, &'static Library>> = Mutex::new(BTreeMap::new());
        if !cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
            return Err("it is called on Linux with glibc on x86_64 only".into());
        }
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(library) = loaded.get(name) {
            return Ok(library);
        }
        let library: &'static Self = Box::leak(Box::new(Self::open(name).map_err(|error| reason(&error))?));
        loaded.insert(name.to_owned(), library);
        Ok(library)
    }

    fn open(name: &str) -> Result<Self, libloading::Error> {
        // SAFETY: what gfal2 and its libraries do when they are loaded is to register their types.
        let shared = unsafe { Shared::open(Some(name), RTLD_NOW | RTLD_LOCAL) }?;
        let functions = Functions::of(&shared)?;
        // SAFETY: it stores a number.
        unsafe { (functions.gfal2_log_set_level)(CRITICAL) };
        Ok(Self { functions, _shared: shared })
    }

    /// Runs `call`, which has a place for an error, and says whether it went well.
    fn checked<T>(&self, call: impl FnOnce(Failed) -> T, good: impl FnOnce(&T) -> bool) -> Result<T, Failure> {
        let mut error = ptr::null_mut();
        let value = call(&mut error);
        match (good(&value), error.is_null()) {
            (true, true) => Ok(value),
            // Some plugins leave an error behind and go on.
            (true, false) => {
                self.take(error);
                Ok(value)
            }
            _ => Err(self.take(error)),
        }
    }

    fn take(&self, error: *mut GError) -> Failure {
        if error.is_null() {
            return Failure { code: 0, message: "it failed, and said nothing of it".into() };
        }
        // SAFETY: a GError that was set has a message that ends in NUL, and is ours to free, once.
        unsafe {
            let message = CStr::from_ptr((*error).message).to_string_lossy().into_owned();
            let failure = Failure { code: (*error).code, message };
            (self.functions.g_error_free)(error);
            failure
        }
    }
}

/// `gfal2_context_t`: plugins, options and connections. One call at a time, and [`cancel`](Context::cancel) beside it.
///
/// It is never freed: answers of GridFTP servers that come late are written to what was freed (2.21.3).
pub(super) struct Context {
    library: &'static Library,
    handle: Handle,
}

// SAFETY: gfal2 lets any thread use a context; what it keeps in it, it locks.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

impl Context {
    /// A new one, with options: group, key and value.
    pub(super) fn new(library: &'static Library, options: &[(&str, &str, CString)]) -> Result<Self, Failure> {
        // SAFETY: it writes an error, or returns a context that is ours.
        let new = |failed| unsafe { (library.functions.gfal2_context_new)(failed) };
        let context = Self { library, handle: library.checked(new, |handle| !handle.is_null())? };
        for (group, key, value) in options {
            let (group, key) = (text(group)?, text(key)?);
            // SAFETY: the texts end in NUL, and are copied.
            context.plain(|f, handle, failed| unsafe {
                (f.gfal2_set_opt_string)(handle, group.as_ptr(), key.as_ptr(), value.as_ptr(), failed)
            })?;
        }
        Ok(context)
    }

    /// A call that is 0 if it went well.
    fn plain(&self, call: impl FnOnce(&Functions, Handle, Failed) -> c_int) -> Result<(), Failure> {
        let functions = &self.library.functions;
        self.library.checked(|failed| call(functions, self.handle, failed), |code| *code == 0).map(drop)
    }

    /// The names of the plugins that it has, with their versions.
    pub(super) fn plugins(&self) -> Vec<String> {
        let mut names = Vec::new();
        // SAFETY: an array of texts that ends in a null pointer, and is ours to free.
        unsafe {
            let all = (self.library.functions.gfal2_get_plugin_names)(self.handle);
            let mut next = all;
            while !next.is_null() && !(*next).is_null() {
                names.push(CStr::from_ptr(*next).to_string_lossy().into_owned());
                next = next.add(1);
            }
            (self.library.functions.g_strfreev)(all);
        }
        names
    }

    /// Asks what is running in it to end, and waits until it has.
    pub(super) fn cancel(&self) {
        // SAFETY: made to be called beside a running call; the context lives as long as `self`.
        unsafe { (self.library.functions.gfal2_cancel)(self.handle) };
    }

    /// What is there, following links.
    pub(super) fn stat(&self, url: &CStr) -> Result<Stat, Failure> {
        let mut stat = Stat::default();
        // SAFETY: it writes to `stat`, which has the layout that it knows.
        self.plain(|f, handle, failed| unsafe { (f.gfal2_stat)(handle, url.as_ptr(), &mut stat, failed) })?;
        Ok(stat)
    }

    /// What is there, a link itself.
    pub(super) fn lstat(&self, url: &CStr) -> Result<Stat, Failure> {
        let mut stat = Stat::default();
        // SAFETY: as in `stat`.
        self.plain(|f, handle, failed| unsafe { (f.gfal2_lstat)(handle, url.as_ptr(), &mut stat, failed) })?;
        Ok(stat)
    }

    /// Makes a directory.
    pub(super) fn mkdir(&self, url: &CStr) -> Result<(), Failure> {
        // SAFETY: the text ends in NUL.
        self.plain(|f, handle, failed| unsafe { (f.gfal2_mkdir)(handle, url.as_ptr(), 0o755, failed) })
    }

    /// Removes an empty directory.
    pub(super) fn rmdir(&self, url: &CStr) -> Result<(), Failure> {
        // SAFETY: the text ends in NUL.
        self.plain(|f, handle, failed| unsafe { (f.gfal2_rmdir)(handle, url.as_ptr(), failed) })
    }

    /// Removes a file.
    pub(super) fn unlink(&self, url: &CStr) -> Result<(), Failure> {
        // SAFETY: the text ends in NUL.
        self.plain(|f, handle, failed| unsafe { (f.gfal2_unlink)(handle, url.as_ptr(), failed) })
    }

    /// Gives something another name.
    pub(super) fn rename(&self, from: &CStr, to: &CStr) -> Result<(), Failure> {
        // SAFETY: both texts end in NUL.
        self.plain(|f, handle, failed| unsafe { (f.gfal2_rename)(handle, from.as_ptr(), to.as_ptr(), failed) })
    }

    /// The checksum of a whole file, in hexadecimal digits.
    pub(super) fn checksum(&self, url: &CStr, algorithm: &str) -> Result<String, Failure> {
        let algorithm = text(algorithm)?;
        let mut buffer: [c_char; 256] = [0; 256];
        let length = buffer.len() - 1;
        // SAFETY: it writes at most `length` bytes, so that the last one stays NUL.
        self.plain(|f, handle, failed| unsafe {
            (f.gfal2_checksum)(handle, url.as_ptr(), algorithm.as_ptr(), 0, 0, buffer.as_mut_ptr(), length, failed)
        })?;
        // SAFETY: its last byte is NUL.
        Ok(unsafe { CStr::from_ptr(buffer.as_ptr()) }.to_string_lossy().into_owned())
    }
}

/// What the system says: what `libloading` says itself is not more than that it failed.
fn reason(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

fn text(text: &str) -> Result<CString, Failure> {
    CString::new(text).map_err(|_| Failure { code: 22, message: "a NUL byte in a text".into() })
}

/// Something that is open in a context, and stays open there if it is only forgotten.
pub(super) trait Open: Send + 'static {
    /// Where it is open.
    fn context(&self) -> &Arc<Context>;

    /// Ends it: what was written is there only if this went well.
    fn close(self) -> Result<(), Failure>;
}

/// An open file.
pub(super) struct OpenFile {
    context: Arc<Context>,
    descriptor: c_int,
}

impl OpenFile {
    /// Opens a file for reading; `in_turn` if it will be read from its beginning on, and nothing else.
    ///
    /// GridFTP then makes a transfer of each piece. Otherwise it begins one of the whole file, and breaks it off when the file is closed, also at
    /// its end, which the process may not survive (2.21.3).
    pub(super) fn read_from(context: &Arc<Context>, url: &CStr, in_turn: bool) -> Result<Self, Failure> {
        Self::open(context, url, if in_turn { O_RDWR } else { O_RDONLY })
    }

    /// Makes a file, or empties one, for writing.
    pub(super) fn write_to(context: &Arc<Context>, url: &CStr) -> Result<Self, Failure> {
        Self::open(context, url, O_WRONLY | O_CREAT | O_TRUNC)
    }

    fn open(context: &Arc<Context>, url: &CStr, flags: c_int) -> Result<Self, Failure> {
        let functions = &context.library.functions;
        // SAFETY: the text ends in NUL.
        let open = |failed| unsafe { (functions.gfal2_open2)(context.handle, url.as_ptr(), flags, 0o644, failed) };
        let descriptor = context.library.checked(open, |descriptor| *descriptor > 0)?;
        Ok(Self { context: context.clone(), descriptor })
    }

    /// The next bytes: none at the end.
    pub(super) fn read(&mut self, most: usize) -> Result<Vec<u8>, Failure> {
        self.fill(most, |f, handle, descriptor, buffer, failed| {
            // SAFETY: the buffer has room for `most` bytes.
            unsafe { (f.gfal2_read)(handle, descriptor, buffer, most, failed) }
        })
    }

    /// The bytes from `offset` on: none at the end.
    pub(super) fn read_at(&mut self, most: usize, offset: i64) -> Result<Vec<u8>, Failure> {
        self.fill(most, |f, handle, descriptor, buffer, failed| {
            // SAFETY: the buffer has room for `most` bytes.
            unsafe { (f.gfal2_pread)(handle, descriptor, buffer, most, offset, failed) }
        })
    }

    /// How large the open file is, which may be another one by now than the one of that name. It is read from its beginning afterwards.
    pub(super) fn size(&mut self) -> Result<i64, Failure> {
        let size = self.seek(SEEK_END)?;
        self.seek(SEEK_SET)?;
        Ok(size)
    }

    fn seek(&mut self, whence: c_int) -> Result<i64, Failure> {
        let (functions, handle) = (&self.context.library.functions, self.context.handle);
        // SAFETY: the descriptor is open.
        let call = |failed| unsafe { (functions.gfal2_lseek)(handle, self.descriptor, 0, whence, failed) };
        self.context.library.checked(call, |offset| *offset >= 0)
    }

    fn fill(
        &mut self,
        most: usize,
        read: impl FnOnce(&Functions, Handle, c_int, *mut c_void, Failed) -> isize,
    ) -> Result<Vec<u8>, Failure> {
        let mut buffer = vec![0; most];
        let (functions, handle) = (&self.context.library.functions, self.context.handle);
        let call = |failed| read(functions, handle, self.descriptor, buffer.as_mut_ptr().cast(), failed);
        let count = self.context.library.checked(call, |count| *count >= 0)?;
        buffer.truncate(usize::try_from(count).unwrap_or_default());
        Ok(buffer)
    }

    /// Writes some of the bytes, and says how many.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<usize, Failure> {
        let (functions, handle) = (&self.context.library.functions, self.context.handle);
        // SAFETY: it reads from the bytes, as many as there are.
        let call = |failed| unsafe {
            (functions.gfal2_write)(handle, self.descriptor, bytes.as_ptr().cast(), bytes.len(), failed)
        };
        let count = self.context.library.checked(call, |count| *count > 0)?;
        Ok(usize::try_from(count).unwrap_or_default())
    }
}

impl Open for OpenFile {
    fn context(&self) -> &Arc<Context> {
        &self.context
    }

    fn close(self) -> Result<(), Failure> {
        // SAFETY: the descriptor is open, and forgotten afterwards.
        self.context.plain(|f, handle, failed| unsafe { (f.gfal2_close)(handle, self.descriptor, failed) })
    }
}

/// An open directory. To be closed, as a file.
pub(super) struct OpenDirectory {
    context: Arc<Context>,
    handle: Handle,
    /// The first entry, until it is asked for.
    first: Option<Entry>,
    ended: bool,
}

/// A name, with what is said of it.
type Entry = (Vec<u8>, Stat);

// SAFETY: it is a part of a context, which any thread may use.
unsafe impl Send for OpenDirectory {}

impl OpenDirectory {
    /// Opens a directory. The first entry is read at once: the plugin for XRootD asks in the background, and writes to what was freed if
    /// the directory is closed before the answer came (2.21.3).
    pub(super) fn open(context: &Arc<Context>, url: &CStr) -> Result<Self, Failure> {
        let functions = &context.library.functions;
        // SAFETY: the text ends in NUL.
        let open = |failed| unsafe { (functions.gfal2_opendir)(context.handle, url.as_ptr(), failed) };
        let handle = context.library.checked(open, |handle| !handle.is_null())?;
        let mut directory = Self { context: context.clone(), handle, first: None, ended: false };
        match directory.entry() {
            Ok(first) => directory.first = first,
            Err(failure) => {
                // The failure before counts.
                drop(directory.close());
                return Err(failure);
            }
        }
        Ok(directory)
    }

    /// The next entries: none at the end.
    pub(super) fn next(&mut self, most: usize) -> Result<Vec<Entry>, Failure> {
        let mut entries = Vec::new();
        while entries.len() < most {
            let first = self.first.take();
            match first.map_or_else(|| self.entry(), |first| Ok(Some(first)))? {
                Some(entry) => entries.push(entry),
                None => break,
            }
        }
        Ok(entries)
    }

    fn entry(&mut self) -> Result<Option<Entry>, Failure> {
        if self.ended {
            return Ok(None);
        }
        let (mut stat, mut error) = (Stat::default(), ptr::null_mut());
        let Context { library, handle } = *self.context;
        // SAFETY: the directory is open, and `stat` has the layout that it knows.
        let entry = unsafe { (library.functions.gfal2_readdirpp)(handle, self.handle, &mut stat, &mut error) };
        if !error.is_null() {
            return Err(library.take(error));
        }
        if entry.is_null() {
            self.ended = true;
            return Ok(None);
        }
        // SAFETY: an entry has a name that ends in NUL, and stays until the next call.
        let name = unsafe { CStr::from_ptr((&raw const (*entry).name).cast()) };
        Ok(Some((name.to_bytes().to_vec(), stat)))
    }
}

impl Open for OpenDirectory {
    fn context(&self) -> &Arc<Context> {
        &self.context
    }

    fn close(self) -> Result<(), Failure> {
        // SAFETY: the directory is open, and forgotten afterwards.
        self.context.plain(|f, handle, failed| unsafe { (f.gfal2_closedir)(handle, self.handle, failed) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_not_there_says_why() {
        let reason = Library::load("libno-such-gfal.so.2").err().unwrap_or_default();
        assert!(reason.contains("libno-such-gfal.so.2"), "{reason}");
    }
}
