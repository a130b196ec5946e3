//! A connection of a client before its first request: broken, tunnelled, or served.

use std::future::pending;
use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::proxy::Shared;
use crate::relay;
use crate::script::ConnectionFault;

/// The first byte of a TLS handshake (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;

/// No TLS record begins like this.
const GARBAGE: &[u8] = b"220 this is not TLS\r\n";

/// Looks after a connection until it ends. `number` is for the log.
pub(crate) async fn admit(client: TcpStream, fault: Option<ConnectionFault>, number: u64, shared: Arc<Shared>) {
    match fault {
        Some(ConnectionFault::BlackHole) => {
            shared.broke_connection();
            pending().await
        }
        Some(ConnectionFault::Refuse) => reset(&client, &shared),
        Some(ConnectionFault::TlsClose) if speaks_tls(&client).await => shared.broke_connection(),
        Some(ConnectionFault::TlsGarbage) if speaks_tls(&client).await => garbage(client, &shared).await,
        _ if speaks_tls(&client).await => tunnel(client, &shared).await,
        _ => relay::serve(client, number, shared).await,
    }
}

fn reset(client: &TcpStream, shared: &Shared) {
    let _ = client.set_zero_linger();
    shared.broke_connection();
}

async fn garbage(mut client: TcpStream, shared: &Shared) {
    shared.broke_connection();
    // It may have gone.
    let _ = client.write_all(GARBAGE).await;
}

/// Connects both sides byte by byte, as nothing can be seen in there.
async fn tunnel(mut client: TcpStream, shared: &Shared) {
    if let Ok(mut server) = TcpStream::connect(shared.upstream).await {
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    }
}

/// Waits for the first byte, and leaves it where it is.
async fn speaks_tls(client: &TcpStream) -> bool {
    let mut first = [0];
    matches!(client.peek(&mut first).await, Ok(1)) && first[0] == HANDSHAKE
}
