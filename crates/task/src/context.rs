//! What a task has while it runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use crate::TaskResult;
use crate::requires::Requires;
use crate::running::event::Event;
use crate::work::Work;

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
        let (answer, answered) = mpsc::channel();
        let gone = || anyhow::anyhow!("the run has ended");
        self.events.send(Event::Requires { node: self.node, works, answer }).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?.map_err(anyhow::Error::msg)
    }

    fn say(&self, message: Message) {
        // Nobody listens to a run that has ended.
        let _ = self.events.send(Event::Says { node: self.node, message });
    }
}
