//! The conformance suite on every backend, and what only real servers show.

mod local;
mod server;
mod webdav;
