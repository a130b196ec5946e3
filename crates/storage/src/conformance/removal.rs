//! `remove_file` and `remove_directory`.

use super::Subject;
use super::check::{Checked, fails, same};
use crate::{ErrorKind, Kind, Path, Result};

cases!("removal",
    nothing => [the_root_stays],
    writes => [
        a_file,
        a_missing_file_is_not_found,
        a_directory_is_not_removed_as_a_file,
        an_empty_directory,
        a_missing_directory_is_not_found,
        a_file_is_not_removed_as_a_directory,
        a_directory_with_entries_stays,
        below_a_file_there_is_nothing,
        what_was_removed_can_be_made_again,
    ],
    links => [a_link_is_removed_and_not_its_target, a_link_is_not_a_directory],
);

async fn remove_file(s: &Subject, name: &str) -> Result<()> {
    s.backend.remove_file(&s.call(), &s.path(name)).await
}

async fn remove_directory(s: &Subject, name: &str) -> Result<()> {
    s.backend.remove_directory(&s.call(), &s.path(name)).await
}

async fn the_root_stays(s: &Subject) -> Checked {
    let (call, root) = (s.call(), Path::root());
    let mut kinds = vec![ErrorKind::InvalidInput];
    if !s.capabilities.write.possible() {
        kinds.push(ErrorKind::Unsupported);
    }
    fails("remove_directory", s.backend.remove_directory(&call, &root).await, &kinds)?;
    kinds.push(ErrorKind::IsADirectory);
    fails("remove_file", s.backend.remove_file(&call, &root).await, &kinds).map(drop)
}

async fn a_file(s: &Subject) -> Checked {
    s.put("file", "x").await?;
    s.put("neighbour", "stays").await?;
    remove_file(s, "file").await?;
    s.lacks("file").await?;
    fails("read", s.read("file").await, &[ErrorKind::NotFound])?;
    s.has("neighbour", b"stays").await?;
    s.holds_only("", &["neighbour"]).await
}

async fn a_missing_file_is_not_found(s: &Subject) -> Checked {
    for name in ["missing", "missing/below"] {
        fails(name, remove_file(s, name).await, &[ErrorKind::NotFound])?;
    }
    s.put("file", "x").await?;
    remove_file(s, "file").await?;
    fails("the second time", remove_file(s, "file").await, &[ErrorKind::NotFound]).map(drop)
}

async fn a_directory_is_not_removed_as_a_file(s: &Subject) -> Checked {
    s.mkdir("empty").await?;
    s.mkdir("full").await?;
    s.put("full/file", "stays").await?;
    for name in ["empty", "full"] {
        fails(name, remove_file(s, name).await, &[ErrorKind::IsADirectory])?;
        s.has_directory(name).await?;
    }
    s.has("full/file", b"stays").await
}

async fn an_empty_directory(s: &Subject) -> Checked {
    s.mkdir("a/b").await?;
    remove_directory(s, "a/b").await?;
    s.lacks("a/b").await?;
    s.has_directory("a").await?;
    s.holds_only("a", &[]).await
}

async fn a_missing_directory_is_not_found(s: &Subject) -> Checked {
    for name in ["missing", "missing/below"] {
        fails(name, remove_directory(s, name).await, &[ErrorKind::NotFound])?;
    }
    Ok(())
}

async fn a_file_is_not_removed_as_a_directory(s: &Subject) -> Checked {
    s.put("file", "stays").await?;
    fails("remove_directory", remove_directory(s, "file").await, &[ErrorKind::NotADirectory])?;
    s.has("file", b"stays").await
}

async fn a_directory_with_entries_stays(s: &Subject) -> Checked {
    s.mkdir("file_inside").await?;
    s.put("file_inside/file", "stays").await?;
    s.mkdir("directory_inside/below").await?;
    for name in ["file_inside", "directory_inside"] {
        fails(name, remove_directory(s, name).await, &[ErrorKind::NotEmpty])?;
    }
    s.has("file_inside/file", b"stays").await?;
    s.has_directory("directory_inside/below").await
}

async fn below_a_file_there_is_nothing(s: &Subject) -> Checked {
    s.put("file", "stays").await?;
    let kinds = [ErrorKind::NotFound, ErrorKind::NotADirectory];
    fails("remove_file", remove_file(s, "file/below").await, &kinds)?;
    fails("remove_directory", remove_directory(s, "file/below").await, &kinds)?;
    s.has("file", b"stays").await
}

async fn what_was_removed_can_be_made_again(s: &Subject) -> Checked {
    s.put("name", "x").await?;
    remove_file(s, "name").await?;
    s.mkdir("name").await?;
    s.has_directory("name").await?;
    remove_directory(s, "name").await?;
    s.put("name", "again").await?;
    s.has("name", b"again").await
}

async fn a_link_is_removed_and_not_its_target(s: &Subject) -> Checked {
    s.put("file", "stays").await?;
    s.mkdir("directory").await?;
    for target in ["file", "directory", "nothing"] {
        s.link("link", target).await?;
        remove_file(s, "link").await?;
        let left = s.backend.lstat(&s.call(), &s.path("link")).await?;
        check!(left.is_none(), "the link to {target} is still there: {left:?}");
    }
    s.has("file", b"stays").await?;
    s.has_directory("directory").await
}

async fn a_link_is_not_a_directory(s: &Subject) -> Checked {
    s.mkdir("directory").await?;
    s.link("link", "directory").await?;
    fails("remove_directory", remove_directory(s, "link").await, &[ErrorKind::NotADirectory])?;
    let left = s.backend.lstat(&s.call(), &s.path("link")).await?;
    same("the link", left.map(|m| m.kind), Some(Kind::Symlink))
}
