//! The WebDAV server: the contract of a backend through it, and what it says on the wire.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails where it stands")]

mod methods;
mod reading;
mod suite;
mod trouble;
mod wire;
mod writing;

use std::path::Path as OsPath;

use law_cli::serve::{ServeOptions, Server};
use law_storage::{Call, Durability, Path};
use law_target::build::{in_memory, local};
use law_transfer::Place;

const LOOPBACK: std::net::SocketAddr =
    std::net::SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A server over an empty storage in memory, and the storage.
pub(crate) async fn over_memory() -> (Server, Place) {
    let place = Place::new(in_memory("memory"), Path::root());
    (start(&place, ServeOptions::default()).await, place)
}

/// A server over a directory of the local disk.
pub(crate) async fn over_directory(directory: &OsPath) -> Server {
    let path = Path::parse(directory.to_str().unwrap()).unwrap();
    start(&Place::new(local(Durability::None), path), ServeOptions::default()).await
}

pub(crate) async fn start(place: &Place, options: ServeOptions) -> Server {
    Server::start(place.clone(), LOOPBACK, options).await.unwrap()
}

/// Writes a file behind the server.
pub(crate) async fn write(place: &Place, name: &str, content: &str) {
    let path = place.join(&Path::parse(name).unwrap()).resolved();
    let source = law_storage::BytesSource::new(content.to_owned());
    place.backend().put(&Call::new(), &path, &source, &Default::default()).await.unwrap();
}

/// Reads a file behind the server; none if nothing is there.
pub(crate) async fn read(place: &Place, name: &str) -> Option<String> {
    let path = place.join(&Path::parse(name).unwrap()).resolved();
    place.backend().stat(&Call::new(), &path).await.unwrap()?;
    let reading = place.backend().read(&Call::new(), &path, &Default::default()).await.unwrap();
    Some(String::from_utf8(reading.collect(1 << 20).await.unwrap().to_vec()).unwrap())
}
