//! Workflows: tasks with many branches, of which each is a task; and tasks that are command lines in any language.
//!
//! A workflow says which branches it has ([`Workflow::branch_map`]), and of each what it requires, where it writes, and how it works, as a
//! [`Task`](law_task::Task) does. [`Branches`] of it is the task that is complete when they are, [`BranchTask`] is one of them.

mod branch_map;
mod branched;
pub mod command;
mod one;
mod outputs;
pub mod record;
mod registered;
mod selection;
mod typed;
mod whole;
mod workflow;

pub use branch_map::{Branch, BranchMap};
pub use branched::{Branched, Treatment};
pub use one::OneBranch;
pub use selection::{Goal, Selection};
pub use typed::{BranchTask, Branches};
pub use whole::Whole;
pub use workflow::Workflow;

pub use law_task_derive::Workflow;

/// For what the derive macro writes.
#[doc(hidden)]
pub mod derived {
    pub use crate::registered::{make, parameters};
}
