//! A file of one storage as the source of a write to another, with the proof that the bytes are its.

use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _};
use law_storage::{
    Algorithm, ByteRange, ByteStream, Call, Comparison, Digest, Error, ErrorKind, Hasher, LocalFile, Metadata, Proof,
    ReadOptions, Result, Source, Strength, Support, Taken, Validator, Verify,
};
use tokio::task::JoinHandle;

use crate::Place;

/// A file of some storage, pinned to the version that it had at first.
///
/// Its storage is asked for a checksum while the bytes travel, so that the proof costs no time of its own where the
/// storage is as fast as the network.
pub struct RemoteSource {
    place: Place,
    size: u64,
    validator: Validator,
    verify: Verify,
    /// Those that are computed here: the storage has one of them, or the first.
    algorithms: Vec<Algorithm>,
    /// What came with the bytes.
    told: Mutex<Option<Digest>>,
    /// The storage's answer, under way since the first byte was asked for.
    asked: Mutex<Option<Asked>>,
    known: Option<Digest>,
    /// It is read twice instead of asking for its checksum.
    twice: bool,
}

/// The size up to which reading a file once more costs no more than asking for its checksum.
const SMALL: u64 = 64 * 1024;

/// The task ends with its source.
struct Asked(JoinHandle<Result<Option<Digest>>>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl RemoteSource {
    /// The file at `place`, which `metadata` is about.
    ///
    /// # Errors
    /// `Malformed` if the storage did not tell its size.
    pub fn new(place: Place, metadata: &Metadata, verify: Verify) -> Result<Self> {
        let unknown = || Error::new(ErrorKind::Malformed, "the storage does not tell the size of").at(&place);
        let size = metadata.size.ok_or_else(unknown)?;
        let capabilities = place.backend().capabilities();
        let offered = capabilities.digests;
        let known = metadata.digests.first().cloned();
        let several = if capabilities.digests_differ { offered.len() } else { 1 };
        let algorithms = match &known {
            Some(known) => vec![known.algorithm()],
            None if offered.is_empty() => vec![Algorithm::Adler32],
            None => offered.into_iter().take(several).collect(),
        };
        Ok(Self {
            size,
            validator: metadata.identity(),
            verify,
            algorithms,
            told: Mutex::default(),
            asked: Mutex::new(None),
            known,
            place,
            twice: false,
        })
    }

    /// As one of many: a storage that loses answers about checksums is not asked for those of small files, which are read a second
    /// time instead, unless a checksum is required.
    #[must_use]
    pub fn of_many(mut self) -> Self {
        let loses = self.place.backend().capabilities().loses_digests;
        self.twice = loses && self.size <= SMALL && self.known.is_none() && self.verify == Verify::Auto;
        self
    }

    async fn part(&self, call: &Call, range: ByteRange) -> Result<ByteStream> {
        let options = ReadOptions { range: Some(range), validator: Some(self.validator.clone()) };
        let trail = call.trail().clone();
        let notice = move |error: &Error| {
            if error.kind() == ErrorKind::Integrity {
                trail.found_damage();
            }
        };
        // Damage may be told before the first byte, by what reads ahead.
        let reading = self.place.backend().read(call, &self.place.resolved(), &options).await.inspect_err(&notice)?;
        self.hear(reading.digests);
        self.ask(call);
        Ok(reading.stream.inspect_err(notice).boxed())
    }

    /// Checksums that came with the bytes.
    fn hear(&self, digests: Vec<Digest>) {
        let fits = digests.into_iter().find(|digest| self.algorithms.contains(&digest.algorithm()));
        if let Some(digest) = fits {
            *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(digest);
        }
    }

    fn told(&self) -> Option<Digest> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn wants_checksum(&self) -> bool {
        matches!(self.verify, Verify::Auto | Verify::Require)
    }

    /// Asks the storage for its checksum, once, in the background: the algorithm that is computed here first.
    fn ask(&self, call: &Call) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.known.is_some() || self.told().is_some();
        if asked.is_some() || known || self.twice || !self.wants_checksum() {
            return;
        }
        let (place, call, first) = (self.place.clone(), call.clone(), self.algorithms.clone());
        *asked = Some(Asked(tokio::spawn(async move { ask_storage(&place, &call, &first).await })));
    }

    async fn stored(&self, call: &Call) -> Result<Option<Digest>> {
        if let Some(known) = self.known.clone().or_else(|| self.told()) {
            return Ok(Some(known));
        }
        self.ask(call);
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut asked) = asked else { return Ok(None) };
        let broken = |e| Error::new(ErrorKind::Internal, "the question for a checksum broke").because(e);
        call.bound(async { (&mut asked.0).await.map_err(broken)? }).await
    }

    /// Whether the file is still the version that was read.
    async fn unchanged(&self, call: &Call) -> Result<()> {
        let now = self.place.backend().stat(call, &self.place.resolved()).await?;
        match now.map(|now| now.identity().compare(&self.validator)) {
            Some(Comparison::Same | Comparison::Unknown) => Ok(()),
            _ => Err(Error::new(ErrorKind::Changed, "the source changed while it was read").at(&self.place)),
        }
    }

    async fn compare(&self, call: &Call, stored: &Digest, taken: &Taken) -> Result<Proof> {
        let here = match taken.digests.iter().find(|digest| digest.algorithm() == stored.algorithm()) {
            Some(here) => here.clone(),
            None => self.read_again(call, stored.algorithm(), taken).await?,
        };
        if here == *stored {
            return Ok(Proof::Checksum(stored.algorithm()));
        }
        // A file that was replaced meanwhile has another checksum, and that is no damage.
        self.unchanged(call).await?;
        call.trail().found_damage();
        let message =
            format!("checksum mismatch ({} {} at the source, {} here)", stored.algorithm(), stored.hex(), here.hex());
        Err(Error::new(ErrorKind::Integrity, message).at(&self.place))
    }

    /// The storage has another kind of checksum than the one that was computed: reads once more, computes both, and
    /// makes sure that these are the same bytes.
    async fn read_again(&self, call: &Call, algorithm: Algorithm, taken: &Taken) -> Result<Digest> {
        let digests = self.same_again(call, taken, Some(algorithm)).await?;
        let found = digests.into_iter().find(|digest| digest.algorithm() == algorithm);
        found.ok_or_else(|| Error::new(ErrorKind::Internal, "a checksum that was not computed"))
    }

    /// Reads once more, and makes sure that these are the same bytes. Their checksums, and one more if it is wanted.
    async fn same_again(&self, call: &Call, taken: &Taken, more: Option<Algorithm>) -> Result<Vec<Digest>> {
        let mut hasher = Hasher::new(taken.digests.iter().map(Digest::algorithm).chain(more));
        let mut stream = self.open(call, 0).await?;
        while let Some(chunk) = stream.next().await {
            hasher.update(&chunk?);
        }
        let digests = hasher.finish();
        if taken.digests.iter().all(|digest| digests.contains(digest)) {
            return Ok(digests);
        }
        // A file that was replaced meanwhile has other bytes, and that is no damage.
        self.unchanged(call).await?;
        call.trail().found_damage();
        Err(Error::new(ErrorKind::Integrity, "two reads gave different bytes").at(&self.place))
    }
}

async fn ask_storage(place: &Place, call: &Call, first: &[Algorithm]) -> Result<Option<Digest>> {
    let path = place.resolved();
    match place.backend().digest(call, &path, first).await? {
        Some(digest) => Ok(Some(digest)),
        None => place.backend().digest(call, &path, &[]).await,
    }
}

#[async_trait]
impl Source for RemoteSource {
    fn describe(&self) -> String {
        self.place.to_string()
    }

    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    async fn open(&self, call: &Call, offset: u64) -> Result<ByteStream> {
        self.part(call, ByteRange::new(offset, u64::MAX).clamp(self.size)).await
    }

    async fn open_part(&self, call: &Call, range: ByteRange) -> Result<Option<ByteStream>> {
        Ok(Some(self.part(call, range).await?))
    }

    fn has_parts(&self) -> bool {
        self.place.backend().capabilities().ranges == Support::Yes
    }

    fn wanted(&self) -> Vec<Algorithm> {
        if self.wants_checksum() { self.algorithms.clone() } else { Vec::new() }
    }

    async fn prove(&self, call: &Call, taken: &Taken) -> Result<Proof> {
        if taken.size != self.size {
            let message = format!("{} bytes instead of {} came from", taken.size, self.size);
            return Err(Error::new(ErrorKind::Integrity, message).at(&self.place));
        }
        if self.twice {
            return self.same_again(call, taken, None).await.map(|_| Proof::ReadBack);
        }
        let stored = if self.wants_checksum() { self.stored(call).await? } else { None };
        if let Some(stored) = stored {
            return self.compare(call, &stored, taken).await;
        }
        if self.verify == Verify::Require {
            let error = Error::new(ErrorKind::Unsupported, "the storage gives no checksum to compare with for");
            return Err(error.at(&self.place).hint("--verify auto is content with the size"));
        }
        if self.verify != Verify::None && self.validator.strength() == Strength::Weak {
            self.unchanged(call).await?;
        }
        Ok(Proof::Size)
    }

    async fn local_file(&self) -> Result<Option<LocalFile>> {
        Ok(None)
    }
}

impl fmt::Debug for RemoteSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteSource({}, {} bytes)", self.place, self.size)
    }
}
