//! One request and its answer on one connection, with a limit for every kind of waiting.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use law_storage::{Error, ErrorKind, Outcome, Result, Timeouts};
use tokio::sync::oneshot;

use super::connection::Connection;
use super::upload::{Gate, Payload, Progress};

/// Why there is no answer.
pub(super) enum Failure {
    /// The connection was closed before the server can have seen the request.
    Unsent(Error),
    /// The connection was closed without an answer: the server may or may not have acted.
    Unanswered(Error),
    /// Anything else.
    Final(Error),
}

impl Failure {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Unsent(error) | Self::Final(error) => error,
            Self::Unanswered(error) => error.with_outcome(Outcome::Unknown),
        }
    }
}

/// A gate that opens when the server says `100 Continue`, or after `wait`; never because of another answer.
pub(super) fn gate(request: &mut hyper::Request<()>, wait: Duration) -> Gate {
    let (opener, opened) = oneshot::channel();
    let opener = Mutex::new(Some(opener));
    hyper::ext::on_informational(request, move |answer| {
        if answer.status() == http::StatusCode::CONTINUE {
            let opener = opener.lock().ok().and_then(|mut opener| opener.take());
            opener.map(|opener| opener.send(()));
        }
    });
    Box::pin(async move {
        if let Ok(Err(_)) = tokio::time::timeout(wait, opened).await {
            // The final answer came instead: the body is not wanted, and this request is about to be dropped.
            std::future::pending::<()>().await;
        }
    })
}

/// Sends a request and waits for the head of its answer.
pub(super) async fn exchange(
    connection: &mut Connection,
    request: hyper::Request<Payload>,
    progress: Option<Arc<Progress>>,
    timeouts: &Timeouts,
) -> Result<hyper::Response<Incoming>, Failure> {
    let mut answer = pin!(connection.sender.try_send_request(request));
    let mut patience = Patience::new(progress.clone(), *timeouts);
    loop {
        let late = tokio::time::Instant::now() + patience.step();
        let answer = poll_fn(|cx| {
            connection.drive(cx);
            match answer.as_mut().poll(cx) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending => connection.poll_alarm(cx, late).map(|()| None),
            }
        });
        match answer.await {
            Some(answer) => return answer.map_err(|refused| explain(refused, progress.as_deref())),
            None => patience.check().map_err(Failure::Final)?,
        }
    }
}

fn explain(
    mut refused: hyper::client::conn::TrySendError<hyper::Request<Payload>>,
    progress: Option<&Progress>,
) -> Failure {
    if let Some(error) = progress.and_then(Progress::take_failure) {
        return Failure::Final(error);
    }
    let unsent = refused.take_message().is_some();
    let cause = refused.into_error();
    let closed = cause.is_incomplete_message() || cause.is_canceled() || cause.is_closed() || is_reset(&cause);
    let malformed = cause.is_parse();
    let kind = if malformed { ErrorKind::Malformed } else { ErrorKind::Unavailable };
    let message = if malformed { "the answer is not HTTP" } else { "the connection was closed without an answer" };
    let error = Error::new(kind, message).because(cause);
    match (unsent, closed) {
        (true, _) => Failure::Unsent(error),
        (false, true) => Failure::Unanswered(error),
        (false, false) => Failure::Final(error.with_outcome(Outcome::Unknown)),
    }
}

fn is_reset(error: &hyper::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let io = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| matches!(io.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof))
}

/// Watches a request under way: its body must move, and then its answer must come.
struct Patience {
    progress: Option<Arc<Progress>>,
    timeouts: Timeouts,
    seen: u64,
    since: Instant,
}

impl Patience {
    fn new(progress: Option<Arc<Progress>>, timeouts: Timeouts) -> Self {
        Self { progress, timeouts, seen: 0, since: Instant::now() }
    }

    /// How long until it is worth looking again.
    fn step(&self) -> Duration {
        match &self.progress {
            None => self.timeouts.first_byte.saturating_sub(self.since.elapsed()),
            Some(_) => self.timeouts.stall.min(self.timeouts.first_byte) / 4,
        }
    }

    fn check(&mut self) -> Result<()> {
        let (held, unfinished) = match &self.progress {
            None => (false, false),
            Some(progress) => {
                let sent = progress.sent();
                let moved = std::mem::replace(&mut self.seen, sent) != sent;
                let excused = progress.is_held() || progress.waits_for_source();
                if moved || excused {
                    self.since = Instant::now();
                }
                (excused, sent < progress.size())
            }
        };
        let limit = if unfinished { self.timeouts.stall } else { self.timeouts.first_byte };
        if held || self.since.elapsed() < limit {
            return Ok(());
        }
        let what = if unfinished { "the server took no byte" } else { "no answer came" };
        let error = Error::new(ErrorKind::Timeout, format!("{what} for {} s", limit.as_secs_f32()));
        Err(error.with_outcome(Outcome::Unknown))
    }
}
