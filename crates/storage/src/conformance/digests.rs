//! `digest`: the checksums of the storage.

use bytes::Bytes;

use super::Subject;
use super::check::{Checked, Failure, fails, same};
use super::source::random;
use crate::{Algorithm, Digest, ErrorKind, Hasher, Result};

cases!("digests",
    writes => [what_stat_tells_is_right, an_algorithm_that_nobody_has_is_none],
    digests => [
        each_algorithm_is_right,
        without_a_wish_there_is_one,
        an_empty_file_has_one,
        nothing_there_is_not_found,
        a_directory_has_none,
        a_new_version_has_a_new_one,
    ],
    two_digests => [the_first_wish_that_can_be_had],
    no_digests => [nobody_has_any],
);

fn right(content: &[u8], algorithm: Algorithm) -> Option<Digest> {
    let mut hasher = Hasher::new([algorithm]);
    hasher.update(content);
    hasher.finish().pop()
}

async fn digest(s: &Subject, name: &str, wanted: &[Algorithm]) -> Result<Option<Digest>> {
    s.backend.digest(&s.call(), &s.path(name), wanted).await
}

/// The algorithms that the storage does not have.
fn others(s: &Subject) -> Vec<Algorithm> {
    Algorithm::ALL.into_iter().filter(|algorithm| !s.capabilities.digests.contains(algorithm)).collect()
}

async fn each_algorithm_is_right(s: &Subject) -> Checked {
    let content = random(40, 123_457);
    s.put("file", content.clone()).await?;
    for &algorithm in &s.capabilities.digests {
        same(algorithm.name(), digest(s, "file", &[algorithm]).await?, right(&content, algorithm))?;
    }
    Ok(())
}

async fn without_a_wish_there_is_one(s: &Subject) -> Checked {
    s.put("file", "content").await?;
    let Some(found) = digest(s, "file", &[]).await? else { return Err(Failure::here("it has none")) };
    check!(s.capabilities.digests.contains(&found.algorithm()), "not one of those that it declares: {found}");
    same("the checksum", Some(&found), right(b"content", found.algorithm()).as_ref())
}

async fn the_first_wish_that_can_be_had(s: &Subject) -> Checked {
    s.put("file", "content").await?;
    let ours = &s.capabilities.digests;
    let backwards: Vec<Algorithm> = ours.iter().rev().copied().collect();
    for wanted in [ours, &backwards, &[others(s), backwards.clone()].concat()] {
        let first = wanted.iter().copied().find(|algorithm| ours.contains(algorithm));
        let found = digest(s, "file", wanted).await?;
        same(format!("of {wanted:?}"), found, first.and_then(|algorithm| right(b"content", algorithm)))?;
    }
    Ok(())
}

/// What is declared is what is known: a server may have more, which only asking shows.
async fn an_algorithm_that_nobody_has_is_none(s: &Subject) -> Checked {
    s.put("file", "content").await?;
    let others = others(s);
    if others.is_empty() {
        return Err(Failure::Skipped("it has every algorithm".into()));
    }
    for algorithm in others {
        if let Some(found) = digest(s, "file", &[algorithm]).await? {
            same(algorithm.name(), Some(found), right(b"content", algorithm))?;
        }
    }
    Ok(())
}

async fn an_empty_file_has_one(s: &Subject) -> Checked {
    s.put("file", Bytes::new()).await?;
    for &algorithm in &s.capabilities.digests {
        same(algorithm.name(), digest(s, "file", &[algorithm]).await?, right(b"", algorithm))?;
    }
    Ok(())
}

async fn nothing_there_is_not_found(s: &Subject) -> Checked {
    for name in ["missing", "missing/below"] {
        fails(name, digest(s, name, &[]).await, &[ErrorKind::NotFound])?;
    }
    Ok(())
}

async fn a_directory_has_none(s: &Subject) -> Checked {
    s.mkdir("directory").await?;
    fails("digest", digest(s, "directory", &[]).await, &[ErrorKind::IsADirectory]).map(drop)
}

async fn a_new_version_has_a_new_one(s: &Subject) -> Checked {
    let algorithm = s.capabilities.digests[0];
    for content in ["first", "other", "a longer one"] {
        s.put("file", content).await?;
        let found = digest(s, "file", &[algorithm]).await?;
        same(content, found, right(content.as_bytes(), algorithm))?;
    }
    Ok(())
}

async fn what_stat_tells_is_right(s: &Subject) -> Checked {
    s.put("file", "content").await?;
    let metadata = s.must_stat("file").await?;
    let told = metadata.digests.iter().chain(metadata.validator.as_ref().and_then(|validator| validator.digest()));
    for digest in told {
        same("a checksum of stat", Some(digest), right(b"content", digest.algorithm()).as_ref())?;
    }
    Ok(())
}

async fn nobody_has_any(s: &Subject) -> Checked {
    s.put("file", "content").await?;
    for wanted in [&[][..], &Algorithm::ALL] {
        same(format!("of {wanted:?}"), digest(s, "file", wanted).await?, None)?;
    }
    Ok(())
}
