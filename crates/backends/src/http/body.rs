//! Response bodies.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use http::HeaderMap;
use http_body::Body as _;
use hyper::body::{Frame, Incoming};
use law_storage::{ByteStream, Error, ErrorKind, Result};
use tokio::time::Instant;

use super::Origin;
use super::address::Address;
use super::connection::Connection;
use super::places::Place;
use super::pool::Pool;

/// The header by which XrdHttp says how a transfer ended after its status line is long gone.
const TRANSFER_STATUS: &str = "x-transfer-status";

/// The body of an answer. Read to its end it gives its connection back; dropped before, it closes it.
pub struct Body {
    incoming: Incoming,
    lease: Option<Lease>,
    stall: Duration,
    place: Address,
}

/// A connection in use, and its place among those that may be used at once.
pub(super) struct Lease {
    pub(super) connection: Connection,
    pub(super) origin: Origin,
    pub(super) pool: Arc<Pool>,
    pub(super) _place: Place,
}

impl Lease {
    fn end(self) {
        self.pool.give(self.origin, self.connection);
    }
}

impl Body {
    pub(super) fn new(incoming: Incoming, lease: Lease, stall: Duration, place: Address) -> Self {
        Self { incoming, lease: Some(lease), stall, place }
    }

    /// Waits so long for the next byte.
    #[must_use]
    pub fn patient(mut self, stall: Duration) -> Self {
        self.stall = stall;
        self
    }

    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// `Timeout` without a byte for the stall time, `Unavailable` for a broken connection, `Integrity` for a trailer
    /// that says that the transfer failed.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        loop {
            let late = Instant::now() + self.stall;
            let frame = poll_fn(|cx| self.poll_frame(cx, late)).await.ok_or_else(|| self.stalled())?;
            match frame {
                None => {
                    self.end();
                    return Ok(None);
                }
                Some(Err(error)) => return Err(self.broken(error)),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => return Ok(Some(bytes)),
                    Err(frame) => self.check_trailers(frame.trailers_ref())?,
                },
            }
        }
    }

    /// The body asks, the connection reads, the body has it. Outside, none is that it is late.
    fn poll_frame(&mut self, cx: &mut Context<'_>, late: Instant) -> Poll<Option<Option<hyper::Result<Frame<Bytes>>>>> {
        let asked = Pin::new(&mut self.incoming).poll_frame(cx);
        if asked.is_ready() {
            return asked.map(Some);
        }
        if let Some(lease) = &mut self.lease {
            lease.connection.drive(cx);
        }
        let asked = Pin::new(&mut self.incoming).poll_frame(cx);
        match &mut self.lease {
            Some(lease) if asked.is_pending() => lease.connection.poll_alarm(cx, late).map(|()| None),
            _ => asked.map(Some),
        }
    }

    /// The bytes as a stream.
    pub fn into_stream(self) -> ByteStream {
        stream::try_unfold(self, |mut body| async move { Ok(body.chunk().await?.map(|bytes| (bytes, body))) }).boxed()
    }

    /// Reads a small body to its end, and no more than `limit` bytes of it.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk); `Malformed` if there is more.
    pub async fn collect(mut self, limit: usize) -> Result<Bytes> {
        let mut all = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            all.extend_from_slice(&chunk);
            if all.len() > limit {
                return Err(Error::new(ErrorKind::Malformed, "an answer that is far too long").at(&self.place));
            }
        }
        Ok(all.freeze())
    }

    /// Throws away a small body, so that the connection can be used again; a long or slow one costs the connection.
    pub async fn discard(self) {
        const WORTH: usize = 64 * 1024;
        let _ = tokio::time::timeout(Duration::from_secs(1), self.collect(WORTH)).await;
    }

    fn end(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.end();
        }
    }

    fn stalled(&self) -> Error {
        let message = format!("no byte came for {} s", self.stall.as_secs_f32());
        Error::new(ErrorKind::Timeout, message).at(&self.place)
    }

    fn broken(&self, error: hyper::Error) -> Error {
        Error::new(ErrorKind::Unavailable, "the connection broke in the middle of").at(&self.place).because(error)
    }

    fn check_trailers(&self, trailers: Option<&HeaderMap>) -> Result<()> {
        let Some(status) = trailers.and_then(|trailers| trailers.get(TRANSFER_STATUS)) else { return Ok(()) };
        let text = String::from_utf8_lossy(status.as_bytes()).into_owned();
        if text.trim_start().starts_with("200") {
            return Ok(());
        }
        let message = format!("the server says at the end that the transfer failed ({})", text.trim());
        Err(Error::new(ErrorKind::Integrity, message).at(&self.place))
    }
}
