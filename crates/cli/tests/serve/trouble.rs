//! A storage in trouble behind the server: said with the right status, and never a short answer.

use std::sync::Arc;

use law_cli::serve::{ServeOptions, Server};
use law_storage::{ErrorKind, Fault, Faulty, FileSystem, Memory, Operation, Path, Scripted};
use law_transfer::Place;

use crate::wire::{ask, exchange, status};
use crate::{read, start, write};

/// A server over a storage that has a file `a` and behaves, and the storage.
async fn well() -> (Server, Place, Arc<Faulty>) {
    let faulty = Arc::new(Faulty::new(Arc::new(Memory::new()), []));
    let place = Place::new(FileSystem::new("faulty", Path::root(), faulty.clone()), Path::root());
    write(&place, "a", "0123456789").await;
    (start(&place, ServeOptions::default()).await, place, faulty)
}

async fn with(fault: Scripted) -> Server {
    let (server, _, faulty) = well().await;
    faulty.add(fault);
    server
}

#[tokio::test]
async fn every_trouble_has_its_status() {
    for (kind, expected) in [
        (ErrorKind::Unavailable, 503),
        (ErrorKind::Timeout, 504),
        (ErrorKind::PermissionDenied, 403),
        (ErrorKind::Unauthenticated, 502),
    ] {
        let server = with(Fault::Fail(kind).always(Operation::Stat)).await;
        for line in ["GET /a", "PUT /a", "PROPFIND /a", "DELETE /a", "MKCOL /d", "COPY /a"] {
            let headers = "Depth: 0\r\nDestination: /b\r\n";
            assert_eq!(status(&server, line, headers, "").await, expected, "{line} {kind:?}");
        }
    }
    let server = with(Fault::Fail(ErrorKind::NoSpace).always(Operation::Put)).await;
    assert_eq!(status(&server, "PUT /a", "", "new").await, 507);
    let server = with(Fault::Fail(ErrorKind::Timeout).always(Operation::Remove)).await;
    assert_eq!(status(&server, "DELETE /a", "", "").await, 504);
}

/// The last chunk of the chunked coding is what makes a body whole.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

#[tokio::test]
async fn a_listing_that_breaks_is_cut_off() {
    let (server, ..) = well().await;
    assert!(exchange(&server, "PROPFIND /", "Depth: 1\r\n", "").await.ends_with(LAST_CHUNK));
    for fault in [Fault::Fail(ErrorKind::Timeout), Fault::Break { at: 0, kind: ErrorKind::Timeout }] {
        let server = with(fault.always(Operation::List)).await;
        let listing = exchange(&server, "PROPFIND /", "Depth: 1\r\n", "").await;
        assert!(!listing.ends_with(LAST_CHUNK), "{}", String::from_utf8_lossy(&listing));
    }
}

#[tokio::test]
async fn a_download_that_breaks_is_cut_off() {
    let (server, _, faulty) = well().await;
    assert!(exchange(&server, "GET /a", "", "").await.ends_with(b"\r\n\r\n0123456789"));
    faulty.add(Fault::Break { at: 4, kind: ErrorKind::Timeout }.always(Operation::Read));
    let cut = exchange(&server, "GET /a", "", "").await;
    // Before its first bytes have left, the whole answer may be taken back.
    assert!(cut.is_empty() || cut.ends_with(b"\r\n\r\n0123"), "{}", String::from_utf8_lossy(&cut));
}

#[tokio::test]
async fn a_file_that_changes_between_looking_and_reading_is_looked_at_again() {
    let server = with(Fault::Fail(ErrorKind::Changed).on(Operation::Read, 1)).await;
    assert_eq!(ask(&server, "GET /a", "", "").await.text(), "0123456789");
    let server = with(Fault::Fail(ErrorKind::Changed).always(Operation::Read)).await;
    assert_eq!(status(&server, "GET /a", "", "").await, 503);
}

#[tokio::test]
async fn an_upload_that_the_storage_refuses_keeps_the_old_file() {
    let (server, place, faulty) = well().await;
    faulty.add(Fault::Break { at: 2, kind: ErrorKind::NoSpace }.always(Operation::Put));
    assert_eq!(status(&server, "PUT /a", "", "new content").await, 507);
    assert_eq!(read(&place, "a").await.as_deref(), Some("0123456789"));
}
