//! Whether there was a standard output when the program began.
//!
//! Rust opens `/dev/null` in the place of a closed one before `main`, so that everything would seem to be written (`law fs ls >&-`).

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use law_storage::{Error, ErrorKind};
use rustix::io::Errno;

static CLOSED: AtomicBool = AtomicBool::new(false);

/// Runs before Rust's own start.
#[cfg(target_os = "linux")]
#[used]
#[allow(
    unsafe_code,
    reason = "no safe code runs early enough; the function allocates nothing and uses nothing that Rust's start makes"
)]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = look;

#[cfg(target_os = "linux")]
extern "C" fn look() {
    let closed = rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err_and(|error| error == Errno::BADF);
    CLOSED.store(closed, Ordering::Relaxed);
}

/// An error if what is written would be lost.
pub(crate) fn refuse_closed() -> io::Result<()> {
    if CLOSED.load(Ordering::Relaxed) { Err(unwritable(Errno::BADF.into())) } else { Ok(()) }
}

/// What went wrong with standard output, in words.
pub(super) fn unwritable(error: io::Error) -> io::Error {
    let kind = match error.raw_os_error() {
        // Whoever closed it made a mistake in the command line.
        Some(number) if number == Errno::BADF.raw_os_error() => ErrorKind::InvalidInput,
        Some(number) => Error::from(io::Error::from_raw_os_error(number)).kind(),
        None => ErrorKind::Unavailable,
    };
    Error::new(kind, "cannot write to").at("standard output").because(error).into()
}
