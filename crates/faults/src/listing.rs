//! Answers to PROPFIND, as text: what a broken server sends is not parsed here.

/// The listing with its last entry twice, or as it is, if no entry is found in it.
pub(crate) fn with_last_entry_twice(listing: &[u8]) -> Vec<u8> {
    let Some((start, end)) = last_entry(listing) else { return listing.to_vec() };
    [&listing[..end], &listing[start..end], &listing[end..]].concat()
}

/// Where the last `<PREFIX:response>` begins, and where it ends.
fn last_entry(listing: &[u8]) -> Option<(usize, usize)> {
    let closing = rfind(listing, b"response>")?;
    let slash = rfind(&listing[..closing], b"</")?;
    let name = &listing[slash + 2..closing + b"response".len()];
    let opening = [b"<", name].concat();
    let start = rfind(&listing[..slash], &opening)?;
    Some((start, closing + b"response>".len()))
}

fn rfind(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).rposition(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_entry_comes_twice_whatever_its_prefix() {
        for prefix in ["", "D:", "lp1:"] {
            let entry = |name: &str| format!("<{prefix}response x=\"1\"><href>{name}</href></{prefix}response>");
            let listing = format!("<m>{}{}</m>", entry("a"), entry("b"));
            let expected = format!("<m>{}{}{}</m>", entry("a"), entry("b"), entry("b"));
            assert_eq!(with_last_entry_twice(listing.as_bytes()), expected.as_bytes());
        }
        assert_eq!(with_last_entry_twice(b"<m/>"), b"<m/>");
        assert_eq!(with_last_entry_twice(b"</response>"), b"</response>");
    }
}
