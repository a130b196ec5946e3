//! `stat` and `lstat`: three-valued existence, and what identifies a version.

use std::time::{Duration, SystemTime};

use super::Subject;
use super::check::{Checked, fails, same};
use crate::{BytesSource, Comparison, Destination, ErrorKind, Kind, Parents, Path, PutOptions, ReadOptions, Strength};

cases!("existence",
    nothing => [the_root_is_a_directory],
    writes => [
        a_file_has_a_size_and_a_validator,
        a_directory_is_a_directory,
        nothing_there_is_none,
        below_a_missing_parent_is_none,
        below_a_file_is_none,
        lstat_says_the_same_without_links,
        the_same_version_has_the_same_validator,
        another_version_has_another_validator,
        errors_say_what_and_where,
        urls_name_the_path,
    ],
    times => [a_new_file_is_new],
    links => [stat_follows_links, a_dangling_link_is_none, a_link_to_a_directory, links_within_a_path_are_followed],
);

async fn the_root_is_a_directory(s: &Subject) -> Checked {
    let found = s.backend.stat(&s.call(), &Path::root()).await;
    match found {
        Err(error) => same("the kind of an error", error.kind(), ErrorKind::PermissionDenied),
        Ok(found) => same("the root", found.map(|m| m.kind), Some(Kind::Directory)),
    }
}

async fn a_file_has_a_size_and_a_validator(s: &Subject) -> Checked {
    s.put("file", "12345").await?;
    s.put("empty", "").await?;
    for (name, size) in [("file", 5), ("empty", 0)] {
        let metadata = s.must_stat(name).await?;
        same("the kind", metadata.kind, Kind::File)?;
        same("the size", metadata.size, Some(size))?;
        check!(metadata.validator.is_some(), "no validator: {metadata:?}");
        same("the validator's size", metadata.identity().size().unwrap_or(size), size)?;
    }
    Ok(())
}

async fn a_directory_is_a_directory(s: &Subject) -> Checked {
    s.mkdir("directory").await?;
    s.has_directory("directory").await?;
    s.has_directory("").await
}

async fn none(s: &Subject, name: &str) -> Checked {
    s.lacks(name).await?;
    let found = s.backend.lstat(&s.call(), &s.path(name)).await?;
    check!(found.is_none(), "lstat of {name} finds {found:?}");
    Ok(())
}

async fn nothing_there_is_none(s: &Subject) -> Checked {
    s.put("there", "x").await?;
    for name in ["missing", "ther", "there2", ".there", "THERE.txt"] {
        none(s, name).await?;
    }
    Ok(())
}

async fn below_a_missing_parent_is_none(s: &Subject) -> Checked {
    none(s, "missing/file").await?;
    none(s, "missing/directory/file").await
}

async fn below_a_file_is_none(s: &Subject) -> Checked {
    s.put("file", "x").await?;
    none(s, "file/below").await?;
    none(s, "file/below/it").await
}

async fn lstat_says_the_same_without_links(s: &Subject) -> Checked {
    s.put("file", "12345").await?;
    s.mkdir("directory").await?;
    for name in ["file", "directory"] {
        let (followed, kept) = (s.stat(name).await?, s.backend.lstat(&s.call(), &s.path(name)).await?);
        let facts = |m: Option<crate::Metadata>| m.map(|m| (m.kind, m.size));
        same(format!("lstat of {name}"), facts(kept), facts(followed))?;
    }
    Ok(())
}

async fn the_same_version_has_the_same_validator(s: &Subject) -> Checked {
    s.put("file", "12345").await?;
    let first = s.must_stat("file").await?.identity();
    s.put("neighbour", "x").await?;
    s.read("file").await?;
    let second = s.must_stat("file").await?.identity();
    same("the same file", first.compare(&second), Comparison::Same)
}

async fn another_version_has_another_validator(s: &Subject) -> Checked {
    s.put("file", "old").await?;
    let old = s.must_stat("file").await?.identity();
    s.put("file", "longer").await?;
    let longer = s.must_stat("file").await?.identity();
    same("a file of another size", old.compare(&longer), Comparison::Different)?;
    if longer.strength() == Strength::Strong {
        s.put("file", "LONGER").await?;
        let same_size = s.must_stat("file").await?.identity();
        same("another file of the same size", longer.compare(&same_size), Comparison::Different)?;
    }
    Ok(())
}

async fn errors_say_what_and_where(s: &Subject) -> Checked {
    s.mkdir("directory").await?;
    let (call, absent, directory) = (s.call(), s.path("absent"), s.path("directory"));
    let whole = ReadOptions::whole();
    let below = s.path("absent/file");
    let source = BytesSource::new("x");
    let errors = [
        fails("read", s.backend.read(&call, &absent, &whole).await, &[ErrorKind::NotFound])?,
        fails("read", s.backend.read(&call, &directory, &whole).await, &[ErrorKind::IsADirectory])?,
        fails("remove", s.backend.remove_file(&call, &absent).await, &[ErrorKind::NotFound])?,
        fails("mkdir", s.backend.create_directory(&call, &below, Parents::Require).await, &[ErrorKind::NotFound])?,
        fails("put", s.backend.put(&call, &below, &source, &PutOptions::default()).await, &[ErrorKind::NotFound])?,
    ];
    for error in errors {
        let text = error.to_string();
        check!(error.operation().is_some(), "the operation is missing: {error:?}");
        check!(error.url().is_some_and(|url| !url.is_empty()), "the place is missing: {error:?}");
        check!(!error.message().is_empty() && !text.contains('\n'), "not one line: {text:?}");
    }
    Ok(())
}

async fn urls_name_the_path(s: &Subject) -> Checked {
    let url = s.backend.url(&s.path("directory/name.txt"));
    check!(url.ends_with("/directory/name.txt"), "{url} does not end in the path");
    check!(url.contains("://") || url.starts_with('/'), "{url} is no URL");
    Ok(())
}

async fn a_new_file_is_new(s: &Subject) -> Checked {
    s.put("file", "x").await?;
    let modified = s.must_stat("file").await?.modified;
    let Some(modified) = modified else { return Err(super::Failure::here("a file without a time")) };
    let age = SystemTime::now().duration_since(modified.time).unwrap_or_else(|ahead| ahead.duration());
    check!(age < Duration::from_secs(24 * 3600), "a new file is {age:?} old");
    Ok(())
}

async fn stat_follows_links(s: &Subject) -> Checked {
    s.put("file", "12345").await?;
    s.link("link", "file").await?;
    s.link("second", "link").await?;
    for name in ["link", "second"] {
        s.has(name, b"12345").await?;
        let kept = s.backend.lstat(&s.call(), &s.path(name)).await?;
        same(format!("lstat of {name}"), kept.map(|m| m.kind), Some(Kind::Symlink))?;
    }
    Ok(())
}

async fn a_dangling_link_is_none(s: &Subject) -> Checked {
    s.link("link", "missing").await?;
    s.lacks("link").await?;
    let kept = s.backend.lstat(&s.call(), &s.path("link")).await?;
    same("lstat", kept.map(|m| m.kind), Some(Kind::Symlink))?;
    fails("read", s.read("link").await, &[ErrorKind::NotFound]).map(drop)
}

async fn a_link_to_a_directory(s: &Subject) -> Checked {
    s.mkdir("directory").await?;
    s.link("link", "directory").await?;
    s.has_directory("link").await?;
    fails("read", s.read("link").await, &[ErrorKind::IsADirectory]).map(drop)
}

async fn links_within_a_path_are_followed(s: &Subject) -> Checked {
    s.mkdir("directory/deeper").await?;
    s.link("link", "directory/deeper").await?;
    s.put("link/file", "through the link").await?;
    s.has("directory/deeper/file", b"through the link").await?;
    s.link("directory/up", "../directory/deeper").await?;
    s.has("directory/up/file", b"through the link").await?;
    if s.capabilities.rename.possible() {
        s.rename("link/file", "link/renamed", Destination::NoReplace).await?;
        s.has("directory/deeper/renamed", b"through the link").await?;
    }
    Ok(())
}
