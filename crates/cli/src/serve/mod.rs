//! A WebDAV server (RFC 4918, class 1) over any file system: what `law fs serve` and the demo run, and tests in-process.
//!
//! PROPFIND, PROPPATCH, MKCOL and DELETE are the crate `dav-server` over `tree`. GET, PUT, MOVE and COPY are written
//! here, as that crate lets go of the old file before the new one is there, and fills up with zeros what it cannot read.
//!
//! What it promises beyond the protocol:
//! * A file is published whole or not at all. A PUT that breaks off changes nothing.
//! * MOVE and COPY replace files as the storage does; a directory is never replaced, it is 409 (RFC 4918 would have it
//!   removed first).
//! * A listing or a download that breaks ends in a cut connection, never in a short answer.
//! * Checksums are told to those who ask with `Want-Digest` (RFC 3230) or `Want-Repr-Digest` (RFC 9530).
//!
//! There is no authentication and no TLS, so that only this machine is served unless that is asked for. Links are
//! followed, also those that lead out of the directory.

mod answer;
mod conditions;
mod connection;
mod digests;
mod download;
mod relocate;
mod selection;
mod service;
mod tree;
mod upload;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use law_storage::{Error, ErrorKind, Result};
use law_transfer::Place;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use service::Service;

/// How long requests under way may take after [`Server::stop`].
const GRACE: Duration = Duration::from_secs(5);

/// How a file system is served.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ServeOptions {
    /// Whatever changes something is 403.
    pub read_only: bool,
    /// Addresses that other machines can reach are served too.
    pub allow_foreign: bool,
}

/// A server that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Server {
    url: String,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves what is below `place`, from now on, on the current runtime. Port 0 takes a free one.
    ///
    /// # Errors
    /// `InvalidInput` for an address that is not this machine's own, unless the options allow it; those of listening.
    pub async fn start(place: Place, address: SocketAddr, options: ServeOptions) -> Result<Self> {
        if !address.ip().is_loopback() && !options.allow_foreign {
            let error = Error::new(ErrorKind::InvalidInput, "other machines could reach this address").at(address);
            return Err(error.hint("--allow-foreign serves it, to everybody and without a password"));
        }
        let listener = TcpListener::bind(address).await;
        let listener =
            listener.map_err(|e| Error::new(ErrorKind::Unavailable, "cannot listen on").at(address).because(e))?;
        let url = format!("http://{}/", reachable(listener.local_addr()?));
        let service = Arc::new(Service::new(place, address.ip(), options.read_only));
        let stop = CancellationToken::new();
        let task = tokio::spawn(connection::accept(listener, service, stop.clone()));
        Ok(Self { url, stop, task })
    }

    /// Where it is, such as `http://127.0.0.1:34567/`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Takes no more requests, waits for those under way, and cuts those off that take more than 5 s.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if tokio::time::timeout(GRACE, &mut self.task).await.is_err() {
            self.task.abort();
            // An aborted task ends in an error, which says nothing new.
            drop((&mut self.task).await);
        }
    }
}

/// Where a client finds it: "all addresses" is none that can be opened, so that the name of this machine stands for it.
fn reachable(address: SocketAddr) -> String {
    if !address.ip().is_unspecified() {
        return address.to_string();
    }
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let is_known = std::net::ToSocketAddrs::to_socket_addrs(&(name.as_str(), address.port())).is_ok();
    match is_known {
        true => format!("{name}:{}", address.port()),
        false => SocketAddr::new(loopback_of(address), address.port()).to_string(),
    }
}

fn loopback_of(address: SocketAddr) -> IpAddr {
    if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() }
}

/// Cuts everything off.
impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
