//! Deadlines, cancellation, and futures that are dropped.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

use super::Subject;
use super::check::{Checked, Failure, fails, same, same_bytes};
use super::metadata::long_ago;
use super::source::{Event, TestSource, random};
use crate::faulty::Gate;
use crate::{
    ByteRange, ByteStream, BytesSource, Call, Destination, ErrorKind, ListOptions, Parents, PutOptions, ReadOptions,
    Result, Support, cleanup,
};

cases!("interruption",
    writes => [
        a_deadline_that_has_passed,
        a_call_that_is_cancelled,
        a_deadline_during_a_write,
        a_cancellation_during_a_write,
        a_write_that_is_dropped,
        a_write_that_is_dropped_at_its_end,
        a_read_that_is_dropped,
        a_cancellation_during_a_read,
        a_deadline_during_a_read,
    ],
    lists => [a_listing_that_is_dropped],
);

const LENGTH: usize = 400_000;

/// How long something that must end may take to notice.
const GRACE: Duration = Duration::from_secs(10);

async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> Checked<T> {
    let late = |_| Failure::here(format!("{what} did not end within {GRACE:?}"));
    tokio::time::timeout(GRACE, work).await.map_err(late)
}

/// What each method says, and whether it is offered at all.
async fn every_method(s: &Subject, call: &Call) -> Vec<(&'static str, Support, Result<()>)> {
    let (b, c, yes, unknown) = (&s.backend, &s.capabilities, Support::Yes, Support::Unknown);
    let (file, new) = (&s.path("file"), &s.path("new"));
    let mut buffer = [0; 4];
    let ranges = [ByteRange::new(0, 1), ByteRange::new(2, 1)];
    let checksums = if c.digests.is_empty() { Support::No } else { yes };
    let options = PutOptions::default();
    vec![
        ("probe", yes, b.probe(call).await.map(drop)),
        ("stat", yes, b.stat(call, file).await.map(drop)),
        ("lstat", yes, b.lstat(call, file).await.map(drop)),
        ("read", yes, whole(b.read(call, file, &ReadOptions::whole()).await).await),
        ("read_ranges", c.ranges, b.read_ranges(call, file, &ranges, None).await.map(drop)),
        ("read_into", c.ranges, b.read_into(call, file, 0, &mut buffer, None).await.map(drop)),
        ("put", yes, b.put(call, new, &BytesSource::new("x"), &options).await.map(drop)),
        ("list", c.list, pages(b.list(call, &s.root, &ListOptions::default()).await).await),
        ("create_directory", yes, b.create_directory(call, new, Parents::Create).await),
        ("remove_file", yes, b.remove_file(call, file).await),
        ("remove_directory", yes, b.remove_directory(call, &s.path("directory")).await),
        ("rename", c.rename, b.rename(call, file, new, Destination::Replace).await),
        ("copy", c.copy, b.copy(call, file, new, Destination::Replace).await),
        ("digest", checksums, b.digest(call, file, &[]).await.map(drop)),
        ("local_file", c.local_files, b.local_file(call, file, None).await.map(drop)),
        ("set_modified", c.set_modified, b.set_modified(call, file, long_ago()).await),
        ("set_mode", c.modes, b.set_mode(call, file, 0o600).await),
        ("create_link", c.symlinks, b.create_link(call, new, b"file").await),
        ("read_link", c.symlinks, b.read_link(call, file).await.map(drop)),
        ("attribute", unknown, b.attribute(call, file, "user.law-x").await.map(drop)),
        ("set_attribute", unknown, b.set_attribute(call, file, "user.law-x", Some(b"x")).await),
        ("space", c.space, b.space(call, &s.root).await.map(drop)),
    ]
}

async fn whole(reading: Result<crate::Reading>) -> Result<()> {
    reading?.collect(1000).await.map(drop)
}

async fn pages(listing: Result<crate::Listing>) -> Result<()> {
    let mut listing = listing?;
    while let Some(page) = listing.next().await {
        page?;
    }
    Ok(())
}

/// What a method says instead of `kind`. One that is not offered may say so at once.
fn wrong((what, support, outcome): (&'static str, Support, Result<()>), kind: ErrorKind) -> Option<String> {
    match (support, outcome) {
        (_, Err(error)) if error.kind() == kind => None,
        (Support::No | Support::Unknown, Err(error)) if error.kind() == ErrorKind::Unsupported => None,
        (Support::No, Ok(())) if matches!(what, "digest" | "local_file") => None,
        (_, Ok(())) => Some(format!("{what} succeeds")),
        (_, Err(error)) => Some(format!("{what} ends in {error:?}")),
    }
}

/// Every method ends in this kind of error, and changes nothing.
async fn all_end_in(s: &Subject, call: &Call, kind: ErrorKind) -> Checked {
    s.put("file", "stays").await?;
    s.mkdir("directory").await?;
    let before = s.must_stat("file").await?;
    let outcomes = in_time("all methods together", every_method(s, call)).await?;
    let wrong: Vec<String> = outcomes.into_iter().filter_map(|outcome| wrong(outcome, kind)).collect();
    check!(wrong.is_empty(), "must be {kind:?}: {}", wrong.join("; "));
    s.has("file", b"stays").await?;
    s.has_directory("directory").await?;
    same("the metadata of the file", s.must_stat("file").await?, before)?;
    s.lacks("new").await?;
    s.holds_only("", &["directory", "file"]).await
}

async fn a_deadline_that_has_passed(s: &Subject) -> Checked {
    all_end_in(s, &Call::new().within(Duration::ZERO), ErrorKind::Timeout).await
}

async fn a_call_that_is_cancelled(s: &Subject) -> Checked {
    let token = CancellationToken::new();
    token.cancel();
    all_end_in(s, &s.call().cancelled_by(token), ErrorKind::Cancelled).await
}

/// What happens to a write whose source stands still.
#[derive(Debug, Clone, Copy)]
enum Interruption {
    Deadline,
    Cancellation,
    Drop,
}

const OLD: &[u8] = b"the old content";

/// Interrupts the write of a new file and of an overwrite; then the old content is there, and nothing else.
async fn interrupted(s: &Subject, at: usize, how: Interruption) -> Checked {
    s.mkdir("new").await?;
    interrupt(s, "new/file", at, how).await.map_err(|failure| failure.about("a new file"))?;
    s.holds_only("new", &[]).await?;
    s.lacks("new/file").await?;
    s.mkdir("old").await?;
    s.put("old/file", OLD).await?;
    interrupt(s, "old/file", at, how).await.map_err(|failure| failure.about("an overwrite"))?;
    cleanup::finish().await;
    s.keeps("old", "file", OLD).await?;
    for name in ["new/file", "old/file"] {
        s.put(name, "written after all").await?;
        s.has(name, b"written after all").await?;
    }
    Ok(())
}

/// Starts a write whose source stops at some offset for ever, and ends it.
async fn interrupt(s: &Subject, name: &str, at: usize, how: Interruption) -> Checked {
    let (gate, token) = (Gate::new(), CancellationToken::new());
    let source = TestSource::new(random(50, LENGTH)).with_event(at, Event::Wait(gate.clone()));
    let call = match how {
        Interruption::Deadline => Call::new().within(Duration::from_millis(100)),
        Interruption::Cancellation | Interruption::Drop => s.call().cancelled_by(token.clone()),
    };
    let (path, options) = (s.path(name), PutOptions::default());
    let mut write = s.backend.put(&call, &path, &source, &options);
    if matches!(how, Interruption::Deadline) {
        return fails("put", in_time("the write", write).await?, &[ErrorKind::Timeout]).map(drop);
    }
    tokio::select! {
        early = &mut write => return Err(Failure::here(format!("ended before its source did: {early:?}"))),
        () = gate.reached() => (),
    }
    if matches!(how, Interruption::Cancellation) {
        token.cancel();
        fails("put", in_time("the write", write).await?, &[ErrorKind::Cancelled])?;
    }
    Ok(())
}

async fn a_deadline_during_a_write(s: &Subject) -> Checked {
    interrupted(s, LENGTH / 2, Interruption::Deadline).await
}

async fn a_cancellation_during_a_write(s: &Subject) -> Checked {
    interrupted(s, LENGTH / 2, Interruption::Cancellation).await
}

async fn a_write_that_is_dropped(s: &Subject) -> Checked {
    interrupted(s, LENGTH / 2, Interruption::Drop).await
}

async fn a_write_that_is_dropped_at_its_end(s: &Subject) -> Checked {
    interrupted(s, LENGTH, Interruption::Drop).await
}

/// A read of which the first bytes are here.
async fn begun(s: &Subject, call: &Call) -> Result<(Bytes, ByteStream)> {
    let mut stream = s.backend.read(call, &s.path("file"), &ReadOptions::whole()).await?.stream;
    let first = stream.next().await.transpose()?.unwrap_or_default();
    Ok((first, stream))
}

async fn a_read_that_is_dropped(s: &Subject) -> Checked {
    let content = random(51, 2 << 20);
    s.put("file", content.clone()).await?;
    for _ in 0..5 {
        let (first, stream) = begun(s, &s.call()).await?;
        drop(stream);
        same_bytes("the first bytes", &first, &content[..first.len()])?;
    }
    s.has("file", &content).await
}

async fn a_cancellation_during_a_read(s: &Subject) -> Checked {
    let (content, token) = (random(52, 2 << 20), CancellationToken::new());
    s.put("file", content.clone()).await?;
    let (first, stream) = begun(s, &s.call().cancelled_by(token.clone())).await?;
    token.cancel();
    ends_or_is_whole(first, stream, &content, ErrorKind::Cancelled).await
}

async fn a_deadline_during_a_read(s: &Subject) -> Checked {
    let content = random(53, 2 << 20);
    s.put("file", content.clone()).await?;
    let call = Call::new().within(Duration::from_millis(100));
    let (first, stream) = match begun(s, &call).await {
        Ok(begun) => begun,
        Err(error) => return fails("a slow read", Err::<(), _>(error), &[ErrorKind::Timeout]).map(drop),
    };
    tokio::time::sleep(call.remaining().unwrap_or_default()).await;
    ends_or_is_whole(first, stream, &content, ErrorKind::Timeout).await
}

/// What was here already may still be given; a stream that ends well is whole.
async fn ends_or_is_whole(first: Bytes, mut stream: ByteStream, content: &[u8], kind: ErrorKind) -> Checked {
    let mut all = first.to_vec();
    while let Some(item) = in_time("the stream", stream.next()).await? {
        match item {
            Ok(chunk) => all.extend_from_slice(&chunk),
            Err(error) => return fails("the stream", Err::<(), _>(error), &[kind]).map(drop),
        }
    }
    same_bytes("a stream that ends well", &all, content)
}

async fn a_listing_that_is_dropped(s: &Subject) -> Checked {
    for name in ["a", "b", "c"] {
        s.put(name, name).await?;
    }
    drop(s.backend.list(&s.call(), &s.root, &ListOptions::default()).await?);
    s.holds_only("", &["a", "b", "c"]).await
}
