//! Removals whose answer was lost.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use law_storage::{
    Backend, Call, ErrorKind, Fault, Faulty, Gate, Memory, Operation, Outcome, Retry, RetrySettings, Scripted,
};

use crate::doors::Storage;
use crate::{get, memory, path, put};

/// A file, behind a script, behind attempts.
async fn stack(script: impl IntoIterator<Item = Scripted>) -> (Arc<Retry>, Arc<Faulty>, Arc<Memory>) {
    let memory = memory().await;
    let faulty = Arc::new(Faulty::new(memory.clone(), script));
    (Arc::new(Retry::new(faulty.clone(), RetrySettings::default())), faulty, memory)
}

async fn written_an_hour_ago(memory: &Memory) {
    let then = SystemTime::now() - Duration::from_secs(3600);
    memory.set_modified(&Call::new(), &path("file"), then).await.unwrap();
}

/// It is removed, and before anybody looks there is a new file of that name, which is not what was to be removed.
async fn somebody_else_writes(storage: Arc<dyn Backend>, memory: &Memory, gate: Gate) {
    let removal = tokio::spawn(async move { storage.remove_file(&Call::new(), &path("file")).await });
    gate.reached().await;
    put(memory, "file", b"somebody else's").await.unwrap();
    gate.open();
    let error = removal.await.unwrap().unwrap_err();
    assert_eq!(*error.outcome(), Outcome::Unknown);
    assert!(error.left_behind().unwrap().contains("may or may not have happened"), "{error}");
    assert_eq!(get(memory, "file").await.unwrap(), b"somebody else's");
}

#[tokio::test(start_paused = true)]
async fn a_new_file_is_not_removed_in_the_place_of_the_old_one() {
    for looked in [false, true] {
        let (retry, faulty, memory) = stack([Fault::LoseAnswer.on(Operation::Remove, 1)]).await;
        written_an_hour_ago(&memory).await;
        if looked {
            retry.lstat(&Call::new(), &path("file")).await.unwrap();
        }
        let gate = Gate::new();
        faulty.add(Fault::Hold { at: 0, gate: gate.clone() }.on(Operation::Stat, 1));
        somebody_else_writes(retry, &memory, gate).await;
        assert_eq!(faulty.calls(Operation::Remove), 1);
    }
}

/// It has the time of an old file, as copies may, but it is not the one that was seen.
#[tokio::test(start_paused = true)]
async fn an_old_time_does_not_make_it_the_file_that_was_seen() {
    let (retry, faulty, memory) = stack([Fault::LoseAnswer.on(Operation::Remove, 1)]).await;
    retry.lstat(&Call::new(), &path("file")).await.unwrap();
    let gate = Gate::new();
    faulty.add(Fault::Hold { at: 0, gate: gate.clone() }.on(Operation::Stat, 1));
    let removal = tokio::spawn(async move { retry.remove_file(&Call::new(), &path("file")).await });
    gate.reached().await;
    put(memory.as_ref(), "file", b"somebody else's").await.unwrap();
    written_an_hour_ago(&memory).await;
    gate.open();
    assert_eq!(*removal.await.unwrap().unwrap_err().outcome(), Outcome::Unknown);
    assert_eq!(get(memory.as_ref(), "file").await.unwrap(), b"somebody else's");
}

#[tokio::test(start_paused = true)]
async fn at_another_door_neither() {
    let gate = Gate::new();
    let storage = Storage::of([vec![], vec![]]).await;
    written_an_hour_ago(&storage.memory).await;
    // Both doors are known, so that only the look after the removal asks.
    assert!(storage.doors.ask_each(&Call::new(), &path("file")).await.iter().all(Result::is_ok));
    for faulty in &storage.faults {
        faulty.add(Fault::LoseAnswer.on(Operation::Remove, 1));
        faulty.add(Fault::Hold { at: 0, gate: gate.clone() }.on(Operation::Stat, 1));
    }
    somebody_else_writes(Arc::new(storage.doors.clone()), &storage.memory, gate).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_surely_the_old_file_is_removed_by_another_attempt() {
    for looked in [false, true] {
        let (retry, faulty, memory) = stack([Fault::LoseRequest.on(Operation::Remove, 1)]).await;
        match looked {
            // Just written, but seen before.
            true => drop(retry.lstat(&Call::new(), &path("file")).await.unwrap()),
            false => written_an_hour_ago(&memory).await,
        }
        let before = faulty.calls(Operation::Stat);
        retry.remove_file(&Call::new(), &path("file")).await.unwrap();
        assert_eq!((faulty.calls(Operation::Remove), faulty.calls(Operation::Stat) - before), (2, 1));
        assert_eq!(get(memory.as_ref(), "file").await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_door_has_seen_counts_at_another() {
    let storage = Storage::of([vec![], vec![]]).await;
    assert!(storage.doors.lstat(&Call::new(), &path("file")).await.unwrap().is_some());
    storage.faults.iter().for_each(|faulty| faulty.add(Fault::LoseRequest.on(Operation::Remove, 1)));
    storage.doors.remove_file(&Call::new(), &path("file")).await.unwrap();
    assert_eq!(get(storage.memory.as_ref(), "file").await.unwrap_err().kind(), ErrorKind::NotFound);
}

/// Nobody has looked, and by its time it may have been written since.
#[tokio::test(start_paused = true)]
async fn where_nothing_is_known_nothing_is_repeated() {
    let (retry, faulty, memory) = stack([Fault::LoseRequest.on(Operation::Remove, 1)]).await;
    let error = retry.remove_file(&Call::new(), &path("file")).await.unwrap_err();
    assert!(error.to_string().contains("may be a new file"), "{error}");
    assert_eq!(faulty.calls(Operation::Remove), 1);
    assert!(get(memory.as_ref(), "file").await.is_ok());
}

/// Who only removes asks nothing else.
#[tokio::test(start_paused = true)]
async fn an_answer_costs_no_look() {
    let (retry, faulty, _) = stack([]).await;
    retry.remove_file(&Call::new(), &path("file")).await.unwrap();
    assert_eq!((faulty.calls(Operation::Remove), faulty.calls(Operation::Stat)), (1, 0));
}
