//! What a job has done, so that it can go on after a crash.
//!
//! One file for each job in the state directory, readable by its owner alone. A line is a CRC-32C in hexadecimal, a space
//! and a JSON object; lines are only ever appended, each by one write, so that whatever ends the process leaves whole
//! lines and at most one torn one, which its checksum gives away. A file is noted after it was proven and published.
//! While a process works on a job it holds a lock on the file, which the kernel takes back when the process ends.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path as OsPath, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use law_storage::{Algorithm, Checkpoint, Digest, Error, ErrorKind, Hasher, Metadata, Path, Result, Unfinished};
use serde_json::{Value, json};

use crate::{Copied, Place};

/// The version of the lines.
const VERSION: u64 = 1;

/// How long the journal of a job that is complete is kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// What a job is: the same source and destination are the same job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobName {
    /// What is copied, as a URL without secrets.
    pub from: String,
    /// Where to.
    pub to: String,
}

impl JobName {
    /// The job that copies one place to another.
    pub fn new(from: &Place, to: &Place) -> Self {
        Self { from: from.to_string(), to: to.to_string() }
    }

    /// Twelve hexadecimal digits, others on every machine: a home directory may be shared, and a local path is another one there.
    pub fn id(&self) -> String {
        let host = fs::read("/proc/sys/kernel/hostname").unwrap_or_default();
        hash(Algorithm::Sha256, [host.as_slice(), b"\0", self.from.as_bytes(), b"\0", self.to.as_bytes()])[..12]
            .to_owned()
    }
}

/// The journal of a job that is under way.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Mutex<File>,
    /// Whether it says more than what the job is.
    noted: AtomicBool,
    /// What was proven by those before us, and when.
    proven: HashMap<u128, SystemTime>,
    /// How far they came with others.
    unfinished: HashMap<u128, Unfinished>,
}

/// What is known of a job.
#[derive(Debug, Clone)]
pub struct JournalRecord {
    /// Its identity.
    pub id: String,
    /// What is copied, and where to.
    pub name: JobName,
    /// What was typed, and in which directory; none if that had secrets.
    pub command: Option<(PathBuf, Vec<String>)>,
    /// When it began.
    pub started: SystemTime,
    /// Files that were copied with proof.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// How many failures it ended with; none if it did not come to an end.
    pub failures: Option<u64>,
    /// A process works on it just now.
    pub running: bool,
}

impl JournalRecord {
    /// Everything was copied.
    pub fn is_complete(&self) -> bool {
        self.failures == Some(0)
    }
}

impl Journal {
    /// Opens the journal of a job in `directory`, which is made. With `resume` what is there is continued, if there is anything; without, it begins
    /// anew. `command` is what was typed, and in which directory.
    ///
    /// # Errors
    /// `AlreadyExists` if another process works on the job; those of the disk.
    pub fn open(
        directory: &OsPath,
        name: &JobName,
        command: Option<&(PathBuf, Vec<String>)>,
        resume: bool,
    ) -> Result<Self> {
        let path = directory.join(format!("{}.journal", name.id()));
        let fail = |e: std::io::Error| Error::from(e).at(path.display());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(fail)?;
        let file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(&path).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(busy(name, &path)),
            Err(TryLockError::Error(e)) => return Err(fail(e)),
        }
        let (mut proven, mut unfinished) = (HashMap::new(), HashMap::new());
        if resume {
            each_line(&path, |line| {
                proven.extend(noted(&line));
                unfinished.extend(reached(&line));
            })
            .map_err(fail)?;
        } else {
            file.set_len(0).map_err(fail)?;
        }
        let noted = AtomicBool::new(!proven.is_empty() || !unfinished.is_empty());
        let journal = Self { path: path.clone(), file: Mutex::new(file), noted, proven, unfinished };
        let command = command.map(|(directory, words)| json!({"directory": directory, "words": words}));
        journal.append(&json!({"journal": VERSION, "from": name.from, "to": name.to, "command": command,
            "started": seconds(SystemTime::now())}))?;
        Ok(journal)
    }

    /// Whether a job is remembered in `directory`.
    pub fn knows(directory: &OsPath, name: &JobName) -> bool {
        directory.join(format!("{}.journal", name.id())).exists()
    }

    /// When this version of the file at this path below the top was copied before, if it was.
    pub(crate) fn proven(&self, below: &Path, source: &Metadata) -> Option<SystemTime> {
        if self.proven.is_empty() { None } else { self.proven.get(&key(below, source)).copied() }
    }

    /// What is left of a copy of this version of a file, if there is something.
    pub(crate) fn unfinished(&self, below: &Path, source: &Metadata) -> Option<Unfinished> {
        if self.unfinished.is_empty() { None } else { self.unfinished.get(&key(below, source)).cloned() }
    }

    /// Who notes how far the copy of a large file is.
    pub(crate) fn checkpoint(self: &Arc<Self>, below: &Path, source: &Metadata) -> Arc<dyn Checkpoint> {
        Arc::new(Noting { journal: self.clone(), key: key(below, source) })
    }

    /// Notes a file that was copied. A full disk costs a repetition, never the copy.
    pub(crate) fn note(&self, below: &Path, source: &Metadata, copied: &Copied) {
        let line = json!({"done": below.to_string(), "key": format!("{:032x}", key(below, source)), "size": copied.size,
            "at": seconds(SystemTime::now()), "checksum": copied.checksum()});
        if let Err(error) = self.append(&line) {
            tracing::warn!("what is copied is not noted: {error}");
        }
    }

    /// Notes the end of the job.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn end(&self, failures: u64) -> Result<()> {
        self.append(&json!({"failures": failures, "ended": seconds(SystemTime::now())}))
    }

    /// As [`end`](Self::end); but a job of which nothing was noted, and that failed, is forgotten.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn end_or_forget(&self, failures: u64) -> Result<()> {
        if failures > 0 && !self.noted.load(Ordering::Relaxed) {
            return fs::remove_file(&self.path).map_err(|e| Error::from(e).at(self.path.display()));
        }
        self.end(failures)
    }

    fn append(&self, line: &Value) -> Result<()> {
        let text = line.to_string();
        self.noted.fetch_or(line.get("journal").is_none(), Ordering::Relaxed);
        let line = format!("{} {text}\n", hash(Algorithm::Crc32c, [text.as_bytes()]));
        // One write is one line, whatever panicked between two.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line.as_bytes()).map_err(|e| Error::from(e).at(self.path.display()))
    }

    /// All jobs that are remembered in `directory`, the latest first. Complete ones are forgotten after thirty days.
    ///
    /// # Errors
    /// Those of listing it; a directory that is not there has none.
    pub fn all(directory: &OsPath) -> Result<Vec<JournalRecord>> {
        let listing = match fs::read_dir(directory) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|e| Error::from(e).at(directory.display()))?,
        };
        let mut records = Vec::new();
        for entry in listing.flatten() {
            let path = entry.path();
            let Some(record) = record(&path) else { continue };
            let age = SystemTime::now().duration_since(record.started).unwrap_or_default();
            if record.is_complete() && !record.running && age > KEPT {
                // It is no harm if it stays.
                let _ = fs::remove_file(&path);
                continue;
            }
            records.push(record);
        }
        records.sort_by_key(|record| std::cmp::Reverse(record.started));
        Ok(records)
    }

    /// Forgets a job.
    ///
    /// # Errors
    /// `NotFound`; `AlreadyExists` if a process works on it.
    pub fn forget(directory: &OsPath, id: &str) -> Result<()> {
        let record = Self::all(directory)?.into_iter().find(|record| record.id == id);
        let Some(record) = record else {
            return Err(Error::new(ErrorKind::NotFound, format!("no job `{id}`")).hint("law fs transfers lists them"));
        };
        let path = directory.join(format!("{id}.journal"));
        if record.running {
            return Err(busy(&record.name, &path));
        }
        fs::remove_file(&path).map_err(|e| Error::from(e).at(path.display()))
    }
}

/// One large file of a job.
#[derive(Debug)]
struct Noting {
    journal: Arc<Journal>,
    key: u128,
}

impl Checkpoint for Noting {
    fn reached(&self, part: &Unfinished) {
        let line = json!({"begun": format!("{:032x}", self.key), "part": part.name, "length": part.length,
            "algorithm": part.digest.algorithm().name(), "digest": part.digest.hex()});
        if let Err(error) = self.journal.append(&line) {
            tracing::warn!("how far it is is not noted: {error}");
        }
    }
}

fn busy(name: &JobName, path: &OsPath) -> Error {
    let message = format!("another process is copying {} to {}", name.from, name.to);
    Error::new(ErrorKind::AlreadyExists, message).at(path.display())
}

/// What a file says of its job; none if it is no journal.
fn record(path: &OsPath) -> Option<JournalRecord> {
    let id = path.file_name()?.to_str()?.strip_suffix(".journal")?.to_owned();
    let mut found: Option<JournalRecord> = None;
    let mut keys = HashSet::new();
    each_line(path, |line| {
        if line["journal"] == VERSION {
            let (files, bytes) = found.as_ref().map_or((0, 0), |before| (before.files, before.bytes));
            found = begun(&id, &line).map(|record| JournalRecord { files, bytes, ..record });
        }
        let Some(record) = &mut found else { return };
        if line["key"].as_str().is_some_and(|key| keys.insert(key.to_owned())) {
            record.files += 1;
            record.bytes += line["size"].as_u64().unwrap_or_default();
        }
        record.failures = line["failures"].as_u64();
    })
    .ok()?;
    let mut record = found?;
    record.running = File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
    Some(record)
}

fn begun(id: &str, line: &Value) -> Option<JournalRecord> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let words = |value: &Value| value.as_array()?.iter().map(text).collect::<Option<Vec<String>>>();
    let command = &line["command"];
    Some(JournalRecord {
        id: id.to_owned(),
        name: JobName { from: text(&line["from"])?, to: text(&line["to"])? },
        command: text(&command["directory"]).map(PathBuf::from).zip(words(&command["words"])),
        started: SystemTime::UNIX_EPOCH + Duration::from_secs(line["started"].as_u64()?),
        files: 0,
        bytes: 0,
        failures: None,
        running: false,
    })
}

/// The key of a file that was copied, and when that was.
fn noted(line: &Value) -> Option<(u128, SystemTime)> {
    let key = u128::from_str_radix(line["key"].as_str()?, 16).ok()?;
    Some((key, SystemTime::UNIX_EPOCH + Duration::from_secs(line["at"].as_u64()?)))
}

/// The key of a file that was begun, and how far it came.
fn reached(line: &Value) -> Option<(u128, Unfinished)> {
    let key = u128::from_str_radix(line["begun"].as_str()?, 16).ok()?;
    let algorithm = Algorithm::parse(line["algorithm"].as_str()?)?;
    let digest = Digest::parse(algorithm, line["digest"].as_str()?)?;
    Some((key, Unfinished { name: line["part"].as_str()?.to_owned(), length: line["length"].as_u64()?, digest }))
}

/// Every line that is whole.
fn each_line(path: &OsPath, mut take: impl FnMut(Value)) -> std::io::Result<()> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        if let Some(value) = whole(&line) {
            take(value);
        }
        line.clear();
    }
    Ok(())
}

fn whole(line: &[u8]) -> Option<Value> {
    let (checksum, text) = std::str::from_utf8(line).ok()?.strip_suffix('\n')?.split_once(' ')?;
    (hash(Algorithm::Crc32c, [text.as_bytes()]) == checksum).then(|| serde_json::from_str(text).ok())?
}

/// A version of a file at a path, in a number: two have the same one by an accident that does not happen.
fn key(below: &Path, source: &Metadata) -> u128 {
    let identity = source.identity();
    let modified =
        source.modified.map(|modified| modified.time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default());
    let version =
        format!("\0{:?}\0{:?}\0{:?}", source.size, modified.map(|modified| modified.as_nanos()), identity.entity_tag());
    let text = hash(Algorithm::Sha256, [below.as_bytes(), version.as_bytes()]);
    u128::from_str_radix(&text[..32], 16).unwrap_or_default()
}

fn hash<'a>(algorithm: Algorithm, parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Hasher::new([algorithm]);
    parts.into_iter().for_each(|part| hasher.update(part));
    hasher.finish().pop().map(|digest| digest.hex()).unwrap_or_default()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;
    use law_storage::{FileSystem, Memory};

    fn place(name: &str) -> Place {
        Place::new(FileSystem::new("memory", Path::root(), Arc::new(Memory::new())), Path::parse(name).unwrap())
    }

    fn job() -> JobName {
        JobName::new(&place("from"), &place("to"))
    }

    fn copied(name: &str) -> (Path, Metadata, Copied) {
        let outcome = Outcome::CopiedByStorage;
        let copied = Copied { from: place(name), to: place(name), size: 7, outcome, lost: Vec::new() };
        (Path::parse(name).unwrap(), Metadata::file(7), copied)
    }

    fn note(journal: &Journal, name: &str) {
        let (path, metadata, copied) = copied(name);
        journal.note(&path, &metadata, &copied);
    }

    #[test]
    fn what_was_noted_is_known_to_who_goes_on_and_to_nobody_else() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::open(directory.path(), &job(), None, false).unwrap();
        note(&journal, "a");
        assert!(Journal::all(directory.path()).unwrap()[0].running);
        drop(journal);
        let journal = Journal::open(directory.path(), &job(), None, true).unwrap();
        let (a, metadata, _) = copied("a");
        assert!(journal.proven(&a, &metadata).is_some());
        assert!(journal.proven(&a, &Metadata::file(8)).is_none(), "another version");
        assert!(journal.proven(&Path::parse("b").unwrap(), &metadata).is_none());
        drop(journal);
        let anew = Journal::open(directory.path(), &job(), None, false).unwrap();
        assert!(anew.proven(&a, &metadata).is_none());
    }

    #[test]
    fn torn_and_damaged_lines_are_left_out() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::open(directory.path(), &job(), None, false).unwrap();
        ["a", "b", "c"].iter().for_each(|name| note(&journal, name));
        drop(journal);
        let path = directory.path().join(format!("{}.journal", job().id()));
        let text = fs::read_to_string(&path).unwrap();
        let damaged = text.replacen("\"done\":\"b\"", "\"done\":\"B\"", 1);
        for cut in 0..damaged.len() {
            fs::write(&path, &damaged[..cut]).unwrap();
            let whole = damaged[..cut].matches('\n').count();
            let files = Journal::all(directory.path()).unwrap().first().map_or(0, |record| record.files);
            // The head, a, the damaged b, c.
            assert_eq!(files, [0, 0, 1, 1, 2][whole], "{cut}");
        }
    }

    #[test]
    fn one_process_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Journal::open(directory.path(), &job(), None, false).unwrap();
        let second = Journal::open(directory.path(), &job(), None, true).unwrap_err();
        assert_eq!(second.kind(), ErrorKind::AlreadyExists);
        assert_eq!(Journal::forget(directory.path(), &job().id()).unwrap_err().kind(), ErrorKind::AlreadyExists);
        journal.end(0).unwrap();
        drop(journal);
        let record = Journal::all(directory.path()).unwrap().remove(0);
        assert!(record.is_complete() && !record.running);
        Journal::forget(directory.path(), &record.id).unwrap();
        assert!(Journal::all(directory.path()).unwrap().is_empty());
        assert_eq!(Journal::forget(directory.path(), "x").unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_journal_is_for_its_owner_alone_and_remembers_the_command() {
        use std::os::unix::fs::PermissionsExt as _;
        let top = tempfile::tempdir().unwrap();
        let directory = top.path().join("law/transfers");
        let command = (PathBuf::from("/work"), vec!["cp".to_owned(), "-r".to_owned()]);
        let journal = Journal::open(&directory, &job(), Some(&command), false).unwrap();
        let mode = fs::metadata(&journal.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(Journal::all(&directory).unwrap()[0].command, Some(command));
    }
}
