//! The fault proxy by hand: prints its URL, then one line per request.

use std::io::Write as _;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::process::ExitCode;

use law_faults::{FaultProxy, Script};

const USAGE: &str = "usage: law-faults --to HOST:PORT [--listen 127.0.0.1:0] [--script 'RULES']

A proxy for HTTP/1.1 over plain TCP that relays faithfully until its script says otherwise.
RULES are separated by ';', the first that matches decides:
  GET /x.root truncate at 1000 once; PUT *.root stall at 0; * status 503 retry-after 7 times 2; * refuse nth 3
Faults: truncate|short-length|no-length|flip|stall|reset at N, stall-head, status CODE [retry-after S] [body TEXT], html,
  wrong-length N, chunked-trailer TEXT [at N], redirect self|URL [code N], delay MILLISECONDS, close-before-response,
  reset-upload|stall-upload|flip-upload at N, lie-digest VALUE, refuse
Then: once, times N, nth N,N, from N [times M]";

struct Arguments {
    to: SocketAddr,
    listen: SocketAddr,
    script: Script,
}

impl Arguments {
    fn parse(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut to, mut listen, mut script) = (None, "127.0.0.1:0".to_owned(), String::new());
        while let Some(option) = given.next() {
            let value = given.next().ok_or_else(|| format!("{option} has no value\n{USAGE}"));
            match option.as_str() {
                "--to" => to = Some(value?),
                "--listen" => listen = value?,
                "--script" => script = value?,
                _ => return Err(format!("unknown argument {option:?}\n{USAGE}")),
            }
        }
        let to = to.ok_or_else(|| format!("--to is missing\n{USAGE}"))?;
        let script = script.parse().map_err(|error| format!("{error}"))?;
        Ok(Self { to: resolve(&to)?, listen: resolve(&listen)?, script })
    }
}

fn resolve(address: &str) -> Result<SocketAddr, String> {
    let mut found = address.to_socket_addrs().map_err(|error| format!("{address:?} is no HOST:PORT: {error}"))?;
    found.next().ok_or_else(|| format!("{address:?} has no address"))
}

fn main() -> ExitCode {
    let mut given = std::env::args().skip(1).peekable();
    if given.peek().is_some_and(|argument| argument == "--help") {
        let _ = writeln!(std::io::stdout(), "{USAGE}");
        return ExitCode::SUCCESS;
    }
    match Arguments::parse(given).and_then(serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            let _ = writeln!(std::io::stderr(), "law-faults: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Runs until it is interrupted, or until nobody reads its output any more.
fn serve(arguments: Arguments) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let proxy = FaultProxy::listen(arguments.listen, arguments.to, arguments.script)
        .map_err(|error| format!("cannot listen on {}: {error}", arguments.listen))?;
    let mut out = std::io::stdout();
    let mut printed = 0;
    let mut written = writeln!(out, "{}", proxy.url());
    while written.is_ok() {
        let seen = runtime.block_on(proxy.wait_for(|seen| seen.len() > printed && is_settled(&seen[printed])));
        written = writeln!(out, "{}", seen[printed]);
        printed += 1;
    }
    Ok(())
}

/// Whether a request's line can be printed: it is over, or silent for ever.
fn is_settled(request: &law_faults::Seen) -> bool {
    request.ended || request.fired
}
