//! What a user writes: a task with many branches.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use law_task::{Context, Output, Parameters, Requires, TaskResult, Work};

use crate::branch_map::{Branch, BranchMap};
use crate::selection::Goal;

/// A task with many branches, each of which is a task of its own: it requires, writes and runs as the methods say that get the [`Branch`].
///
/// Methods may be called any number of times, in any order and from several threads; only [`run`](Self::run) changes anything. Branches that are complete
/// are not run. The workflow is complete when enough of its branches are, which is asked for by as few listings as possible.
pub trait Workflow: Parameters {
    /// What a branch works on: `u8`, `String`, a struct; `()` if its number is all.
    type Branch: Clone + Send + Sync + 'static;

    /// The tasks that must be complete before a branch: see [`Task::Requires`](law_task::Task::Requires).
    type Requires: Requires;

    /// What a branch writes: a target, or a tuple, a `Vec` or a map of them.
    type Output: Output;

    /// Which branches there are. What it depends on is in the parameters, or in what [`workflow_requires`](Self::workflow_requires) wrote. It is kept while
    /// tasks of this workflow exist.
    ///
    /// # Errors
    /// Such as a listing that fails.
    fn branch_map(&self) -> TaskResult<BranchMap<Self::Branch>>;

    /// The tasks that must be complete before it can be told which branches there are, and before any of them runs:
    /// `Ok(FileList::req(self)?.works())`.
    ///
    /// # Errors
    /// Whatever it says.
    fn workflow_requires(&self) -> TaskResult<Vec<Arc<dyn Work>>> {
        Ok(Vec::new())
    }

    /// The tasks that must be complete before a branch, with their parameters. Where it is not written, those of [`Self::Requires`] with the parameters that
    /// they have in common with this one. The branch of another workflow with the same number is `BranchTask::req(self, branch.index)`.
    ///
    /// # Errors
    /// Whatever it says; without being written, a parameter that has no default and is not common.
    fn requires(&self, branch: &Branch<Self::Branch>) -> TaskResult<Self::Requires> {
        let _ = branch;
        Self::Requires::of(self)
    }

    /// Where a branch writes: nowhere another one does. It makes no request.
    ///
    /// # Errors
    /// Such as a store that is not configured.
    fn output(&self, branch: &Branch<Self::Branch>) -> TaskResult<Self::Output>;

    /// Does the work of a branch. When it is done, all of its outputs exist.
    ///
    /// # Errors
    /// Whatever stopped it.
    fn run(&self, branch: &Branch<Self::Branch>, context: &Context) -> TaskResult;

    /// The outputs of what a branch requires, in the same shape.
    ///
    /// # Errors
    /// What those tasks say.
    fn input(&self, branch: &Branch<Self::Branch>) -> TaskResult<<Self::Requires as Requires>::Input> {
        self.requires(branch)?.outputs()
    }

    /// How many branches must be complete for the workflow to be, and how many may fail, where the command line says nothing.
    fn goal(&self) -> Goal {
        Goal::default()
    }

    /// How many branches run at once at most; none for as many as there are workers.
    fn branches_at_once(&self) -> Option<usize> {
        None
    }

    /// Of several tasks that can run, the one with the highest priority is first.
    fn priority(&self) -> i64 {
        0
    }

    /// What a branch uses up while it runs, by name: see [`Task::resources`](law_task::Task::resources).
    fn resources(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }

    /// How often a branch is tried again after it has failed; none for what the command line says.
    fn retries(&self) -> Option<u32> {
        None
    }

    /// How long a branch may run; none for ever.
    fn timeout(&self) -> Option<Duration> {
        None
    }
}
