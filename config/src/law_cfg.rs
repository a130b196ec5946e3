//! `law.cfg`, the INI file of the Python package law: its file systems.
//!
//! Of a section such as `[wlcg_fs]` the option `base` is read: one URL or several, which become the doors of `[fs.wlcg]`, and
//! `[wlcg_fs]` is another name of it. The files that `[core]` has in `inherit` and `extend` count as they do there. What else stands there belongs to the Python package.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::braces::{expand, split_list};
use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Result};
use crate::expansion::{expand_path, expand_variables};
use crate::origin::{ConfigFile, Origin};
use crate::tree::{Item, Node, Table, Value};

/// Where law looks for a file, in this order, in the working directory and at home.
pub(crate) const NAME: &str = "law.cfg";

/// References that lead to references: more is a circle.
const DEEPEST: usize = 10;

/// An option: its text, and the line of a file that it begins in.
struct Entry {
    text: String,
    file: Arc<ConfigFile>,
    line: usize,
}

impl Entry {
    fn origin(&self) -> Origin {
        Origin::File { file: Arc::clone(&self.file), line: self.line, column: 1 }
    }

    fn invalid(&self, problem: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::InvalidValue, self.origin(), problem, "correct it there")
    }
}

type Sections = BTreeMap<String, BTreeMap<String, Entry>>;

/// Reads another file, if it is there.
pub(crate) type Read<'r> = dyn FnMut(&Path) -> Result<Option<(Arc<ConfigFile>, Vec<u8>)>> + 'r;

/// The file systems of a file and of those that it names, as a law.toml would say them.
///
/// # Errors
/// `Malformed` for a line that is none of an INI file, `InvalidValue` for a variable or reference that leads nowhere; those of
/// reading other files.
pub(crate) fn parse(
    file: &Arc<ConfigFile>,
    bytes: &[u8],
    environment: &Environment,
    read: &mut Read<'_>,
) -> Result<Table> {
    let sections = whole(file, bytes, environment, read, 0)?;
    let mut file_systems = Table::new();
    for (section, options) in &sections {
        let Some(name) = section.strip_suffix("_fs").filter(|name| !name.is_empty() && !name.starts_with('_')) else {
            continue;
        };
        let defaults = sections.get("_wlcg_fs_defaults").filter(|_| name != "local");
        let Some(base) = options.get("base").or_else(|| defaults?.get("base")) else { continue };
        let origin = base.origin();
        let text = resolved(&base.text, section, &sections, 0).map_err(|problem| base.invalid(problem))?;
        let text =
            expand_variables(&text.replace("\\$", "$$"), environment).map_err(|problem| base.invalid(problem))?;
        let doors: Vec<Node> = urls(&text).into_iter().map(|url| node(Value::Text(url), &origin)).collect();
        if !doors.is_empty() {
            let stanza = Table::from([("doors".to_owned(), item(Value::Array(doors), &origin))]);
            file_systems.insert(name.to_owned(), item(Value::Table(stanza), &origin));
        }
    }
    let origin = Origin::File { file: Arc::clone(file), line: 1, column: 1 };
    Ok(match file_systems.is_empty() {
        true => Table::new(),
        false => Table::from([("fs".to_owned(), item(Value::Table(file_systems), &origin))]),
    })
}

/// What a file says with the files of its `[core]`: those of `inherit` are weaker, those of `extend` stronger, later ones win.
fn whole(
    file: &Arc<ConfigFile>,
    bytes: &[u8],
    environment: &Environment,
    read: &mut Read<'_>,
    depth: usize,
) -> Result<Sections> {
    let own = own_sections(file, bytes)?;
    let mut all = Sections::new();
    let mut add = |all: &mut Sections, from: Vec<(PathBuf, Error)>| {
        for (path, circle) in from {
            if depth >= DEEPEST {
                return Err(circle);
            }
            // As in law, what is not there says nothing.
            if let Some((other, bytes)) = read(&path)? {
                merge(all, whole(&other, &bytes, environment, read, depth + 1)?);
            }
        }
        Ok(())
    };
    add(&mut all, named(&own, "inherit", file, environment)?)?;
    merge(&mut all, own);
    let stronger = named(&all, "extend", file, environment)?;
    add(&mut all, stronger)?;
    Ok(all)
}

fn merge(lower: &mut Sections, upper: Sections) {
    upper.into_iter().for_each(|(name, options)| lower.entry(name).or_default().extend(options));
}

/// The files that an option of `[core]` names, beside the one that it stands in, and what is to be said if they lead in a circle.
fn named(
    sections: &Sections,
    option: &str,
    file: &ConfigFile,
    environment: &Environment,
) -> Result<Vec<(PathBuf, Error)>> {
    let entry = sections.get("core").and_then(|core| core.get(option)).filter(|entry| entry.text != "None");
    let Some(entry) = entry else { return Ok(Vec::new()) };
    let text = resolved(&entry.text, "core", sections, 0).map_err(|problem| entry.invalid(problem))?;
    let beside = file.path.parent().unwrap_or(Path::new("/"));
    let mut paths = Vec::new();
    for name in split_list(&text).map(expand) {
        for name in name.map_err(|problem| entry.invalid(problem))? {
            let path = expand_path(&name, environment).map_err(|problem| entry.invalid(problem))?;
            paths.push((beside.join(path), entry.invalid(format!("{option} leads back to itself"))));
        }
    }
    Ok(paths)
}

fn own_sections(file: &Arc<ConfigFile>, bytes: &[u8]) -> Result<Sections> {
    let malformed = |line: usize, what: &str| {
        let origin = Origin::File { file: Arc::clone(file), line, column: 1 };
        Error::new(ErrorKind::Malformed, origin, format!("this is no law.cfg: {what}"), "correct it there")
    };
    let text = std::str::from_utf8(bytes).map_err(|_| malformed(1, "it is not UTF-8"))?;
    sections(text, file).map_err(|line| malformed(line, "a line without section, = or :"))
}

fn node(value: Value, origin: &Origin) -> Node {
    Node { value, origin: origin.clone() }
}

fn item(value: Value, origin: &Origin) -> Item {
    Item { key: origin.clone(), node: node(value, origin) }
}

/// As Python's configparser reads them: comments fill lines, and a line that is indented goes on with the last option.
///
/// # Errors
/// The number of a line that is none of these.
fn sections(text: &str, file: &Arc<ConfigFile>) -> std::result::Result<Sections, usize> {
    let mut sections = Sections::new();
    let mut section: Option<String> = None;
    let mut option: Option<String> = None;
    for (number, line) in text.lines().enumerate().map(|(number, line)| (number + 1, line)) {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t'])
            && let (Some(section), Some(option)) = (&section, &option)
        {
            let entry = sections.get_mut(section).and_then(|options| options.get_mut(option)).ok_or(number)?;
            entry.text.push('\n');
            entry.text.push_str(trimmed);
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.entry(name.to_owned()).or_default();
            (section, option) = (Some(name.to_owned()), None);
            continue;
        }
        // An option without a value is one.
        let (name, value) = trimmed.split_once(['=', ':']).unwrap_or((trimmed, ""));
        let options = section.as_ref().and_then(|section| sections.get_mut(section)).ok_or(number)?;
        let name = name.trim().to_lowercase();
        options.insert(name.clone(), Entry { text: value.trim().to_owned(), file: Arc::clone(file), line: number });
        option = Some(name);
    }
    Ok(sections)
}

/// A value of which `&::option` and `&::section::option` are replaced by what they refer to.
fn resolved(text: &str, section: &str, sections: &Sections, depth: usize) -> std::result::Result<String, String> {
    if depth > DEEPEST {
        return Err("a reference that leads back to itself".into());
    }
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, reference)) = rest.split_once("&::") {
        let is_name = |c: char| c.is_alphanumeric() || "_-:".contains(c);
        let end = reference.find(|c: char| !is_name(c)).unwrap_or(reference.len());
        let (reference, after) = reference.split_at(end);
        let (other, option) = reference.split_once("::").unwrap_or((section, reference));
        let entry = sections.get(other).and_then(|options| options.get(&option.to_lowercase()));
        let entry = entry.ok_or_else(|| format!("&::{reference} refers to nothing"))?;
        whole.push_str(before);
        whole.push_str(&resolved(&entry.text, other, sections, depth + 1)?);
        rest = after;
    }
    whole.push_str(rest);
    Ok(whole)
}

/// The URLs of a list with commas or line breaks, of which those within braces separate nothing. A path alone is one of the local disk.
fn urls(text: &str) -> Vec<String> {
    let mut depth = 0_usize;
    let separates = |c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && (c == ',' || c.is_whitespace())
    };
    let parts = text.split(separates).filter(|part| !part.is_empty() && *part != "None");
    parts.map(|part| if part.starts_with('/') { format!("file://{part}") } else { part.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nowhere() -> Arc<ConfigFile> {
        Arc::new(ConfigFile { path: PathBuf::from("/law.cfg"), mode: 0o600, is_own: true })
    }

    #[test]
    fn an_ini_file() {
        let text = "# law\n[core]\nname: x\n[target]\nempty\n\n[wlcg_fs]\nBase = davs://a,\n    davs://b\n; more\n  davs://c\nother=1:2\n";
        let sections = sections(text, &nowhere()).unwrap();
        assert_eq!(sections["wlcg_fs"]["base"].text, "davs://a,\ndavs://b\ndavs://c");
        assert_eq!((sections["wlcg_fs"]["base"].line, sections["wlcg_fs"]["other"].text.as_str()), (8, "1:2"));
        assert_eq!((sections["target"]["empty"].text.as_str(), sections["core"]["name"].text.as_str()), ("", "x"));
        assert_eq!(super::sections("a = 1\n", &nowhere()).err(), Some(1));
    }

    #[test]
    fn references() {
        let sections = sections(
            "[a]\nhost = h\nroot = davs://&::host\n[b]\nbase = &::a::root/x\nround = &::b::round\n",
            &nowhere(),
        )
        .unwrap();
        assert_eq!(resolved("&::a::root/x", "b", &sections, 0).unwrap(), "davs://h/x");
        assert!(resolved("&::b::round", "b", &sections, 0).unwrap_err().contains("back to itself"));
        assert!(resolved("&::none", "b", &sections, 0).unwrap_err().contains("refers to nothing"));
    }

    #[test]
    fn lists() {
        assert_eq!(
            urls("davs://d{1,2}:80/x, root://r\n/data None"),
            ["davs://d{1,2}:80/x", "root://r", "file:///data"]
        );
        assert_eq!(urls(""), [""; 0]);
    }
}
