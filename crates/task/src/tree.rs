//! Tasks and what they require as a tree, as law draws it.

use std::collections::HashSet;
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

/// A task in a tree with what was asked of its outputs.
pub struct Row {
    /// The task, and where it stands.
    pub leaf: Leaf,
    /// Its outputs, where they were asked for and not shown above.
    pub outputs: Vec<Seen>,
    /// Whether tasks that it requires follow.
    opens: bool,
}

/// An output, and whether it is there.
pub struct Seen {
    /// The output.
    pub named: NamedTarget,
    /// What was found.
    pub status: Status,
}

/// Whether an output is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It exists.
    Existent,
    /// It does not.
    Absent,
    /// It has members, of which this is told: `existent (26/26)` first.
    Members(String),
}

impl Status {
    /// Whether there is enough of it.
    pub fn exists(&self) -> bool {
        match self {
            Self::Existent => true,
            Self::Absent => false,
            Self::Members(text) => text.starts_with("existent"),
        }
    }
}

/// What a line of a tree is about, for whoever gives it a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// A task.
    Task,
    /// Where an output is.
    Output,
    /// Something that exists.
    Existent,
    /// Something that does not.
    Absent,
}

/// A line of a tree.
pub struct Line {
    /// What joins it to the tree.
    pub before: String,
    /// What it says.
    pub text: String,
    /// What it is about.
    pub tone: Tone,
}

/// Asks for the outputs of all tasks of a tree at once.
///
/// # Errors
/// What a task says of its outputs; "cannot tell".
pub fn look(leaves: Vec<Leaf>, details: Details) -> TaskResult<Vec<Row>> {
    let opens: Vec<bool> = (0..leaves.len()).map(|place| opens(&leaves, place)).collect();
    let outputs = leaves.iter().map(|leaf| outputs(leaf, details)).collect::<TaskResult<Vec<_>>>()?;
    let plain =
        outputs.iter().flatten().filter(|(_, members)| members.is_none()).map(|(named, _)| named.target.clone());
    let mut answers = exist(plain.collect())?.into_iter();
    let mut status = |members| match members {
        Some(text) => Status::Members(text),
        None if answers.next().unwrap_or(false) => Status::Existent,
        None => Status::Absent,
    };
    let mut seen = |outputs: Vec<(NamedTarget, Option<String>)>| {
        outputs.into_iter().map(|(named, members)| Seen { named, status: status(members) }).collect()
    };
    let rows = leaves.into_iter().zip(outputs).zip(opens);
    Ok(rows.map(|((leaf, outputs), opens)| Row { leaf, outputs: seen(outputs), opens }).collect())
}

fn opens(leaves: &[Leaf], place: usize) -> bool {
    leaves.get(place + 1).is_some_and(|next| next.depth > leaves[place].depth)
}

/// The outputs of a task, with what is told of those that have members.
fn outputs(leaf: &Leaf, details: Details) -> TaskResult<Vec<(NamedTarget, Option<String>)>> {
    let Details::Status { depth } = details else { return Ok(Vec::new()) };
    if leaf.seen {
        return Ok(Vec::new());
    }
    let with_members = |named: NamedTarget| {
        let target = named.target.clone();
        Ok((named, runtime::wait(async move { target.members_status(depth, MEMBERS).await })?))
    };
    leaf.work.targets()?.into_iter().map(with_members).collect()
}

/// The tree as text.
///
/// # Errors
/// As [`look`].
pub fn draw(leaves: Vec<Leaf>, details: Details) -> TaskResult<String> {
    let lines = look(leaves, details)?.iter().flat_map(Row::lines).collect::<Vec<_>>();
    Ok(lines.into_iter().map(|line| line.before + &line.text + "\n").collect())
}

impl Row {
    /// How it is drawn.
    pub fn lines(&self) -> Vec<Line> {
        let Leaf { depth, work, seen, .. } = &self.leaf;
        let note = if *seen { " (shown above)" } else { "" };
        let text = format!("{depth} > {}{note}", Shown(&**work));
        let mut lines = vec![Line { before: self.leaf.before(), text, tone: Tone::Task }];
        for Seen { named, status } in &self.outputs {
            let name = if named.name.is_empty() { String::new() } else { format!("{}: ", named.name) };
            let before = self.leaf.below(self.opens);
            lines.push(Line { before: before.clone(), text: format!("{name}{}", named.target), tone: Tone::Output });
            let text = match status {
                Status::Existent => "existent",
                Status::Absent if named.target.is_optional() => "absent (optional)",
                Status::Absent => "absent",
                Status::Members(text) => text,
            };
            lines.extend(text.lines().map(|line| Line::of_status(format!("{before}  "), line)));
        }
        lines
    }
}

impl Line {
    fn of_status(before: String, text: &str) -> Self {
        let word = text.split_once(": ").map_or(text, |(_, behind)| behind);
        let is_there = text.starts_with("existent") || word.starts_with("existent");
        Self { before, text: text.into(), tone: if is_there { Tone::Existent } else { Tone::Absent } }
    }
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

fn exist(targets: Vec<Arc<dyn Target>>) -> TaskResult<Vec<bool>> {
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    Ok(runtime::wait(async move { existence(&targets).await.into_iter().collect() })?)
}
