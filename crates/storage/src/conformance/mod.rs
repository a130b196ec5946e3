//! The suite that checks the contract of [`Backend`]: on every backend, and on every wrapper.
//!
//! A case runs below a directory of its own, which the suite makes and removes. What to expect comes from the
//! endpoint's declared [`Capabilities`]: a case that needs more is skipped, with the reason, and the declarations
//! themselves are tested as well (readers during an overwrite, writers that meet).
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> law_storage::Result<()> {
//! use law_storage::{Memory, Path, conformance};
//! let report = conformance::run_all(std::sync::Arc::new(Memory::new()), Path::parse("suite")?).await;
//! report.assert_green(100);
//! # Ok(()) }
//! ```

#[macro_use]
mod check;
mod copy;
mod digests;
mod directories;
mod existence;
mod interruption;
mod listing;
mod metadata;
mod names;
mod needs;
mod publication;
mod reads;
mod removal;
mod rename;
mod report;
mod source;
mod subject;
mod writes;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, stream};

pub use self::check::{Checked, Failure};
pub use self::report::Report;
pub use self::subject::Subject;
use crate::{Backend, Capabilities, Path, cleanup};

/// How long one case may take.
pub const LIMIT: Duration = Duration::from_secs(60);

/// One sentence of the contract, as a test.
pub struct Case {
    name: &'static str,
    needs: fn(&Capabilities) -> Result<(), String>,
    run: fn(Subject) -> BoxFuture<'static, Checked>,
}

impl Case {
    /// `THEME::WHAT_MUST_BE_TRUE`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Why the case makes no sense on an endpoint that declares this.
    ///
    /// # Errors
    /// The reason for which it is skipped.
    pub fn needs(&self, capabilities: &Capabilities) -> Result<(), String> {
        (self.needs)(capabilities)
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Case({})", self.name)
    }
}

/// Every case, by theme.
pub fn cases() -> Vec<Case> {
    let themes = [
        existence::cases(),
        reads::cases(),
        writes::cases(),
        publication::cases(),
        listing::cases(),
        directories::cases(),
        removal::cases(),
        rename::cases(),
        copy::cases(),
        names::cases(),
        digests::cases(),
        metadata::cases(),
        interruption::cases(),
    ];
    themes.into_iter().flatten().collect()
}

/// How a case fails whose own directory could not be made.
const NOT_BEGUN: &str = "not begun";

/// After so many cases in a row that could not begin, the storage is taken for dead.
const PATIENCE: usize = 3;

/// Runs every case on `backend`, below `base`, which must not exist yet: it is made, and removed at the end.
pub async fn run_all(backend: Arc<dyn Backend>, base: Path) -> Report {
    run(backend, base, cases()).await
}

/// As [`run_all`], but only some of the [`cases`]. They run one after the other.
pub async fn run(backend: Arc<dyn Backend>, base: Path, cases: Vec<Case>) -> Report {
    run_at_once(backend, base, cases, 1).await
}

/// As [`run`], but so many at once, each with more time: for an endpoint that makes everybody wait (an XRootD redirector
/// takes a second for each name that it does not know).
pub async fn run_at_once(backend: Arc<dyn Backend>, base: Path, cases: Vec<Case>, at_once: usize) -> Report {
    let mut report = Report::default();
    let limit = if at_once > 1 { 4 * LIMIT } else { LIMIT };
    let capabilities = match guarded(limit, Box::pin(subject::learn(backend.clone(), base.clone()))).await {
        Ok(capabilities) => capabilities,
        Err(failure) => {
            report.record("setup", Err(failure), Vec::new());
            return report;
        }
    };
    let run = |case: Case| {
        let subject = Subject::new(backend.clone(), &base, case.name, capabilities.clone()).within(limit);
        async move { (run_case(&case, &subject, limit).await, case.name, subject.notes()) }
    };
    let mut outcomes = stream::iter(cases).map(run).buffered(at_once);
    let mut in_vain = 0;
    while let Some((outcome, name, notes)) = outcomes.next().await {
        let began = !matches!(&outcome, Err(Failure::Failed(words)) if words.starts_with(NOT_BEGUN));
        in_vain = if began { 0 } else { in_vain + 1 };
        report.record(name, outcome, notes);
        if in_vain >= PATIENCE {
            report.record("the rest", Err(Failure::Failed("not run: the storage is gone".into())), Vec::new());
            break;
        }
    }
    drop(outcomes);
    let whole = Subject::at(backend, base, capabilities);
    whole.remove_everything().await;
    report.add_notes("base", whole.notes());
    report
}

async fn run_case(case: &Case, subject: &Subject, limit: Duration) -> Checked {
    case.needs(&subject.capabilities).map_err(Failure::Skipped)?;
    subject.make_root().await.map_err(|failure| match failure {
        Failure::Failed(words) => Failure::Failed(format!("{NOT_BEGUN}: {words}")),
        skipped @ Failure::Skipped(_) => skipped,
    })?;
    let outcome = guarded(limit, (case.run)(subject.clone())).await;
    cleanup::finish().await;
    subject.remove_everything().await;
    outcome
}

/// Runs on a task of its own, so that a panic is a failure of this case alone.
async fn guarded<T: Send + 'static>(limit: Duration, work: BoxFuture<'static, Checked<T>>) -> Checked<T> {
    let mut task = tokio::spawn(work);
    match tokio::time::timeout(limit, &mut task).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(broken)) => Err(Failure::Failed(match broken.try_into_panic() {
            Ok(panic) => format!("panicked: {}", words_of(&*panic)),
            Err(cancelled) => cancelled.to_string(),
        })),
        Err(_) => {
            task.abort();
            Err(Failure::Failed(format!("did not end within {limit:?}")))
        }
    }
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_failure_with_its_words() {
        let outcome = guarded::<()>(LIMIT, Box::pin(async { panic!("the {} broke", "case") })).await;
        assert!(matches!(outcome, Err(Failure::Failed(words)) if words == "panicked: the case broke"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_case_that_hangs_is_a_failure() {
        let outcome = guarded::<()>(LIMIT, Box::pin(std::future::pending())).await;
        assert!(matches!(outcome, Err(Failure::Failed(words)) if words.contains("60s")));
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = cases().iter().map(Case::name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
