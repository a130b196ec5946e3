//! What became of a run, in the words of luigi.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::running::{Outcome, Run};
use crate::shown::{Shown, significant};
use crate::work::Work;

/// Kinds of tasks that are listed for each outcome.
const KINDS: usize = 5;

/// Names that are too long to be shown with their parameters.
const LONG: usize = 200;

/// A run as luigi summarizes it.
pub struct Summary<'a>(pub &'a Run);

type Group<'a> = Vec<&'a dyn Work>;

impl Summary<'_> {
    fn of(&self, is_meant: impl Fn(&Outcome) -> bool) -> Group<'_> {
        let outcomes = self.0.graph.nodes().iter().zip(&self.0.outcomes);
        outcomes.filter(|(_, outcome)| is_meant(outcome)).map(|(node, _)| &*node.work).collect()
    }

    fn has(&self, is_meant: impl Fn(&Outcome) -> bool) -> bool {
        self.0.outcomes.iter().any(is_meant)
    }

    /// The last sentence: how it looks, and why.
    fn looks(&self) -> (&'static str, &'static str) {
        let failed = self.has(|outcome| matches!(outcome, Outcome::Failed(_)));
        let unknown = self.has(|outcome| matches!(outcome, Outcome::CannotTell(_)));
        match (failed, unknown) {
            (true, true) => (":(", "there were failed tasks and tasks whose scheduling failed"),
            (true, false) => (":(", "there were failed tasks"),
            (false, true) => (":(", "there were tasks whose scheduling failed"),
            _ if self.has(|outcome| *outcome == Outcome::NotRun) => {
                (":|", "there were tasks that were not granted run permission by the scheduler")
            }
            _ if self.has(|outcome| *outcome == Outcome::MissingExternal) => {
                (":|", "there were missing external dependencies")
            }
            _ if self.has(|outcome| matches!(outcome, Outcome::Ran { failed_before: 1.. })) => {
                (":)", "there were failed tasks but they all succeeded in a retry")
            }
            _ => (":)", "there were no failed tasks or missing dependencies"),
        }
    }
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.outcomes.len();
        let tasks = if count == 1 { "task" } else { "tasks" };
        writeln!(f, "\n===== Execution Summary =====\n\nScheduled {count} {tasks} of which:")?;
        section(f, "", "complete ones were encountered", &self.of(|outcome| *outcome == Outcome::WasComplete))?;
        section(f, "", "ran successfully", &self.of(|outcome| matches!(outcome, Outcome::Ran { .. })))?;
        section(f, "", "failed", &self.of(|outcome| matches!(outcome, Outcome::Failed(_))))?;
        section(f, "", "failed scheduling", &self.of(|outcome| matches!(outcome, Outcome::CannotTell(_))))?;
        let left: [(&str, Outcome); 5] = [
            ("were missing external dependencies", Outcome::MissingExternal),
            ("had failed dependencies", Outcome::RequiresFailed),
            ("had missing dependencies", Outcome::RequiresMissing),
            ("had dependencies whose scheduling failed", Outcome::RequiresUnknown),
            ("were not granted run permission by the scheduler", Outcome::NotRun),
        ];
        let pending = self.of(|outcome| left.iter().any(|(_, kind)| kind == outcome)).len();
        if pending > 0 {
            writeln!(f, "* {pending} were left pending, among these:")?;
        }
        for (words, kind) in &left {
            section(f, "    ", words, &self.of(|outcome| outcome == kind))?;
        }
        let (face, why) = self.looks();
        writeln!(f, "\nThis progress looks {face} because {why}\n\n===== Execution Summary =====")
    }
}

fn section(f: &mut fmt::Formatter<'_>, indent: &str, words: &str, works: &[&dyn Work]) -> fmt::Result {
    if works.is_empty() {
        return Ok(());
    }
    writeln!(f, "{indent}* {} {words}:", works.len())?;
    let mut kinds: BTreeMap<&str, Group<'_>> = BTreeMap::new();
    works.iter().for_each(|work| kinds.entry(work.family()).or_default().push(*work));
    for (family, works) in kinds.iter().take(KINDS) {
        writeln!(f, "{indent}    - {} {}", works.len(), together(family, works))?;
    }
    if kinds.len() > KINDS { writeln!(f, "{indent}    ...") } else { Ok(()) }
}

/// Several tasks of one kind in one line.
fn together(family: &str, works: &[&dyn Work]) -> String {
    let first = Shown(works[0]).to_string();
    if first.len() > LONG {
        return format!("{family}(...)");
    }
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for work in works {
        let own = work.values();
        for known in significant(*work) {
            values.entry(known.name.clone()).or_default().insert(own.get(&known.name).unwrap_or_default().into());
        }
    }
    let differ: Vec<&String> = values.iter().filter(|(_, set)| set.len() > 1).map(|(name, _)| name).collect();
    match (differ.as_slice(), works) {
        ([], _) => first,
        ([name], _) if values.len() == 1 || range(&values[*name]).is_some() => {
            first.replacen(&own(works[0], name), &format!("{name}={}", listed(&values[*name])), 1)
        }
        (_, [one, other]) => format!("{} and {}", Shown(*one), Shown(*other)),
        _ => format!("{first} ..."),
    }
}

/// How a parameter of a task is shown.
fn own(work: &dyn Work, name: &str) -> String {
    format!("{name}={}", work.values().get(name).unwrap_or_default())
}

fn listed(values: &BTreeSet<String>) -> String {
    if let Some((first, last)) = range(values) {
        return format!("{first}...{last}");
    }
    let mut text = String::new();
    for (place, value) in values.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        if text.len() >= 30 && place > 2 {
            return text + comma + "...";
        }
        text += comma;
        text += value;
    }
    text
}

/// The first and last of more than three whole numbers without a gap.
fn range(values: &BTreeSet<String>) -> Option<(i64, i64)> {
    let numbers: BTreeSet<i64> = values.iter().map(|value| value.parse().ok()).collect::<Option<_>>()?;
    let (first, last) = (*numbers.first()?, *numbers.last()?);
    let without_gap = last.checked_sub(first)? == i64::try_from(numbers.len()).ok()? - 1;
    (without_gap && numbers.len() > 3).then_some((first, last))
}
