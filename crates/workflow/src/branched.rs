//! A workflow of which nothing is known but that it has branches.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use law_task::{Context, NamedTarget, Parameter, Role, TaskResult, Values, Work, is_complete};

use crate::selection::Goal;

/// A workflow without its type: each [`Workflow`](crate::Workflow) is one, and so is a command line with `branches`. The methods promise what those of
/// [`Workflow`](crate::Workflow) do.
pub trait Branched: Send + Sync {
    /// The name of the kind of task, with its namespace.
    fn family(&self) -> &str;

    /// Its own parameters, without those of all workflows.
    fn parameters(&self) -> Vec<Parameter>;

    /// What is set of them, as text.
    fn values(&self) -> Values;

    /// What must be complete before it can be told which branches there are.
    ///
    /// # Errors
    /// Those of [`Workflow::workflow_requires`](crate::Workflow::workflow_requires).
    fn workflow_requires(&self) -> TaskResult<Vec<Arc<dyn Work>>>;

    /// Whether it was told before which branches there are: what it requires is complete then.
    fn is_known(&self) -> bool;

    /// How many branches there are. It is asked only when what it requires is complete.
    ///
    /// # Errors
    /// Those of [`Workflow::branch_map`](crate::Workflow::branch_map).
    fn count(&self) -> TaskResult<usize>;

    /// What a branch requires, beside what the workflow does.
    ///
    /// # Errors
    /// A branch that there is not, and what the workflow says.
    fn requires(&self, index: usize) -> TaskResult<Vec<Arc<dyn Work>>>;

    /// What a branch writes.
    ///
    /// # Errors
    /// A branch that there is not, and what the workflow says.
    fn targets(&self, index: usize) -> TaskResult<Vec<NamedTarget>>;

    /// Does the work of a branch.
    ///
    /// # Errors
    /// Whatever stopped it.
    fn run(&self, index: usize, context: &Context) -> TaskResult;

    /// How a branch is treated while it waits and runs.
    fn treatment(&self) -> Treatment;

    /// How much is enough, where nobody says otherwise.
    fn goal(&self) -> Goal;

    /// How many branches run at once at most; none for as many as there are workers.
    fn at_once(&self) -> Option<usize>;
}

/// How branches are treated while they wait and run: as those methods of [`Task`](law_task::Task) say that have these names.
#[derive(Debug, Clone, Default)]
pub struct Treatment {
    /// Who does the work.
    pub role: Role,
    /// The highest is first.
    pub priority: i64,
    /// What each uses up while it runs.
    pub resources: BTreeMap<String, u64>,
    /// How often one is tried again.
    pub retries: Option<u32>,
    /// How long one may run.
    pub timeout: Option<Duration>,
}

/// The first of what a workflow requires that is not complete; none if it can be told which branches there are.
///
/// # Errors
/// "Cannot tell".
pub(crate) fn first_missing(workflow: &dyn Branched) -> TaskResult<Option<Arc<dyn Work>>> {
    if workflow.is_known() {
        return Ok(None);
    }
    for work in workflow.workflow_requires()? {
        if !is_complete(&*work)? {
            return Ok(Some(work));
        }
    }
    Ok(None)
}

/// The number of a branch, if there is such a branch.
///
/// # Errors
/// A number that is too large, with those that there are.
pub(crate) fn in_range(family: &str, index: usize, count: usize) -> TaskResult<usize> {
    anyhow::ensure!(count > 0, "branch {index} is out of range: {family} has no branches");
    anyhow::ensure!(
        index < count,
        "branch {index} is out of range: {family} has {count} branches, from 0 to {}",
        count - 1
    );
    Ok(index)
}
