//! Requests for ranges, and answers to them.

use crate::head::{RequestHead, ResponseHead};

/// The request for a range that begins and ends later, if it is for one range with both ends.
pub(crate) fn shifted(request: &RequestHead, by: u64) -> Option<RequestHead> {
    let (first, last) = closed(&request.headers.text("range")?)?;
    let range = format!("bytes={}-{}", first.saturating_add(by), last.saturating_add(by));
    let mut request = request.clone();
    request.headers.set("Range", range);
    Some(request)
}

/// The request without its range, if it has one.
pub(crate) fn ignored(request: &RequestHead) -> Option<RequestHead> {
    request.headers.text("range")?;
    let mut request = request.clone();
    request.headers.remove("Range");
    Some(request)
}

/// Whether the answer tells a total, which is then wrong.
pub(crate) fn tell_wrong_total(answer: &mut ResponseHead, delta: u64) -> bool {
    let told = answer.headers.text("content-range");
    let Some((range, total)) = told.as_deref().and_then(|told| told.rsplit_once('/')) else { return false };
    let Ok(total) = total.trim().parse::<u64>() else { return false };
    answer.headers.set("Content-Range", format!("{range}/{}", total.saturating_add(delta)));
    true
}

fn closed(range: &str) -> Option<(u64, u64)> {
    let (first, last) = range.trim().strip_prefix("bytes=")?.split_once('-')?;
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_range_with_both_ends_is_moved() {
        assert_eq!(closed("bytes=5-9"), Some((5, 9)));
        for other in ["bytes=5-", "bytes=-5", "bytes=1-2,4-5", "rows=1-2", ""] {
            assert_eq!(closed(other), None, "{other}");
        }
    }
}
