//! The name of the host, and whether something listens there.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use law_storage::{Error, ErrorKind, RemoteUrl};
use tokio::net::{TcpStream, lookup_host};

use super::finding::Findings;
use crate::context::Context;
use crate::exit::Failure;

/// How long an address may take. Each is tried alone, so that one that hangs is seen beside one that works.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether it makes sense to go on.
pub(super) async fn examine(context: &Context, server: &RemoteUrl, findings: &mut Findings) -> Result<bool, Failure> {
    let host = server.host().trim_matches(['[', ']']);
    let scheme = server.scheme().name();
    let Some(port) = server.port().or_else(|| usual_port(scheme)) else { return Ok(true) };
    let found = context.call.bound(async { Ok(lookup_host((host, port)).await) }).await?;
    let addresses: Vec<SocketAddr> = match found {
        Ok(addresses) => addresses.collect(),
        Err(cause) => {
            let error = Error::new(ErrorKind::Unavailable, format!("no address is known for {host}")).because(cause);
            findings.failed("name", &error.hint("is it spelt right, and is this machine online?"))?;
            return Ok(false);
        }
    };
    let shown: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    findings.good("name", format!("{host} is {}", shown.join(", ")))?;
    let mut reached = false;
    for address in addresses {
        reached |= connect(context, address, findings).await?;
    }
    if reached && matches!(scheme, "http" | "dav") {
        findings
            .note("TLS", "none: everybody on the way can read along, and passwords are not sent to other machines")?;
    }
    Ok(reached)
}

/// None where a URL names no machine, but a bucket of a service.
fn usual_port(scheme: &str) -> Option<u16> {
    Some(match scheme {
        "https" | "davs" => 443,
        "http" | "dav" => 80,
        "sftp" => 22,
        "root" | "roots" => 1094,
        "gsiftp" => 2811,
        "srm" => 8443,
        "dcap" => 22125,
        "gsidcap" => 22128,
        _ => return None,
    })
}

async fn connect(context: &Context, address: SocketAddr, findings: &mut Findings) -> Result<bool, Failure> {
    let begin = Instant::now();
    let connecting = tokio::time::timeout(PATIENCE, TcpStream::connect(address));
    match context.call.bound(async { Ok(connecting.await) }).await? {
        Ok(Ok(_)) => {
            let milliseconds = begin.elapsed().as_secs_f64() * 1000.0;
            findings.good("connection", format!("{address} answers within {milliseconds:.0} ms"))?;
            return Ok(true);
        }
        Ok(Err(cause)) => {
            let error = Error::new(ErrorKind::Unavailable, format!("cannot connect to {address}")).because(cause);
            findings.failed("connection", &error.hint("is the port right, and does the server run?"))?;
        }
        Err(_) => {
            let error =
                Error::new(ErrorKind::Timeout, format!("{address} did not answer within {} s", PATIENCE.as_secs()));
            findings.failed("connection", &error.hint("a firewall often drops packets without a word"))?;
        }
    }
    Ok(false)
}
