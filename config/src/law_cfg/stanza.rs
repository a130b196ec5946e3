//! A section as the `[fs.NAME]` that means the same.

use super::Kind;
use super::bases::{bases, is_base};
use super::values::{Resolved, Values};
use crate::error::Result;
use crate::expansion::expand_path;
use crate::origin::Origin;
use crate::quantity::show_size;
use crate::setting::quoted;
use crate::tree::{Item, Node, Table, Value};

/// Options of a Dropbox here, and there by their present and older names.
const DROPBOX: [(&str, [&str; 2]); 4] = [
    ("app_key", ["dropbox_app_key", "app_key"]),
    ("app_secret", ["dropbox_app_secret", "app_secret"]),
    ("token", ["dropbox_access_token", "access_token"]),
    ("refresh_token", ["dropbox_refresh_token", "refresh_token"]),
];

/// Other options that have a meaning here.
const OTHERS: [&str; 8] = [
    "retries",
    "random_base",
    "local_root",
    "use_cache",
    "cache_root",
    "cache_cleanup",
    "cache_max_size",
    "cache_mtime_patience",
];

/// As `cache_root`, a directory that is made for one process and goes with it.
const TEMPORARY: &str = "__TMP__";

/// Whether nobody who reads a stanza may see its value.
pub(super) fn is_secret(option: &str) -> bool {
    DROPBOX.iter().any(|(name, _)| *name == option && *name != "app_key")
}

/// Whether an option of a section has a meaning here.
pub(super) fn is_followed(option: &str, kind: Kind) -> bool {
    let is_dropbox = kind == Kind::Dropbox && DROPBOX.iter().any(|(_, names)| names.contains(&option));
    is_base(option) || is_dropbox || OTHERS.contains(&option)
}

/// The stanza of a section, and which options another one makes void; none without a base.
///
/// # Errors
/// `InvalidValue` for the first value that cannot be.
pub(super) fn stanza(values: &Values<'_>, section: &str) -> Result<Option<(Table, Vec<&'static str>)>> {
    let Some(bases) = bases(values, section)? else { return Ok(None) };
    let mut table = Table::new();
    let origin = &bases.origin;
    let doors = bases.doors.into_iter().map(|(url, operations)| door(url, operations, origin)).collect();
    set(&mut table, "doors", Value::Array(doors), origin);
    set(&mut table, "base", Value::Text(bases.base), origin);
    let reading = Reading { values, section };
    reading.retries(&mut table)?;
    reading.policy(&mut table)?;
    reading.local_root(&mut table)?;
    reading.cache(&mut table)?;
    if Kind::of(section) == Kind::Dropbox {
        reading.dropbox(&mut table)?;
    }
    Ok(Some((table, bases.void)))
}

fn set(table: &mut Table, name: &str, value: Value, origin: &Origin) {
    let node = Node { value, origin: origin.clone() };
    table.insert(name.to_owned(), Item { key: origin.clone(), node });
}

fn door(url: String, operations: Option<Vec<&'static str>>, origin: &Origin) -> Node {
    let node = |value| Node { value, origin: origin.clone() };
    let Some(operations) = operations else { return node(Value::Text(url)) };
    let words = operations.into_iter().map(|word| node(Value::Text(word.to_owned()))).collect();
    let mut table = Table::new();
    set(&mut table, "url", Value::Text(url), origin);
    set(&mut table, "ops", Value::Array(words), origin);
    node(Value::Table(table))
}

struct Reading<'r, 's> {
    values: &'r Values<'s>,
    section: &'r str,
}

impl Reading<'_, '_> {
    /// An option of a type, and where it stands.
    fn typed<T>(&self, option: &str, what: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<(T, Origin)>> {
        let Some(Resolved { text, origin, .. }) = self.values.of(self.section, option).transpose()? else {
            return Ok(None);
        };
        let value = read(&text).ok_or_else(|| self.invalid(option, &format!("{option} is {what}")))?;
        Ok(Some((value, origin)))
    }

    fn invalid(&self, option: &str, problem: &str) -> crate::error::Error {
        self.values.invalid(self.section, option, problem)
    }

    fn retries(&self, table: &mut Table) -> Result<()> {
        let number = self.typed("retries", "a whole number", |text| text.parse::<u32>().ok())?;
        if let Some((number, origin)) = number {
            set(table, "retries", Value::Integer(number.into()), &origin);
        }
        Ok(())
    }

    /// There is no fixed order here: who wants the first door where it is well gets the best one.
    fn policy(&self, table: &mut Table) -> Result<()> {
        if let Some((random, origin)) = self.typed("random_base", "True or False", boolean)? {
            let word = if random { "random" } else { "adaptive" };
            set(table, "door_policy", Value::Text(word.to_owned()), &origin);
        }
        Ok(())
    }

    fn local_root(&self, table: &mut Table) -> Result<()> {
        let Some(found) = self.values.of(self.section, "local_root").transpose()? else { return Ok(()) };
        let origin = found.origin.clone();
        let path = self.absolute(found).ok_or_else(|| self.invalid("local_root", "local_root is an absolute path"))?;
        set(table, "local_root", Value::Text(path), &origin);
        Ok(())
    }

    /// A path for a law.toml; none if it is not absolute.
    fn absolute(&self, found: Resolved) -> Option<String> {
        let is_path = found.text.starts_with('/') && !found.text.contains('\0');
        let same = expand_path(&found.unexpanded, self.values.environment).is_ok_and(|path| path == found.text);
        is_path.then(|| if same { found.unexpanded } else { found.text.replace('$', "$$") })
    }

    /// A cache that is only there for those who ask for it in Python is none here.
    fn cache(&self, table: &mut Table) -> Result<()> {
        let used = self.typed("use_cache", "True or False", boolean)?.filter(|(used, _)| *used);
        let size = self.typed("cache_max_size", "a size such as 15GB", megabytes)?;
        let patience = self.typed("cache_mtime_patience", "a number of seconds", |text| text.parse::<f64>().ok())?;
        let mut cache = Table::new();
        self.cache_root(&mut cache)?;
        let Some((_, origin)) = used else { return Ok(()) };
        if let Some((Some(size), origin)) = size {
            set(&mut cache, "max_size", Value::Text(show_size(size)), &origin);
        }
        let never = patience.as_ref().is_some_and(|(seconds, _)| *seconds < 0.0);
        let word = if never { "immutable" } else { "strict" };
        let from = patience.map_or_else(|| origin.clone(), |(_, origin)| origin);
        set(&mut cache, "policy", Value::Text(word.to_owned()), &from);
        set(table, "cache", Value::Table(cache), &origin);
        Ok(())
    }

    /// Where a cache is, and whether it goes when the process ends, as a temporary one always does.
    fn cache_root(&self, cache: &mut Table) -> Result<()> {
        let mut cleanup = self.typed("cache_cleanup", "True or False", boolean)?;
        if let Some(found) = self.values.of(self.section, "cache_root").transpose()? {
            let origin = found.origin.clone();
            if found.text == TEMPORARY {
                cleanup = Some((true, origin));
            } else {
                let path = self.absolute(found);
                let path =
                    path.ok_or_else(|| self.invalid("cache_root", "cache_root is an absolute path or __TMP__"))?;
                set(cache, "dir", Value::Text(path), &origin);
            }
        }
        if let Some((true, origin)) = cleanup {
            set(cache, "cleanup", Value::Boolean(true), &origin);
        }
        Ok(())
    }

    fn dropbox(&self, table: &mut Table) -> Result<()> {
        for (name, options) in DROPBOX {
            let found = options.iter().find_map(|option| self.values.secret(self.section, option)).transpose()?;
            if let Some(found) = found {
                set(table, name, Value::Text(found.text), &found.origin);
            }
        }
        Ok(())
    }
}

/// What Python's configparser takes for one.
fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "yes" | "true" | "on" => Some(true),
        "0" | "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

/// A number of bytes, of megabytes where there is no unit; nothing for one that is not above zero, which means "what is free".
fn megabytes(text: &str) -> Option<Option<u64>> {
    const UNITS: [&str; 7] = ["bytes", "kb", "mb", "gb", "tb", "pb", "eb"];
    let lower = text.to_ascii_lowercase();
    let end = lower.find(|c: char| !c.is_ascii_digit() && !"-.".contains(c)).unwrap_or(lower.len());
    let (number, unit) = lower.split_at(end);
    let number: f64 = number.parse().ok()?;
    let unit = if unit.trim().is_empty() { "mb" } else { unit.trim() };
    let power = UNITS.iter().position(|known| *known == unit)?;
    let bytes = UNITS[..power].iter().fold(number, |bytes, _| bytes * 1024.0);
    Some((bytes >= 1.0).then_some(bytes as u64))
}

/// A stanza as the text of a law.toml, and its secrets as comments that say where they are.
pub(super) fn text(name: &str, table: &Table) -> String {
    let mut text = format!("[fs.{name}]\n");
    let (sections, options): (Vec<_>, Vec<_>) =
        table.iter().partition(|(_, item)| matches!(item.node.value, Value::Table(_)));
    // What everybody looks for first.
    let place = |(name, _): &(&String, &Item)| ["doors", "base"].iter().position(|first| first == name).unwrap_or(2);
    let mut options = options;
    options.sort_by_key(place);
    for (option, item) in options {
        text += &match is_secret(option) {
            true => format!(
                "# {option} = \"...\"   # it stands in {}: copy it, and keep this file at mode 0600\n",
                item.node.origin
            ),
            false => format!("{option} = {}\n", inline(&item.node)),
        };
    }
    for (section, item) in sections {
        if let Value::Table(inner) = &item.node.value {
            text += &format!("\n[fs.{name}.{section}]\n");
            inner.iter().for_each(|(option, item)| text += &format!("{option} = {}\n", inline(&item.node)));
        }
    }
    text
}

fn inline(node: &Node) -> String {
    let list = |parts: Vec<String>| parts.join(", ");
    match &node.value {
        Value::Text(text) | Value::Untyped(text) => quoted(text),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(value) => value.to_string(),
        Value::Array(nodes) => format!("[{}]", list(nodes.iter().map(inline).collect())),
        Value::Table(table) => {
            let options = table.iter().rev().map(|(name, item)| format!("{name} = {}", inline(&item.node)));
            format!("{{ {} }}", list(options.collect()))
        }
        Value::Other(_) => "\"\"".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_the_python_package_has_them() {
        for (text, bytes) in [
            ("15GB", Some(15 << 30)),
            ("1.5 kB", Some(1536)),
            ("20", Some(20 << 20)),
            ("4096 bytes", Some(4096)),
            ("0MB", None),
            ("-1", None),
        ] {
            assert_eq!(megabytes(text), Some(bytes), "{text}");
        }
        for bad in ["", "GB", "1 parsec", "1.2.3"] {
            assert_eq!(megabytes(bad), None, "{bad}");
        }
    }
}
