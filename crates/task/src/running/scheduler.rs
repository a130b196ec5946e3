//! Who distributes the work: one thread that owns all state, and hears from the workers.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use super::event::{Event, Told, Wanted};
use super::worker::{self, End};
use super::{Happening, Outcome, Run, Settings};
use crate::context::Context;
use crate::graph::Graph;
use crate::task::Role;

/// How often the flag is looked at that stops a run.
const LOOK: Duration = Duration::from_millis(100);

/// How often it is looked whether another process still runs a task.
const ELSEWHERE: Duration = Duration::from_millis(100);

/// How long those that run may go on after a run was stopped, or their time is up.
const GRACE: Duration = Duration::from_secs(10);

enum State {
    /// For so many of those that it requires.
    Waits(usize),
    Ready,
    Runs(Attempt),
    Ended(Outcome),
}

struct Attempt {
    number: u32,
    stop: Arc<AtomicBool>,
    deadline: Option<Instant>,
    /// It waits for others, and uses no worker.
    suspended: bool,
}

pub(super) struct Scheduler {
    graph: Graph,
    settings: Settings,
    states: Vec<State>,
    /// Who waits for each.
    dependents: Vec<Vec<usize>>,
    ready: BinaryHeap<(i64, Reverse<usize>)>,
    /// When those are tried again that have failed.
    again: Vec<(Instant, usize)>,
    failures: Vec<u32>,
    /// Those that another process was seen to run.
    elsewhere: BTreeSet<usize>,
    /// Running tasks that wait for others, by what they wait for, with the number under which each knows it.
    waiting: HashMap<usize, Vec<(usize, mpsc::Sender<Told>)>>,
    used: BTreeMap<String, u64>,
    active: usize,
    running: BTreeSet<usize>,
    sender: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
    stopped: Option<Instant>,
}

impl Scheduler {
    pub(super) fn new(graph: Graph, settings: Settings) -> Self {
        let (sender, events) = mpsc::channel();
        let mut scheduler = Self {
            graph,
            settings,
            states: Vec::new(),
            dependents: Vec::new(),
            ready: BinaryHeap::new(),
            again: Vec::new(),
            failures: Vec::new(),
            elsewhere: BTreeSet::new(),
            waiting: HashMap::new(),
            used: BTreeMap::new(),
            active: 0,
            running: BTreeSet::new(),
            sender,
            events,
            stopped: None,
        };
        scheduler.admit();
        scheduler
    }

    pub(super) fn run(mut self) -> Run {
        loop {
            self.look_at_the_clock();
            self.start_ready();
            let waits = !self.again.is_empty() && self.stopped.is_none();
            if self.running.is_empty() && !waits {
                break;
            }
            match self.events.recv_timeout(LOOK) {
                Ok(event) => self.hear(event),
                Err(_) => continue,
            }
        }
        let outcomes = self.states.into_iter().map(|state| match state {
            State::Ended(outcome) => outcome,
            _ => Outcome::NotRun,
        });
        Run { outcomes: outcomes.collect(), graph: self.graph }
    }

    /// Takes in the tasks of the graph that are new.
    fn admit(&mut self) {
        let begin = self.states.len();
        let count = self.graph.nodes().len();
        self.dependents.resize_with(count, Vec::new);
        self.failures.resize(count, 0);
        self.states.extend((begin..count).map(|_| State::Waits(0)));
        for node in begin..count {
            let required = self.graph.nodes()[node].requires.clone();
            required.iter().for_each(|required| self.dependents[*required].push(node));
            self.states[node] = State::Waits(required.len());
        }
        let new: Vec<usize> = (begin..count).collect();
        for node in &new {
            if let Some(outcome) = first_outcome(&self.graph.nodes()[*node]) {
                self.end(*node, outcome);
            }
        }
        // Of those before, some may have ended; nobody tells their new dependents any more.
        for node in new {
            self.settle(node, begin);
        }
    }

    /// Counts what a new task requires that had ended before it came.
    fn settle(&mut self, node: usize, begin: usize) {
        let required = self.graph.nodes()[node].requires.clone();
        for before in required.into_iter().filter(|required| *required < begin) {
            if let State::Ended(outcome) = &self.states[before] {
                let outcome = outcome.clone();
                if let Some(own) = self.told(node, &outcome) {
                    return self.end(node, own);
                }
            }
        }
        self.make_ready(node);
    }

    fn make_ready(&mut self, node: usize) {
        if matches!(self.states[node], State::Waits(0)) {
            self.states[node] = State::Ready;
            self.ready.push((self.graph.nodes()[node].work.priority(), Reverse(node)));
        }
    }

    /// A task hears what became of one that it requires; its own end, if that is one.
    fn told(&mut self, node: usize, outcome: &Outcome) -> Option<Outcome> {
        let State::Waits(left) = &mut self.states[node] else { return None };
        if outcome.is_complete() {
            *left = left.saturating_sub(1);
            return None;
        }
        Some(match outcome {
            Outcome::MissingExternal | Outcome::RequiresMissing => Outcome::RequiresMissing,
            Outcome::CannotTell(_) | Outcome::RequiresUnknown => Outcome::RequiresUnknown,
            Outcome::NotRun => Outcome::NotRun,
            _ => Outcome::RequiresFailed,
        })
    }

    /// Nothing more happens to a task; those that wait for it are told.
    fn end(&mut self, node: usize, outcome: Outcome) {
        let mut ended = vec![(node, outcome)];
        while let Some((node, outcome)) = ended.pop() {
            if matches!(self.states[node], State::Ended(_)) {
                continue;
            }
            self.say(node, &Happening::Ends(&outcome));
            self.states[node] = State::Ended(outcome.clone());
            self.answer(node, &outcome);
            for dependent in self.dependents[node].clone() {
                match self.told(dependent, &outcome) {
                    Some(own) => ended.push((dependent, own)),
                    None => self.make_ready(dependent),
                }
            }
        }
    }

    /// Those that wait while they run hear of it.
    fn answer(&mut self, node: usize, outcome: &Outcome) {
        for (number, told) in self.waiting.remove(&node).unwrap_or_default() {
            // Whoever gave up does not listen.
            let _ = told.send((number, outcome.as_result()));
        }
    }

    /// It has its worker back, also if that is one too many for a moment.
    fn resume(&mut self, node: usize) {
        if let State::Runs(attempt) = &mut self.states[node]
            && attempt.suspended
        {
            attempt.suspended = false;
            self.active += 1;
        }
    }

    fn start_ready(&mut self) {
        let mut kept = Vec::new();
        while self.stopped.is_none() && self.active < self.settings.workers.max(1) {
            let Some((priority, Reverse(node))) = self.ready.pop() else { break };
            if self.fits(node) {
                self.start(node);
            } else {
                kept.push((priority, Reverse(node)));
            }
        }
        self.ready.extend(kept);
    }

    /// Whether there is enough of what it uses. Whoever wants more than there is at all runs when nobody else uses any.
    fn fits(&self, node: usize) -> bool {
        let wanted = self.graph.nodes()[node].work.resources();
        wanted.iter().all(|(name, amount)| {
            let used = self.used.get(name).copied().unwrap_or(0);
            self.settings.limits.get(name).is_none_or(|limit| used == 0 || used.saturating_add(*amount) <= *limit)
        })
    }

    fn start(&mut self, node: usize) {
        let work = self.graph.nodes()[node].work.clone();
        let number = self.failures[node] + 1;
        let stop = Arc::new(AtomicBool::new(false));
        let context = Context {
            events: self.sender.clone(),
            node,
            attempt: number,
            workers: self.settings.workers,
            state: self.settings.state.clone(),
            recorder: self.settings.recorder.clone(),
            lock: None,
            stop: stop.clone(),
        };
        let deadline = work.timeout().map(|timeout| Instant::now() + timeout);
        for (name, amount) in work.resources() {
            *self.used.entry(name).or_default() += amount;
        }
        self.active += 1;
        self.running.insert(node);
        self.states[node] = State::Runs(Attempt { number, stop, deadline, suspended: false });
        if let Err(error) = worker::begin(work, context) {
            self.ended(node, number, End::Failed(anyhow::Error::new(error).context("no thread for it")));
        }
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Ended { node, attempt, end } => self.ended(node, attempt, end),
            Event::Begins { node, attempt } => self.say(node, &Happening::Begins(attempt)),
            Event::Says { node, message } => self.say(node, &Happening::Says(&message)),
            Event::Requires { node, wanted } => self.suspend(node, wanted),
            Event::GoesOn { node } => self.resume(node),
        }
    }

    fn suspend(&mut self, node: usize, wanted: Wanted) {
        let State::Runs(attempt) = &mut self.states[node] else { return };
        if !attempt.suspended {
            attempt.suspended = true;
            self.active -= 1;
        }
        let Wanted { works, missing, first, told } = wanted;
        let numbers = first..first + works.len();
        let added = if missing { self.graph.add_missing(works) } else { self.graph.add(works) };
        let states = &self.states;
        let has_ended = |place: usize| matches!(states.get(place), Some(State::Ended(_)));
        let added = added.and_then(|places| self.graph.waits(node, &places, has_ended).map(|()| places));
        self.admit();
        let places = match added {
            Ok(places) => places,
            Err(error) => return numbers.for_each(|number| drop(told.send((number, Err(error.to_string()))))),
        };
        for (number, place) in numbers.zip(places) {
            match &self.states[place] {
                State::Ended(outcome) => drop(told.send((number, outcome.as_result()))),
                _ => self.waiting.entry(place).or_default().push((number, told.clone())),
            }
        }
    }

    fn ended(&mut self, node: usize, number: u32, end: End) {
        let State::Runs(attempt) = &self.states[node] else { return };
        if attempt.number != number {
            return;
        }
        let was_stopped = attempt.stop.load(Ordering::Relaxed);
        self.release(node);
        let reason = match end {
            End::Ran => return self.end(node, Outcome::Ran { failed_before: self.failures[node] }),
            End::WasComplete => return self.end(node, Outcome::WasComplete),
            End::RunsElsewhere => return self.wait_for_another_process(node),
            End::Failed(error) if was_stopped => format!("{}: {error:#}", self.why_stopped()),
            End::Failed(error) => format!("{error:#}"),
        };
        self.failures[node] += 1;
        let retries = self.graph.nodes()[node].work.retries().unwrap_or(self.settings.retries);
        if self.failures[node] > retries || self.stopped.is_some() {
            return self.end(node, Outcome::Failed(reason));
        }
        self.say(node, &Happening::IsTriedAgain(&reason));
        self.states[node] = State::Waits(0);
        self.again.push((Instant::now() + self.settings.retry_delay, node));
    }

    /// It is tried again soon, and says so once.
    fn wait_for_another_process(&mut self, node: usize) {
        if self.elsewhere.insert(node) {
            self.say(node, &Happening::RunsElsewhere);
        }
        self.states[node] = State::Waits(0);
        self.again.push((Instant::now() + ELSEWHERE, node));
    }

    /// What it used is free for others.
    fn release(&mut self, node: usize) {
        if let State::Runs(Attempt { suspended: false, .. }) = self.states[node] {
            self.active -= 1;
        }
        self.running.remove(&node);
        for (name, amount) in self.graph.nodes()[node].work.resources() {
            self.used.entry(name).and_modify(|used| *used = used.saturating_sub(amount));
        }
    }

    fn why_stopped(&self) -> &'static str {
        if self.stopped.is_some() { "the run was stopped" } else { "its time was up" }
    }

    fn look_at_the_clock(&mut self) {
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.again).into_iter().partition(|(when, _)| *when <= now);
        self.again = later;
        let due: Vec<(Instant, usize)> = due;
        due.into_iter().for_each(|(_, node)| self.make_ready(node));
        if self.stopped.is_none() && self.settings.stop.load(Ordering::Relaxed) {
            self.stopped = Some(now);
        }
        for (node, over) in self.late(now) {
            self.out_of_time(node, over);
        }
    }

    /// Those that should not run any more, and for how long.
    fn late(&self, now: Instant) -> Vec<(usize, Duration)> {
        let over = |node: &usize| {
            let State::Runs(attempt) = &self.states[*node] else { return None };
            let since = attempt.deadline.into_iter().chain(self.stopped).min()?;
            Some((*node, now.checked_duration_since(since)?))
        };
        self.running.iter().filter_map(over).collect()
    }

    /// It is asked to stop, and left to itself if it does not: the rest of the run does not wait for it, and it is not tried again beside itself.
    fn out_of_time(&mut self, node: usize, over: Duration) {
        if let State::Runs(attempt) = &self.states[node] {
            attempt.stop.store(true, Ordering::Relaxed);
        }
        if over > GRACE {
            self.release(node);
            self.end(node, Outcome::Failed(format!("{}, and it did not end", self.why_stopped())));
        }
    }

    fn say(&self, node: usize, happening: &Happening<'_>) {
        (self.settings.watch)(&self.graph.nodes()[node], happening);
    }
}

/// What is known of a task before anything runs.
fn first_outcome(node: &crate::graph::Node) -> Option<Outcome> {
    match &node.complete {
        Ok(true) => Some(Outcome::WasComplete),
        Err(error) => Some(Outcome::CannotTell(format!("{error:#}"))),
        Ok(false) if node.work.role() == Role::External => Some(Outcome::MissingExternal),
        Ok(false) => None,
    }
}
