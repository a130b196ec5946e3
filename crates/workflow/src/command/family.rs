//! A kind of task of a file.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use law_task::{Families, Family, Parameter, Presence, Role, Values, Work, WrongValue, configured};

use super::branches::Source;
use super::file::Command;
use super::parameter::Typed;
use super::task::{CommandTask, Required};
use super::template::Template;
use super::workflow::CommandWorkflow;
use crate::branched::Treatment;
use crate::registered::chosen;
use crate::selection::{self, Goal};

/// A `[task.NAME]`.
pub(crate) struct CommandFamily {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) directory: PathBuf,
    pub(super) parameters: Vec<Typed>,
    pub(super) requires: Vec<Required>,
    pub(super) outputs: Vec<(String, Template)>,
    /// None for what is external, and for wrappers.
    pub(super) run: Option<Command>,
    pub(super) treatment: Treatment,
    /// What makes it a workflow.
    pub(super) branches: Option<Branching>,
    /// All tasks, once they are known.
    pub(super) known: Arc<OnceLock<Families>>,
}

/// What a workflow says more than a task.
pub(super) struct Branching {
    pub(super) source: Source,
    pub(super) goal: Goal,
    pub(super) at_once: Option<usize>,
}

/// The one that holds what all tasks of a kind share.
pub(super) struct Shared {
    family: Arc<CommandFamily>,
    /// Workflows in use, by their values: their branches are read once.
    workflows: Mutex<HashMap<Values, Weak<CommandWorkflow>>>,
}

impl CommandFamily {
    /// As those who make tasks of it see it.
    pub(super) fn shared(self) -> impl Family {
        Shared { family: Arc::new(self), workflows: Mutex::default() }
    }

    /// What can be set, without what all workflows have.
    pub(super) fn own_parameters(&self) -> Vec<Parameter> {
        configured(&self.name, self.parameters.iter().map(|typed| typed.parameter.clone()).collect())
    }

    /// What was given, each in its one form, and defaults for what was not.
    fn own_values(&self, values: &Values) -> Result<Values, WrongValue> {
        let mut own = Values::new();
        for (typed, known) in self.parameters.iter().zip(self.own_parameters()) {
            let name = &known.name;
            let text = match (values.get(name), &known.presence) {
                (Some(text), _) => text,
                (None, Presence::Default(text)) => text,
                (None, Presence::Required) => return Err(WrongValue::missing(&known)),
            };
            let normal = (typed.normal)(text).ok_or_else(|| WrongValue::wrong(&known, text))?;
            if known.choices.as_ref().is_some_and(|choices| !choices.contains(&normal)) {
                return Err(WrongValue::wrong(&known, text));
            }
            own = own.with(name, normal);
        }
        Ok(own)
    }
}

impl Shared {
    fn workflow(&self, own: Values) -> Arc<CommandWorkflow> {
        let mut workflows = self.workflows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = workflows.get(&own).and_then(Weak::upgrade) {
            return known;
        }
        workflows.retain(|_, known| known.strong_count() > 0);
        let new = Arc::new(CommandWorkflow::new(self.family.clone(), own.clone()));
        workflows.insert(own, Arc::downgrade(&new));
        new
    }
}

impl Family for Shared {
    fn name(&self) -> &str {
        &self.family.name
    }

    fn about(&self) -> &str {
        &self.family.about
    }

    fn parameters(&self) -> Vec<Parameter> {
        let of_all = self.family.branches.iter().flat_map(|branching| selection::parameters(branching.goal));
        self.family.own_parameters().into_iter().chain(of_all).collect()
    }

    fn make(&self, values: &Values) -> Result<Arc<dyn Work>, WrongValue> {
        let own = self.family.own_values(values)?;
        match self.family.branches {
            Some(_) => chosen(self.workflow(own), values),
            None => Ok(Arc::new(CommandTask::new(self.family.clone(), own))),
        }
    }
}

/// Who makes what a `[task.NAME]` says.
pub(super) fn role(external: bool, runs: bool) -> Role {
    match (external, runs) {
        (true, _) => Role::External,
        (false, true) => Role::Runs,
        (false, false) => Role::Wrapper,
    }
}
