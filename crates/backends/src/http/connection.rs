//! One connection: TCP, perhaps TLS, and hyper's state of it.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use law_storage::{Error, ErrorKind, Result, Status, Timeouts};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_rustls::TlsConnector;

use super::Origin;
use super::socket::{Look, Socket};
use super::tls::handshake_error;
use super::upload::Payload;

/// How long an address family gets before the next address is tried beside it (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// How much is read at once at most: large enough that system calls do not count, small enough to stay in a CPU cache.
const BUFFER: usize = 1024 * 1024;

/// An open connection. It has no task of its own: whoever waits for something on it [drives](Self::drive) it, so that
/// bytes do not change threads on their way. Dropping it closes it, whatever is under way.
pub(super) struct Connection {
    pub(super) sender: SendRequest<Payload>,
    driver: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// One timer for all waiting: it is set anew only if it rings too early, not for each request.
    alarm: Option<Pin<Box<Sleep>>>,
    look: Look,
}

impl Connection {
    /// Moves bytes in both directions as far as they go now. Its end is seen by whoever uses the sender.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        if self.driver.as_mut().is_some_and(|driver| driver.as_mut().poll(cx).is_ready()) {
            self.driver = None;
        }
    }

    /// Whether it is so late. Until then whoever asks is woken at that time, or before.
    pub(super) fn poll_alarm(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if alarm.deadline() > at {
            alarm.as_mut().reset(at);
        }
        while alarm.as_mut().poll(cx).is_ready() {
            if Instant::now() >= at {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(at);
        }
        Poll::Pending
    }

    /// Whether it can take a request, as far as the other side has told.
    pub(super) fn is_ready(&mut self) -> bool {
        self.look.store(true, Ordering::Relaxed);
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.look.store(false, Ordering::Relaxed);
        self.was_ready()
    }

    /// Whether it could take a request when it was looked at.
    pub(super) fn was_ready(&self) -> bool {
        self.driver.is_some() && self.sender.is_ready()
    }
}

/// Connects.
///
/// # Errors
/// `Unavailable` or `Timeout`, with the host and the reason.
pub(super) async fn connect(
    origin: &Origin,
    tls: Option<Arc<ClientConfig>>,
    timeouts: &Timeouts,
) -> Result<Connection> {
    let look = Look::default();
    let tcp = timeout(timeouts.connect, "connecting", origin, dial(origin, &look)).await?;
    match tls {
        None => drive(tcp, origin, look).await,
        Some(config) => {
            let secured = timeout(timeouts.tls, "the TLS handshake", origin, handshake(tcp, config, origin)).await?;
            drive(secured, origin, look).await
        }
    }
}

/// An error on the way to a service, as one about a place in it: the place is said instead of the request's address, but for a service that could not
/// be reached at all, which its address tells best.
pub(crate) fn at_place(error: Error, url: String) -> Error {
    let is_origin = |address: &str| address.split_once("://").is_some_and(|(_, host)| !host.contains('/'));
    if error.url().is_some_and(is_origin) { error } else { error.instead_at(url) }
}

async fn timeout<T>(limit: Duration, what: &str, origin: &Origin, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let message = format!("{what} took longer than {} s", limit.as_secs_f32());
        Err(Error::new(ErrorKind::Timeout, message).at(origin))
    })
}

async fn dial(origin: &Origin, look: &Look) -> Result<Socket> {
    let addresses: Vec<SocketAddr> =
        tokio::net::lookup_host((origin.host(), origin.port())).await.map_err(|e| unknown_host(e, origin))?.collect();
    let tries = addresses.into_iter().enumerate().map(|(place, address)| async move {
        tokio::time::sleep(STAGGER * place as u32).await;
        TcpStream::connect(address).await
    });
    first_success(tries.collect(), origin, look).await
}

async fn first_success(
    mut tries: FuturesUnordered<impl Future<Output = std::io::Result<TcpStream>>>,
    origin: &Origin,
    look: &Look,
) -> Result<Socket> {
    let mut last = None;
    while let Some(result) = tries.next().await {
        match result {
            Ok(tcp) => {
                tcp.set_nodelay(true)?;
                return Ok(Socket::new(tcp, look.clone())?);
            }
            Err(error) => last = Some(error),
        }
    }
    let error = Error::new(ErrorKind::Unavailable, "cannot connect to").at(origin);
    Err(match last {
        Some(cause) => error.because(cause),
        None => error.hint("the host name has no address"),
    })
}

fn unknown_host(cause: std::io::Error, origin: &Origin) -> Error {
    // A resolver that is busy may know it later (EAI_AGAIN, of which the standard library keeps only the words).
    let later = cause.to_string().contains("Temporary failure");
    let error = Error::new(ErrorKind::Unavailable, format!("cannot find the host {}", origin.host())).because(cause);
    if later { error } else { error.with_status(Status::Exhausted) }
}

async fn handshake(
    tcp: Socket,
    config: Arc<ClientConfig>,
    origin: &Origin,
) -> Result<tokio_rustls::client::TlsStream<Socket>> {
    let name = ServerName::try_from(origin.host().to_owned())
        .map_err(|e| Error::new(ErrorKind::InvalidInput, "a host name that no certificate can have").because(e))?;
    TlsConnector::from(config).connect(name, tcp).await.map_err(|e| handshake_error(e, origin.host()).at(origin))
}

async fn drive(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    origin: &Origin,
    look: Look,
) -> Result<Connection> {
    let failed = |e| Error::new(ErrorKind::Unavailable, "no HTTP connection to").because(e).at(origin);
    let (sender, connection) = Builder::new()
        .title_case_headers(true)
        .max_buf_size(BUFFER)
        .handshake::<_, Payload>(TokioIo::new(io))
        .await
        .map_err(failed)?;
    let driver = Box::pin(async move { drop(connection.await) });
    Ok(Connection { sender, driver: Some(driver), alarm: None, look })
}
