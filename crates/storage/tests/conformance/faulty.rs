//! Faults happen where the script says, and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use law_storage::{
    Backend, ByteRange, BytesSource, Call, ErrorKind, Fault, Faulty, Gate, ListOptions, Memory, Operation, PutOptions,
    ReadOptions, Scripted, Status,
};

use crate::path;

const CONTENT: &str = "0123456789";

/// A file of ten bytes behind a script, and what is behind it.
async fn scripted(script: impl IntoIterator<Item = Scripted>) -> (Faulty, Arc<Memory>) {
    let memory = Arc::new(Memory::new());
    let source = BytesSource::new(CONTENT);
    memory.put(&Call::new(), &path("file"), &source, &PutOptions::default()).await.expect("a file");
    (Faulty::new(memory.clone(), script), memory)
}

/// What arrives, and the error that ends it.
async fn read(backend: &Faulty, options: ReadOptions, call: &Call) -> (String, Option<(ErrorKind, Option<u64>)>) {
    let mut got = Vec::new();
    let mut stream = match backend.read(call, &path("file"), &options).await {
        Ok(reading) => reading.stream,
        Err(error) => return (String::new(), Some((error.kind(), error.offset()))),
    };
    let mut end = None;
    while let Some(item) = stream.next().await {
        match item {
            Ok(bytes) => got.extend_from_slice(&bytes),
            Err(error) => end = Some((error.kind(), error.offset())),
        }
    }
    (String::from_utf8_lossy(&got).into_owned(), end)
}

async fn whole(backend: &Faulty) -> (String, Option<(ErrorKind, Option<u64>)>) {
    read(backend, ReadOptions::whole(), &Call::new()).await
}

fn good() -> (String, Option<(ErrorKind, Option<u64>)>) {
    (CONTENT.into(), None)
}

fn bad(got: &str, kind: ErrorKind, offset: u64) -> (String, Option<(ErrorKind, Option<u64>)>) {
    (got.into(), Some((kind, Some(offset))))
}

#[tokio::test]
async fn the_nth_call_fails_and_no_other() {
    let (faulty, _) = scripted([Fault::Fail(ErrorKind::Unavailable).on(Operation::Stat, 2)]).await;
    let kind = async || faulty.stat(&Call::new(), &path("file")).await.err().map(|e| (e.kind(), e.status()));
    assert_eq!(kind().await, None);
    assert_eq!(faulty.remaining(), 1);
    assert_eq!(kind().await, Some((ErrorKind::Unavailable, Status::Temporary)));
    assert_eq!(kind().await, None);
    assert_eq!((faulty.calls(Operation::Stat), faulty.remaining()), (3, 0));
    faulty.add(Fault::Fail(ErrorKind::Timeout).on(Operation::Stat, 1));
    assert_eq!(kind().await.map(|(kind, _)| kind), Some(ErrorKind::Timeout));
    faulty.add(Fault::Fail(ErrorKind::Unsupported).always(Operation::Stat));
    assert_eq!(kind().await.map(|(kind, _)| kind), kind().await.map(|(kind, _)| kind));
    assert_eq!(whole(&faulty).await, good());
}

#[tokio::test]
async fn reads_break_at_their_offset() {
    for (at, got) in [(0, ""), (4, "0123"), (10, CONTENT), (99, CONTENT)] {
        let script = [
            Fault::Break { at, kind: ErrorKind::Unavailable }.on(Operation::Read, 1),
            Fault::Truncate { at }.on(Operation::Read, 2),
        ];
        let (faulty, _) = scripted(script).await;
        assert_eq!(whole(&faulty).await, bad(got, ErrorKind::Unavailable, got.len() as u64), "break at {at}");
        assert_eq!(whole(&faulty).await, bad(got, ErrorKind::Integrity, got.len() as u64), "truncate at {at}");
        assert_eq!(whole(&faulty).await, good());
    }
}

#[tokio::test]
async fn offsets_are_those_of_the_file() {
    let (faulty, _) = scripted([Fault::Break { at: 5, kind: ErrorKind::Timeout }.always(Operation::Read)]).await;
    let part = |offset, length| ReadOptions::part(ByteRange::new(offset, length));
    assert_eq!(read(&faulty, part(3, 6), &Call::new()).await, bad("34", ErrorKind::Timeout, 5));
    assert_eq!(read(&faulty, part(7, 2), &Call::new()).await, bad("", ErrorKind::Timeout, 7));
}

#[tokio::test]
async fn one_byte_flips_unnoticed() {
    let (faulty, _) = scripted([Fault::Flip { at: 3 }.always(Operation::Read)]).await;
    assert_eq!(whole(&faulty).await, ("0122456789".into(), None));
    let part = ReadOptions::part(ByteRange::new(4, 3));
    assert_eq!(read(&faulty, part, &Call::new()).await, ("456".into(), None));
    let ranges = [ByteRange::new(5, 2), ByteRange::new(2, 2)];
    let parts = faulty.read_ranges(&Call::new(), &path("file"), &ranges, None).await.expect("parts");
    assert_eq!(parts, ["56", "22"]);
    let mut buffer = [0; 4];
    assert_eq!(faulty.read_into(&Call::new(), &path("file"), 1, &mut buffer, None).await.expect("bytes"), 4);
    assert_eq!(&buffer, b"1224");
}

#[tokio::test(start_paused = true)]
async fn a_stall_lasts_until_the_deadline() {
    let (faulty, _) = scripted([Fault::Stall { at: 2 }.on(Operation::Read, 1)]).await;
    let call = Call::new().within(Duration::from_secs(5));
    // Deadlines are told by the real clock, which does not stand still here.
    let stalled = tokio::time::timeout(Duration::from_secs(3600), read(&faulty, ReadOptions::whole(), &call)).await;
    assert_eq!(stalled.expect("the deadline"), bad("01", ErrorKind::Timeout, 2));
}

#[tokio::test]
async fn a_broken_put_publishes_nothing() {
    for fault in [Fault::Break { at: 4, kind: ErrorKind::Unavailable }, Fault::Truncate { at: 99 }] {
        let (faulty, memory) = scripted([fault.on(Operation::Put, 1)]).await;
        let put =
            async |name| faulty.put(&Call::new(), &path(name), &BytesSource::new("new"), &PutOptions::default()).await;
        put("new").await.expect_err("the fault");
        assert_eq!(memory.stat(&Call::new(), &path("new")).await.expect("an answer"), None);
        put("new").await.expect("no fault the second time");
    }
}

#[tokio::test]
async fn an_answer_is_lost_after_the_deed() {
    let script = [Operation::Put, Operation::Rename, Operation::Remove].map(|o| Fault::LoseAnswer.on(o, 1));
    let (faulty, memory) = scripted(script).await;
    let (call, file, new) = (Call::new(), path("file"), path("new"));
    let put = faulty.put(&call, &file, &BytesSource::new("longer content"), &PutOptions::default()).await;
    let rename = faulty.rename(&call, &file, &new, law_storage::Destination::NoReplace).await;
    let size = memory.stat(&call, &new).await.expect("an answer").and_then(|m| m.size);
    let removed = faulty.remove_file(&call, &new).await;
    let errors = [put.map(drop), rename, removed].map(|r| r.expect_err("lost").kind());
    assert_eq!(errors, [ErrorKind::Timeout; 3]);
    assert_eq!(size, Some(14));
    assert_eq!(memory.stat(&call, &new).await.expect("an answer"), None);
}

#[tokio::test]
async fn a_writer_is_held_at_the_gate() {
    let gate = Gate::new();
    let (faulty, memory) = scripted([Fault::Hold { at: 2, gate: gate.clone() }.on(Operation::Put, 1)]).await;
    let (call, new, source) = (Call::new(), path("new"), BytesSource::new("held"));
    let options = PutOptions::default();
    let mut put = faulty.put(&call, &new, &source, &options);
    tokio::select! {
        _ = &mut put => panic!("the gate is closed"),
        () = gate.reached() => (),
    }
    assert_eq!(memory.stat(&call, &new).await.expect("an answer"), None);
    gate.open();
    put.await.expect("written in the end");
    assert_eq!(memory.stat(&call, &new).await.expect("an answer").and_then(|m| m.size), Some(4));
}

#[tokio::test]
async fn a_listing_breaks_after_its_pages() {
    let memory = Memory::new().with_page_size(1);
    for name in ["a", "b", "c"] {
        memory.put(&Call::new(), &path(name), &BytesSource::new(""), &PutOptions::default()).await.expect("a file");
    }
    let fault = Fault::Break { at: 2, kind: ErrorKind::Unavailable }.on(Operation::List, 1);
    let faulty = Faulty::new(Arc::new(memory), [fault]);
    let listing = faulty.list(&Call::new(), &path(""), &ListOptions::default()).await.expect("a listing");
    let items: Vec<_> = listing.map(|page| page.map(|page| page.entries.len()).map_err(|e| e.kind())).collect().await;
    assert_eq!(items, [Ok(1), Ok(1), Err(ErrorKind::Unavailable)]);
}
