//! The link delivers every byte, and none too early.
#![allow(clippy::unwrap_used, reason = "all of it is test code, also what stands outside of #[test]")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use law_faults::{Distance, DistantLink};

/// A server that answers each connection with what it was sent.
fn echo() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.try_clone().unwrap();
    thread::spawn(move || {
        for client in server.incoming() {
            let mut client = client.unwrap();
            thread::spawn(move || {
                let mut all = Vec::new();
                client.read_to_end(&mut all).unwrap();
                client.write_all(&all).unwrap();
            });
        }
    });
    listener
}

fn round_trip(link: &DistantLink, bytes: &[u8]) -> Vec<u8> {
    let mut client = TcpStream::connect(link.address()).unwrap();
    client.write_all(bytes).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    answer
}

#[test]
fn every_byte_arrives_and_none_before_its_time() {
    let server = echo();
    let distance = Distance { round_trip: Duration::from_millis(40), rate: 100_000_000, window: 1 << 20 };
    let link = DistantLink::start(server.local_addr().unwrap(), distance).unwrap();
    let begin = Instant::now();
    assert_eq!(round_trip(&link, b"x"), b"x");
    // One round trip for the connection, one for the question.
    assert!(begin.elapsed() >= Duration::from_millis(80), "{:?}", begin.elapsed());
    let many: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    assert!(round_trip(&link, &many) == many);
}

#[test]
fn a_link_and_a_window_limit_how_fast_it_goes() {
    let server = echo();
    let at = server.local_addr().unwrap();
    let narrow = Distance { round_trip: Duration::from_millis(1), rate: 2_000_000, window: 1 << 20 };
    let short = Distance { round_trip: Duration::from_millis(100), rate: 1_000_000_000, window: 100_000 };
    for distance in [narrow, short] {
        let link = DistantLink::start(at, distance).unwrap();
        let begin = Instant::now();
        assert_eq!(round_trip(&link, &[7; 400_000]).len(), 400_000);
        // 0.2 s each way by the rate, and four windows each way, of which the last one is answered at once.
        assert!(begin.elapsed() >= Duration::from_millis(400), "{distance:?}: {:?}", begin.elapsed());
    }
}

#[test]
fn a_server_that_is_away_closes_the_connection() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let distance = Distance { round_trip: Duration::from_millis(1), rate: 1_000_000, window: 1 << 16 };
    let link = DistantLink::start(gone, distance).unwrap();
    let mut client = TcpStream::connect(link.address()).unwrap();
    assert!(matches!(client.read(&mut [0]), Ok(0) | Err(_)));
}
