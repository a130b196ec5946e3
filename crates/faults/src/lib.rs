//! The scripted fault proxy: an HTTP/1.1 proxy that relays faithfully until its [`Script`] says otherwise.
//!
//! It stands between a client under test and a real server (plain TCP on both sides; TLS passes unread) and answers one question: what
//! does the client do when the network or the server misbehaves? It may lie, so it produces invalid HTTP on demand.
//!
//! ```no_run
//! # async fn example(upstream: std::net::SocketAddr) -> Result<(), Box<dyn std::error::Error>> {
//! use law_faults::{Fault, FaultProxy, Match, Script};
//!
//! let script = Script::new()
//!     .on(Match::get("/data.root").once(), Fault::Truncate { at: 1000 })
//!     .on(Match::method("PUT").nth([2, 3]), Fault::status(503).retry_after(7).into());
//! let proxy = FaultProxy::start(upstream, script).await?;
//! // ... point the client at proxy.url() ...
//! proxy.set_script("GET *.root flip at 17 once; * delay 200 from 3".parse()?);
//! let seen = proxy.wait_for(|seen| seen.iter().any(|request| request.fired)).await;
//! assert_eq!(seen[0].method, "GET");
//! # Ok(()) }
//! ```
//!
//! What to know when writing a test with it:
//!
//! * **First match wins.** A rule counts the requests that reached it, that is, those that matched and that no earlier
//!   rule took. `GET status 503 once; GET truncate at 10 once` therefore reads as a play: 503, then cut, then the truth.
//! * **Offsets count bytes of the body** as the receiver understands it, after the chunked coding is taken off.
//!   An offset that the body does not reach leaves the message as it is: [`Seen::fault`] is then set and
//!   [`Seen::fired`] is not. A test should assert `fired`, or it may pass without its fault.
//! * The proxy runs on **a thread and runtime of its own**: it goes on while the test's thread blocks, and a test that
//!   pauses tokio's clock does not pause the proxy.
//! * One connection to the server per connection of the client; keep-alive on both sides. Interim answers
//!   (`100 Continue`) are relayed, and a request's body goes up only as it arrives. A server that closes an idle
//!   connection closes the client's too.
//! * **The connection closes between head and body**: `truncate at 0` and `reset at 0` for answers, `reset-upload at 0` for
//!   requests. **XML that is cut, with a correct length**: `PROPFIND short-length at N`; a listing that breaks off:
//!   `PROPFIND truncate at N`; bytes that are no XML: `PROPFIND garbage`.
//! * A client that speaks **TLS** is connected to the server byte by byte, unless a `tls-` fault is for it; requests in
//!   there are not seen.
//! * `Host`, `Destination` and `Location` pass unchanged.
//! * **Dropping the proxy closes everything**: the listener, stalled connections, transfers under way.

mod body;
mod connection;
mod fault;
mod head;
mod link;
mod listing;
mod made_up;
mod plan;
mod play;
mod print;
mod proxy;
mod range;
mod relay;
mod script;
mod seed;
mod seen;
mod text;
mod words;

pub use fault::{Fault, RedirectTo, StatusFault};
pub use link::{Distance, DistantLink};
pub use proxy::FaultProxy;
pub use script::{ConnectionFault, Match, Occurrences, Script, Target};
pub use seen::Seen;
pub use text::ScriptError;
