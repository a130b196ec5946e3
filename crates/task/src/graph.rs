//! Tasks and what they require, as far as it must be looked at: what is complete needs nothing.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;
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
        self.grow(works, Self::ask)
    }

    /// As [`add`](Self::add), for tasks of which it is known that none is complete; what they require is asked for.
    pub(crate) fn add_missing(&mut self, works: Vec<Arc<dyn Work>>) -> Result<Vec<usize>, GraphError> {
        self.grow(works, Self::claim_all)
    }

    fn grow(
        &mut self,
        works: Vec<Arc<dyn Work>>,
        ask_first: fn(&mut Self, Range<usize>) -> Result<(), GraphError>,
    ) -> Result<Vec<usize>, GraphError> {
        let before = self.nodes.len();
        self.levels(works, before, ask_first).inspect_err(|_| self.roll_back(before))
    }

    fn levels(
        &mut self,
        works: Vec<Arc<dyn Work>>,
        before: usize,
        ask_first: fn(&mut Self, Range<usize>) -> Result<(), GraphError>,
    ) -> Result<Vec<usize>, GraphError> {
        let places: Vec<usize> = works.into_iter().map(|work| self.place(work)).collect();
        let mut level = before..self.nodes.len();
        let mut ask = ask_first;
        while !level.is_empty() {
            ask(self, level.clone())?;
            ask = Self::ask;
            let next = self.nodes.len();
            level.for_each(|node| self.open(node));
            level = next..self.nodes.len();
        }
        let order = self.order(before)?;
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

    /// Notes that a task, which is running, waits for others. Nothing is to be feared from tasks that have ended.
    ///
    /// # Errors
    /// If one of them requires the task.
    pub(crate) fn waits(
        &mut self,
        node: usize,
        others: &[usize],
        has_ended: impl Fn(usize) -> bool,
    ) -> Result<(), GraphError> {
        let mut seen: HashMap<usize, usize> = others.iter().map(|other| (*other, node)).collect();
        let mut waiting: Vec<usize> = others.to_vec();
        while let Some(place) = waiting.pop() {
            if place == node {
                return Err(self.way_back(node, &seen));
            }
            for required in self.nodes[place].requires.iter().filter(|_| !has_ended(place)) {
                if let Entry::Vacant(entry) = seen.entry(*required) {
                    entry.insert(place);
                    waiting.push(*required);
                }
            }
        }
        self.nodes[node].requires.extend(others);
        Ok(())
    }

    /// From a task to itself, by who was reached from whom.
    fn way_back(&self, node: usize, reached_from: &HashMap<usize, usize>) -> GraphError {
        let mut way = vec![node];
        let mut place = reached_from[&node];
        while place != node {
            way.push(place);
            place = reached_from[&place];
        }
        way.push(node);
        GraphError::Cycle(way.into_iter().rev().map(|place| self.nodes[place].id.clone()).collect())
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
    fn ask(&mut self, level: Range<usize>) -> Result<(), GraphError> {
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

    /// Notes what the tasks of a level write, and asks for nothing.
    fn claim_all(&mut self, level: Range<usize>) -> Result<(), GraphError> {
        for place in level {
            match self.wanted(place)? {
                Ok(_) => self.nodes[place].complete = Ok(false),
                Err(error) => self.nodes[place].complete = Err(error),
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

    /// The tasks from a place on, each behind those that it requires. None of those before requires one of them.
    ///
    /// # Errors
    /// The first way from a task back to itself.
    fn order(&self, begin: usize) -> Result<Vec<usize>, GraphError> {
        let mut marks = vec![Mark::Done; begin];
        marks.resize(self.nodes.len(), Mark::New);
        let mut order = Vec::with_capacity(self.nodes.len() - begin);
        for start in begin..self.nodes.len() {
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

/// Whether one task is complete now. A wrapper is when all are that it requires.
///
/// # Errors
/// "Cannot tell".
pub fn is_complete(work: &dyn Work) -> TaskResult<bool> {
    if let Completion::Told(complete) = work.completion()? {
        return Ok(complete);
    }
    if work.role() == Role::Wrapper {
        return Ok(!work
            .requires()?
            .iter()
            .map(|work| is_complete(&**work))
            .collect::<TaskResult<Vec<_>>>()?
            .contains(&false));
    }
    let targets = work.targets()?;
    let has_outputs = !targets.is_empty();
    let needed = targets.into_iter().map(|named| named.target).filter(|target| !target.is_optional());
    let all: law_storage::Result<Vec<bool>> = exist(needed.collect()).into_iter().collect();
    Ok(has_outputs && all?.into_iter().all(|exists| exists))
}
