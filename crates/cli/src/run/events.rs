//! What happens in a run, as JSON lines for programs: `{"event":"begins","task":...}`.

use law_task::{Happening, Message, Node, Outcome, Run, Work};
use serde_json::{Map, Value, json};

/// A task as JSON.
pub(super) fn task(work: &dyn Work) -> Map<String, Value> {
    let parameters: Map<String, Value> =
        work.values().iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
    let mut object = Map::new();
    object.insert("task".into(), work.id().as_str().into());
    object.insert("family".into(), work.family().into());
    object.insert("parameters".into(), parameters.into());
    object
}

/// What happens to a task. What it says are events of their own.
pub(super) fn event(node: &Node, happening: &Happening<'_>) -> Value {
    let (name, details) = match happening {
        Happening::Begins(attempt) => ("begins", json!({ "attempt": attempt })),
        Happening::Says(Message::Text(text)) => ("message", json!({ "text": text })),
        Happening::Says(Message::Progress(part)) => ("progress", json!({ "part": part })),
        Happening::IsTriedAgain(why) => ("is_tried_again", json!({ "reason": why })),
        Happening::RunsElsewhere => ("runs_elsewhere", json!({})),
        Happening::Ends(outcome) => ("ends", outcome_of(outcome)),
    };
    let mut object = Map::from_iter([("event".to_owned(), Value::from(name))]);
    object.insert("time".into(), now());
    object.extend(task(&*node.work));
    object.extend(details.as_object().cloned().unwrap_or_default());
    Value::Object(object)
}

fn now() -> Value {
    jiff::Timestamp::now().to_string().into()
}

fn outcome_of(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::WasComplete => json!({ "outcome": "was_complete" }),
        Outcome::Ran { failed_before } => json!({ "outcome": "ran", "failed_before": failed_before }),
        Outcome::Failed(why) => json!({ "outcome": "failed", "reason": why }),
        Outcome::CannotTell(why) => json!({ "outcome": "cannot_tell", "reason": why }),
        Outcome::MissingExternal => json!({ "outcome": "missing_external" }),
        Outcome::RequiresFailed => json!({ "outcome": "requires_failed" }),
        Outcome::RequiresMissing => json!({ "outcome": "requires_missing" }),
        Outcome::RequiresUnknown => json!({ "outcome": "requires_unknown" }),
        Outcome::NotRun => json!({ "outcome": "not_run" }),
    }
}

/// The end of a run: how many tasks had each outcome.
pub(super) fn end(run: &Run) -> Value {
    let mut counts = Map::new();
    for outcome in &run.outcomes {
        let name = outcome_of(outcome)["outcome"].as_str().unwrap_or_default().to_owned();
        let count = counts.get(&name).and_then(Value::as_u64).unwrap_or(0);
        counts.insert(name, (count + 1).into());
    }
    json!({ "event": "run_ends", "time": now(), "exit_code": run.exit_code(), "tasks": counts })
}
