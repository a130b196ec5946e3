//! What a workflow writes: the outputs of its branches as one target.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use law_storage::Result;
use law_target::Target;
use law_target::collection::{Survey, Threshold, existence};
use law_task::{NamedTarget, TaskId, TaskResult, Work};
use law_transfer::Place;

/// Targets that are removed at once.
const AT_ONCE: usize = 16;

/// The outputs of branches. It exists if those of enough branches do: all of a branch that are not optional.
pub(crate) struct BranchOutputs {
    /// The number of each branch, and where its targets end among all.
    branches: Vec<(usize, usize)>,
    targets: Vec<Arc<dyn Target>>,
    /// What each target is called among those of its branch.
    names: Vec<String>,
    threshold: Threshold,
}

impl BranchOutputs {
    /// The outputs of these branches.
    ///
    /// # Errors
    /// The first that cannot say where it writes, or writes nothing.
    pub(crate) fn new(
        branches: &[usize],
        of: impl Fn(usize) -> TaskResult<Vec<NamedTarget>>,
        threshold: Threshold,
    ) -> TaskResult<Self> {
        let room = branches.len();
        let mut outputs = Self {
            branches: Vec::with_capacity(room),
            targets: Vec::with_capacity(room),
            names: Vec::with_capacity(room),
            threshold,
        };
        for index in branches {
            let targets = of(*index)?;
            anyhow::ensure!(
                !targets.is_empty(),
                "branch {index} has no outputs: nobody could tell whether it is complete"
            );
            for NamedTarget { name, target } in targets {
                outputs.targets.push(target);
                outputs.names.push(name);
            }
            outputs.branches.push((*index, outputs.targets.len()));
        }
        Ok(outputs)
    }

    /// How many branches are needed.
    pub(crate) fn needed(&self) -> usize {
        self.threshold.of(self.branches.len())
    }

    /// Each branch with its targets.
    fn each(&self) -> impl Iterator<Item = (usize, &[Arc<dyn Target>])> {
        let begins = std::iter::once(0).chain(self.branches.iter().map(|(_, end)| *end));
        self.branches.iter().zip(begins).map(|((index, end), begin)| (*index, &self.targets[begin..*end]))
    }

    /// Which branches are complete, asked for by as few listings as possible.
    ///
    /// # Errors
    /// "Cannot tell", of the first branch of which it is not known.
    pub(crate) async fn survey(&self) -> Result<Survey<usize>> {
        let mut answers = existence(&self.targets).await.into_iter();
        let mut survey = Survey { existing: Vec::new(), missing: Vec::new() };
        for (index, targets) in self.each() {
            let mut complete = true;
            for (target, exists) in targets.iter().zip(answers.by_ref()) {
                complete &= target.is_optional() || exists?;
            }
            if complete { &mut survey.existing } else { &mut survey.missing }.push(index);
        }
        Ok(survey)
    }
}

#[async_trait]
impl Target for BranchOutputs {
    async fn exists_async(&self) -> Result<bool> {
        Ok(self.survey().await?.existing.len() >= self.needed())
    }

    async fn remove_async(&self) -> Result<bool> {
        let removals: Vec<_> = self.targets.iter().map(|target| target.remove_async()).collect();
        let removed: Vec<bool> = stream::iter(removals).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(removed.contains(&true))
    }

    async fn members_status(&self, depth: usize, most: usize) -> Result<Option<String>> {
        let survey = self.survey().await?;
        let mut text = survey.headline(self.needed(), most);
        if depth > 0 {
            // Both are in the order of the branches.
            let mut missing = survey.missing.iter().peekable();
            for (index, targets) in self.each().take(most) {
                let word = if missing.next_if_eq(&&index).is_some() { "absent" } else { "existent" };
                let names = targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                text += &format!("\n{index}: {word} ({names})");
            }
            let hidden = self.branches.len().saturating_sub(most);
            text += &if hidden > 0 { format!("\n... and {hidden} more") } else { String::new() };
        }
        Ok(Some(text))
    }

    fn has_members(&self) -> bool {
        true
    }

    fn places(&self) -> Vec<(&str, &Place)> {
        let named = self.names.iter().zip(&self.targets);
        named.flat_map(|(name, target)| target.places().into_iter().map(|(_, place)| (name.as_str(), place))).collect()
    }
}

impl fmt::Display for BranchOutputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, needed) = (self.branches.len(), self.needed());
        write!(f, "{all} {}", if all == 1 { "branch" } else { "branches" })?;
        if needed < all {
            write!(f, ", {needed} needed")?;
        }
        match self.targets.first() {
            Some(first) => write!(f, ", from {first}"),
            None => Ok(()),
        }
    }
}

/// The output of what is not known before a task is complete.
pub(crate) fn not_known(of: TaskId, first: &dyn Work) -> Vec<NamedTarget> {
    vec![NamedTarget { name: String::new(), target: Arc::new(NotKnown { of, first: first.id() }) }]
}

/// The outputs of a workflow of which it cannot be told yet which branches it has.
struct NotKnown {
    of: TaskId,
    /// What must be complete first.
    first: TaskId,
}

#[async_trait]
impl Target for NotKnown {
    async fn exists_async(&self) -> Result<bool> {
        Ok(false)
    }

    async fn remove_async(&self) -> Result<bool> {
        Ok(false)
    }
}

impl fmt::Display for NotKnown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "what {} writes is not known before {} is complete", self.of, self.first)
    }
}
