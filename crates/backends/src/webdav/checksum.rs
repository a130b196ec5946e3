//! Checksums over HTTP: `Want-Digest` and `Digest` (RFC 3230), `Want-Repr-Digest` and `Repr-Digest` (RFC 9530).

use law_storage::{Algorithm, Digest};

/// How RFC 3230 names an algorithm in a request.
pub(super) fn header_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Sha1 => "sha",
        Algorithm::Sha256 => "sha-256",
        Algorithm::Sha512 => "sha-512",
        other => other.name(),
    }
}

/// The checksums of a `Digest` header: `adler32=0a1b2c3d, md5=base64==`. Whatever cannot be read is left out, and so is
/// a value that is all zero: some servers say so while they do not know yet.
pub(super) fn digests(header: &str) -> Vec<Digest> {
    header.split(',').filter_map(|part| named(part.split_once('=')?)).collect()
}

/// The checksums of a `Repr-Digest` header: `sha-256=:base64:, md5=:base64:`.
pub(super) fn repr_digests(header: &str) -> Vec<Digest> {
    let bare = |value: &str| value.trim().strip_prefix(':')?.strip_suffix(':').map(str::to_owned);
    let one = |part: &str| {
        let (name, value) = part.split_once('=')?;
        named((name, &bare(value)?))
    };
    header.split(',').filter_map(one).collect()
}

/// Whether a header says something of checksums that cannot be understood. Of a kind that is not known here nothing is.
pub(super) fn is_odd(header: &str) -> bool {
    header.split(',').map(str::trim).filter(|part| !part.is_empty()).any(|part| match part.split_once('=') {
        Some((name, value)) => {
            Algorithm::parse(name.trim()).is_some_and(|known| Digest::parse(known, value.trim_matches(':')).is_none())
        }
        None => true,
    })
}

fn named((name, value): (&str, &str)) -> Option<Digest> {
    let digest = Digest::parse(Algorithm::parse(name.trim())?, value)?;
    (!digest.is_zero()).then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(digests: Vec<Digest>) -> Vec<String> {
        digests.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_spelling_of_digest() {
        assert_eq!(shown(digests("adler32=90c1483 , crc32c=vT5Rww==")), ["adler32 090c1483", "crc32c bd3e51c3"]);
        assert_eq!(
            shown(digests("UNIXsum=30637, MD5=JfnnlDI7RTiF9RgfG2JNCw==")),
            ["md5 25f9e794323b453885f5181f1b624d0b"]
        );
        assert_eq!(shown(repr_digests("md5=:JfnnlDI7RTiF9RgfG2JNCw==:")), ["md5 25f9e794323b453885f5181f1b624d0b"]);
    }

    #[test]
    fn what_makes_no_sense_is_known_from_what_says_nothing() {
        for odd in ["12345678", "adler32", "adler32=", "md5=abc", "adler32=0a1b2c3d, what"] {
            assert!(is_odd(odd), "{odd}");
        }
        for well in ["", "adler32=0a1b2c3d", "adler32=00000000", "UNIXsum=30637", "md5=:JfnnlDI7RTiF9RgfG2JNCw==:"] {
            assert!(!is_odd(well), "{well}");
        }
    }

    #[test]
    fn what_cannot_be_read_or_is_not_ready_is_left_out() {
        for bad in ["", "adler32", "adler32=", "adler32=00000000", "adler32=zz", "md5=abc", ",,,=,=="] {
            assert!(digests(bad).is_empty(), "{bad}");
            assert!(repr_digests(bad).is_empty(), "{bad}");
        }
    }
}
