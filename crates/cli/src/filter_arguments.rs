//! Which files of a tree are meant, as it is typed.

use std::fs;
use std::path::{Path as OsPath, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Args;
use law_storage::{Error, ErrorKind, Path, Result};
use law_transfer::Filter;

use crate::arguments::{bytes, duration};

/// Which files are meant: the rules of rclone.
#[derive(Args, Default)]
pub(crate) struct FilterArguments {
    /// Only files like that, such as '*.root', /top/** or run{1,2}/.
    #[arg(long, value_name = "PATTERN", help_heading = "Which files")]
    include: Vec<String>,

    /// No files like that.
    #[arg(long, value_name = "PATTERN", help_heading = "Which files")]
    exclude: Vec<String>,

    /// A rule: '+ PATTERN' or '- PATTERN'; the first that matches decides.
    #[arg(long, value_name = "RULE", help_heading = "Which files")]
    filter: Vec<String>,

    /// Patterns to include, one a line.
    #[arg(long, value_name = "FILE", help_heading = "Which files")]
    include_from: Vec<PathBuf>,

    /// Patterns to exclude, one a line.
    #[arg(long, value_name = "FILE", help_heading = "Which files")]
    exclude_from: Vec<PathBuf>,

    /// Rules, one a line.
    #[arg(long, value_name = "FILE", help_heading = "Which files")]
    filter_from: Vec<PathBuf>,

    /// Only the files in this list, one path below the source a line; nothing is listed.
    #[arg(long, value_name = "FILE", help_heading = "Which files")]
    files_from: Vec<PathBuf>,

    /// Only files of at least that size, such as 10M.
    #[arg(long, value_name = "SIZE", value_parser = bytes, help_heading = "Which files")]
    min_size: Option<u64>,

    /// Only files of at most that size.
    #[arg(long, value_name = "SIZE", value_parser = bytes, help_heading = "Which files")]
    max_size: Option<u64>,

    /// Only files that changed at least that long ago, such as 7d.
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Which files")]
    min_age: Option<Duration>,

    /// Only files that changed at most that long ago.
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Which files")]
    max_age: Option<Duration>,
}

impl FilterArguments {
    /// What is meant, in the order in which rclone takes its options.
    pub(crate) fn filter(&self) -> Result<Filter> {
        let mut filter = Filter::default();
        for pattern in all(&self.include, &self.include_from)? {
            filter = filter.include(&pattern)?;
        }
        let only = !filter.is_empty();
        for pattern in all(&self.exclude, &self.exclude_from)? {
            filter = filter.exclude(&pattern)?;
        }
        for rule in all(&self.filter, &self.filter_from)? {
            filter = filter.rule(&rule)?;
        }
        if only {
            filter = filter.exclude("**")?;
        }
        for list in &self.files_from {
            filter = filter.only(names(list)?);
        }
        let now = SystemTime::now();
        let ago = |age: Option<Duration>| age.and_then(|age| now.checked_sub(age));
        Ok(filter.sized(self.min_size, self.max_size).modified(ago(self.max_age), ago(self.min_age)))
    }
}

fn all(typed: &[String], files: &[PathBuf]) -> Result<Vec<String>> {
    let mut all = typed.to_vec();
    for file in files {
        let text = String::from_utf8(read(file)?)
            .map_err(|_| Error::new(ErrorKind::InvalidInput, "patterns are UTF-8").at(file.display()))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
        all.extend(lines.map(str::to_owned));
    }
    Ok(all)
}

/// Paths are bytes: whatever stands in a line is one.
fn names(list: &OsPath) -> Result<Vec<Path>> {
    let text = read(list)?;
    let lines = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let named = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    named.map(|line| Ok(Path::parse(line)?)).collect()
}

/// The content of a file, or of standard input.
fn read(file: &OsPath) -> Result<Vec<u8>> {
    use std::io::Read as _;
    let mut content = Vec::new();
    let read = match file.as_os_str() == "-" {
        true => std::io::stdin().read_to_end(&mut content).map(drop),
        false => fs::read(file).map(|read| content = read),
    };
    read.map_err(|e| Error::from(e).at(file.display()))?;
    Ok(content)
}
