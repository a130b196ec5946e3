//! What is said while tasks run, and how a signal stops them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use law_task::{Happening, Message, Node, Outcome, Settings};
use tokio::signal::unix::{SignalKind, signal};

use super::Refused;
use super::words::Typed;
use crate::output::complain;

/// How tasks are run, and who is told.
pub(super) fn settings(typed: &Typed) -> Result<Settings, Refused> {
    let stop = Arc::new(AtomicBool::new(false));
    listen(stop.clone())?;
    Ok(Settings {
        workers: typed.workers,
        retries: typed.retries,
        retry_delay: typed.retry_delay,
        limits: typed.limits.clone(),
        stop,
        watch: Arc::new(tell),
    })
}

fn tell(node: &Node, happening: &Happening<'_>) {
    match happening {
        Happening::Begins(1) => complain(format_args!("{node} begins")),
        Happening::Begins(attempt) => complain(format_args!("{node} begins, attempt {attempt}")),
        Happening::Says(Message::Text(text)) => complain(format_args!("{node}: {text}")),
        Happening::Says(Message::Progress(part)) => complain(format_args!("{node}: {:.0} %", part * 100.0)),
        Happening::IsTriedAgain(why) => complain(format_args!("{node} failed, and is tried again: {why}")),
        Happening::Ends(Outcome::Ran { .. }) => complain(format_args!("{node} is done")),
        Happening::Ends(Outcome::Failed(why)) => complain(format_args!("{node} failed: {why}")),
        Happening::Ends(Outcome::CannotTell(why)) => complain(format_args!("{node}: {why}")),
        Happening::Ends(Outcome::MissingExternal) => complain(format_args!("{node} is external, and is missing")),
        Happening::Ends(_) => {}
    }
}

/// The first signal lets those end that run, and asks them to; the second ends the process.
fn listen(stop: Arc<AtomicBool>) -> Result<(), Refused> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        loop {
            let code = tokio::select! {
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
            };
            if stop.swap(true, Ordering::Relaxed) {
                std::process::exit(code);
            }
            complain("law run: no task begins any more; once more, and those that run are left where they are");
        }
    };
    std::thread::Builder::new().name("law-signals".into()).spawn(move || runtime.block_on(work))?;
    Ok(())
}
