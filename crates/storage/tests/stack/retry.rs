//! The same endpoint, asked again.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use law_storage::{
    Algorithm, Backend, BytesSource, Call, Destination, ErrorKind, Existing, Fault, Faulty, Gate, Memory, Operation,
    Outcome, Parents, Proof, Publish, PutOptions, Retry, RetrySettings, Scripted, Status, list_all,
};
use tokio::time::Instant;

use crate::source::Watched;
use crate::{content, get, memory, path, put};

/// A file, behind a script, behind attempts.
async fn stack(script: impl IntoIterator<Item = Scripted>) -> (Retry, Arc<Faulty>, Arc<Memory>) {
    let memory = memory().await;
    let faulty = Arc::new(Faulty::new(memory.clone(), script));
    (Retry::new(faulty.clone(), RetrySettings::default()), faulty, memory)
}

fn down() -> Fault {
    Fault::Fail(ErrorKind::Unavailable)
}

#[tokio::test(start_paused = true)]
async fn what_fails_thrice_succeeds_at_the_fourth_attempt() {
    let (retry, faulty, _) = stack((1..=3).map(|n| down().on(Operation::Stat, n))).await;
    assert!(retry.stat(&Call::new(), &path("file")).await.unwrap().is_some());
    assert_eq!(faulty.calls(Operation::Stat), 4);
}

#[tokio::test(start_paused = true)]
async fn the_last_error_tells_what_was_tried() {
    let (retry, faulty, _) = stack([down().always(Operation::Stat)]).await;
    let error = retry.stat(&Call::new(), &path("file")).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Unavailable, Status::Exhausted));
    assert_eq!((faulty.calls(Operation::Stat), error.attempts().len()), (4, 4));
    assert!(error.to_string().contains("tried 4 times in "), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_call_says_how_often() {
    let (retry, faulty, _) = stack([down().always(Operation::Stat)]).await;
    let once = Call::new().attempts(NonZeroU32::MIN);
    let error = retry.stat(&once, &path("file")).await.unwrap_err();
    assert_eq!((error.status(), error.attempts().len()), (Status::Temporary, 0));
    assert_eq!(faulty.calls(Operation::Stat), 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_pass_is_told_at_once() {
    for kind in [ErrorKind::PermissionDenied, ErrorKind::Unauthenticated, ErrorKind::NotFound, ErrorKind::NoSpace] {
        let (retry, faulty, _) = stack([Fault::Fail(kind).always(Operation::Stat)]).await;
        assert_eq!(retry.stat(&Call::new(), &path("file")).await.unwrap_err().kind(), kind);
        assert_eq!(faulty.calls(Operation::Stat), 1, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_the_waiting() {
    let memory = memory().await;
    let faulty = Arc::new(Faulty::new(memory, [Fault::Stall { at: 0 }.always(Operation::Stat)]));
    let settings = RetrySettings { deadline: Duration::from_secs(30), ..RetrySettings::default() };
    let begin = Instant::now();
    let error = Retry::new(faulty, settings).stat(&Call::new(), &path("file")).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Timeout, Status::Permanent));
    assert_eq!(begin.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_broken_read_goes_on_where_it_broke() {
    for at in [0, 1, 500_000, 999_999] {
        let breaks = (1..=3).map(|n| Fault::Break { at, kind: ErrorKind::Unavailable }.on(Operation::Read, n));
        let (retry, faulty, _) = stack(breaks).await;
        assert!(get(&retry, "file").await.unwrap() == content(), "break at {at}");
        assert_eq!(faulty.calls(Operation::Read), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_that_gets_on_between_its_breaks_may_break_more_often_than_a_call() {
    let breaks = (1..=9).map(|n| Fault::Truncate { at: n * 100_000 }.on(Operation::Read, n as usize));
    let (retry, faulty, _) = stack(breaks).await;
    assert!(get(&retry, "file").await.unwrap() == content());
    assert_eq!(faulty.calls(Operation::Read), 10);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_gets_nowhere_ends() {
    let (retry, faulty, _) = stack([Fault::Break { at: 5, kind: ErrorKind::Timeout }.always(Operation::Read)]).await;
    let error = get(&retry, "file").await.unwrap_err();
    assert_eq!((error.kind(), error.status(), error.offset()), (ErrorKind::Timeout, Status::Exhausted, Some(5)));
    assert_eq!((faulty.calls(Operation::Read), error.attempts().len()), (4, 4));
}

/// The file is replaced while the network is down: never a mixture of two versions.
#[tokio::test]
async fn a_file_that_changed_in_between_is_no_mixture() {
    let gate = law_storage::Gate::new();
    let script = [
        Fault::Break { at: 500_000, kind: ErrorKind::Unavailable }.on(Operation::Read, 1),
        Fault::Hold { at: 500_000, gate: gate.clone() }.on(Operation::Read, 2),
    ];
    let (retry, _, memory) = stack(script).await;
    let reading = retry.read(&Call::new(), &path("file"), &Default::default()).await.unwrap();
    let mut stream = reading.stream;
    let first = stream.next().await.unwrap().unwrap();
    assert!(content().starts_with(&first));
    put(memory.as_ref(), "file", &vec![1; content().len()]).await.unwrap();
    gate.open();
    let rest: Vec<_> = stream.collect().await;
    let kinds: Vec<_> = rest.iter().filter_map(|item| item.as_ref().err().map(law_storage::Error::kind)).collect();
    assert_eq!(kinds, [ErrorKind::Changed]);
    let bytes: Vec<u8> = rest.iter().flatten().flat_map(|bytes| bytes.to_vec()).collect();
    assert!(content()[first.len()..].starts_with(&bytes), "bytes of the new version were given out");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_put_is_looked_after() {
    for existing in [Existing::Replace, Existing::Refuse] {
        let (retry, faulty, memory) = stack([Fault::LoseAnswer.on(Operation::Put, 1)]).await;
        let options = PutOptions { existing, ..PutOptions::default() };
        let receipt = retry.put(&Call::new(), &path("new"), &BytesSource::new("new content"), &options).await.unwrap();
        assert_eq!(receipt.size, 11);
        assert!(get(memory.as_ref(), "new").await.unwrap() == b"new content");
        assert_eq!(receipt.proof, Proof::Checksum(receipt.storage_digest().unwrap().algorithm()));
        assert_eq!(faulty.calls(Operation::Put), 1);
    }
}

/// Without any checksum to compare, the bytes are.
#[tokio::test(start_paused = true)]
async fn where_there_is_no_checksum_the_bytes_are_compared() {
    let memory = Arc::new(Memory::new().with_capabilities(|c| c.digests.clear()));
    for existing in [Existing::Refuse, Existing::Replace] {
        let faulty = Arc::new(Faulty::new(memory.clone(), [Fault::LoseAnswer.on(Operation::Put, 1)]));
        let retry = Retry::new(faulty.clone(), RetrySettings::default());
        let options = PutOptions { existing, ..PutOptions::default() };
        retry.put(&Call::new(), &path("new"), &BytesSource::new("new content"), &options).await.unwrap();
        assert_eq!(faulty.calls(Operation::Put), 1);
    }
}

/// Source and destination may be at one endpoint that takes one request at a time: what was computed on the way up is not
/// computed again.
#[tokio::test(start_paused = true)]
async fn what_was_read_back_is_compared_by_a_checksum_that_is_known() {
    let memory = Arc::new(Memory::new().with_capabilities(|c| c.digests.clear()));
    for (sent, wanted) in [("new content", true), ("another one", false)] {
        let faulty = Arc::new(Faulty::new(memory.clone(), [Fault::LoseAnswer.on(Operation::Put, 1)]));
        let gate = Gate::new();
        faulty.add(Fault::Hold { at: 0, gate: gate.clone() }.on(Operation::Stat, 1));
        let source = Arc::new(Watched::new(sent).wanting(Algorithm::Adler32));
        let (retry, watched) = (Retry::new(faulty.clone(), RetrySettings::default()), source.clone());
        let writing =
            tokio::spawn(async move { retry.put(&Call::new(), &path("new"), &*watched, &PutOptions::default()).await });
        gate.reached().await;
        put(memory.as_ref(), "new", b"new content").await.unwrap();
        gate.open();
        let receipt = writing.await.unwrap().unwrap();
        assert_eq!(receipt.proof == Proof::ReadBack, wanted, "{receipt:?}");
        assert_eq!((faulty.calls(Operation::Put), source.opened()), if wanted { (1, 1) } else { (2, 2) });
    }
}

#[tokio::test(start_paused = true)]
async fn another_writers_file_is_not_taken_for_ours() {
    let (retry, _, memory) = stack([Fault::Break { at: 3, kind: ErrorKind::Timeout }.on(Operation::Put, 1)]).await;
    put(memory.as_ref(), "new", b"other bytes").await.unwrap();
    let options = PutOptions { existing: Existing::Refuse, ..PutOptions::default() };
    let error = retry.put(&Call::new(), &path("new"), &BytesSource::new("our content"), &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(get(memory.as_ref(), "new").await.unwrap() == b"other bytes");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_a_change_of_names_is_looked_after() {
    let (retry, faulty, memory) = stack([
        Fault::LoseAnswer.on(Operation::Rename, 1),
        Fault::LoseAnswer.on(Operation::Copy, 1),
        Fault::LoseAnswer.always(Operation::CreateDirectory),
    ])
    .await;
    let call = Call::new();
    retry.rename(&call, &path("file"), &path("moved"), Destination::Replace).await.unwrap();
    retry.copy(&call, &path("moved"), &path("copied"), Destination::NoReplace).await.unwrap();
    assert_eq!((faulty.calls(Operation::Rename), faulty.calls(Operation::Copy)), (1, 1));
    assert!(get(memory.as_ref(), "copied").await.unwrap() == content());
    faulty.add(Fault::LoseAnswer.on(Operation::Remove, 1));
    retry.remove_file(&call, &path("moved")).await.unwrap();
    assert_eq!(faulty.calls(Operation::Remove), 1);
    // It is there each time, which is what was wanted, but never heard: that is no success.
    assert!(retry.create_directory(&call, &path("d"), Parents::Require).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_rename_over_a_file_is_told_from_one_that_did_not_happen() {
    let (retry, faulty, memory) = stack([Fault::LoseAnswer.on(Operation::Rename, 1)]).await;
    put(memory.as_ref(), "old", b"old").await.unwrap();
    retry.rename(&Call::new(), &path("file"), &path("old"), Destination::Replace).await.unwrap();
    assert_eq!(faulty.calls(Operation::Rename), 1);
    assert!(get(memory.as_ref(), "old").await.unwrap() == content());
}

/// Where looking fails as well, the error says that nobody knows.
#[tokio::test(start_paused = true)]
async fn who_cannot_look_does_not_guess() {
    let script =
        [Fault::LoseAnswer.always(Operation::Put), down().always(Operation::Stat), down().always(Operation::Read)];
    let (retry, faulty, _) = stack(script).await;
    let error = put(&retry, "new", b"new").await.unwrap_err();
    assert!(error.outcome().is_unknown());
    assert!(error.left_behind().unwrap().starts_with(Outcome::UNSURE), "{error}");
    assert_eq!(faulty.calls(Operation::Put), 1);
}

/// A server that writes under the final name may act on a request late: what fails after its answer was lost proves nothing.
#[tokio::test(start_paused = true)]
async fn what_may_still_be_published_is_said_whatever_fails_later() {
    for later in [down(), Fault::Stall { at: 0 }, Fault::Fail(ErrorKind::NoSpace)] {
        let memory = Memory::new().with_capabilities(|c| c.publish = Publish::Direct);
        let gate = Gate::new();
        let script = [
            Fault::LoseAnswer.on(Operation::Put, 1),
            later.always(Operation::Put),
            Fault::Hold { at: 0, gate: gate.clone() }.on(Operation::Stat, 1),
        ];
        let retry = Retry::new(Arc::new(Faulty::new(Arc::new(memory.clone()), script)), RetrySettings::default());
        let writing = tokio::spawn(async move { put(&retry, "new", b"new").await });
        gate.reached().await;
        // Not yet there.
        memory.remove_file(&Call::new(), &path("new")).await.unwrap();
        gate.open();
        let error = writing.await.unwrap().unwrap_err();
        assert!(error.left_behind().unwrap_or_default().contains(Outcome::UNSURE), "{error}");
        assert!(!error.to_string().contains("nothing was published"), "{error}");
        assert!(matches!(error.outcome(), Outcome::UnknownAfter(_)), "{error}");
    }
}

/// Who gives up leaves the queue: an outage is not paid for after its end.
#[tokio::test(start_paused = true)]
async fn after_an_outage_is_repeated_as_before() {
    let memory = memory().await;
    let faulty = Arc::new(Faulty::new(memory, [down().always(Operation::List), down().on(Operation::Stat, 1)]));
    let settings = RetrySettings { deadline: Duration::from_secs(5), ..RetrySettings::default() };
    let retry = Retry::new(faulty.clone(), settings);
    let (call, root) = (Call::new(), path(""));
    let calls = (0..300).map(|_| list_all(&retry, &call, &root));
    assert!(futures_util::future::join_all(calls).await.iter().all(Result::is_err));
    assert!(retry.stat(&call, &path("file")).await.unwrap().is_some());
    assert_eq!(faulty.calls(Operation::Stat), 2);
}

#[tokio::test(start_paused = true)]
async fn a_listing_is_begun_again_before_its_first_page_and_goes_on_at_a_token() {
    let memory = Memory::new().with_page_size(10);
    for n in 0..35 {
        put(&memory, &format!("{n:02}"), b"x").await.unwrap();
    }
    for at in 0..4 {
        let faults = (1..=2).map(|n| {
            Fault::Break { at: if n == 1 { at } else { 0 }, kind: ErrorKind::Unavailable }.on(Operation::List, n)
        });
        let faulty = Arc::new(Faulty::new(Arc::new(memory.clone()), faults));
        let retry = Retry::new(faulty.clone(), RetrySettings::default());
        let names: Vec<String> =
            list_all(&retry, &Call::new(), &path("")).await.unwrap().iter().map(|e| e.path.to_string()).collect();
        assert_eq!(names, (0..35).map(|n| format!("{n:02}")).collect::<Vec<_>>(), "break at page {at}");
        assert_eq!(faulty.calls(Operation::List), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_waits_no_longer() {
    let (retry, _, _) = stack([down().always(Operation::Stat)]).await;
    let call = Call::new();
    call.cancellation().cancel();
    let error = retry.stat(&call, &path("file")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

#[tokio::test]
async fn nothing_that_a_backend_promises_is_lost() {
    let retry = Retry::new(Arc::new(Memory::new()), RetrySettings::default());
    law_storage::conformance::run_all(Arc::new(retry), path("suite")).await.assert_green(190);
}
