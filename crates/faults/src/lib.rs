//! The scripted fault proxy: an HTTP/1.1 proxy that relays faithfully until its [`Script`] says otherwise.
//!
//! It stands between a client under test and a real server (plain TCP on both sides) and answers one question: what
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
//! * `Host`, `Destination` and `Location` pass unchanged.
//! * **Dropping the proxy closes everything**: the listener, stalled connections, transfers under way.

mod body;
mod head;
mod plan;
mod proxy;
mod relay;
mod script;
mod seen;
mod text;

pub use proxy::FaultProxy;
pub use script::{Fault, Match, Occurrences, RedirectTo, Script, StatusFault, Target};
pub use seen::Seen;
pub use text::ScriptError;
