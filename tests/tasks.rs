//! Tasks as a user writes them: their names, their parameters, what is run, and what is not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails where it stands")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use law::formatters::Json;
use law::target::{DirectoryTarget, FileTarget};
use law::task::{
    Choice, Context, Graph, GraphError, Happening, Outcome, Parameters, Presence, Settings, Summary, Task, TaskResult,
    Values, Work, run,
};

fn file(directory: &Path, name: &str) -> TaskResult<FileTarget> {
    Ok(DirectoryTarget::at(directory)?.child(name))
}

/// Writes twice a number.
///
/// More about it.
#[derive(Task)]
struct TimesTwo {
    /// What is doubled.
    #[param(default = 1)]
    n: i64,
    #[param(default = "/nowhere", significant = false)]
    place: PathBuf,
}

impl Task for TimesTwo {
    type Requires = ();
    type Output = FileTarget;

    fn output(&self) -> TaskResult<FileTarget> {
        file(&self.place, &format!("times_two_{}.json", self.n))
    }

    fn run(&self, _: &Context) -> TaskResult {
        self.output()?.dump(2 * self.n, Json)?;
        Ok(())
    }
}

#[derive(Choice, Debug, Clone, Copy, PartialEq)]
enum Model {
    Nominal,
    #[choice("up")]
    ScaleUp,
}

/// Adds one to what another task wrote.
#[derive(Task)]
#[task(namespace = "analysis")]
struct Inference {
    n: i64,
    #[param(default = Model::Nominal)]
    model: Model,
    #[param(significant = false)]
    place: PathBuf,
}

impl Task for Inference {
    type Requires = TimesTwo;
    type Output = FileTarget;

    fn output(&self) -> TaskResult<FileTarget> {
        file(&self.place, &format!("inference_{}.json", self.n))
    }

    fn run(&self, _: &Context) -> TaskResult {
        let twice: i64 = self.input()?.load(Json)?;
        let shift = if self.model == Model::ScaleUp { 100 } else { 1 };
        self.output()?.dump(twice + shift, Json)?;
        Ok(())
    }
}

/// A task of which a test says everything.
#[derive(Clone)]
struct Scripted {
    name: String,
    requires: Vec<Scripted>,
    role: law::task::Role,
    told: Option<law::task::Completion>,
    body: Arc<dyn Fn(&Context) -> TaskResult + Send + Sync>,
    resources: Vec<(&'static str, u64)>,
    priority: i64,
    retries: Option<u32>,
    timeout: Option<Duration>,
    output: Option<FileTarget>,
}

impl Scripted {
    fn new(name: &str, body: impl Fn(&Context) -> TaskResult + Send + Sync + 'static) -> Self {
        Self {
            name: name.into(),
            requires: Vec::new(),
            role: law::task::Role::Runs,
            told: None,
            body: Arc::new(body),
            resources: Vec::new(),
            priority: 0,
            retries: None,
            timeout: None,
            output: None,
        }
    }

    fn fine(name: &str) -> Self {
        Self::new(name, |_| Ok(()))
    }

    fn requiring(mut self, others: &[&Self]) -> Self {
        self.requires = others.iter().map(|&other| other.clone()).collect();
        self
    }

    fn work(&self) -> Arc<dyn Work> {
        Arc::new(self.clone())
    }
}

impl Work for Scripted {
    fn family(&self) -> &str {
        &self.name
    }

    fn id(&self) -> law::task::TaskId {
        law::task::TaskId::new(&self.name, [])
    }

    fn parameters(&self) -> Vec<law::task::Parameter> {
        Vec::new()
    }

    fn values(&self) -> Values {
        Values::new()
    }

    fn role(&self) -> law::task::Role {
        self.role
    }

    fn requires(&self) -> TaskResult<Vec<Arc<dyn Work>>> {
        Ok(self.requires.iter().map(Self::work).collect())
    }

    fn targets(&self) -> TaskResult<Vec<law::task::NamedTarget>> {
        let named = |file: FileTarget| law::task::NamedTarget { name: String::new(), target: Arc::new(file) };
        Ok(self.output.clone().map(named).into_iter().collect())
    }

    fn completion(&self) -> TaskResult<law::task::Completion> {
        Ok(self.told.unwrap_or(law::task::Completion::Outputs))
    }

    fn run(&self, context: &Context) -> TaskResult {
        (self.body)(context)
    }

    fn priority(&self) -> i64 {
        self.priority
    }

    fn resources(&self) -> std::collections::BTreeMap<String, u64> {
        self.resources.iter().map(|(name, amount)| ((*name).into(), *amount)).collect()
    }

    fn retries(&self) -> Option<u32> {
        self.retries
    }

    fn timeout(&self) -> Option<Duration> {
        self.timeout
    }
}

/// What became of tasks, by their names.
fn outcomes(roots: &[&Scripted], settings: Settings) -> Vec<(String, Outcome)> {
    let done = run(roots.iter().map(|root| root.work()).collect(), settings).unwrap();
    let names = done.graph.nodes().iter().map(|node| node.work.family().to_owned());
    names.zip(done.outcomes.clone()).collect()
}

fn outcome_of(all: &[(String, Outcome)], name: &str) -> Outcome {
    all.iter().find(|(known, _)| known == name).unwrap().1.clone()
}

const RAN: Outcome = Outcome::Ran { failed_before: 0 };

#[test]
fn names_and_parameters() {
    assert_eq!(TimesTwo::FAMILY, "TimesTwo");
    assert_eq!(TimesTwo::ABOUT, "Writes twice a number.");
    let known = <TimesTwo as Parameters>::parameters();
    assert_eq!((known[0].name.as_str(), known[0].help.as_str()), ("n", "What is doubled."));
    assert_eq!(known[0].presence, Presence::Default("1".into()));
    let one = TimesTwo::from_values(&Values::new().with("n", "5")).unwrap();
    // The place is not significant.
    assert_eq!(Parameters::id(&one), law::task::TaskId::new("TimesTwo", [("n", "5")]));
    assert_eq!(Inference::FAMILY, "analysis.Inference");
    assert_eq!(<Inference as Parameters>::parameters()[1].choices.as_ref().unwrap(), &["nominal", "up"]);
    let families = law::task::Families::linked().unwrap();
    let made = families.get("TimesTwo").unwrap().make(&Values::new().with("n", "7")).unwrap();
    assert_eq!(made.values().get("n"), Some("7"));
    assert!(families.get("Timestwo").is_none());
    assert_eq!(families.similar("Timestwo"), Some("TimesTwo"));
}

#[test]
fn what_is_no_value_is_told_with_the_type_and_an_example() {
    let wrong = |values: Values| Inference::from_values(&values).err().unwrap().to_string();
    let place = Values::new().with("place", "/x");
    assert_eq!(wrong(place.clone().with("n", "five")), r#"--n: "five" is not a whole number, such as 5"#);
    assert_eq!(wrong(place.clone()), "--n: it has no default: give a whole number, such as 5");
    assert_eq!(wrong(place.with("n", "5").with("model", "down")), r#"--model: "down" is none of nominal, up"#);
}

#[test]
fn a_chain_runs_once() {
    let place = tempfile::tempdir().unwrap();
    let inference = || Inference { n: 5, model: Model::ScaleUp, place: place.path().into() };
    let settings = Settings { workers: 2, ..Settings::default() };
    let done = run(vec![Arc::new(inference())], settings.clone()).unwrap();
    assert_eq!((done.outcomes.as_slice(), done.exit_code()), ([RAN, RAN].as_slice(), 0));
    assert_eq!(fs::read_to_string(place.path().join("inference_5.json")).unwrap().trim(), "110");
    // What is complete is not opened: the task that it requires is not even looked at.
    let again = run(vec![Arc::new(inference())], settings.clone()).unwrap();
    assert_eq!(again.outcomes, [Outcome::WasComplete]);
    fs::remove_file(place.path().join("inference_5.json")).unwrap();
    let rest = run(vec![Arc::new(inference())], settings).unwrap();
    assert_eq!(rest.outcomes, [RAN, Outcome::WasComplete]);
}

#[test]
fn the_summary_is_as_luigis() {
    let place = tempfile::tempdir().unwrap();
    let task = |n| -> Arc<dyn Work> { Arc::new(TimesTwo { n, place: place.path().into() }) };
    run(vec![task(3)], Settings::default()).unwrap();
    let done = run((1..=6).map(task).collect(), Settings::default()).unwrap();
    let text = Summary(&done).to_string();
    let expected = "
===== Execution Summary =====

Scheduled 6 tasks of which:
* 1 complete ones were encountered:
    - 1 TimesTwo(n=3)
* 5 ran successfully:
    - 5 TimesTwo(n=1,2,4,5,6)

This progress looks :) because there were no failed tasks or missing dependencies

===== Execution Summary =====
";
    assert_eq!(text, expected);
}

#[test]
fn one_bad_task_does_not_stop_those_that_do_not_need_it() {
    let bad = Scripted::new("Bad", |_| anyhow::bail!("the disk is on fire"));
    let upstream = Scripted::fine("Upstream").requiring(&[&bad]);
    let (fine, end) = (Scripted::fine("Fine"), Scripted::fine("End"));
    let end = end.requiring(&[&upstream, &fine]);
    let all = outcomes(&[&end], Settings::default());
    assert_eq!(outcome_of(&all, "Bad"), Outcome::Failed("the disk is on fire".into()));
    assert_eq!(
        [outcome_of(&all, "Upstream"), outcome_of(&all, "End")],
        [Outcome::RequiresFailed, Outcome::RequiresFailed]
    );
    assert_eq!(outcome_of(&all, "Fine"), RAN);
}

#[test]
fn what_panics_and_what_writes_nothing_has_failed() {
    let place = tempfile::tempdir().unwrap();
    let panics = Scripted::new("Panics", |_| panic!("no such bin"));
    let lies = Scripted { output: Some(file(place.path(), "never.json").unwrap()), ..Scripted::fine("Lies") };
    let all = outcomes(&[&panics, &lies], Settings::default());
    assert_eq!(outcome_of(&all, "Panics"), Outcome::Failed("it panicked: no such bin".into()));
    let Outcome::Failed(why) = outcome_of(&all, "Lies") else { panic!("{all:?}") };
    assert!(why.contains("without an error") && why.contains("never.json"), "{why}");
}

#[test]
fn what_cannot_be_told_is_an_error_and_nothing_is_run() {
    // A file in the place of a directory: whether there is anything below cannot be told as "no".
    let place = tempfile::tempdir().unwrap();
    let missing = FileTarget::at("dav://127.0.0.1:9/x/y.json").unwrap();
    let ran = Arc::new(AtomicBool::new(false));
    let note = ran.clone();
    let body = move |_: &Context| {
        note.store(true, Ordering::Relaxed);
        Ok(())
    };
    let unknown = Scripted { output: Some(missing), ..Scripted::new("Unknown", body) };
    let end = Scripted::fine("End").requiring(&[&unknown]);
    let done = run(vec![end.work()], Settings::default()).unwrap();
    assert!(
        matches!(&done.outcomes[1], Outcome::CannotTell(why) if why.contains("cannot tell")),
        "{:?}",
        done.outcomes
    );
    assert_eq!((&done.outcomes[0], done.exit_code()), (&Outcome::RequiresUnknown, 50));
    assert!(!ran.load(Ordering::Relaxed));
    drop(place);
}

#[test]
fn a_task_that_requires_itself_is_told_with_the_way() {
    /// Requires the next one, in a ring.
    #[derive(Task)]
    struct Ring {
        n: i64,
    }
    impl Task for Ring {
        type Requires = Ring;
        type Output = ();
        fn requires(&self) -> TaskResult<Ring> {
            Ok(Ring { n: (self.n + 1) % 3 })
        }
    }
    let error = Graph::of(vec![Arc::new(Ring { n: 0 })]).err().unwrap();
    let GraphError::Cycle(way) = &error else { panic!("{error}") };
    assert_eq!((way.len(), &way[0]), (4, &way[3]));
    assert!(error.to_string().starts_with("a task requires itself: Ring_0_"), "{error}");
}

#[test]
fn two_tasks_with_one_output_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let same = || Some(file(place.path(), "same.json").unwrap());
    let [one, other] = ["One", "Other"].map(|name| Scripted { output: same(), ..Scripted::fine(name) });
    let error = Graph::of(vec![one.work(), other.work()]).err().unwrap();
    assert!(error.to_string().contains("One") && error.to_string().contains("same.json"), "{error}");
}

#[test]
fn external_tasks_are_missed_and_wrappers_are_what_they_require() {
    let external = Scripted { role: law::task::Role::External, ..Scripted::fine("Raw") };
    let (need, fine) = (Scripted::fine("Need").requiring(&[&external]), Scripted::fine("Fine"));
    let all =
        |others: &[&Scripted]| Scripted { role: law::task::Role::Wrapper, ..Scripted::fine("All").requiring(others) };
    let done = outcomes(&[&all(&[&need, &fine])], Settings::default());
    assert_eq!(outcome_of(&done, "Raw"), Outcome::MissingExternal);
    assert_eq!(
        [outcome_of(&done, "Need"), outcome_of(&done, "All")],
        [Outcome::RequiresMissing, Outcome::RequiresMissing]
    );
    assert_eq!(outcome_of(&outcomes(&[&all(&[&fine])], Settings::default()), "All"), RAN);
    let there = Scripted { told: Some(true.into()), ..Scripted::fine("There") };
    assert_eq!(outcomes(&[&all(&[&there])], Settings::default())[0].1, Outcome::WasComplete);
}

#[test]
fn what_fails_is_tried_again_as_often_as_is_said() {
    let tries = Arc::new(AtomicU32::new(0));
    let count = tries.clone();
    let flaky = Scripted::new("Flaky", move |context| {
        assert_eq!(context.attempt(), count.fetch_add(1, Ordering::Relaxed) + 1);
        if context.attempt() < 3 { anyhow::bail!("not yet") } else { Ok(()) }
    });
    let settings = Settings { retries: 1, ..Settings::default() };
    assert_eq!(outcomes(&[&flaky], settings.clone())[0].1, Outcome::Failed("not yet".into()));
    tries.store(0, Ordering::Relaxed);
    let patient = Scripted { retries: Some(2), ..flaky };
    let done = run(vec![patient.work()], settings).unwrap();
    assert_eq!(done.outcomes, [Outcome::Ran { failed_before: 2 }]);
    assert!(Summary(&done).to_string().contains("they all succeeded in a retry"));
}

#[test]
fn the_highest_priority_is_first_and_resources_are_not_overdrawn() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let task = |name: &'static str, priority| {
        let (order, now, most) = (order.clone(), now.clone(), most.clone());
        let body = move |_: &Context| {
            order.lock().unwrap().push(name);
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::yield_now();
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        };
        Scripted { priority, resources: vec![("disk", 2)], ..Scripted::new(name, body) }
    };
    let tasks = [task("low", -1), task("high", 5), task("middle", 0)];
    let limits = [("disk".to_owned(), 3)].into();
    let done = outcomes(&tasks.each_ref(), Settings { workers: 3, limits, ..Settings::default() });
    assert!(done.iter().all(|(_, outcome)| *outcome == RAN), "{done:?}");
    assert_eq!(*order.lock().unwrap(), ["high", "middle", "low"]);
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[test]
fn what_turns_out_to_be_needed_runs_on_the_worker_that_waits() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().to_owned();
    let asks = Scripted::new("Asks", move |context| {
        let six: i64 = context.require(TimesTwo { n: 3, place: directory.clone() })?.load(Json)?;
        anyhow::ensure!(six == 6);
        Ok(())
    });
    let all = outcomes(&[&asks], Settings { workers: 1, ..Settings::default() });
    assert_eq!(all.iter().map(|(_, outcome)| outcome.clone()).collect::<Vec<_>>(), [RAN, RAN]);
    let bad = Scripted::new("Bad", |_| anyhow::bail!("no"));
    let asks = Scripted::new("Asks", move |context| context.complete(vec![bad.work()]));
    assert_eq!(outcomes(&[&asks], Settings::default())[0].1, Outcome::Failed("Bad() is not complete: no".into()));
}

#[test]
fn who_waits_for_itself_is_told() {
    let inner = Scripted::new("Inner", |context| {
        let outer = Scripted::fine("Outer");
        context.complete(vec![outer.work()])
    });
    let outer = Scripted::fine("Outer").requiring(&[&inner]);
    let all = outcomes(&[&outer], Settings::default());
    assert!(matches!(outcome_of(&all, "Inner"), Outcome::Failed(why) if why.contains("requires itself")), "{all:?}");
}

#[test]
fn a_task_whose_time_is_up_is_asked_to_stop() {
    let slow = Scripted::new("Slow", |context| {
        while !context.is_stopped() {
            std::thread::yield_now();
        }
        anyhow::bail!("as asked")
    });
    let slow = Scripted { timeout: Some(Duration::from_millis(1)), ..slow };
    assert_eq!(outcomes(&[&slow], Settings::default())[0].1, Outcome::Failed("its time was up: as asked".into()));
}

#[test]
fn a_run_that_is_stopped_begins_nothing_more() {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    let first = Scripted::new("First", move |context| {
        flag.store(true, Ordering::Relaxed);
        while !context.is_stopped() {
            std::thread::yield_now();
        }
        Ok(())
    });
    let second = Scripted::fine("Second").requiring(&[&first]);
    let done = run(vec![second.work()], Settings { stop, ..Settings::default() }).unwrap();
    assert_eq!((done.outcomes.as_slice(), done.exit_code()), ([Outcome::NotRun, RAN].as_slice(), 30));
}

#[test]
fn whoever_watches_hears_everything() {
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = said.clone();
    let talks = Scripted::new("Talks", |context| {
        context.publish_message("half way");
        context.publish_progress(0.5);
        Ok(())
    });
    let watch = move |node: &law::task::Node, happening: &Happening<'_>| {
        heard.lock().unwrap().push(format!("{node} {happening:?}"));
    };
    outcomes(&[&talks], Settings { watch: Arc::new(watch), ..Settings::default() });
    let expected = [
        "Talks() Begins(1)",
        "Talks() Says(Text(\"half way\"))",
        "Talks() Says(Progress(0.5))",
        "Talks() Ends(Ran { failed_before: 0 })",
    ];
    assert_eq!(*said.lock().unwrap(), expected);
}

#[test]
fn a_long_chain_and_a_wide_graph_are_no_trouble() {
    /// Requires the one before.
    #[derive(Task)]
    struct Link {
        n: i64,
    }
    impl Task for Link {
        type Requires = Option<Link>;
        type Output = ();
        fn requires(&self) -> TaskResult<Option<Link>> {
            Ok((self.n > 0).then(|| Link { n: self.n - 1 }))
        }
        fn run(&self, _: &Context) -> TaskResult {
            anyhow::ensure!(self.n != 0, "the first");
            Ok(())
        }
    }
    let done = run(vec![Arc::new(Link { n: 20_000 })], Settings::default()).unwrap();
    assert_eq!(done.outcomes[20_000], Outcome::Failed("the first".into()));
    assert!(done.outcomes[..20_000].iter().all(|outcome| *outcome == Outcome::RequiresFailed));
    let wide: Vec<Arc<dyn Work>> = (1..=2_000).map(|n| -> Arc<dyn Work> { Arc::new(Link { n: -n }) }).collect();
    let done = run(wide, Settings { workers: 4, ..Settings::default() }).unwrap();
    assert!(done.outcomes.iter().all(|outcome| *outcome == RAN));
}
