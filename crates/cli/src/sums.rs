//! Lists of checksums, as programs print them.

use law_storage::{Algorithm, Digest, Error, ErrorKind, Path, Result};

/// The name and checksum of a line: `ALGORITHM HEX  NAME` as `law fs checksum` has it, `HEX  NAME` and `HEX *NAME` as md5sum and
/// others have it, `NAME HEX` as xrdadler32 and catalogues do not. `wanted` says the algorithm where the line does not.
///
/// # Errors
/// `Malformed` for any other line, `InvalidInput` where the algorithm cannot be told from the length.
pub(crate) fn parse(line: &[u8], wanted: Option<Algorithm>) -> Result<(Path, Digest)> {
    let shown = || String::from_utf8_lossy(line).trim().to_owned();
    let broken = || Error::new(ErrorKind::Malformed, format!("no line of a list of checksums: `{}`", shown()));
    let (first, rest) = word(line).ok_or_else(broken)?;
    let named = std::str::from_utf8(first).ok().and_then(Algorithm::parse);
    let (algorithm, value, name) = match (named, word(rest)) {
        (Some(algorithm), Some((value, name))) => (Some(algorithm), value, name),
        _ => (wanted, first, rest),
    };
    let value = std::str::from_utf8(value).map_err(|_| broken())?;
    let algorithm = algorithm.or_else(|| by_length(value)).ok_or_else(|| {
        let error = Error::new(ErrorKind::InvalidInput, format!("which checksum is `{value}`?"));
        error.hint("--algorithm says it")
    })?;
    let digest = Digest::parse(algorithm, value).ok_or_else(broken)?;
    let name = name.strip_prefix(b"*").unwrap_or(name);
    let name = name.strip_prefix(b"./").unwrap_or(name);
    if name.is_empty() {
        return Err(broken());
    }
    Ok((Path::parse(name)?, digest))
}

/// The first word, and what follows the white space behind it; names may end in white space, but not in a line's end.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_suffix(b"\r").unwrap_or(text).trim_ascii_start();
    let end = text.iter().position(u8::is_ascii_whitespace)?;
    Some((&text[..end], text[end..].trim_ascii_start()))
}

/// Of hexadecimal digits; eight of them may be several things.
fn by_length(value: &str) -> Option<Algorithm> {
    match value.len() {
        16 => Some(Algorithm::Crc64Nvme),
        32 => Some(Algorithm::Md5),
        40 => Some(Algorithm::Sha1),
        64 => Some(Algorithm::Sha256),
        128 => Some(Algorithm::Sha512),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_many_programs() {
        let of = |line: &str, wanted| parse(line.as_bytes(), wanted).map(|(name, digest)| format!("{name}|{digest}"));
        let md5 = "d41d8cd98f00b204e9800998ecf8427e";
        assert_eq!(of(&format!("{md5}  a b.txt"), None).unwrap(), format!("a b.txt|md5 {md5}"));
        assert_eq!(of(&format!("{md5} *./d/a.txt\r"), None).unwrap(), format!("d/a.txt|md5 {md5}"));
        assert_eq!(of("adler32 084b021f  a.txt", None).unwrap(), "a.txt|adler32 084b021f");
        assert_eq!(of("084b021f  a.txt", Some(Algorithm::Adler32)).unwrap(), "a.txt|adler32 084b021f");
        assert_eq!(of("084b021f  a.txt", None).unwrap_err().kind(), ErrorKind::InvalidInput);
        for bad in
            ["", "word", "zz  a.txt", "md5 xyz  a", "md5", "d41d8cd98f00b204e9800998ecf8427e  ", "\u{fe}\u{fe} a"]
        {
            assert!(of(bad, None).is_err(), "{bad:?}");
        }
        assert!(parse(&[0xff, b' ', 0xfe], None).is_err());
        assert!(of(&format!("{md5}  ../up"), None).is_err(), "no way out");
    }
}
