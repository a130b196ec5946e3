//! A wrapper over several endpoints of one storage.

mod asking;
mod backend;
mod failures;
mod health;
mod ledger;
mod order;
mod reading;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

pub use self::health::Standing;
use self::health::{Health, Moment};
use self::ledger::Ledger;
use self::order::Candidate;
pub use self::order::DoorPolicy;
use crate::looks::Looks;
use crate::retry::backoff::chance;
use crate::{Backend, Metadata, Operation, Path, Validator};

/// One endpoint of a storage, and what it is used for.
#[derive(Debug, Clone)]
pub struct Door {
    name: Arc<str>,
    backend: Arc<dyn Backend>,
    operations: Option<Vec<Operation>>,
    weight: f64,
}

impl Door {
    /// A door for everything. Two doors of one storage have different URLs.
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        let name = backend.url(&Path::root());
        Self { name: name.trim_end_matches('/').into(), backend, operations: None, weight: 1.0 }
    }

    /// Keeps it for these operations.
    #[must_use]
    pub fn only_for(mut self, operations: Vec<Operation>) -> Self {
        self.operations = Some(operations);
        self
    }

    /// How much of the load it gets, compared with the other doors; 1 unless it is said.
    #[must_use]
    pub fn weighing(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }

    /// Its URL, without secrets.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn serves(&self, operation: Operation) -> bool {
        self.operations.as_ref().is_none_or(|operations| operations.contains(&operation))
    }

    /// What it says about a version, so that another door is not asked about its etag.
    fn own(&self, mut metadata: Metadata) -> Metadata {
        // The other doors know size and time, too.
        let own = |version: Validator| version.and_modified(metadata.modified).of_door(&self.name);
        metadata.validator = metadata.validator.take().map(own);
        metadata
    }
}

/// How doors are used.
#[derive(Debug, Clone, PartialEq)]
pub struct DoorsSettings {
    /// How they are chosen from.
    pub policy: DoorPolicy,
    /// Attempts at each door in every round after the first one, in which each has one.
    pub retries: u32,
    /// As [`RetrySettings::deadline`](crate::RetrySettings).
    pub deadline: Duration,
    /// What the storage is called by its user, and the path that is its root: errors that are of no door are about `NAME:path`.
    pub name: Option<(String, Path)>,
    /// A directory of this user alone, on this node, in which processes tell each other how the doors are.
    pub shared: Option<PathBuf>,
}

impl Default for DoorsSettings {
    fn default() -> Self {
        let retry = crate::RetrySettings::default();
        Self {
            policy: DoorPolicy::Adaptive,
            retries: retry.retries,
            deadline: retry.deadline,
            name: None,
            shared: None,
        }
    }
}

/// Several doors of one storage as one backend.
///
/// * **Rounds.** The first gives every door one attempt without delay, the second as many as the settings say; between
///   them it waits. What a storage says with authority (a file is not there, a permission is missing) ends them at once; what one
///   door cannot do (a credential, a certificate, an operation) takes the next door.
/// * **Choice.** By [`DoorPolicy`], doors that failed or were silent within the last minute last. A door that fails five times in
///   a row, or half of ten times, is left alone: for 5 s, then twice as long, up to 5 min; then one attempt tells whether it is well.
///   If all are left alone, all are asked at once.
/// * **Doors that hang.** A short question to a door of which nothing is known is put to a second one after 300 ms (or four
///   times the usual latency); whatever moves bytes or changes something goes to a door that has just answered.
/// * **Reads** go on at another door where one breaks, at the offset that was reached, pinned to the version. **Writes** stay at
///   one door from their first byte to their publication; if that fails, they begin anew at the next.
/// * **Sharing.** Processes of a user on one node share what they know: a thousand jobs learn once.
///
/// Clones are the same doors.
#[derive(Debug, Clone)]
pub struct Doors(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    doors: Vec<Door>,
    settings: DoorsSettings,
    ledger: Ledger,
    looks: Looks,
    in_flight: Vec<AtomicU32>,
    /// Those that this process asks beside its calls just now.
    looked_at: Vec<AtomicBool>,
    turn: AtomicUsize,
}

/// A line of `law fs doors`.
#[derive(Debug, Clone, PartialEq)]
pub struct DoorReport {
    /// The URL of the door, without secrets.
    pub door: String,
    /// What it is kept for; none is everything.
    pub operations: Option<Vec<Operation>>,
    /// Its share of the load.
    pub weight: f64,
    /// How it stands.
    pub standing: Standing,
    /// Until a short question is answered.
    pub latency: Option<Duration>,
    /// Since the last success.
    pub success: Option<Duration>,
    /// Since the last failure.
    pub failure: Option<Duration>,
    /// Failures in a row.
    pub failures: u32,
    /// Until it is asked again, if it is left alone.
    pub pause: Option<Duration>,
}

impl DoorReport {
    /// Of a door of which nothing is known.
    pub fn unknown(door: impl Into<String>) -> Self {
        Self {
            door: door.into(),
            operations: None,
            weight: 1.0,
            standing: Standing::Cold,
            latency: None,
            success: None,
            failure: None,
            failures: 0,
            pause: None,
        }
    }
}

impl Doors {
    /// One backend of these doors, of which there is at least one.
    pub fn new(doors: Vec<Door>, settings: DoorsSettings) -> Self {
        let names = doors.iter().map(|door| door.name.to_string()).collect();
        let ledger = Ledger::new(names, settings.shared.as_deref());
        // Processes that begin together do not begin at the same door.
        let turn = AtomicUsize::new((chance() * doors.len() as f64) as usize);
        let in_flight = doors.iter().map(|_| AtomicU32::new(0)).collect();
        let looked_at = doors.iter().map(|_| AtomicBool::new(false)).collect();
        Self(Arc::new(Inner { doors, settings, ledger, looks: Looks::default(), in_flight, looked_at, turn }))
    }

    /// A path as its user calls it, whichever door it is reached by.
    pub fn shown(&self, path: &Path) -> String {
        let below = |(name, base): &(String, Path)| Some(format!("{name}:{}", path.strip_prefix(base)?));
        let named = self.0.settings.name.as_ref().and_then(below);
        named.unwrap_or_else(|| crate::Backend::url(self, path))
    }

    /// The doors, in the order of the configuration.
    pub fn doors(&self) -> &[Door] {
        &self.0.doors
    }

    /// What is known of the doors now, by any process of this node. Asks nobody.
    pub fn report(&self) -> Vec<DoorReport> {
        let now = self.0.ledger.now();
        let known = self.0.ledger.all();
        self.0.doors.iter().zip(known).map(|(door, health)| report(door, &health, now)).collect()
    }

    /// Forgets what is known, in all processes of this node.
    pub fn reset(&self) {
        self.0.ledger.reset();
    }

    /// Those that serve an operation, in the order in which they are asked now: `prefer` first if it is not in trouble,
    /// `avoid` last.
    fn order(&self, operation: Operation, prefer: Option<usize>, avoid: &[usize]) -> Vec<usize> {
        let now = self.0.ledger.now();
        let known = self.0.ledger.all();
        let serving = |(at, door): (usize, &Door)| door.serves(operation).then(|| self.candidate(at, &known[at], now));
        let candidates: Vec<Candidate> = self.0.doors.iter().enumerate().filter_map(serving).collect();
        let turn = self.0.turn.fetch_add(1, Ordering::Relaxed);
        let mut order = order::order(self.0.settings.policy, candidates, turn, chance);
        let well = |door: usize| known[door].standing(now) <= Standing::Cold;
        order.sort_by_key(|door| (avoid.contains(door), Some(*door) != prefer || !well(*door)));
        order
    }

    fn candidate(&self, door: usize, health: &Health, now: Moment) -> Candidate {
        let weight = self.0.doors[door].weight;
        let score = health.score(self.0.in_flight[door].load(Ordering::Relaxed), weight);
        // Who looks will know in a moment, and others need not be told: this process may end before.
        let looks = self.0.looked_at[door].load(Ordering::Relaxed);
        let standing = match health.standing(now) {
            Standing::Cold if looks => Standing::Tried,
            standing => standing,
        };
        Candidate { door, standing, score, weight }
    }

    fn standing(&self, door: usize) -> Standing {
        self.0.ledger.all()[door].standing(self.0.ledger.now())
    }

    fn index_of(&self, name: &str) -> Option<usize> {
        self.0.doors.iter().position(|door| *door.name == *name)
    }
}

fn report(door: &Door, health: &Health, now: Moment) -> DoorReport {
    let since = |moment: Option<Moment>| moment.map(|moment| Duration::from_millis(now.saturating_sub(moment)));
    let standing = health.standing(now);
    DoorReport {
        door: door.name.to_string(),
        operations: door.operations.clone(),
        weight: door.weight,
        standing,
        latency: health
            .latency
            .filter(|_| health.success.is_some())
            .and_then(|ms| Duration::try_from_secs_f64(ms / 1e3).ok()),
        success: since(health.success),
        failure: since(health.failure),
        failures: health.in_a_row,
        pause: (standing == Standing::Open).then(|| health.pause(now)),
    }
}
