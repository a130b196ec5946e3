//! Sources that behave as a case wants.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, stream};
use tokio::sync::Barrier;

use crate::faulty::Gate;
use crate::{Algorithm, ByteStream, Call, Error, ErrorKind, LocalFile, Proof, Result, Source, Taken};

/// How many bytes come at once.
const PIECE: usize = 16 * 1024;

/// What happens at some offset of a source.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// The stream ends in this error.
    Error(ErrorKind),
    /// The stream waits until the gate opens.
    Wait(Gate),
    /// The stream waits for others: for a while, as a backend may let in only one at a time.
    Meet(Arc<Barrier>),
}

impl Event {
    async fn happen(self) -> Result<()> {
        match self {
            Self::Error(kind) => return Err(Error::new(kind, "the source broke on purpose")),
            Self::Wait(gate) => gate.pass().await,
            Self::Meet(others) => drop(tokio::time::timeout(Duration::from_secs(1), others.wait()).await),
        }
        Ok(())
    }
}

/// What a backend did with a source.
#[derive(Debug, Default, Clone)]
pub(super) struct Log {
    /// The offsets from which it was opened.
    pub(super) opened: Vec<u64>,
    /// What it had to prove.
    pub(super) taken: Vec<Taken>,
}

type OnProof = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Bytes in memory that come in pieces, with whatever else a case needs.
#[derive(Clone)]
pub(super) struct TestSource {
    content: Bytes,
    announced: Option<u64>,
    event: Option<(usize, Event)>,
    proof: Result<Proof, ErrorKind>,
    wanted: Vec<Algorithm>,
    on_proof: Option<OnProof>,
    log: Arc<Mutex<Log>>,
}

impl TestSource {
    pub(super) fn new(content: impl Into<Bytes>) -> Self {
        let content = content.into();
        Self {
            announced: Some(content.len() as u64),
            content,
            event: None,
            proof: Ok(Proof::Local),
            wanted: Vec::new(),
            on_proof: None,
            log: Arc::default(),
        }
    }

    /// Says that it has so many bytes, or that it does not know.
    pub(super) fn announcing(mut self, size: Option<u64>) -> Self {
        self.announced = size;
        self
    }

    pub(super) fn with_event(mut self, at: usize, event: Event) -> Self {
        self.event = Some((at, event));
        self
    }

    pub(super) fn proving(mut self, proof: Result<Proof, ErrorKind>) -> Self {
        self.proof = proof;
        self
    }

    pub(super) fn wanting(mut self, wanted: &[Algorithm]) -> Self {
        self.wanted = wanted.to_vec();
        self
    }

    /// Looks around while it proves itself.
    pub(super) fn on_proof(mut self, look: OnProof) -> Self {
        self.on_proof = Some(look);
        self
    }

    pub(super) fn log(&self) -> Log {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next bytes from `offset` on, after what must happen there.
    async fn piece(content: &Bytes, offset: usize, event: &mut Option<(usize, Event)>) -> Result<Option<Bytes>> {
        // Lets others run: a backend that never waits would otherwise be alone.
        tokio::task::yield_now().await;
        if let Some((_, event)) = event.take_if(|(at, _)| *at <= offset) {
            event.happen().await?;
        }
        let end = event.as_ref().map_or(content.len(), |(at, _)| content.len().min(*at)).min(offset + PIECE);
        Ok((offset < content.len()).then(|| content.slice(offset..end)))
    }
}

impl fmt::Debug for TestSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestSource({} bytes)", self.content.len())
    }
}

#[async_trait]
impl Source for TestSource {
    fn describe(&self) -> String {
        "a source of the conformance suite".into()
    }

    fn size(&self) -> Option<u64> {
        self.announced
    }

    async fn open(&self, _call: &Call, offset: u64) -> Result<ByteStream> {
        self.lock().opened.push(offset);
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(self.content.len());
        let state = (self.content.clone(), offset, self.event.clone());
        Ok(stream::try_unfold(state, |(content, offset, mut event)| async move {
            let piece = Self::piece(&content, offset, &mut event).await?;
            Ok(piece.map(|piece| {
                let next = offset + piece.len();
                (piece, (content, next, event))
            }))
        })
        .boxed())
    }

    fn wanted(&self) -> Vec<Algorithm> {
        self.wanted.clone()
    }

    async fn prove(&self, _call: &Call, taken: &Taken) -> Result<Proof> {
        self.lock().taken.push(taken.clone());
        if let Some(look) = &self.on_proof {
            look().await;
        }
        self.proof.clone().map_err(|kind| Error::new(kind, "the source proved wrong on purpose"))
    }

    async fn local_file(&self) -> Result<Option<LocalFile>> {
        Ok(None)
    }
}

/// Bytes without a pattern, always the same for a seed: a block of noise (splitmix64), each time with its number.
pub(super) fn random(seed: u64, length: usize) -> Bytes {
    let mut state = seed;
    let word = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).to_le_bytes()
    };
    let mut block: Vec<u8> = std::iter::repeat_with(word).take(512).flatten().collect();
    let mut bytes = Vec::with_capacity(length + block.len());
    for number in 0..length.div_ceil(block.len()) as u64 {
        block[..8].copy_from_slice(&number.to_be_bytes());
        bytes.extend_from_slice(&block);
    }
    bytes.truncate(length);
    bytes.into()
}
