//! Branches that are known by what they mean and not by their numbers: each has a letter and a case, and another task asks for one of them by both.
//!
//! ```console
//! $ cargo run --example workflow_parameters -- Letters
//! $ cargo run --example workflow_parameters -- Word --letters abc --upper
//! ```

use law::prelude::*;
use law::task::{Context, Parameters as _, Task, TaskResult};
use law::workflow::{Branch, BranchMap, BranchTask, Workflow};

/// What a branch is about.
#[derive(Clone, PartialEq)]
struct Letter {
    letter: char,
    upper: bool,
}

/// Writes one letter per branch, in both cases.
#[derive(Workflow)]
struct Letters {}

impl Letters {
    /// The branch that is about something.
    fn with(&self, wanted: &Letter) -> TaskResult<usize> {
        let found = self.branch_map()?.iter().position(|letter| letter == wanted);
        found.ok_or_else(|| anyhow::anyhow!("no branch is about {:?}", wanted.letter))
    }
}

impl Workflow for Letters {
    type Branch = Letter;
    type Requires = ();
    type Output = FileTarget;

    fn branch_map(&self) -> TaskResult<BranchMap<Letter>> {
        Ok(('a'..='z').flat_map(|letter| [false, true].map(|upper| Letter { letter, upper })).collect())
    }

    fn output(&self, branch: &Branch<Letter>) -> TaskResult<FileTarget> {
        let Letter { letter, upper } = branch.data;
        Ok(DirectoryTarget::at("data")?.child(format!("{letter}_{}.txt", if upper { "upper" } else { "lower" })))
    }

    fn run(&self, branch: &Branch<Letter>, _: &Context) -> TaskResult {
        let Letter { letter, upper } = branch.data;
        self.output(branch)?.dump(if upper { letter.to_ascii_uppercase() } else { letter }.to_string(), Text)?;
        Ok(())
    }
}

/// Puts some letters together.
#[derive(Task)]
struct Word {
    letters: String,
    #[param(default = false)]
    upper: bool,
}

impl Task for Word {
    type Requires = Vec<BranchTask<Letters>>;
    type Output = FileTarget;

    fn requires(&self) -> TaskResult<Vec<BranchTask<Letters>>> {
        let letters = Letters::req(self)?;
        let branch = |letter| BranchTask::req(self, letters.with(&Letter { letter, upper: self.upper })?);
        self.letters.chars().map(branch).collect()
    }

    fn output(&self) -> TaskResult<FileTarget> {
        Ok(DirectoryTarget::at("data")?.child(format!("word_{}_{}.txt", self.letters, self.upper)))
    }

    fn run(&self, _: &Context) -> TaskResult {
        let letters: law::Result<Vec<String>> = self.input()?.iter().map(|file| file.load(Text)).collect();
        self.output()?.dump(letters?.concat(), Text)?;
        Ok(())
    }
}

fn main() -> std::process::ExitCode {
    law::main()
}
