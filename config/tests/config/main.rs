//! Layers, origins, trust, and what users see when something is wrong.

#![allow(clippy::unwrap_used, reason = "all of it is test code, also what stands outside of #[test]")]

mod hostile;
mod law_cfg;
mod law_cfg_hostile;
mod law_cfg_import;
mod law_cfg_options;
mod layers;
mod place;
mod settings;
mod stanzas;
mod trust;
