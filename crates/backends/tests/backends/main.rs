//! The conformance suite on every backend, and what only real servers show.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what it skips, and fails where it stands")]

mod dropbox;
mod gfal2;
mod local;
mod opendal;
mod s3;
mod server;
mod sftp;
mod store_faults;
mod webdav;
