//! What workers tell the one who distributes the work.

use std::sync::{Arc, mpsc};

use crate::TaskResult;
use crate::context::Message;
use crate::work::Work;

pub(crate) enum Event {
    /// A task has ended.
    Ended { node: usize, attempt: u32, result: TaskResult },
    /// A task waits for others, and its worker is free.
    Requires { node: usize, works: Vec<Arc<dyn Work>>, answer: mpsc::Sender<Result<(), String>> },
    /// A task says something.
    Says { node: usize, message: Message },
}
