//! `rename`.

use super::Subject;
use super::check::{Checked, fails, same};
use crate::{Destination, ErrorKind, Kind};

cases!("rename",
    renames => [
        a_file,
        a_file_to_another_directory,
        a_directory_with_all_that_is_in_it,
        a_file_is_replaced,
        no_replace_keeps_what_is_there,
        no_replace_moves_where_nothing_is,
        nothing_there_is_not_found,
        a_missing_parent_is_not_found,
        a_parent_that_is_a_file,
        a_directory_into_itself,
        onto_itself,
        a_file_onto_a_directory,
        a_directory_onto_a_directory,
        a_directory_onto_a_file,
        names_that_begin_alike,
    ],
    renamed_links => [a_link_itself],
);

use Destination::{NoReplace, Replace};

async fn a_file(s: &Subject) -> Checked {
    s.put("from", "content").await?;
    s.rename("from", "to", Replace).await?;
    s.has("to", b"content").await?;
    s.lacks("from").await?;
    s.holds_only("", &["to"]).await
}

async fn a_file_to_another_directory(s: &Subject) -> Checked {
    s.mkdir("a").await?;
    s.mkdir("b/c").await?;
    s.put("a/file", "content").await?;
    s.rename("a/file", "b/c/renamed", NoReplace).await?;
    s.has("b/c/renamed", b"content").await?;
    s.holds_only("a", &[]).await
}

async fn a_directory_with_all_that_is_in_it(s: &Subject) -> Checked {
    s.mkdir("from/below/deeper").await?;
    s.put("from/file", "one").await?;
    s.put("from/below/deeper/file", "two").await?;
    for (from, to, destination) in [("from", "to", Replace), ("to", "again", NoReplace)] {
        s.rename(from, to, destination).await?;
        s.has(&format!("{to}/file"), b"one").await?;
        s.has(&format!("{to}/below/deeper/file"), b"two").await?;
        s.lacks(from).await?;
        s.lacks(&format!("{from}/file")).await?;
    }
    s.holds_only("", &["again"]).await
}

async fn a_file_is_replaced(s: &Subject) -> Checked {
    s.put("from", "new content").await?;
    s.put("to", "old").await?;
    s.rename("from", "to", Replace).await?;
    s.has("to", b"new content").await?;
    s.lacks("from").await?;
    s.holds_only("", &["to"]).await
}

async fn no_replace_keeps_what_is_there(s: &Subject) -> Checked {
    s.put("from", "new content").await?;
    s.put("to", "old").await?;
    fails("rename", s.rename("from", "to", NoReplace).await, &[ErrorKind::AlreadyExists])?;
    s.has("to", b"old").await?;
    s.has("from", b"new content").await
}

async fn no_replace_moves_where_nothing_is(s: &Subject) -> Checked {
    s.put("from", "content").await?;
    s.rename("from", "to", NoReplace).await?;
    s.has("to", b"content").await?;
    s.lacks("from").await
}

async fn nothing_there_is_not_found(s: &Subject) -> Checked {
    s.put("to", "stays").await?;
    for destination in [Replace, NoReplace] {
        fails("to a new name", s.rename("missing", "new", destination).await, &[ErrorKind::NotFound])?;
        fails("below nothing", s.rename("missing/below", "new", destination).await, &[ErrorKind::NotFound])?;
    }
    // With NoReplace the answer may also be about the destination.
    fails("to a file", s.rename("missing", "to", Replace).await, &[ErrorKind::NotFound])?;
    fails("onto itself", s.rename("missing", "missing", Replace).await, &[ErrorKind::NotFound])?;
    s.lacks("new").await?;
    s.has("to", b"stays").await
}

async fn a_missing_parent_is_not_found(s: &Subject) -> Checked {
    s.put("file", "stays").await?;
    s.mkdir("directory").await?;
    for from in ["file", "directory"] {
        for destination in [Replace, NoReplace] {
            fails(from, s.rename(from, "missing/to", destination).await, &[ErrorKind::NotFound])?;
            fails(from, s.rename(from, "missing/deeper/to", destination).await, &[ErrorKind::NotFound])?;
        }
    }
    s.lacks("missing").await?;
    s.has("file", b"stays").await?;
    s.holds_only("", &["directory", "file"]).await
}

async fn a_parent_that_is_a_file(s: &Subject) -> Checked {
    s.put("from", "stays").await?;
    s.put("file", "stays too").await?;
    fails("rename", s.rename("from", "file/to", Replace).await, &[ErrorKind::NotADirectory])?;
    s.has("from", b"stays").await?;
    s.has("file", b"stays too").await
}

async fn a_directory_into_itself(s: &Subject) -> Checked {
    s.mkdir("directory/below").await?;
    s.put("directory/file", "stays").await?;
    for to in ["directory/new", "directory/below/new"] {
        fails(to, s.rename("directory", to, Replace).await, &[ErrorKind::InvalidInput])?;
        fails(to, s.rename("directory", to, NoReplace).await, &[ErrorKind::InvalidInput])?;
    }
    s.has("directory/file", b"stays").await?;
    s.holds_only("directory", &["below", "file"]).await
}

async fn onto_itself(s: &Subject) -> Checked {
    s.put("file", "stays").await?;
    s.mkdir("directory").await?;
    s.put("directory/below", "stays too").await?;
    for name in ["file", "directory"] {
        s.rename(name, name, Replace).await?;
        let refused = s.rename(name, name, NoReplace).await;
        check!(
            refused.as_ref().err().is_none_or(|error| error.kind() == ErrorKind::AlreadyExists),
            "{name} onto itself: {refused:?}"
        );
    }
    s.has("file", b"stays").await?;
    s.has("directory/below", b"stays too").await?;
    s.holds_only("", &["directory", "file"]).await
}

async fn a_file_onto_a_directory(s: &Subject) -> Checked {
    s.put("file", "stays").await?;
    s.mkdir("directory").await?;
    fails("replace", s.rename("file", "directory", Replace).await, &[ErrorKind::IsADirectory])?;
    let kinds = [ErrorKind::IsADirectory, ErrorKind::AlreadyExists];
    fails("no replace", s.rename("file", "directory", NoReplace).await, &kinds)?;
    s.has("file", b"stays").await?;
    s.has_directory("directory").await?;
    s.holds_only("directory", &[]).await
}

async fn a_directory_onto_a_directory(s: &Subject) -> Checked {
    s.mkdir("from").await?;
    s.put("from/file", "stays").await?;
    s.mkdir("empty").await?;
    s.mkdir("full").await?;
    s.put("full/file", "stays too").await?;
    for to in ["empty", "full"] {
        for destination in [Replace, NoReplace] {
            fails(to, s.rename("from", to, destination).await, &[ErrorKind::AlreadyExists])?;
        }
    }
    s.has("from/file", b"stays").await?;
    s.has("full/file", b"stays too").await?;
    s.holds_only("empty", &[]).await
}

async fn a_directory_onto_a_file(s: &Subject) -> Checked {
    s.mkdir("from").await?;
    s.put("from/below", "stays").await?;
    s.put("file", "stays too").await?;
    let kinds = [ErrorKind::NotADirectory, ErrorKind::AlreadyExists];
    fails("replace", s.rename("from", "file", Replace).await, &kinds)?;
    fails("no replace", s.rename("from", "file", NoReplace).await, &kinds)?;
    s.has("from/below", b"stays").await?;
    s.has("file", b"stays too").await
}

/// `a` is above `a/b`, but not above `ab`.
async fn names_that_begin_alike(s: &Subject) -> Checked {
    s.mkdir("a").await?;
    s.put("a/file", "moves").await?;
    s.put("a-file", "stays").await?;
    s.rename("a", "ab", NoReplace).await?;
    s.has("ab/file", b"moves").await?;
    s.has("a-file", b"stays").await?;
    s.lacks("a").await
}

async fn a_link_itself(s: &Subject) -> Checked {
    s.put("file", "stays").await?;
    s.link("link", "file").await?;
    s.rename("link", "moved", NoReplace).await?;
    let moved = s.backend.lstat(&s.call(), &s.path("moved")).await?;
    same("what was moved", moved.map(|m| m.kind), Some(Kind::Symlink))?;
    s.has("file", b"stays").await?;
    s.has("moved", b"stays").await?;
    s.holds_only("", &["file", "moved"]).await
}
