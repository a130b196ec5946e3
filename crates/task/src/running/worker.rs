//! One attempt at one task.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use crate::TaskResult;
use crate::context::Context;
use crate::graph::is_complete;
use crate::running::Attempt;
use crate::running::event::Event;
use crate::running::lock::Lock;
use crate::task::{Completion, Role};
use crate::work::Work;

/// How an attempt ended.
pub(crate) enum End {
    /// The task is complete, by this attempt.
    Ran,
    /// It was complete before: another process made it.
    WasComplete,
    /// Another process runs it.
    RunsElsewhere,
    Failed(anyhow::Error),
}

/// Begins an attempt on a thread of its own, which tells how it ended.
pub(crate) fn begin(work: Arc<dyn Work>, context: Context) -> std::io::Result<()> {
    let events = context.events.clone();
    let (node, attempt) = (context.node, context.attempt);
    let body = move || {
        let mut context = context;
        let caught = catch_unwind(AssertUnwindSafe(|| attempt_at(&*work, &mut context)));
        let result = caught.unwrap_or_else(|panic| Err(anyhow::anyhow!("it panicked: {}", message(&*panic))));
        // A run that has ended does not wait for it.
        let _ = events.send(Event::Ended { node, attempt, end: result.unwrap_or_else(End::Failed) });
    };
    thread::Builder::new().name("law-task".into()).spawn(body).map(drop)
}

fn attempt_at(work: &dyn Work, context: &mut Context) -> TaskResult<End> {
    if work.role() == Role::Wrapper {
        confirm(work)?;
        return Ok(End::Ran);
    }
    let lock = match locked(work, context)? {
        Locked::Held(lock) => Some(lock),
        Locked::Elsewhere => return Ok(End::RunsElsewhere),
        Locked::Without => None,
    };
    // Whoever had the lock before may have done it since it was asked for.
    if lock.is_some() && is_complete(work)? {
        return Ok(End::WasComplete);
    }
    context.lock = lock.as_ref().map(Lock::share).transpose()?;
    // Whoever distributes the work is there as long as it runs.
    let _ = context.events.send(Event::Begins { node: context.node, attempt: context.attempt });
    let began = SystemTime::now();
    work.run(context)?;
    confirm(work)?;
    let attempt = Attempt { number: context.attempt, began, ended: SystemTime::now() };
    if let Some(record) = context.recorder.as_ref().filter(|_| work.is_exclusive())
        && let Err(error) = record(work, &attempt)
    {
        context.publish_message(format!("how it was made could not be written down: {error:#}"));
    }
    Ok(End::Ran)
}

enum Locked {
    Held(Lock),
    Elsewhere,
    Without,
}

/// A machine that has no locks runs tasks without them.
fn locked(work: &dyn Work, context: &Context) -> TaskResult<Locked> {
    let Some(state) = context.state.as_ref().filter(|_| work.is_exclusive()) else { return Ok(Locked::Without) };
    Ok(match Lock::take(&state.join("locks"), &work.id(), &work.targets()?) {
        Ok(Some(lock)) => Locked::Held(lock),
        Ok(None) => Locked::Elsewhere,
        Err(error) => {
            context.publish_message(format!("it is not locked against other processes: {error}"));
            Locked::Without
        }
    })
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
