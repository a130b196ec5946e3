//! The proxy as others hold it: its thread, its address, its log.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use crate::connection;
use crate::fault::Fault;
use crate::head::RequestHead;
use crate::play::Play;
use crate::script::{ConnectionFault, Script};
use crate::seen::{Seen, shown_header};

/// A running proxy. Dropping or [stopping](Self::stop) it closes the listener and every connection.
pub struct FaultProxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// Starts a proxy on a free port of the loopback address, in front of a server that speaks HTTP/1.1 over plain TCP.
    ///
    /// The server need not be up: while it cannot be reached, clients get a 502 that says so.
    ///
    /// # Errors
    /// When the port, the thread or its runtime cannot be had.
    pub async fn start(upstream: SocketAddr, script: Script) -> io::Result<Self> {
        Self::start_blocking(upstream, script)
    }

    /// [`Self::start`] for tests without a runtime.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_blocking(upstream: SocketAddr, script: Script) -> io::Result<Self> {
        Self::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), upstream, script)
    }

    /// Starts a proxy that listens on this address; port 0 is any free one.
    ///
    /// # Errors
    /// As [`Self::start`], and when the port is taken.
    pub fn listen(at: SocketAddr, upstream: SocketAddr, script: Script) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(at)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            url: format!("http://{address}"),
            play: Mutex::new(Play::new(script)),
            log: watch::Sender::new(Vec::new()),
            broken_connections: AtomicU64::new(0),
        });
        let (stop, stopped) = oneshot::channel();
        let thread = spawn(listener, Arc::clone(&shared), stopped)?;
        Ok(Self { shared, address, stop: Some(stop), thread: Some(thread) })
    }

    /// The address to connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://ADDRESS:PORT`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// Replaces the script for all requests whose head is yet to come; all counters start again. Faults that were
    /// chosen before go on.
    pub fn set_script(&self, script: Script) {
        *self.shared.play() = Play::new(script);
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.log.borrow().clone()
    }

    /// How many connections met a [`ConnectionFault`]; they are not in the log, as they have no request.
    pub fn broken_connections(&self) -> u64 {
        self.shared.broken_connections.load(Ordering::Relaxed)
    }

    /// Waits until the log satisfies a condition, and returns it: the way to wait for "the stall has begun" without
    /// a sleep. Waits for ever if that never happens.
    pub async fn wait_for(&self, condition: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
        let mut log = self.shared.log.subscribe();
        match log.wait_for(|seen| condition(seen)).await {
            Ok(seen) => seen.clone(),
            // Only a dropped sender is an error here, and `self` holds it.
            Err(_) => self.requests(),
        }
    }

    /// Closes the listener and every connection, and waits until that is done. From then on connections are refused.
    pub fn stop(mut self) {
        self.shut_down();
    }

    fn shut_down(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl std::fmt::Debug for FaultProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FaultProxy({} -> {})", self.shared.url, self.shared.upstream)
    }
}

fn spawn(
    listener: std::net::TcpListener,
    shared: Arc<Shared>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _entered = runtime.enter();
        TcpListener::from_std(listener)?
    };
    std::thread::Builder::new().name("law-faults".to_owned()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = accept(listener, shared) => {}
                _ = stopped => {}
            }
        });
    })
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut number = 0;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, most likely: some will be freed.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        let fault = shared.play().next_connection();
        number += u64::from(fault != Some(ConnectionFault::Refuse));
        tokio::spawn(connection::admit(stream, fault, number, Arc::clone(&shared)));
    }
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) upstream: SocketAddr,
    pub(crate) url: String,
    play: Mutex<Play>,
    log: watch::Sender<Vec<Seen>>,
    broken_connections: AtomicU64,
}

impl Shared {
    fn play(&self) -> MutexGuard<'_, Play> {
        self.play.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn broke_connection(&self) {
        self.broken_connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn decide(&self, request: &RequestHead) -> Option<Fault> {
        self.play().decide(&request.method, &request.target)
    }

    /// Adds a request to the log and returns its place.
    pub(crate) fn record(&self, connection: u64, request: &RequestHead, fault: Option<Fault>) -> usize {
        let headers = request.headers.iter().map(|(name, value)| shown_header(name, value)).collect();
        let (method, target) = (request.method.clone(), request.target.clone());
        let seen =
            Seen { connection, method, target, headers, fault, fired: false, status: None, sent: 0, ended: false };
        let mut place = 0;
        self.log.send_modify(|log| {
            place = log.len();
            log.push(seen);
        });
        place
    }

    pub(crate) fn update(&self, place: usize, change: impl FnOnce(&mut Seen)) {
        self.log.send_modify(|log| {
            if let Some(seen) = log.get_mut(place) {
                change(seen);
            }
        });
    }
}
