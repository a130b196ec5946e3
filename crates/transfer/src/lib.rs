//! Copies with proof between any two file systems, and the walks that they need.
//!
//! Knows no protocol: everything goes through [`law_storage::Backend`].

mod attributes;
mod bandwidth;
mod compare;
mod copy;
mod counted;
mod damaged;
mod filter;
mod inventory;
mod journal;
mod leftovers;
mod listed_ahead;
mod moving;
mod pattern;
mod place;
mod policy;
mod progress;
mod proven;
mod remote_source;
mod sync;
mod third_party;
mod tree;
mod unpublished;
mod walk;

pub use bandwidth::Bandwidth;
pub use compare::{Difference, Thoroughness, compare_trees};
pub use copy::{Copied, CopyOptions, Outcome, Preserve, copy_file, copy_file_onto, goes_on, source_of};
pub use filter::Filter;
pub use inventory::{Inventory, remove_copied};
pub use journal::{JobName, Journal, JournalRecord};
pub use leftovers::{Leftover, Remedy, leftovers};
pub use listed_ahead::ListedAhead;
pub use moving::{Moved, move_to};
pub use pattern::Pattern;
pub use place::Place;
pub use policy::Policy;
pub use progress::Progress;
pub use proven::{read_proven, read_small};
pub use remote_source::RemoteSource;
pub use sync::{MaxDelete, SyncOptions, SyncReport, SyncTold, sync_tree};
pub use third_party::{Between, ThirdParty};
pub use tree::{Told, TreeReport, copy_tree, remove_tree};
pub use unpublished::unpublished;
pub use walk::{Walked, glob, is_of_one_directory, walk, walk_on, walk_swiftly, walk_where};
