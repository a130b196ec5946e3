//! Reading a `tasks.toml`: what is wrong is told with its line and column.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::parameter::{Said, Typed};
use super::task::{CommandFamily, Required};
use super::template::{Template, WrongTemplate};
use crate::registry::{Families, most_similar};
use crate::value::Value as _;

/// Why a file of tasks cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongFile(String);

impl fmt::Display for WrongFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongFile {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    task: BTreeMap<Spanned<String>, Table>,
}

/// One task.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    about: Option<String>,
    #[serde(default)]
    params: BTreeMap<String, Spanned<Said>>,
    // What can have several forms has its place as a whole: the parser knows none within.
    requires: Option<Spanned<Requires>>,
    output: Option<Spanned<Outputs>>,
    run: Option<Spanned<Run>>,
    #[serde(default)]
    external: bool,
    #[serde(default)]
    priority: i64,
    #[serde(default)]
    resources: BTreeMap<String, u64>,
    retries: Option<u32>,
    timeout: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Requires {
    One(String),
    Several(Vec<String>),
    Named(BTreeMap<String, Requirement>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Requirement {
    Task(String),
    With(With),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    task: String,
    #[serde(default)]
    params: BTreeMap<String, toml::Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Outputs {
    One(String),
    Named(BTreeMap<String, String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Run {
    Shell(String),
    Program(Vec<String>),
}

/// How a command is started.
#[derive(Clone)]
pub(super) enum Command {
    /// By a shell, each value as one word.
    Shell(Template),
    /// As it is.
    Program(Vec<Template>),
}

/// Adds the tasks of a file to those that are known, and checks that they fit together. Paths of outputs are relative to the directory of the file.
///
/// # Errors
/// A file that cannot be read, what is no TOML, names that are not known, values that are none: each with line and column.
pub fn read(path: &Path, families: &mut Families) -> Result<(), WrongFile> {
    let text = std::fs::read_to_string(path).map_err(|error| WrongFile(format!("{}: {error}", path.display())))?;
    let reader = Reader { path, text: &text };
    let file: File =
        toml::from_str(&text).map_err(|error| reader.wrong(error.span().unwrap_or(0..0), error.message()))?;
    let known: Arc<OnceLock<Families>> = Arc::default();
    for (name, table) in &file.task {
        let family = reader.family(name, table, &known)?;
        families.add(Arc::new(family.shared())).map_err(|error| reader.wrong(name.span(), &error.to_string()))?;
    }
    file.task.iter().try_for_each(|(_, table)| reader.check_requires(table, families))?;
    // Each file is read once.
    let _ = known.set(families.clone());
    Ok(())
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    /// What is wrong at a place of the file.
    fn wrong(&self, span: Range<usize>, message: &str) -> WrongFile {
        let before = self.text.get(..span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        WrongFile(format!("{}:{line}:{column}: {}", self.path.display(), message.trim_end()))
    }

    fn family(
        &self,
        name: &Spanned<String>,
        table: &Table,
        known: &Arc<OnceLock<Families>>,
    ) -> Result<CommandFamily, WrongFile> {
        let parameters =
            table.params.iter().map(|(name, said)| self.parameter(name, said)).collect::<Result<Vec<_>, _>>()?;
        let requires = self.requires(table, &parameters)?;
        let outputs = self.outputs(table, &parameters)?;
        let run = self.run(name, table, (&parameters, &requires, &outputs))?;
        let timeout = table.timeout.as_ref().map(|text| self.timeout(text)).transpose()?;
        Ok(CommandFamily {
            name: name.get_ref().clone(),
            about: table.about.clone().unwrap_or_default(),
            directory: self.path.parent().map(PathBuf::from).unwrap_or_default(),
            known: known.clone(),
            priority: table.priority,
            resources: table.resources.clone(),
            retries: table.retries,
            parameters,
            requires,
            outputs,
            run,
            timeout,
        })
    }

    fn parameter(&self, name: &str, said: &Spanned<Said>) -> Result<Typed, WrongFile> {
        said.get_ref().typed(name).map_err(|message| self.wrong(said.span(), &message))
    }

    fn timeout(&self, text: &Spanned<String>) -> Result<Duration, WrongFile> {
        let refuse = || self.wrong(text.span(), &format!("{:?} is not a duration, such as 1h30m", text.get_ref()));
        Duration::parse(text.get_ref()).ok_or_else(refuse)
    }

    /// A text in which only these names stand.
    fn template(&self, span: Range<usize>, text: &str, known: &[String]) -> Result<Template, WrongFile> {
        let refuse = |wrong: WrongTemplate| self.wrong(span.clone(), &wrong.0);
        let template = Template::parse(text).map_err(refuse)?;
        if let Some(other) = template.names().into_iter().find(|name| !known.iter().any(|known| known == name)) {
            let similar = most_similar(other, known.iter().map(String::as_str));
            let hint = similar.map(|name| format!(": did you mean {{{name}}}?")).unwrap_or_default();
            return Err(self.wrong(span, &format!("{{{other}}} is not known here{hint}")));
        }
        Ok(template)
    }

    fn outputs(&self, table: &Table, parameters: &[Typed]) -> Result<Vec<(String, Template)>, WrongFile> {
        let Some(outputs) = &table.output else { return Ok(Vec::new()) };
        let known = names(parameters);
        let template = |name: &str, text: &str| Ok((name.into(), self.template(outputs.span(), text, &known)?));
        match outputs.get_ref() {
            Outputs::One(text) => Ok(vec![template("", text)?]),
            Outputs::Named(named) => named.iter().map(|(name, text)| template(name, text)).collect(),
        }
    }

    fn requires(&self, table: &Table, parameters: &[Typed]) -> Result<Vec<Required>, WrongFile> {
        let Some(requires) = &table.requires else { return Ok(Vec::new()) };
        let plain = |task: &String| Required { name: task.clone(), task: task.clone(), own: Vec::new() };
        match requires.get_ref() {
            Requires::One(task) => Ok(vec![plain(task)]),
            Requires::Several(tasks) => Ok(tasks.iter().map(plain).collect()),
            Requires::Named(named) => {
                let known = names(parameters);
                let one = |(name, required): (&String, _)| self.required(requires.span(), name, required, &known);
                named.iter().map(one).collect()
            }
        }
    }

    fn required(
        &self,
        span: Range<usize>,
        name: &str,
        required: &Requirement,
        known: &[String],
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

    fn check_requires(&self, table: &Table, families: &Families) -> Result<(), WrongFile> {
        let Some(requires) = &table.requires else { return Ok(()) };
        let tasks: Vec<&str> = match requires.get_ref() {
            Requires::One(task) => vec![task],
            Requires::Several(tasks) => tasks.iter().map(String::as_str).collect(),
            Requires::Named(named) => named.values().map(Requirement::task).collect(),
        };
        let Some(task) = tasks.into_iter().find(|task| families.get(task).is_none()) else { return Ok(()) };
        let hint = families.similar(task).map(|name| format!(": did you mean {name}?")).unwrap_or_default();
        Err(self.wrong(requires.span(), &format!("there is no task {task}{hint}")))
    }

    fn run(
        &self,
        name: &Spanned<String>,
        table: &Table,
        (parameters, requires, outputs): (&[Typed], &[Required], &[(String, Template)]),
    ) -> Result<Option<Command>, WrongFile> {
        let mut known = names(parameters);
        known.extend(requires.iter().map(|required| format!("inputs.{}", required.name)));
        known.extend(outputs.iter().filter(|(name, _)| !name.is_empty()).map(|(name, _)| format!("output.{name}")));
        known.extend((requires.len() == 1).then(|| "input".into()));
        known.extend((outputs.len() == 1).then(|| "output".into()));
        let Some(run) = &table.run else {
            return self.without_run(name, table, !outputs.is_empty(), !requires.is_empty());
        };
        if table.external {
            return Err(self.wrong(name.span(), "what is external has no run: somebody else makes it"));
        }
        let template = |text: &String| self.template(run.span(), text, &known);
        match run.get_ref() {
            Run::Shell(text) => Ok(Some(Command::Shell(template(text)?))),
            Run::Program(words) => Ok(Some(Command::Program(words.iter().map(template).collect::<Result<_, _>>()?))),
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

impl Requirement {
    fn task(&self) -> &str {
        match self {
            Self::Task(task) => task,
            Self::With(with) => &with.task,
        }
    }
}

fn names(parameters: &[Typed]) -> Vec<String> {
    parameters.iter().map(|typed| typed.parameter.name.clone()).collect()
}
