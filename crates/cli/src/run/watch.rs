//! What is said while tasks run, and how a signal stops them.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use law_task::{Attempt, Happening, Message, Node, Outcome, Recorder, Settings, TaskResult, Work};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::Refused;
use super::events::event;
use super::words::Typed;
use crate::output::complain;

/// How tasks are run, and who is told.
pub(super) fn settings(typed: &Typed) -> Result<Settings, Refused> {
    let stop = Arc::new(AtomicBool::new(false));
    listen(stop.clone())?;
    let watcher = Watcher { as_json: typed.as_json, file: typed.log_file.as_deref().map(opened).transpose()? };
    Ok(Settings {
        workers: typed.workers,
        retries: typed.retries,
        retry_delay: typed.retry_delay,
        limits: typed.limits.clone(),
        stop,
        state: law_config::Environment::of_process()
            .ok()
            .and_then(|known| Some(known.state_directory()?.join("tasks"))),
        recorder: (!typed.no_records).then(|| Arc::new(recorder()) as Arc<Recorder>),
        watch: Arc::new(move |node, happening| watcher.tell(node, happening)),
    })
}

/// Records say what was typed.
fn recorder() -> impl Fn(&dyn Work, &Attempt) -> TaskResult + Send + Sync {
    let words = std::env::args().map(|word| law_workflow::command::quoted(&word)).collect::<Vec<_>>().join(" ");
    let program = json!({ "command": words, "version": concat!("law ", env!("CARGO_PKG_VERSION")) });
    move |work, attempt| law_workflow::record::keep(work, attempt, &program)
}

fn opened(path: &Path) -> Result<Mutex<File>, Refused> {
    let file = File::options().create(true).append(true).open(path);
    file.map(Mutex::new).map_err(|error| Refused::Usage(format!("--log-file {}: {error}", path.display())))
}

/// Who tells what happens.
struct Watcher {
    as_json: bool,
    file: Option<Mutex<File>>,
}

impl Watcher {
    fn tell(&self, node: &Node, happening: &Happening<'_>) {
        let Some(line) = line(node, happening) else { return self.event(node, happening) };
        if let Some(file) = &self.file {
            // What cannot be written to a log stops nothing.
            let _ = writeln!(file.lock().unwrap_or_else(PoisonError::into_inner), "{} {line}", jiff::Timestamp::now());
        }
        if !self.as_json {
            complain(line);
        }
        self.event(node, happening);
    }

    fn event(&self, node: &Node, happening: &Happening<'_>) {
        if self.as_json {
            // Whoever went away needs nothing more.
            let _ = writeln!(std::io::stdout(), "{}", event(node, happening));
        }
    }
}

/// What happens, in words.
fn line(node: &Node, happening: &Happening<'_>) -> Option<String> {
    Some(match happening {
        Happening::Begins(1) => format!("{node} begins"),
        Happening::Begins(attempt) => format!("{node} begins, attempt {attempt}"),
        Happening::Says(Message::Text(text)) => format!("{node}: {text}"),
        Happening::Says(Message::Progress(part)) => format!("{node}: {:.0} %", part * 100.0),
        Happening::IsTriedAgain(why) => format!("{node} failed, and is tried again: {why}"),
        Happening::RunsElsewhere => format!("{node} is run by another process, which is waited for"),
        Happening::Ends(Outcome::Ran { .. }) => format!("{node} is done"),
        Happening::Ends(Outcome::Failed(why)) => format!("{node} failed: {why}"),
        Happening::Ends(Outcome::CannotTell(why)) => format!("{node}: {why}"),
        Happening::Ends(Outcome::MissingExternal) => format!("{node} is external, and is missing"),
        Happening::Ends(_) => return None,
    })
}

/// The first signal lets those end that run, and asks them to; the second ends the process.
fn listen(stop: Arc<AtomicBool>) -> Result<(), Refused> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = async move {
        let signals = (SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup());
        let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) =
            (signal(signals.0), signal(signals.1), signal(signals.2))
        else {
            return;
        };
        loop {
            let code = tokio::select! {
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
                _ = hangup.recv() => 129,
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
