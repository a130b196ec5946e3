//! Several parts of a file in as few requests as the server can.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderValue, Method, StatusCode, header};
use law_storage::{ByteRange, Call, Error, ErrorKind, Operation, Path, ReadOptions, Result, Strength, Validator};

use super::Endpoint;
use crate::http::part::{content_range, range_header};
use crate::http::{Answer, Request};

/// A gap that costs less to read than another part of a request.
const GAP: u64 = 64 * 1024;

/// More than this is fetched by a request of its own, so that memory stays bounded by what was asked for.
const LARGE: u64 = 4 * 1024 * 1024;

/// The longest `Range` header that every server takes.
const LONGEST_HEADER: usize = 7_000;

/// Single requests at once, where a server cannot answer several parts.
const AT_ONCE: usize = 8;

impl Endpoint {
    pub(super) async fn read_ranges(
        self: &Arc<Self>,
        call: &Call,
        path: &Path,
        ranges: &[ByteRange],
        validator: Option<&Validator>,
    ) -> Result<Vec<Bytes>> {
        let (size, pinned) = self.version(call, path, validator).await?;
        let wanted: Vec<ByteRange> = ranges.iter().map(|range| range.clamp(size)).collect();
        let blocks = merge(&wanted);
        let requests = group(&blocks, self.most_parts());
        let looked_apart = requests.len() > 1 || validator.is_none();
        let mut fetched = Vec::new();
        for group in requests {
            fetched.extend(self.fetch(call, path, &group, &pinned).await?);
        }
        if looked_apart && pinned.strength() == Strength::Weak {
            // More than one request under a validator that cannot be sent along: look whether it still holds.
            let now = self.look_for_file(call, path, Operation::Read).await?.metadata.identity();
            self.same_version(path, Some(&pinned), &now)?;
        }
        wanted.iter().map(|range| slice(&fetched, *range)).collect()
    }

    fn most_parts(&self) -> usize {
        if self.learnt().no_ranges { 1 } else { self.quirks().ranges.max(1) }
    }

    async fn fetch(
        self: &Arc<Self>,
        call: &Call,
        path: &Path,
        group: &[ByteRange],
        pinned: &Validator,
    ) -> Result<Vec<Block>> {
        if group.len() > 1
            && let Some(blocks) = self.fetch_together(call, path, group, pinned).await?
        {
            return Ok(blocks);
        }
        let single = |range: ByteRange| async move {
            let options = ReadOptions::part(range).pinned(pinned.clone());
            let bytes = self.read(call, path, &options).await?.collect(range.length).await?;
            Ok(Block { range, bytes })
        };
        stream::iter(group.iter().copied().map(single)).buffered(AT_ONCE).try_collect().await
    }

    /// All parts by one request; none if the server answers in another way, which is remembered.
    async fn fetch_together(
        &self,
        call: &Call,
        path: &Path,
        group: &[ByteRange],
        pinned: &Validator,
    ) -> Result<Option<Vec<Block>>> {
        let mut request = Request::new(Method::GET, self.address(path)).header(header::RANGE, range_header(group)?);
        if let Some(tag) = pinned.entity_tag().and_then(|tag| HeaderValue::from_str(tag).ok()) {
            request = request.header(header::IF_MATCH, tag);
        }
        let answer = self.send(call, request, Operation::Read).await?;
        if answer.status == StatusCode::PRECONDITION_FAILED {
            return Err(self.error(ErrorKind::Changed, path, Operation::Read));
        }
        let boundary = answer.text(header::CONTENT_TYPE).and_then(|text| boundary(&text));
        let (StatusCode::PARTIAL_CONTENT, Some(boundary)) = (answer.status, boundary) else {
            // Trouble says nothing about what the server can.
            self.learnt().no_ranges |= matches!(answer.status, StatusCode::OK | StatusCode::PARTIAL_CONTENT);
            return Ok(None);
        };
        let parts = self.parts(call, path, group, answer, &boundary).await?;
        let complete = group.iter().all(|range| slice(&parts, *range).is_ok());
        if !complete {
            self.learnt().no_ranges = true;
        }
        Ok(complete.then_some(parts))
    }

    async fn parts(
        &self,
        call: &Call,
        path: &Path,
        group: &[ByteRange],
        answer: Answer,
        boundary: &str,
    ) -> Result<Vec<Block>> {
        let content: u64 = group.iter().map(|range| range.length).sum();
        let limit = content as usize + group.len() * 1024 + 4096;
        let body = call.bound(answer.body.collect(limit)).await?;
        parse(&body, boundary).map_err(|e| e.at(self.url(path)).during(Operation::Read))
    }
}

/// A part of a file that is here.
#[derive(Debug, Clone, PartialEq)]
struct Block {
    range: ByteRange,
    bytes: Bytes,
}

/// The fewest blocks that have all ranges, without large gaps; in the order of the file.
fn merge(ranges: &[ByteRange]) -> Vec<ByteRange> {
    let mut sorted: Vec<ByteRange> = ranges.iter().copied().filter(|range| !range.is_empty()).collect();
    sorted.sort_by_key(|range| range.offset);
    let mut merged: Vec<ByteRange> = Vec::new();
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.offset <= last.end().saturating_add(GAP) => {
                last.length = last.end().max(range.end()) - last.offset;
            }
            _ => merged.push(range),
        }
    }
    merged
}

/// Blocks by request: large ones alone, small ones together, as many as the server takes.
fn group(blocks: &[ByteRange], most: usize) -> Vec<Vec<ByteRange>> {
    let mut groups: Vec<Vec<ByteRange>> = Vec::new();
    let (mut bytes, mut header) = (0, 0);
    for &block in blocks {
        let text = format!("{}-{},", block.offset, block.end()).len();
        let room = bytes + block.length <= LARGE && header + text <= LONGEST_HEADER;
        match groups.last_mut() {
            Some(last) if room && last.len() < most => last.push(block),
            _ => {
                groups.push(vec![block]);
                (bytes, header) = (0, 0);
            }
        }
        bytes += block.length;
        header += text;
    }
    groups
}

fn slice(blocks: &[Block], range: ByteRange) -> Result<Bytes> {
    if range.is_empty() {
        return Ok(Bytes::new());
    }
    let has = |block: &&Block| block.range.offset <= range.offset && range.end() <= block.range.end();
    let block = blocks.iter().find(has);
    let block = block.ok_or_else(|| Error::new(ErrorKind::Integrity, "a part of the file was not sent"))?;
    let from = (range.offset - block.range.offset) as usize;
    Ok(block.bytes.slice(from..from + range.length as usize))
}

/// The boundary of `multipart/byteranges; boundary=...` (RFC 9110 section 14.6).
fn boundary(content_type: &str) -> Option<String> {
    let mut parts = content_type.split(';').map(str::trim);
    parts.next().filter(|kind| kind.eq_ignore_ascii_case("multipart/byteranges"))?;
    let named =
        parts.find_map(|part| part.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("boundary")))?;
    let value = named.1.trim_matches('"');
    (!value.is_empty()).then(|| value.to_owned())
}

/// The parts of a multipart body. A part says by its `Content-Range` how long it is, so that content which looks like
/// a boundary does no harm.
fn parse(body: &Bytes, boundary: &str) -> Result<Vec<Block>> {
    let delimiter = BytesMut::from(format!("--{boundary}").as_bytes()).freeze();
    let mut blocks = Vec::new();
    let mut at = find(body, &delimiter, 0).ok_or_else(|| broken("no boundary"))?;
    loop {
        at += delimiter.len();
        if body[at..].starts_with(b"--") {
            return Ok(blocks);
        }
        let end = find(body, b"\r\n\r\n", at).ok_or_else(|| broken("a part without an end of its headers"))?;
        let range = part_range(&body[at..end]).ok_or_else(|| broken("a part that does not say which it is"))?;
        let start = end + 4;
        let stop = usize::try_from(range.length).ok().and_then(|length| start.checked_add(length));
        let stop = stop.filter(|stop| *stop <= body.len()).ok_or_else(|| broken("a part that is cut off"))?;
        blocks.push(Block { range, bytes: body.slice(start..stop) });
        at = find(body, &delimiter, stop).ok_or_else(|| broken("a missing boundary"))?;
    }
}

fn part_range(headers: &[u8]) -> Option<ByteRange> {
    let text = std::str::from_utf8(headers).ok()?;
    let named = text.lines().filter_map(|line| line.split_once(':'));
    let value = named.filter(|(name, _)| name.trim().eq_ignore_ascii_case("content-range")).map(|(_, v)| v).next()?;
    content_range(value).map(|told| told.range)
}

fn find(body: &[u8], pattern: &[u8], from: usize) -> Option<usize> {
    body.get(from..)?.windows(pattern.len()).position(|window| window == pattern).map(|at| from + at)
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::Malformed, format!("several parts of a file, with {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn near_ranges_become_one() {
        let far = GAP * 3;
        let merged =
            merge(&[ByteRange::new(far, 5), ByteRange::new(0, 10), ByteRange::new(5, 2), ByteRange::new(12, 0)]);
        assert_eq!(merged, [ByteRange::new(0, 10), ByteRange::new(far, 5)]);
    }

    #[test]
    fn requests_stay_small() {
        let blocks: Vec<ByteRange> = (0..1000).map(|i| ByteRange::new(i * 1_000_000_000, 10)).collect();
        let groups = group(&blocks, 256);
        assert!(groups.iter().all(|g| g.len() <= 256 && range_header(g).unwrap().len() < 8000));
        assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), 1000);
        assert_eq!(group(&[ByteRange::new(0, LARGE), ByteRange::new(LARGE * 2, 1)], 256).len(), 2);
    }

    const BODY: &str = "\r\n--123456\r\nContent-type: text/plain\r\nContent-range: bytes 0-3/20\r\n\r\n--12\r\n--123456\r\n\
        Content-range: bytes 10-11/20\r\n\r\nab\r\n--123456--\r\n";

    #[test]
    fn parts_are_found_even_if_they_look_like_boundaries() {
        let blocks = parse(&Bytes::from(BODY), "123456").unwrap();
        assert_eq!(blocks[0], Block { range: ByteRange::new(0, 4), bytes: Bytes::from("--12") });
        assert_eq!(slice(&blocks, ByteRange::new(11, 1)).unwrap(), "b");
        assert!(slice(&blocks, ByteRange::new(11, 2)).is_err());
        assert_eq!(boundary("multipart/byteranges; boundary=\"123456\"").as_deref(), Some("123456"));
        assert_eq!(boundary("text/plain; boundary=x"), None);
    }

    #[test]
    fn an_answer_that_breaks_off_is_an_error() {
        for end in 0..BODY.len() - 4 {
            assert!(parse(&Bytes::from(&BODY[..end]), "123456").is_err(), "cut at {end}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(cut in 0..BODY.len(), junk in proptest::collection::vec(any::<u8>(), 0..16)) {
            let mut body = BODY.as_bytes().to_vec();
            body.splice(cut..cut, junk);
            let _ = parse(&Bytes::from(body), "123456");
        }
    }
}
