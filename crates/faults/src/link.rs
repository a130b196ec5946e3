//! A link as between two cities: every byte arrives later, and no more of them than the link carries.
//!
//! Loopback hides what a client does on a real network: there a request too many costs nothing, and one connection is as good as
//! eight. The kernels of many machines cannot delay packets (`tc netem` is a module), so it is done here, above TCP.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

/// What is read at once: small beside every window.
const CHUNK: usize = 64 * 1024;

/// What a link is like.
#[derive(Clone, Copy, Debug)]
pub struct Distance {
    /// How long a question and its answer are under way, beside the time of the server. A new connection takes as long.
    pub round_trip: Duration,
    /// Bytes per second in each direction, shared by all connections.
    pub rate: u64,
    /// Bytes of one connection and direction that may be under way: beyond `window / round_trip` one connection is no faster.
    pub window: u32,
}

/// A running link. Dropping it closes the listener and every connection.
pub struct DistantLink {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl DistantLink {
    /// Starts a link on a free port of the loopback address, to a server of any protocol over TCP.
    ///
    /// # Errors
    /// When the port, the thread or its runtime cannot be had.
    pub fn start(server: SocketAddr, distance: Distance) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("law-link".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    _ = accept(listener, server, distance) => {}
                }
            });
        })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// The address to connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for DistantLink {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of it has been printed.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: std::net::TcpListener, server: SocketAddr, distance: Distance) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let (up, down) = (Carrier::new(distance), Carrier::new(distance));
    loop {
        let (client, _) = listener.accept().await?;
        tokio::spawn(connect(client, server, up.clone(), down.clone()));
    }
}

async fn connect(client: TcpStream, server: SocketAddr, up: Carrier, down: Carrier) -> io::Result<()> {
    client.set_nodelay(true)?;
    sleep(up.distance.round_trip).await;
    let server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let (there, back) = tokio::join!(up.carry(from_client, to_server), down.carry(from_server, to_client));
    there.and(back)
}

/// One direction of the link.
#[derive(Clone)]
struct Carrier {
    distance: Distance,
    /// When what was taken so far has entered the link.
    busy_until: Arc<Mutex<Instant>>,
}

/// Bytes under way: when they arrive, and their part of the window.
type UnderWay = (Instant, Bytes, OwnedSemaphorePermit);

impl Carrier {
    fn new(distance: Distance) -> Self {
        Self { distance, busy_until: Arc::new(Mutex::new(Instant::now())) }
    }

    /// Carries bytes of one connection until their end, which is carried, too.
    async fn carry(self, from: OwnedReadHalf, to: OwnedWriteHalf) -> io::Result<()> {
        let (give, take) = mpsc::unbounded_channel();
        let half = self.distance.round_trip / 2;
        let (taken, given) = tokio::join!(self.depart(from, give), arrive(to, take, half));
        taken.and(given)
    }

    async fn depart(&self, mut from: OwnedReadHalf, under_way: mpsc::UnboundedSender<UnderWay>) -> io::Result<()> {
        let window = Arc::new(Semaphore::new(self.distance.window as usize));
        let chunk = CHUNK.min(self.distance.window as usize);
        let mut buffer = vec![0; chunk];
        loop {
            let all = window.clone().acquire_many_owned(chunk as u32).await.map_err(io::Error::other)?;
            let read = from.read(&mut buffer).await?;
            let mut part = all;
            drop(part.split(chunk - read));
            let entered = self.enter(read as u64);
            sleep_until(entered).await;
            let arrival = entered + self.distance.round_trip / 2;
            let sent = under_way.send((arrival, Bytes::copy_from_slice(&buffer[..read]), part));
            if read == 0 || sent.is_err() {
                return Ok(());
            }
        }
    }

    /// When so many bytes have entered the link, which takes them one after the other.
    fn enter(&self, bytes: u64) -> Instant {
        // Each change of it is one step.
        let mut busy_until = self.busy_until.lock().unwrap_or_else(PoisonError::into_inner);
        let duration = Duration::from_secs_f64(bytes as f64 / self.distance.rate as f64);
        *busy_until = Instant::now().max(*busy_until) + duration;
        *busy_until
    }
}

/// Hands over what arrives. Its window is free again when the sender would hear of it.
async fn arrive(
    mut to: OwnedWriteHalf,
    mut under_way: mpsc::UnboundedReceiver<UnderWay>,
    half: Duration,
) -> io::Result<()> {
    while let Some((arrival, bytes, part)) = under_way.recv().await {
        sleep_until(arrival).await;
        match bytes.is_empty() {
            true => to.shutdown().await?,
            false => to.write_all(&bytes).await?,
        }
        tokio::spawn(async move {
            sleep(half).await;
            drop(part);
        });
    }
    Ok(())
}
