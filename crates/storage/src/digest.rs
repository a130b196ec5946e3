//! Checksums: algorithms, values, and one pass that computes several.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// A checksum algorithm. Names are those of RFC 3230 and its registry, as XRootD and dCache spell them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// Adler-32 (RFC 1950), what most grid storage keeps. Weak below 100 kB: always together with the size.
    Adler32,
    /// CRC-32 as in gzip and zip.
    Crc32,
    /// CRC-32C, Castagnoli (RFC 3720).
    Crc32c,
    /// CRC-64/NVME, the default of S3 since 2025.
    Crc64Nvme,
    /// MD5 (RFC 1321): for integrity, not against an adversary.
    Md5,
    /// SHA-1, for integrity only.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// What Dropbox keeps of a file: SHA-256 of the SHA-256 of each 4 MiB
    /// (<https://www.dropbox.com/developers/reference/content-hash>).
    Dropbox,
}

impl Algorithm {
    /// Every algorithm, the cheapest to compute first.
    pub const ALL: [Self; 9] = [
        Self::Adler32,
        Self::Crc32c,
        Self::Crc32,
        Self::Crc64Nvme,
        Self::Sha1,
        Self::Md5,
        Self::Sha256,
        Self::Dropbox,
        Self::Sha512,
    ];

    /// The name in configuration files, on the command line and in RFC 3230 headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Adler32 => "adler32",
            Self::Crc32 => "crc32",
            Self::Crc32c => "crc32c",
            Self::Crc64Nvme => "crc64nvme",
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::Dropbox => "dropbox",
        }
    }

    /// The algorithm of that name, however it is spelled (`SHA-256`, `adler32`, `CRC32C`).
    pub fn parse(name: &str) -> Option<Self> {
        let plain: String = name.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
        match plain.as_str() {
            "sha" => Some(Self::Sha1),
            plain => Self::ALL.into_iter().find(|a| a.name() == plain),
        }
    }

    /// Whether the checksum of two pieces follows from those of each: then pieces can be computed beside each other.
    pub fn is_combinable(self) -> bool {
        matches!(self, Self::Adler32 | Self::Crc32 | Self::Crc32c | Self::Crc64Nvme)
    }

    /// Bytes of a value.
    pub fn length(self) -> usize {
        match self {
            Self::Adler32 | Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 | Self::Dropbox => 32,
            Self::Sha512 => 64,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A checksum with its algorithm; checksums are bytes, however a server spells them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    value: Box<[u8]>,
}

impl Digest {
    /// A value of the right length; none otherwise.
    pub fn new(algorithm: Algorithm, value: &[u8]) -> Option<Self> {
        (value.len() == algorithm.length()).then(|| Self { algorithm, value: value.into() })
    }

    /// Reads hexadecimal (leading zeros may be missing, as StoRM drops them) or base64, decided by the length.
    pub fn parse(algorithm: Algorithm, text: &str) -> Option<Self> {
        let text = text.trim();
        Self::from_hex(algorithm, text).or_else(|| Self::new(algorithm, &BASE64.decode(text).ok()?))
    }

    fn from_hex(algorithm: Algorithm, text: &str) -> Option<Self> {
        let width = algorithm.length() * 2;
        let short = matches!(algorithm, Algorithm::Adler32) && !text.is_empty();
        let full = text.len() == width || (short && text.len() < width);
        if !full || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let padded = format!("{text:0>width$}");
        let value: Option<Vec<u8>> =
            (0..width).step_by(2).map(|i| u8::from_str_radix(padded.get(i..i + 2)?, 16).ok()).collect();
        Self::new(algorithm, &value?)
    }

    /// Which algorithm made it.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The raw bytes, most significant first.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// Lower-case hexadecimal.
    pub fn hex(&self) -> String {
        self.value.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// Base64, as RFC 9530 and the strong algorithms of RFC 3230 want it.
    pub fn base64(&self) -> String {
        BASE64.encode(&self.value)
    }

    /// Whether every bit is zero: some servers answer so while the checksum is not ready yet.
    pub fn is_zero(&self) -> bool {
        self.value.iter().all(|&b| b == 0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm, self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// Computes any number of checksums over one pass of bytes.
#[derive(Clone, Default)]
pub struct Hasher {
    states: Vec<State>,
    length: u64,
}

#[derive(Clone)]
enum State {
    Adler32(simd_adler32::Adler32),
    Crc(Algorithm, crc_fast::Digest),
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
    Dropbox(Blocks),
}

/// The checksum of a file by those of its blocks.
#[derive(Clone, Default)]
struct Blocks {
    file: sha2::Sha256,
    block: sha2::Sha256,
    /// Bytes of the block so far.
    filled: usize,
}

impl Blocks {
    const BLOCK: usize = 4 << 20;

    fn update(&mut self, mut bytes: &[u8]) {
        use sha2::Digest as _;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(Self::BLOCK - self.filled));
            self.block.update(now);
            self.filled += now.len();
            if self.filled == Self::BLOCK {
                self.end_block();
            }
            bytes = later;
        }
    }

    fn end_block(&mut self) {
        use sha2::Digest as _;
        self.file.update(self.block.finalize_reset());
        self.filled = 0;
    }

    fn finish(mut self) -> Option<Digest> {
        use sha2::Digest as _;
        if self.filled > 0 {
            self.end_block();
        }
        Digest::new(Algorithm::Dropbox, &self.file.finalize())
    }
}

impl State {
    fn new(algorithm: Algorithm) -> Self {
        use crc_fast::{CrcAlgorithm, Digest as Crc};
        match algorithm {
            Algorithm::Adler32 => Self::Adler32(simd_adler32::Adler32::new()),
            Algorithm::Crc32 => Self::Crc(algorithm, Crc::new(CrcAlgorithm::Crc32IsoHdlc)),
            Algorithm::Crc32c => Self::Crc(algorithm, Crc::new(CrcAlgorithm::Crc32Iscsi)),
            Algorithm::Crc64Nvme => Self::Crc(algorithm, Crc::new(CrcAlgorithm::Crc64Nvme)),
            Algorithm::Md5 => Self::Md5(md5::Md5::default()),
            Algorithm::Sha1 => Self::Sha1(sha1::Sha1::default()),
            Algorithm::Sha256 => Self::Sha256(sha2::Sha256::default()),
            Algorithm::Sha512 => Self::Sha512(sha2::Sha512::default()),
            Algorithm::Dropbox => Self::Dropbox(Blocks::default()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        use sha2::Digest as _;
        match self {
            Self::Adler32(state) => state.write(bytes),
            Self::Crc(_, state) => state.update(bytes),
            Self::Md5(state) => state.update(bytes),
            Self::Sha1(state) => state.update(bytes),
            Self::Sha256(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
            Self::Dropbox(state) => state.update(bytes),
        }
    }

    /// Whether it could take what the other has, `length` bytes that come next.
    fn append(&mut self, next: &Self, length: u64) -> bool {
        match (self, next) {
            (Self::Adler32(state), Self::Adler32(next)) => {
                *state = simd_adler32::Adler32::from_checksum(adler32(state.finish(), next.finish(), length));
                true
            }
            (Self::Crc(algorithm, state), Self::Crc(other, next)) if algorithm == other => {
                state.combine(next);
                true
            }
            _ => false,
        }
    }

    fn finish(self) -> Option<Digest> {
        use sha2::Digest as _;
        match self {
            Self::Adler32(state) => Digest::new(Algorithm::Adler32, &state.finish().to_be_bytes()),
            Self::Crc(algorithm, state) => {
                let value = state.finalize().to_be_bytes();
                Digest::new(algorithm, &value[value.len() - algorithm.length()..])
            }
            Self::Md5(state) => Digest::new(Algorithm::Md5, &state.finalize()),
            Self::Sha1(state) => Digest::new(Algorithm::Sha1, &state.finalize()),
            Self::Sha256(state) => Digest::new(Algorithm::Sha256, &state.finalize()),
            Self::Sha512(state) => Digest::new(Algorithm::Sha512, &state.finalize()),
            Self::Dropbox(state) => state.finish(),
        }
    }
}

/// The Adler-32 of two pieces, the second of that length. With sums a and b modulo 65521 (RFC 1950, section 8.2):
/// a = a1 + a2 - 1 and b = b1 + b2 + length * (a1 - 1), as each byte of the second piece adds all that came before.
fn adler32(first: u32, second: u32, length: u64) -> u32 {
    const MODULUS: u64 = 65_521;
    let halves = |sum: u32| (u64::from(sum & 0xffff), u64::from(sum >> 16));
    let ((a1, b1), (a2, b2)) = (halves(first), halves(second));
    let a = (a1 + a2 + MODULUS - 1) % MODULUS;
    let b = (b1 + b2 + (length % MODULUS) * ((a1 + MODULUS - 1) % MODULUS)) % MODULUS;
    // Both are less than 2^16.
    (b << 16 | a) as u32
}

impl Hasher {
    /// A pass that computes each of these once; none is fine and costs nothing.
    pub fn new(algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        let mut wanted: Vec<Algorithm> = algorithms.into_iter().collect();
        wanted.sort();
        wanted.dedup();
        Self { states: wanted.into_iter().map(State::new).collect(), length: 0 }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.states.iter_mut().for_each(|state| state.update(bytes));
    }

    /// Takes the bytes that another hasher of the same algorithms has taken, which come next. False, and nothing is changed, if an
    /// algorithm cannot do that ([`Algorithm::is_combinable`]).
    #[must_use]
    pub fn append(&mut self, next: &Self) -> bool {
        let mut states = self.states.clone();
        let all = states.len() == next.states.len()
            && states.iter_mut().zip(&next.states).all(|(state, other)| state.append(other, next.length));
        if all {
            self.states = states;
            self.length += next.length;
        }
        all
    }

    /// Bytes taken so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The checksums over everything that was taken.
    pub fn finish(self) -> Vec<Digest> {
        self.states.into_iter().filter_map(State::finish).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Check values of the catalogue of parametrised CRC algorithms and of the RFCs, over "123456789".
    #[test]
    fn known_answers() {
        let expected = [
            (Algorithm::Adler32, "091e01de"),
            (Algorithm::Crc32, "cbf43926"),
            (Algorithm::Crc32c, "e3069283"),
            (Algorithm::Crc64Nvme, "ae8b14860a799888"),
            (Algorithm::Md5, "25f9e794323b453885f5181f1b624d0b"),
            (Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (Algorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
        ];
        for (algorithm, hex) in expected {
            let mut hasher = Hasher::new([algorithm]);
            hasher.update(b"1234");
            hasher.update(b"56789");
            assert_eq!(hasher.length(), 9);
            assert_eq!(hasher.finish()[0].hex(), hex, "{algorithm}");
        }
    }

    /// As the documentation of Dropbox computes it: of nothing, of less than a block, of blocks, and of blocks and a rest.
    #[test]
    fn a_checksum_of_blocks() {
        use sha2::Digest as _;
        for size in [0, 5, Blocks::BLOCK, 2 * Blocks::BLOCK, 2 * Blocks::BLOCK + 1] {
            let bytes = vec![7; size];
            let blocks: Vec<u8> = bytes.chunks(Blocks::BLOCK).flat_map(sha2::Sha256::digest).collect();
            let mut hasher = Hasher::new([Algorithm::Dropbox]);
            bytes.chunks(1_000_003).for_each(|chunk| hasher.update(chunk));
            assert_eq!(hasher.finish()[0].value(), &sha2::Sha256::digest(&blocks)[..], "{size}");
        }
        let mut hasher = Hasher::new([Algorithm::Dropbox]);
        hasher.update(b"hello");
        assert_eq!(hasher.finish()[0].hex(), "9595c9df90075148eb06860365df33584b75bff782a510c6cd4883a419833d50");
    }

    fn combinable() -> Vec<Algorithm> {
        Algorithm::ALL.into_iter().filter(|algorithm| algorithm.is_combinable()).collect()
    }

    fn of(algorithms: &[Algorithm], bytes: &[u8]) -> Hasher {
        let mut hasher = Hasher::new(algorithms.iter().copied());
        hasher.update(bytes);
        hasher
    }

    proptest::proptest! {
        #[test]
        fn pieces_make_the_whole(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..5000), at in 0usize..5000) {
            let algorithms = combinable();
            let (first, second) = bytes.split_at(at.min(bytes.len()));
            let mut pieces = of(&algorithms, first);
            assert!(pieces.append(&of(&algorithms, second)));
            assert_eq!(pieces.length(), bytes.len() as u64);
            assert_eq!(pieces.finish(), of(&algorithms, &bytes).finish());
        }
    }

    #[test]
    fn long_pieces_of_the_largest_bytes_do_not_overflow() {
        let bytes = vec![0xff; 10_000_000];
        let mut pieces = of(&combinable(), &bytes[..9_000_001]);
        assert!(pieces.append(&of(&combinable(), &bytes[9_000_001..])));
        assert_eq!(pieces.finish(), of(&combinable(), &bytes).finish());
    }

    #[test]
    fn what_cannot_be_combined_says_so_and_is_unchanged() {
        let mut hasher = of(&[Algorithm::Adler32, Algorithm::Md5], b"a");
        assert!(!hasher.append(&of(&[Algorithm::Adler32, Algorithm::Md5], b"b")));
        assert!(!hasher.append(&of(&[Algorithm::Adler32], b"b")));
        assert_eq!(hasher.finish(), of(&[Algorithm::Adler32, Algorithm::Md5], b"a").finish());
    }

    #[test]
    fn both_spellings_of_a_value() {
        let hex = Digest::parse(Algorithm::Crc32c, "e3069283").unwrap();
        assert_eq!(Digest::parse(Algorithm::Crc32c, &hex.base64()), Some(hex.clone()));
        assert_eq!(Digest::parse(Algorithm::Adler32, "90c1483").unwrap().hex(), "090c1483");
        for bad in ["", "xyz", "e306928", "e30692830", "AAAAAAA=", "\u{e4}\u{e4}\u{e4}\u{e4}"] {
            assert_eq!(Digest::parse(Algorithm::Crc32c, bad), None, "{bad}");
        }
    }

    #[test]
    fn names_in_every_spelling() {
        assert_eq!(Algorithm::parse("SHA-256"), Some(Algorithm::Sha256));
        assert_eq!(Algorithm::parse("sha"), Some(Algorithm::Sha1));
        assert_eq!(Algorithm::parse("UNIXcksum"), None);
    }
}
