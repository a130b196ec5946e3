//! The branches of a `tasks.toml`: numbers, a list, files that match a pattern, lines or JSON of a file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use law_target::{AnyTarget, DirectoryTarget, FileTarget};
use law_task::{TaskResult, Work};
use serde::Deserialize;

use super::task::Required;
use super::template::Template;

/// What stands behind `branches`.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "branches are a number, a range such as \"0:10\", a list, or a table with range, list, glob, lines, json, lines_of or json_of, and chunk"
)]
pub(super) enum Said {
    Count(u64),
    Range(String),
    List(Vec<toml::Value>),
    Table(Table),
}

/// The table that says more.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    range: Option<String>,
    list: Option<Vec<toml::Value>>,
    glob: Option<String>,
    lines: Option<String>,
    json: Option<String>,
    lines_of: Option<String>,
    json_of: Option<String>,
    /// So many things in each branch.
    chunk: Option<usize>,
}

/// What is known of one branch: words by their names, `branch_data` and `branch_data.KEY`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Data(BTreeMap<String, Vec<String>>);

/// Where the branches of a workflow come from.
pub(super) struct Source {
    pub(super) from: From,
    pub(super) chunk: Option<usize>,
}

pub(super) enum From {
    Things(Vec<Data>),
    Glob(Template),
    Text(Format, File),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Lines,
    Json,
}

/// A file that tells the branches.
pub(super) enum File {
    At(Template),
    OutputOf(Required),
}

/// Numbered branches of a workflow: as many fit into the memory of any machine.
const MOST: u64 = 10_000_000;

/// The name of what a branch works on.
const DATA: &str = "branch_data";

/// The name of its local copy.
pub(super) const LOCAL: &str = "branch_data.local";

/// A table as it was said, with what can be made of texts only elsewhere.
pub(super) enum Wanted {
    Things(Vec<Data>),
    Glob(String),
    Text(Format, String),
    TextOf(Format, String),
}

impl Said {
    /// What was meant, and how many things there are in each branch.
    ///
    /// # Errors
    /// What it cannot be, in words.
    pub(super) fn wanted(&self) -> Result<(Wanted, Option<usize>), String> {
        let wanted = match self {
            Self::Count(count) => Wanted::Things(numbers(0..*count)?),
            Self::Range(text) => Wanted::Things(numbers(range(text)?)?),
            Self::List(list) => Wanted::Things(things(list)?),
            Self::Table(table) => return Ok((table.wanted()?, table.chunk.filter(|chunk| *chunk > 0))),
        };
        Ok((wanted, None))
    }
}

impl Said {
    /// The task that tells the branches.
    pub(super) fn told_by(&self) -> Option<&str> {
        match self {
            Self::Table(table) => table.lines_of.as_deref().or(table.json_of.as_deref()),
            _ => None,
        }
    }
}

impl Table {
    fn wanted(&self) -> Result<Wanted, String> {
        let things = self.list.as_ref().map(|list| things(list).map(Wanted::Things));
        let ranges = self.range.as_ref().map(|text| Ok(Wanted::Things(numbers(range(text)?)?)));
        let text = |text: &Option<String>, wanted: fn(String) -> Wanted| text.clone().map(|text| Ok(wanted(text)));
        let said = [
            things,
            ranges,
            text(&self.glob, Wanted::Glob),
            text(&self.lines, |text| Wanted::Text(Format::Lines, text)),
            text(&self.json, |text| Wanted::Text(Format::Json, text)),
            text(&self.lines_of, |text| Wanted::TextOf(Format::Lines, text)),
            text(&self.json_of, |text| Wanted::TextOf(Format::Json, text)),
        ];
        let mut said = said.into_iter().flatten();
        match (said.next(), said.next()) {
            (Some(only), None) => only,
            _ => Err("branches are one of range, list, glob, lines, json, lines_of and json_of, with or without chunk"
                .into()),
        }
    }
}

impl Wanted {
    /// The names that a command can use; none if everything may be there.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        match self {
            Self::Things(things) if things.is_empty() => Some(vec![DATA.into()]),
            Self::Things(things) => Some(things.iter().flat_map(|data| data.0.keys().cloned()).collect()),
            Self::Glob(_) => Some([DATA, LOCAL, "branch_data.name", "branch_data.stem"].map(Into::into).into()),
            Self::Text(Format::Lines, _) | Self::TextOf(Format::Lines, _) => Some([DATA, LOCAL].map(Into::into).into()),
            Self::Text(Format::Json, _) | Self::TextOf(Format::Json, _) => None,
        }
    }
}

impl Data {
    pub(super) fn get(&self, name: &str) -> Option<&Vec<String>> {
        self.0.get(name)
    }

    /// Local copies of the files that the branch works on, which stay as long as they are held.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn localized(&self, directory: &Path) -> TaskResult<Vec<law_target::LocalizedRead>> {
        let places = self.0.get(DATA).into_iter().flatten();
        places.map(|place| Ok(FileTarget::at(super::task::below(directory, place))?.localize_read()?)).collect()
    }

    fn one(word: String) -> Self {
        Self(BTreeMap::from([(DATA.into(), vec![word])]))
    }

    fn file(place: &str) -> Self {
        let name = place.rsplit('/').next().unwrap_or(place);
        let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
        let mut data = Self::one(place.into());
        data.0.insert("branch_data.name".into(), vec![name.into()]);
        data.0.insert("branch_data.stem".into(), vec![stem.into()]);
        data
    }

    /// One for several, with the words of all.
    fn joined(several: &[Self]) -> Self {
        let mut joined: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, words) in several.iter().flat_map(|one| &one.0) {
            joined.entry(name.clone()).or_default().extend(words.iter().cloned());
        }
        Self(joined)
    }
}

impl Source {
    /// What the branches work on.
    ///
    /// # Errors
    /// Such as a listing that fails, and a file that is no such text.
    pub(super) fn read(&self, task: &super::task::CommandTask) -> TaskResult<Vec<Data>> {
        let all = match &self.from {
            From::Things(things) => things.clone(),
            From::Glob(template) => {
                let pattern = task.place(template)?;
                matching(pattern.to_str().ok_or_else(|| anyhow::anyhow!("{pattern:?} is not UTF-8"))?)?
            }
            From::Text(format, file) => {
                let file = task.told_by(file)?;
                let text: String = file.load(law_formatters::Text)?;
                format.read(&text).map_err(|wrong| anyhow::anyhow!("{file}: {wrong}"))?
            }
        };
        Ok(match self.chunk {
            Some(chunk) => all.chunks(chunk).map(Data::joined).collect(),
            None => all,
        })
    }

    /// The task that tells the branches, if one does.
    ///
    /// # Errors
    /// Those of making it.
    pub(super) fn requires(&self, task: &super::task::CommandTask) -> TaskResult<Vec<std::sync::Arc<dyn Work>>> {
        match &self.from {
            From::Text(_, File::OutputOf(required)) => Ok(vec![task.required(required)?]),
            _ => Ok(Vec::new()),
        }
    }
}

impl Format {
    fn read(self, text: &str) -> Result<Vec<Data>, String> {
        if self == Self::Lines {
            let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
            return Ok(lines.map(|line| Data::one(line.into())).collect());
        }
        let value: serde_json::Value = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
        match value {
            serde_json::Value::Array(values) => Ok(values.iter().map(of_json).collect()),
            _ => Err("not a JSON array: one element for each branch".into()),
        }
    }
}

fn of_json(value: &serde_json::Value) -> Data {
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), Into::into);
    let mut data = Data::one(text(value));
    for (key, value) in value.as_object().into_iter().flatten() {
        data.0.insert(format!("{DATA}.{key}"), vec![text(value)]);
    }
    data
}

/// `5:10`, the end not among them.
fn range(text: &str) -> Result<Range<u64>, String> {
    let wrong = || format!("{text:?} is no range, such as 0:10, whose end is not among the numbers");
    let (begin, end) = text.split_once(':').ok_or_else(wrong)?;
    let begin = if begin.is_empty() { 0 } else { begin.trim().parse().map_err(|_| wrong())? };
    let end = end.trim().parse().map_err(|_| wrong())?;
    if begin <= end { Ok(begin..end) } else { Err(wrong()) }
}

fn numbers(range: Range<u64>) -> Result<Vec<Data>, String> {
    if range.end - range.start > MOST {
        return Err(format!(
            "{} branches are more than {MOST}: let each have several numbers",
            range.end - range.start
        ));
    }
    Ok(range.map(|number| Data::one(number.to_string())).collect())
}

fn things(list: &[toml::Value]) -> Result<Vec<Data>, String> {
    list.iter().map(thing).collect()
}

fn thing(value: &toml::Value) -> Result<Data, String> {
    let toml::Value::Table(table) = value else { return Ok(Data::one(word(value)?)) };
    let words = table.iter().map(|(key, value)| Ok((format!("{DATA}.{key}"), vec![word(value)?])));
    Ok(Data(words.collect::<Result<_, String>>()?))
}

fn word(value: &toml::Value) -> Result<String, String> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Table(_) | toml::Value::Array(_) => {
            Err("a value of a branch is a text, a number, true or false".into())
        }
        other => Ok(other.to_string()),
    }
}

/// The files that match a pattern, in the order of their names.
fn matching(pattern: &str) -> TaskResult<Vec<Data>> {
    let wild = pattern.find(['*', '?', '[', '{']).unwrap_or(pattern.len());
    let cut = pattern[..wild].rfind(['/', ':']).map_or(0, |place| place + 1);
    let (directory, pattern) = pattern.split_at(cut);
    let directory = match directory {
        "" => ".",
        "/" => "/",
        other => other.strip_suffix('/').unwrap_or(other),
    };
    let directory = DirectoryTarget::at(directory)?;
    let top = directory.place()?.path.segments().count();
    let is_meant = |file: &FileTarget| {
        let mut names = file.path().segments().skip(top);
        hidden_is_meant(pattern) || !names.any(|name| name.starts_with(b"."))
    };
    let found = directory.glob(pattern)?.into_iter().filter_map(AnyTarget::file).filter(is_meant);
    let found: Vec<Data> = found.map(|file| Data::file(&file.to_string())).collect();
    anyhow::ensure!(!found.is_empty(), "nothing matches {pattern} in {directory}");
    Ok(found)
}

/// As in a shell, names that begin with a dot are meant only by patterns that do: ours, of what is not whole yet, and records are such.
fn hidden_is_meant(pattern: &str) -> bool {
    pattern.split('/').any(|part| part.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(text: &str) -> Result<(Wanted, Option<usize>), String> {
        let table: toml::Table = text.parse().unwrap();
        let said: Said = table["branches"].clone().try_into().map_err(|error: toml::de::Error| error.to_string())?;
        said.wanted()
    }

    fn words(text: &str) -> Vec<String> {
        let Ok((Wanted::Things(things), _)) = wanted(text) else { panic!("{text}") };
        things.iter().map(|data| data.0.values().flatten().cloned().collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn numbers_and_lists() {
        assert_eq!(words("branches = 3"), ["0", "1", "2"]);
        assert_eq!(words("branches = '2:4'"), ["2", "3"]);
        assert_eq!(words("branches = { range = ':2' }"), ["0", "1"]);
        assert_eq!(words("branches = ['a', 1, true]"), ["a", "1", "true"]);
        assert_eq!(words("branches = [{ name = 'a', n = 1 }]"), ["1 a"]);
        assert!(words("branches = 0").is_empty());
        for bad in [
            "branches = '3'",
            "branches = '4:2'",
            "branches = [[1]]",
            "branches = {}",
            "branches = -1",
            "branches = 10000001",
        ] {
            assert!(wanted(bad).is_err(), "{bad}");
        }
        assert!(wanted("branches = { glob = '*', lines = 'a' }").is_err());
        assert!(wanted("branches = { globs = '*' }").is_err());
    }

    #[test]
    fn lines_and_json() {
        let read = |format: Format, text| {
            let all = format.read(text)?;
            Ok(all.iter().map(|data| format!("{:?}", data.0)).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(
            read(Format::Lines, "a\nb c\r\n\n"),
            Ok(r#"{"branch_data": ["a"]} {"branch_data": ["b c"]}"#.into())
        );
        let objects = r#"[{"n": 1, "name": "a"}]"#;
        assert!(
            read(Format::Json, objects).unwrap().ends_with(r#""branch_data.n": ["1"], "branch_data.name": ["a"]}"#)
        );
        for bad in ["", "{}", "[1", "\"a\""] {
            let refused: Result<String, String> = read(Format::Json, bad);
            assert!(refused.is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_hidden_is_no_branch() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join(".law")).unwrap();
        for name in ["a.txt", ".b.txt.0123456789abcdef.lawpart", ".law/a.txt.json", ".hidden.txt"] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let names = |pattern: &str| {
            let found = matching(directory.path().join(pattern).to_str().unwrap())?;
            Ok::<_, anyhow::Error>(
                found.iter().map(|data| data.get("branch_data.name").unwrap().concat()).collect::<Vec<_>>(),
            )
        };
        assert_eq!(names("*").unwrap(), ["a.txt"]);
        assert_eq!(names("**").unwrap(), ["a.txt"]);
        assert_eq!(names(".h*").unwrap(), [".hidden.txt"]);
        assert!(names("*.root").unwrap_err().to_string().starts_with("nothing matches *.root in "));
        assert!(names("nowhere/*").is_err());
    }

    #[test]
    fn chunks_have_the_words_of_all() {
        let chunk = Data::joined(&[Data::file("store/a.tar.gz"), Data::file("b.root")]);
        assert_eq!(chunk.get("branch_data").unwrap(), &["store/a.tar.gz", "b.root"]);
        assert_eq!(chunk.get("branch_data.stem").unwrap(), &["a", "b"]);
    }
}
