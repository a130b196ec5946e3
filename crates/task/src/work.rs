//! A task of which nothing is known but that it can be run: what graphs and workers see.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::context::Context;
use crate::output::{NamedTarget, Output as _};
use crate::parameter::Parameter;
use crate::parameters::{Parameters, Values};
use crate::requires::Requires as _;
use crate::task::{Completion, Role, Task};
use crate::{TaskId, TaskResult};

/// A task without its type: each [`Task`] is one, and so is a command line of a `law.toml`. The methods promise what those of [`Task`] do.
pub trait Work: Send + Sync {
    /// The name of the kind of task, with its namespace.
    fn family(&self) -> &str;

    /// What tells it from all other tasks.
    fn id(&self) -> TaskId;

    /// What can be set.
    fn parameters(&self) -> Vec<Parameter>;

    /// What is set, as text.
    fn values(&self) -> Values;

    /// Who does the work.
    fn role(&self) -> Role;

    /// What must be complete first.
    ///
    /// # Errors
    /// Those of [`Task::requires`].
    fn requires(&self) -> TaskResult<Vec<Arc<dyn Work>>>;

    /// What tasks require that it runs itself, by way of an example: of a workflow, what its first branch does.
    ///
    /// # Errors
    /// Those of [`Task::requires`].
    fn inner_requires(&self) -> TaskResult<Vec<Arc<dyn Work>>> {
        Ok(Vec::new())
    }

    /// What it writes.
    ///
    /// # Errors
    /// Those of [`Task::output`].
    fn targets(&self) -> TaskResult<Vec<NamedTarget>>;

    /// How it is told whether there is anything to do.
    ///
    /// # Errors
    /// "Cannot tell".
    fn completion(&self) -> TaskResult<Completion>;

    /// Does the work.
    ///
    /// # Errors
    /// Whatever stopped it.
    fn run(&self, context: &Context) -> TaskResult;

    /// Whether no two processes should run it at once. One that only waits for others lets several share them.
    fn is_exclusive(&self) -> bool {
        true
    }

    /// The highest is first.
    fn priority(&self) -> i64;

    /// What it uses up while it runs.
    fn resources(&self) -> BTreeMap<String, u64>;

    /// How often it is tried again.
    fn retries(&self) -> Option<u32>;

    /// How long it may run.
    fn timeout(&self) -> Option<Duration>;
}

impl<T: Task> Work for T {
    fn family(&self) -> &str {
        T::FAMILY
    }

    fn id(&self) -> TaskId {
        Parameters::id(self)
    }

    fn parameters(&self) -> Vec<Parameter> {
        <T as Parameters>::parameters()
    }

    fn values(&self) -> Values {
        Parameters::values(self)
    }

    fn role(&self) -> Role {
        T::ROLE
    }

    fn requires(&self) -> TaskResult<Vec<Arc<dyn Work>>> {
        Ok(Task::requires(self)?.works())
    }

    fn targets(&self) -> TaskResult<Vec<NamedTarget>> {
        Ok(self.output()?.targets())
    }

    fn completion(&self) -> TaskResult<Completion> {
        self.complete()
    }

    fn run(&self, context: &Context) -> TaskResult {
        Task::run(self, context)
    }

    fn priority(&self) -> i64 {
        Task::priority(self)
    }

    fn resources(&self) -> BTreeMap<String, u64> {
        Task::resources(self)
    }

    fn retries(&self) -> Option<u32> {
        Task::retries(self)
    }

    fn timeout(&self) -> Option<Duration> {
        Task::timeout(self)
    }
}
