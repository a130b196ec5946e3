//! What a task has while it runs.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use crate::TaskResult;
use crate::requires::Requires;
use crate::running::Recorder;
use crate::running::event::{Event, Told, Wanted};
use crate::shown::Shown;
use crate::work::Work;

/// How often a task that waits for others looks whether it has to end.
const LOOK: Duration = Duration::from_millis(100);

/// Something that a task says while it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// A line for whoever watches.
    Text(String),
    /// How far it is, from 0 to 1.
    Progress(f64),
}

/// What a task has while it runs: it can say how far it is, ask for more tasks, and see whether it should stop.
pub struct Context {
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) node: usize,
    pub(crate) attempt: u32,
    pub(crate) workers: usize,
    pub(crate) state: Option<PathBuf>,
    pub(crate) recorder: Option<Arc<Recorder>>,
    pub(crate) lock: Option<File>,
    pub(crate) stop: Arc<AtomicBool>,
}

impl Context {
    /// A line for whoever watches.
    pub fn publish_message(&self, text: impl Into<String>) {
        self.say(Message::Text(text.into()));
    }

    /// How far it is, from 0 to 1; what lies outside is taken for the nearer end.
    pub fn publish_progress(&self, part: f64) {
        self.say(Message::Progress(part.clamp(0.0, 1.0)));
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Whether the run ends, or the time of this task is up: long work should look now and then, and return an error.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Waits until more tasks are complete, which only turned out now to be needed, and gives their outputs. Its worker is free for others meanwhile.
    ///
    /// # Errors
    /// If one of them fails, cannot be told complete, or waits for this task.
    pub fn require<R: Requires>(&self, tasks: R) -> TaskResult<R::Input> {
        let input = tasks.outputs()?;
        self.complete(tasks.works())?;
        Ok(input)
    }

    /// As [`require`](Self::require), for tasks of which the type is not known.
    ///
    /// # Errors
    /// As above.
    pub fn complete(&self, works: Vec<Arc<dyn Work>>) -> TaskResult {
        if works.is_empty() {
            return Ok(());
        }
        let done = self.wait_for(works);
        self.go_on()?;
        done
    }

    fn wait_for(&self, works: Vec<Arc<dyn Work>>) -> TaskResult {
        let (told, hears) = mpsc::channel();
        let names: Vec<String> = works.iter().map(|work| Shown(&**work).to_string()).collect();
        self.ask(Wanted { works, missing: false, first: 0, told })?;
        for _ in &names {
            let (number, result) = self.hear(&hears)?;
            let short = |why: String| anyhow::anyhow!("{} is not complete: {}", names[number], first_line(&why));
            result.map_err(short)?;
        }
        Ok(())
    }

    /// Runs tasks that are known to be incomplete, at most so many at once of them, and tells of each, by its number, what became of it: nothing, or why it
    /// is not complete. After a break none is asked for any more; those that were, run on. Its worker is free for others meanwhile.
    ///
    /// # Errors
    /// What the tasks give instead of one; and if this one has to end.
    pub fn run_each(
        &self,
        works: impl IntoIterator<Item = TaskResult<Arc<dyn Work>>>,
        at_once: usize,
        ended: impl FnMut(usize, Result<(), String>) -> ControlFlow<()>,
    ) -> TaskResult {
        let done = self.feed(works, at_once, ended);
        self.go_on()?;
        done
    }

    fn feed(
        &self,
        works: impl IntoIterator<Item = TaskResult<Arc<dyn Work>>>,
        at_once: usize,
        mut ended: impl FnMut(usize, Result<(), String>) -> ControlFlow<()>,
    ) -> TaskResult {
        let mut works = works.into_iter().enumerate();
        let (told, hears) = mpsc::channel();
        let mut under_way = 0;
        let at_once = at_once.max(1);
        // Many are asked for together, few each by itself.
        let few = at_once - at_once / 8;
        loop {
            let room = if under_way <= few { at_once - under_way } else { 0 };
            let next: Vec<_> = works.by_ref().take(room).collect();
            if let Some((first, _)) = next.first() {
                let first = *first;
                let works = next.into_iter().map(|(_, work)| work).collect::<TaskResult<Vec<_>>>()?;
                under_way += works.len();
                self.ask(Wanted { works, missing: true, first, told: told.clone() })?;
            }
            if under_way == 0 {
                return Ok(());
            }
            let (number, result) = self.hear(&hears)?;
            under_way -= 1;
            if ended(number, result).is_break() {
                return Ok(());
            }
        }
    }

    /// The lock under which the task runs, if it has one. A program that has it as its standard input, from which nothing can be read, keeps other processes
    /// from running the task as long as it lives, also if this process is killed.
    pub fn lock(&self) -> Option<&File> {
        self.lock.as_ref()
    }

    /// A directory for what outlives the run, such as logs; none if nothing is to.
    pub fn state(&self) -> Option<&Path> {
        self.state.as_deref()
    }

    /// How many tasks run at once.
    pub fn workers(&self) -> usize {
        self.workers
    }

    fn ask(&self, wanted: Wanted) -> TaskResult {
        self.events.send(Event::Requires { node: self.node, wanted }).map_err(|_| gone())
    }

    fn go_on(&self) -> TaskResult {
        self.events.send(Event::GoesOn { node: self.node }).map_err(|_| gone())
    }

    fn hear(&self, hears: &mpsc::Receiver<Told>) -> TaskResult<Told> {
        loop {
            match hears.recv_timeout(LOOK) {
                Ok(told) => return Ok(told),
                Err(RecvTimeoutError::Timeout) if !self.is_stopped() => {}
                Err(_) => return Err(gone()),
            }
        }
    }

    fn say(&self, message: Message) {
        // Nobody listens to a run that has ended.
        let _ = self.events.send(Event::Says { node: self.node, message });
    }
}

/// Whoever failed has told all of it.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn gone() -> anyhow::Error {
    anyhow::anyhow!("it waited for others, and the run ended")
}
