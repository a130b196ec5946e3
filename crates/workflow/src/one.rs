//! One branch of a workflow as a task.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use law_task::{Completion, Context, NamedTarget, Parameter, Role, TaskId, TaskResult, Values, Work};

use crate::branched::{Branched, first_missing};
use crate::outputs::not_known;
use crate::selection::{shown, values_of_branch};

/// One branch of a workflow. If there is no branch of that number, whatever is asked of it is an error.
pub struct OneBranch {
    workflow: Arc<dyn Branched>,
    index: usize,
}

impl OneBranch {
    /// The branch with a number.
    pub fn new(workflow: Arc<dyn Branched>, index: usize) -> Self {
        Self { workflow, index }
    }
}

impl Work for OneBranch {
    fn family(&self) -> &str {
        self.workflow.family()
    }

    fn id(&self) -> TaskId {
        TaskId::of(self)
    }

    fn parameters(&self) -> Vec<Parameter> {
        shown(&self.values(), self.workflow.parameters())
    }

    fn values(&self) -> Values {
        values_of_branch(self.index, self.workflow.values())
    }

    fn role(&self) -> Role {
        self.workflow.treatment().role
    }

    fn requires(&self) -> TaskResult<Vec<Arc<dyn Work>>> {
        let of_all = self.workflow.workflow_requires()?;
        if first_missing(&*self.workflow)?.is_some() {
            return Ok(of_all);
        }
        Ok([of_all, self.workflow.requires(self.index)?].concat())
    }

    fn targets(&self) -> TaskResult<Vec<NamedTarget>> {
        match first_missing(&*self.workflow)? {
            Some(first) => Ok(not_known(self.id(), &*first)),
            None => self.workflow.targets(self.index),
        }
    }

    fn completion(&self) -> TaskResult<Completion> {
        let missing = first_missing(&*self.workflow)?;
        Ok(if missing.is_some() { Completion::Told(false) } else { Completion::Outputs })
    }

    fn run(&self, context: &Context) -> TaskResult {
        // What a branch requires may have turned out only now.
        context.complete(self.workflow.requires(self.index)?)?;
        self.workflow.run(self.index, context)
    }

    fn priority(&self) -> i64 {
        self.workflow.treatment().priority
    }

    fn resources(&self) -> BTreeMap<String, u64> {
        self.workflow.treatment().resources
    }

    fn retries(&self) -> Option<u32> {
        self.workflow.treatment().retries
    }

    fn timeout(&self) -> Option<Duration> {
        self.workflow.treatment().timeout
    }
}
