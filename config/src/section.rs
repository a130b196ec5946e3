//! A section of the tree under the eyes of the settings that are read from it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::config::ListedValue;
use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Result, suggestion};
use crate::origin::Origin;
use crate::setting::{Invalid, Setting};
use crate::tree::{Item, Node, Table, Value};

/// What is noted while settings are read.
pub(crate) struct Reading<'e> {
    pub(crate) environment: &'e Environment,
    /// By key, such as `fs.wlcg.base`.
    pub(crate) values: BTreeMap<String, ListedValue>,
    /// Files with secrets that others can read, and their modes.
    pub(crate) exposed: BTreeSet<(PathBuf, u32)>,
}

/// One section: what is read from it is known, and [`Section::finish`] refuses the rest.
pub(crate) struct Section<'r, 'e> {
    key: String,
    /// The most specific first.
    tables: Vec<&'r Table>,
    known: Vec<&'static str>,
    reading: &'r mut Reading<'e>,
}

impl<'r, 'e> Section<'r, 'e> {
    pub(crate) fn new(key: String, tables: Vec<&'r Table>, reading: &'r mut Reading<'e>) -> Self {
        Self { key, tables, known: Vec::new(), reading }
    }

    /// An option that may be unset.
    pub(crate) fn optional<T: Setting>(&mut self, name: &'static str) -> Result<Option<T>> {
        self.known.push(name);
        let Some(node) = self.tables.iter().find_map(|table| table.get(name)).map(|item| &item.node) else {
            return Ok(None);
        };
        let key = self.key_of(name);
        let value = T::read(node, self.reading.environment).map_err(|invalid| invalid_value(&key, &invalid))?;
        if T::IS_SECRET {
            self.note_secret(node);
        }
        let listed = ListedValue { key: key.clone(), value: value.shown(), origin: node.origin.clone() };
        self.reading.values.insert(key, listed);
        Ok(Some(value))
    }

    /// An option that the defaults set.
    pub(crate) fn required<T: Setting>(&mut self, name: &'static str) -> Result<T> {
        let missing = || Error::new(ErrorKind::InvalidValue, self.key_of(name), "it is not set", "set it");
        let missing = missing();
        self.optional(name)?.ok_or(missing)
    }

    /// A section inside, empty where it does not stand anywhere.
    pub(crate) fn section(&mut self, name: &'static str) -> Result<Section<'_, 'e>> {
        self.known.push(name);
        let key = self.key_of(name);
        let items = self.tables.iter().filter_map(|table| table.get(name));
        let tables = items.map(|item| as_section(&key, item)).collect::<Result<_>>()?;
        Ok(Section::new(key, tables, self.reading))
    }

    /// Whether the section stands anywhere.
    pub(crate) fn is_present(&self) -> bool {
        !self.tables.is_empty()
    }

    /// Refuses what nobody has asked for.
    pub(crate) fn finish(self) -> Result<()> {
        let all = self.tables.iter().flat_map(|table| table.iter());
        match all.into_iter().find(|(name, _)| !self.known.contains(&name.as_str())) {
            Some((name, item)) => Err(unknown(&self.key, name, item, self.known.iter().copied())),
            None => Ok(()),
        }
    }

    fn key_of(&self, name: &str) -> String {
        if self.key.is_empty() { name.to_owned() } else { format!("{}.{name}", self.key) }
    }

    fn note_secret(&mut self, node: &Node) {
        if let Some(file) = node.origin.file().filter(|file| file.mode & 0o077 != 0) {
            self.reading.exposed.insert((file.path.clone(), file.mode));
        }
    }
}

/// The table behind a key that must be a section.
pub(crate) fn as_section<'t>(key: &str, item: &'t Item) -> Result<&'t Table> {
    match &item.node.value {
        Value::Table(table) => Ok(table),
        _ => Err(Error::new(
            ErrorKind::InvalidValue,
            &item.key,
            format!("{key} is a section, not {}", item.node.type_name()),
            format!("write [{key}] and its options below"),
        )),
    }
}

pub(crate) fn unknown<'k>(section: &str, name: &str, item: &Item, known: impl IntoIterator<Item = &'k str>) -> Error {
    let is_section = matches!(item.node.value, Value::Table(_));
    let what = if is_section { "section" } else { "option" };
    let place = if section.is_empty() { String::new() } else { format!(" in [{section}]") };
    Error::new(ErrorKind::UnknownKey, &item.key, format!("unknown {what} {name:?}{place}"), suggestion(name, known))
}

fn invalid_value(key: &str, invalid: &Invalid) -> Error {
    let place: &Origin = &invalid.origin;
    Error::new(ErrorKind::InvalidValue, place, format!("{key} has a value that it cannot have"), &invalid.reason)
}
