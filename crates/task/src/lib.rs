//! Tasks: what they require, what they write, and running them.
//!
//! Three methods are the whole idea: [`requires`](Task::requires), [`output`](Task::output), [`run`](Task::run). A task is complete when its outputs
//! exist, and what is complete is not run again.
//!
//! ```
//! use law_formatters::Json;
//! use law_target::{DirectoryTarget, FileTarget};
//! use law_task::{Context, Parameters as _, Task, TaskResult};
//!
//! /// Writes twice a number.
//! #[derive(Task)]
//! # #[task(crate = "law_task")]
//! struct TimesTwo {
//!     /// What is doubled.
//!     n: i64,
//!     #[param(default = "v1")]
//!     version: String,
//! }
//!
//! impl Task for TimesTwo {
//!     type Requires = ();
//!     type Output = FileTarget;
//!
//!     fn output(&self) -> TaskResult<FileTarget> {
//!         Ok(DirectoryTarget::at("data")?.child(format!("times_two_{}_{}.json", self.n, self.version)))
//!     }
//!
//!     fn run(&self, _: &Context) -> TaskResult {
//!         self.output()?.dump(2 * self.n, Json)?;
//!         Ok(())
//!     }
//! }
//! ```

mod configured;
mod context;
mod graph;
mod identity;
mod output;
mod parameter;
mod parameters;
mod registry;
mod requires;
mod running;
mod shown;
mod summary;
mod task;
pub mod tree;
mod value;
mod work;

pub use configured::{Defaults, configure, configured};
pub use context::{Context, Message};
pub use graph::{Graph, GraphError, Node, is_complete};
pub use identity::TaskId;
pub use output::{NamedTarget, Output};
pub use parameter::{Parameter, Presence};
pub use parameters::{Parameters, Values, WrongValue};
pub use registry::{Families, Family, Registered, most_similar};
pub use requires::Requires;
pub use running::{Attempt, Happening, Limits, Outcome, Recorder, Run, Settings, Watch, run};
pub use summary::Summary;
pub use task::{Completion, Role, Task};
pub use value::{Ranges, Size, Value};
pub use work::Work;

pub use law_task_derive::{Choice, Task};

/// What the methods of a task give: any error will do, and stops this task alone.
pub type TaskResult<T = ()> = anyhow::Result<T>;

/// For what the derive macros write.
#[doc(hidden)]
pub mod derived {
    pub use inventory;
}
