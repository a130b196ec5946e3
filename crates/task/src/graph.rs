//! Tasks and what they require, as far as it must be looked at: what is complete needs nothing.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use law_target::collection::existence;
use law_target::{Target, runtime};

use crate::shown::Shown;
use crate::task::{Completion, Role};
use crate::work::Work;
use crate::{TaskId, TaskResult};

/// A task in a graph.
pub struct Node {
    /// The task.
    pub work: Arc<dyn Work>,
    /// What tells it from others.
    pub id: TaskId,
    /// The tasks that it requires, by their places; empty if it is complete.
    pub requires: Vec<usize>,
    /// Whether there is anything to do; an error is "cannot tell", or what the methods of the task say.
    pub complete: TaskResult<bool>,
}

/// Tasks, each once, and what they require.
#[derive(Default)]
pub struct Graph {
    nodes: Vec<Node>,
    places: HashMap<TaskId, usize>,
    /// Which task writes a target, by its address.
    writers: HashMap<String, usize>,
}

/// Why tasks cannot be put in an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GraphError {
    /// A task requires itself, by way of these others.
    Cycle(Vec<TaskId>),
    /// Two tasks write the same target.
    SameOutput {
        /// The target.
        target: String,
        /// The tasks.
        tasks: [TaskId; 2],
    },
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cycle(tasks) => {
                let way = tasks.iter().map(TaskId::as_str).collect::<Vec<_>>().join(" requires ");
                write!(f, "a task requires itself: {way}")
            }
            Self::SameOutput { target, tasks: [one, other] } => {
                write!(f, "two tasks write the same output: {one} and {other} both write {target}")
            }
        }
    }
}

impl std::error::Error for GraphError {}

impl Graph {
    /// These tasks, and all that they require and that is not complete, asked for level by level: all of one level at once.
    ///
    /// # Errors
    /// Tasks that cannot be put in an order. What a single task cannot tell is in its node.
    pub fn of(roots: Vec<Arc<dyn Work>>) -> Result<Self, GraphError> {
        let mut graph = Self::default();
        graph.add(roots)?;
        Ok(graph)
    }

    /// Adds tasks and what they require, and gives their places.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn add(&mut self, works: Vec<Arc<dyn Work>>) -> Result<Vec<usize>, GraphError> {
        let before = self.nodes.len();
        self.grow(works, before).inspect_err(|_| self.roll_back(before))
    }

    fn grow(&mut self, works: Vec<Arc<dyn Work>>, before: usize) -> Result<Vec<usize>, GraphError> {
        let places: Vec<usize> = works.into_iter().map(|work| self.place(work)).collect();
        let mut level = before..self.nodes.len();
        while !level.is_empty() {
            self.ask(level.clone())?;
            let next = self.nodes.len();
            level.for_each(|node| self.open(node));
            level = next..self.nodes.len();
        }
        let order = self.order()?;
        self.wrappers(&order);
        Ok(places)
    }

    /// Forgets the tasks from a place on.
    fn roll_back(&mut self, before: usize) {
        self.nodes.truncate(before);
        self.places.retain(|_, place| *place < before);
        self.writers.retain(|_, place| *place < before);
    }

    /// All tasks, those that were asked for first.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Notes that a task, which is running, waits for others.
    ///
    /// # Errors
    /// If one of them requires the task.
    pub(crate) fn waits(&mut self, node: usize, others: &[usize]) -> Result<(), GraphError> {
        let before = self.nodes[node].requires.len();
        let new: Vec<usize> =
            others.iter().copied().filter(|other| !self.nodes[node].requires.contains(other)).collect();
        self.nodes[node].requires.extend(new);
        self.order().map(drop).inspect_err(|_| self.nodes[node].requires.truncate(before))
    }

    /// Where a task is; where it is put if it is new.
    fn place(&mut self, work: Arc<dyn Work>) -> usize {
        let id = work.id();
        if let Some(place) = self.places.get(&id) {
            return *place;
        }
        let place = self.nodes.len();
        self.places.insert(id.clone(), place);
        self.nodes.push(Node { work, id, requires: Vec::new(), complete: Ok(false) });
        place
    }

    /// Asks for the outputs of a level.
    fn ask(&mut self, level: std::ops::Range<usize>) -> Result<(), GraphError> {
        let mut asked: Vec<Arc<dyn Target>> = Vec::new();
        let mut counts = Vec::new();
        for place in level.clone() {
            let before = asked.len();
            match self.wanted(place)? {
                Ok(targets) => asked.extend(targets),
                Err(error) => self.nodes[place].complete = Err(error),
            }
            counts.push(asked.len() - before);
        }
        let mut answers = exist(asked).into_iter();
        for (place, count) in level.zip(counts) {
            let all: law_storage::Result<Vec<bool>> = answers.by_ref().take(count).collect();
            if count > 0 {
                let cannot = |error| anyhow::Error::new(error).context("cannot tell whether it is complete");
                self.nodes[place].complete = all.map(|all| all.iter().all(|exists| *exists)).map_err(cannot);
            }
        }
        Ok(())
    }

    /// The targets that must be asked for, of a task whose completeness they tell; else what it tells is noted.
    fn wanted(&mut self, place: usize) -> Result<TaskResult<Vec<Arc<dyn Target>>>, GraphError> {
        let node = &self.nodes[place];
        let told = node.work.completion().and_then(|told| Ok((told, node.work.targets()?)));
        let (completion, targets) = match told {
            Ok(told) => told,
            Err(error) => return Ok(Err(error)),
        };
        if node.work.role() == Role::Runs {
            self.claim(place, targets.iter().map(|named| named.target.to_string()))?;
        }
        if let Completion::Told(complete) = completion {
            self.nodes[place].complete = Ok(complete);
            return Ok(Ok(Vec::new()));
        }
        let needed: Vec<_> = targets.into_iter().map(|named| named.target).collect();
        let has_outputs = !needed.is_empty();
        let needed: Vec<_> = needed.into_iter().filter(|target| !target.is_optional()).collect();
        self.nodes[place].complete = Ok(has_outputs && needed.is_empty());
        Ok(Ok(needed))
    }

    /// Notes who writes what.
    fn claim(&mut self, place: usize, targets: impl Iterator<Item = String>) -> Result<(), GraphError> {
        for target in targets {
            match self.writers.insert(target.clone(), place) {
                Some(other) if other != place => {
                    let tasks = [self.nodes[other].id.clone(), self.nodes[place].id.clone()];
                    return Err(GraphError::SameOutput { target, tasks });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Adds what a task requires, unless it is complete.
    fn open(&mut self, place: usize) {
        let node = &self.nodes[place];
        if !matches!(node.complete, Ok(false)) {
            return;
        }
        match node.work.requires() {
            Ok(works) => {
                let mut requires: Vec<usize> = works.into_iter().map(|work| self.place(work)).collect();
                let mut seen = HashSet::new();
                requires.retain(|place| seen.insert(*place));
                self.nodes[place].requires = requires;
            }
            Err(error) => self.nodes[place].complete = Err(error),
        }
    }

    /// A wrapper is complete when all are that it requires. Those come first in this order.
    fn wrappers(&mut self, order: &[usize]) {
        for place in order {
            let node = &self.nodes[*place];
            if node.work.role() != Role::Wrapper || !matches!(node.complete, Ok(false)) {
                continue;
            }
            let all = node.requires.iter().all(|required| matches!(self.nodes[*required].complete, Ok(true)));
            self.nodes[*place].complete = Ok(all);
        }
    }

    /// All tasks, each behind those that it requires.
    ///
    /// # Errors
    /// The first way from a task back to itself.
    fn order(&self) -> Result<Vec<usize>, GraphError> {
        let mut marks = vec![Mark::New; self.nodes.len()];
        let mut order = Vec::with_capacity(self.nodes.len());
        for start in 0..self.nodes.len() {
            self.follow(start, &mut marks, &mut order)?;
        }
        Ok(order)
    }

    fn follow(&self, start: usize, marks: &mut [Mark], order: &mut Vec<usize>) -> Result<(), GraphError> {
        if marks[start] == Mark::Done {
            return Ok(());
        }
        marks[start] = Mark::OnTheWay;
        let mut way = vec![(start, 0)];
        while let Some((node, next)) = way.last_mut() {
            let Some(required) = self.nodes[*node].requires.get(*next).copied() else {
                marks[*node] = Mark::Done;
                order.push(*node);
                way.pop();
                continue;
            };
            *next += 1;
            match marks[required] {
                Mark::Done => {}
                Mark::OnTheWay => return Err(self.cycle(&way, required)),
                Mark::New => {
                    marks[required] = Mark::OnTheWay;
                    way.push((required, 0));
                }
            }
        }
        Ok(())
    }

    fn cycle(&self, way: &[(usize, usize)], back: usize) -> GraphError {
        let from = way.iter().position(|(node, _)| *node == back).unwrap_or(0);
        let ring = way[from..].iter().map(|(node, _)| *node).chain([back]);
        GraphError::Cycle(ring.map(|node| self.nodes[node].id.clone()).collect())
    }
}

/// How far a task was followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    OnTheWay,
    Done,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Shown(&*self.work))
    }
}

/// Whether each exists; what stops all of it stops each.
fn exist(targets: Vec<Arc<dyn Target>>) -> Vec<law_storage::Result<bool>> {
    if targets.is_empty() {
        return Vec::new();
    }
    let count = targets.len();
    runtime::wait(async move { Ok(existence(&targets).await) }).unwrap_or_else(|error| {
        let reason = error.to_string();
        let again = || Err(law_storage::Error::new(error.kind(), reason.clone()));
        std::iter::repeat_with(again).take(count).collect()
    })
}

/// Whether one task is complete now.
pub(crate) fn is_complete(work: &dyn Work) -> TaskResult<bool> {
    if let Completion::Told(complete) = work.completion()? {
        return Ok(complete);
    }
    let needed = work.targets()?.into_iter().map(|named| named.target).filter(|target| !target.is_optional());
    let all: law_storage::Result<Vec<bool>> = exist(needed.collect()).into_iter().collect();
    Ok(all?.into_iter().all(|exists| exists))
}
