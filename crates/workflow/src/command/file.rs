//! What the tables of a file of tasks mean: what is wrong is told with its line and column.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use law_task::{Families, Value as _, most_similar};
use toml::Spanned;

use super::branches::{self, From, LOCAL, Source, Wanted};
use super::family::{Branching, CommandFamily, role};
use super::parameter::{Said, Typed};
use super::reading::WrongFile;
use super::table::{Outputs, Requirement, Requires, Run, Table};
use super::task::Required;
use super::template::{Template, WrongTemplate};
use crate::branched::Treatment;
use crate::selection::{Goal, parameters as parameters_of_workflows};

/// How a command is started.
#[derive(Clone)]
pub(super) enum Command {
    /// By a shell, each value as one word.
    Shell(Template),
    /// As it is.
    Program(Vec<Template>),
}

impl Command {
    /// The names in it.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        match self {
            Self::Shell(template) => template.names(),
            Self::Program(words) => words.iter().flat_map(Template::names).collect(),
        }
    }
}

/// What can stand in the texts of a task.
#[derive(Clone, Default)]
struct Known {
    names: Vec<String>,
    /// And whatever begins like this.
    open: Vec<String>,
}

impl Known {
    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name) || self.open.iter().any(|begin| name.starts_with(begin))
    }
}

/// A file of tasks, and what it says.
pub(super) struct Reader<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl Reader<'_> {
    /// # Errors
    /// What is no TOML, and what has another form.
    pub(super) fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, WrongFile> {
        toml::from_str(self.text).map_err(|error| self.wrong(error.span().unwrap_or(0..0), error.message()))
    }

    /// What is wrong at a place of the file.
    pub(super) fn wrong(&self, span: Range<usize>, message: &str) -> WrongFile {
        let before = self.text.get(..span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        WrongFile(format!("{}:{line}:{column}: {}", self.path.display(), message.trim_end()))
    }

    /// # Errors
    /// What cannot be, with its place.
    pub(super) fn family(
        &self,
        name: &Spanned<String>,
        table: &Table,
        known: &Arc<OnceLock<Families>>,
    ) -> Result<CommandFamily, WrongFile> {
        let parameters =
            table.params.iter().map(|(name, said)| self.parameter(name, said)).collect::<Result<Vec<_>, _>>()?;
        let (branches, known_names) = self.branches(table, &parameters)?;
        let requires = self.requires(table, &known_names)?;
        let outputs = self.outputs(table, &known_names)?;
        let run = self.run(name, table, (known_names, &requires, &outputs))?;
        let timeout = table.timeout.as_ref().map(|text| self.timeout(text)).transpose()?;
        let treatment = Treatment {
            role: role(table.external, run.is_some()),
            priority: table.priority,
            resources: table.resources.clone(),
            retries: table.retries,
            timeout,
        };
        Ok(CommandFamily {
            name: name.get_ref().clone(),
            about: table.about.clone().unwrap_or_default(),
            directory: self.path.parent().map(PathBuf::from).unwrap_or_default(),
            known: known.clone(),
            parameters,
            requires,
            outputs,
            run,
            treatment,
            branches,
        })
    }

    /// What is probably not meant: a parameter that changes what the command does, and not where it writes.
    pub(super) fn doubt(&self, name: &Spanned<String>, family: &CommandFamily) -> Option<String> {
        let command = family.run.as_ref().filter(|_| !family.outputs.is_empty())?;
        let (used, places) = (command.names(), family.outputs.iter().flat_map(|(_, place)| place.names()));
        let places: BTreeSet<&str> = places.collect();
        let mut parameters = family.parameters.iter().map(|typed| &typed.parameter).filter(|known| known.significant);
        let missing = parameters.find(|known| used.contains(&*known.name) && !places.contains(&*known.name))?;
        let (task, parameter) = (name.get_ref(), &missing.name);
        let message = format!(
            "{task} uses {{{parameter}}} and writes to one place for all values of it: what is there is complete for any of them"
        );
        Some(self.wrong(name.span(), &message).to_string())
    }

    /// What makes a task a workflow, and the names that its texts can have.
    fn branches(&self, table: &Table, parameters: &[Typed]) -> Result<(Option<Branching>, Known), WrongFile> {
        let mut known = Known { names: names(parameters), open: Vec::new() };
        let Some(said) = &table.branches else { return Ok((None, known)) };
        let refuse = |message: String| self.wrong(said.span(), &message);
        let of_all = parameters_of_workflows(Goal::default());
        if let Some(taken) = of_all.iter().find(|of_all| known.has(&of_all.name)) {
            return Err(refuse(format!(
                "a task with branches has a parameter {} of its own: rename the other",
                taken.name
            )));
        }
        let (wanted, chunk) = said.get_ref().wanted().map_err(refuse)?;
        let of_branches = wanted.names();
        let text = |text: &str| self.template(said.span(), text, &known);
        let from = match wanted {
            Wanted::Things(things) => From::Things(things),
            Wanted::Glob(pattern) => From::Glob(text(&pattern)?),
            Wanted::Text(format, place) => From::Text(format, branches::File::At(text(&place)?)),
            Wanted::TextOf(format, task) => From::Text(format, branches::File::OutputOf(plain(&task))),
        };
        known.names.push("branch".into());
        match of_branches {
            Some(names) => known.names.extend(names),
            None => known.open.push("branch_data".into()),
        }
        let default = Goal::default();
        let acceptance = table.acceptance.unwrap_or(default.acceptance);
        let goal = Goal { acceptance, tolerance: table.tolerance };
        Ok((Some(Branching { source: Source { from, chunk }, goal, at_once: table.branches_at_once }), known))
    }

    fn parameter(&self, name: &str, said: &Spanned<Said>) -> Result<Typed, WrongFile> {
        said.get_ref().typed(name).map_err(|message| self.wrong(said.span(), &message))
    }

    fn timeout(&self, text: &Spanned<String>) -> Result<Duration, WrongFile> {
        let refuse = || self.wrong(text.span(), &format!("{:?} is not a duration, such as 1h30m", text.get_ref()));
        Duration::parse(text.get_ref()).ok_or_else(refuse)
    }

    /// A text in which only these names stand.
    fn template(&self, span: Range<usize>, text: &str, known: &Known) -> Result<Template, WrongFile> {
        let refuse = |wrong: WrongTemplate| self.wrong(span.clone(), &wrong.0);
        let template = Template::parse(text).map_err(refuse)?;
        if let Some(other) = template.names().into_iter().find(|name| !known.has(name)) {
            let similar = most_similar(other, known.names.iter().map(String::as_str));
            let braces = || "; {{ and }} are braces that stand for themselves".to_owned();
            let hint = similar.map_or_else(braces, |name| format!(": did you mean {{{name}}}?"));
            return Err(self.wrong(span, &format!("{{{other}}} is not known here{hint}")));
        }
        Ok(template)
    }

    fn outputs(&self, table: &Table, known: &Known) -> Result<Vec<(String, Template)>, WrongFile> {
        let Some(outputs) = &table.output else { return Ok(Vec::new()) };
        let template = |name: &str, text: &str| {
            let template = self.template(outputs.span(), text, known)?;
            if text.starts_with(['~', '$']) {
                let message = format!("{text:?} is taken as it is: nobody expands ~ and $ in places");
                return Err(self.wrong(outputs.span(), &message));
            }
            match template.names().contains(LOCAL) {
                true => Err(self.wrong(
                    outputs.span(),
                    &format!("{{{LOCAL}}} is a path on this machine: it is no place for an output"),
                )),
                false => Ok((name.into(), template)),
            }
        };
        match outputs.get_ref() {
            Outputs::One(text) => Ok(vec![template("", text)?]),
            Outputs::Named(named) => named.iter().map(|(name, text)| template(name, text)).collect(),
        }
    }

    fn requires(&self, table: &Table, known: &Known) -> Result<Vec<Required>, WrongFile> {
        let Some(requires) = &table.requires else { return Ok(Vec::new()) };
        match requires.get_ref() {
            Requires::One(task) => Ok(vec![plain(task)]),
            Requires::Several(tasks) => Ok(tasks.iter().map(|task| plain(task)).collect()),
            Requires::Named(named) => {
                let one = |(name, required): (&String, _)| self.required(requires.span(), name, required, known);
                named.iter().map(one).collect()
            }
        }
    }

    fn required(
        &self,
        span: Range<usize>,
        name: &str,
        required: &Requirement,
        known: &Known,
    ) -> Result<Required, WrongFile> {
        let own = match required {
            Requirement::Task(_) => Vec::new(),
            Requirement::With(with) => with.params.iter().collect(),
        };
        let own = own.into_iter().map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), Into::into);
            Ok((name.clone(), self.template(span.clone(), &text, known)?))
        });
        Ok(Required { name: name.into(), task: required.task().into(), own: own.collect::<Result<_, _>>()? })
    }

    fn run(
        &self,
        name: &Spanned<String>,
        table: &Table,
        (mut known, requires, outputs): (Known, &[Required], &[(String, Template)]),
    ) -> Result<Option<Command>, WrongFile> {
        let names = &mut known.names;
        names.extend(requires.iter().map(|required| format!("inputs.{}", required.name)));
        names.extend(outputs.iter().filter(|(name, _)| !name.is_empty()).map(|(name, _)| format!("output.{name}")));
        names.extend((requires.len() == 1).then(|| "input".into()));
        names.extend((outputs.len() == 1).then(|| "output".into()));
        // What the required task calls its outputs is known when all tasks are.
        known.open.extend(requires.iter().map(|required| format!("inputs.{}.", required.name)));
        let several = |span| self.wrong(span, "several tasks are required: {inputs.NAME} is what one of them wrote");
        if let Some(run) = table.run.as_ref().filter(|run| requires.len() > 1 && run.get_ref().has("{input}")) {
            return Err(several(run.span()));
        }
        let Some(run) = &table.run else {
            return self.without_run(name, table, !outputs.is_empty(), !requires.is_empty());
        };
        if table.external {
            return Err(self.wrong(name.span(), "what is external has no run: somebody else makes it"));
        }
        let template = |text: &String| self.template(run.span(), text, &known);
        let command = match run.get_ref() {
            Run::Shell(text) => Command::Shell(template(text)?),
            Run::Program(words) => Command::Program(words.iter().map(template).collect::<Result<_, _>>()?),
        };
        self.check_command(&command, run.span(), outputs)?;
        Ok(Some(command))
    }

    /// Every output is written where the command is told to, and no value stands where a shell would look into it.
    fn check_command(
        &self,
        command: &Command,
        span: Range<usize>,
        outputs: &[(String, Template)],
    ) -> Result<(), WrongFile> {
        if let Command::Shell(template) = command
            && let Some(name) = template.quoted_name()
        {
            let message = format!("leave out the quotes around {{{name}}}: each value is one word, whatever is in it");
            return Err(self.wrong(span, &message));
        }
        let names = command.names();
        let is_written = |name: &str| {
            let long = if name.is_empty() { "output".to_owned() } else { format!("output.{name}") };
            names.contains(long.as_str()) || (outputs.len() == 1 && names.contains("output"))
        };
        match outputs.iter().find(|(name, _)| !is_written(name)) {
            None => Ok(()),
            Some((name, _)) => {
                let name = if name.is_empty() { "{output}".to_owned() } else { format!("{{output.{name}}}") };
                let message = format!("run has no {name}: it is the path to write to, and is published from there");
                Err(self.wrong(span, &message))
            }
        }
    }

    /// What is external says what it writes, and a wrapper what it requires.
    fn without_run(
        &self,
        name: &Spanned<String>,
        table: &Table,
        writes: bool,
        requires: bool,
    ) -> Result<Option<Command>, WrongFile> {
        if (table.external && writes) || (!table.external && !writes && requires) {
            return Ok(None);
        }
        let name_of = name.get_ref();
        Err(self.wrong(name.span(), &format!("{name_of} has no run: say how it is made, or external = true")))
    }
}

/// A task by its name alone.
fn plain(task: &str) -> Required {
    Required { name: task.into(), task: task.into(), own: Vec::new() }
}

fn names(parameters: &[Typed]) -> Vec<String> {
    parameters.iter().map(|typed| typed.parameter.name.clone()).collect()
}
