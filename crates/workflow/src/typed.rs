//! Workflows of Rust: all branches of one, and a single one.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError, Weak};

use law_task::{Context, NamedTarget, Output as _, Parameter, Parameters, Requires, Role, TaskResult, Values, Work};

use crate::branch_map::{Branch, BranchMap};
use crate::branched::{Branched, Treatment, in_range};
use crate::one::OneBranch;
use crate::selection::{Goal, Selection};
use crate::whole::Whole;
use crate::workflow::Workflow;

/// A workflow with its branches, once they are known.
pub(crate) struct Typed<W: Workflow> {
    workflow: W,
    map: OnceLock<BranchMap<W::Branch>>,
}

/// Those that are in use, by their parameters: their maps are made once, however many tasks want a branch of them.
static IN_USE: LazyLock<Mutex<InUse>> = LazyLock::new(Mutex::default);

type InUse = HashMap<(TypeId, Values), Weak<dyn Any + Send + Sync>>;

impl<W: Workflow> Typed<W> {
    /// The one with these parameters.
    pub(crate) fn shared(workflow: W) -> Arc<Self> {
        let key = (TypeId::of::<W>(), workflow.values());
        let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        let known = in_use.get(&key).and_then(Weak::upgrade).and_then(|known| known.downcast().ok());
        if let Some(known) = known {
            return known;
        }
        in_use.retain(|_, known| known.strong_count() > 0);
        let new = Arc::new(Self { workflow, map: OnceLock::new() });
        let weak: Weak<Self> = Arc::downgrade(&new);
        in_use.insert(key, weak);
        new
    }

    fn map(&self) -> TaskResult<&BranchMap<W::Branch>> {
        if let Some(map) = self.map.get() {
            return Ok(map);
        }
        let map = self.workflow.branch_map()?;
        Ok(self.map.get_or_init(|| map))
    }

    fn data(&self, index: usize) -> TaskResult<Branch<W::Branch>> {
        let map = self.map()?;
        in_range(W::FAMILY, index, map.len())?;
        let data = map.get(index).cloned();
        data.map(|data| Branch { index, data }).ok_or_else(|| anyhow::anyhow!("there is no branch {index}"))
    }
}

impl<W: Workflow> Branched for Typed<W> {
    fn family(&self) -> &str {
        W::FAMILY
    }

    fn parameters(&self) -> Vec<Parameter> {
        W::parameters()
    }

    fn values(&self) -> Values {
        self.workflow.values()
    }

    fn workflow_requires(&self) -> TaskResult<Vec<Arc<dyn Work>>> {
        self.workflow.workflow_requires()
    }

    fn is_known(&self) -> bool {
        self.map.get().is_some()
    }

    fn count(&self) -> TaskResult<usize> {
        Ok(self.map()?.len())
    }

    fn targets(&self, index: usize) -> TaskResult<Vec<NamedTarget>> {
        Ok(self.workflow.output(&self.data(index)?)?.targets())
    }

    fn requires(&self, index: usize) -> TaskResult<Vec<Arc<dyn Work>>> {
        Ok(self.workflow.requires(&self.data(index)?)?.works())
    }

    fn run(&self, index: usize, context: &Context) -> TaskResult {
        self.workflow.run(&self.data(index)?, context)
    }

    fn treatment(&self) -> Treatment {
        let workflow = &self.workflow;
        let (priority, resources) = (workflow.priority(), workflow.resources());
        Treatment { role: Role::Runs, priority, resources, retries: workflow.retries(), timeout: workflow.timeout() }
    }

    fn goal(&self) -> Goal {
        self.workflow.goal()
    }

    fn at_once(&self) -> Option<usize> {
        self.workflow.branches_at_once()
    }
}

/// All branches of a workflow as what another task requires. Its input are their outputs, by the numbers of the branches.
///
/// ```text
/// impl Task for CreateAlphabet {
///     type Requires = Branches<CreateChars>;
///     // ...
/// }
/// ```
pub struct Branches<W: Workflow> {
    typed: Arc<Typed<W>>,
    selection: Selection,
}

impl<W: Workflow> Branches<W> {
    /// All branches of a workflow.
    pub fn of(workflow: W) -> Self {
        Self { typed: Typed::shared(workflow), selection: Selection::default() }
    }

    /// All branches of the workflow with the parameters that it has in common with another task: see [`Parameters::req`].
    ///
    /// # Errors
    /// As those of [`Parameters::req`].
    pub fn req(other: &impl Parameters) -> TaskResult<Self> {
        Ok(Self::of(W::req(other)?))
    }

    /// Only those that are chosen.
    #[must_use]
    pub fn only(self, selection: Selection) -> Self {
        Self { selection, ..self }
    }

    /// The outputs of its branches, by their numbers.
    ///
    /// # Errors
    /// What the workflow says.
    pub fn output(&self) -> TaskResult<BTreeMap<usize, W::Output>> {
        let typed = &self.typed;
        let chosen = self.selection.of(W::FAMILY, typed.count()?)?;
        chosen.into_iter().map(|index| Ok((index, typed.workflow.output(&typed.data(index)?)?))).collect()
    }

    fn work(self) -> Arc<dyn Work> {
        let goal = self.typed.workflow.goal();
        Arc::new(Whole::new(self.typed, self.selection, goal))
    }
}

impl<W: Workflow> Requires for Branches<W> {
    type Input = BTreeMap<usize, W::Output>;

    fn of(task: &impl Parameters) -> TaskResult<Self> {
        Self::req(task)
    }

    fn works(self) -> Vec<Arc<dyn Work>> {
        vec![self.work()]
    }

    fn outputs(&self) -> TaskResult<Self::Input> {
        self.output()
    }
}

/// One branch of a workflow.
pub struct BranchTask<W: Workflow> {
    typed: Arc<Typed<W>>,
    index: usize,
}

impl<W: Workflow> BranchTask<W> {
    /// The branch with a number; if there is none, whatever is asked of it is an error.
    pub fn of(workflow: W, index: usize) -> Self {
        Self { typed: Typed::shared(workflow), index }
    }

    /// The branch with a number of the workflow with the parameters that it has in common with another task: see [`Parameters::req`].
    ///
    /// # Errors
    /// As those of [`Parameters::req`].
    pub fn req(other: &impl Parameters, index: usize) -> TaskResult<Self> {
        Ok(Self::of(W::req(other)?, index))
    }

    /// What it writes.
    ///
    /// # Errors
    /// A number that is out of range, and what the workflow says.
    pub fn output(&self) -> TaskResult<W::Output> {
        self.typed.workflow.output(&self.typed.data(self.index)?)
    }
}

impl<W: Workflow> Requires for BranchTask<W> {
    type Input = W::Output;

    fn works(self) -> Vec<Arc<dyn Work>> {
        vec![Arc::new(OneBranch::new(self.typed, self.index))]
    }

    fn outputs(&self) -> TaskResult<W::Output> {
        self.output()
    }
}
