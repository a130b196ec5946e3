//! Copies with proof between any two file systems, and the walks that they need.
//!
//! Knows no protocol: everything goes through [`law_storage::Backend`].

mod copy;
mod counted;
mod damaged;
mod filter;
mod inventory;
mod moving;
mod pattern;
mod place;
mod progress;
mod proven;
mod remote_source;
mod tree;
mod walk;

pub use copy::{Copied, CopyOptions, Outcome, Policy, copy_file, source_of};
pub use filter::Filter;
pub use inventory::{Inventory, remove_copied};
pub use moving::{Moved, move_to};
pub use pattern::Pattern;
pub use place::Place;
pub use progress::Progress;
pub use proven::{read_proven, read_small};
pub use remote_source::RemoteSource;
pub use tree::{TreeReport, copy_tree, remove_tree};
pub use walk::{Walked, glob, is_of_one_directory, walk, walk_on, walk_where};
