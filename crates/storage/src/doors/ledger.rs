//! What is known about the doors of one storage, shared by the processes of a node. It is advice: whatever happens to the
//! file, calls go on with what this process knows.

use std::cell::Cell;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::FlockOperation;

use super::health::{Health, Moment, Standing};

/// How old what others wrote may be.
const FRESH: Moment = 200;

/// How often a success of a door that is well is told to the others.
const NEWS: Moment = 10_000;

/// A file that is longer was not written by us.
const LONGEST: u64 = 1024 * 1024;

/// What the line begins with that says since when something is known. No door has such a name.
const FORGOTTEN: &str = "forgotten\t";

/// Milliseconds since 1970, by the clock of the system.
pub(crate) fn now() -> Moment {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as Moment)
}

/// What is done to the lines of a ledger.
type Change<'a> = &'a dyn Fn(&mut [Health]);

#[derive(Debug)]
pub(crate) struct Ledger {
    doors: Vec<String>,
    known: Mutex<Vec<Health>>,
    file: Option<PathBuf>,
    read: AtomicU64,
    began: Moment,
    /// When all was forgotten the last time, as far as this process has heard.
    forgotten: AtomicU64,
    pub(crate) clock: fn() -> Moment,
}

impl Ledger {
    /// Of these doors; in `directory`, which is this user's alone, others share it.
    pub(crate) fn new(doors: Vec<String>, directory: Option<&Path>) -> Self {
        let name = format!("{:016x}.doors", fingerprint(&doors));
        let known = Mutex::new(vec![Health::default(); doors.len()]);
        let file = directory.map(|directory| directory.join(name));
        Self { doors, known, file, read: AtomicU64::new(0), began: now(), forgotten: AtomicU64::new(0), clock: now }
    }

    pub(crate) fn now(&self) -> Moment {
        (self.clock)()
    }

    /// What is known now, by this process and, as of a moment ago, by all others.
    pub(crate) fn all(&self) -> Vec<Health> {
        let now = self.now();
        let old = now.saturating_sub(self.read.load(Ordering::Relaxed)) > FRESH;
        if old && self.file.is_some() {
            self.exchange(FlockOperation::NonBlockingLockShared, None);
        }
        self.known().clone()
    }

    /// Notes something about one door, after what others know of it.
    pub(crate) fn note(&self, door: usize, change: impl Fn(&mut Health, Moment)) {
        let now = self.now();
        let before = self.known()[door].clone();
        let mut after = before.clone();
        change(&mut after, now);
        if self.file.is_some() && is_news(&before, &after) {
            self.exchange(FlockOperation::NonBlockingLockExclusive, Some(&|known| change(&mut known[door], now)));
        } else {
            self.known()[door] = after;
        }
    }

    /// Takes a door of which nothing is known for a trial, unless another process was faster: then it is known now who tries it.
    pub(crate) fn claim(&self, door: usize) -> bool {
        let now = self.now();
        let claimed = Cell::new(false);
        let claim = |known: &mut [Health]| {
            if known[door].standing(now) == Standing::Cold {
                known[door].begin_trial(now);
                claimed.set(true);
            }
        };
        match self.file {
            Some(_) => self.exchange(FlockOperation::NonBlockingLockExclusive, Some(&claim)),
            None => claim(&mut self.known()),
        }
        claimed.get()
    }

    /// Forgets everything, everywhere: also what processes that run now remember, as soon as they look into the file.
    pub(crate) fn reset(&self) {
        let mut known = self.known();
        known.fill(Health::default());
        let Some(file) = &self.file else { return };
        // A file that cannot be read tells nothing.
        let before = File::open(file).and_then(|mut file| read(&mut file)).ok().and_then(|text| self.told(&text));
        let forgotten = self.now().max(before.map_or(0, |before| before + 1));
        self.forgotten.store(forgotten, Ordering::Relaxed);
        if let Err(error) = replace(file, &self.text(&known)) {
            tracing::debug!(file = %file.display(), "what is known of the doors is not forgotten by others: {error}");
        }
    }

    /// When everything was forgotten the last time, by a file. A time in the future makes no sense.
    fn told(&self, text: &str) -> Option<Moment> {
        let moment = text.lines().find_map(|line| line.strip_prefix(FORGOTTEN)).and_then(|moment| moment.parse().ok());
        moment.filter(|moment: &Moment| *moment <= self.now().saturating_add(FRESH))
    }

    /// Whether others have forgotten what this process still knows.
    fn must_forget(&self, text: &str) -> bool {
        let Some(told) = self.told(text) else { return false };
        self.forgotten.fetch_max(told, Ordering::Relaxed) < told && told >= self.began
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Vec<Health>> {
        // Each line is right by itself, whatever panicked beside it.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what others know better; changes it and tells the others, if there is a change. The change is made here
    /// also where the file cannot be used.
    fn exchange(&self, lock: FlockOperation, change: Option<Change<'_>>) {
        let Some(path) = &self.file else { return };
        let mut known = self.known();
        let opened = open_locked(path, lock).and_then(|mut file| Ok((read(&mut file)?, file)));
        if let Ok((text, _)) = &opened {
            if self.must_forget(text) {
                known.fill(Health::default());
            }
            known.iter_mut().zip(self.parse(text)).for_each(|(ours, theirs)| merge(ours, theirs));
        }
        if let Some(change) = change {
            change(&mut known);
        }
        let told = opened.and_then(|(_, mut file)| match change {
            Some(_) => write(&mut file, &self.text(&known)),
            None => Ok(()),
        });
        self.read.store(self.now(), Ordering::Relaxed);
        if let Err(error) = told {
            tracing::debug!(file = %path.display(), "what is known of the doors is not shared: {error}");
        }
    }

    fn text(&self, all: &[Health]) -> String {
        let mut text = format!("{FORGOTTEN}{}\n", self.forgotten.load(Ordering::Relaxed));
        for (door, h) in self.doors.iter().zip(all) {
            let latency = h.latency.map_or("-".into(), |latency| format!("{latency:.3}"));
            let [success, failure, trial, silent] =
                [h.success, h.failure, h.trial, h.silent].map(|m| m.map_or("-".into(), |moment| moment.to_string()));
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{door}\t{latency}\t{success}\t{failure}\t{trial}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{silent}",
                h.in_a_row, h.outcomes, h.counted, h.openings, h.open_until, h.not_before, h.trials
            );
        }
        text
    }

    /// What the file says of our doors; nothing for those of which it says nothing that can be read.
    fn parse(&self, text: &str) -> Vec<Option<Health>> {
        let lines: Vec<(&str, Option<Health>)> =
            text.lines().filter_map(|line| line.split_once('\t')).map(|(door, rest)| (door, health(rest))).collect();
        let found = |door: &String| lines.iter().find(|(name, _)| name == door).and_then(|(_, health)| health.clone());
        self.doors.iter().map(found).collect()
    }
}

fn health(line: &str) -> Option<Health> {
    let fields: Vec<&str> = line.split('\t').collect();
    // Earlier versions do not tell the last one.
    let (fields, silent) = match fields.split_at_checked(11) {
        Some((fields, [silent])) => (fields, *silent),
        _ => (&fields[..], "-"),
    };
    let [latency, success, failure, trial, in_a_row, outcomes, counted, openings, open_until, not_before, trials] =
        fields[..]
    else {
        return None;
    };
    let moment = |text: &str| if text == "-" { Some(None) } else { text.parse().ok().map(Some) };
    let latency = if latency == "-" { None } else { Some(latency.parse::<f64>().ok().filter(|l| l.is_finite())?) };
    Some(Health {
        latency,
        success: moment(success)?,
        failure: moment(failure)?,
        trial: moment(trial)?,
        in_a_row: in_a_row.parse().ok()?,
        outcomes: outcomes.parse().ok()?,
        counted: counted.parse().ok()?,
        openings: openings.parse().ok()?,
        open_until: open_until.parse().ok()?,
        not_before: not_before.parse().ok()?,
        trials: trials.parse().ok()?,
        silent: moment(silent)?,
    })
}

/// The newer of the two.
fn merge(ours: &mut Health, theirs: Option<Health>) {
    let newest = |health: &Health| health.success.max(health.failure).max(health.trial).max(health.silent);
    if let Some(theirs) = theirs.filter(|theirs| newest(theirs) > newest(ours)) {
        *ours = theirs;
    }
}

/// Whether others should hear of it now.
fn is_news(before: &Health, after: &Health) -> bool {
    let looked = before.trial != after.trial || before.silent != after.silent;
    let well = |health: &Health| (health.in_a_row, health.openings, health.trials) == (0, 0, 0);
    let told = before.success.zip(after.success).is_some_and(|(before, after)| before / NEWS == after / NEWS);
    looked || !(well(before) && well(after) && told)
}

/// Never waits: a process that was stopped may hold the lock, and this is a thread that moves bytes.
fn open_locked(path: &Path, lock: FlockOperation) -> std::io::Result<File> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    rustix::fs::flock(&file, lock)?;
    Ok(file)
}

/// Puts another file in its place, whoever has the old one open or locked.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, path)
}

fn read(file: &mut File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn write(file: &mut File, text: &str) -> std::io::Result<()> {
    file.rewind()?;
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)
}

/// The same for the same doors, in every process (FNV-1a).
fn fingerprint(doors: &[String]) -> u64 {
    let bytes = doors.iter().flat_map(|door| door.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use proptest::prelude::*;

    fn doors() -> Vec<String> {
        vec!["davs://one:1".into(), "davs://two:2".into()]
    }

    fn standings(ledger: &Ledger) -> Vec<Standing> {
        let now = ledger.now();
        ledger.all().iter().map(|health| health.standing(now)).collect()
    }

    #[test]
    fn what_one_process_learns_another_knows() {
        let directory = tempfile::tempdir().unwrap();
        let here = Ledger::new(doors(), Some(directory.path()));
        let there = Ledger::new(doors(), Some(directory.path()));
        assert_eq!(standings(&there), [Standing::Cold, Standing::Cold]);
        (0..5).for_each(|_| here.note(0, |health, now| health.failed(now, None)));
        here.note(1, |health, now| health.succeeded(now, Some(Duration::from_millis(3))));
        let third = Ledger::new(doors(), Some(directory.path()));
        assert_eq!(standings(&third), [Standing::Open, Standing::Warm]);
        assert_eq!(third.all(), here.all());
        third.reset();
        assert_eq!(standings(&Ledger::new(doors(), Some(directory.path()))), [Standing::Cold, Standing::Cold]);
    }

    #[test]
    fn what_is_forgotten_comes_back_from_no_process_that_runs() {
        let directory = tempfile::tempdir().unwrap();
        let here = Ledger::new(doors(), Some(directory.path()));
        for _ in 0..2 {
            (0..5).for_each(|_| here.note(0, |health, now| health.failed(now, None)));
            let held = open_locked(here.file.as_ref().unwrap(), FlockOperation::NonBlockingLockExclusive).unwrap();
            Ledger::new(doors(), Some(directory.path())).reset();
            drop(held);
            here.note(1, |health, now| health.failed(now, None));
            let forgotten = [Standing::Cold, Standing::Failing];
            assert_eq!(standings(&here), forgotten);
            assert_eq!(standings(&Ledger::new(doors(), Some(directory.path()))), forgotten);
            here.reset();
        }
        let names: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }

    /// Those that were told nothing would go on with what they know; a file that is gone tells nothing.
    #[test]
    fn a_file_that_is_gone_is_written_again() {
        let directory = tempfile::tempdir().unwrap();
        let here = Ledger::new(doors(), Some(directory.path()));
        here.note(0, |health, now| health.failed(now, None));
        std::fs::remove_file(here.file.as_ref().unwrap()).unwrap();
        here.note(1, |health, now| health.failed(now, None));
        assert_eq!(standings(&Ledger::new(doors(), Some(directory.path()))), [Standing::Failing; 2]);
    }

    #[test]
    fn failures_of_different_processes_add_up() {
        let directory = tempfile::tempdir().unwrap();
        for _ in 0..5 {
            let ledger = Ledger::new(doors(), Some(directory.path()));
            ledger.note(0, |health, now| health.failed(now, None));
        }
        assert_eq!(standings(&Ledger::new(doors(), Some(directory.path()))), [Standing::Open, Standing::Cold]);
    }

    #[test]
    fn one_of_many_tries_a_door_that_nobody_knows() {
        let directory = tempfile::tempdir().unwrap();
        let ledgers: Vec<_> = (0..5).map(|_| Ledger::new(doors(), Some(directory.path()))).collect();
        assert_eq!(ledgers.iter().filter(|ledger| ledger.claim(0)).count(), 1);
        assert_eq!(standings(&ledgers[4]), [Standing::Tried, Standing::Cold]);
        assert!(Ledger::new(doors(), None).claim(0));
    }

    #[test]
    fn other_doors_share_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let here = Ledger::new(doors(), Some(directory.path()));
        here.note(0, |health, now| health.failed(now, None));
        let other = Ledger::new(vec!["davs://one:1".into()], Some(directory.path()));
        assert_eq!(standings(&other), [Standing::Cold]);
    }

    #[test]
    fn without_a_directory_a_process_learns_for_itself() {
        let ledger = Ledger::new(doors(), Some(Path::new("/nowhere/at/all")));
        ledger.note(1, |health, now| health.failed(now, None));
        assert_eq!(standings(&ledger), [Standing::Cold, Standing::Failing]);
    }

    /// A process that holds the lock and was stopped holds up nobody.
    #[test]
    fn a_lock_that_stays_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let ledger = Ledger::new(doors(), Some(directory.path()));
        let path = ledger.file.clone().unwrap();
        let held = open_locked(&path, FlockOperation::NonBlockingLockExclusive).unwrap();
        let begin = std::time::Instant::now();
        (0..100).for_each(|_| ledger.note(0, |health, now| health.failed(now, None)));
        assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
        assert_eq!(standings(&ledger), [Standing::Open, Standing::Cold]);
        drop(held);
    }

    proptest! {
        #[test]
        fn any_file_is_survived(text in ".{0,300}") {
            let directory = tempfile::tempdir().unwrap();
            let ledger = Ledger::new(doors(), Some(directory.path()));
            std::fs::write(ledger.file.as_ref().unwrap(), format!("{text}\ndavs://one:1\t{text}")).unwrap();
            ledger.all();
            ledger.note(0, |health, now| health.failed(now, None));
            prop_assert_eq!(standings(&Ledger::new(doors(), Some(directory.path())))[0], Standing::Failing);
        }
    }
}
