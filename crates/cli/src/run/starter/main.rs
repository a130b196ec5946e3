//! Tasks: what `law run` makes. `law run` lists them, `law run NAME --help` tells the parameters of one.

use law::prelude::*;
use law::task::{Context, Task, TaskResult};
use law::workflow::{Branch, BranchMap, Branches, Workflow};

/// Where everything is written: a directory here, or that of a storage, such as wlcg:greetings.
fn store() -> TaskResult<DirectoryTarget> {
    Ok(DirectoryTarget::at("data")?)
}

/// Writes one word of the greeting per branch.
#[derive(Workflow)]
struct Words {}

impl Workflow for Words {
    type Branch = &'static str;
    type Requires = ();
    type Output = FileTarget;

    fn branch_map(&self) -> TaskResult<BranchMap<&'static str>> {
        Ok(vec!["hello", "dear"].into())
    }

    fn output(&self, branch: &Branch<&'static str>) -> TaskResult<FileTarget> {
        Ok(store()?.child(format!("words/{}.txt", branch.index)))
    }

    fn run(&self, branch: &Branch<&'static str>, _: &Context) -> TaskResult {
        self.output(branch)?.dump(branch.data, Text)?;
        Ok(())
    }
}

/// Puts the words together.
#[derive(Task)]
struct Greeting {
    /// Whom to greet.
    #[param(default = "you")]
    name: String,
}

impl Task for Greeting {
    type Requires = Branches<Words>;
    type Output = FileTarget;

    fn output(&self) -> TaskResult<FileTarget> {
        Ok(store()?.child(format!("greeting_{}.txt", self.name)))
    }

    fn run(&self, context: &Context) -> TaskResult {
        let mut greeting = String::new();
        for word in self.input()?.values() {
            let word: String = word.load(Text)?;
            greeting += &format!("{word} ");
        }
        greeting += &self.name;
        context.publish_message(&greeting);
        self.output()?.dump(greeting, Text)?;
        Ok(())
    }
}

fn main() -> std::process::ExitCode {
    law::main()
}
