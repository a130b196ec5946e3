//! Workflows as a user writes them: branches, chosen ones, maps that depend on other tasks, and branches that fail.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails where it stands")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use law::formatters::Json;
use law::target::{DirectoryTarget, FileTarget};
use law::task::{
    Context, Families, Outcome, Parameters as _, Ranges, Requires as _, Run, Settings, Summary, Task, TaskResult,
    Value as _, Values, Work, run, tree,
};
use law::workflow::{Branch, BranchMap, BranchTask, Branches, Goal, Selection, Workflow};

fn file(directory: &Path, name: &str) -> TaskResult<FileTarget> {
    Ok(DirectoryTarget::at(directory)?.child(name))
}

fn listed(directory: &Path) -> Vec<String> {
    DirectoryTarget::at(directory).unwrap().listdir(None, None).unwrap()
}

/// Writes one letter of the alphabet per branch.
#[derive(Workflow)]
struct CreateChars {
    place: PathBuf,
}

impl Workflow for CreateChars {
    type Branch = u8;
    type Requires = ();
    type Output = FileTarget;

    fn branch_map(&self) -> TaskResult<BranchMap<u8>> {
        Ok((b'a'..=b'z').collect())
    }

    fn output(&self, branch: &Branch<u8>) -> TaskResult<FileTarget> {
        file(&self.place, &format!("char_{}.json", branch.index))
    }

    fn run(&self, branch: &Branch<u8>, _: &Context) -> TaskResult {
        self.output(branch)?.dump(serde_json::json!({ "char": branch.data as char }), Json)?;
        Ok(())
    }
}

/// Puts the letters together.
#[derive(Task)]
struct CreateAlphabet {
    place: PathBuf,
}

impl Task for CreateAlphabet {
    type Requires = Branches<CreateChars>;
    type Output = FileTarget;

    fn output(&self) -> TaskResult<FileTarget> {
        file(&self.place, "alphabet.txt")
    }

    fn run(&self, _: &Context) -> TaskResult {
        let mut alphabet = String::new();
        for letter in self.input()?.values() {
            let letter: serde_json::Value = letter.load(Json)?;
            alphabet += letter["char"].as_str().unwrap();
        }
        self.output()?.dump(alphabet, law::formatters::Text)?;
        Ok(())
    }
}

fn made(family: &str, values: &[(&str, &str)]) -> Arc<dyn Work> {
    let families = Families::linked().unwrap();
    families.get(family).unwrap().make(&values.iter().copied().collect()).unwrap()
}

fn done(work: Arc<dyn Work>) -> Run {
    run(vec![work], Settings { workers: 4, ..Settings::default() }).unwrap()
}

fn failure(run: &Run) -> String {
    let failed = run.outcomes.iter().find_map(|outcome| match outcome {
        Outcome::Failed(why) | Outcome::CannotTell(why) => Some(why.clone()),
        _ => None,
    });
    failed.unwrap_or_default()
}

#[test]
fn all_branches_run_once_and_their_outputs_are_an_input() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path().to_str().unwrap();
    let first = done(made("CreateAlphabet", &[("place", place)]));
    assert_eq!(first.exit_code(), 0, "{}", Summary(&first));
    assert_eq!(first.outcomes.len(), 28);
    assert!(Summary(&first).to_string().contains("27 CreateChars(branch=-1...25"), "{}", Summary(&first));
    assert_eq!(std::fs::read_to_string(format!("{place}/alphabet.txt")).unwrap(), "abcdefghijklmnopqrstuvwxyz");
    assert_eq!(std::fs::read_to_string(format!("{place}/char_0.json")).unwrap(), r#"{"char":"a"}"#);
    let again = done(made("CreateAlphabet", &[("place", place)]));
    assert_eq!(again.outcomes, [Outcome::WasComplete]);
    std::fs::remove_file(format!("{place}/alphabet.txt")).unwrap();
    std::fs::remove_file(format!("{place}/char_7.json")).unwrap();
    let rest = done(made("CreateAlphabet", &[("place", place)]));
    let ran = rest.outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Ran { .. })).count();
    assert_eq!((rest.exit_code(), ran, rest.outcomes.len()), (0, 3, 3), "the alphabet, the workflow, and one branch");
}

#[test]
fn branches_are_chosen_by_number() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    let one = done(made("CreateChars", &[("place", place), ("branch", "3")]));
    assert_eq!((one.exit_code(), listed(directory.path())), (0, vec!["char_3.json".into()]));
    let some = done(made("CreateChars", &[("place", place), ("branches", "0:3,25"), ("skip-branches", "1")]));
    assert_eq!(some.exit_code(), 0);
    assert_eq!(listed(directory.path()), ["char_0.json", "char_2.json", "char_25.json", "char_3.json"]);
    for wrong in [("branch", "26"), ("branches", "20:27"), ("skip-branches", "26")] {
        let run = done(made("CreateChars", &[("place", place), wrong]));
        assert_eq!(run.exit_code(), 50);
        assert_eq!(failure(&run), "branch 26 is out of range: CreateChars has 26 branches, from 0 to 25");
    }
    assert_eq!(listed(directory.path()).len(), 4);
}

#[test]
fn a_tree_shows_how_far_a_workflow_is() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    done(made("CreateChars", &[("place", place), ("branches", "0:24")]));
    let status = |depth| {
        let leaves = tree::leaves(made("CreateChars", &[("place", place)]), None).unwrap();
        tree::draw(leaves, tree::Details::Status { depth }).unwrap()
    };
    assert!(status(0).contains("absent (24/26), missing branches: 24,25"), "{}", status(0));
    assert!(status(1).contains(&format!("23: existent ({place}/char_23.json)")), "{}", status(1));
    assert!(status(1).contains(&format!("24: absent ({place}/char_24.json)")), "{}", status(1));
}

/// Tells which numbers there are.
#[derive(Task)]
struct Numbers {
    place: PathBuf,
    #[param(default = 3)]
    count: usize,
}

impl Task for Numbers {
    type Requires = ();
    type Output = FileTarget;

    fn output(&self) -> TaskResult<FileTarget> {
        file(&self.place, "numbers.json")
    }

    fn run(&self, _: &Context) -> TaskResult {
        self.output()?.dump((0..self.count).map(|number| number * 10).collect::<Vec<_>>(), Json)?;
        Ok(())
    }
}

/// How often the map of `Squares` was made.
static MAPS: AtomicUsize = AtomicUsize::new(0);

/// Has a branch for each of the numbers, which are known only when those are there.
#[derive(Workflow)]
struct Squares {
    place: PathBuf,
    #[param(default = 3)]
    count: usize,
}

impl Workflow for Squares {
    type Branch = i64;
    type Requires = BranchTask<CreateChars>;
    type Output = (FileTarget, FileTarget);

    fn workflow_requires(&self) -> TaskResult<Vec<Arc<dyn Work>>> {
        Ok(Numbers::req(self)?.works())
    }

    fn branch_map(&self) -> TaskResult<BranchMap<i64>> {
        MAPS.fetch_add(1, Ordering::Relaxed);
        let numbers: Vec<i64> = Numbers::req(self)?.output()?.load(Json)?;
        Ok(numbers.into())
    }

    fn requires(&self, branch: &Branch<i64>) -> TaskResult<BranchTask<CreateChars>> {
        BranchTask::req(self, branch.index)
    }

    fn output(&self, branch: &Branch<i64>) -> TaskResult<(FileTarget, FileTarget)> {
        let file = |what: &str| file(&self.place, &format!("{what}_{}.json", branch.data));
        Ok((file("square")?, file("letter")?))
    }

    fn run(&self, branch: &Branch<i64>, _: &Context) -> TaskResult {
        let (square, letter) = self.output(branch)?;
        square.dump(branch.data * branch.data, Json)?;
        let read: serde_json::Value = self.input(branch)?.load(Json)?;
        letter.dump(read, Json)?;
        Ok(())
    }
}

#[test]
fn branches_that_another_task_tells() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    let values = [("place", place), ("count", "12")];
    let leaves = tree::leaves(made("Squares", &values), None).unwrap();
    let drawn = tree::draw(leaves, tree::Details::Status { depth: 0 }).unwrap();
    assert!(drawn.contains("writes is not known before Numbers_12_"), "{drawn}");
    let all = done(made("Squares", &values));
    assert_eq!(all.exit_code(), 0, "{} {}", Summary(&all), failure(&all));
    assert_eq!(MAPS.load(Ordering::Relaxed), 1, "the map is made once");
    assert_eq!(std::fs::read_to_string(directory.path().join("square_110.json")).unwrap(), "12100");
    assert_eq!(std::fs::read_to_string(directory.path().join("letter_20.json")).unwrap(), r#"{"char":"c"}"#);
    assert_eq!(listed(directory.path()).len(), 1 + 3 * 12, "no letter beyond those that were needed");
    assert_eq!(done(made("Squares", &values)).outcomes, [Outcome::WasComplete]);
}

/// Has the same numbers.
#[derive(Workflow)]
struct Cubes {
    place: PathBuf,
    #[param(default = 3)]
    count: usize,
}

impl Workflow for Cubes {
    type Branch = i64;
    type Requires = ();
    type Output = FileTarget;

    fn workflow_requires(&self) -> TaskResult<Vec<Arc<dyn Work>>> {
        Ok(Numbers::req(self)?.works())
    }

    fn branch_map(&self) -> TaskResult<BranchMap<i64>> {
        let numbers: Vec<i64> = Numbers::req(self)?.output()?.load(Json)?;
        Ok(numbers.into())
    }

    fn output(&self, branch: &Branch<i64>) -> TaskResult<FileTarget> {
        file(&self.place, &format!("cube_{}.json", branch.data))
    }

    fn run(&self, branch: &Branch<i64>, _: &Context) -> TaskResult {
        self.output(branch)?.dump(branch.data.pow(3), Json)?;
        Ok(())
    }
}

#[test]
fn one_task_tells_the_branches_of_several_workflows() {
    let directory = tempfile::tempdir().unwrap();
    let values = [("place", directory.path().to_str().unwrap())];
    let both = vec![
        made("Cubes", &values),
        made("Fragile", &[values[0], ("count", "1")]),
        made("Cubes", &[values[0], ("branch", "1")]),
    ];
    let run = run(both, Settings { workers: 2, ..Settings::default() }).unwrap();
    assert_eq!(run.exit_code(), 0, "{}", Summary(&run));
    assert_eq!(listed(directory.path()), ["0.txt", "cube_0.json", "cube_10.json", "cube_20.json", "numbers.json"]);
}

#[test]
fn one_branch_of_those_that_another_task_tells() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    let one = done(made("Squares", &[("place", place), ("count", "5"), ("branch", "4")]));
    assert_eq!(one.exit_code(), 0, "{} {}", Summary(&one), failure(&one));
    assert_eq!(listed(directory.path()), ["char_4.json", "letter_40.json", "numbers.json", "square_40.json"]);
    let none = done(made("Squares", &[("place", place), ("count", "5"), ("branch", "5")]));
    assert_eq!((none.exit_code(), listed(directory.path()).len()), (50, 4));
    assert_eq!(failure(&none), "branch 5 is out of range: Squares has 5 branches, from 0 to 4");
}

/// Fails in every third branch.
#[derive(Workflow)]
struct Fragile {
    place: PathBuf,
    #[param(default = 9)]
    count: usize,
}

impl Workflow for Fragile {
    type Branch = ();
    type Requires = ();
    type Output = FileTarget;

    fn branch_map(&self) -> TaskResult<BranchMap<()>> {
        Ok(BranchMap::numbered(self.count))
    }

    fn output(&self, branch: &Branch<()>) -> TaskResult<FileTarget> {
        file(&self.place, &format!("{}.txt", branch.index))
    }

    fn run(&self, branch: &Branch<()>, _: &Context) -> TaskResult {
        anyhow::ensure!(branch.index % 3 != 1, "number {} is unlucky", branch.index);
        self.output(branch)?.touch()?;
        Ok(())
    }
}

fn fragile(place: &Path, values: &[(&str, &str)]) -> Run {
    done(made("Fragile", &[&[("place", place.to_str().unwrap())], values].concat()))
}

#[test]
fn branches_that_fail_do_not_stop_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let all = fragile(directory.path(), &[]);
    assert_eq!(all.exit_code(), 40);
    assert_eq!(listed(directory.path()).len(), 6, "all that can be are done");
    let why = all.outcomes.first().map(|outcome| format!("{outcome:?}")).unwrap();
    assert!(why.contains("3 of 9 branches failed:\\n    branch 1: number 1 is unlucky"), "{why}");
}

#[test]
fn enough_branches_are_enough() {
    let directory = tempfile::tempdir().unwrap();
    let most = fragile(directory.path(), &[("acceptance", "0.6")]);
    assert!(most.outcomes[0].is_complete(), "{}", failure(&most));
    assert_eq!(listed(directory.path()).len(), 6);
    let again = fragile(directory.path(), &[("acceptance", "6")]);
    assert_eq!(again.outcomes, [Outcome::WasComplete]);
    let seven = fragile(directory.path(), &[("acceptance", "7")]);
    assert_eq!(seven.exit_code(), 40);
}

#[test]
fn no_branch_begins_when_more_have_failed_than_are_tolerated() {
    let directory = tempfile::tempdir().unwrap();
    let values =
        Values::new().with("place", directory.path().to_str().unwrap()).with("tolerance", "0").with("count", "900");
    let family = Families::linked().unwrap().get("Fragile").unwrap().clone();
    let run = run(vec![family.make(&values).unwrap()], Settings::default()).unwrap();
    assert_eq!(run.exit_code(), 40);
    assert!(failure(&run).contains("which is more than are tolerated"), "{}", failure(&run));
    assert_eq!(listed(directory.path()), ["0.txt"], "one worker: 0 is done, 1 fails, and that is all");
}

#[test]
fn a_workflow_without_branches_is_complete() {
    let directory = tempfile::tempdir().unwrap();
    let none = fragile(directory.path(), &[("count", "0")]);
    assert_eq!(none.outcomes, [Outcome::WasComplete]);
    let first = fragile(directory.path(), &[("count", "0"), ("branch", "0")]);
    assert_eq!(failure(&first), "branch 0 is out of range: Fragile has no branches");
}

#[test]
fn some_branches_of_a_workflow_can_be_required() {
    let directory = tempfile::tempdir().unwrap();
    let chosen = Selection { branches: Ranges::parse("2:4").unwrap(), ..Selection::default() };
    let branches = Branches::of(CreateChars { place: directory.path().into() }).only(chosen);
    assert_eq!(branches.output().unwrap().keys().copied().collect::<Vec<_>>(), [2, 3]);
    let works = branches.works();
    assert_eq!(done(works[0].clone()).exit_code(), 0);
    assert_eq!(listed(directory.path()), ["char_2.json", "char_3.json"]);
    assert_eq!(Goal::default(), Goal { acceptance: 1.0, tolerance: None });
}
