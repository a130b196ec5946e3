//! Protocol clients behind the contract of [`law_storage::Backend`].
//!
//! One folder is one backend; `http` is the client that the web protocols share. No backend knows of retries, other
//! doors or caches.

pub mod http;
pub mod local;
pub mod webdav;
