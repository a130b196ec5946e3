//! Several endpoints of one storage.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use law_storage::{
    Backend, BytesSource, Call, Destination, Door, DoorPolicy, Doors, DoorsSettings, ErrorKind, Existing, Fault,
    Faulty, Gate, Memory, Operation, Outcome, Publish, PutOptions, Retry, RetrySettings, Scripted, Standing, Status,
};
use tokio::time::Instant;

use crate::source::Watched;
use crate::{content, get, memory, path, put};

/// Doors of one storage, each behind its own faults.
pub(crate) struct Storage {
    pub(crate) memory: Arc<Memory>,
    pub(crate) faults: Vec<Arc<Faulty>>,
    pub(crate) doors: Doors,
}

impl Storage {
    pub(crate) async fn of<const N: usize>(scripts: [Vec<Scripted>; N]) -> Self {
        Self::with(scripts, DoorsSettings { policy: DoorPolicy::RoundRobin, ..DoorsSettings::default() }, |_, door| {
            door
        })
        .await
    }

    pub(crate) async fn with<const N: usize>(
        scripts: [Vec<Scripted>; N],
        settings: DoorsSettings,
        keep: impl Fn(usize, Door) -> Door,
    ) -> Self {
        Self::over(memory().await, scripts, settings, keep)
    }

    fn over<const N: usize>(
        memory: Arc<Memory>,
        scripts: [Vec<Scripted>; N],
        settings: DoorsSettings,
        keep: impl Fn(usize, Door) -> Door,
    ) -> Self {
        let faults: Vec<_> = scripts
            .into_iter()
            .enumerate()
            .map(|(n, script)| Arc::new(Faulty::new(Arc::new(memory.at_door(&format!("door{n}"))), script)))
            .collect();
        let door = |(n, faulty): (usize, &Arc<Faulty>)| {
            keep(n, Door::new(Arc::new(Retry::new(faulty.clone(), RetrySettings::default()))))
        };
        let doors = Doors::new(faults.iter().enumerate().map(door).collect(), settings);
        Self { memory, faults, doors }
    }

    pub(crate) fn calls(&self, operation: Operation) -> Vec<usize> {
        self.faults.iter().map(|faulty| faulty.calls(operation)).collect()
    }

    pub(crate) fn standings(&self) -> Vec<Standing> {
        self.doors.report().iter().map(|report| report.standing).collect()
    }
}

pub(crate) fn dead() -> Vec<Scripted> {
    let all = [
        Operation::Open,
        Operation::Stat,
        Operation::Read,
        Operation::Put,
        Operation::List,
        Operation::CreateDirectory,
        Operation::Remove,
        Operation::Rename,
        Operation::Copy,
        Operation::Digest,
    ];
    all.map(|operation| Fault::Fail(ErrorKind::Unavailable).always(operation)).into()
}

pub(crate) fn hanging() -> Vec<Scripted> {
    [Operation::Stat, Operation::Read, Operation::Put].map(|operation| Fault::Stall { at: 0 }.always(operation)).into()
}

#[tokio::test(start_paused = true)]
async fn a_dead_door_costs_one_attempt_and_then_nothing() {
    let storage = Storage::of([dead(), vec![], vec![]]).await;
    let begin = Instant::now();
    for _ in 0..100 {
        assert!(storage.doors.stat(&Call::new(), &path("file")).await.unwrap().is_some());
    }
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert!(storage.calls(Operation::Stat)[0] <= 2, "{:?}", storage.calls(Operation::Stat));
    assert_ne!(storage.standings()[0], Standing::Warm);
    assert!(get(&storage.doors, "file").await.unwrap() == content());
}

#[tokio::test(start_paused = true)]
async fn a_door_that_hangs_costs_a_moment_once() {
    let storage = Storage::of([hanging(), hanging(), vec![]]).await;
    let begin = Instant::now();
    assert!(storage.doors.stat(&Call::new(), &path("file")).await.unwrap().is_some());
    let first = begin.elapsed();
    assert!(first < Duration::from_secs(1), "{first:?}");
    let begin = Instant::now();
    assert!(get(&storage.doors, "file").await.unwrap() == content());
    put(&storage.doors, "new", b"new").await.unwrap();
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_eq!(storage.calls(Operation::Put), [0, 0, 1]);
}

/// Whatever moves bytes goes to a door that has just answered.
#[tokio::test(start_paused = true)]
async fn a_write_does_not_begin_at_a_door_that_hangs() {
    let storage = Storage::of([hanging(), dead(), vec![]]).await;
    let begin = Instant::now();
    put(&storage.doors, "new", b"new").await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    assert_eq!(storage.calls(Operation::Put), [0, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_read_goes_on_at_another_door_where_it_broke() {
    for at in [0, 1, 300_000, 999_999] {
        let breaks = || vec![Fault::Break { at, kind: ErrorKind::Unavailable }.always(Operation::Read)];
        let storage = Storage::of([breaks(), breaks(), vec![]]).await;
        assert!(get(&storage.doors, "file").await.unwrap() == content(), "break at {at}");
        assert!(storage.calls(Operation::Read).iter().sum::<usize>() <= 3);
        assert_eq!(storage.calls(Operation::Read)[2], 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_that_breaks_at_every_door_ends_and_names_them() {
    let breaks = || vec![Fault::Break { at: 7, kind: ErrorKind::Unavailable }.always(Operation::Read)];
    let storage = Storage::of([breaks(), breaks(), breaks()]).await;
    let error = get(&storage.doors, "file").await.unwrap_err();
    assert_eq!((error.kind(), error.offset()), (ErrorKind::Unavailable, Some(7)));
    for door in ["door0", "door1", "door2"] {
        assert!(error.to_string().contains(door), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_replaced_is_not_read_on_at_another_door() {
    let breaks = || vec![Fault::Break { at: 500_000, kind: ErrorKind::Unavailable }.on(Operation::Read, 1)];
    let storage = Storage::of([breaks(), breaks()]).await;
    let mut stream = storage.doors.read(&Call::new(), &path("file"), &Default::default()).await.unwrap().stream;
    let first = stream.next().await.unwrap().unwrap();
    put(storage.memory.as_ref(), "file", &vec![9; content().len()]).await.unwrap();
    let rest: Vec<_> = stream.collect().await;
    let kinds: Vec<_> = rest.iter().filter_map(|item| item.as_ref().err().map(law_storage::Error::kind)).collect();
    assert_eq!(kinds, [ErrorKind::Changed]);
    let bytes: Vec<u8> = rest.iter().flatten().flat_map(|bytes| bytes.to_vec()).collect();
    assert!(content()[first.len()..].starts_with(&bytes), "bytes of the new version were given out");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_begins_anew_at_the_next_door() {
    let breaks = || vec![Fault::Break { at: 500_000, kind: ErrorKind::Unavailable }.on(Operation::Put, 1)];
    let storage = Storage::of([breaks(), breaks()]).await;
    put(&storage.doors, "new", &content()).await.unwrap();
    assert!(get(storage.memory.as_ref(), "new").await.unwrap() == content());
    assert_eq!(storage.calls(Operation::Put).iter().sum::<usize>(), 3, "each once, and then one of them again");
}

/// The door that published it cannot be asked any more; another one knows.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_looked_after_at_another_door() {
    for existing in [Existing::Replace, Existing::Refuse] {
        let storage = Storage::of([vec![], vec![]]).await;
        for faulty in &storage.faults {
            faulty.add(Fault::LoseAnswer.on(Operation::Put, 1));
        }
        let options = PutOptions { existing, ..PutOptions::default() };
        storage.doors.put(&Call::new(), &path("new"), &BytesSource::new("new"), &options).await.unwrap();
        assert_eq!(storage.calls(Operation::Put).iter().sum::<usize>(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn who_cannot_look_anywhere_does_not_guess() {
    let lost = || {
        let mut script = dead();
        script.retain(|line| !format!("{line:?}").contains("Put"));
        script.push(Fault::LoseAnswer.always(Operation::Put));
        script
    };
    let storage = Storage::of([lost(), lost()]).await;
    let error = put(&storage.doors, "new", b"new").await.unwrap_err();
    assert!(error.outcome().is_unknown());
    assert!(error.left_behind().unwrap().starts_with(Outcome::UNSURE), "{error}");
    assert_eq!(storage.calls(Operation::Put).iter().sum::<usize>(), 1);
}

/// As for one endpoint: another door that is down proves nothing about the one that may still publish.
#[tokio::test(start_paused = true)]
async fn what_may_still_be_published_at_one_door_is_said_whatever_fails_at_others() {
    let memory = Arc::new(Memory::new().with_capabilities(|c| c.publish = Publish::Direct));
    let gate = Gate::new();
    let settings = DoorsSettings { policy: DoorPolicy::RoundRobin, ..DoorsSettings::default() };
    let storage = Storage::over(memory, [vec![], vec![]], settings, |_, door| door);
    assert!(storage.doors.ask_each(&Call::new(), &path("")).await.iter().all(Result::is_ok));
    storage.faults[0].add(Fault::LoseAnswer.on(Operation::Put, 1));
    storage.faults[0].add(Fault::Hold { at: 0, gate: gate.clone() }.on(Operation::Stat, 1));
    storage.faults.iter().for_each(|faulty| faulty.add(Fault::Fail(ErrorKind::Unavailable).always(Operation::Put)));
    let doors = storage.doors.clone();
    let writing = tokio::spawn(async move { put(&doors, "new", b"new").await });
    gate.reached().await;
    // Not yet there.
    storage.memory.remove_file(&Call::new(), &path("new")).await.unwrap();
    gate.open();
    let error = writing.await.unwrap().unwrap_err();
    assert!(error.left_behind().unwrap_or_default().contains(Outcome::UNSURE), "{error}");
    assert!(storage.calls(Operation::Put).iter().all(|calls| *calls > 1), "{:?}", storage.calls(Operation::Put));
}

/// What the source of a write does is no news about the doors of its destination.
#[tokio::test(start_paused = true)]
async fn a_door_is_not_to_blame_for_a_source_that_fails() {
    for kind in [ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::Integrity, ErrorKind::Malformed] {
        let storage = Storage::of([vec![], vec![]]).await;
        let source = Watched::new("new").breaking(kind);
        for _ in 0..12 {
            let error = storage.doors.put(&Call::new(), &path("new"), &source, &Default::default()).await.unwrap_err();
            assert_eq!(error.kind(), kind);
        }
        let failures: Vec<_> = storage.doors.report().iter().map(|report| (report.failures, report.failure)).collect();
        assert_eq!(failures, [(0, None), (0, None)], "{kind:?}");
    }
}

/// A question that nobody waits for has a time of its own, whose end is the door's failure.
#[tokio::test(start_paused = true)]
async fn a_door_that_hangs_is_found_out_while_nobody_waits() {
    let settings = DoorsSettings { policy: DoorPolicy::Random, ..DoorsSettings::default() };
    let keep = |n: usize, door: Door| door.weighing(if n == 0 { 1e9 } else { 0.0 });
    let storage = Storage::with([vec![], hanging()], settings, keep).await;
    assert!(storage.doors.stat(&Call::new(), &path("file")).await.unwrap().is_some());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        (storage.calls(Operation::Stat), storage.standings()),
        (vec![1, 1], vec![Standing::Warm, Standing::Failing])
    );
}

/// Nor is it news that a door is well, which the source's failure has kept from being asked.
#[tokio::test(start_paused = true)]
async fn a_source_that_fails_makes_no_door_well() {
    let storage = Storage::of([vec![Fault::Fail(ErrorKind::Unavailable).always(Operation::Stat)]]).await;
    assert!(storage.doors.stat(&Call::new(), &path("file")).await.is_err());
    let source = Watched::new("new").breaking(ErrorKind::Unavailable);
    assert!(storage.doors.put(&Call::new(), &path("new"), &source, &Default::default()).await.is_err());
    assert_eq!((source.opened(), storage.doors.report()[0].success), (1, None));
}

#[tokio::test(start_paused = true)]
async fn what_one_door_cannot_do_another_can() {
    for kind in [ErrorKind::Unauthenticated, ErrorKind::Unsupported] {
        let storage = Storage::of([vec![Fault::Fail(kind).always(Operation::Stat)], vec![]]).await;
        for _ in 0..4 {
            assert!(storage.doors.stat(&Call::new(), &path("file")).await.unwrap().is_some());
        }
        assert_ne!(storage.standings()[0], Standing::Failing, "it did answer");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_storage_says_ends_the_question() {
    let storage = Storage::of([vec![], vec![], vec![]]).await;
    assert!(storage.doors.stat(&Call::new(), &path("nothing")).await.unwrap().is_none());
    let error = storage.doors.remove_file(&Call::new(), &path("nothing")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(storage.calls(Operation::Remove).iter().sum::<usize>(), 1);
}

#[tokio::test(start_paused = true)]
async fn when_all_are_down_the_error_names_each_with_its_reason() {
    let storage = Storage::of([dead(), dead(), hanging()]).await;
    let call = Call::new().within(Duration::from_secs(30));
    let error = storage.doors.stat(&call, &path("file")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let storage = Storage::of([dead(), dead(), dead()]).await;
    let error = storage.doors.stat(&Call::new(), &path("file")).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Unavailable, Status::Exhausted));
    // Once in the first round, three times in the second.
    assert_eq!(storage.calls(Operation::Stat), [4, 4, 4]);
    let line = error.to_string();
    for door in ["door0 (", "door1 (", "door2 ("] {
        assert!(line.contains(door) && line.contains("4 times"), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_door_that_comes_back_is_used_again() {
    let storage =
        Storage::of([(1..=4).map(|n| Fault::Fail(ErrorKind::Timeout).on(Operation::Stat, n)).collect()]).await;
    assert!(storage.doors.stat(&Call::new(), &path("file")).await.is_err() || storage.calls(Operation::Stat) == [5]);
    assert!(storage.doors.stat(&Call::new(), &path("file")).await.unwrap().is_some());
    assert_eq!(storage.standings(), [Standing::Warm]);
}

/// The good door has a bad moment, and the other one hangs: nobody waits for that.
#[tokio::test(start_paused = true)]
async fn a_second_round_does_not_wait_for_a_door_that_hangs_either() {
    for operation in [Operation::Stat, Operation::Put] {
        let moment = (1..=2).map(|n| Fault::Fail(ErrorKind::Unavailable).on(operation, n)).collect();
        let storage = Storage::of([moment, hanging()]).await;
        let begin = Instant::now();
        match operation {
            Operation::Stat => drop(storage.doors.stat(&Call::new(), &path("file")).await.unwrap()),
            _ => drop(put(&storage.doors, "new", b"new").await.unwrap()),
        }
        assert!(begin.elapsed() < Duration::from_secs(10), "{operation:?}: {:?}", begin.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn doors_are_kept_for_their_operations() {
    let keep = |n: usize, door: Door| match n {
        0 => door.only_for(vec![Operation::Read, Operation::Stat]),
        _ => door.only_for(vec![Operation::Put, Operation::Rename]),
    };
    let storage = Storage::with([vec![], vec![]], DoorsSettings::default(), keep).await;
    put(&storage.doors, "new", b"new").await.unwrap();
    assert!(get(&storage.doors, "new").await.unwrap() == b"new");
    storage.doors.rename(&Call::new(), &path("new"), &path("moved"), Destination::NoReplace).await.unwrap();
    assert_eq!(storage.calls(Operation::Put), [0, 1]);
    assert_eq!(storage.calls(Operation::Read), [1, 0]);
    assert_eq!(storage.calls(Operation::Rename), [0, 1]);
    let error = storage.doors.remove_file(&Call::new(), &path("moved")).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unsupported, "no door is kept for `remove`"));
    assert!(error.hint_text().unwrap().contains("ops"), "{error}");
}

#[tokio::test]
async fn processes_of_a_node_share_what_they_know() {
    let directory = tempfile::tempdir().unwrap();
    let settings = || DoorsSettings { shared: Some(directory.path().into()), ..DoorsSettings::default() };
    let mut asked = 0;
    for _ in 0..50 {
        let storage = Storage::with([dead(), vec![], vec![]], settings(), |_, door| door).await;
        assert!(storage.doors.stat(&Call::new(), &path("file")).await.unwrap().is_some());
        asked += storage.calls(Operation::Stat)[0];
    }
    assert!(asked <= 2, "{asked}");
}

#[tokio::test]
async fn nothing_that_a_backend_promises_is_lost() {
    let storage = Storage::of([vec![], vec![], vec![]]).await;
    law_storage::conformance::run_all(Arc::new(storage.doors.clone()), path("suite")).await.assert_green(190);
}
