//! Places that begin so.

use std::time::Duration;

use futures_util::StreamExt as _;
use law_storage::{Call, Error, ErrorKind, Kind, ListOptions, Location, Path, Result, Url, encode_path};
use law_target::{FileSystems, runtime};
use law_transfer::Place;

use super::Candidate;

/// Who presses a key does not wait longer.
const PATIENCE: Duration = Duration::from_secs(1);
/// More than anybody reads.
const MOST: usize = 2000;

/// Local files, configured names, and what a storage has.
pub(super) fn anywhere(typed: &str) -> Vec<Candidate> {
    let mut found = listed(typed).unwrap_or_default();
    if !typed.contains(['/', ':']) {
        found.extend(names().into_iter().map(|name| Candidate::new(format!("{name}:"), "configured storage")));
    }
    found
}

/// Local files alone.
pub(super) fn local(typed: &str) -> Vec<Candidate> {
    let directory = directory_of(typed);
    let is_local = Url::parse(directory).is_ok_and(|url| matches!(url.location(), Location::Local(_)));
    if is_local || directory.is_empty() { listed(typed).unwrap_or_default() } else { Vec::new() }
}

/// The names of the configured file systems.
pub(super) fn names() -> Vec<String> {
    let systems = FileSystems::load(&[]);
    systems.map(|systems| systems.config().file_systems.keys().map(ToString::to_string).collect()).unwrap_or_default()
}

/// What stands before the last name: as it was typed, so that the shell can compare.
fn directory_of(typed: &str) -> &str {
    let end = typed.rfind('/').or_else(|| typed.rfind(':')).map_or(0, |at| at + 1);
    &typed[..end]
}

/// What a directory has that begins as the last name does.
fn listed(typed: &str) -> Result<Vec<Candidate>> {
    let (directory, name) = typed.split_at(directory_of(typed).len());
    let (directory, show): (String, &str) = match (directory, directory.strip_prefix("~/")) {
        ("", _) => ("./".into(), ""),
        (_, Some(below)) => (format!("{}/{below}", std::env::var("HOME").unwrap_or_default()), directory),
        _ => (directory.into(), directory),
    };
    let url = Url::parse(&directory)?;
    if matches!(url.location(), Location::Remote(remote) if remote.host().is_empty()) {
        return Ok(Vec::new());
    }
    let encoded = matches!(url.location(), Location::Remote(_));
    let place = FileSystems::load(&[])?.place_of(&url)?;
    let hidden = name.starts_with('.');
    let late = |_| Error::new(ErrorKind::Timeout, "too late");
    // The deadline of the call bounds what asks for it; this bounds everything.
    let entries = runtime::block_on(async { tokio::time::timeout(PATIENCE, entries(place)).await.map_err(late)? })?;
    let candidates = entries.into_iter().filter_map(|(path, kind)| {
        let name = if encoded { encode_path(&path) } else { path.to_str()?.to_owned() };
        let slash = if kind == Kind::Directory { "/" } else { "" };
        (hidden || !name.starts_with('.')).then(|| Candidate::new(format!("{show}{name}{slash}"), ""))
    });
    Ok(candidates.filter(|candidate| candidate.word.starts_with(typed)).take(MOST).collect())
}

/// Names and kinds in a directory. What comes too late is left out.
async fn entries(place: Place) -> Result<Vec<(Path, Kind)>> {
    let call = Call::new().within(PATIENCE);
    let mut listing = place.backend().list(&call, &place.resolved(), &ListOptions::default()).await?;
    let mut found = Vec::new();
    while let Some(Ok(page)) = listing.next().await {
        let names = page
            .entries
            .into_iter()
            .filter_map(|entry| Some((Path::root().child(entry.path.name()?).ok()?, entry.metadata.kind)));
        found.extend(names);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_what_stands_before_the_last_name() {
        for (typed, directory) in [
            ("a", ""),
            ("a/b", "a/"),
            ("wlcg:x", "wlcg:"),
            ("wlcg:x/y", "wlcg:x/"),
            ("dav://h/p/q", "dav://h/p/"),
            ("", ""),
        ] {
            assert_eq!(directory_of(typed), directory, "{typed}");
        }
    }

    #[test]
    fn what_cannot_be_listed_offers_nothing() {
        for typed in
            ["/no/such/place/", "nosuch:x", "dav://", "dav:/", "dav://127.0.0.1:9/x", "s3://b/x", "http://h", "\u{0}/"]
        {
            assert_eq!(anywhere(typed), [], "{typed}");
        }
    }
}
