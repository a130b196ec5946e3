//! Tasks that write very many small files: what `cargo xtask bench "/tasks "` measures.
//!
//! ```console
//! $ cargo run --release --example many_files -- CreateFiles --place ./out --n 5000
//! $ cargo run --release --example many_files -- Top --place ./out --n 5000 --print-status 1
//! ```

use law::prelude::*;
use law::task::{Context, Task, TaskResult};
use law::workflow::{Branch, BranchMap, Branches, Workflow};
use serde_json::json;

/// One task, one small file.
#[derive(Task)]
struct Trivial {
    place: String,
    #[param(default = "t")]
    tag: String,
}

impl Task for Trivial {
    type Requires = ();
    type Output = FileTarget;

    fn output(&self) -> TaskResult<FileTarget> {
        Ok(DirectoryTarget::at(&self.place)?.child(format!("trivial/out_{}.json", self.tag)))
    }

    fn run(&self, _: &Context) -> TaskResult {
        self.output()?.dump(json!({ "tag": self.tag }), Json)?;
        Ok(())
    }
}

/// As many branches as one likes, each with one small file.
#[derive(Workflow)]
struct CreateFiles {
    place: String,
    #[param(default = 100)]
    n: usize,
}

impl Workflow for CreateFiles {
    type Branch = ();
    type Requires = ();
    type Output = FileTarget;

    fn branch_map(&self) -> TaskResult<BranchMap<()>> {
        Ok(BranchMap::numbered(self.n))
    }

    fn output(&self, branch: &Branch<()>) -> TaskResult<FileTarget> {
        Ok(DirectoryTarget::at(&self.place)?.child(format!("files_{}/f_{}.json", self.n, branch.index)))
    }

    fn run(&self, branch: &Branch<()>, _: &Context) -> TaskResult {
        self.output(branch)?.dump(json!({ "branch": branch.index }), Json)?;
        Ok(())
    }
}

/// Requires all of them.
#[derive(Task)]
struct Top {
    place: String,
    #[param(default = 100)]
    n: usize,
}

impl Task for Top {
    type Requires = Branches<CreateFiles>;
    type Output = FileTarget;

    fn output(&self) -> TaskResult<FileTarget> {
        Ok(DirectoryTarget::at(&self.place)?.child(format!("top_{}.json", self.n)))
    }

    fn run(&self, _: &Context) -> TaskResult {
        self.output()?.dump(json!({ "n": self.input()?.len() }), Json)?;
        Ok(())
    }
}

fn main() -> std::process::ExitCode {
    law::main()
}
