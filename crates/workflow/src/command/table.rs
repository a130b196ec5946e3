//! What stands in a `[task.NAME]`, as it is read.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::branches;
use super::parameter::Said;

/// One task.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) about: Option<String>,
    #[serde(default)]
    pub(super) params: BTreeMap<String, Spanned<Said>>,
    // What can have several forms has its place as a whole: the parser knows none within.
    pub(super) requires: Option<Spanned<Requires>>,
    pub(super) branches: Option<Spanned<branches::Said>>,
    pub(super) acceptance: Option<f64>,
    pub(super) tolerance: Option<f64>,
    pub(super) branches_at_once: Option<usize>,
    pub(super) output: Option<Spanned<Outputs>>,
    pub(super) run: Option<Spanned<Run>>,
    #[serde(default)]
    pub(super) external: bool,
    #[serde(default)]
    pub(super) priority: i64,
    #[serde(default)]
    pub(super) resources: BTreeMap<String, u64>,
    pub(super) retries: Option<u32>,
    pub(super) timeout: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "requires is the name of a task, a list of names, or a table: { name = \"Task\", other = { task = \"Task\", params = { n = 1 } } }"
)]
pub(super) enum Requires {
    One(String),
    Several(Vec<String>),
    Named(BTreeMap<String, Requirement>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "the name of a task, or { task = \"Task\", params = { n = 1 } }")]
pub(super) enum Requirement {
    Task(String),
    With(With),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct With {
    pub(super) task: String,
    #[serde(default)]
    pub(super) params: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "output is a place, or a table of names and places")]
pub(super) enum Outputs {
    One(String),
    Named(BTreeMap<String, String>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "run is a line for a shell, or a list: a program and its arguments")]
pub(super) enum Run {
    Shell(String),
    Program(Vec<String>),
}

impl Table {
    /// The tasks that it names, with the parameters that it sets, and where.
    pub(super) fn wanted(&self) -> Vec<(&str, Vec<&str>, Range<usize>)> {
        let mut tasks = Vec::new();
        if let Some(requires) = &self.requires {
            let wanted = requires.get_ref().tasks().into_iter();
            tasks.extend(wanted.map(|(task, parameters)| (task, parameters, requires.span())));
        }
        if let Some(said) = &self.branches {
            tasks.extend(said.get_ref().told_by().map(|task| (task, Vec::new(), said.span())));
        }
        tasks
    }
}

impl Requires {
    fn tasks(&self) -> Vec<(&str, Vec<&str>)> {
        match self {
            Self::One(task) => vec![(task, Vec::new())],
            Self::Several(tasks) => tasks.iter().map(|task| (task.as_str(), Vec::new())).collect(),
            Self::Named(named) => named.values().map(|one| (one.task(), one.parameters())).collect(),
        }
    }
}

impl Run {
    /// Whether a text stands in it.
    pub(super) fn has(&self, text: &str) -> bool {
        match self {
            Self::Shell(line) => line.contains(text),
            Self::Program(words) => words.iter().any(|word| word.contains(text)),
        }
    }
}

impl Requirement {
    pub(super) fn task(&self) -> &str {
        match self {
            Self::Task(task) => task,
            Self::With(with) => &with.task,
        }
    }

    fn parameters(&self) -> Vec<&str> {
        match self {
            Self::Task(_) => Vec::new(),
            Self::With(with) => with.params.keys().map(String::as_str).collect(),
        }
    }
}
