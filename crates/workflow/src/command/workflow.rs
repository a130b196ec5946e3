//! A workflow of a file.

use std::sync::{Arc, OnceLock};

use law_task::{Context, NamedTarget, Parameter, TaskResult, Values, Work};

use super::branches::Data;
use super::family::{Branching, CommandFamily};
use super::task::CommandTask;
use crate::branched::{Branched, Treatment, in_range};
use crate::selection::{Goal, values_of_branch};

/// A workflow with its values, and its branches once they are known.
pub(super) struct CommandWorkflow {
    family: Arc<CommandFamily>,
    values: Values,
    branches: OnceLock<Vec<Data>>,
}

impl CommandWorkflow {
    pub(super) fn new(family: Arc<CommandFamily>, values: Values) -> Self {
        Self { family, values, branches: OnceLock::new() }
    }

    fn branching(&self) -> TaskResult<&Branching> {
        self.family.branches.as_ref().ok_or_else(|| anyhow::anyhow!("{} has no branches", self.family.name))
    }

    /// As if it had no branches: for what is the same in all of them.
    fn as_task(&self) -> CommandTask {
        CommandTask::new(self.family.clone(), self.values.clone())
    }

    fn branches(&self) -> TaskResult<&Vec<Data>> {
        if let Some(branches) = self.branches.get() {
            return Ok(branches);
        }
        let branches = self.branching()?.source.read(&self.as_task())?;
        Ok(self.branches.get_or_init(|| branches))
    }

    fn task(&self, index: usize) -> TaskResult<CommandTask> {
        let branches = self.branches()?;
        let data = branches[in_range(&self.family.name, index, branches.len())?].clone();
        Ok(CommandTask::branch(self.family.clone(), values_of_branch(index, self.values.clone()), data))
    }
}

impl Branched for CommandWorkflow {
    fn family(&self) -> &str {
        &self.family.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.family.own_parameters()
    }

    fn values(&self) -> Values {
        self.values.clone()
    }

    fn workflow_requires(&self) -> TaskResult<Vec<Arc<dyn Work>>> {
        self.branching()?.source.requires(&self.as_task())
    }

    fn is_known(&self) -> bool {
        self.branches.get().is_some()
    }

    fn count(&self) -> TaskResult<usize> {
        Ok(self.branches()?.len())
    }

    fn requires(&self, index: usize) -> TaskResult<Vec<Arc<dyn Work>>> {
        self.task(index)?.requires()
    }

    fn targets(&self, index: usize) -> TaskResult<Vec<NamedTarget>> {
        self.task(index)?.targets()
    }

    fn run(&self, index: usize, context: &Context) -> TaskResult {
        self.task(index)?.run(context)
    }

    fn treatment(&self) -> Treatment {
        self.family.treatment.clone()
    }

    fn goal(&self) -> Goal {
        self.family.branches.as_ref().map(|branching| branching.goal).unwrap_or_default()
    }

    fn at_once(&self) -> Option<usize> {
        self.family.branches.as_ref().and_then(|branching| branching.at_once)
    }
}
