//! Layered settings that know where they came from.
//!
//! [`Config::load`] merges the layers that `defaults/law.toml` lists, checks every key and value, and returns typed
//! settings; [`Config::list`] and [`Config::origin`] say which layer each value is from. Unknown keys are errors with
//! a suggestion. The file systems of a `law.cfg` of the Python package are a layer, too, and [`import`] says what they come to. The crate knows nothing of storage: a door is a URL here, a checksum a word.
//!
//! Everything that a process would look up (environment, working directory, home, user) comes in by [`Environment`],
//! so that tests need no global state.
//!
//! To add an option: document it in `defaults/law.toml`, add a field to its settings, and read it in their `read`;
//! whatever `read` asks for is known, everything else is refused.

mod braces;
mod cache;
mod config;
mod doors;
mod environment;
mod error;
mod expansion;
mod file_system;
mod law_cfg;
mod layers;
mod name;
mod origin;
mod quantity;
mod secret;
mod section;
mod setting;
mod stanza;
mod tree;
mod trust;

pub use cache::{CachePolicy, CacheSettings, FileSystemCacheSettings};
pub use config::{Config, ListedValue};
pub use doors::{DoorSettings, Operation};
pub use environment::Environment;
pub use error::{Error, ErrorKind, Result};
pub use file_system::{AuthMethod, DoorPolicy, Durability, FileSystemSettings, Publish, Timeouts, Verify};
pub use law_cfg::{Imported, import};
pub use name::Name;
pub use origin::{ConfigFile, Origin};
pub use secret::Secret;
pub use stanza::{add_imported, add_stanza, stanza};
pub use trust::{distrust, trust};

/// The file that documents every option and has its default: `law config defaults`.
pub fn defaults() -> &'static str {
    layers::DEFAULTS
}
