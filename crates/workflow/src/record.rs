//! How an output was made: a record that is kept beside it, on the same storage.
//!
//! The record of `store/hist.json` is `store/.law/hist.json.json`; of several outputs in one directory it stands at the first one.

use std::collections::HashSet;

use law_storage::{Call, Result as StorageResult};
use law_target::{DirectoryTarget, FileTarget, Target, runtime};
use law_task::{Attempt, TaskResult, Work};
use law_transfer::Place;
use serde_json::{Map, Value, json};

/// Where records are, in the directory of what they are about.
const DIRECTORY: &str = ".law";

/// Files of one task that are described one by one.
const MOST: usize = 100;

/// Writes how a task was made, which has just been run: the task with its parameters, its outputs and what it read, each with size and checksum, when
/// and where it ran, and what `program` says of the program. Of a task whose outputs are no files nothing is written.
///
/// # Errors
/// Those of looking at the files and of writing.
pub fn keep(work: &dyn Work, attempt: &Attempt, program: &Value) -> TaskResult {
    let outputs = files(&work.targets()?.iter().map(|named| &*named.target).collect::<Vec<_>>())?;
    if outputs.iter().all(|output| output.place.is_none()) {
        return Ok(());
    }
    let mut inputs = Vec::new();
    for required in work.requires()? {
        let targets = required.targets()?;
        let read = files(&targets.iter().map(|named| &*named.target).collect::<Vec<_>>())?;
        inputs.push(json!({ "task": required.id().as_str(), "files": described(&read) }));
    }
    let parameters: Map<String, Value> =
        work.values().iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
    let record = json!({
        "task": work.id().as_str(),
        "family": work.family(),
        "parameters": parameters,
        "outputs": described(&outputs),
        "inputs": inputs,
        "began": time(attempt.began),
        "ended": time(attempt.ended),
        "attempt": attempt.number,
        "host": rustix::system::uname().nodename().to_string_lossy(),
        "user": std::env::var("USER").ok(),
        "program": program,
    });
    // One in each directory, where that of another file in it is found as well.
    let mut written = Vec::new();
    for place in outputs.iter().filter_map(|output| output.place.as_ref()) {
        let record_of = place_of(&FileTarget::new(place.clone()));
        if !written.contains(&record_of.parent()) {
            record_of.dump(&record, law_formatters::Json)?;
            written.push(record_of.parent());
        }
    }
    Ok(())
}

/// The record of how a file was made; none if there is none.
///
/// # Errors
/// "Cannot tell", and a record that is no JSON.
pub fn of(file: &FileTarget) -> TaskResult<Option<Value>> {
    let own = place_of(file);
    if own.exists()? {
        return Ok(Some(own.load(law_formatters::Json)?));
    }
    // It may be one of several outputs.
    let records = own.parent();
    if !records.exists()? {
        return Ok(None);
    }
    let place = file.to_string();
    for name in records.listdir("*.json", None)? {
        let record: Value = records.child(name).load(law_formatters::Json)?;
        let mut outputs = record["outputs"].as_array().into_iter().flatten();
        if outputs.any(|output| output["place"] == place) {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// What a record would say of a file now, as under `outputs`; null of one that is missing.
///
/// # Errors
/// "Cannot tell".
pub fn now(file: &FileTarget) -> TaskResult<Value> {
    Ok(described(&files(&[file])?).pop().unwrap_or(Value::Null))
}

/// Removes the records of files that were removed.
///
/// # Errors
/// Those of listing and removing.
pub fn forget(places: &[&Place]) -> TaskResult {
    let mut directories: Vec<(DirectoryTarget, Vec<String>)> = Vec::new();
    for place in places {
        let record = place_of(&FileTarget::new((*place).clone()));
        let directory = record.parent();
        match directories.iter_mut().find(|(known, _)| *known == directory) {
            Some((_, names)) => names.push(record.basename()),
            None => directories.push((directory, vec![record.basename()])),
        }
    }
    for (directory, names) in directories.iter().filter(|_| !places.is_empty()) {
        if !directory.exists()? {
            continue;
        }
        let there: HashSet<String> = directory.listdir(None, None)?.into_iter().collect();
        for name in names.iter().filter(|name| there.contains(*name)) {
            directory.child(name).remove()?;
        }
    }
    Ok(())
}

fn place_of(file: &FileTarget) -> FileTarget {
    file.parent().child_dir(DIRECTORY).child(format!("{}.json", file.basename()))
}

/// A file, or several that are not described one by one.
struct Found {
    place: Option<Place>,
    text: Value,
}

/// What there is of some targets.
fn files(targets: &[&dyn Target]) -> TaskResult<Vec<Found>> {
    let places: Vec<&Place> = targets.iter().flat_map(|target| target.places()).map(|(_, place)| place).collect();
    if places.len() > MOST {
        let all = targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return Ok(vec![Found { place: None, text: json!({ "place": all, "count": places.len() }) }]);
    }
    let mut found = Vec::new();
    for place in places {
        let looked = place.clone();
        let text = runtime::wait(async move { look(&looked).await })?;
        if !text.is_null() {
            found.push(Found { place: Some(place.clone()), text });
        }
    }
    Ok(found)
}

async fn look(place: &Place) -> StorageResult<Value> {
    let call = Call::new();
    let path = place.resolved();
    let Some(metadata) = place.backend().stat(&call, &path).await? else { return Ok(Value::Null) };
    // A storage that has no checksum tells none.
    let digest = place.backend().digest(&call, &path, &[]).await.ok().flatten();
    Ok(json!({
        "place": place.to_string(),
        "size": metadata.size,
        "modified": metadata.modified.map(|modified| time(modified.time)),
        "checksum": digest.map(|digest| digest.to_string()),
    }))
}

fn described(found: &[Found]) -> Vec<Value> {
    found.iter().map(|found| found.text.clone()).collect()
}

fn time(time: std::time::SystemTime) -> Value {
    jiff::Timestamp::try_from(time).map_or(Value::Null, |stamp| stamp.to_string().into())
}
