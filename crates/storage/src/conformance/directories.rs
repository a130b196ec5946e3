//! `create_directory`.

use futures_util::future::try_join_all;

use super::Subject;
use super::check::{Checked, Failure, fails};
use crate::{ErrorKind, Parents, Result};

cases!("directories",
    writes => [
        a_new_directory,
        one_that_exists_is_fine,
        one_that_exists_keeps_its_content,
        a_missing_parent_is_not_found,
        missing_parents_are_made,
        onto_a_file,
        below_a_file,
        eight_tasks_make_the_same_tree,
    ],
    links => [onto_a_link_to_a_directory],
);

async fn create(s: &Subject, name: &str, parents: Parents) -> Result<()> {
    s.backend.create_directory(&s.call(), &s.path(name), parents).await
}

async fn a_new_directory(s: &Subject) -> Checked {
    create(s, "directory", Parents::Require).await?;
    s.has_directory("directory").await?;
    s.holds_only("directory", &[]).await?;
    s.holds_only("", &["directory"]).await
}

async fn one_that_exists_is_fine(s: &Subject) -> Checked {
    for parents in [Parents::Require, Parents::Require, Parents::Create] {
        create(s, "directory", parents).await?;
        s.has_directory("directory").await?;
    }
    Ok(())
}

async fn one_that_exists_keeps_its_content(s: &Subject) -> Checked {
    create(s, "directory", Parents::Require).await?;
    s.put("directory/file", "stays").await?;
    create(s, "directory", Parents::Require).await?;
    create(s, "directory", Parents::Create).await?;
    s.has("directory/file", b"stays").await
}

async fn a_missing_parent_is_not_found(s: &Subject) -> Checked {
    fails("below one", create(s, "a/b", Parents::Require).await, &[ErrorKind::NotFound])?;
    fails("below two", create(s, "a/b/c", Parents::Require).await, &[ErrorKind::NotFound])?;
    s.lacks("a").await?;
    s.holds_only("", &[]).await
}

async fn missing_parents_are_made(s: &Subject) -> Checked {
    create(s, "a/b/c/d", Parents::Create).await?;
    s.has_directory("a/b/c/d").await?;
    create(s, "a/b/e/f", Parents::Create).await?;
    s.holds_only("a/b", &["c", "e"]).await
}

async fn onto_a_file(s: &Subject) -> Checked {
    s.put("file", "stays").await?;
    for parents in [Parents::Require, Parents::Create] {
        fails(format!("{parents:?}"), create(s, "file", parents).await, &[ErrorKind::AlreadyExists])?;
    }
    s.has("file", b"stays").await
}

async fn below_a_file(s: &Subject) -> Checked {
    s.put("file", "stays").await?;
    let kinds = [ErrorKind::NotADirectory];
    fails("required", create(s, "file/below", Parents::Require).await, &kinds)?;
    fails("created", create(s, "file/below", Parents::Create).await, &kinds)?;
    fails("created, deeper", create(s, "file/below/deeper", Parents::Create).await, &kinds)?;
    s.has("file", b"stays").await
}

async fn eight_tasks_make_the_same_tree(s: &Subject) -> Checked {
    let task = |number: usize| {
        let s = s.clone();
        tokio::spawn(async move {
            create(&s, "a/b/c/d/e", Parents::Create).await?;
            create(&s, &format!("a/b/{number}/x"), Parents::Create).await
        })
    };
    for outcome in try_join_all((0..8).map(task)).await.map_err(|broken| Failure::here(broken))? {
        outcome?;
    }
    s.has_directory("a/b/c/d/e").await?;
    s.holds_only("a/b", &["0", "1", "2", "3", "4", "5", "6", "7", "c"]).await
}

async fn onto_a_link_to_a_directory(s: &Subject) -> Checked {
    s.mkdir("directory").await?;
    s.link("link", "directory").await?;
    create(s, "link/below", Parents::Create).await?;
    s.has_directory("directory/below").await
}
