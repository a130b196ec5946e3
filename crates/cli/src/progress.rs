//! How far a copy has come, on a terminal; nothing in a pipe.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use law_transfer::Progress;
use tokio::task::JoinHandle;

use crate::output;

/// How often the line is drawn.
const TICK: Duration = Duration::from_millis(100);
/// What is done before that is not worth a line.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often it is told to a program.
const TELL: Duration = Duration::from_secs(1);

/// How it is shown how far a copy has come.
#[derive(Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Shown {
    /// A line at the bottom of a terminal; nothing where there is none.
    #[default]
    Auto,
    /// A JSON object a second on standard error.
    Json,
    /// Nothing.
    None,
}

/// A line at the bottom of the terminal, which is gone when this is dropped.
pub(crate) struct Display {
    bar: ProgressBar,
    watcher: Option<JoinHandle<()>>,
    /// What a program hears at the end, and when it began.
    last: Option<(Progress, Instant)>,
}

impl Display {
    /// Shows what `progress` counts, if somebody is there to see it and wants to.
    pub(crate) fn of(progress: &Progress, wanted: bool) -> Self {
        let bar = ProgressBar::hidden();
        let watcher = (wanted && can_draw()).then(|| tokio::spawn(watch(bar.clone(), progress.clone())));
        Self { bar, watcher, last: None }
    }

    /// Tells a program what `progress` counts.
    pub(crate) fn for_programs(progress: &Progress) -> Self {
        let told = progress.clone();
        let watcher = tokio::spawn(async move {
            let begin = Instant::now();
            loop {
                tokio::time::sleep(TELL).await;
                output::note(object(&told, begin.elapsed()));
            }
        });
        Self { bar: ProgressBar::hidden(), watcher: Some(watcher), last: Some((progress.clone(), Instant::now())) }
    }

    /// Prints something above the line.
    pub(crate) fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(watcher) = &self.watcher {
            watcher.abort();
        }
        self.bar.finish_and_clear();
        if let Some((progress, begin)) = &self.last {
            output::note(object(progress, begin.elapsed()));
        }
    }
}

/// A terminal that moves its cursor, and that is not watched by a program alone.
fn can_draw() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty());
    std::io::stderr().is_terminal() && !dumb
}

async fn watch(bar: ProgressBar, progress: Progress) {
    tokio::time::sleep(PATIENCE).await;
    // The whole line is the message, cut to the width of the terminal.
    bar.set_style(ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.set_draw_target(ProgressDrawTarget::stderr());
    loop {
        let (done, expected) = position(&progress);
        bar.set_length(expected);
        bar.set_position(done);
        bar.set_message(line(done, expected, bar.per_sec(), bar.eta(), progress.files()));
        tokio::time::sleep(TICK).await;
    }
}

/// Counters, and what follows from them: bytes a second, and the seconds that are left at that rate.
fn object(progress: &Progress, passed: Duration) -> serde_json::Value {
    let (done, expected) = position(progress);
    let rate = done as f64 / passed.as_secs_f64().max(0.001);
    let left = (rate > 0.0).then(|| ((expected - done) as f64 / rate).round() as u64);
    serde_json::json!({"progress": {"bytes": done, "expected": expected, "files": progress.files(),
        "rate": rate as u64, "seconds_left": left}})
}

/// Bytes that are done, and bytes in all. What did not pass here is done when its file is.
fn position(progress: &Progress) -> (u64, u64) {
    let expected = progress.expected();
    (progress.bytes().max(progress.complete_bytes()).min(expected), expected)
}

/// `1.2GiB of 4.0GiB (30 %), 210MiB/s, 14 s left`.
fn line(done: u64, expected: u64, rate: f64, time: Duration, files: u64) -> String {
    let percent = done.saturating_mul(100).checked_div(expected).unwrap_or(100);
    // A cast that saturates: what is faster than u64 is infinite.
    let (rate, time) = (output::amount(rate as u64), left(time));
    let files = match files {
        0 => String::new(),
        1 => ", 1 file done".into(),
        more => format!(", {more} files done"),
    };
    format!("{} of {} ({percent} %), {rate}/s, {time} left{files}", output::amount(done), output::amount(expected))
}

/// `8 s`, `3 min 20 s`, `2 h 5 min`.
fn left(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_are_left() {
        for (seconds, text) in
            [(0, "0 s"), (59, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (360_000, "100 h 0 min")]
        {
            assert_eq!(left(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn the_line() {
        let second = Duration::from_secs(14);
        let expected = "1.0GiB of 4.0GiB (25 %), 210MiB/s, 14 s left";
        assert_eq!(line(1 << 30, 4 << 30, 210.0 * 1024.0 * 1024.0, second, 0), expected);
        assert!(line(0, 0, f64::NAN, Duration::MAX, 7).starts_with("0B of 0B (100 %), 0B/s, "));
        assert!(line(0, 1, 0.0, second, 7).ends_with("14 s left, 7 files done"));
    }

    #[test]
    fn the_template_is_one() {
        assert!(ProgressStyle::with_template("{wide_msg}").is_ok());
    }

    #[test]
    fn what_programs_hear() {
        let told = object(&Progress::default(), Duration::from_secs(2));
        let expected =
            serde_json::json!({"progress": {"bytes": 0, "expected": 0, "files": 0, "rate": 0, "seconds_left": null}});
        assert_eq!(told, expected);
    }

    #[tokio::test]
    async fn without_a_terminal_there_is_nothing() {
        let display = Display::of(&Progress::default(), false);
        assert!(display.bar.is_hidden() && display.watcher.is_none());
        assert_eq!(display.above(|| 7), 7);
    }
}
