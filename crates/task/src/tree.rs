//! Tasks and what they require as a tree, as law draws it.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

use law_target::collection::existence;
use law_target::{Target, runtime};

use crate::TaskResult;
use crate::output::NamedTarget;
use crate::shown::Shown;
use crate::work::Work;

/// What is drawn beside each task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Details {
    /// Nothing.
    Names,
    /// Its outputs, and whether they exist; of collections the members down to a depth.
    Status {
        /// How deep collections are opened.
        depth: usize,
    },
}

/// How many members of a collection are told one by one.
const MEMBERS: usize = 1000;

/// A task in a tree, and how deep it stands.
pub struct Leaf {
    /// 0 for the task that was asked for.
    pub depth: usize,
    /// The task.
    pub work: Arc<dyn Work>,
    /// It was shown before, with all that it requires.
    pub seen: bool,
    /// For each level above, whether the branch there goes on below; the last is its own.
    branches: Vec<bool>,
}

/// A task and what it requires, down to a depth (0 is the task alone; none is everything), in the order in which it is drawn. What is required twice is opened once.
///
/// # Errors
/// What tasks say that are asked what they require.
pub fn leaves(root: Arc<dyn Work>, depth: Option<usize>) -> TaskResult<Vec<Leaf>> {
    let mut leaves = Vec::new();
    let mut seen = HashSet::new();
    let mut waiting = vec![(root, Vec::new())];
    while let Some((work, branches)) = waiting.pop() {
        let (level, is_new) = (branches.len(), seen.insert(work.id()));
        let opened = is_new && depth.is_none_or(|depth| level < depth);
        let required = if opened { work.requires()? } else { Vec::new() };
        let count = required.len();
        for (place, work) in required.into_iter().enumerate().rev() {
            waiting.push((work, [branches.as_slice(), &[place + 1 < count]].concat()));
        }
        leaves.push(Leaf { depth: level, work, seen: !is_new, branches });
    }
    Ok(leaves)
}

/// The tree as text.
///
/// # Errors
/// What a task says of its outputs; "cannot tell".
pub fn draw(leaves: &[Leaf], details: Details) -> TaskResult<String> {
    let targets: Vec<Vec<NamedTarget>> = match details {
        Details::Names => leaves.iter().map(|_| Vec::new()).collect(),
        Details::Status { .. } => leaves
            .iter()
            .map(|leaf| if leaf.seen { Ok(Vec::new()) } else { leaf.work.targets() })
            .collect::<TaskResult<_>>()?,
    };
    let mut answers = exist(&targets)?.into_iter();
    let mut text = String::new();
    for (place, (leaf, targets)) in leaves.iter().zip(&targets).enumerate() {
        let opens = leaves.get(place + 1).is_some_and(|next| next.depth > leaf.depth);
        let note = if leaf.seen { " (shown above)" } else { "" };
        // Writing to a text does not fail.
        let _ = writeln!(text, "{}{} > {}{note}", leaf.before(), leaf.depth, Shown(&*leaf.work));
        for named in targets {
            let exists = answers.next().unwrap_or(false);
            let status = status(named, exists, details)?;
            let name = if named.name.is_empty() { String::new() } else { format!("{}: ", named.name) };
            let _ = writeln!(text, "{}{name}{}", leaf.below(opens), named.target);
            for line in status.lines() {
                let _ = writeln!(text, "{}  {line}", leaf.below(opens));
            }
        }
    }
    Ok(text)
}

impl Leaf {
    /// What stands before its name.
    fn before(&self) -> String {
        let Some((own, above)) = self.branches.split_last() else { return String::new() };
        bars(above) + if *own { "├──" } else { "└──" }
    }

    /// What stands before its outputs.
    fn below(&self, opens: bool) -> String {
        bars(&self.branches) + if opens { "│    " } else { "     " }
    }
}

fn bars(branches: &[bool]) -> String {
    branches.iter().map(|goes_on| if *goes_on { "│  " } else { "   " }).collect()
}

fn status(named: &NamedTarget, exists: bool, details: Details) -> TaskResult<String> {
    let Details::Status { depth } = details else { return Ok(String::new()) };
    let target = named.target.clone();
    let members = runtime::wait(async move { target.members_status(depth, MEMBERS).await })?;
    Ok(match (members, exists, named.target.is_optional()) {
        (Some(members), ..) => members,
        (None, true, _) => "existent".into(),
        (None, false, true) => "absent (optional)".into(),
        (None, false, false) => "absent".into(),
    })
}

fn exist(targets: &[Vec<NamedTarget>]) -> TaskResult<Vec<bool>> {
    let all: Vec<Arc<dyn Target>> = targets.iter().flatten().map(|named| named.target.clone()).collect();
    if all.is_empty() {
        return Ok(Vec::new());
    }
    Ok(runtime::wait(async move { existence(&all).await.into_iter().collect() })?)
}
