//! Every fault against a tiny server and a raw client: the exact bytes that each side sees.
#![allow(clippy::unwrap_used, reason = "all of it is test code, also what stands outside of #[test]")]

mod answers;
mod connections;
mod handshakes;
mod hostile;
mod listings;
mod ranges;
mod uploads;
mod wire;
