//! Listings: complete, once each, or an error.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use futures_util::stream;

use super::Subject;
use super::check::{Checked, fails, same};
use crate::{BytesSource, ErrorKind, Kind, ListOptions, Page, Path, PutOptions, Result, list_all};

cases!("listing",
    lists => [
        an_empty_directory,
        nothing_there_is_not_found,
        a_file_is_not_a_directory,
        below_a_file_there_is_nothing,
        kinds_and_sizes_are_right,
        entries_are_those_of_the_directory_itself,
        two_hundred_fifty_entries,
        a_listing_goes_on_at_its_pages,
        changes_are_seen_at_once,
    ],
    hidden_names => [hidden_names_are_listed],
    listed_links => [links_are_not_followed],
    no_lists => [a_partial_listing_is_refused],
);

async fn pages(s: &Subject, name: &str, after: Option<String>) -> Result<Vec<Page>> {
    let mut listing = s.backend.list(&s.call(), &s.path(name), &ListOptions { after }).await?;
    let mut pages = Vec::new();
    while let Some(page) = listing.next().await {
        pages.push(page?);
    }
    Ok(pages)
}

fn paths(pages: &[Page]) -> Vec<Path> {
    pages.iter().flat_map(|page| &page.entries).map(|entry| entry.path.clone()).collect()
}

async fn an_empty_directory(s: &Subject) -> Checked {
    s.mkdir("directory").await?;
    same("the entries", paths(&pages(s, "directory", None).await?), Vec::new())
}

async fn nothing_there_is_not_found(s: &Subject) -> Checked {
    for name in ["missing", "missing/below"] {
        fails(name, pages(s, name, None).await, &[ErrorKind::NotFound])?;
    }
    Ok(())
}

async fn a_file_is_not_a_directory(s: &Subject) -> Checked {
    s.put("file", "x").await?;
    fails("list", pages(s, "file", None).await, &[ErrorKind::NotADirectory]).map(drop)
}

async fn below_a_file_there_is_nothing(s: &Subject) -> Checked {
    s.put("file", "x").await?;
    let kinds = [ErrorKind::NotADirectory, ErrorKind::NotFound];
    fails("list", pages(s, "file/below", None).await, &kinds).map(drop)
}

async fn kinds_and_sizes_are_right(s: &Subject) -> Checked {
    s.mkdir("directory/below").await?;
    s.put("directory/empty", "").await?;
    s.put("directory/file", "12345").await?;
    let entries = list_all(&*s.backend, &s.call(), &s.path("directory")).await?;
    let found: Vec<_> = entries.iter().map(|entry| (entry.path.clone(), entry.metadata.kind)).collect();
    let wanted = [("below", Kind::Directory), ("empty", Kind::File), ("file", Kind::File)];
    let wanted = wanted.map(|(name, kind)| (s.path(format!("directory/{name}")), kind)).to_vec();
    same("the entries", found, wanted)?;
    // A listing need not tell sizes; what it tells must be right.
    for (entry, size) in entries[1..].iter().zip([0, 5]) {
        same(format!("the size of {}", entry.path), entry.metadata.size.unwrap_or(size), size)?;
    }
    Ok(())
}

async fn entries_are_those_of_the_directory_itself(s: &Subject) -> Checked {
    s.mkdir("directory/below/deeper").await?;
    s.put("directory/below/file", "x").await?;
    s.mkdir("directory2").await?;
    s.put("directory2/neighbour", "x").await?;
    same("the entries", paths(&pages(s, "directory", None).await?), vec![s.path("directory/below")])?;
    let mut found = paths(&pages(s, "", None).await?);
    found.sort();
    same("the entries above", found, vec![s.path("directory"), s.path("directory2")])
}

const MANY: usize = 250;

async fn fill(s: &Subject) -> Checked<BTreeSet<Path>> {
    s.mkdir("many").await?;
    let (options, names) = (PutOptions::default(), (0..MANY).map(|i| format!("many/entry {i}")));
    let write = |name: String| {
        let (s, options) = (s.clone(), options.clone());
        async move { s.put_from(&name, &BytesSource::new("x"), &options).await }
    };
    let mut writes = stream::iter(names.map(write)).buffer_unordered(8);
    while let Some(written) = writes.next().await {
        written?;
    }
    Ok((0..MANY).map(|i| s.path(format!("many/entry {i}"))).collect())
}

async fn two_hundred_fifty_entries(s: &Subject) -> Checked {
    let wanted = fill(s).await?;
    let found = paths(&pages(s, "many", None).await?);
    let once: BTreeSet<Path> = found.iter().cloned().collect();
    let missing: Vec<_> = wanted.difference(&once).take(3).collect();
    check!(missing.is_empty(), "{} of {MANY} entries, without {missing:?} ...", once.len());
    let strange: Vec<_> = once.difference(&wanted).take(3).collect();
    check!(strange.is_empty(), "entries that nobody made: {strange:?} ...");
    same("entries, each counted", found.len(), MANY)
}

async fn a_listing_goes_on_at_its_pages(s: &Subject) -> Checked {
    let wanted = fill(s).await?;
    let whole = pages(s, "many", None).await?;
    let resumable: Vec<usize> = (0..whole.len()).filter(|&i| whole[i].continuation.is_some()).collect();
    s.note(format!("{} pages, {} of them with a continuation", whole.len(), resumable.len()));
    for i in resumable.into_iter().take(3) {
        let rest = pages(s, "many", whole[i].continuation.clone()).await?;
        let mut found = paths(&whole[..=i]);
        found.extend(paths(&rest));
        same(format!("entries up to page {i} and after it"), found.len(), MANY)?;
        same("each once", found.into_iter().collect::<BTreeSet<_>>() == wanted, true)?;
    }
    Ok(())
}

async fn changes_are_seen_at_once(s: &Subject) -> Checked {
    s.mkdir("directory").await?;
    s.put("directory/a", "x").await?;
    s.holds_only("directory", &["a"]).await?;
    s.put("directory/b", "x").await?;
    s.holds_only("directory", &["a", "b"]).await?;
    s.backend.remove_file(&s.call(), &s.path("directory/a")).await?;
    s.holds_only("directory", &["b"]).await?;
    s.mkdir("directory/c").await?;
    s.holds_only("directory", &["b", "c"]).await
}

async fn hidden_names_are_listed(s: &Subject) -> Checked {
    s.mkdir("directory").await?;
    s.put("directory/.hidden", "x").await?;
    s.holds_only("directory", &[".hidden"]).await
}

async fn links_are_not_followed(s: &Subject) -> Checked {
    s.mkdir("target").await?;
    s.put("target/file", "x").await?;
    s.mkdir("directory").await?;
    s.link("directory/link", "../target").await?;
    s.link("directory/dangling", "nothing").await?;
    let entries = list_all(&*s.backend, &s.call(), &s.path("directory")).await?;
    let found: Vec<_> = entries.into_iter().map(|entry| (entry.path, entry.metadata.kind)).collect();
    let wanted = ["dangling", "link"].map(|name| (s.path(format!("directory/{name}")), Kind::Symlink));
    same("the entries", found, wanted.to_vec())
}

async fn a_partial_listing_is_refused(s: &Subject) -> Checked {
    fails("list", pages(s, "", None).await, &[ErrorKind::Unsupported]).map(drop)
}
