//! Times, modes, links, attributes, space, local files; and what is not offered.

use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::time::{Duration, SystemTime};

use super::Subject;
use super::check::{Checked, Failure, fails, same, same_bytes};
use crate::{
    BytesSource, Comparison, Destination, ErrorKind, ListOptions, LocalFile, Modified, Parents, PutOptions, Result,
    Support,
};

cases!("metadata",
    nothing => [what_is_not_offered_is_unsupported],
    writes => [attributes, a_local_file_is_optional],
    set_modified => [a_time_is_set, the_time_of_what_is_missing],
    modes => [a_mode_is_set, the_mode_of_what_is_missing],
    links => [a_link_is_read, a_link_replaces_nothing, only_links_are_read],
    space => [space_is_told],
    local_files => [a_local_file_has_the_bytes, a_local_file_of_another_version, a_local_file_of_what_is_no_file,
        a_local_directory],
);

/// 2001-09-09T01:46:40Z: no fraction of a second, and even, for the coarsest of clocks.
pub(super) fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)
}

pub(super) async fn is_from_long_ago(s: &Subject, name: &str) -> Checked {
    let found = s.must_stat(name).await?.modified;
    let resolution = s.capabilities.modified_resolution.unwrap_or(Duration::from_secs(1));
    let wanted = Modified { time: long_ago(), resolution };
    check!(found.is_some_and(|found| found.agrees_with(&wanted)), "the time of {name} is {found:?}");
    Ok(())
}

async fn a_time_is_set(s: &Subject) -> Checked {
    s.put("file", "content").await?;
    s.backend.set_modified(&s.call(), &s.path("file"), long_ago()).await?;
    is_from_long_ago(s, "file").await?;
    s.has("file", b"content").await
}

async fn the_time_of_what_is_missing(s: &Subject) -> Checked {
    let set = s.backend.set_modified(&s.call(), &s.path("missing"), long_ago()).await;
    fails("set_modified", set, &[ErrorKind::NotFound])?;
    s.lacks("missing").await
}

async fn a_mode_is_set(s: &Subject) -> Checked {
    s.put("file", "content").await?;
    for mode in [0o640, 0o755, 0o600] {
        s.backend.set_mode(&s.call(), &s.path("file"), mode).await?;
        let found = s.must_stat("file").await?.mode;
        same("the mode", found.map(|found| found & 0o7777), Some(mode))?;
    }
    s.has("file", b"content").await
}

async fn the_mode_of_what_is_missing(s: &Subject) -> Checked {
    fails("set_mode", s.backend.set_mode(&s.call(), &s.path("missing"), 0o600).await, &[ErrorKind::NotFound])?;
    s.lacks("missing").await
}

async fn read_link(s: &Subject, name: &str) -> Result<Vec<u8>> {
    s.backend.read_link(&s.call(), &s.path(name)).await
}

async fn a_link_is_read(s: &Subject) -> Checked {
    for target in ["file", "../up/and/down", "/absolute", "missing//doubled/./slash/", "a b%20\u{e4}"] {
        s.link("link", target).await?;
        same_bytes("the target", &read_link(s, "link").await?, target.as_bytes())?;
        s.backend.remove_file(&s.call(), &s.path("link")).await?;
    }
    Ok(())
}

async fn a_link_replaces_nothing(s: &Subject) -> Checked {
    s.put("file", "stays").await?;
    s.mkdir("directory").await?;
    s.link("link", "file").await?;
    s.link("dangling", "nothing").await?;
    for name in ["file", "directory", "link", "dangling"] {
        fails(name, s.link(name, "elsewhere").await, &[ErrorKind::AlreadyExists])?;
    }
    same_bytes("the link", &read_link(s, "link").await?, b"file")?;
    s.has("file", b"stays").await?;
    s.has_directory("directory").await
}

async fn only_links_are_read(s: &Subject) -> Checked {
    s.put("file", "x").await?;
    s.mkdir("directory").await?;
    fails("missing", read_link(s, "missing").await, &[ErrorKind::NotFound])?;
    fails("a file", read_link(s, "file").await, &[ErrorKind::InvalidInput])?;
    fails("a directory", read_link(s, "directory").await, &[ErrorKind::InvalidInput]).map(drop)
}

const ATTRIBUTE: &str = "user.law-conformance";

/// No capability tells of attributes: a storage has them, or says `Unsupported` to both methods.
async fn attributes(s: &Subject) -> Checked {
    s.put("file", "content").await?;
    let (call, file, missing) = (s.call(), s.path("file"), s.path("missing"));
    let value: &[u8] = b"any\x00bytes\xff";
    match s.backend.set_attribute(&call, &file, ATTRIBUTE, Some(value)).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            let read = s.backend.attribute(&call, &file, ATTRIBUTE).await;
            fails("attribute", read, &[ErrorKind::Unsupported])?;
            return Err(Failure::Skipped("no extended attributes".into()));
        }
        set => set?,
    }
    let read = async || s.backend.attribute(&call, &file, ATTRIBUTE).await;
    same("the value", read().await?, Some(value.to_vec()))?;
    s.backend.set_attribute(&call, &file, ATTRIBUTE, Some(b"another")).await?;
    same("the new value", read().await?, Some(b"another".to_vec()))?;
    same("their names", s.backend.attributes(&call, &file).await?, vec![ATTRIBUTE.to_owned()])?;
    s.backend.set_attribute(&call, &file, ATTRIBUTE, None).await?;
    same("no names", s.backend.attributes(&call, &file).await?, Vec::new())?;
    same("the removed value", read().await?, None)?;
    same("one that never was", s.backend.attribute(&call, &file, "user.law-other").await?, None)?;
    let set = s.backend.set_attribute(&call, &missing, ATTRIBUTE, Some(value)).await;
    fails("of nothing", set, &[ErrorKind::NotFound])?;
    fails("names of nothing", s.backend.attributes(&call, &missing).await, &[ErrorKind::NotFound])?;
    fails("of nothing", s.backend.attribute(&call, &missing, ATTRIBUTE).await, &[ErrorKind::NotFound])?;
    s.lacks("missing").await?;
    s.has("file", b"content").await
}

async fn space_is_told(s: &Subject) -> Checked {
    let space = s.backend.space(&s.call(), &s.root).await?;
    check!(space.used.is_some() || space.available.is_some(), "it tells nothing");
    Ok(())
}

async fn local(s: &Subject, name: &str) -> Result<Option<LocalFile>> {
    s.backend.local_file(&s.call(), &s.path(name), None).await
}

fn bytes_of(file: &LocalFile) -> Checked<Vec<u8>> {
    let mut bytes = vec![0; file.file().metadata()?.size() as usize];
    file.file().read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Every storage answers: with the file, or that bytes must be fetched.
async fn a_local_file_is_optional(s: &Subject) -> Checked {
    s.put("file", "content").await?;
    let found = local(s, "file").await?;
    let declared = s.capabilities.local_files;
    check!(found.is_none() || declared != Support::No, "declared impossible, and there is {found:?}");
    check!(found.is_some() || declared != Support::Yes, "declared possible, and there is none");
    found.map_or(Ok(()), |found| same_bytes("the local file", &bytes_of(&found)?, b"content"))
}

async fn a_local_file_has_the_bytes(s: &Subject) -> Checked {
    s.put("file", "content").await?;
    let version = s.must_stat("file").await?.identity();
    let Some(found) = s.backend.local_file(&s.call(), &s.path("file"), Some(&version)).await? else {
        return Err(Failure::Skipped("no local file".into()));
    };
    same_bytes("the open file", &bytes_of(&found)?, b"content")?;
    same_bytes("the file at its path", &std::fs::read(found.path())?, b"content")?;
    s.put("file", "another content").await?;
    same_bytes("the open file after an overwrite", &bytes_of(&found)?, b"content")
}

async fn a_local_file_of_another_version(s: &Subject) -> Checked {
    s.put("file", "old").await?;
    let old = s.must_stat("file").await?.identity();
    s.put("file", "newer").await?;
    let new = s.must_stat("file").await?.identity();
    same("the two versions", old.compare(&new), Comparison::Different)?;
    let found = s.backend.local_file(&s.call(), &s.path("file"), Some(&old)).await;
    fails("local_file", found, &[ErrorKind::Changed]).map(drop)
}

async fn a_local_file_of_what_is_no_file(s: &Subject) -> Checked {
    s.mkdir("directory").await?;
    fails("a missing file", local(s, "missing").await, &[ErrorKind::NotFound])?;
    fails("a directory", local(s, "directory").await, &[ErrorKind::IsADirectory]).map(drop)
}

/// It may have to be fetched all the same.
async fn a_local_directory(s: &Subject) -> Checked {
    s.mkdir("directory").await?;
    s.put("directory/file", "content").await?;
    let local = async |name| s.backend.local_directory(&s.call(), &s.path(name)).await;
    let Some(found) = local("directory").await? else {
        return Err(Failure::Skipped("no local directory".into()));
    };
    same_bytes("a file in the local directory", &std::fs::read(found.join("file"))?, b"content")?;
    fails("a missing directory", local("missing").await, &[ErrorKind::NotFound])?;
    fails("a file", local("directory/file").await, &[ErrorKind::NotADirectory]).map(drop)
}

/// Everything that is declared `No`.
async fn what_is_not_offered_is_unsupported(s: &Subject) -> Checked {
    let c = &s.capabilities;
    let (b, call, file, other) = (&s.backend, &s.call(), &s.path("file"), &s.path("other"));
    if c.write.possible() {
        s.put("file", "stays").await?;
    }
    let options = PutOptions { parents: Parents::Create, ..PutOptions::default() };
    let both = |one: Support, two: Support| if one == Support::No { one } else { two };
    let outcomes: Vec<(&str, Support, Result<()>)> = vec![
        ("list", c.list, b.list(call, &s.root, &ListOptions::default()).await.map(drop)),
        ("rename", both(c.write, c.rename), b.rename(call, file, other, Destination::Replace).await),
        ("rename back", both(c.write, c.rename), b.rename(call, other, file, Destination::Replace).await),
        ("copy", both(c.write, c.copy), b.copy(call, file, other, Destination::Replace).await),
        ("put", c.write, b.put(call, other, &BytesSource::new("x"), &options).await.map(drop)),
        ("create_directory", c.write, b.create_directory(call, &s.path("new"), Parents::Create).await),
        ("remove_file", c.write, b.remove_file(call, other).await),
        ("remove_directory", c.write, b.remove_directory(call, &s.path("new")).await),
        ("create_link", both(c.write, c.symlinks), b.create_link(call, &s.path("link"), b"file").await),
        ("read_link", c.symlinks, b.read_link(call, file).await.map(drop)),
        ("set_mode", both(c.write, c.modes), b.set_mode(call, file, 0o600).await),
        ("set_modified", both(c.write, c.set_modified), b.set_modified(call, file, long_ago()).await),
        ("space", c.space, b.space(call, &s.root).await.map(drop)),
    ];
    for (what, _, outcome) in outcomes.into_iter().filter(|(_, support, _)| *support == Support::No) {
        fails(what, outcome, &[ErrorKind::Unsupported])?;
    }
    a_part_is_right_or_unsupported(s).await
}

/// A storage without ranges may read more than is asked for; what it gives must be right.
async fn a_part_is_right_or_unsupported(s: &Subject) -> Checked {
    if !s.capabilities.write.possible() || s.capabilities.ranges.possible() {
        return Ok(());
    }
    match s.read_part("file", 1, 2).await {
        Ok(part) => same_bytes("a part", &part, b"ta"),
        Err(error) => fails("read", Err::<(), _>(error), &[ErrorKind::Unsupported]).map(drop),
    }
}
