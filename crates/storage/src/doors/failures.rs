//! What went wrong at the doors during one call.

use std::time::Duration;

use tokio::time::Instant;

use super::{DoorReport, Doors};
use crate::attempt::History;
use crate::call::brief;
use crate::retry::attempts::Leftovers;
use crate::retry::backoff::{chance, wait};
use crate::{Attempt, Call, Error, ErrorKind, Operation, Path, Result, Status};

/// Who waits for so long wonders why.
pub(super) const WORTH_TELLING: Duration = Duration::from_secs(5);

/// Collects the failures of one call.
pub(super) struct Failures {
    began: Instant,
    /// The pause before this round.
    paused: Duration,
    history: Vec<Attempt>,
    left: Leftovers,
    /// Doors that cannot help with this call any more.
    given_up: Vec<usize>,
    /// The most telling error so far.
    told: Option<Error>,
    /// The shortest time that a door asked to be left alone: the first that may be asked again is waited for.
    asked: Option<Duration>,
}

impl Failures {
    pub(super) fn new() -> Self {
        let (began, paused) = (Instant::now(), Duration::ZERO);
        Self {
            began,
            paused,
            history: Vec::new(),
            left: Leftovers::default(),
            given_up: Vec::new(),
            told: None,
            asked: None,
        }
    }

    pub(super) fn has_given_up(&self, door: usize) -> bool {
        self.given_up.contains(&door)
    }

    /// Takes down a failure; gives back an error that no other door would change.
    pub(super) fn add(&mut self, doors: &Doors, door: usize, took: Duration, error: Error) -> Result<()> {
        let alone = || Attempt { door: doors.0.doors[door].name.to_string(), elapsed: took, reason: error.reason() };
        let mut attempts = error.attempts().to_vec();
        if attempts.is_empty() {
            attempts.push(alone());
        }
        attempts[0].elapsed += self.paused;
        self.history.extend(attempts);
        if error.status() == Status::Permanent {
            return Err(self.with_history(error));
        }
        if error.status() == Status::Exhausted && !is_trouble(&error) {
            self.given_up.push(door);
        }
        self.left.add(&error);
        self.asked = self.asked.into_iter().chain(error.wait()).min();
        // A credential or damage tells more than a door that is not there.
        if self.told.as_ref().is_none_or(|told| is_unreachable(told) || !is_unreachable(&error)) {
            self.told = Some(error);
        }
        Ok(())
    }

    /// With the temporary files that earlier attempts have left.
    pub(super) fn leaving_all(&self, error: Error) -> Error {
        self.left.told(error)
    }

    /// Between two rounds; the end of the call, or of its patience, is the end of all.
    pub(super) async fn pause(&mut self, doors: &Doors, call: &Call, round: u32) -> Result<(), ()> {
        let pause = wait(round, self.asked.take(), chance());
        let patience = doors.0.settings.deadline.min(call.remaining().unwrap_or(Duration::MAX));
        if pause > patience {
            return Err(());
        }
        let tried = History(&self.history, self.began.elapsed());
        match self.began.elapsed() + pause >= WORTH_TELLING {
            true => tracing::warn!("no door has helped so far: {tried}; all are asked again in {}", brief(pause)),
            false => tracing::info!("no door has helped so far: {tried}; all are asked again in {}", brief(pause)),
        }
        self.paused = pause;
        call.pause(pause).await.map_err(drop)
    }

    /// The error of the whole call.
    pub(super) fn told(mut self, doors: &Doors, call: &Call, operation: Operation, path: &Path) -> Error {
        if let Err(end) = call.check() {
            let end = self.left.told(end.at(doors.shown(path)).during(operation));
            return match self.history.last() {
                Some(_) => end.lasting(self.began.elapsed()).with_attempts(self.history),
                None => end,
            };
        }
        let error = self.told.take().unwrap_or_else(|| nobody(doors, operation, path));
        self.name_those_left_alone(doors);
        let status = if error.status() == Status::Permanent { Status::Permanent } else { Status::Exhausted };
        self.with_history(error).with_status(status)
    }

    /// A door that was not asked belongs to the story as well.
    fn name_those_left_alone(&mut self, doors: &Doors) {
        let asked = |door: &str| self.history.iter().any(|attempt| attempt.door == door);
        let alone = |report: &DoorReport| report.failures > 0 && !self.history.is_empty() && !asked(&report.door);
        let left: Vec<Attempt> = doors.report().into_iter().filter(alone).map(left_alone).collect();
        self.history.extend(left);
    }

    fn with_history(&self, error: Error) -> Error {
        let error = self.left.told(error);
        match self.history.len() {
            0 | 1 => error,
            _ => error.lasting(self.began.elapsed()).with_attempts(self.history.clone()),
        }
    }
}

fn left_alone(report: DoorReport) -> Attempt {
    let reason = format!("left alone after {} failures", report.failures);
    Attempt { door: report.door, elapsed: Duration::ZERO, reason }
}

/// No door was asked at all.
fn nobody(doors: &Doors, operation: Operation, path: &Path) -> Error {
    let url = doors.shown(path);
    let serving: Vec<_> = doors.0.doors.iter().filter(|door| door.serves(operation)).collect();
    if serving.is_empty() {
        let word = operation.word();
        let error = Error::new(ErrorKind::Unsupported, format!("no door is kept for `{word}`"));
        let hint = format!("`ops` of the doors, in the [fs.NAME] of this storage, has no \"{word}\"");
        return error.at(url).during(operation).hint(hint);
    }
    Error::new(ErrorKind::Unavailable, "no door can help with this").at(url).during(operation)
}

/// Whether a door is to blame: it cannot be reached, or what it says is wrong. Not for what no other door would change, as a
/// failure of the source of a write.
pub(super) fn is_trouble(error: &Error) -> bool {
    error.status() != Status::Permanent && is_of_trouble(error.kind())
}

/// Whether errors of this kind say that a door is in trouble, if they are its own.
pub(super) fn is_of_trouble(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Integrity | ErrorKind::Malformed)
}

fn is_unreachable(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout)
}
