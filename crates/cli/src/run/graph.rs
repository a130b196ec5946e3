//! `law graph NAME`: what a task requires, as a drawing for Mermaid or Graphviz.

use std::collections::HashMap;
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use law_task::{TaskId, TaskResult, Work};

use super::finder::Found;
use super::{Refused, finish, made};
use crate::output::Out;

/// Draw what a task requires, as text for Mermaid or Graphviz.
///
/// The name of a task, then its parameters as options, as behind `law run`. Arrows go the way of the data. Of a workflow the first branch shows what branches require.
#[derive(Args)]
pub(crate) struct Graph {
    /// For Graphviz: law graph --dot NAME | dot -Tsvg.
    #[arg(long, conflicts_with = "mermaid")]
    dot: bool,

    /// For Mermaid, as forges and notebooks show it: what is printed where nothing is said.
    #[arg(long)]
    mermaid: bool,

    /// The name of a task, and its parameters.
    #[arg(value_name = "TASK [OPTIONS]", trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    words: Vec<OsString>,
}

/// Tasks, each once, and which of them need which.
#[derive(Default)]
struct Drawing {
    labels: Vec<Vec<String>>,
    places: HashMap<TaskId, usize>,
    /// Who is needed by whom.
    arrows: Vec<(usize, usize)>,
}

impl Graph {
    pub(crate) fn run(self) -> ExitCode {
        finish(self.print(), "law graph")
    }

    fn print(mut self) -> Result<u8, Refused> {
        // Behind the name they are words of the task.
        let mut taken = |option: &str| {
            let before = self.words.len();
            self.words.retain(|word| word != option);
            self.words.len() < before
        };
        let (dot, _) = (taken("--dot") || self.dot, taken("--mermaid"));
        let found = Found::here()?;
        let (task, _) = made(&self.words, &found)?;
        let drawing = Drawing::of(task)?;
        let mut out = Out::new();
        let lines = if dot { drawing.dot() } else { drawing.mermaid() };
        lines.into_iter().try_for_each(|line| out.line(line))?;
        out.flush()?;
        Ok(0)
    }
}

impl Drawing {
    fn of(task: Arc<dyn Work>) -> TaskResult<Self> {
        let mut drawing = Self::default();
        let mut waiting = vec![(task, None)];
        while let Some((work, needed_by)) = waiting.pop() {
            let (place, is_new) = drawing.place(&*work);
            drawing.arrows.extend(needed_by.map(|other| (place, other)));
            if is_new {
                let required = [work.requires()?, work.inner_requires()?].concat();
                waiting.extend(required.into_iter().rev().map(|required| (required, Some(place))));
            }
        }
        Ok(drawing)
    }

    fn place(&mut self, work: &dyn Work) -> (usize, bool) {
        let id = work.id();
        if let Some(place) = self.places.get(&id) {
            return (*place, false);
        }
        let (place, values) = (self.labels.len(), work.values());
        let parameters = work.parameters().into_iter().filter(|known| known.significant);
        let parameters =
            parameters.map(|known| format!("{}={}", known.name, values.get(&known.name).unwrap_or_default()));
        self.labels.push([work.family().to_owned()].into_iter().chain(parameters).collect());
        self.places.insert(id, place);
        (place, true)
    }

    /// <https://mermaid.js.org/syntax/flowchart.html>
    fn mermaid(&self) -> Vec<String> {
        let escaped = |text: &String| text.replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;");
        let node = |(place, label): (usize, &Vec<String>)| {
            format!("    t{place}[\"{}\"]", label.iter().map(escaped).collect::<Vec<_>>().join("<br>"))
        };
        let arrow = |(from, to): &(usize, usize)| format!("    t{from} --> t{to}");
        let nodes = self.labels.iter().enumerate().map(node);
        ["flowchart LR".to_owned()].into_iter().chain(nodes).chain(self.arrows.iter().map(arrow)).collect()
    }

    /// <https://graphviz.org/doc/info/lang.html>
    fn dot(&self) -> Vec<String> {
        let escaped = |text: &String| text.replace('\\', "\\\\").replace('"', "\\\"");
        let node = |(place, label): (usize, &Vec<String>)| {
            format!("    t{place} [label=\"{}\"];", label.iter().map(escaped).collect::<Vec<_>>().join("\\n"))
        };
        let arrow = |(from, to): &(usize, usize)| format!("    t{from} -> t{to};");
        let nodes = self.labels.iter().enumerate().map(node);
        let begin = ["digraph tasks {", "    rankdir=LR;", "    node [shape=box];"].map(str::to_owned);
        begin.into_iter().chain(nodes).chain(self.arrows.iter().map(arrow)).chain(["}".to_owned()]).collect()
    }
}
