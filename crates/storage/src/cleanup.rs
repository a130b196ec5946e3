//! Work that must still happen after a call was dropped: delete a temporary file, abort an upload.

use std::future::Future;
use std::sync::LazyLock;
use std::time::Duration;

use tokio_util::task::TaskTracker;

/// How long a clean-up may take, and how long a process waits for all of them at its end.
pub const LIMIT: Duration = Duration::from_secs(10);

static TASKS: LazyLock<TaskTracker> = LazyLock::new(TaskTracker::new);

/// Starts a clean-up in the background of the current runtime. Outside of one there is nothing to do it with: what it
/// would delete stays, under a name that [`is_temporary`](crate::is_temporary) knows.
pub fn start(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        let bounded = async {
            if tokio::time::timeout(LIMIT, work).await.is_err() {
                tracing::warn!("a clean-up did not end in time; a temporary file may stay");
            }
        };
        runtime.spawn(TASKS.track_future(bounded));
    }
}

/// Waits for all clean-ups that are under way, at most [`LIMIT`]. Call it before the process ends.
pub async fn finish() {
    while !TASKS.is_empty() {
        TASKS.close();
        let done = tokio::time::timeout(LIMIT, TASKS.wait()).await;
        TASKS.reopen();
        if done.is_err() {
            return;
        }
    }
}
