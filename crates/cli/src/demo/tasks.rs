//! The act about tasks: a workflow whose branches write letters to the storage, and a task that puts them together.

use std::sync::Arc;

use law_storage::Result;
use law_task::tree::{self, Details};
use law_task::{Families, Outcome, Settings, Summary, Values, Work};
use law_workflow::command::Reading;

use super::{Stage, expect, law_fs, say, unexpected};
use crate::exit;

const TASKS: &str = r#"[task.CreateChars]
branches = ["a", "b", "c", "d", "e", "f"]
output = "STORE/char_{branch}.txt"
run = "echo {branch_data} > {output}"

[task.CreateAlphabet]
requires = "CreateChars"
output = "STORE/alphabet.txt"
run = "for file in {input}; do read letter < $file; printf %s $letter; done > {output}""#;

/// Shows what is missing, makes it, and makes nothing when all is there.
pub(super) fn alphabet(stage: &Stage) -> Result<()> {
    let text = TASKS.replace("STORE", stage.url("letters").as_str());
    let file = stage.directory.path().join("tasks.toml");
    std::fs::write(&file, &text)?;
    say(format!("$ cat tasks.toml\n{text}"))?;
    let mut reading = Reading::new(Families::default());
    reading.tasks(&file).map_err(|wrong| unexpected(wrong.to_string()))?;
    let families = reading.finish().map_err(|wrong| unexpected(wrong.to_string()))?;
    let family = families.get("CreateAlphabet").ok_or_else(|| unexpected("there is a task CreateAlphabet"))?;
    let task = || family.make(&Values::new()).map_err(|wrong| unexpected(wrong.to_string()));
    say("$ law run CreateAlphabet --print-status 1")?;
    let leaves = tree::leaves(task()?, Some(1)).map_err(|error| unexpected(error.to_string()))?;
    say(tree::draw(leaves, Details::Status { depth: 0 }).map_err(|error| unexpected(error.to_string()))?.trim_end())?;
    run(task()?, |outcomes| outcomes.len() == 8 && outcomes.iter().all(|one| matches!(one, Outcome::Ran { .. })))?;
    say("Once more: all is there, and nothing runs.")?;
    run(task()?, |outcomes| outcomes == [Outcome::WasComplete])?;
    law_fs(&["cat", &stage.url("letters/alphabet.txt")], exit::OK)?;
    say("")
}

fn run(task: Arc<dyn Work>, is_right: impl Fn(&[Outcome]) -> bool) -> Result<()> {
    say("$ law run CreateAlphabet --workers 3")?;
    let run = law_task::run(vec![task], Settings { workers: 3, ..Settings::default() });
    let run = run.map_err(|error| unexpected(error.to_string()))?;
    let summary = Summary(&run).to_string();
    summary.lines().filter(|line| line.starts_with('*') || line.starts_with("This")).try_for_each(say)?;
    expect(is_right(&run.outcomes), format!("what runs is what is missing: {:?}", run.outcomes))
}
