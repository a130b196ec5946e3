//! Parts of a file: closed ranges only, and exactly as long as announced.

use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, StatusCode, header};
use law_storage::{ByteRange, ByteStream, Call, Error, ErrorKind, Operation, Result, Status};

use super::Answer;

/// The bytes of `range` out of an answer to a GET that has them, or has all of the file's `size` bytes.
///
/// # Errors
/// `Changed` if the file has another size; `Integrity` and `Malformed` for an answer with something else.
pub(crate) fn content(answer: Answer, url: &str, range: ByteRange, size: u64) -> Result<ByteStream> {
    let length: Option<u64> = answer.text(header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
    let html = answer.text(header::CONTENT_TYPE).is_some_and(|text| text.contains("text/html"));
    if answer.status == StatusCode::PARTIAL_CONTENT {
        let told = answer.text(header::CONTENT_RANGE).and_then(|text| content_range(&text));
        check_part(url, told, range, size)?;
        check_length(url, length, range.length, html)?;
        return Ok(answer.body.into_stream());
    }
    check_length(url, length, size, html)?;
    Ok(cut(answer.body.into_stream(), range, size))
}

/// The stream under the deadline and the cancellation of the call.
pub(crate) fn bounded(call: &Call, url: String, stream: ByteStream) -> ByteStream {
    let state = (stream, call.clone(), url);
    stream::unfold(state, |(mut stream, call, url)| async move {
        let item = call.bound(async { stream.next().await.transpose() }).await.transpose()?;
        Some((item.map_err(|e: Error| e.at(&url).during(Operation::Read)), (stream, call, url)))
    })
    .boxed()
}

fn check_part(url: &str, told: Option<ContentRange>, range: ByteRange, size: u64) -> Result<()> {
    let Some(told) = told else {
        return Err(odd(url, "a part of the file, but not which", ErrorKind::Malformed));
    };
    if told.size.is_some_and(|told| told != size) {
        let changed = Error::new(ErrorKind::Changed, ErrorKind::Changed.phrase());
        return Err(changed.at(url).during(Operation::Read));
    }
    if told.range != range {
        return Err(odd(url, "another part than the one that was asked for", ErrorKind::Integrity));
    }
    Ok(())
}

fn check_length(url: &str, told: Option<u64>, expected: u64, html: bool) -> Result<()> {
    match told {
        Some(told) if told != expected => {
            let page = if html { ", as an HTML page" } else { "" };
            let what = format!("{told} bytes instead of {expected}{page}");
            Err(odd(url, &what, ErrorKind::Integrity).with_status(Status::Temporary))
        }
        _ => Ok(()),
    }
}

fn odd(url: &str, what: &str, kind: ErrorKind) -> Error {
    Error::new(kind, format!("the server sent {what}")).at(url).during(Operation::Read)
}

/// `bytes=0-4,10-14`
pub(crate) fn range_header(ranges: &[ByteRange]) -> Result<HeaderValue> {
    // Many a server reads no larger numbers.
    let last = |range: &ByteRange| (range.end() - 1).min(i64::MAX as u64);
    let parts: Vec<String> = ranges.iter().map(|r| format!("{}-{}", r.offset, last(r))).collect();
    HeaderValue::try_from(format!("bytes={}", parts.join(",")))
        .map_err(|e| Error::new(ErrorKind::Internal, "a range that is no header").because(e))
}

/// What a `Content-Range` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ContentRange {
    pub(crate) range: ByteRange,
    pub(crate) size: Option<u64>,
}

/// `bytes 0-4/100`, `bytes 0-4/*` (RFC 9110 section 14.4); none for `bytes 6--1/5` and other nonsense.
pub(crate) fn content_range(text: &str) -> Option<ContentRange> {
    let (range, size) = text.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let length = last.checked_sub(first)?.checked_add(1)?;
    let size = match size.trim() {
        "*" => None,
        size => Some(size.parse().ok()?),
    };
    Some(ContentRange { range: ByteRange::new(first, length), size })
}

/// The bytes of `range` out of a stream of the whole file, which has `size` bytes; the stream is dropped once they are here.
fn cut(whole: ByteStream, range: ByteRange, size: u64) -> ByteStream {
    let state = (whole, 0u64);
    stream::try_unfold(state, move |(mut whole, mut at)| async move {
        while at < range.end() {
            let Some(chunk) = whole.next().await.transpose()? else { return Ok(None) };
            let begin = at;
            at += chunk.len() as u64;
            let from = range.offset.saturating_sub(begin).min(chunk.len() as u64) as usize;
            let to = (range.end() - begin).min(chunk.len() as u64) as usize;
            if from < to {
                return Ok(Some((chunk.slice(from..to), (whole, at))));
            }
        }
        // What follows a part is dropped with its connection, however much it is. Nothing follows the end.
        if range.end() < size {
            return Ok(None);
        }
        match whole.next().await.transpose()? {
            None => Ok(None),
            Some(_) => Err(Error::new(ErrorKind::Integrity, "more bytes than the file has")),
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use futures_util::TryStreamExt as _;

    #[test]
    fn content_ranges() {
        let range = |first, length, size| Some(ContentRange { range: ByteRange::new(first, length), size });
        assert_eq!(content_range("bytes 0-4/100"), range(0, 5, Some(100)));
        assert_eq!(content_range(" bytes 5-5/*"), range(5, 1, None));
        for bad in
            ["", "bytes", "bytes 6--1/5", "bytes 5-4/9", "bytes */100", "bytes 0-18446744073709551615/1", "0-4/5"]
        {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }

    #[test]
    fn ranges_are_closed() {
        let header = range_header(&[ByteRange::new(0, 5), ByteRange::new(10, 1)]).unwrap();
        assert_eq!(header, "bytes=0-4,10-10");
    }

    async fn cut_of(chunks: &'static [&'static str], range: ByteRange, size: u64) -> Result<String> {
        let whole = stream::iter(chunks.iter().map(|c| Ok(Bytes::from_static(c.as_bytes())))).boxed();
        let parts: Vec<Bytes> = cut(whole, range, size).try_collect().await?;
        Ok(parts.iter().map(|p| String::from_utf8_lossy(p).into_owned()).collect())
    }

    #[tokio::test]
    async fn a_part_is_cut_out_of_everything() {
        assert_eq!(cut_of(&["0123", "4567", "89"], ByteRange::new(2, 5), 10).await.unwrap(), "23456");
        assert_eq!(cut_of(&["0123", "4567", "89"], ByteRange::new(4, 4), 10).await.unwrap(), "4567");
        assert_eq!(cut_of(&["0123"], ByteRange::new(0, 4), 4).await.unwrap(), "0123");
        assert_eq!(cut_of(&["0123", "4567"], ByteRange::new(0, 3), 8).await.unwrap(), "012");
        assert_eq!(cut_of(&["0123", "4567"], ByteRange::new(0, 4), 8).await.unwrap(), "0123");
        assert!(cut_of(&["0123", "4"], ByteRange::new(0, 4), 4).await.is_err());
        assert!(cut_of(&["0123", "4"], ByteRange::new(2, 2), 4).await.is_err());
    }
}
