//! Targets: files and directories on any storage, which exist or not, and which are loaded, dumped and localized.
//!
//! [`build`](build::build) is the one place that puts a file system together. Targets block; file systems await.

mod any;
pub mod backends;
mod bridge;
pub mod build;
mod cache;
mod claims;
pub mod collection;
mod credential;
mod directory;
mod file;
mod file_systems;
mod halves;
mod localize;
mod localize_directory;
mod login;
mod node_directory;
#[cfg(feature = "object_store")]
mod objects;
mod own_cache;
mod publish_directory;
mod rows;
pub mod runtime;
mod target;
mod temporary;
mod tree;

pub use any::AnyTarget;
pub use bridge::{RangeInput, format_error};
pub use claims::Claims;
pub use collection::{
    DirectoryCollection, FileCollection, NestedSiblingFileCollection, SiblingFileCollection, TargetCollection,
};
pub use credential::CredentialReport;
pub use directory::DirectoryTarget;
pub use file::FileTarget;
pub use file_systems::FileSystems;
pub use localize::{LocalizedRead, LocalizedWrite};
pub use localize_directory::{LocalizedDirectory, LocalizedDirectoryWrite};
pub use login::DropboxLogin;
#[cfg(feature = "object_store")]
pub use objects::Objects;
pub use publish_directory::PublishedDirectory;
pub use rows::Rows;
pub use target::Target;
pub use temporary::Temporary;
pub use tree::Walk;
