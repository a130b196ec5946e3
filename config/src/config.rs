//! The whole configuration.

use std::collections::{BTreeMap, BTreeSet};

use crate::cache::CacheSettings;
use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Result, one_line, suggestion};
use crate::file_system::FileSystemSettings;
use crate::layers::Layers;
use crate::name::Name;
use crate::origin::Origin;
use crate::section::{Reading, Section, as_section, unknown};
use crate::tree::{self, Item, Table};

/// The section whose options every file system starts with.
const EVERY: &str = "*";

/// All settings, merged, checked and typed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// `[fs.NAME]`.
    pub file_systems: BTreeMap<Name, FileSystemSettings>,
    /// `[fs."*"]`: for a URL of an endpoint that no `[fs.NAME]` has.
    pub every: FileSystemSettings,
    /// `[cache]`.
    pub cache: CacheSettings,
    /// What was ignored or is careless, one line each, for the user to see once.
    pub warnings: Vec<String>,
    /// What was left out where two files speak of one thing, one line each, for those who look at their settings.
    pub notes: Vec<String>,
    values: BTreeMap<String, ListedValue>,
    forbidden: Option<Error>,
    /// File systems of a law.cfg that cannot be used.
    broken: BTreeMap<String, Error>,
}

/// One value and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedValue {
    /// Such as `fs.wlcg.base`.
    pub key: String,
    /// As `law.toml` would say it, expanded; a secret is `***`.
    pub value: String,
    /// The layer that it came from.
    pub origin: Origin,
}

impl Config {
    /// Merges all layers (see `defaults/law.toml` for their order) and checks them. `overrides` are the arguments of
    /// `--set`, as `section.option=value`.
    ///
    /// A file that may not be read is a warning, and an error of [`file_system`](Self::file_system) and
    /// [`check_whole`](Self::check_whole). A file that is not there is no layer, but for the one that `LAW_CONFIG` names. A project's `law.toml` that
    /// belongs to somebody else, or that everybody may write, is ignored with a warning.
    ///
    /// # Errors
    /// The first thing that is wrong, in one line with file, line and column: a file that cannot be read or is no
    /// TOML, an unknown section or option, a value of the wrong kind, a variable in a path that is not set.
    pub fn load(environment: &Environment, overrides: &[&str]) -> Result<Self> {
        let Layers { merged, mut warnings, notes, forbidden, broken } = Layers::load(environment, overrides)?;
        let mut reading = Reading { environment, values: BTreeMap::new(), exposed: BTreeSet::new() };
        if let Some((name, item)) = merged.iter().find(|(name, _)| !SECTIONS.contains(&name.as_str())) {
            return Err(unknown_section(name, item));
        }
        let none = Table::default();
        let table = merged.get("fs").map(|item| as_section("fs", item)).transpose()?.unwrap_or(&none);
        let every = table.get(EVERY).map(|item| as_section("fs.\"*\"", item)).transpose()?;
        let defaults = read_every(every, &mut reading)?;
        let named = table.iter().filter(|(name, _)| *name != EVERY);
        let file_systems =
            named.map(|(name, item)| read_file_system(name, item, every, &mut reading)).collect::<Result<_>>()?;
        let cache = merged.get("cache").map(|item| as_section("cache", item)).transpose()?;
        let cache = CacheSettings::read(Section::new("cache".to_owned(), cache.into_iter().collect(), &mut reading))?;
        warnings.extend(reading.exposed.iter().map(|(path, mode)| {
            let path = path.display();
            one_line(format_args!(
                "{path} holds a password or token and others may read it (mode {mode:04o}): chmod 600 {path}"
            ))
        }));
        Ok(Self { file_systems, every: defaults, cache, warnings, notes, values: reading.values, forbidden, broken })
    }

    /// That every file could be read.
    ///
    /// # Errors
    /// `Forbidden` for the first one that could not.
    pub fn check_whole(&self) -> Result<()> {
        self.forbidden.clone().map_or(Ok(()), Err)
    }

    /// The file system of this name.
    ///
    /// # Errors
    /// `NotFound`, with a suggestion; what is wrong with it in a law.cfg; `Forbidden` if there is a file that may not be read: it may say something else of it.
    pub fn file_system(&self, name: &str) -> Result<&FileSystemSettings> {
        self.check_whole()?;
        // A file system of a law.cfg has the name of its section, too.
        let short = name.strip_suffix("_fs");
        if let Some(error) = [Some(name), short].into_iter().flatten().find_map(|name| self.broken.get(name)) {
            return Err(error.clone());
        }
        self.file_systems.get(name).or_else(|| self.file_systems.get(short?)).ok_or_else(|| {
            let near = suggestion(name, self.file_systems.keys().map(Name::as_str));
            let remedy = if near.is_empty() { format!("law config add {name} URL makes one") } else { near };
            Error::new(ErrorKind::NotFound, "configuration", format!("there is no file system {name:?}"), remedy)
        })
    }

    /// Where the value of a key such as `fs.wlcg.base` came from; `None` for one that is not set.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.values.get(key).map(|value| &value.origin)
    }

    /// Every value that is set, by key.
    pub fn list(&self) -> impl Iterator<Item = &ListedValue> {
        self.values.values()
    }
}

/// What a law.toml can have. Tasks, and the projects that have some, are read by whoever runs them.
const SECTIONS: [&str; 5] = ["fs", "cache", "task", "defaults", "project"];

/// With a word for those who know the sections of the Python package.
fn unknown_section(name: &str, item: &Item) -> Error {
    match name.strip_suffix("_fs").filter(|name| !name.is_empty()) {
        Some(name) => {
            let remedy = format!("a file system is [fs.{name}], its base has doors of its own");
            Error::new(ErrorKind::UnknownKey, &item.key, format!("unknown section \"{name}_fs\""), remedy)
        }
        None => unknown("", name, item, ["fs", "cache"]),
    }
}

/// What it says is listed with the file systems, not by itself.
fn read_every(every: Option<&Table>, reading: &mut Reading<'_>) -> Result<FileSystemSettings> {
    let mut aside = Reading { environment: reading.environment, values: BTreeMap::new(), exposed: BTreeSet::new() };
    let trusted = every.is_none_or(tree::is_trusted);
    let section = Section::new("fs.\"*\"".to_owned(), every.into_iter().collect(), &mut aside);
    let settings = FileSystemSettings::read(section, trusted)?;
    reading.exposed.append(&mut aside.exposed);
    Ok(settings)
}

fn read_file_system(
    name: &str,
    item: &Item,
    every: Option<&Table>,
    reading: &mut Reading<'_>,
) -> Result<(Name, FileSystemSettings)> {
    let invalid = |problem: String, remedy: &str| Error::new(ErrorKind::InvalidValue, &item.key, problem, remedy);
    let name: Name = name.parse().map_err(|problem| invalid(problem, ""))?;
    let key = format!("fs.{name}");
    let tables: Vec<_> = [as_section(&key, item)?].into_iter().chain(every).collect();
    let trusted = tables.iter().all(|table| tree::is_trusted(table));
    let settings = FileSystemSettings::read(Section::new(key, tables, reading), trusted)?;
    if settings.doors.is_empty() {
        let remedy = "add doors = [\"davs://door.site.example:2880\"], or correct the name";
        return Err(invalid(format!("[fs.{name}] has no doors"), remedy));
    }
    Ok((name, settings))
}
