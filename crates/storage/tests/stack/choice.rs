//! Which doors are asked, and what is told of them.

use std::time::Duration;

use law_storage::{Call, DoorPolicy, Doors, DoorsSettings, ErrorKind, Fault, Operation, Standing};
use tokio::time::Instant;

use crate::doors::{Storage, dead, hanging};
use crate::{path, put};

/// Fails so often that every door is left alone.
async fn worn_out<const N: usize>() -> Storage {
    let down = || (1..=5).map(|n| Fault::Fail(ErrorKind::Unavailable).on(Operation::Stat, n)).collect();
    let storage = Storage::of([(); N].map(|()| down())).await;
    for _ in 0..5 {
        assert!(storage.doors.ask_each(&Call::new(), &path("file")).await.iter().all(Result::is_err));
    }
    assert_eq!(storage.standings(), [Standing::Open; N]);
    storage
}

async fn stat(doors: &Doors) -> law_storage::Result<Option<law_storage::Metadata>> {
    law_storage::Backend::stat(doors, &Call::new(), &path("file")).await
}

/// If nothing else is left, a door that came back is found at once, whichever it is.
#[tokio::test(start_paused = true)]
async fn when_all_doors_are_left_alone_all_are_asked() {
    for well in 0..3 {
        let storage = worn_out::<3>().await;
        let others = (0..3).filter(|door| *door != well);
        others.for_each(|door| dead().into_iter().for_each(|fault| storage.faults[door].add(fault)));
        let begin = Instant::now();
        assert!(stat(&storage.doors).await.unwrap().is_some());
        assert_eq!(begin.elapsed(), Duration::ZERO, "door {well}");
        assert_eq!(storage.standings()[well], Standing::Warm);
    }
}

/// Nor does one that hangs stand in the way of the one that came back, also of what moves bytes.
#[tokio::test(start_paused = true)]
async fn of_doors_that_are_left_alone_none_is_waited_for() {
    for well in 0..3 {
        let storage = worn_out::<3>().await;
        let others = (0..3).filter(|door| *door != well);
        others.for_each(|door| hanging().into_iter().for_each(|fault| storage.faults[door].add(fault)));
        let begin = Instant::now();
        put(&storage.doors, "new", b"new").await.unwrap();
        assert!(begin.elapsed() < Duration::from_millis(100), "door {well}: {:?}", begin.elapsed());
    }
}

/// The pauses are those of this call, and no longer because others have failed before.
#[tokio::test(start_paused = true)]
async fn a_storage_that_stays_down_costs_no_more_every_time() {
    let storage = Storage::of([dead(), dead(), dead()]).await;
    for _ in 0..10 {
        let begin = Instant::now();
        let before: usize = storage.calls(Operation::Stat).iter().sum();
        let error = stat(&storage.doors).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        assert!(storage.calls(Operation::Stat).iter().sum::<usize>() > before + 3, "{error}");
    }
}

/// Jobs that ask once each, and end before anything that they began beside it.
#[tokio::test]
async fn doors_of_which_nothing_is_known_get_their_share() {
    for policy in [DoorPolicy::Adaptive, DoorPolicy::RoundRobin, DoorPolicy::Random] {
        let directory = tempfile::tempdir().unwrap();
        let settings = || DoorsSettings { policy, shared: Some(directory.path().into()), ..DoorsSettings::default() };
        let mut asked = [0; 3];
        for _ in 0..60 {
            let storage = Storage::with([vec![], vec![], vec![]], settings(), |_, door| door).await;
            assert!(stat(&storage.doors).await.unwrap().is_some());
            storage.calls(Operation::Stat).iter().zip(&mut asked).for_each(|(calls, sum)| *sum += calls);
        }
        let least = if policy == DoorPolicy::Adaptive { 1 } else { 5 };
        assert!(asked.iter().all(|calls| *calls >= least), "{policy:?}: {asked:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_of_an_error_is_that_of_the_clock() {
    for storage in [Storage::of([dead(), dead(), dead()]).await, Storage::of([dead()]).await] {
        for _ in 0..4 {
            let begin = Instant::now();
            let error = stat(&storage.doors).await.unwrap_err();
            let took = begin.elapsed();
            assert!(took.abs_diff(error.lasted()) < Duration::from_millis(2), "{took:?} {:?}", error.lasted());
            assert!(error.to_string().contains(&format!(" in {:.1} s", error.lasted().as_secs_f64())), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_finds_out_that_a_door_hangs() {
    let storage = Storage::of([hanging(), vec![]]).await;
    let answers = storage.doors.ask_each(&Call::new(), &path("")).await;
    let error = answers[0].as_ref().unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Timeout, "no answer within 10 s"));
    let report = &storage.doors.report()[0];
    assert_eq!((report.standing, report.failures, report.latency), (Standing::Failing, 1, None));
    assert!(answers[1].is_ok());
    // A deadline that is shorter is what it was.
    let answers = storage.doors.ask_each(&Call::new().within(Duration::from_secs(2)), &path("")).await;
    assert_eq!(answers[0].as_ref().unwrap_err().message(), "no answer within 2 s");
}

/// What hung is told when the time is over, and how long that was.
#[tokio::test(start_paused = true)]
async fn the_end_of_the_time_names_the_doors_that_were_silent() {
    let storage = Storage::of([hanging(), hanging(), dead()]).await;
    let call = Call::new().within(Duration::from_secs(5));
    let error = law_storage::Backend::stat(&storage.doors, &call, &path("file")).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Timeout, "the deadline of 5 s has passed"));
    let line = error.to_string();
    for door in ["door0 (no answer", "door1 (no answer", "door2 ("] {
        assert!(line.contains(door), "{line}");
    }
    assert!(line.contains(" in 5.0 s"), "{line}");
    assert!(error.hint_text().is_some(), "{line}");
}

#[tokio::test(start_paused = true)]
async fn at_the_only_door_the_end_of_the_time_says_what_hung() {
    let storage = Storage::of([hanging()]).await;
    let retry = law_storage::Retry::new(storage.faults[0].clone(), law_storage::RetrySettings::default());
    let call = Call::new().within(Duration::from_secs(5));
    let error = law_storage::Backend::stat(&retry, &call, &path("file")).await;
    let line = error.unwrap_err().to_string();
    assert!(line.contains("the deadline of 5 s has passed") && line.contains("door0"), "{line}");
}
