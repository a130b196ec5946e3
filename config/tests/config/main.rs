//! Layers, origins, trust, and what users see when something is wrong.

#![allow(clippy::unwrap_used, reason = "all of it is test code, also what stands outside of #[test]")]

mod hostile;
mod law_cfg;
mod layers;
mod place;
mod settings;
mod stanzas;
mod trust;
