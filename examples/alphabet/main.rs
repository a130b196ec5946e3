//! A workflow of 26 branches, each of which writes a letter, and a task that puts them together.
//!
//! ```console
//! $ cargo run --example alphabet -- CreateAlphabet --version v1 --print-status 1
//! $ cargo run --example alphabet -- CreateAlphabet --version v1 --workers 4
//! $ cargo run --example alphabet -- CreateChars --version v1 --branch 0
//! ```

use law::prelude::*;
use law::task::{Context, Task, TaskResult};
use law::workflow::{Branch, BranchMap, Branches, Workflow};
use serde_json::{Value, json};

/// Writes one letter of the alphabet per branch.
#[derive(Workflow)]
struct CreateChars {
    /// Where everything is written: a directory here, or that of a storage, such as wlcg:alphabet.
    #[param(default = "data", significant = false)]
    store: String,
    #[param(default = "v1")]
    version: String,
}

impl Workflow for CreateChars {
    type Branch = u8;
    type Requires = ();
    type Output = FileTarget;

    fn branch_map(&self) -> TaskResult<BranchMap<u8>> {
        Ok((b'a'..=b'z').collect())
    }

    fn output(&self, branch: &Branch<u8>) -> TaskResult<FileTarget> {
        Ok(DirectoryTarget::at(&self.store)?.child(format!("{}/char_{}.json", self.version, branch.index)))
    }

    fn run(&self, branch: &Branch<u8>, _: &Context) -> TaskResult {
        self.output(branch)?.dump(json!({ "char": branch.data as char }), Json)?;
        Ok(())
    }
}

/// Puts the letters together.
#[derive(Task)]
struct CreateAlphabet {
    #[param(default = "data", significant = false)]
    store: String,
    #[param(default = "v1")]
    version: String,
}

impl Task for CreateAlphabet {
    type Requires = Branches<CreateChars>;
    type Output = FileTarget;

    fn output(&self) -> TaskResult<FileTarget> {
        Ok(DirectoryTarget::at(&self.store)?.child(format!("{}/alphabet.txt", self.version)))
    }

    fn run(&self, context: &Context) -> TaskResult {
        let mut alphabet = String::new();
        for file in self.input()?.values() {
            let letter: Value = file.load(Json)?;
            alphabet += letter["char"].as_str().unwrap_or("?");
        }
        context.publish_message(format!("the alphabet is {alphabet}"));
        self.output()?.dump(alphabet, Text)?;
        Ok(())
    }
}

fn main() -> std::process::ExitCode {
    law::main()
}
