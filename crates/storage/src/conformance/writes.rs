//! `put`: what is written, over what, and what the receipt says.

use std::io::Write as _;

use bytes::Bytes;
use tokio::sync::watch;

use super::Subject;
use super::check::{Checked, Failure, fails, same};
use super::source::{TestSource, random};
use crate::{
    Algorithm, BytesSource, Comparison, Computed, Digest, ErrorKind, Existing, GrowingSource, Growth, Hasher, Kind,
    LocalFile, Parents, Path, Proof, PutOptions, Receipt, Result, Support, Verify,
};

cases!("writes",
    writes => [
        a_new_file,
        an_empty_file,
        a_large_file,
        a_file_is_replaced,
        refuse_keeps_what_is_there,
        refuse_writes_what_is_not_there,
        replace_only_the_version_that_is_there,
        replace_only_refuses_another_version,
        replace_only_refuses_what_is_gone,
        a_missing_parent_is_not_found,
        missing_parents_are_made,
        parents_that_exist_are_fine,
        a_parent_that_is_a_file,
        onto_a_directory,
        onto_the_root,
        a_source_of_unknown_size,
        an_empty_source_of_unknown_size,
        a_source_that_still_grows,
        a_source_may_be_opened_anew,
        a_source_proves_itself_once,
        a_receipt_tells_the_size,
        a_receipt_tells_what_was_replaced,
        a_receipt_tells_the_version,
        size_alone_may_be_proof,
        no_proof_may_be_wanted,
        many_writers_of_many_files,
    ],
    digests => [a_receipt_has_the_checksum_of_the_storage, the_checksum_may_be_chosen, a_required_checksum_is_given],
    no_digests => [a_required_checksum_that_nobody_has_publishes_nothing],
    modes => [a_mode_is_kept],
    links => [a_link_stays_and_its_target_is_replaced],
    keeps_modified => [a_time_of_modification_is_kept],
);

fn with(existing: Existing) -> PutOptions {
    PutOptions { existing, ..PutOptions::default() }
}

fn verifying(verify: Verify) -> PutOptions {
    PutOptions { verify, ..PutOptions::default() }
}

fn digests(content: &[u8], algorithms: &[Algorithm]) -> Vec<Digest> {
    let mut hasher = Hasher::new(algorithms.iter().copied());
    hasher.update(content);
    hasher.finish()
}

async fn a_new_file(s: &Subject) -> Checked {
    s.put("file", "content").await?;
    s.has("file", b"content").await?;
    s.holds_only("", &["file"]).await
}

async fn an_empty_file(s: &Subject) -> Checked {
    let receipt = s.put("file", "").await?;
    same("the size", receipt.size, 0)?;
    s.has("file", b"").await?;
    s.put("file", "not empty").await?;
    s.put("file", "").await?;
    s.has("file", b"").await
}

async fn a_large_file(s: &Subject) -> Checked {
    let content = random(6, 5 << 20);
    s.put_from("file", &TestSource::new(content.clone()), &PutOptions::default()).await?;
    s.has("file", &content).await?;
    s.holds_only("", &["file"]).await
}

async fn a_file_is_replaced(s: &Subject) -> Checked {
    for content in ["some content", "short", "some longer content", "same length content"] {
        s.put("file", content).await?;
        s.has("file", content.as_bytes()).await?;
    }
    s.holds_only("", &["file"]).await
}

async fn refuse_keeps_what_is_there(s: &Subject) -> Checked {
    s.put("file", "old").await?;
    let refused = s.put_from("file", &BytesSource::new("new"), &with(Existing::Refuse)).await;
    fails("put", refused, &[ErrorKind::AlreadyExists])?;
    s.has("file", b"old").await?;
    s.holds_only("", &["file"]).await
}

async fn refuse_writes_what_is_not_there(s: &Subject) -> Checked {
    s.put_from("file", &BytesSource::new("new"), &with(Existing::Refuse)).await?;
    s.has("file", b"new").await?;
    s.holds_only("", &["file"]).await
}

async fn replace_only_the_version_that_is_there(s: &Subject) -> Checked {
    s.put("file", "old").await?;
    let version = s.must_stat("file").await?.identity();
    s.put_from("file", &BytesSource::new("newer"), &with(Existing::ReplaceOnly(version))).await?;
    s.has("file", b"newer").await
}

async fn replace_only_refuses_another_version(s: &Subject) -> Checked {
    s.put("file", "first").await?;
    let version = s.must_stat("file").await?.identity();
    s.put("file", "second version").await?;
    let refused = s.put_from("file", &BytesSource::new("third"), &with(Existing::ReplaceOnly(version))).await;
    fails("put", refused, &[ErrorKind::Changed])?;
    s.has("file", b"second version").await?;
    s.holds_only("", &["file"]).await
}

async fn replace_only_refuses_what_is_gone(s: &Subject) -> Checked {
    s.put("file", "first").await?;
    let version = s.must_stat("file").await?.identity();
    s.backend.remove_file(&s.call(), &s.path("file")).await?;
    let refused = s.put_from("file", &BytesSource::new("second"), &with(Existing::ReplaceOnly(version))).await;
    fails("put", refused, &[ErrorKind::Changed, ErrorKind::NotFound])?;
    s.lacks("file").await
}

async fn a_missing_parent_is_not_found(s: &Subject) -> Checked {
    for (name, top) in [("a/file", "a"), ("b/deeper/file", "b")] {
        let refused = s.put_from(name, &BytesSource::new("x"), &PutOptions::default()).await;
        fails(name, refused, &[ErrorKind::NotFound])?;
        s.lacks(name).await?;
        s.lacks(top).await?;
    }
    s.holds_only("", &[]).await
}

async fn missing_parents_are_made(s: &Subject) -> Checked {
    let options = PutOptions { parents: Parents::Create, ..PutOptions::default() };
    s.put_from("a/b/c/file", &BytesSource::new("deep"), &options).await?;
    s.has("a/b/c/file", b"deep").await?;
    s.has_directory("a/b").await?;
    s.holds_only("a/b", &["c"]).await
}

async fn parents_that_exist_are_fine(s: &Subject) -> Checked {
    let options = PutOptions { parents: Parents::Create, ..PutOptions::default() };
    s.mkdir("a/b").await?;
    s.put("a/neighbour", "stays").await?;
    s.put_from("a/b/file", &BytesSource::new("x"), &options).await?;
    s.put_from("a/b/file", &BytesSource::new("again"), &options).await?;
    s.has("a/b/file", b"again").await?;
    s.has("a/neighbour", b"stays").await
}

async fn a_parent_that_is_a_file(s: &Subject) -> Checked {
    s.put("file", "stays").await?;
    for parents in [Parents::Require, Parents::Create] {
        let options = PutOptions { parents, ..PutOptions::default() };
        let direct = s.put_from("file/below", &BytesSource::new("x"), &options).await;
        fails(format!("{parents:?}"), direct, &[ErrorKind::NotADirectory])?;
        // Both are true of this one: its parent is missing, and one above is a file.
        let deeper = s.put_from("file/below/deeper", &BytesSource::new("x"), &options).await;
        fails(format!("deeper, {parents:?}"), deeper, &[ErrorKind::NotADirectory, ErrorKind::NotFound])?;
    }
    s.has("file", b"stays").await?;
    s.holds_only("", &["file"]).await
}

async fn onto_a_directory(s: &Subject) -> Checked {
    s.mkdir("empty").await?;
    s.mkdir("full").await?;
    s.put("full/file", "stays").await?;
    for name in ["empty", "full"] {
        let replaced = s.put_from(name, &BytesSource::new("x"), &PutOptions::default()).await;
        fails(name, replaced, &[ErrorKind::IsADirectory])?;
        let refused = s.put_from(name, &BytesSource::new("x"), &with(Existing::Refuse)).await;
        fails(name, refused, &[ErrorKind::IsADirectory, ErrorKind::AlreadyExists])?;
        s.has_directory(name).await?;
    }
    s.has("full/file", b"stays").await?;
    s.holds_only("", &["empty", "full"]).await
}

async fn onto_the_root(s: &Subject) -> Checked {
    let written = s.backend.put(&s.call(), &Path::root(), &BytesSource::new("x"), &PutOptions::default()).await;
    fails("put", written, &[ErrorKind::IsADirectory]).map(drop)
}

async fn a_source_of_unknown_size(s: &Subject) -> Checked {
    let content = random(7, 300_001);
    let receipt =
        s.put_from("file", &TestSource::new(content.clone()).announcing(None), &PutOptions::default()).await?;
    same("the size in the receipt", receipt.size, 300_001)?;
    s.has("file", &content).await?;
    s.holds_only("", &["file"]).await
}

async fn an_empty_source_of_unknown_size(s: &Subject) -> Checked {
    s.put_from("file", &TestSource::new("").announcing(None), &PutOptions::default()).await?;
    s.has("file", b"").await
}

async fn a_source_that_still_grows(s: &Subject) -> Checked {
    let content = random(8, 200_000);
    let mut file = tempfile::NamedTempFile::new()?;
    let (sender, growth) = watch::channel(Growth::Growing(0));
    let source = GrowingSource::new(LocalFile::new(file.reopen()?, file.path().into()), growth);
    let growing = async {
        for end in (50_000..=content.len()).step_by(50_000) {
            file.write_all(&content[end - 50_000..end])?;
            sender.send_replace(Growth::Growing(end as u64));
            tokio::task::yield_now().await;
        }
        sender.send_replace(Growth::Complete(content.len() as u64));
        Ok::<_, Failure>(())
    };
    let options = PutOptions::default();
    let (written, grown) = tokio::join!(s.put_from("file", &source, &options), growing);
    grown?;
    same("the size in the receipt", written?.size, content.len() as u64)?;
    s.has("file", &content).await
}

async fn a_source_may_be_opened_anew(s: &Subject) -> Checked {
    let content = random(9, 100_000);
    let source = TestSource::new(content.clone());
    s.put_from("one", &source, &PutOptions::default()).await?;
    let opened = source.log().opened;
    check!(!opened.is_empty(), "the bytes came from nowhere: the source was never opened");
    check!(opened.iter().all(|&offset| offset <= 100_000), "opened behind its end: {opened:?}");
    s.put_from("two", &source, &PutOptions::default()).await?;
    s.has("one", &content).await?;
    s.has("two", &content).await
}

async fn a_source_proves_itself_once(s: &Subject) -> Checked {
    let content = random(10, 100_000);
    let wanted = [Algorithm::Crc32c, Algorithm::Adler32, Algorithm::Sha256];
    let source = TestSource::new(content.clone()).wanting(&wanted).proving(Ok(Proof::Checksum(Algorithm::Crc32c)));
    let receipt = s.put_from("file", &source, &PutOptions::default()).await?;
    let taken = source.log().taken;
    same("how often the source had to prove itself", taken.len(), 1)?;
    same("the size that it proves", taken[0].size, 100_000)?;
    for digest in digests(&content, &wanted) {
        check!(taken[0].digests.contains(&digest), "{digest} was wanted, and is not in {:?}", taken[0].digests);
    }
    same("the proof in the receipt", receipt.source_proof, Proof::Checksum(Algorithm::Crc32c))
}

async fn a_receipt_tells_the_size(s: &Subject) -> Checked {
    let content = random(11, 12_345);
    let receipt = s.put("file", content.clone()).await?;
    same("the size", receipt.size, 12_345)?;
    check!(receipt.proof >= Proof::Size, "the size at least must be proven, not {:?}", receipt.proof);
    check!(!receipt.door.is_empty(), "the receipt does not say who took the file");
    check!(receipt.publish <= s.capabilities.publish, "worse than declared: {:?}", receipt.publish);
    right_digests(&receipt, &content)
}

fn right_digests(receipt: &Receipt, content: &[u8]) -> Checked {
    for (digest, who) in &receipt.digests {
        let right = digests(content, &[digest.algorithm()]);
        check!(right.contains(digest), "a wrong checksum by {who:?}: {digest}, not {right:?}");
    }
    Ok(())
}

async fn a_receipt_tells_what_was_replaced(s: &Subject) -> Checked {
    let new = s.put("file", "new").await?;
    same("what readers saw of a new file", new.overwrite, None)?;
    let over = s.put("file", "over it").await?;
    check!(over.overwrite.is_some(), "a file was replaced, and the receipt does not say how");
    check!(over.overwrite <= Some(s.capabilities.overwrite), "worse than declared: {:?}", over.overwrite);
    Ok(())
}

async fn a_receipt_tells_the_version(s: &Subject) -> Checked {
    let receipt = s.put("file", "content").await?;
    let Some(version) = receipt.validator else {
        return Err(Failure::Skipped("a write does not tell its version".into()));
    };
    let stat = s.must_stat("file").await?.identity();
    check!(version.compare(&stat) != Comparison::Different, "{version:?} was written, {stat:?} is there");
    Ok(())
}

async fn a_receipt_has_the_checksum_of_the_storage(s: &Subject) -> Checked {
    for content in [random(12, 54_321), Bytes::new()] {
        let receipt = s.put("file", content.clone()).await?;
        right_digests(&receipt, &content)?;
        let Some(digest) = receipt.storage_digest() else {
            // A disk of this machine reads nothing back unless it is asked to.
            let disk = s.capabilities.local_files == Support::Yes;
            check!(disk, "no checksum by the storage in {receipt:?}");
            continue;
        };
        same("the proof", &receipt.proof, &Proof::Checksum(digest.algorithm()))?;
        let here = receipt.digests.contains(&(digest.clone(), Computed::Here));
        check!(here, "it was compared with nothing: {:?}", receipt.digests);
    }
    Ok(())
}

async fn the_checksum_may_be_chosen(s: &Subject) -> Checked {
    let content = random(13, 10_000);
    for &algorithm in &s.capabilities.digests {
        let options = PutOptions { algorithm: Some(algorithm), ..PutOptions::default() };
        let receipt = s.put_from("file", &TestSource::new(content.clone()), &options).await?;
        let chosen = receipt.storage_digest().map(Digest::algorithm);
        same("the checksum by the storage", chosen, Some(algorithm))?;
        same("the proof", receipt.proof.clone(), Proof::Checksum(algorithm))?;
        right_digests(&receipt, &content)?;
    }
    Ok(())
}

async fn a_required_checksum_is_given(s: &Subject) -> Checked {
    let receipt = s.put_from("file", &TestSource::new("content"), &verifying(Verify::Require)).await?;
    check!(matches!(receipt.proof, Proof::Checksum(_)), "required was a checksum, not {:?}", receipt.proof);
    s.has("file", b"content").await
}

async fn a_required_checksum_that_nobody_has_publishes_nothing(s: &Subject) -> Checked {
    let kinds = [ErrorKind::Unsupported, ErrorKind::Integrity];
    s.mkdir("new").await?;
    let written = s.put_from("new/file", &TestSource::new("content"), &verifying(Verify::Require)).await;
    fails("put", written, &kinds)?;
    s.lacks("new/file").await?;
    s.holds_only("new", &[]).await?;
    s.mkdir("old").await?;
    s.put("old/file", "old").await?;
    let written = s.put_from("old/file", &TestSource::new("content"), &verifying(Verify::Require)).await;
    fails("put", written, &kinds)?;
    s.keeps("old", "file", b"old").await
}

async fn size_alone_may_be_proof(s: &Subject) -> Checked {
    let receipt = s.put_from("file", &TestSource::new("content"), &verifying(Verify::Size)).await?;
    check!(receipt.proof >= Proof::Size, "the size must be proven, not {:?}", receipt.proof);
    s.has("file", b"content").await
}

async fn no_proof_may_be_wanted(s: &Subject) -> Checked {
    let source = TestSource::new("content");
    s.put_from("file", &source, &verifying(Verify::None)).await?;
    same("how often the source had to prove itself all the same", source.log().taken.len(), 1)?;
    s.has("file", b"content").await
}

async fn a_mode_is_kept(s: &Subject) -> Checked {
    for mode in [0o640, 0o755, 0o600] {
        let options = PutOptions { mode: Some(mode), ..PutOptions::default() };
        s.put_from("file", &BytesSource::new("x"), &options).await?;
        same("the mode", s.must_stat("file").await?.mode.map(|mode| mode & 0o777), Some(mode))?;
    }
    Ok(())
}

async fn a_time_of_modification_is_kept(s: &Subject) -> Checked {
    let options = PutOptions { modified: Some(super::metadata::long_ago()), ..PutOptions::default() };
    s.put_from("file", &BytesSource::new("x"), &options).await?;
    super::metadata::is_from_long_ago(s, "file").await?;
    s.has("file", b"x").await
}

/// What is written is what reads of the same path see, and these follow links.
async fn a_link_stays_and_its_target_is_replaced(s: &Subject) -> Checked {
    s.mkdir("directory").await?;
    s.put("directory/file", "old").await?;
    s.link("link", "directory/file").await?;
    s.put("link", "new content").await?;
    s.has("link", b"new content").await?;
    s.has("directory/file", b"new content").await?;
    let link = s.backend.lstat(&s.call(), &s.path("link")).await?;
    same("the link", link.map(|m| m.kind), Some(Kind::Symlink))?;
    s.holds_only("directory", &["file"]).await?;
    s.holds_only("", &["directory", "link"]).await
}

async fn many_writers_of_many_files(s: &Subject) -> Checked {
    let options = PutOptions::default();
    let contents: Vec<Bytes> = (0..16).map(|i| random(100 + i, 20_000 + i as usize)).collect();
    let write = |(i, content): (usize, &Bytes)| {
        let (source, options) = (TestSource::new(content.clone()), &options);
        async move { s.put_from(&format!("file{i}"), &source, options).await }
    };
    let written: Vec<Result<Receipt>> = futures_util::future::join_all(contents.iter().enumerate().map(write)).await;
    for (i, receipt) in written.into_iter().enumerate() {
        receipt?;
        s.has(&format!("file{i}"), &contents[i]).await?;
    }
    Ok(())
}
