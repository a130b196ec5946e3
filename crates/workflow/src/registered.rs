//! How the command line makes tasks of workflows.

use std::sync::Arc;

use law_task::{Parameter, Values, Work, WrongValue};

use crate::branched::Branched;
use crate::one::OneBranch;
use crate::selection::{self, Choice, Goal};
use crate::typed::Typed;
use crate::whole::Whole;
use crate::workflow::Workflow;

/// What can be set of a workflow: its own parameters, and those of all workflows.
pub fn parameters<W: Workflow>() -> Vec<Parameter> {
    W::parameters().into_iter().chain(selection::parameters(Goal::default())).collect()
}

/// The workflow with these values, or one branch of it.
///
/// # Errors
/// The first value that is wrong or missing.
pub fn make<W: Workflow>(values: &Values) -> Result<Arc<dyn Work>, WrongValue> {
    chosen(Typed::shared(W::from_values(values)?), values)
}

/// The branch of a workflow that was chosen, or all.
///
/// # Errors
/// The first value that is wrong.
pub(crate) fn chosen(workflow: Arc<dyn Branched>, values: &Values) -> Result<Arc<dyn Work>, WrongValue> {
    let choice = Choice::read(values, workflow.goal())?;
    Ok(match choice.branch {
        Some(index) => Arc::new(OneBranch::new(workflow, index)),
        None => Arc::new(Whole::new(workflow, choice.selection, choice.goal)),
    })
}
