//! A task of a file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use law_target::{FileTarget, Target};

use super::file::Command;
use super::parameter::Typed;
use super::program;
use super::template::{Template, quoted};
use crate::context::Context;
use crate::output::NamedTarget;
use crate::parameter::{Parameter, Presence};
use crate::parameters::{Values, WrongValue};
use crate::registry::{Families, Family};
use crate::task::{Completion, Role};
use crate::work::Work;
use crate::{TaskId, TaskResult};

/// A task that another one requires.
pub(crate) struct Required {
    /// What its output is called in the command: `{inputs.NAME}`.
    pub(super) name: String,
    pub(super) task: String,
    /// Parameters that are not simply those in common.
    pub(super) own: Vec<(String, Template)>,
}

/// A `[task.NAME]`.
pub(crate) struct CommandFamily {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) directory: PathBuf,
    pub(super) parameters: Vec<Typed>,
    pub(super) requires: Vec<Required>,
    pub(super) outputs: Vec<(String, Template)>,
    /// None for what is external, and for wrappers.
    pub(super) run: Option<Command>,
    pub(super) priority: i64,
    pub(super) resources: BTreeMap<String, u64>,
    pub(super) retries: Option<u32>,
    pub(super) timeout: Option<Duration>,
    /// All tasks, once they are known.
    pub(super) known: Arc<OnceLock<Families>>,
}

/// The one that holds what all tasks of a kind share.
struct Shared(Arc<CommandFamily>);

/// A task with its values.
struct CommandTask {
    family: Arc<CommandFamily>,
    values: Values,
}

impl CommandFamily {
    /// As those who make tasks of it see it.
    pub(super) fn shared(self) -> impl Family {
        Shared(Arc::new(self))
    }
}

impl Family for Shared {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn about(&self) -> &str {
        &self.0.about
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.0.parameters.iter().map(|typed| typed.parameter.clone()).collect()
    }

    fn make(&self, values: &Values) -> Result<Arc<dyn Work>, WrongValue> {
        let mut own = Values::new();
        for typed in &self.0.parameters {
            let name = &typed.parameter.name;
            let text = match (values.get(name), &typed.parameter.presence) {
                (Some(text), _) => text,
                (None, Presence::Default(text)) => text,
                (None, Presence::Required) => return Err(WrongValue::missing(&typed.parameter)),
            };
            let normal = (typed.normal)(text).ok_or_else(|| WrongValue::wrong(&typed.parameter, text))?;
            if typed.parameter.choices.as_ref().is_some_and(|choices| !choices.contains(&normal)) {
                return Err(WrongValue::wrong(&typed.parameter, text));
            }
            own = own.with(name, normal);
        }
        Ok(Arc::new(CommandTask { family: self.0.clone(), values: own }))
    }
}

impl CommandTask {
    fn filled(&self, template: &Template) -> TaskResult<String> {
        template.fill(|name| self.values.get(name).map(Into::into)).map_err(|wrong| anyhow::anyhow!("{wrong}"))
    }

    /// The files it writes, by their names.
    fn files(&self) -> TaskResult<Vec<(String, FileTarget)>> {
        let file = |(name, template): &(String, Template)| {
            let place = self.filled(template)?;
            let is_local = !place.contains(':') && !place.starts_with('/');
            let place = if is_local { self.family.directory.join(place).into_os_string() } else { place.into() };
            Ok((name.clone(), FileTarget::at(place)?))
        };
        self.family.outputs.iter().map(file).collect()
    }

    fn required(&self, required: &Required) -> TaskResult<Arc<dyn Work>> {
        let known = self.family.known.get().and_then(|known| known.get(&required.task));
        let family = known.ok_or_else(|| anyhow::anyhow!("there is no task {}", required.task))?;
        let mut values = Values::new();
        for parameter in family.parameters() {
            if let Some(text) = self.values.get(&parameter.name) {
                values = values.with(&parameter.name, text);
            }
        }
        for (name, template) in &required.own {
            values = values.with(name, self.filled(template)?);
        }
        let context = || format!("{} is required by {}", required.task, self.family.name);
        family.make(&values).map_err(|wrong| anyhow::Error::new(wrong).context(context()))
    }
}

impl Work for CommandTask {
    fn family(&self) -> &str {
        &self.family.name
    }

    fn id(&self) -> TaskId {
        let significant = self.family.parameters.iter().map(|typed| &typed.parameter).filter(|known| known.significant);
        let values = significant.filter_map(|known| Some((known.name.as_str(), self.values.get(&known.name)?)));
        TaskId::new(&self.family.name, values)
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.family.parameters.iter().map(|typed| typed.parameter.clone()).collect()
    }

    fn values(&self) -> Values {
        self.values.clone()
    }

    fn role(&self) -> Role {
        match (&self.family.run, self.family.outputs.is_empty()) {
            (Some(_), _) => Role::Runs,
            (None, false) => Role::External,
            (None, true) => Role::Wrapper,
        }
    }

    fn requires(&self) -> TaskResult<Vec<Arc<dyn Work>>> {
        self.family.requires.iter().map(|required| self.required(required)).collect()
    }

    fn targets(&self) -> TaskResult<Vec<NamedTarget>> {
        let named = |(name, file): (String, FileTarget)| NamedTarget { name, target: Arc::new(file) };
        Ok(self.files()?.into_iter().map(named).collect())
    }

    fn completion(&self) -> TaskResult<Completion> {
        Ok(Completion::Outputs)
    }

    fn run(&self, context: &Context) -> TaskResult {
        let Some(command) = &self.family.run else { anyhow::bail!("it has no run") };
        // What is held here stays until the program has ended.
        let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut inputs = Vec::new();
        for required in &self.family.requires {
            for named in self.required(required)?.targets()? {
                let input = localized(&*named.target)?;
                paths.entry(format!("inputs.{}", required.name)).or_default().push(input.path().display().to_string());
                inputs.push(input);
            }
        }
        let mut outputs = Vec::new();
        for (name, file) in self.files()? {
            let output = file.localize_write()?;
            let name = if name.is_empty() { "output".into() } else { format!("output.{name}") };
            paths.entry(name).or_default().push(output.path().display().to_string());
            outputs.push((file, output));
        }
        alone(&mut paths);
        program::run(&self.arguments(command, &paths)?, &self.family.directory, context)?;
        // All or nothing, as far as that can be known before: none is published where one is missing.
        for (file, output) in &outputs {
            anyhow::ensure!(output.path().exists(), "it ended with 0, but did not write {file}; nothing was published");
        }
        for (_, output) in outputs {
            output.commit()?;
        }
        drop(inputs);
        Ok(())
    }

    fn priority(&self) -> i64 {
        self.family.priority
    }

    fn resources(&self) -> BTreeMap<String, u64> {
        self.family.resources.clone()
    }

    fn retries(&self) -> Option<u32> {
        self.family.retries
    }

    fn timeout(&self) -> Option<Duration> {
        self.family.timeout
    }
}

impl CommandTask {
    /// The words of the command line.
    fn arguments(&self, command: &Command, paths: &BTreeMap<String, Vec<String>>) -> TaskResult<Vec<String>> {
        let value = |name: &str| match paths.get(name) {
            Some(paths) => Some(paths.clone()),
            None => self.values.get(name).map(|text| vec![text.into()]),
        };
        let wrong = |wrong| anyhow::anyhow!("{wrong}");
        match command {
            Command::Shell(template) => {
                let words = |name: &str| {
                    value(name).map(|words| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "))
                };
                Ok(vec!["sh".into(), "-c".into(), template.fill(words).map_err(wrong)?])
            }
            Command::Program(words) => {
                let word = |template: &Template| template.fill(|name| value(name).map(|words| words.join(" ")));
                words.iter().map(|template| word(template).map_err(wrong)).collect()
            }
        }
    }
}

/// `{input}` and `{output}`, where there is one of a kind.
fn alone(paths: &mut BTreeMap<String, Vec<String>>) {
    for (kind, prefix) in [("input", "inputs."), ("output", "output.")] {
        let of_kind: Vec<Vec<String>> =
            paths.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, paths)| paths.clone()).collect();
        if let [only] = of_kind.as_slice() {
            paths.entry(kind.into()).or_insert_with(|| only.clone());
        }
    }
}

/// A local file with what a target has.
fn localized(target: &dyn Target) -> TaskResult<law_target::LocalizedRead> {
    let place = target
        .listed()
        .ok_or_else(|| anyhow::anyhow!("{target} is not a file: only files can be inputs of a command"))?;
    Ok(FileTarget::new(place.clone()).localize_read()?)
}
