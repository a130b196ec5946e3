//! All branches of a workflow as one task, or those that were chosen.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use law_target::runtime;
use law_task::{Completion, Context, NamedTarget, Parameter, Role, TaskId, TaskResult, Values, Work};

use crate::branched::{Branched, first_missing};
use crate::one::OneBranch;
use crate::outputs::{BranchOutputs, not_known};
use crate::selection::{Goal, Selection, shown, values_of_all};

/// Branches that are under way at once where nobody says otherwise: enough to keep all workers busy, and few enough to be held in memory.
const UNDER_WAY: usize = 1000;

/// Branches that failed whose reasons are told.
const REASONS: usize = 5;

/// A workflow as a task: it is complete when enough of its branches are, and running it runs those that are missing.
pub struct Whole {
    workflow: Arc<dyn Branched>,
    selection: Selection,
    goal: Goal,
    /// Once they are known.
    outputs: OnceLock<Arc<BranchOutputs>>,
}

impl Whole {
    /// The branches that were chosen of a workflow.
    pub fn new(workflow: Arc<dyn Branched>, selection: Selection, goal: Goal) -> Self {
        Self { workflow, selection, goal, outputs: OnceLock::new() }
    }

    fn branch(&self, index: usize) -> TaskResult<Arc<dyn Work>> {
        Ok(Arc::new(OneBranch::new(self.workflow.clone(), index)))
    }

    /// The outputs of its branches; none before it can be told which there are.
    fn outputs(&self) -> TaskResult<Option<Arc<BranchOutputs>>> {
        if let Some(outputs) = self.outputs.get() {
            return Ok(Some(outputs.clone()));
        }
        if first_missing(&*self.workflow)?.is_some() {
            return Ok(None);
        }
        let workflow = &self.workflow;
        let chosen = self.selection.of(workflow.family(), workflow.count()?)?;
        let outputs = BranchOutputs::new(&chosen, |index| workflow.targets(index), self.goal.needed())?;
        Ok(Some(self.outputs.get_or_init(|| Arc::new(outputs)).clone()))
    }
}

impl Work for Whole {
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
        values_of_all(&self.selection, self.goal, self.workflow.values())
    }

    /// Somebody else makes it if somebody else makes its branches.
    fn role(&self) -> Role {
        self.workflow.treatment().role
    }

    fn requires(&self) -> TaskResult<Vec<Arc<dyn Work>>> {
        self.workflow.workflow_requires()
    }

    fn inner_requires(&self) -> TaskResult<Vec<Arc<dyn Work>>> {
        let is_known = first_missing(&*self.workflow)?.is_none();
        if is_known && self.workflow.count()? > 0 { self.workflow.requires(0) } else { Ok(Vec::new()) }
    }

    fn targets(&self) -> TaskResult<Vec<NamedTarget>> {
        if let Some(outputs) = self.outputs()? {
            return Ok(vec![NamedTarget { name: String::new(), target: outputs }]);
        }
        // It may have become complete just now; then it is told next time.
        Ok(first_missing(&*self.workflow)?.map(|first| not_known(self.id(), &*first)).unwrap_or_default())
    }

    fn completion(&self) -> TaskResult<Completion> {
        Ok(if self.outputs()?.is_some() { Completion::Outputs } else { Completion::Told(false) })
    }

    /// Several processes share the branches.
    fn is_exclusive(&self) -> bool {
        false
    }

    fn run(&self, context: &Context) -> TaskResult {
        let outputs = self.outputs()?.ok_or_else(|| anyhow::anyhow!("it is not known which branches there are"))?;
        let asked = outputs.clone();
        let survey = runtime::wait(async move { asked.survey().await })?;
        let mut progress = Progress {
            left: outputs.needed().saturating_sub(survey.existing.len()),
            tolerated: self.goal.tolerated(survey.existing.len() + survey.missing.len()),
            failed: Vec::new(),
        };
        if progress.left == 0 {
            return Ok(());
        }
        let at_once = self.workflow.at_once().unwrap_or(if self.goal == Goal::default() {
            UNDER_WAY.max(2 * context.workers())
        } else {
            // What is under way is not stopped when the goal is reached, or cannot be.
            context.workers().max(1)
        });
        let works = survey.missing.iter().map(|index| self.branch(*index));
        context.run_each(works, at_once, |number, ended| progress.hear(survey.missing[number], ended))?;
        progress.judge(survey.missing.len())
    }

    fn priority(&self) -> i64 {
        self.workflow.treatment().priority
    }

    fn resources(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }

    /// Its branches are tried again, each by itself.
    fn retries(&self) -> Option<u32> {
        Some(0)
    }

    fn timeout(&self) -> Option<Duration> {
        None
    }
}

/// How far the branches are.
struct Progress {
    /// Branches that are still needed.
    left: usize,
    tolerated: usize,
    failed: Vec<(usize, String)>,
}

impl Progress {
    /// A branch has ended.
    fn hear(&mut self, index: usize, ended: Result<(), String>) -> ControlFlow<()> {
        match ended {
            Ok(()) => self.left = self.left.saturating_sub(1),
            Err(why) => self.failed.push((index, why)),
        }
        if self.left == 0 || self.failed.len() > self.tolerated {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn judge(self, missing: usize) -> TaskResult {
        if self.left == 0 {
            return Ok(());
        }
        let failed = self.failed.len();
        let reasons = self.failed.iter().take(REASONS).map(|(index, why)| {
            // Each has told all of it.
            format!("\n    branch {index}: {}", why.lines().next().unwrap_or_default())
        });
        let more = if failed > REASONS { format!("\n    and {} more", failed - REASONS) } else { String::new() };
        let given_up = if failed > self.tolerated { ", which is more than are tolerated" } else { "" };
        anyhow::bail!("{failed} of {missing} branches failed{given_up}:{}{more}", reasons.collect::<String>())
    }
}
