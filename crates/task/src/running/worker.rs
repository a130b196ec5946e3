//! One attempt at one task.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use crate::TaskResult;
use crate::context::Context;
use crate::graph::is_complete;
use crate::running::event::Event;
use crate::task::{Completion, Role};
use crate::work::Work;

/// Begins an attempt on a thread of its own, which tells how it ended.
pub(crate) fn begin(work: Arc<dyn Work>, context: Context) -> std::io::Result<()> {
    let events = context.events.clone();
    let (node, attempt) = (context.node, context.attempt);
    let body = move || {
        let caught = catch_unwind(AssertUnwindSafe(|| attempt_at(&*work, &context)));
        let result = caught.unwrap_or_else(|panic| Err(anyhow::anyhow!("it panicked: {}", message(&*panic))));
        // A run that has ended does not wait for it.
        let _ = events.send(Event::Ended { node, attempt, result });
    };
    thread::Builder::new().name("law-task".into()).spawn(body).map(drop)
}

fn attempt_at(work: &dyn Work, context: &Context) -> TaskResult {
    if work.role() != Role::Wrapper {
        work.run(context)?;
    }
    confirm(work)
}

/// What returned without an error has written its outputs.
fn confirm(work: &dyn Work) -> TaskResult {
    let targets = match (work.role(), work.completion()?) {
        (Role::Wrapper, _) => return Ok(()),
        (_, Completion::Told(true)) => return Ok(()),
        (_, Completion::Told(false)) => anyhow::bail!("it ended without an error, but is not complete"),
        (_, Completion::Outputs) => work.targets()?,
    };
    if targets.is_empty() || is_complete(work)? {
        return Ok(());
    }
    let names = targets.iter().map(|named| named.target.to_string()).collect::<Vec<_>>().join(", ");
    anyhow::bail!("it ended without an error, but its outputs are not all there: {names}")
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
