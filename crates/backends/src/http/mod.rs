//! HTTP/1.1 for storage: what the web protocols share.
//!
//! hyper moves the bytes; this module adds what storage needs and general clients do not have: request bodies that
//! are held back until `100 Continue` and replayed after a redirect, redirects of every method, credentials that
//! reach one endpoint alone, and limits for every kind of waiting. HTTP/2 is not offered: for bulk data it costs
//! more CPU and gives nothing.

mod address;
mod body;
mod client;
mod connection;
mod exchange;
pub(crate) mod part;
mod places;
mod pool;
mod redaction;
mod redirect;
mod socket;
pub(crate) mod status;
mod tls;
mod upload;

pub use address::{Address, Origin};
pub use body::Body;
pub use client::{Answer, Client, Request};
pub(crate) use connection::at_place;
pub use redaction::Secrets;
pub(crate) use tls::of_service;
pub use upload::Upload;
