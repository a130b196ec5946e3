//! What workers tell the one who distributes the work.

use std::sync::{Arc, mpsc};

use super::worker::End;
use crate::context::Message;
use crate::work::Work;

pub(crate) enum Event {
    /// An attempt at a task begins, which no other process makes.
    Begins { node: usize, attempt: u32 },
    /// A task has ended.
    Ended { node: usize, attempt: u32, end: End },
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
