//! `cargo xtask faults`: the fault proxy by hand.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use law_faults::{FaultProxy, Script, Seen};

const PLANS: &str = "\
Plans are rules, one a line or separated by ';', of which the first that fits a request decides:
  GET /x.root truncate at 1000 once; PUT *.root stall at 0; * status 503 retry-after 7 times 2
METHOD or *, then perhaps a target (/part, *end or \"any part\"), then a fault:
  answers   truncate|short-length|no-length|flip|stall|reset at N, stall-head, garbage, html, wrong-length N,
            chunked-trailer TEXT [at N], lie-digest VALUE, close-before-response, delay MILLISECONDS,
            status CODE [retry-after SECONDS | retry-after-date SECONDS] [body TEXT], redirect self|pair|URL [code N]
  ranges    shift-range N, wrong-total N, ignore-range
  listings  duplicate-entry
  uploads   reset-upload|stall-upload|flip-upload at N, no-continue, delay-continue MILLISECONDS
  both ways bandwidth BYTES_PER_SECOND
  any       seed N
then perhaps once, times N, nth N,N or from N [times M]. Connections break by * refuse, * black-hole, * tls-close or
* tls-garbage. Offsets count bytes of the body.";

/// Arguments of `cargo xtask faults`.
#[derive(clap::Args)]
#[command(after_help = PLANS)]
pub(crate) struct Arguments {
    /// The server, such as http://127.0.0.1:8080 or HOST:PORT; TLS passes unread
    #[arg(long, value_name = "URL")]
    to: String,
    /// A file with the plan, or - for standard input; without one, everything passes
    #[arg(long, value_name = "FILE", conflicts_with = "seed")]
    plan: Option<PathBuf>,
    /// A random plan, the same one for the same number
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The address to listen on; port 0 is any free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "HOST:PORT")]
    listen: String,
}

/// Prints the URL of the proxy, then a line for each request, until it is interrupted or nobody reads it any more.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (server, scheme) = server_of(&arguments.to)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let proxy = FaultProxy::listen(resolve(&arguments.listen)?, server, script(arguments)?)
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    let mut out = std::io::stdout();
    let mut written = writeln!(out, "{scheme}://{}", proxy.address());
    let mut printed = 0;
    while written.is_ok() {
        let seen = runtime.block_on(proxy.wait_for(|seen| seen.get(printed).is_some_and(is_settled)));
        written = writeln!(out, "{}", seen[printed]);
        printed += 1;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a request's line can be printed: it is over, or silent for ever.
fn is_settled(request: &Seen) -> bool {
    request.ended || request.fired
}

fn script(arguments: &Arguments) -> Result<Script> {
    match (&arguments.plan, arguments.seed) {
        (_, Some(seed)) => Ok(Script::seeded(seed)),
        (Some(path), None) => Ok(text_of(path)?.parse()?),
        (None, None) => Ok(Script::new()),
    }
}

fn text_of(path: &Path) -> Result<String> {
    if path != Path::new("-") {
        return std::fs::read_to_string(path).with_context(|| path.display().to_string());
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("standard input")?;
    Ok(text)
}

/// The address in a URL, and the scheme that clients use at the proxy.
fn server_of(url: &str) -> Result<(SocketAddr, &str)> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let default = match scheme {
        "http" | "dav" => 80,
        "https" | "davs" => 443,
        _ => bail!("{url:?} is not http, https, dav or davs"),
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !path.is_empty() {
        bail!("a proxy is in front of a whole server: {scheme}://{authority}, without /{path}");
    }
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let address = if has_port { authority.to_owned() } else { format!("{authority}:{default}") };
    Ok((resolve(&address)?, scheme))
}

fn resolve(address: &str) -> Result<SocketAddr> {
    let mut found = address.to_socket_addrs().with_context(|| format!("{address:?} is no HOST:PORT"))?;
    found.next().with_context(|| format!("{address:?} has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(plan: Option<PathBuf>, seed: Option<u64>) -> Arguments {
        Arguments { to: String::new(), plan, seed, listen: String::new() }
    }

    #[test]
    fn servers_are_urls_or_addresses() {
        let of = |url| server_of(url).map(|(address, scheme)| (address.to_string(), scheme.to_owned())).unwrap();
        assert_eq!(of("127.0.0.1:8080"), ("127.0.0.1:8080".into(), "http".into()));
        assert_eq!(of("http://127.0.0.1/"), ("127.0.0.1:80".into(), "http".into()));
        assert_eq!(of("davs://127.0.0.1"), ("127.0.0.1:443".into(), "davs".into()));
        assert_eq!(of("http://[::1]:81"), ("[::1]:81".into(), "http".into()));
        for wrong in ["root://127.0.0.1:1094", "http://127.0.0.1/path"] {
            assert!(server_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn plans_come_from_files_and_seeds() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("plan");
        std::fs::write(&path, "GET flip at 17 once\nPUT no-continue\n").unwrap();
        let plan = script(&arguments(Some(path.clone()), None)).unwrap();
        assert_eq!(plan.to_string(), "GET flip at 17 once; PUT no-continue");
        assert_eq!(script(&arguments(None, Some(7))).unwrap().to_string(), "* seed 7");
        std::fs::write(&path, "GET flop\n").unwrap();
        let error = script(&arguments(Some(path), None)).unwrap_err().to_string();
        assert!(error.contains("\"flop\" is no fault"), "{error}");
    }
}
