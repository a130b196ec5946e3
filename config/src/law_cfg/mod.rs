//! `law.cfg`, the INI file of the Python package law: its file systems.
//!
//! A section such as `[wlcg_fs]` becomes what `[fs.wlcg]` of a law.toml would be, and `[wlcg_fs]` is another name of it. The
//! files that `[core]` has in `inherit` and `extend` count as they do there, and so do `[DEFAULT]`, `[_wlcg_fs_defaults]`,
//! references, and variables such as `LAW__wlcg_fs__base`. What has no meaning here is listed; sections that are no file
//! systems belong to the Python package.

mod bases;
mod import;
mod includes;
mod ini;
mod place;
mod stanza;
mod values;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::sync::Arc;

pub use import::{Imported, import};
pub(crate) use includes::Read;

use ini::{Entry, Sections};
use values::{DEFAULTS, Values};

use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Result, one_line};
use crate::name::Name;
use crate::origin::{ConfigFile, Origin};
use crate::tree::{Item, Node, Table, Value};

/// Where law looks for a file, in this order, in the working directory and at home.
pub(crate) const NAME: &str = "law.cfg";

/// The section of a Dropbox, and its older name.
const DROPBOX: [&str; 2] = ["dropbox_fs", "dropbox"];

/// Sections of the Python package that are no file systems.
const PYTHON: [&str; 7] = ["core", "logging", "modules", "task", "target", "job", "notifications"];

/// Which file system of the Python package a section is for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Wlcg,
    Dropbox,
    Local,
}

impl Kind {
    /// By its name, as nothing else says so.
    fn of(section: &str) -> Self {
        match section {
            section if section.contains("dropbox") => Self::Dropbox,
            section if section.starts_with("local") => Self::Local,
            _ => Self::Wlcg,
        }
    }
}

/// The file systems of a law.cfg.
#[derive(Default)]
pub(crate) struct LawCfg {
    /// As `fs` of a law.toml would have them.
    pub(crate) file_systems: Table,
    /// Those that cannot be used, by name, and why.
    pub(crate) broken: BTreeMap<String, Error>,
    /// What has no meaning here, by file, section and option.
    meaningless: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl LawCfg {
    /// A layer of settings.
    pub(crate) fn into_table(self) -> Table {
        let Some(first) = self.file_systems.values().next() else { return Table::new() };
        let origin = first.key.clone();
        Table::from([("fs".to_owned(), item(self.file_systems, &origin))])
    }

    /// What has no meaning here: one line for each file.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = String> {
        self.meaningless.iter().map(|(file, sections)| {
            let sections: Vec<_> =
                sections.iter().map(|(section, options)| format!("[{section}] {}", options.join(", "))).collect();
            one_line(format_args!("{file}: without a meaning here: {}", sections.join("; ")))
        })
    }
}

/// The file systems of a file and of those that it names; without a file, of the variables alone.
///
/// # Errors
/// `Malformed` for a line that is none of an INI file, `InvalidValue` for files that name each other; those of reading other
/// files. What is wrong with one file system is kept with its name.
pub(crate) fn parse(
    file: Option<(&Arc<ConfigFile>, &[u8])>,
    environment: &Environment,
    read: &mut Read<'_>,
) -> Result<LawCfg> {
    let mut sections = match file {
        Some((file, bytes)) => includes::whole(file, bytes, environment, read)?,
        None => Sections::new(),
    };
    add_variables(&mut sections, environment)?;
    Ok(file_systems(&sections, environment))
}

fn file_systems(sections: &Sections, environment: &Environment) -> LawCfg {
    let values = Values::new(sections, environment);
    let mut all = LawCfg::default();
    let mut void = Vec::new();
    for section in sections.keys().filter(|section| counts(section, sections)) {
        let name = name_of(section);
        match stanza::stanza(&values, section).and_then(|stanza| Ok((stanza, checked(&name, section, sections)?))) {
            Ok((Some((table, passed_over)), origin)) => {
                void.extend(passed_over.into_iter().map(|option| (section.as_str(), option)));
                all.file_systems.insert(name, item(table, &origin));
            }
            Ok((None, _)) => {}
            Err(error) => drop(all.broken.insert(name, error)),
        }
    }
    all.meaningless = meaningless(sections, &values, &void, &all);
    all
}

/// Whether a section is for a file system: `fs` is a word of its name.
fn is_file_system(section: &str) -> bool {
    let named = section.split('_').any(|word| word == "fs") && !section.starts_with('_') && section != "fs";
    named || DROPBOX.contains(&section)
}

/// Of a Dropbox by both names, the present one counts.
fn counts(section: &str, sections: &Sections) -> bool {
    is_file_system(section) && !(section == DROPBOX[1] && sections.contains_key(DROPBOX[0]))
}

/// The name of a file system here: without `_fs`, unless nothing could have such a name.
fn name_of(section: &str) -> String {
    let section = if section == DROPBOX[1] { DROPBOX[0] } else { section };
    let short = section.strip_suffix("_fs").filter(|short| short.parse::<Name>().is_ok());
    short.unwrap_or(section).to_owned()
}

/// Where the section begins to say something, if it can have its name.
fn checked(name: &str, section: &str, sections: &Sections) -> Result<Origin> {
    let entry = sections.get(section).and_then(|options| options.values().min_by_key(|entry| line(entry)));
    let origin = entry.map_or(Origin::CommandLine, |entry| entry.origin.clone());
    match name.parse::<Name>() {
        Ok(_) => Ok(origin),
        Err(problem) => Err(Error::new(ErrorKind::InvalidValue, origin, problem, "give the section another name")),
    }
}

fn line(entry: &Entry) -> usize {
    match entry.origin {
        Origin::File { line, .. } => line,
        _ => 0,
    }
}

fn item(table: Table, origin: &Origin) -> Item {
    Item { key: origin.clone(), node: Node { value: Value::Table(table), origin: origin.clone() } }
}

/// Options of file systems and of their defaults that nothing here follows, and no other value refers to.
fn meaningless(
    sections: &Sections,
    values: &Values<'_>,
    void: &[(&str, &str)],
    all: &LawCfg,
) -> BTreeMap<String, BTreeMap<String, Vec<String>>> {
    let mut found: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    let is_there = |section: &str| counts(section, sections) && all.file_systems.contains_key(&name_of(section));
    for (section, options) in sections.iter().filter(|(name, _)| DEFAULTS.contains(&name.as_str()) || is_there(name)) {
        for (option, entry) in options {
            let is_void = void.contains(&(section.as_str(), option.as_str()));
            let followed = stanza::is_followed(option, Kind::of(section)) && !is_void;
            let is_set = !entry.text.is_empty() && !entry.text.eq_ignore_ascii_case("none");
            let file = entry.origin.file().filter(|_| is_set && !followed && !values.is_used(section, option));
            if let Some(file) = file {
                let sections = found.entry(file.path().display().to_string()).or_default();
                sections.entry(section.clone()).or_default().push(option.clone());
            }
        }
    }
    found
}

/// The section and the option of a variable such as `LAW__wlcg_fs__base`, which is for the Python package's settings.
pub(crate) fn variable_of(name: &OsStr) -> Option<(&str, &str)> {
    let (section, option) = name.to_str()?.strip_prefix("LAW__")?.split_once("__")?;
    let is_known = is_file_system(section)
        || [PYTHON.as_slice(), &DEFAULTS].concat().contains(&section)
        || ["_sandbox", "_sandbox_env", "_sandbox_volumes"].iter().any(|end| section.ends_with(end))
        || section.starts_with("luigi_");
    (is_known && !option.contains("__")).then_some((section, option))
}

fn add_variables(sections: &mut Sections, environment: &Environment) -> Result<()> {
    let wanted = sections.get("core").and_then(|core| core.get("sync_env"));
    if wanted.is_some_and(|entry| ["0", "no", "false", "off"].contains(&entry.text.to_ascii_lowercase().as_str())) {
        return Ok(());
    }
    for (name, value) in &environment.variables {
        let Some((section, option)) = variable_of(name) else { continue };
        let origin = Origin::Environment { variable: name.to_string_lossy().into_owned() };
        let text = value
            .to_str()
            .ok_or_else(|| Error::new(ErrorKind::Malformed, &origin, "it is not UTF-8", "unset it, or correct it"))?;
        let entry = Entry { text: text.to_owned(), origin };
        sections.entry(section.to_owned()).or_default().insert(option.to_owned(), entry);
    }
    Ok(())
}
