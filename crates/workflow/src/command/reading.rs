//! Reading files of tasks: several `tasks.toml`, and the tasks, defaults and projects of a `law.toml`.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use law_task::{Defaults, Families, most_similar};
use serde::Deserialize;
use toml::Spanned;

use super::file::Reader;
use super::parameter::text;
use super::table::Table;

/// Why a file of tasks cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongFile(pub(super) String);

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
    #[serde(default)]
    defaults: DefaultTables,
}

/// `[defaults.NAME]`: values of parameters where nobody says others.
type DefaultTables = BTreeMap<String, BTreeMap<String, Spanned<toml::Value>>>;

/// A law.toml, which has other things, too.
#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    task: BTreeMap<Spanned<String>, Table>,
    #[serde(default)]
    defaults: DefaultTables,
    #[serde(default)]
    project: Vec<Spanned<Project>>,
}

/// A `[[project]]`: where tasks are that are not in this file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// A directory with a `tasks.toml`, a `Cargo.toml` of a program of tasks, or both.
    pub path: Option<PathBuf>,
    /// A program of tasks.
    pub binary: Option<PathBuf>,
}

/// Reads files of tasks, which may require those of each other.
pub struct Reading {
    families: Families,
    known: Arc<OnceLock<Families>>,
    read: bool,
    defaults: Defaults,
    doubts: Vec<String>,
    /// Tasks that some require, and where that stands.
    wanted: Vec<Wanted>,
}

/// A task that another one requires, with the parameters that it sets, and where that stands.
struct Wanted {
    task: String,
    parameters: Vec<String>,
    path: PathBuf,
    text: Arc<str>,
    span: Range<usize>,
}

impl Reading {
    /// Beside those that are known, such as those of Rust.
    pub fn new(families: Families) -> Self {
        Self {
            families,
            known: Arc::default(),
            read: false,
            defaults: Defaults::new(),
            doubts: Vec::new(),
            wanted: Vec::new(),
        }
    }

    /// Adds the tasks of a `tasks.toml`. Paths are relative to its directory.
    ///
    /// # Errors
    /// A file that cannot be read, what is no TOML, names that are not known, values that are none: each with line and column.
    pub fn tasks(&mut self, path: &Path) -> Result<(), WrongFile> {
        let text = text_of(path)?;
        let reader = Reader { path, text: &text };
        let file: File = reader.parse()?;
        self.take_defaults(&reader, &file.defaults)?;
        self.add(&reader, &file.task)
    }

    /// Adds the tasks of a `law.toml`, and gives its projects, with paths as they are from here.
    ///
    /// # Errors
    /// As those of [`tasks`](Self::tasks).
    pub fn settings(&mut self, path: &Path) -> Result<Vec<Project>, WrongFile> {
        let text = text_of(path)?;
        let reader = Reader { path, text: &text };
        let file: Settings = reader.parse()?;
        self.take_defaults(&reader, &file.defaults)?;
        self.add(&reader, &file.task)?;
        let directory = path.parent().unwrap_or(Path::new(""));
        let from_here = |path: &PathBuf| directory.join(path);
        let project = |said: &Spanned<Project>| {
            let Project { path, binary } = said.get_ref();
            if path.is_none() == binary.is_none() {
                return Err(reader.wrong(said.span(), "a project has a path or a binary"));
            }
            Ok(Project { path: path.as_ref().map(from_here), binary: binary.as_ref().map(from_here) })
        };
        file.project.iter().map(project).collect()
    }

    /// The first file that says a default counts.
    fn take_defaults(&mut self, reader: &Reader<'_>, tables: &DefaultTables) -> Result<(), WrongFile> {
        for (family, table) in tables {
            let known = self.defaults.entry(family.clone()).or_default();
            for (name, value) in table {
                if value.get_ref().is_table() {
                    return Err(reader.wrong(value.span(), &format!("the default of {name} is a value, and no table")));
                }
                if known.get(name).is_none() {
                    *known = std::mem::take(known).with(name, text(value.get_ref()));
                }
            }
        }
        Ok(())
    }

    /// What `[defaults.NAME]` said, for [`configure`](law_task::configure).
    pub fn defaults(&self) -> Defaults {
        self.defaults.clone()
    }

    /// What is probably not meant, with line and column.
    pub fn doubts(&self) -> Vec<String> {
        self.doubts.clone()
    }

    /// Whether some were read.
    pub fn has_commands(&self) -> bool {
        self.read
    }

    fn add(&mut self, reader: &Reader<'_>, tasks: &BTreeMap<Spanned<String>, Table>) -> Result<(), WrongFile> {
        for (name, table) in tasks {
            self.read = true;
            let family = reader.family(name, table, &self.known)?;
            self.doubts.extend(reader.doubt(name, &family));
            let added = self.families.add(Arc::new(family.shared()));
            added.map_err(|error| reader.wrong(name.span(), &error.to_string()))?;
            let text: Arc<str> = reader.text.into();
            self.wanted.extend(table.wanted().into_iter().map(|(task, parameters, span)| Wanted {
                task: task.into(),
                parameters: parameters.into_iter().map(Into::into).collect(),
                path: reader.path.into(),
                text: text.clone(),
                span,
            }));
        }
        Ok(())
    }

    /// All tasks.
    ///
    /// # Errors
    /// A task that is required and that there is not, or a parameter that it has not, with line and column.
    pub fn finish(self) -> Result<Families, WrongFile> {
        self.wanted.iter().try_for_each(|wanted| self.check(wanted))?;
        // This is the only place that sets it.
        let _ = self.known.set(self.families.clone());
        Ok(self.families)
    }
}

impl Reading {
    fn check(&self, wanted: &Wanted) -> Result<(), WrongFile> {
        let Wanted { task, parameters, path, text, span } = wanted;
        let refuse = |message: String, similar: Option<&str>| {
            let hint = similar.map(|name| format!(": did you mean {name}?")).unwrap_or_default();
            Err(Reader { path, text }.wrong(span.clone(), &(message + &hint)))
        };
        let Some(family) = self.families.get(task) else {
            return refuse(format!("there is no task {task}"), self.families.similar(task));
        };
        let known: Vec<String> = family.parameters().into_iter().map(|known| known.name).collect();
        match parameters.iter().find(|name| !known.contains(name)) {
            Some(other) => refuse(
                format!("{task} has no parameter {other}"),
                most_similar(other, known.iter().map(String::as_str)),
            ),
            None => Ok(()),
        }
    }
}

fn text_of(path: &Path) -> Result<String, WrongFile> {
    std::fs::read_to_string(path).map_err(|error| WrongFile(format!("{}: {error}", path.display())))
}
