//! What workers tell the one who distributes the work.

use std::sync::{Arc, mpsc};

use crate::TaskResult;
use crate::context::Message;
use crate::work::Work;

pub(crate) enum Event {
    /// A task has ended.
    Ended { node: usize, attempt: u32, result: TaskResult },
    /// A task waits for others, and its worker is free.
    Requires { node: usize, wanted: Wanted },
    /// It waits no longer.
    GoesOn { node: usize },
    /// A task says something.
    Says { node: usize, message: Message },
}

/// Tasks that a running one asks for.
pub(crate) struct Wanted {
    pub(crate) works: Vec<Arc<dyn Work>>,
    /// Whoever asks has looked: none of them is complete.
    pub(crate) missing: bool,
    /// The number of the first; the others follow.
    pub(crate) first: usize,
    /// Where it is told of each number that it is complete, or why it is not.
    pub(crate) told: mpsc::Sender<Told>,
}

pub(crate) type Told = (usize, Result<(), String>);
