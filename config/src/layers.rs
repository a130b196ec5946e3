//! Where settings are found, and in which order.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Result, one_line};
use crate::law_cfg::{self, LawCfg};
use crate::origin::{ConfigFile, Origin};
use crate::tree::{self, Table};
use crate::trust::Trusted;

pub(crate) const DEFAULTS: &str = include_str!("../defaults/law.toml");

/// No settings are longer than this; it bounds what a hostile file costs.
const LONGEST: u64 = 1 << 20;

/// All layers merged, and what was not good enough to be one.
#[derive(Default)]
pub(crate) struct Layers {
    pub(crate) merged: Table,
    pub(crate) warnings: Vec<String>,
    /// What was left out where two files speak of one thing: for those who look at their settings.
    pub(crate) notes: Vec<String>,
    /// File systems of a law.cfg that cannot be used, by name, and why.
    pub(crate) broken: BTreeMap<String, Error>,
    /// The first file that may not be read: nobody knows what it says of a name.
    pub(crate) forbidden: Option<Error>,
}

impl Layers {
    pub(crate) fn load(environment: &Environment, overrides: &[&str]) -> Result<Self> {
        let mut layers = Self::default();
        layers.add(defaults()?);
        let standing = layers.standing_files(environment)?;
        for path in &standing {
            layers.add_standing_file(path, environment)?;
        }
        let law_cfg = layers.law_cfg(environment)?;
        let project = layers.project_file(&standing, environment)?;
        let named = layers.named_file(environment)?;
        layers.add_law_cfg(law_cfg, &project, &named);
        project.into_iter().for_each(|(_, table)| layers.add(table));
        named.into_iter().for_each(|table| layers.add(table));
        layers.add_variables(environment)?;
        for text in overrides {
            layers.add_override(text)?;
        }
        Ok(layers)
    }

    fn add(&mut self, table: Table) {
        tree::merge(&mut self.merged, table);
    }

    /// Adds a file; `false` if it is not there.
    fn add_file(&mut self, path: &Path, environment: &Environment) -> Result<bool> {
        let Some((file, bytes)) = read(path, environment)? else { return Ok(false) };
        self.add(parse(file, &bytes)?);
        Ok(true)
    }

    /// Adds a file that nobody named, if it is there. One that may not be read is told, and missed where a name is used.
    fn add_standing_file(&mut self, path: &Path, environment: &Environment) -> Result<()> {
        match self.add_file(path, environment) {
            Err(error) if error.kind() == ErrorKind::Forbidden => self.miss(error),
            other => drop(other?),
        }
        Ok(())
    }

    fn miss(&mut self, error: Error) {
        self.warnings.push(error.to_string());
        self.forbidden.get_or_insert(error);
    }

    /// Reads a file that was found beside the working directory.
    fn read_found(&mut self, path: &Path, environment: &Environment) -> Result<Option<(Arc<ConfigFile>, Vec<u8>)>> {
        match read(path, environment) {
            Err(error) if error.kind() == ErrorKind::Forbidden => {
                self.miss(error);
                Ok(None)
            }
            other => other,
        }
    }

    /// The files of the system and the user, in their order.
    fn standing_files(&mut self, environment: &Environment) -> Result<Vec<PathBuf>> {
        let mut files = vec![environment.system_directory.join("law.toml")];
        match drop_ins(&environment.system_directory.join("law.toml.d")) {
            Err(error) if error.kind() == ErrorKind::Forbidden => self.miss(error),
            found => files.extend(found?),
        }
        files.extend(environment.user_file());
        Ok(files)
    }

    /// What the Python package would read, too: the file that is named, the nearest one, or the user's.
    fn law_cfg(&mut self, environment: &Environment) -> Result<(Option<PathBuf>, LawCfg)> {
        let found = self.find_law_cfg(environment)?;
        let mut read = |path: &Path| {
            let found = self.read_found(path, environment)?;
            if let Some((file, _)) = found.as_ref().filter(|(file, _)| !file.is_own) {
                let why = "it is not yours, or others may write it";
                self.warnings.push(one_line(format_args!("{} is ignored: {why}", file.path.display())));
                return Ok(None);
            }
            Ok(found)
        };
        let file = found.as_ref().map(|(file, bytes)| (file, bytes.as_slice()));
        let law_cfg = law_cfg::parse(file, environment, &mut read)?;
        self.warnings.extend(law_cfg.warnings());
        Ok((found.map(|(file, _)| file.path.clone()), law_cfg))
    }

    /// Adds its file systems, but for those that get their doors from a later file: of these it says nothing.
    fn add_law_cfg(
        &mut self,
        (path, mut law_cfg): (Option<PathBuf>, LawCfg),
        project: &Option<(PathBuf, Table)>,
        named: &Option<Table>,
    ) {
        let later: Vec<String> = [project.as_ref().map(|(_, table)| table), named.as_ref()]
            .into_iter()
            .flatten()
            .flat_map(file_systems_with_doors)
            .collect();
        if let (Some(path), Some((law_toml, table))) = (path, project) {
            self.tell_beside(&path, &law_cfg, law_toml, table);
        }
        law_cfg.file_systems.retain(|name, _| !later.contains(name));
        law_cfg.broken.retain(|name, _| !later.contains(name));
        self.notes
            .extend(law_cfg.broken.iter().map(|(name, why)| one_line(format_args!("{name} cannot be used: {why}"))));
        self.broken = std::mem::take(&mut law_cfg.broken);
        self.add(law_cfg.into_table());
    }

    fn find_law_cfg(&mut self, environment: &Environment) -> Result<Option<(Arc<ConfigFile>, Vec<u8>)>> {
        if let Some(path) = environment.non_empty("LAW_CONFIG_FILE") {
            let path = environment.working_directory.join(path);
            let Some((file, bytes)) = read(&path, environment)? else {
                let remedy = "correct the environment variable LAW_CONFIG_FILE, or unset it";
                return Err(Error::new(ErrorKind::NotFound, path.display(), "there is no such file", remedy));
            };
            return Ok(Some((file, bytes)));
        }
        let Some(path) = self.nearest(law_cfg::NAME, &[], environment).or_else(|| user_law_cfg(environment)) else {
            return Ok(None);
        };
        Ok(self.read_found(&path, environment)?.filter(|(file, _)| file.is_own))
    }

    /// The nearest `law.toml` in or above the working directory that may count.
    fn project_file(&mut self, standing: &[PathBuf], environment: &Environment) -> Result<Option<(PathBuf, Table)>> {
        match self.nearest("law.toml", standing, environment) {
            Some(path) => Ok(self.own_project_file(&path, environment)?.map(|table| (path, table))),
            None => Ok(None),
        }
    }

    /// The nearest file of that name in or above the working directory that may count.
    fn nearest(&mut self, name: &str, standing: &[PathBuf], environment: &Environment) -> Option<PathBuf> {
        for directory in environment.working_directory.ancestors() {
            let path = directory.join(name);
            if standing.contains(&path) {
                continue;
            }
            match Ownership::of(&path, environment.user) {
                Ok(Ownership::Own) => {}
                Ok(Ownership::Foreign(_)) if is_trusted(&path, environment) => {}
                Ok(Ownership::Foreign(why)) => {
                    let shown = path.display();
                    let remedy = match path.is_file() {
                        true => format!("; law config trust {shown} makes it count, as it is now"),
                        false => String::new(),
                    };
                    self.warnings.push(one_line(format_args!("{shown} is ignored: {why}{remedy}")));
                    continue;
                }
                Err(error) if is_absent(&error) => continue,
                Err(error) => {
                    self.warnings.push(one_line(format_args!("{} is ignored: {error}", path.display())));
                    continue;
                }
            }
            return Some(path);
        }
        None
    }

    fn own_project_file(&mut self, path: &Path, environment: &Environment) -> Result<Option<Table>> {
        let Some((file, bytes)) = self.read_found(path, environment)? else { return Ok(None) };
        // Looked at again behind the open descriptor: the path may lead elsewhere by now.
        if file.is_own {
            return parse(file, &bytes).map(Some);
        }
        self.warnings.push(one_line(format_args!("{} is ignored: it changed hands", path.display())));
        Ok(None)
    }

    /// Says which file systems of a law.cfg a law.toml beside it has, too: that one counts.
    fn tell_beside(&mut self, path: &Path, law_cfg: &LawCfg, law_toml: &Path, table: &Table) {
        let is_theirs = |name: &String| law_cfg.file_systems.contains_key(name) || law_cfg.broken.contains_key(name);
        let both: Vec<String> = file_systems_with_doors(table).filter(is_theirs).collect();
        if path.parent() == law_toml.parent() && !both.is_empty() {
            let (law_toml, law_cfg, names) = (law_toml.display(), path.display(), both.join(", "));
            self.notes.push(one_line(format_args!("of {names}, {law_toml} counts and not {law_cfg} beside it")));
        }
    }

    fn named_file(&self, environment: &Environment) -> Result<Option<Table>> {
        let Some(path) = environment.non_empty("LAW_CONFIG") else { return Ok(None) };
        let path = environment.working_directory.join(path);
        if let Some((file, bytes)) = read(&path, environment)? {
            return parse(file, &bytes).map(Some);
        }
        let remedy = "correct the environment variable LAW_CONFIG, or unset it";
        Err(Error::new(ErrorKind::NotFound, path.display(), "there is no such file", remedy))
    }

    fn add_variables(&mut self, environment: &Environment) -> Result<()> {
        for (name, value) in &environment.variables {
            let is_ours = name.as_encoded_bytes().starts_with(b"LAW__") && law_cfg::variable_of(name).is_none();
            if is_ours {
                self.add(variable(name, value)?);
            }
        }
        Ok(())
    }

    fn add_override(&mut self, text: &str) -> Result<()> {
        // The text is not shown: it may hold a password.
        let malformed = || {
            let problem = "an override is no section.option=value";
            Error::new(ErrorKind::Malformed, Origin::CommandLine, problem, "write --set fs.NAME.option=value")
        };
        let (key, value) = text.split_once('=').ok_or_else(malformed)?;
        let names: Vec<_> = key.trim().split('.').collect();
        self.add(tree::single(&names, value, &Origin::CommandLine).ok_or_else(malformed)?);
        Ok(())
    }
}

/// The file systems of a file that says where they are.
fn file_systems_with_doors(table: &Table) -> impl Iterator<Item = String> {
    let named = match table.get("fs").map(|item| &item.node.value) {
        Some(tree::Value::Table(named)) => Some(named),
        _ => None,
    };
    let has_doors = |item: &tree::Item| match &item.node.value {
        tree::Value::Table(options) => options.contains_key("doors"),
        _ => true,
    };
    named.into_iter().flatten().filter(move |(_, item)| has_doors(item)).map(|(name, _)| name.clone())
}

fn defaults() -> Result<Table> {
    let lines = Lines::of(DEFAULTS);
    let origin = |offset| {
        let (line, column) = lines.position(offset);
        Origin::Default { line, column }
    };
    tree::parse(DEFAULTS, &origin)
        .map_err(|error| Error::new(ErrorKind::Malformed, origin(error.offset), error.problem, "this is a bug in law"))
}

/// Where the Python package keeps what belongs to the user.
fn user_law_cfg(environment: &Environment) -> Option<PathBuf> {
    let named = environment.non_empty("LAW_HOME").map(Path::to_owned);
    let home = named.or_else(|| environment.home.as_ref().map(|home| home.join(".law")))?;
    Some(home.join("config"))
}

/// `*.toml` of a directory by name; none where it is not there.
fn drop_ins(directory: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |error: io::Error| Error::new(unreadable(&error), directory.display(), error, "");
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>();
    let mut paths = paths.map_err(unreadable)?;
    paths.retain(|path| path.extension() == Some(OsStr::new("toml")));
    paths.sort();
    Ok(paths)
}

fn unreadable(error: &io::Error) -> ErrorKind {
    if error.kind() == io::ErrorKind::PermissionDenied { ErrorKind::Forbidden } else { ErrorKind::Unreadable }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether a file may speak for its finder.
enum Ownership {
    Own,
    Foreign(String),
}

impl Ownership {
    /// Looks at the file and, where it is reached by a symbolic link, at the link.
    fn of(path: &Path, user: u32) -> io::Result<Self> {
        let link = std::fs::symlink_metadata(path)?;
        let file = std::fs::metadata(path)?;
        Ok(match [link, file].iter().find_map(|metadata| foreign(metadata, user)) {
            Some(why) => Self::Foreign(why),
            None => Self::Own,
        })
    }
}

/// Why this is not one's own, if it is not.
fn foreign(metadata: &Metadata, user: u32) -> Option<String> {
    let (owner, mode) = (metadata.uid(), metadata.mode());
    if owner != user && owner != 0 {
        return Some(format!("it belongs to user {owner}, neither to you nor to root"));
    }
    if metadata.is_symlink() {
        return None;
    }
    if !metadata.is_file() {
        return Some("it is no regular file".to_owned());
    }
    (mode & 0o002 != 0).then(|| "everybody may write it (chmod o-w makes it count)".to_owned())
}

/// Whether the user has said so, of this content.
fn is_trusted(path: &Path, environment: &Environment) -> bool {
    // What is no file is not even opened.
    read_bytes(path).is_ok_and(|(_, bytes)| Trusted::load(environment).has(path, &bytes))
}

/// The bytes of a file and what it is; `None` if it is not there.
pub(crate) fn read(path: &Path, environment: &Environment) -> Result<Option<(Arc<ConfigFile>, Vec<u8>)>> {
    match read_bytes(path) {
        Ok((metadata, bytes)) => {
            let is_own = foreign(&metadata, environment.user).is_none() || Trusted::load(environment).has(path, &bytes);
            let file = ConfigFile { path: path.to_owned(), mode: metadata.mode() & 0o7777, is_own };
            Ok(Some((Arc::new(file), bytes)))
        }
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => {
            let remedy = "make it readable, or move it away: no NAME: counts until then";
            Err(Error::new(unreadable(&error), path.display(), error, remedy))
        }
    }
}

pub(crate) fn read_bytes(path: &Path) -> io::Result<(Metadata, Vec<u8>)> {
    // Before it is opened, as opening a pipe would wait for a writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is longer than 1 MiB"));
    }
    Ok((metadata, bytes))
}

fn parse(file: Arc<ConfigFile>, bytes: &[u8]) -> Result<Table> {
    let valid = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let lines = Lines::of(valid);
    let origin = |offset| {
        let (line, column) = lines.position(offset);
        Origin::File { file: Arc::clone(&file), line, column }
    };
    let malformed = |offset: usize, problem: &str| {
        Error::new(ErrorKind::Malformed, origin(offset), format!("this is no TOML: {problem}"), "correct it there")
    };
    if valid.len() < bytes.len() {
        return Err(malformed(valid.len(), "it is not UTF-8"));
    }
    tree::parse(valid, &origin).map_err(|error| malformed(error.offset, &error.problem))
}

/// Where lines begin.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let behind_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(behind_breaks).collect() }
    }

    /// Line and column from 1. Columns count characters; in lines that no editor made, bytes.
    fn position(&self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        let is_sane = offset - start < 4096;
        let characters = self.text.get(start..offset).filter(|_| is_sane).map(|before| before.chars().count());
        (line, characters.unwrap_or(offset - start) + 1)
    }
}

fn variable(name: &OsStr, value: &OsStr) -> Result<Table> {
    let origin = Origin::Environment { variable: name.to_string_lossy().into_owned() };
    let malformed = |problem: &str| Error::new(ErrorKind::Malformed, &origin, problem, "unset it, or correct it");
    let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else { return Err(malformed("it is not UTF-8")) };
    let names: Vec<_> = name.split("__").skip(1).collect();
    tree::single(&names, value, &origin).ok_or_else(|| malformed("it is no LAW__section__option"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters() {
        let lines = Lines::of("a\n\u{e9}\u{e9}=1");
        assert_eq!([lines.position(0), lines.position(1), lines.position(6)], [(1, 1), (1, 2), (2, 3)]);
        assert_eq!(lines.position(99), (2, 5));
        assert_eq!([Lines::of("").position(0), Lines::of("\n").position(1)], [(1, 1), (2, 1)]);
    }
}
