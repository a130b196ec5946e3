//! The letters of some files are counted, the counts are put together, and the most frequent letters are shown: `tasks.toml` beside this file in Rust.
//!
//! ```console
//! $ cargo run --example loremipsum -- ShowFrequencies --texts examples/loremipsum/texts --workers 4
//! ```

use std::collections::BTreeMap;

use law::prelude::*;
use law::task::{Context, Task, TaskResult};
use law::workflow::{Branch, BranchMap, Branches, Workflow};

type Counts = BTreeMap<char, u64>;

fn store() -> TaskResult<DirectoryTarget> {
    Ok(DirectoryTarget::at("data")?)
}

/// Counts the letters of one file per branch.
#[derive(Workflow)]
struct CountLetters {
    /// Where the files are: a directory, or that of a storage.
    texts: String,
}

impl Workflow for CountLetters {
    type Branch = FileTarget;
    type Requires = ();
    type Output = FileTarget;

    fn branch_map(&self) -> TaskResult<BranchMap<FileTarget>> {
        let found = DirectoryTarget::at(&self.texts)?.glob("*.txt")?;
        Ok(found.into_iter().filter_map(AnyTarget::file).collect())
    }

    fn output(&self, branch: &Branch<FileTarget>) -> TaskResult<FileTarget> {
        Ok(store()?.child(format!("counts_{}.json", branch.data.basename())))
    }

    fn run(&self, branch: &Branch<FileTarget>, _: &Context) -> TaskResult {
        let text: String = branch.data.load(Text)?;
        let mut counts = Counts::new();
        for letter in text.chars().filter(char::is_ascii_lowercase) {
            *counts.entry(letter).or_default() += 1;
        }
        self.output(branch)?.dump(counts, Json)?;
        Ok(())
    }
}

/// Puts the counts of all files together.
#[derive(Task)]
struct MergeCounts {
    texts: String,
}

impl Task for MergeCounts {
    type Requires = Branches<CountLetters>;
    type Output = FileTarget;

    fn output(&self) -> TaskResult<FileTarget> {
        Ok(store()?.child("counts.json"))
    }

    fn run(&self, _: &Context) -> TaskResult {
        let mut all = Counts::new();
        for file in self.input()?.values() {
            let counts: Counts = file.load(Json)?;
            counts.into_iter().for_each(|(letter, count)| *all.entry(letter).or_default() += count);
        }
        self.output()?.dump(all, Json)?;
        Ok(())
    }
}

/// Shows the most frequent letters.
#[derive(Task)]
struct ShowFrequencies {
    texts: String,
    /// How many letters are shown.
    #[param(default = 3)]
    most: usize,
}

impl Task for ShowFrequencies {
    type Requires = MergeCounts;
    type Output = FileTarget;

    fn output(&self) -> TaskResult<FileTarget> {
        Ok(store()?.child(format!("frequencies_{}.txt", self.most)))
    }

    fn run(&self, context: &Context) -> TaskResult {
        let counts: Counts = self.input()?.load(Json)?;
        let mut counts: Vec<(char, u64)> = counts.into_iter().collect();
        counts.sort_by_key(|(letter, count)| (std::cmp::Reverse(*count), *letter));
        let lines = counts.iter().take(self.most).map(|(letter, count)| format!("{count} {letter}\n"));
        let text: String = lines.collect();
        text.lines().for_each(|line| context.publish_message(line));
        self.output()?.dump(text, Text)?;
        Ok(())
    }
}

fn main() -> std::process::ExitCode {
    law::main()
}
