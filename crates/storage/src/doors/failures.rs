//! What went wrong at the doors during one call.

use std::time::Duration;

use super::health::Standing;
use super::{DoorReport, Doors};
use crate::retry::attempts::tell_what_is_left;
use crate::retry::backoff::{chance, wait};
use crate::{Attempt, Call, Error, ErrorKind, Operation, Path, Result, Status};

/// Who waits for so long wonders why.
const WORTH_TELLING: Duration = Duration::from_secs(2);

/// Collects the failures of one call.
pub(super) struct Failures {
    history: Vec<Attempt>,
    /// Doors that cannot help with this call any more.
    given_up: Vec<usize>,
    /// The most telling error so far.
    told: Option<Error>,
    /// The shortest time that a door asked to be left alone: the first that may be asked again is waited for.
    asked: Option<Duration>,
}

impl Failures {
    pub(super) fn new() -> Self {
        Self { history: Vec::new(), given_up: Vec::new(), told: None, asked: None }
    }

    pub(super) fn has_given_up(&self, door: usize) -> bool {
        self.given_up.contains(&door)
    }

    /// Takes down a failure; gives back an error that no other door would change.
    pub(super) fn add(&mut self, doors: &Doors, door: usize, took: Duration, error: Error) -> Result<()> {
        match error.attempts() {
            [] => self.history.push(Attempt {
                door: doors.0.doors[door].name.to_string(),
                elapsed: took,
                reason: error.reason(),
            }),
            attempts => self.history.extend(attempts.iter().cloned()),
        }
        if error.status() == Status::Permanent {
            return Err(self.with_history(error));
        }
        if error.status() == Status::Exhausted && !is_trouble(&error) {
            self.given_up.push(door);
        }
        tell_what_is_left(&error);
        self.asked = self.asked.into_iter().chain(error.wait()).min();
        // A credential or damage tells more than a door that is not there.
        if self.told.as_ref().is_none_or(|told| is_unreachable(told) || !is_unreachable(&error)) {
            self.told = Some(error);
        }
        Ok(())
    }

    /// Between two rounds; the end of the call, or of its patience, is the end of all.
    pub(super) async fn pause(&mut self, doors: &Doors, call: &Call, round: u32) -> Result<(), ()> {
        let all_open = doors.report().iter().all(|report| report.standing == Standing::Open);
        let soonest = doors.report().iter().filter_map(|report| report.pause).min();
        let pause = wait(round, self.asked.take().max(soonest.filter(|_| all_open)), chance());
        let patience = doors.0.settings.deadline.min(call.remaining().unwrap_or(Duration::MAX));
        if pause > patience {
            return Err(());
        }
        match pause >= WORTH_TELLING {
            true => tracing::warn!("no door helped, all are asked again in {:.1} s", pause.as_secs_f64()),
            false => tracing::info!("no door helped, all are asked again in {:.1} s", pause.as_secs_f64()),
        }
        call.pause(pause).await.map_err(drop)
    }

    /// The error of the whole call.
    pub(super) fn told(mut self, doors: &Doors, call: &Call, operation: Operation, path: &Path) -> Error {
        if let Err(end) = call.check() {
            let end = end.at(crate::Backend::url(doors, path)).during(operation);
            return match self.history.last() {
                Some(last) => end.because(std::io::Error::other(last.reason.clone())).with_attempts(self.history),
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
        if self.history.len() < 2 { error } else { error.with_attempts(self.history.clone()) }
    }
}

fn left_alone(report: DoorReport) -> Attempt {
    let reason = format!("left alone after {} failures", report.failures);
    Attempt { door: report.door, elapsed: Duration::ZERO, reason }
}

/// No door was asked at all.
fn nobody(doors: &Doors, operation: Operation, path: &Path) -> Error {
    let url = doors.0.doors.first().map(|door| door.backend.url(path)).unwrap_or_default();
    let serving: Vec<_> = doors.0.doors.iter().filter(|door| door.serves(operation)).collect();
    if serving.is_empty() {
        return Error::new(ErrorKind::Unsupported, "no door is kept for this").at(url).during(operation);
    }
    let pause = doors.report().into_iter().filter_map(|report| report.pause).min().unwrap_or_default();
    let message =
        format!("all doors have failed so often that they are left alone for {:.1} s more", pause.as_secs_f64());
    Error::new(ErrorKind::Unavailable, message).at(url).during(operation).hint("`law fs doors --reset` forgets that")
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
