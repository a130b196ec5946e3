//! Protocol clients behind the contract of [`law_storage::Backend`].
//!
//! One folder is one backend; `http` is the client that the web protocols share, and `auth` what they say of who asks. No backend knows of retries, other
//! doors or caches.

pub mod auth;
pub mod dropbox;
pub mod gfal2;
pub mod http;
pub mod local;
pub mod opendal;
mod pieces;
pub mod s3;
pub mod sftp;
mod together;
pub mod webdav;
