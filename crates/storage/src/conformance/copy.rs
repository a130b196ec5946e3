//! `copy`: within the storage.

use super::Subject;
use super::check::{Checked, fails, same};
use super::source::random;
use crate::{Destination, ErrorKind, Kind};

cases!("copy",
    copies => [
        a_file,
        a_large_file,
        an_empty_file,
        a_copy_is_independent,
        a_file_is_replaced,
        no_replace_keeps_what_is_there,
        nothing_there_is_not_found,
        a_directory_is_not_copied,
        a_missing_parent_is_not_found,
        a_parent_that_is_a_file,
        onto_a_directory,
        onto_itself,
    ],
    copied_links => [a_link_is_followed],
);

use Destination::{NoReplace, Replace};

async fn a_file(s: &Subject) -> Checked {
    s.mkdir("directory").await?;
    s.put("from", "content").await?;
    s.copy("from", "to", NoReplace).await?;
    s.copy("from", "directory/to", Replace).await?;
    for name in ["from", "to", "directory/to"] {
        s.has(name, b"content").await?;
    }
    s.holds_only("directory", &["to"]).await
}

async fn a_large_file(s: &Subject) -> Checked {
    let content = random(30, 1 << 20);
    s.put("from", content.clone()).await?;
    s.copy("from", "to", NoReplace).await?;
    s.has("to", &content).await?;
    s.holds_only("", &["from", "to"]).await
}

async fn an_empty_file(s: &Subject) -> Checked {
    s.put("from", "").await?;
    s.copy("from", "to", NoReplace).await?;
    s.has("to", b"").await
}

async fn a_copy_is_independent(s: &Subject) -> Checked {
    s.put("from", "content").await?;
    s.copy("from", "to", NoReplace).await?;
    s.put("from", "changed").await?;
    s.has("to", b"content").await?;
    s.backend.remove_file(&s.call(), &s.path("from")).await?;
    s.has("to", b"content").await
}

async fn a_file_is_replaced(s: &Subject) -> Checked {
    s.put("from", "new content").await?;
    s.put("to", "old").await?;
    let copied = s.copy("from", "to", Replace).await;
    s.has("from", b"new content").await?;
    match copied {
        // It may have no way of doing so that keeps its promise of an atomic overwrite.
        Err(error) if error.kind() == ErrorKind::Unsupported => s.has("to", b"old").await?,
        other => {
            other?;
            s.has("to", b"new content").await?;
        }
    }
    s.holds_only("", &["from", "to"]).await
}

async fn no_replace_keeps_what_is_there(s: &Subject) -> Checked {
    s.put("from", "new content").await?;
    s.put("to", "old").await?;
    fails("copy", s.copy("from", "to", NoReplace).await, &[ErrorKind::AlreadyExists])?;
    s.has("to", b"old").await?;
    s.holds_only("", &["from", "to"]).await
}

async fn nothing_there_is_not_found(s: &Subject) -> Checked {
    s.put("to", "stays").await?;
    for name in ["missing", "missing/below"] {
        fails(name, s.copy(name, "new", NoReplace).await, &[ErrorKind::NotFound])?;
        fails(name, s.copy(name, "to", Replace).await, &[ErrorKind::NotFound])?;
    }
    s.has("to", b"stays").await?;
    s.holds_only("", &["to"]).await
}

async fn a_directory_is_not_copied(s: &Subject) -> Checked {
    s.mkdir("directory/below").await?;
    fails("copy", s.copy("directory", "to", NoReplace).await, &[ErrorKind::IsADirectory])?;
    s.lacks("to").await
}

async fn a_missing_parent_is_not_found(s: &Subject) -> Checked {
    s.put("from", "content").await?;
    for destination in [Replace, NoReplace] {
        fails("copy", s.copy("from", "missing/to", destination).await, &[ErrorKind::NotFound])?;
    }
    s.lacks("missing").await?;
    s.holds_only("", &["from"]).await
}

async fn a_parent_that_is_a_file(s: &Subject) -> Checked {
    s.put("from", "content").await?;
    s.put("file", "stays").await?;
    fails("copy", s.copy("from", "file/to", Replace).await, &[ErrorKind::NotADirectory])?;
    s.has("file", b"stays").await
}

async fn onto_a_directory(s: &Subject) -> Checked {
    s.put("from", "content").await?;
    s.mkdir("directory").await?;
    fails("replace", s.copy("from", "directory", Replace).await, &[ErrorKind::IsADirectory])?;
    let kinds = [ErrorKind::IsADirectory, ErrorKind::AlreadyExists];
    fails("no replace", s.copy("from", "directory", NoReplace).await, &kinds)?;
    s.has_directory("directory").await?;
    s.holds_only("directory", &[]).await
}

async fn onto_itself(s: &Subject) -> Checked {
    s.put("file", "stays").await?;
    s.copy("file", "file", Replace).await?;
    s.has("file", b"stays").await?;
    s.holds_only("", &["file"]).await
}

async fn a_link_is_followed(s: &Subject) -> Checked {
    s.put("file", "content").await?;
    s.link("link", "file").await?;
    s.copy("link", "to", NoReplace).await?;
    s.has("to", b"content").await?;
    let copied = s.backend.lstat(&s.call(), &s.path("to")).await?;
    same("what was made", copied.map(|m| m.kind), Some(Kind::File))
}
