//! One question, door after door.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::Instant;

use super::failures::{Failures, WORTH_TELLING, is_of_trouble, is_trouble};
use super::health::Standing;
use super::{Door, Doors};
use crate::call::brief;
use crate::{Call, Error, ErrorKind, Operation, Outcome, Path, Result, Status, settle};

/// How many rounds there are, if there may be repetitions at all.
const ROUNDS: u32 = 2;

/// How long an unknown door has before another is asked beside it, at least.
const UNKNOWN: Duration = Duration::from_millis(300);

/// How long a door has that is well.
const KNOWN: Duration = Duration::from_secs(1);

/// How long the first round waits for the last door, if others have failed.
const FIRST_ROUND: Duration = Duration::from_secs(5);

/// How long a door has that is asked how it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked, and of whom rather.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) call: &'a Call,
    pub(super) operation: Operation,
    pub(super) path: &'a Path,
    /// It moves few bytes and changes nothing, so that two doors may be asked at once.
    pub(super) short: bool,
    /// The door that knows the version.
    pub(super) prefer: Option<usize>,
    /// The doors that failed just now.
    pub(super) avoid: &'a [usize],
}

impl<'a> Wanted<'a> {
    pub(super) fn new(call: &'a Call, operation: Operation, path: &'a Path) -> Self {
        Self { call, operation, path, short: false, prefer: None, avoid: &[] }
    }

    pub(super) fn short(self) -> Self {
        Self { short: true, ..self }
    }
}

/// Asks one door.
pub(super) trait Ask<'a, T>: Fn(&'a Door, Call) -> BoxFuture<'a, Result<T>> + Send + Sync {}

impl<'a, T, F: Fn(&'a Door, Call) -> BoxFuture<'a, Result<T>> + Send + Sync> Ask<'a, T> for F {}

/// The end of an attempt.
struct Ended<T> {
    door: usize,
    took: Duration,
    result: Result<T>,
}

impl Doors {
    /// Asks until a door has an answer.
    pub(super) async fn ask<'a, T: Send + 'a>(
        &'a self,
        wanted: Wanted<'a>,
        work: impl Ask<'a, T>,
    ) -> Result<(usize, T)> {
        self.ask_unless_done(wanted, work, |_| std::future::ready(Ok(None)).boxed()).await
    }

    /// As [`ask`](Self::ask), but looks after an attempt whose outcome is not known.
    pub(super) async fn ask_unless_done<'a, T: Send + 'a>(
        &'a self,
        wanted: Wanted<'a>,
        work: impl Ask<'a, T>,
        done: impl Fn(Outcome) -> BoxFuture<'a, Result<Option<T>>> + Send + Sync,
    ) -> Result<(usize, T)> {
        let mut earlier = None;
        let answered = self.rounds(wanted, work, done, &mut earlier).await;
        answered.map_err(|error| settle::in_doubt(error, earlier.as_ref()))
    }

    /// Asks door after door, round after round. `earlier` is the last outcome that was not known.
    async fn rounds<'a, T: Send + 'a>(
        &'a self,
        wanted: Wanted<'a>,
        work: impl Ask<'a, T>,
        done: impl Fn(Outcome) -> BoxFuture<'a, Result<Option<T>>> + Send + Sync,
        earlier: &mut Option<Outcome>,
    ) -> Result<(usize, T)> {
        let mut failures = Failures::new();
        let rounds = if self.0.settings.retries == 0 { 1 } else { ROUNDS };
        for round in 0..rounds {
            if round > 0 && failures.pause(self, wanted.call, round).await.is_err() {
                break;
            }
            let order = self.usable(wanted, &failures);
            let attempts = if round == 0 { 1 } else { self.0.settings.retries };
            if wanted.short && order.len() > 1 {
                match self.race(wanted.call, &order, attempts, &work).await {
                    Ok(ended) => return self.answered(wanted, ended),
                    Err(all) => self.take_down(&mut failures, all)?,
                }
                continue;
            }
            let (order, silent) = self.tested(wanted, order, attempts).await;
            self.take_down(&mut failures, silent)?;
            for door in order {
                if let Err(silent) = self.answers(wanted, door, attempts).await {
                    self.take_down(&mut failures, vec![silent])?;
                    continue;
                }
                let ended = self.attempt(door, wanted.call, attempts, wanted.short, &work).await;
                let error = match ended.result {
                    Ok(value) => return self.answered(wanted, Ended { result: Ok(value), ..ended }),
                    Err(error) => error,
                };
                let after = settle::after(error, earlier, &done).await;
                match after.map_err(|unsure| failures.leaving_all(unsure))? {
                    ControlFlow::Break(value) => return Ok((door, value)),
                    ControlFlow::Continue(error) => failures.add(self, door, ended.took, error)?,
                }
            }
        }
        Err(failures.told(self, wanted.call, wanted.operation, wanted.path))
    }

    /// The doors to ask in this round; if nothing is known of the first, it is taken for a trial.
    fn usable(&self, wanted: Wanted<'_>, failures: &Failures) -> Vec<usize> {
        for _ in 0..self.0.doors.len() {
            let order = self.not_left_alone(wanted, failures);
            let unknown = order.first().filter(|door| self.standing(**door) == Standing::Cold);
            if unknown.is_none_or(|door| self.0.ledger.claim(*door)) {
                return order;
            }
        }
        self.not_left_alone(wanted, failures)
    }

    /// Doors that are left alone are asked only if all are; one that wished for that, if all did.
    fn not_left_alone(&self, wanted: Wanted<'_>, failures: &Failures) -> Vec<usize> {
        let mut order = self.order(wanted.operation, wanted.prefer, wanted.avoid);
        order.retain(|door| !failures.has_given_up(*door));
        let (known, now) = (self.0.ledger.all(), self.0.ledger.now());
        let tiers: [&dyn Fn(usize) -> bool; 2] =
            [&|door| known[door].standing(now) != Standing::Open, &|door| !known[door].has_a_wish(now)];
        for is_good in tiers {
            let good: Vec<usize> = order.iter().copied().filter(|door| is_good(*door)).collect();
            if !good.is_empty() {
                return good;
            }
        }
        order
    }

    fn take_down<T>(&self, failures: &mut Failures, all: Vec<Ended<T>>) -> Result<()> {
        for ended in all {
            if let Err(error) = ended.result {
                failures.add(self, ended.door, ended.took, error)?;
            }
        }
        Ok(())
    }

    fn answered<T>(&self, wanted: Wanted<'_>, ended: Ended<T>) -> Result<(usize, T)> {
        self.look_after(ended.door, wanted.path);
        Ok((ended.door, ended.result?))
    }

    /// Before something goes to a door of which nothing is known, a short question finds one that answers. Those of which the
    /// first round has heard already that they do not are not asked again in it.
    async fn tested(&self, wanted: Wanted<'_>, mut order: Vec<usize>, attempts: u32) -> (Vec<usize>, Vec<Ended<()>>) {
        let known = order.first().is_none_or(|door| self.standing(*door) == Standing::Warm);
        let asked: Vec<usize> = order.iter().copied().filter(|at| self.0.doors[*at].serves(Operation::Stat)).collect();
        if known || order.len() < 2 || asked.len() < 2 {
            return (order, Vec::new());
        }
        match self.race(wanted.call, &asked, attempts, &look_at(wanted.path)).await {
            Ok(ended) => {
                order.sort_by_key(|door| *door != ended.door);
                (order, Vec::new())
            }
            Err(mut failed) => {
                failed.retain(|ended| attempts == 1 && ended.result.as_ref().is_err_and(is_trouble));
                order.retain(|door| failed.iter().all(|ended| ended.door != *door));
                (order, failed)
            }
        }
    }

    /// Whether a door that is next after others have failed answers at all. In the first round it has a short time for that.
    async fn answers(&self, wanted: Wanted<'_>, door: usize, attempts: u32) -> Result<(), Ended<()>> {
        let only = self.0.doors.len() < 2 || !self.0.doors[door].serves(Operation::Stat);
        if attempts > 1 || only || self.standing(door) == Standing::Warm {
            return Ok(());
        }
        let begin = Instant::now();
        let look = look_at(wanted.path);
        match tokio::time::timeout(FIRST_ROUND, self.attempt(door, wanted.call, 1, true, &look)).await {
            Ok(ended) if ended.result.as_ref().is_err_and(|error| error.status() != Status::Permanent) => Err(ended),
            Ok(_) => Ok(()),
            Err(_) => Err(self.given_up(door, begin)),
        }
    }

    /// As [`race_silently`](Self::race_silently), with a word to who wonders why it takes so long.
    async fn race<'a, T: Send + 'a>(
        &'a self,
        call: &'a Call,
        order: &[usize],
        attempts: u32,
        work: &impl Ask<'a, T>,
    ) -> Result<Ended<T>, Vec<Ended<T>>> {
        let race = self.race_silently(call, order, attempts, work);
        tokio::pin!(race);
        tokio::select! {
            biased;
            ended = &mut race => return ended,
            () = tokio::time::sleep(WORTH_TELLING) => {}
        }
        let names: Vec<&str> = order.iter().map(|door| self.0.doors[*door].name()).collect();
        tracing::warn!("no answer for {} from {}: still waiting", brief(WORTH_TELLING), names.join(", "));
        race.await
    }

    /// Asks the first door, and the next ones as soon as it fails or takes long. The first answer counts, also if it is an
    /// error that no other door would change.
    async fn race_silently<'a, T: Send + 'a>(
        &'a self,
        call: &'a Call,
        order: &[usize],
        attempts: u32,
        work: &impl Ask<'a, T>,
    ) -> Result<Ended<T>, Vec<Ended<T>>> {
        let mut next = order.iter().copied().peekable();
        let mut running = FuturesUnordered::new();
        let mut begun: Vec<(usize, Instant)> = Vec::new();
        let mut failed: Vec<Ended<T>> = Vec::new();
        // Nothing is left to lose.
        let at_once = order.iter().all(|door| self.standing(*door) == Standing::Open);
        loop {
            if let Some(door) = next.next() {
                begun.push((door, Instant::now()));
                running.push(self.attempt(door, call, attempts, true, work));
            }
            let patience = begun.last().filter(|_| !at_once).map_or(Duration::ZERO, |(door, _)| self.patience(*door));
            // A door that failed a moment ago is asked when the others have failed, and not because they are slow; unless
            // all have failed once.
            let more =
                next.peek().is_some_and(|door| at_once || attempts > 1 || self.standing(*door) <= Standing::Tried);
            let ended = tokio::select! {
                biased;
                ended = running.next() => match ended {
                    Some(ended) => ended,
                    None => return Err(failed),
                },
                () = tokio::time::sleep(patience), if more => continue,
                // Others have failed, and may be better by now: the second round waits as long as it must.
                () = tokio::time::sleep(FIRST_ROUND), if attempts == 1 && !more && !failed.is_empty() => {
                    failed.extend(begun.into_iter().map(|(door, since)| self.given_up(door, since)));
                    return Err(failed);
                }
            };
            begun.retain(|(door, _)| *door != ended.door);
            // An answer is an answer, also in the last moment.
            if ended.result.is_err() && call.check().is_err() {
                failed.push(silent(ended.door, ended.took));
                self.overtaken(&begun);
                failed.extend(begun.into_iter().map(|(door, since)| silent(door, since.elapsed())));
                return Err(failed);
            }
            if ended.result.as_ref().is_err_and(|error| error.status() != Status::Permanent) {
                failed.push(ended);
                continue;
            }
            self.overtaken(&begun);
            return Ok(ended);
        }
    }

    /// These have not answered until now.
    fn overtaken(&self, begun: &[(usize, Instant)]) {
        for (door, since) in begun {
            self.0.ledger.note(*door, |health, now| health.was_slower_than(now, since.elapsed()));
        }
    }

    /// A door that was not waited for any longer.
    fn given_up<T>(&self, door: usize, since: Instant) -> Ended<T> {
        let ended = silent(door, since.elapsed());
        self.remember(door, ended.result.as_ref().err(), None);
        ended
    }

    /// How long a door is waited for before another is asked as well.
    fn patience(&self, door: usize) -> Duration {
        let known = self.0.ledger.all();
        let warm = known[door].standing(self.0.ledger.now()) == Standing::Warm;
        let mut latencies: Vec<f64> =
            known.iter().filter(|health| health.success.is_some()).filter_map(|health| health.latency).collect();
        latencies.sort_by(f64::total_cmp);
        let usual = match warm {
            true => known[door].latency.unwrap_or_default() * 8.0,
            false => latencies.get(latencies.len() / 2).copied().unwrap_or_default() * 4.0,
        };
        let usual = Duration::try_from_secs_f64(usual / 1e3).unwrap_or(KNOWN).min(10 * KNOWN);
        usual.max(if warm { KNOWN } else { UNKNOWN })
    }

    /// Asks one door, and remembers how it went.
    async fn attempt<'a, T: Send + 'a>(
        &'a self,
        door: usize,
        call: &'a Call,
        attempts: u32,
        short: bool,
        work: &impl Ask<'a, T>,
    ) -> Ended<T> {
        // One that is being tried is tried by this call already, or by another process.
        if !matches!(self.standing(door), Standing::Warm | Standing::Tried) {
            self.0.ledger.note(door, |health, now| health.begin_trial(now));
        }
        let attempts = std::num::NonZeroU32::new(attempts).unwrap_or(std::num::NonZeroU32::MIN);
        let _in_flight = InFlight::begin(self, door);
        let begin = Instant::now();
        let result = work(&self.0.doors[door], call.clone().attempts(attempts)).await;
        let took = begin.elapsed();
        match &result {
            // The end of the caller's time is no failure of a door, but it has not been fast.
            Err(error) if error.status() == Status::Permanent && error.kind() == ErrorKind::Timeout => {
                self.0.ledger.note(door, |health, now| health.was_slower_than(now, took));
            }
            result => self.remember(door, result.as_ref().err(), short.then_some(took)),
        }
        Ended { door, took, result }
    }

    /// Asks every door a short question about `path`, all at once, and remembers how each went.
    pub async fn ask_each(&self, call: &Call, path: &Path) -> Vec<Result<()>> {
        let all = (0..self.0.doors.len()).map(|door| self.probe_door(door, call, path));
        futures_util::future::join_all(all).await
    }

    async fn probe_door(&self, door: usize, call: &Call, path: &Path) -> Result<()> {
        let patience = call.remaining().map_or(PATIENCE, |left| left.min(PATIENCE));
        // The end of the time is the failure of the door here.
        let own = Call::new().cancelled_by(call.cancellation().clone());
        let look = look_at(path);
        match tokio::time::timeout(patience, self.attempt(door, &own, 1, true, &look)).await {
            Ok(ended) => ended.result,
            Err(_) => {
                let message = format!("no answer within {}", brief(patience));
                let error = Error::new(ErrorKind::Timeout, message).at(self.0.doors[door].backend.url(path));
                self.remember(door, Some(&error), None);
                Err(error)
            }
        }
    }

    /// How an attempt ended.
    pub(super) fn remember(&self, door: usize, error: Option<&Error>, took: Option<Duration>) {
        match error {
            Some(error) if error.kind() == ErrorKind::Cancelled => {}
            Some(error) if is_trouble(error) => {
                let wish = error.wait();
                self.0.ledger.note(door, move |health, now| health.failed(now, wish));
            }
            // That another door would not help either tells nothing about this one: the source of a write has failed, or
            // the time of the call is over.
            Some(error) if is_of_trouble(error.kind()) => {
                self.0.ledger.note(door, |health, _| health.ended_otherwise());
            }
            // Whoever says no is there.
            _ => self.0.ledger.note(door, move |health, now| health.succeeded(now, took)),
        }
    }

    /// After a success there is time to find out about doors of which nobody knows: nobody waits for that.
    fn look_after(&self, answered: usize, path: &Path) {
        let now = self.0.ledger.now();
        for (door, health) in self.0.ledger.all().iter().enumerate() {
            if door == answered || !health.is_due(now) || !self.0.doors[door].serves(Operation::Stat) {
                continue;
            }
            self.0.ledger.note(door, |health, now| health.begin_look(now));
            self.0.looked_at[door].store(true, Ordering::Relaxed);
            let (doors, path) = (self.clone(), path.clone());
            tokio::spawn(async move {
                doors.look_beside(door, &path).await;
                doors.0.looked_at[door].store(false, Ordering::Relaxed);
            });
        }
    }

    async fn look_beside(&self, door: usize, path: &Path) {
        let call = Call::new().attempts(std::num::NonZeroU32::MIN);
        let begin = Instant::now();
        match tokio::time::timeout(PATIENCE, self.0.doors[door].backend.stat(&call, path)).await {
            Ok(found) => self.remember(door, found.as_ref().err(), Some(begin.elapsed())),
            Err(_) => drop(self.given_up::<()>(door, begin)),
        }
    }
}

/// A door from which nothing came.
fn silent<T>(door: usize, took: Duration) -> Ended<T> {
    let error = Error::new(ErrorKind::Timeout, format!("no answer came for {:.0} s", took.as_secs_f64()));
    Ended { door, took, result: Err(error) }
}

/// A short question.
fn look_at<'a>(path: &Path) -> impl Ask<'a, ()> {
    let path = path.clone();
    move |door: &'a Door, call: Call| {
        let (backend, path) = (door.backend.clone(), path.clone());
        async move { backend.stat(&call, &path).await.map(drop) }.boxed()
    }
}

/// A call that is under way at a door.
struct InFlight<'a>(&'a Doors, usize);

impl<'a> InFlight<'a> {
    fn begin(doors: &'a Doors, door: usize) -> Self {
        doors.0.in_flight[door].fetch_add(1, Ordering::Relaxed);
        Self(doors, door)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.0.in_flight[self.1].fetch_sub(1, Ordering::Relaxed);
    }
}
