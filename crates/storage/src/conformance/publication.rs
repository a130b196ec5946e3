//! Publication: once, whole, proven; and what readers and other writers see meanwhile.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::Subject;
use super::check::{Checked, Content, Failure, fails, same};
use super::source::{Event, TestSource, random};
use crate::faulty::Gate;
use crate::{
    Destination, Error, ErrorKind, Existing, NoClobber, Overwrite, Publish, PutOptions, ReadOptions, Receipt, Result,
    Status, Strength,
};

cases!("publication",
    writes => [
        a_source_that_proves_wrong,
        a_source_that_has_changed,
        a_source_that_breaks,
        a_source_that_breaks_at_once,
        a_source_that_is_too_short,
        a_source_that_is_too_long,
        a_failed_write_can_be_repeated,
        a_new_version_is_seen_at_once,
        readers_during_overwrites,
        writers_that_must_not_replace,
    ],
    safe_overwrites => [writers_of_the_same_file, an_unfinished_overwrite_is_not_seen],
    hidden_writes => [an_unfinished_file_is_not_seen, the_source_is_proven_before_publication],
    renames => [renames_that_must_not_replace],
);

/// Long enough to be cut in the middle by any protocol.
const LENGTH: usize = 200_000;

/// A write that must fail leaves what was there, and nothing else.
async fn publishes_nothing(s: &Subject, source: &TestSource, kinds: &[ErrorKind]) -> Checked {
    s.mkdir("new").await?;
    let written = s.put_from("new/file", source, &PutOptions::default()).await;
    fails("a new file", written, kinds)?;
    s.lacks("new/file").await?;
    s.holds_only("new", &[]).await?;
    s.mkdir("old").await?;
    s.put("old/file", "the old content").await?;
    let written = s.put_from("old/file", source, &PutOptions::default()).await;
    fails("an overwrite", written, kinds)?;
    s.keeps("old", "file", b"the old content").await
}

async fn a_source_that_proves_wrong(s: &Subject) -> Checked {
    let source = TestSource::new(random(20, LENGTH)).proving(Err(ErrorKind::Integrity));
    publishes_nothing(s, &source, &[ErrorKind::Integrity]).await
}

async fn a_source_that_has_changed(s: &Subject) -> Checked {
    let source = TestSource::new("small").proving(Err(ErrorKind::Changed));
    publishes_nothing(s, &source, &[ErrorKind::Changed]).await
}

async fn a_source_that_breaks(s: &Subject) -> Checked {
    let event = Event::Error(ErrorKind::NotOnline);
    publishes_nothing(s, &TestSource::new(random(21, LENGTH)).with_event(LENGTH / 2, event), &[ErrorKind::NotOnline])
        .await
}

async fn a_source_that_breaks_at_once(s: &Subject) -> Checked {
    let event = Event::Error(ErrorKind::PermissionDenied);
    let source = TestSource::new(random(22, LENGTH)).with_event(0, event);
    publishes_nothing(s, &source, &[ErrorKind::PermissionDenied]).await
}

async fn a_source_that_is_too_short(s: &Subject) -> Checked {
    let source = TestSource::new(random(23, LENGTH)).announcing(Some(LENGTH as u64 + 1));
    publishes_nothing(s, &source, &[ErrorKind::Integrity]).await
}

async fn a_source_that_is_too_long(s: &Subject) -> Checked {
    let source = TestSource::new(random(24, LENGTH)).announcing(Some(LENGTH as u64 - 1));
    publishes_nothing(s, &source, &[ErrorKind::Integrity]).await
}

async fn a_failed_write_can_be_repeated(s: &Subject) -> Checked {
    let content = random(25, LENGTH);
    let broken = TestSource::new(content.clone()).with_event(LENGTH / 2, Event::Error(ErrorKind::Unavailable));
    fails("put", s.put_from("file", &broken, &PutOptions::default()).await, &[ErrorKind::Unavailable])?;
    let refuse = PutOptions { existing: Existing::Refuse, ..PutOptions::default() };
    s.put_from("file", &TestSource::new(content.clone()), &refuse).await?;
    s.has("file", &content).await?;
    s.holds_only("", &["file"]).await
}

async fn a_new_version_is_seen_at_once(s: &Subject) -> Checked {
    for version in 0..20usize {
        let content = version.to_string().repeat(version * 100 + 1);
        s.put("file", content.clone()).await?;
        s.has("file", content.as_bytes()).await.map_err(|failure| failure.about(format!("version {version}")))?;
    }
    Ok(())
}

async fn an_unfinished_file_is_not_seen(s: &Subject) -> Checked {
    held(s, None).await
}

async fn an_unfinished_overwrite_is_not_seen(s: &Subject) -> Checked {
    s.put("file", "the old content").await?;
    held(s, Some(b"the old content")).await
}

/// Looks at what is seen of a file while its writer stands still in the middle.
async fn held(s: &Subject, old: Option<&[u8]>) -> Checked {
    let (gate, content, options) = (Gate::new(), random(26, LENGTH), PutOptions::default());
    let source = TestSource::new(content.clone()).with_event(LENGTH / 2, Event::Wait(gate.clone()));
    let mut write = Box::pin(s.put_from("file", &source, &options));
    tokio::select! {
        early = &mut write => return Err(Failure::here(format!("ended before its source did: {early:?}"))),
        () = gate.reached() => (),
    }
    let seen = look(s, old).await;
    gate.open();
    write.await?;
    seen?;
    s.has("file", &content).await?;
    s.holds_only("", &["file"]).await
}

async fn look(s: &Subject, old: Option<&[u8]>) -> Checked {
    let Some(old) = old else {
        s.lacks("file").await?;
        return fails("read", s.read("file").await, &[ErrorKind::NotFound]).map(drop);
    };
    s.has("file", old).await
}

async fn the_source_is_proven_before_publication(s: &Subject) -> Checked {
    let seen: Arc<Mutex<Option<bool>>> = Arc::default();
    let (subject, noted) = (s.clone(), seen.clone());
    let look = move || -> BoxFuture<'static, ()> {
        let (s, noted) = (subject.clone(), noted.clone());
        Box::pin(async move {
            let visible = !matches!(s.stat("file").await, Ok(None));
            *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(visible);
        })
    };
    let source = TestSource::new(random(28, LENGTH)).on_proof(Arc::new(look));
    s.put_from("file", &source, &PutOptions::default()).await?;
    let visible = *seen.lock().unwrap_or_else(PoisonError::into_inner);
    same("whether the file was visible when its source proved itself", visible, Some(false))
}

/// A version that anybody recognises: every byte is its number, and no two versions have the same length.
fn version(number: u8) -> Bytes {
    vec![number; length_of(number)].into()
}

fn length_of(number: u8) -> usize {
    64 * 1024 + usize::from(number) * 1000
}

/// What a reader saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sight {
    Whole,
    Absent,
    Partial,
    Changed,
    Error,
}

/// Judges one read that began when version `floor` was published and ended when `ceiling` was begun.
fn judge(declared: Declared, read: Result<Bytes>, floor: u8, ceiling: u8) -> Checked<Sight> {
    let content = match read {
        Ok(content) => content,
        Err(error) => return judge_error(declared, &error),
    };
    let number = content.first().copied().unwrap_or_default();
    if content != vec![number; content.len()] {
        return Err(Failure::here(format!("a mixture: {}", Content(&content))));
    }
    if content.is_empty() || content.len() != length_of(number) {
        let message = format!("version {number} has {} bytes, not {}", length_of(number), content.len());
        return if declared.overwrite == Overwrite::Unsafe { Ok(Sight::Partial) } else { Err(Failure::here(message)) };
    }
    check!((floor..=ceiling).contains(&number), "version {number}, between {floor} and {ceiling}");
    Ok(Sight::Whole)
}

/// What an endpoint says of its overwrites, and whether it can pin a read to a version.
#[derive(Debug, Clone, Copy)]
struct Declared {
    overwrite: Overwrite,
    weak: bool,
}

/// How a read may end whose file goes away below it.
const BROKEN: [ErrorKind; 2] = [ErrorKind::Integrity, ErrorKind::Unavailable];

fn judge_error(declared: Declared, error: &Error) -> Checked<Sight> {
    match (declared.overwrite, error.kind()) {
        (_, ErrorKind::Changed) if declared.weak => Ok(Sight::Changed),
        (Overwrite::Window | Overwrite::Unsafe, ErrorKind::NotFound) => Ok(Sight::Absent),
        (Overwrite::Window | Overwrite::Unsafe, kind) if kind == ErrorKind::Changed || BROKEN.contains(&kind) => {
            Ok(Sight::Error)
        }
        (overwrite, _) => Err(Failure::here(format!("during an overwrite, declared {overwrite:?}: {error:?}"))),
    }
}

/// The versions that are published and begun.
#[derive(Debug, Default)]
struct Progress {
    published: AtomicU8,
    begun: AtomicU8,
}

const VERSIONS: u8 = 20;

async fn readers_during_overwrites(s: &Subject) -> Checked {
    s.put("file", version(0)).await?;
    let progress = Arc::new(Progress::default());
    let mut readers = JoinSet::new();
    for _ in 0..4 {
        let (s, progress) = (s.clone(), progress.clone());
        readers.spawn(async move { read_until_the_end(&s, &progress).await });
    }
    let written = write_versions(s, &progress).await;
    progress.published.store(VERSIONS, Ordering::SeqCst);
    let mut sights: BTreeMap<Sight, usize> = BTreeMap::new();
    while let Some(seen) = readers.join_next().await {
        let seen = seen.map_err(|broken| Failure::here(broken))??;
        seen.into_iter().for_each(|sight| *sights.entry(sight).or_default() += 1);
    }
    written?;
    s.note(format!("{VERSIONS} overwrites, declared {:?}, readers saw {sights:?}", s.capabilities.overwrite));
    check!(sights.contains_key(&Sight::Whole), "no reader saw anything whole");
    s.has("file", &version(VERSIONS)).await
}

async fn write_versions(s: &Subject, progress: &Progress) -> Checked {
    for number in 1..=VERSIONS {
        progress.begun.store(number, Ordering::SeqCst);
        s.put_from("file", &TestSource::new(version(number)), &PutOptions::default()).await?;
        progress.published.store(number, Ordering::SeqCst);
    }
    Ok(())
}

async fn read_until_the_end(s: &Subject, progress: &Progress) -> Checked<Vec<Sight>> {
    let mut sights = Vec::new();
    let weak = s.must_stat("file").await?.identity().strength() == Strength::Weak;
    let declared = Declared { overwrite: s.capabilities.overwrite, weak };
    loop {
        let floor = progress.published.load(Ordering::SeqCst);
        let read = s.read("file").await;
        let ceiling = progress.begun.load(Ordering::SeqCst);
        sights.push(judge(declared, read, floor, ceiling)?);
        if floor == VERSIONS {
            return Ok(sights);
        }
        tokio::task::yield_now().await;
    }
}

const WRITERS: usize = 4;

fn by_writer(number: usize) -> Bytes {
    vec![b'a' + number as u8; 50_000 + number].into()
}

/// Several writers of one file, all of which have sent everything before one of them can publish.
async fn write_together(s: &Subject, name: &str, existing: Existing) -> Vec<Result<Receipt>> {
    let everybody = Arc::new(Barrier::new(WRITERS));
    let write = |number| {
        let content = by_writer(number);
        let end = content.len();
        let source = TestSource::new(content).with_event(end, Event::Meet(everybody.clone()));
        let options = PutOptions { existing: existing.clone(), ..PutOptions::default() };
        async move { s.put_from(name, &source, &options).await }
    };
    join_all((0..WRITERS).map(write)).await
}

async fn writers_that_must_not_replace(s: &Subject) -> Checked {
    for round in 0..5 {
        let name = format!("file{round}");
        let outcomes = write_together(s, &name, Existing::Refuse).await;
        let winners = winners(s, outcomes)?;
        let content = s.read(&name).await?;
        let whole = winners.iter().any(|&number| content == by_writer(number));
        check!(whole, "it has the content of no writer that won: {}", Content(&content));
    }
    cleaned(s, 5).await
}

/// Who won, of those that must not replace each other.
fn winners<T>(s: &Subject, outcomes: Vec<Result<T>>) -> Checked<Vec<usize>> {
    let mut winners = Vec::new();
    for (number, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(_) => winners.push(number),
            // A server may lock what another one is moving just now.
            Err(error) if error.status() == Status::Temporary => {}
            Err(error) => drop(fails("a loser", Err::<T, _>(error), &[ErrorKind::AlreadyExists])?),
        }
    }
    check!(!winners.is_empty(), "nobody won");
    let alone = s.capabilities.no_clobber == NoClobber::CheckThenAct || winners.len() == 1;
    check!(alone, "declared atomic, and {} of {WRITERS} won", winners.len());
    Ok(winners)
}

async fn cleaned(s: &Subject, files: usize) -> Checked {
    let names: Vec<String> = (0..files).map(|i| format!("file{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    s.holds_only("", &names).await
}

async fn writers_of_the_same_file(s: &Subject) -> Checked {
    s.put("file0", "the old content").await?;
    let outcomes = write_together(s, "file0", Existing::Replace).await;
    let mut lost = 0;
    for outcome in outcomes {
        if let Err(error) = outcome {
            check!(may_lose(s, &error), "a writer failed: {error:?}");
            lost += 1;
        }
    }
    let content = match s.read_with("file0", &ReadOptions::whole()).await {
        // In the window of a server that removes before it renames, whoever lost may have removed what the others had published, and has said that it failed.
        Err(error)
            if error.kind() == ErrorKind::NotFound && lost > 0 && s.capabilities.overwrite == Overwrite::Window =>
        {
            return cleaned(s, 0).await;
        }
        other => other?,
    };
    let whole = (0..WRITERS).any(|number| content == by_writer(number));
    check!(whole, "it has the content of no writer: {}", Content(&content));
    cleaned(s, 1).await
}

/// Where there is a window, one may find what another has just moved aside; where a file is verified under its final
/// name, another writer's may be there by then.
fn may_lose(s: &Subject, error: &Error) -> bool {
    let verified_late = s.capabilities.publish == Publish::Direct;
    s.capabilities.overwrite == Overwrite::Window || (verified_late && error.kind() == ErrorKind::Integrity)
}

async fn renames_that_must_not_replace(s: &Subject) -> Checked {
    for round in 0..5 {
        let (to, from) = (format!("file{round}"), |number: usize| format!("from{number}"));
        for number in 0..WRITERS {
            s.put(&from(number), by_writer(number)).await?;
        }
        let rename = |number| {
            let (to, from) = (to.clone(), from(number));
            async move { s.rename(&from, &to, Destination::NoReplace).await }
        };
        let winners = winners(s, join_all((0..WRITERS).map(rename)).await)?;
        let content = s.read(&to).await?;
        check!(winners.iter().any(|&number| content == by_writer(number)), "of no winner: {}", Content(&content));
        for number in (0..WRITERS).filter(|number| !winners.contains(number)) {
            s.has(&from(number), &by_writer(number)).await?;
            s.backend.remove_file(&s.call(), &s.path(from(number))).await?;
        }
    }
    cleaned(s, 5).await
}
