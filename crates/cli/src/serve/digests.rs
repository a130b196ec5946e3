//! Checksums for those who ask: `Want-Digest` and `Digest` (RFC 3230), `Want-Repr-Digest` and `Repr-Digest` (RFC 9530).

use http::{HeaderMap, HeaderName, HeaderValue};
use law_storage::{Algorithm, Digest};

const DIGEST: HeaderName = HeaderName::from_static("digest");
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// Which of the two headers a client understands.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Spelling {
    Digest,
    ReprDigest,
}

/// What a request asks for.
#[derive(Debug, PartialEq)]
pub(super) struct Wanted {
    spelling: Spelling,
    /// The client's preference first.
    pub(super) algorithms: Vec<Algorithm>,
}

impl Wanted {
    /// None if nothing is asked for that could be computed.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let asked = |name: &str, separator| ranked(headers.get(name)?.to_str().ok()?, separator);
        let wanted = |spelling, algorithms| Self { spelling, algorithms };
        let older = asked("want-digest", ";q=").map(|list| wanted(Spelling::Digest, list));
        older.or_else(|| asked("want-repr-digest", "=").map(|list| wanted(Spelling::ReprDigest, list)))
    }

    pub(super) fn tell(&self, headers: &mut HeaderMap, digest: &Digest) {
        let name = spelled(digest.algorithm());
        let (header, text) = match self.spelling {
            Spelling::ReprDigest => (REPR_DIGEST, format!("{name}=:{}:", digest.base64())),
            Spelling::Digest if digest.value().len() <= 8 => (DIGEST, format!("{name}={}", digest.hex())),
            Spelling::Digest => (DIGEST, format!("{name}={}", digest.base64())),
        };
        headers.extend(HeaderValue::try_from(text).ok().map(|value| (header, value)));
    }
}

/// The algorithms of a list with weights, the heaviest first, without those that weigh nothing.
fn ranked(list: &str, separator: &str) -> Option<Vec<Algorithm>> {
    let one = |part: &str| {
        let (name, weight) = part.split_once(separator).map_or((part, Ok(1.0)), |(n, w)| (n, w.trim().parse::<f32>()));
        Some((Algorithm::parse(name.trim())?, weight.ok().filter(|weight| *weight > 0.0)?))
    };
    let mut found: Vec<(Algorithm, f32)> = list.split(',').filter_map(one).collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    (!found.is_empty()).then(|| found.into_iter().map(|(algorithm, _)| algorithm).collect())
}

/// The names of the registry that both RFCs share.
fn spelled(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Sha1 => "sha",
        Algorithm::Sha256 => "sha-256",
        Algorithm::Sha512 => "sha-512",
        other => other.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &'static str, value: &'static str) -> Option<Wanted> {
        Wanted::of(&HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]))
    }

    fn told(wanted: &Wanted, digest: &Digest) -> String {
        let mut headers = HeaderMap::new();
        wanted.tell(&mut headers, digest);
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    #[test]
    fn the_preference_of_the_client_comes_first() {
        let wanted = asked("want-digest", "MD5;q=0.3, unixsum, adler32, sha;q=0").unwrap();
        assert_eq!(wanted.algorithms, [Algorithm::Adler32, Algorithm::Md5]);
        let wanted = asked("want-repr-digest", "md5=1, sha-256=10").unwrap();
        assert_eq!(wanted.algorithms, [Algorithm::Sha256, Algorithm::Md5]);
        assert_eq!(asked("want-digest", "unixsum"), None);
        assert_eq!(asked("accept", "md5"), None);
    }

    #[test]
    fn each_spelling_as_its_rfc_wants_it() {
        let adler = Digest::parse(Algorithm::Adler32, "5ae07809").unwrap();
        let md5 = Digest::parse(Algorithm::Md5, "25f9e794323b453885f5181f1b624d0b").unwrap();
        let older = asked("want-digest", "adler32").unwrap();
        assert_eq!(told(&older, &adler), "digest: adler32=5ae07809");
        assert_eq!(told(&older, &md5), "digest: md5=JfnnlDI7RTiF9RgfG2JNCw==");
        let newer = asked("want-repr-digest", "md5=1").unwrap();
        assert_eq!(told(&newer, &md5), "repr-digest: md5=:JfnnlDI7RTiF9RgfG2JNCw==:");
    }
}
