//! Documents that say what the program does, and a home in which that is tried.

mod chance;
mod home;

use std::collections::BTreeMap;

pub(crate) use chance::without_chance;
pub(crate) use home::{Home, Served};

/// A fenced block: what stands behind the three backticks, and its lines.
pub(crate) struct Block<'a> {
    pub(crate) language: &'a str,
    pub(crate) text: &'a str,
}

pub(crate) fn blocks(document: &str) -> Vec<Block<'_>> {
    let fenced = document.split("```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').unwrap()).map(|(language, text)| Block { language, text }).collect()
}

/// The lines below a heading, up to the next one.
pub(crate) fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let (_, below) = document.split_once(&format!("\n## {heading}\n")).unwrap();
    below.split("\n## ").next().unwrap()
}

/// A table of exit codes, in a document of its own or in a section: code and meaning.
pub(crate) fn exit_codes(table: &str) -> BTreeMap<&str, &str> {
    let rows = table.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.map(|row| row.split(" |").map(str::trim).collect::<Vec<_>>());
    cells.skip(1).map(|cells| (cells[0], cells[1].trim_start_matches("| "))).collect()
}

/// What `law fs --help` prints.
pub(crate) struct Help(String);

impl Help {
    pub(crate) fn of_law_fs() -> Self {
        Self(String::from_utf8(Home::new().law_fs("--help").output().unwrap().stdout).unwrap())
    }

    /// The names of the commands.
    pub(crate) fn commands(&self) -> Vec<&str> {
        let listed = self.0.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
        let indented = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        let names = indented.filter_map(|line| line.split_whitespace().next());
        names.filter(|name| *name != "help").collect()
    }

    /// Code and meaning, as in the tables of the documents.
    pub(crate) fn exit_codes(&self) -> BTreeMap<String, String> {
        let codes = self.0.split("Exit codes: ").nth(1).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        let pairs = codes.split("; ").map(|code| code.split_once(' ').unwrap());
        pairs.map(|(code, meaning)| (code.to_owned(), meaning.to_owned())).collect()
    }
}
