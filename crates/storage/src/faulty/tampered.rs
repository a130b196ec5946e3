//! Bytes that meet a fault on their way.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, future};

use super::{Fault, happen};
use crate::{Algorithm, ByteRange, ByteStream, Call, LocalFile, Proof, Result, Source, Taken};

/// A stream of bytes that begins at `offset`, with a fault in it.
pub(super) fn tamper(bytes: ByteStream, offset: u64, fault: Fault, call: &Call) -> ByteStream {
    let at = fault.at();
    if matches!(fault, Fault::Flip { .. }) {
        let flipped = bytes.scan(offset, move |offset, item| {
            let flipped = item.map(|bytes| flip(bytes, offset, at));
            future::ready(Some(flipped))
        });
        return flipped.boxed();
    }
    let left = at.saturating_sub(offset);
    interrupt(cut(bytes, left), left, fault, call, |bytes| bytes.len() as u64)
}

/// The same chunk but for one bit, if the byte `at` is in it; `offset` moves behind it.
pub(super) fn flip(bytes: Bytes, offset: &mut u64, at: u64) -> Bytes {
    let within = at.checked_sub(*offset).filter(|within| *within < bytes.len() as u64);
    *offset += bytes.len() as u64;
    let Some(within) = within else { return bytes };
    let mut changed = bytes.to_vec();
    changed[within as usize] ^= 1;
    changed.into()
}

/// The same bytes, with an end of a chunk after the first `left` of them.
fn cut(bytes: ByteStream, left: u64) -> ByteStream {
    let pieces = bytes.scan(left, |left, item| {
        let pieces = match item {
            Ok(mut bytes) => {
                let first = bytes.split_to(bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX)));
                *left -= first.len() as u64;
                vec![Ok(first), Ok(bytes)]
            }
            Err(error) => vec![Err(error)],
        };
        future::ready(Some(stream::iter(pieces)))
    });
    pieces.flatten().filter(|item| future::ready(!item.as_ref().is_ok_and(Bytes::is_empty))).boxed()
}

/// The same items until `left` of them, as `measure` counts, have passed; then the fault; then the others.
pub(super) fn interrupt<T: Send + 'static>(
    items: BoxStream<'static, Result<T>>,
    left: u64,
    fault: Fault,
    call: &Call,
    measure: fn(&T) -> u64,
) -> BoxStream<'static, Result<T>> {
    let state = (items, Some(fault), left, call.clone());
    stream::try_unfold(state, move |(mut items, mut fault, left, call)| async move {
        if let Some(fault) = fault.take_if(|_| left == 0) {
            happen(&call, fault).await?;
        }
        let item = items.next().await.transpose()?;
        if let Some(fault) = fault.take_if(|_| item.is_none()) {
            happen(&call, fault).await?;
        }
        Ok(item.map(|item| {
            let left = left.saturating_sub(measure(&item));
            (item, (items, fault, left, call))
        }))
    })
    .boxed()
}

/// A source whose bytes pass a fault.
#[derive(Debug)]
pub(super) struct FaultySource<'a> {
    pub(super) inner: &'a dyn Source,
    pub(super) fault: Fault,
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Source for FaultySource<'_> {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn size(&self) -> Option<u64> {
        self.inner.size()
    }

    async fn open(&self, call: &Call, offset: u64) -> Result<ByteStream> {
        Ok(tamper(self.inner.open(call, offset).await?, offset, self.fault.clone(), call))
    }

    // Offsets of faults are those of one stream.
    async fn open_part(&self, _call: &Call, _range: ByteRange) -> Result<Option<ByteStream>> {
        Ok(None)
    }

    fn has_parts(&self) -> bool {
        false
    }

    fn is_in_memory(&self) -> bool {
        // Whatever happens to it must happen to all.
        false
    }

    fn wanted(&self) -> Vec<Algorithm> {
        self.inner.wanted()
    }

    async fn prove(&self, call: &Call, taken: &Taken) -> Result<Proof> {
        self.inner.prove(call, taken).await
    }

    // A copy within the kernel would pass the fault by.
    async fn local_file(&self) -> Result<Option<LocalFile>> {
        Ok(None)
    }
}
