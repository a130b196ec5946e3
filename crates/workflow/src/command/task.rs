//! A task of a file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use law_storage::ErrorKind;
use law_target::{FileTarget, Target, runtime};
use law_task::{Completion, Context, NamedTarget, Parameter, Role, TaskId, TaskResult, Value as _, Values, Work};

use super::branches::{Data, File, LOCAL};
use super::family::CommandFamily;
use super::file::Command;
use super::parameter::Typed;
use super::program;
use super::template::Template;

/// A task that another one requires.
pub(crate) struct Required {
    /// What its output is called in the command: `{inputs.NAME}`.
    pub(super) name: String,
    pub(super) task: String,
    /// Parameters that are not simply those in common.
    pub(super) own: Vec<(String, Template)>,
}

/// A task with its values, or a branch with its number among them.
pub(crate) struct CommandTask {
    family: Arc<CommandFamily>,
    values: Values,
    /// What the branch works on.
    data: Data,
}

impl CommandTask {
    pub(super) fn new(family: Arc<CommandFamily>, values: Values) -> Self {
        Self { family, values, data: Data::default() }
    }

    pub(super) fn branch(family: Arc<CommandFamily>, values: Values, data: Data) -> Self {
        Self { family, values, data }
    }

    /// What a name stands for before anything runs.
    fn words(&self, name: &str) -> Option<Vec<String>> {
        let value = self.values.get(name).map(|text| vec![text.into()]);
        value.or_else(|| self.data.get(name).cloned())
    }

    /// The elements of a list, which are words of a command.
    fn elements(&self, name: &str) -> Option<Vec<String>> {
        let is_it = |typed: &&Typed| typed.parameter.name == name && typed.is_list;
        self.family.parameters.iter().find(is_it)?;
        Vec::parse(self.values.get(name)?)
    }

    fn filled(&self, template: &Template) -> TaskResult<String> {
        let words = |name: &str| self.words(name).map(|words| words.join(" "));
        template.fill(words).map_err(|wrong| anyhow::anyhow!("{wrong}"))
    }

    /// A place; where it is relative, from the directory of the file.
    ///
    /// # Errors
    /// A name that is not known.
    pub(super) fn place(&self, template: &Template) -> TaskResult<OsString> {
        Ok(below(&self.family.directory, &self.filled(template)?))
    }

    /// The files it writes, by their names.
    fn files(&self) -> TaskResult<Vec<(String, FileTarget)>> {
        let file = |(name, template): &(String, Template)| Ok((name.clone(), FileTarget::at(self.place(template)?)?));
        self.family.outputs.iter().map(file).collect()
    }

    /// The file that tells which branches there are.
    ///
    /// # Errors
    /// A task that does not write one file.
    pub(super) fn told_by(&self, file: &File) -> TaskResult<FileTarget> {
        let required = match file {
            File::At(template) => return Ok(FileTarget::at(self.place(template)?)?),
            File::OutputOf(required) => required,
        };
        let targets = self.required(required)?.targets()?;
        let places: Vec<_> = targets.iter().flat_map(|named| named.target.places()).collect();
        match places.as_slice() {
            [(_, only)] => Ok(FileTarget::new((*only).clone())),
            _ => anyhow::bail!("{} writes {} files, and one is to tell the branches", required.task, places.len()),
        }
    }

    /// A task that this one requires.
    ///
    /// # Errors
    /// A value that it cannot have, or that is missing.
    pub(super) fn required(&self, required: &Required) -> TaskResult<Arc<dyn Work>> {
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
        TaskId::of(self)
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.family.own_parameters()
    }

    fn values(&self) -> Values {
        self.values.clone()
    }

    fn role(&self) -> Role {
        self.family.treatment.role
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
            paths.entry(format!("inputs.{}", required.name)).or_default();
            for named in self.required(required)?.targets()? {
                for (inner, input) in localized(&named.target)? {
                    let inner = if named.name.is_empty() { inner } else { named.name.clone() };
                    let path = input.path().display().to_string();
                    paths.entry(format!("inputs.{}.{inner}", required.name)).or_default().push(path.clone());
                    paths.entry(format!("inputs.{}", required.name)).or_default().push(path);
                    inputs.push(input);
                }
            }
        }
        if command.names().contains(LOCAL) {
            for local in self.data.localized(&self.family.directory)? {
                paths.entry(LOCAL.into()).or_default().push(local.path().display().to_string());
                inputs.push(local);
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
        let log = context.state().map(|state| state.join("logs").join(self.log_name()));
        program::run(&self.arguments(command, &paths)?, &self.family.directory, (context, log.as_deref()))?;
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
        self.family.treatment.priority
    }

    fn resources(&self) -> BTreeMap<String, u64> {
        self.family.treatment.resources.clone()
    }

    fn retries(&self) -> Option<u32> {
        self.family.treatment.retries
    }

    fn timeout(&self) -> Option<Duration> {
        self.family.treatment.timeout
    }
}

impl CommandTask {
    /// Projects have tasks of one name: the directory tells them apart.
    fn log_name(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.family.directory.hash(&mut hasher);
        format!("{}_{:08x}.log", self.id(), hasher.finish() as u32)
    }

    /// The words of the command line.
    fn arguments(&self, command: &Command, paths: &BTreeMap<String, Vec<String>>) -> TaskResult<Vec<String>> {
        let value = |name: &str| paths.get(name).cloned().or_else(|| self.elements(name)).or_else(|| self.words(name));
        let wrong = |wrong| anyhow::anyhow!("{wrong}");
        match command {
            Command::Shell(template) => {
                let shell = shell().iter().map(|&word| word.into());
                Ok(shell.chain([template.fill_line(value).map_err(wrong)?]).collect())
            }
            Command::Program(words) => {
                let joined = |template: &Template| template.fill(|name| value(name).map(|words| words.join(" ")));
                let mut arguments = Vec::new();
                for template in words {
                    // What stands alone is as many arguments as it has words.
                    match template.only_name().and_then(value) {
                        Some(words) => arguments.extend(words),
                        None => arguments.push(joined(template).map_err(wrong)?),
                    }
                }
                Ok(arguments)
            }
        }
    }
}

/// What runs a line: it ends with the first command that fails, also within a pipe where the shell knows that.
fn shell() -> &'static [&'static str] {
    static HAS_BASH: LazyLock<bool> = LazyLock::new(|| Path::new("/bin/bash").is_file());
    if *HAS_BASH { &["/bin/bash", "-e", "-o", "pipefail", "-c"] } else { &["/bin/sh", "-e", "-c"] }
}

/// `{input}` and `{output}`, where there is one of a kind.
fn alone(paths: &mut BTreeMap<String, Vec<String>>) {
    for (kind, prefix) in [("input", "inputs."), ("output", "output.")] {
        let is_of_kind = |name: &&String| name.strip_prefix(prefix).is_some_and(|rest| !rest.contains('.'));
        let mut of_kind = paths.iter().filter(|(name, _)| is_of_kind(name)).map(|(_, paths)| paths.clone());
        if let (Some(only), None) = (of_kind.next(), of_kind.next()) {
            paths.entry(kind.into()).or_insert(only);
        }
    }
}

/// Local files with what a target has, and what each is called among those of a branch.
fn localized(target: &Arc<dyn Target>) -> TaskResult<Vec<(String, law_target::LocalizedRead)>> {
    let places = target.places();
    anyhow::ensure!(
        !places.is_empty() || target.has_members(),
        "{target} is not a file: only files can be inputs of a command"
    );
    let mut found = Vec::new();
    let mut missing = None;
    for (name, place) in places {
        match FileTarget::new(place.clone()).localize_read() {
            Ok(file) => found.push((name.into(), file)),
            Err(error) if error.kind() == ErrorKind::NotFound && target.has_members() => missing = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    // Not all need to be there, but as many as it takes.
    if let Some(error) = missing {
        let asked = target.clone();
        anyhow::ensure!(runtime::wait(async move { asked.exists_async().await })?, "{target} went away: {error}");
    }
    Ok(found)
}

/// A place; where it is relative, from a directory.
pub(super) fn below(directory: &Path, place: &str) -> OsString {
    if place.contains(':') || place.starts_with('/') {
        return place.into();
    }
    directory.join(place).into_os_string()
}
