//! Which parts of a file a request wants (RFC 9110 section 14).

use http::{HeaderMap, header};
use law_storage::{ByteRange, Metadata};

use super::conditions;

/// More parts than this are refused: they would cost more than the whole file.
const MOST_PARTS: usize = 1024;

/// The parts of a file that an answer has.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Selection {
    Whole,
    One(ByteRange),
    Several(Vec<ByteRange>),
    Unsatisfiable,
}

impl Selection {
    /// What a GET wants of a file of `size` bytes. A range that cannot be understood is no range.
    pub(super) fn of(headers: &HeaderMap, metadata: &Metadata, size: u64) -> Self {
        let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok()).and_then(parse);
        let Some(asked) = asked.filter(|_| conditions::if_range_holds(headers, metadata)) else { return Self::Whole };
        let parts: Vec<ByteRange> = asked.iter().map(|asked| asked.within(size)).filter(|r| !r.is_empty()).collect();
        match parts[..] {
            [] => Self::Unsatisfiable,
            [only] => Self::One(only),
            _ if parts.len() > MOST_PARTS || overlapping(&parts) > 2 => Self::Unsatisfiable,
            _ => Self::Several(parts),
        }
    }
}

/// `first-`, `first-last` or `-length`.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Asked {
    From(u64, Option<u64>),
    Last(u64),
}

impl Asked {
    fn within(self, size: u64) -> ByteRange {
        match self {
            Self::From(first, None) => ByteRange::new(first, u64::MAX).clamp(size),
            Self::From(first, Some(last)) => ByteRange::new(first, (last - first).saturating_add(1)).clamp(size),
            Self::Last(length) => ByteRange::new(size.saturating_sub(length), length).clamp(size),
        }
    }
}

/// None for another unit than bytes, and for what is malformed anywhere.
fn parse(text: &str) -> Option<Vec<Asked>> {
    let list = text.trim().strip_prefix("bytes=")?;
    let asked: Option<Vec<Asked>> = list.split(',').map(str::trim).filter(|part| !part.is_empty()).map(one).collect();
    asked.filter(|asked| !asked.is_empty())
}

fn one(part: &str) -> Option<Asked> {
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    match part.split_once('-')? {
        ("", length) => Some(Asked::Last(number(length)?)),
        (first, "") => Some(Asked::From(number(first)?, None)),
        (first, last) => {
            Some((number(first)?, number(last)?)).filter(|(f, l)| f <= l).map(|(f, l)| Asked::From(f, Some(l)))
        }
    }
}

/// How many parts begin before an earlier one ends.
fn overlapping(parts: &[ByteRange]) -> usize {
    let mut sorted = parts.to_vec();
    sorted.sort_by_key(|part| part.offset);
    sorted.windows(2).filter(|pair| pair[1].offset < pair[0].end()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn select(range: &str, size: u64) -> Selection {
        let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_str(range).unwrap())]);
        Selection::of(&headers, &Metadata::file(size), size)
    }

    #[test]
    fn every_form_of_a_range() {
        let one = |offset, length| Selection::One(ByteRange::new(offset, length));
        assert_eq!(select("bytes=2-4", 10), one(2, 3));
        assert_eq!(select("bytes=7-", 10), one(7, 3));
        assert_eq!(select("bytes=-3", 10), one(7, 3));
        assert_eq!(select("bytes=-30", 10), one(0, 10));
        assert_eq!(select("bytes=5-18446744073709551615", 10), one(5, 5));
        assert_eq!(select("bytes=0-0, 20-30", 10), one(0, 1));
        let several = vec![ByteRange::new(0, 1), ByteRange::new(8, 2)];
        assert_eq!(select("bytes=0-0,-2", 10), Selection::Several(several));
    }

    #[test]
    fn what_cannot_be_understood_is_no_range_and_what_is_outside_is_refused() {
        for bad in ["bytes=", "bytes=4-2", "bytes=+1-2", "bytes=a-b", "bytes=1", "lines=1-2", "bytes=0-1,x"] {
            assert_eq!(select(bad, 10), Selection::Whole, "{bad}");
        }
        for outside in ["bytes=10-", "bytes=10-20", "bytes=-0"] {
            assert_eq!(select(outside, 10), Selection::Unsatisfiable, "{outside}");
        }
    }

    #[test]
    fn parts_that_cost_more_than_the_file_are_refused() {
        assert_eq!(select("bytes=0-,0-,0-,0-", 10), Selection::Unsatisfiable);
        let many: Vec<String> = (0..2000).map(|i| format!("{}-{}", i * 10, i * 10)).collect();
        assert_eq!(select(&format!("bytes={}", many.join(",")), 100_000), Selection::Unsatisfiable);
    }
}
