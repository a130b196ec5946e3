//! Values, once `%(name)s`, variables and references are replaced, as the Python package does it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use super::ini::{Entry, Sections};
use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Result};
use crate::expansion::{expand_path, variable, variable_name};
use crate::origin::Origin;

/// The section whose options are those of every other.
pub(super) const DEFAULT: &str = "DEFAULT";

/// What lacks in the section of a file system is looked up there.
pub(super) const DEFAULTS: [&str; 2] = ["_wlcg_fs_defaults", "_dropbox_fs_defaults"];

/// References that lead to references: more is a circle.
const DEEPEST: usize = 10;
/// References within one value, and bytes of it: more comes from nobody who means well.
const MOST: usize = 1000;
const LONGEST: usize = 1 << 16;

type Text = std::result::Result<String, String>;

/// An option as it counts.
pub(super) struct Resolved {
    pub(super) text: String,
    /// The same with its variables, where `$$` is a dollar sign: what a law.toml expands itself.
    pub(super) unexpanded: String,
    pub(super) origin: Origin,
}

pub(super) struct Values<'s> {
    sections: &'s Sections,
    pub(super) environment: &'s Environment,
    /// What others referred to.
    used: RefCell<BTreeSet<(String, String)>>,
    steps: Cell<usize>,
    /// Somebody else's file that has a part of the value.
    foreign: RefCell<Option<Origin>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Variables {
    Expanded,
    Kept,
}

impl<'s> Values<'s> {
    pub(super) fn new(sections: &'s Sections, environment: &'s Environment) -> Self {
        Self { sections, environment, used: RefCell::default(), steps: Cell::new(0), foreign: RefCell::new(None) }
    }

    /// The entry of an option, and the section that it stands in: its own, `[DEFAULT]`, or the defaults of its kind.
    pub(super) fn entry(&self, section: &str, option: &str) -> Option<&'s Entry> {
        let defaults = DEFAULTS.iter().find(|defaults| **defaults == defaults_of(section));
        let own = super::is_file_system(section).then_some(defaults).flatten();
        let places = [Some(section), Some(DEFAULT), own.copied()];
        places.into_iter().flatten().find_map(|place| self.sections.get(place)?.get(option))
    }

    /// An option, unless it is missing: one that is empty or `None` is.
    pub(super) fn of(&self, section: &str, option: &str) -> Option<Result<Resolved>> {
        let entry = self.entry(section, option)?;
        let resolved = self.resolved(section, entry).map_err(|problem| entry.invalid(problem));
        resolved.map(|found| Some(found).filter(|found| !is_missing(&found.text))).transpose()
    }

    /// As [`of`](Self::of), and no error shows a part of the value.
    pub(super) fn secret(&self, section: &str, option: &str) -> Option<Result<Resolved>> {
        let entry = self.entry(section, option)?;
        let problem = "it cannot be understood: a % is %%, and a $ that begins no variable \\$";
        self.of(section, option).map(|value| value.map_err(|_| entry.invalid(problem)))
    }

    /// What is wrong with an option, at its place.
    pub(super) fn invalid(&self, section: &str, option: &str, problem: &str) -> Error {
        match self.entry(section, option) {
            Some(entry) => entry.invalid(problem),
            None => Error::new(ErrorKind::InvalidValue, format!("[{section}]"), problem, "correct it there"),
        }
    }

    /// Whether another value refers to this option.
    pub(super) fn is_used(&self, section: &str, option: &str) -> bool {
        self.used.borrow().contains(&(section.to_owned(), option.to_owned()))
    }

    fn resolved(&self, section: &str, entry: &Entry) -> std::result::Result<Resolved, String> {
        self.steps.set(0);
        self.foreign.replace(None);
        let text = self.text(section, entry, Variables::Expanded, 0)?;
        let unexpanded = self.text(section, entry, Variables::Kept, 0)?;
        let origin = self.foreign.take().unwrap_or_else(|| entry.origin.clone());
        Ok(Resolved { text: text.trim().to_owned(), unexpanded: unexpanded.trim().to_owned(), origin })
    }

    fn text(&self, section: &str, entry: &Entry, variables: Variables, depth: usize) -> Text {
        self.step(depth)?;
        let text = self.interpolated(section, entry, depth)?;
        let text = expanded(&text, self.environment, variables)?;
        self.dereferenced(section, &text, variables, depth)
    }

    fn step(&self, depth: usize) -> std::result::Result<(), String> {
        self.steps.set(self.steps.get() + 1);
        match depth > DEEPEST || self.steps.get() > MOST {
            true => Err("a reference that leads back to itself, or to too many others".into()),
            false => Ok(()),
        }
    }

    /// Follows `%(name)s`, which names an option of the same section; `%%` is a percent sign.
    fn interpolated(&self, section: &str, entry: &Entry, depth: usize) -> Text {
        if !entry.origin.is_trusted() {
            self.foreign.borrow_mut().get_or_insert_with(|| entry.origin.clone());
        }
        let mut whole = String::new();
        let mut rest = entry.text.as_str();
        while let Some((before, behind)) = rest.split_once('%') {
            whole.push_str(before);
            if let Some(behind) = behind.strip_prefix('%') {
                whole.push('%');
                rest = behind;
                continue;
            }
            let name = behind.strip_prefix('(').and_then(|behind| behind.split_once(")s"));
            let (name, behind) =
                name.ok_or("a % that is neither %% nor begins %(name)s: write %% for a percent sign")?;
            let entry = self.entry(section, name).ok_or_else(|| format!("%({name})s refers to nothing"))?;
            self.step(depth + 1)?;
            self.note_use(section, name);
            whole.push_str(&self.interpolated(section, entry, depth + 1)?);
            rest = behind;
            bounded(&whole)?;
        }
        whole.push_str(rest);
        Ok(whole)
    }

    /// Follows `&::option` and `&::section::option`, alone or within a text.
    fn dereferenced(&self, section: &str, text: &str, variables: Variables, depth: usize) -> Text {
        if let Some(reference) = text.strip_prefix("&::")
            && let Some(value) = self.referred(section, reference, variables, depth)
        {
            return value;
        }
        let mut whole = String::new();
        let mut rest = text;
        while let Some((before, reference)) = rest.split_once("&::") {
            let is_name = |c: char| c.is_alphanumeric() || "_-:".contains(c);
            let end = reference.find(|c: char| !is_name(c)).unwrap_or(reference.len());
            let (reference, after) = reference.split_at(end);
            let value = self.referred(section, reference, variables, depth);
            whole.push_str(before);
            whole.push_str(&value.ok_or_else(|| format!("&::{reference} refers to nothing"))??);
            rest = after;
            bounded(&whole)?;
        }
        whole.push_str(rest);
        Ok(whole)
    }

    fn referred(&self, section: &str, reference: &str, variables: Variables, depth: usize) -> Option<Text> {
        let (other, option) = reference.split_once("::").unwrap_or((section, reference));
        let entry = self.entry(other, option)?;
        self.note_use(other, option);
        Some(self.text(other, entry, variables, depth + 1))
    }

    fn note_use(&self, section: &str, option: &str) {
        self.used.borrow_mut().insert((section.to_owned(), option.to_owned()));
    }
}

fn defaults_of(section: &str) -> &'static str {
    match super::Kind::of(section) {
        super::Kind::Wlcg => DEFAULTS[0],
        super::Kind::Dropbox => DEFAULTS[1],
        super::Kind::Local => "",
    }
}

fn is_missing(text: &str) -> bool {
    text.is_empty() || text.eq_ignore_ascii_case("none")
}

fn bounded(text: &str) -> std::result::Result<(), String> {
    if text.len() > LONGEST { Err(format!("it comes to more than {LONGEST} bytes")) } else { Ok(()) }
}

/// A leading `~` is the home directory, unless it is `\~`.
pub(super) fn home(text: &str, environment: &Environment) -> Text {
    match text.starts_with('~') {
        true => expand_path(&text.replace('$', "$$"), environment),
        false => Ok(text.to_owned()),
    }
}

/// Replaces variables, and `\$` by a dollar sign. A dollar sign that begins no name is one; a variable that is not set is an
/// error where the Python package leaves its name, as nobody means that.
fn expanded(text: &str, environment: &Environment, variables: Variables) -> Text {
    bounded(text)?;
    let text = home(text, environment)?;
    let dollar = if variables == Variables::Kept { "$$" } else { "$" };
    let mut whole = String::new();
    let mut rest = text.as_str();
    while let Some((before, behind)) = rest.split_once('$') {
        let escaped = before.strip_suffix('\\');
        whole.push_str(escaped.unwrap_or(before));
        match variable_name(behind).filter(|_| escaped.is_none()) {
            Some((name, after)) => {
                let value = variable(name, environment)?;
                match variables {
                    Variables::Expanded => whole.push_str(value),
                    Variables::Kept => whole.push_str(&format!("${{{name}}}")),
                }
                rest = after;
                bounded(&whole)?;
            }
            None => {
                whole.push_str(dollar);
                rest = behind;
            }
        }
    }
    whole.push_str(rest);
    Ok(whole.strip_prefix("\\~").map(|behind| format!("~{behind}")).unwrap_or(whole))
}
