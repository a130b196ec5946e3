//! Running tasks: several at once, each behind those that it requires, one bad one not stopping the others.

pub(crate) mod event;
mod lock;
mod scheduler;
mod worker;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use crate::TaskResult;
use crate::context::Message;
use crate::graph::{Graph, GraphError, Node};
use crate::work::Work;

use scheduler::Scheduler;

/// How much of each resource there is, by name.
pub type Limits = BTreeMap<String, u64>;

/// One attempt at a task that made it complete.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// When it began.
    pub began: SystemTime,
    /// When it was complete.
    pub ended: SystemTime,
}

/// Who writes down how a task was made, when it has just been. What it cannot do is told, and changes nothing.
pub type Recorder = dyn Fn(&dyn Work, &Attempt) -> TaskResult + Send + Sync;

/// Who watches a run: it hears of each task what happens to it.
pub type Watch = dyn Fn(&Node, &Happening<'_>) + Send + Sync;

/// How tasks are run.
#[derive(Clone)]
pub struct Settings {
    /// Tasks at once.
    pub workers: usize,
    /// How often a task that has failed is tried again, unless it says so itself.
    pub retries: u32,
    /// How long it waits before.
    pub retry_delay: Duration,
    /// How much there is of what tasks use up; what is not here is not limited.
    pub limits: Limits,
    /// Set from outside: no task begins any more, and those that run are asked to stop.
    pub stop: Arc<AtomicBool>,
    /// A directory for what outlives a run: `locks` of tasks that run, so that no two processes run one, and `logs` of programs. None for neither.
    pub state: Option<PathBuf>,
    /// Who writes down how tasks were made; not those that only wait for others. None for nobody.
    pub recorder: Option<Arc<Recorder>>,
    /// Who watches. It is called between tasks, and should be quick.
    pub watch: Arc<Watch>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            workers: 1,
            retries: 0,
            retry_delay: Duration::ZERO,
            limits: Limits::new(),
            stop: Arc::default(),
            state: None,
            recorder: None,
            watch: Arc::new(|_, _| {}),
        }
    }
}

/// What happens to a task in a run.
#[derive(Debug)]
pub enum Happening<'a> {
    /// It begins; the attempt, from 1.
    Begins(u32),
    /// It says something.
    Says(&'a Message),
    /// It failed, and is tried again.
    IsTriedAgain(&'a str),
    /// Another process runs it, and it is waited for.
    RunsElsewhere,
    /// Nothing more happens to it.
    Ends(&'a Outcome),
}

/// What became of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing to do.
    WasComplete,
    /// It ran, and all of its outputs exist. How many attempts failed before.
    Ran {
        /// Attempts before the one that did it.
        failed_before: u32,
    },
    /// It failed, for this reason, and was not tried again.
    Failed(String),
    /// It could not be told whether it is complete, or what it requires, for this reason.
    CannotTell(String),
    /// Somebody else makes it, and has not.
    MissingExternal,
    /// Something that it requires failed.
    RequiresFailed,
    /// Something that it requires is external and missing.
    RequiresMissing,
    /// It could not be told of something that it requires.
    RequiresUnknown,
    /// The run was stopped before.
    NotRun,
}

impl Outcome {
    /// Whether the task is complete.
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::WasComplete | Self::Ran { .. })
    }

    /// Nothing, or why the task is not complete.
    pub(crate) fn as_result(&self) -> Result<(), String> {
        Err(match self {
            Self::WasComplete | Self::Ran { .. } => return Ok(()),
            Self::Failed(why) | Self::CannotTell(why) => why.clone(),
            Self::MissingExternal => "it is external, and is missing".into(),
            Self::RequiresFailed => "something that it requires failed".into(),
            Self::RequiresMissing => "something that it requires is external, and is missing".into(),
            Self::RequiresUnknown => "it could not be told of something that it requires".into(),
            Self::NotRun => "the run was stopped before".into(),
        })
    }
}

/// What became of all tasks of a run.
pub struct Run {
    /// The tasks.
    pub graph: Graph,
    /// What became of each, in the order of the graph's nodes.
    pub outcomes: Vec<Outcome>,
}

impl Run {
    /// luigi's exit code: 0 if all tasks are complete, 20 if external data is missing, 30 if tasks were not run, 40 if one failed, 50 if it could not be told
    /// of one; of several reasons the highest.
    pub fn exit_code(&self) -> u8 {
        let code = |outcome: &Outcome| match outcome {
            Outcome::WasComplete | Outcome::Ran { .. } => 0,
            Outcome::MissingExternal | Outcome::RequiresMissing => 20,
            Outcome::NotRun => 30,
            Outcome::Failed(_) | Outcome::RequiresFailed => 40,
            Outcome::CannotTell(_) | Outcome::RequiresUnknown => 50,
        };
        self.outcomes.iter().map(code).max().unwrap_or(0)
    }
}

/// Makes tasks complete, and all that they require. It returns when nothing more can be done.
///
/// # Errors
/// Tasks that cannot be put in an order; nothing was run then. What becomes of a single task is in the [`Run`].
pub fn run(roots: Vec<Arc<dyn Work>>, settings: Settings) -> Result<Run, GraphError> {
    Ok(Scheduler::new(Graph::of(roots)?, settings).run())
}
