//! What a user writes: a unit of work.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::TaskResult;
use crate::context::Context;
use crate::output::Output;
use crate::parameters::Parameters;
use crate::requires::Requires;

/// How it is told whether a task is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// All of its outputs exist; a task without outputs never is.
    Outputs,
    /// It is, or is not.
    Told(bool),
}

impl From<bool> for Completion {
    fn from(complete: bool) -> Self {
        Self::Told(complete)
    }
}

/// Who does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// The task itself.
    #[default]
    Runs,
    /// Nobody of ours: what is missing is reported, not made. `#[task(external)]`.
    External,
    /// Those whom it requires: it is complete when they are. `#[task(wrapper)]`.
    Wrapper,
}

/// A unit of work: what it requires, what it writes, and how.
///
/// Methods may be called any number of times, in any order and from several threads; only [`run`](Self::run) changes anything. A task that is complete is
/// not run. An error of any method stops this task and those that require it, and no other.
pub trait Task: Parameters {
    /// The tasks that must be complete before this one: a task, a tuple, a `Vec`, an `Option` or a map of them; `()` for none.
    type Requires: Requires;

    /// What is written: a target, or a tuple, a `Vec` or a map of them; `()` for nothing.
    type Output: Output;

    /// The tasks that must be complete first, with their parameters. Where it is not written, those of [`Self::Requires`] with the parameters that they
    /// have in common with this one: see [`req`](Parameters::req).
    ///
    /// # Errors
    /// Whatever it says; without being written, a parameter that has no default and is not common.
    fn requires(&self) -> TaskResult<Self::Requires> {
        Self::Requires::of(self)
    }

    /// Where it writes. It makes no request.
    ///
    /// # Errors
    /// Such as a store that is not configured.
    fn output(&self) -> TaskResult<Self::Output> {
        Self::Output::nothing()
            .ok_or_else(|| anyhow::anyhow!("{} does not say where it writes: output() is missing", Self::FAMILY))
    }

    /// Does the work. When it is done, all outputs exist: what was not written is an error, whatever is returned.
    ///
    /// # Errors
    /// Whatever stopped it.
    fn run(&self, context: &Context) -> TaskResult {
        let _ = context;
        anyhow::bail!("{} does not say how it works: run() is missing", Self::FAMILY)
    }

    /// Whether there is nothing to do: asked before it runs, and afterwards.
    ///
    /// # Errors
    /// "Cannot tell", which never counts as "no".
    fn complete(&self) -> TaskResult<Completion> {
        Ok(Completion::Outputs)
    }

    /// The outputs of what it requires, in the same shape.
    ///
    /// # Errors
    /// What those tasks say.
    fn input(&self) -> TaskResult<<Self::Requires as Requires>::Input> {
        self.requires()?.outputs()
    }

    /// Of several tasks that can run, the one with the highest priority is first.
    fn priority(&self) -> i64 {
        0
    }

    /// What it uses up while it runs, by name: tasks wait while more than there is would be used. A name without a limit is not limited.
    fn resources(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }

    /// How often it is tried again after it has failed; none for what the command line says.
    fn retries(&self) -> Option<u32> {
        None
    }

    /// How long it may run; none for ever.
    fn timeout(&self) -> Option<Duration> {
        None
    }
}
