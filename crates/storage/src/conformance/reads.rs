//! Reads: whole files, parts, and versions.

use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::Subject;
use super::check::{Checked, Content, Failure, fails, same, same_bytes};
use super::source::random;
use crate::{ByteRange, Comparison, ErrorKind, Hasher, ReadOptions, Result, Strength, Validator};

cases!("reads",
    writes => [
        a_whole_file,
        an_empty_file,
        a_large_file,
        nothing_there_is_not_found,
        below_a_file_there_is_nothing,
        a_directory_is_not_a_file,
        an_answer_says_what_it_is,
        a_pinned_version_is_read,
        a_replaced_file_of_another_size_has_changed,
        a_replaced_file_of_the_same_size_has_changed,
        a_reading_keeps_its_version,
    ],
    ranges => [
        parts_of_a_file,
        parts_are_clamped,
        parts_behind_the_end_are_empty,
        parts_of_an_empty_file_are_empty,
        ranges_come_in_the_order_asked,
        ranges_may_overlap_and_repeat,
        ranges_are_clamped,
        three_hundred_ranges,
        no_ranges_are_no_parts,
        ranges_of_what_is_no_file,
        a_buffer_is_filled,
        a_buffer_at_the_end_is_filled_in_part,
        a_buffer_for_what_is_no_file,
        a_pinned_version_is_read_in_parts,
        parts_of_a_replaced_file_have_changed,
        many_readers_at_once,
    ],
);

const DIGITS: &[u8] = b"0123456789";

/// A file whose content is its own index.
async fn digits(s: &Subject) -> Checked {
    s.put("file", DIGITS).await.map(drop)
}

async fn a_whole_file(s: &Subject) -> Checked {
    digits(s).await?;
    s.has("file", DIGITS).await?;
    same_bytes("the same file again", &s.read("file").await?, DIGITS)
}

async fn an_empty_file(s: &Subject) -> Checked {
    s.put("empty", "").await?;
    let reading = s.backend.read(&s.call(), &s.path("empty"), &ReadOptions::whole()).await?;
    same("the size", reading.size, 0)?;
    same("the range", reading.range, ByteRange::new(0, 0))?;
    same_bytes("the content", &reading.collect(10).await?, b"")
}

async fn a_large_file(s: &Subject) -> Checked {
    let content = random(1, 5 << 20);
    s.put("large", content.clone()).await?;
    s.has("large", &content).await?;
    if s.capabilities.ranges.possible() {
        let part = s.read_part("large", (3 << 20) - 5, 1 << 20).await?;
        same_bytes("a part of it", &part, &content[(3 << 20) - 5..(4 << 20) - 5])?;
    }
    Ok(())
}

async fn nothing_there_is_not_found(s: &Subject) -> Checked {
    for name in ["missing", "missing/below"] {
        fails(name, s.read(name).await, &[ErrorKind::NotFound])?;
        fails(name, s.read_part(name, 1, 0).await, &[ErrorKind::NotFound, ErrorKind::Unsupported])?;
    }
    Ok(())
}

async fn below_a_file_there_is_nothing(s: &Subject) -> Checked {
    digits(s).await?;
    fails("read", s.read("file/below").await, &[ErrorKind::NotFound, ErrorKind::NotADirectory]).map(drop)
}

async fn a_directory_is_not_a_file(s: &Subject) -> Checked {
    s.mkdir("directory").await?;
    s.put("directory/file", "x").await?;
    for name in ["directory", ""] {
        fails(format!("reading `{name}`"), s.read(name).await, &[ErrorKind::IsADirectory])?;
    }
    Ok(())
}

async fn an_answer_says_what_it_is(s: &Subject) -> Checked {
    digits(s).await?;
    let stat = s.must_stat("file").await?.identity();
    let reading = s.backend.read(&s.call(), &s.path("file"), &ReadOptions::whole()).await?;
    same("the size", reading.size, 10)?;
    same("the range", reading.range, ByteRange::new(0, 10))?;
    same("the version read and that of stat", reading.validator.compare(&stat), Comparison::Same)?;
    for digest in &reading.digests {
        let mut hasher = Hasher::new([digest.algorithm()]);
        hasher.update(DIGITS);
        check!(hasher.finish().contains(digest), "a wrong checksum came with the answer: {digest}");
    }
    Ok(())
}

async fn parts_of_a_file(s: &Subject) -> Checked {
    digits(s).await?;
    for (offset, length) in [(0, 10), (0, 1), (0, 4), (3, 4), (9, 1), (5, 5), (4, 0)] {
        let part = s.read_part("file", offset, length).await?;
        let (start, end) = (offset as usize, (offset + length) as usize);
        same_bytes(format!("{length} bytes from {offset} on"), &part, &DIGITS[start..end])?;
    }
    let options = ReadOptions::part(ByteRange::new(3, 4));
    let reading = s.backend.read(&s.call(), &s.path("file"), &options).await?;
    same("the size of the whole file", reading.size, 10)?;
    same("the range", reading.range, ByteRange::new(3, 4))
}

async fn parts_are_clamped(s: &Subject) -> Checked {
    digits(s).await?;
    for (offset, length, wanted) in
        [(8, 5, "89"), (0, 11, "0123456789"), (9, u64::MAX, "9"), (1, u64::MAX, "123456789")]
    {
        let part = s.read_part("file", offset, length).await?;
        same_bytes(format!("{length} bytes from {offset} on"), &part, wanted.as_bytes())?;
    }
    let options = ReadOptions::part(ByteRange::new(8, 5));
    let reading = s.backend.read(&s.call(), &s.path("file"), &options).await?;
    same("the clamped range", reading.range, ByteRange::new(8, 2))
}

async fn parts_behind_the_end_are_empty(s: &Subject) -> Checked {
    digits(s).await?;
    for (offset, length) in [(10, 1), (11, 5), (1 << 40, 1), (u64::MAX, u64::MAX), (10, 0)] {
        let part = s.read_part("file", offset, length).await?;
        same_bytes(format!("{length} bytes from {offset} on"), &part, b"")?;
    }
    Ok(())
}

async fn parts_of_an_empty_file_are_empty(s: &Subject) -> Checked {
    s.put("empty", "").await?;
    same_bytes("a part", &s.read_part("empty", 0, 5).await?, b"")?;
    let ranges = [ByteRange::new(0, 5), ByteRange::new(7, 1)];
    same("ranges", several(s, "empty", &ranges, None).await?, vec![Vec::new(); 2])?;
    same("bytes in a buffer", into(s, "empty", 0, 4, None).await?, Vec::new())
}

async fn several(s: &Subject, name: &str, ranges: &[ByteRange], pin: Option<&Validator>) -> Result<Vec<Vec<u8>>> {
    let parts = s.backend.read_ranges(&s.call(), &s.path(name), ranges, pin).await?;
    Ok(parts.iter().map(|part| part.to_vec()).collect())
}

/// What `read_into` puts into a buffer; what it leaves alone must stay as it was.
async fn into(s: &Subject, name: &str, offset: u64, length: usize, pin: Option<&Validator>) -> Result<Vec<u8>> {
    let mut buffer = vec![b'?'; length];
    let count = s.backend.read_into(&s.call(), &s.path(name), offset, &mut buffer, pin).await?;
    assert!(buffer[count..].iter().all(|&b| b == b'?'), "bytes behind the {count} that were read: {buffer:?}");
    buffer.truncate(count);
    Ok(buffer)
}

async fn parts_are(s: &Subject, ranges: &[(u64, u64)], wanted: &[&str]) -> Checked {
    digits(s).await?;
    let ranges: Vec<ByteRange> = ranges.iter().map(|&(offset, length)| ByteRange::new(offset, length)).collect();
    let parts = several(s, "file", &ranges, None).await?;
    let parts: Vec<String> = parts.iter().map(|part| part.escape_ascii().to_string()).collect();
    same("the parts", parts.iter().map(String::as_str).collect(), wanted.to_vec())
}

async fn ranges_come_in_the_order_asked(s: &Subject) -> Checked {
    parts_are(s, &[(7, 2), (0, 2), (9, 1), (3, 3)], &["78", "01", "9", "345"]).await
}

async fn ranges_may_overlap_and_repeat(s: &Subject) -> Checked {
    parts_are(s, &[(2, 4), (0, 10), (3, 1), (2, 4), (5, 3)], &["2345", "0123456789", "3", "2345", "567"]).await
}

async fn ranges_are_clamped(s: &Subject) -> Checked {
    parts_are(s, &[(8, 9), (20, 3), (4, 0), (0, u64::MAX)], &["89", "", "", "0123456789"]).await?;
    parts_are(s, &[(10, 1)], &[""]).await
}

async fn three_hundred_ranges(s: &Subject) -> Checked {
    let content = random(2, 100_000);
    s.put("file", content.clone()).await?;
    let ranges: Vec<ByteRange> = (0..300u64).map(|i| ByteRange::new(i * 7919 % 99_000, 1 + i % 50)).collect();
    let parts = several(s, "file", &ranges, None).await?;
    same("how many parts", parts.len(), 300)?;
    for (range, part) in ranges.iter().zip(parts) {
        let wanted = &content[range.offset as usize..range.end() as usize];
        same_bytes(format!("{range:?}"), &part, wanted)?;
    }
    Ok(())
}

async fn no_ranges_are_no_parts(s: &Subject) -> Checked {
    parts_are(s, &[], &[]).await
}

async fn ranges_of_what_is_no_file(s: &Subject) -> Checked {
    s.mkdir("directory").await?;
    let ranges = [ByteRange::new(0, 1), ByteRange::new(5, 1)];
    fails("missing", several(s, "missing", &ranges, None).await, &[ErrorKind::NotFound])?;
    fails("a directory", several(s, "directory", &ranges, None).await, &[ErrorKind::IsADirectory]).map(drop)
}

async fn a_buffer_is_filled(s: &Subject) -> Checked {
    digits(s).await?;
    same("from the start", into(s, "file", 0, 4, None).await?, b"0123".to_vec())?;
    same("from the middle", into(s, "file", 5, 5, None).await?, b"56789".to_vec())?;
    same("nothing", into(s, "file", 5, 0, None).await?, Vec::new())
}

async fn a_buffer_at_the_end_is_filled_in_part(s: &Subject) -> Checked {
    digits(s).await?;
    same("across the end", into(s, "file", 7, 8, None).await?, b"789".to_vec())?;
    same("at the end", into(s, "file", 10, 8, None).await?, Vec::new())?;
    same("far behind the end", into(s, "file", 1 << 40, 8, None).await?, Vec::new())
}

async fn a_buffer_for_what_is_no_file(s: &Subject) -> Checked {
    s.mkdir("directory").await?;
    fails("missing", into(s, "missing", 0, 4, None).await, &[ErrorKind::NotFound])?;
    fails("a directory", into(s, "directory", 0, 4, None).await, &[ErrorKind::IsADirectory]).map(drop)
}

async fn a_pinned_version_is_read(s: &Subject) -> Checked {
    digits(s).await?;
    let pin = s.must_stat("file").await?.identity();
    let content = s.read_with("file", &ReadOptions::whole().pinned(pin)).await?;
    same_bytes("the version of stat", &content, DIGITS)?;
    let reading = s.backend.read(&s.call(), &s.path("file"), &ReadOptions::whole()).await?;
    let content = s.read_with("file", &ReadOptions::whole().pinned(reading.validator)).await?;
    same_bytes("the version of another read", &content, DIGITS)
}

async fn a_pinned_version_is_read_in_parts(s: &Subject) -> Checked {
    digits(s).await?;
    let pin = s.must_stat("file").await?.identity();
    let options = ReadOptions::part(ByteRange::new(2, 3)).pinned(pin.clone());
    same_bytes("a part", &s.read_with("file", &options).await?, b"234")?;
    let ranges = [ByteRange::new(1, 2), ByteRange::new(7, 9)];
    let wanted = vec![b"12".to_vec(), b"789".to_vec()];
    same("ranges", several(s, "file", &ranges, Some(&pin)).await?, wanted)?;
    same("a buffer", into(s, "file", 8, 4, Some(&pin)).await?, b"89".to_vec())
}

/// The identity of a version that is there no more.
async fn replaced(s: &Subject, old: &str, new: &str) -> Checked<Validator> {
    s.put("file", old.to_owned()).await?;
    let pin = s.must_stat("file").await?.identity();
    s.put("file", new.to_owned()).await?;
    Ok(pin)
}

async fn a_replaced_file_of_another_size_has_changed(s: &Subject) -> Checked {
    for (old, new) in [("old content", "new"), ("old", "new content")] {
        let options = ReadOptions::whole().pinned(replaced(s, old, new).await?);
        fails("the old version", s.read_with("file", &options).await, &[ErrorKind::Changed])?;
        s.has("file", new.as_bytes()).await?;
    }
    Ok(())
}

async fn a_replaced_file_of_the_same_size_has_changed(s: &Subject) -> Checked {
    let pin = replaced(s, "old content", "new content").await?;
    if pin.strength() == Strength::Weak {
        return Err(Failure::Skipped("validators are weak".into()));
    }
    let options = ReadOptions::whole().pinned(pin);
    fails("the old version", s.read_with("file", &options).await, &[ErrorKind::Changed]).map(drop)
}

async fn parts_of_a_replaced_file_have_changed(s: &Subject) -> Checked {
    let pin = replaced(s, "old content", "new").await?;
    let options = ReadOptions::part(ByteRange::new(0, 2)).pinned(pin.clone());
    let ranges = [ByteRange::new(0, 1), ByteRange::new(2, 1)];
    fails("a part", s.read_with("file", &options).await, &[ErrorKind::Changed])?;
    fails("ranges", several(s, "file", &ranges, Some(&pin)).await, &[ErrorKind::Changed])?;
    fails("a buffer", into(s, "file", 0, 2, Some(&pin)).await, &[ErrorKind::Changed]).map(drop)
}

async fn a_reading_keeps_its_version(s: &Subject) -> Checked {
    let (old, new) = (random(3, 2 << 20), random(4, (2 << 20) - 1000));
    s.put("file", old.clone()).await?;
    let mut stream = s.backend.read(&s.call(), &s.path("file"), &ReadOptions::whole()).await?.stream;
    let first = stream.next().await.transpose()?.unwrap_or_default();
    s.put("file", new.clone()).await?;
    let rest = stream.try_fold(first.to_vec(), |mut all, chunk| async move {
        all.extend_from_slice(&chunk);
        Ok(all)
    });
    match rest.await {
        Ok(content) => same_bytes("what was begun before an overwrite", &content, &old)?,
        Err(error) => s.note(format!("a read across an overwrite ends in {:?}", error.kind())),
    }
    s.has("file", &new).await
}

async fn many_readers_at_once(s: &Subject) -> Checked {
    let content = random(5, 300_000);
    s.put("file", content.clone()).await?;
    let readers = (0..16usize).map(|i| {
        let (s, content) = (s.clone(), content.clone());
        tokio::spawn(async move {
            let start = i * 17_011;
            let part = s.read_part("file", start as u64, 20_000).await?;
            let wanted = &content[start..start + 20_000];
            let whole = s.read("file").await?;
            check!(part == wanted && whole == content, "reader {i} got {} and {}", Content(&part), Content(&whole));
            Ok(())
        })
    });
    let outcomes = try_join_all(readers).await.map_err(|broken| Failure::here(broken))?;
    outcomes.into_iter().collect()
}
