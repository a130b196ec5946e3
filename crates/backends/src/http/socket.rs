//! A TCP socket that asks the operating system for events only where somebody waits for them.
//!
//! tokio's own stream is told of every packet that arrives, also while its reader is busy with the last ones: for a file of a
//! gigabyte some thousand wake-ups that nobody wants, a tenth of the CPU time of a copy. Short answers are waited for every time:
//! there asking once is cheaper.

#![allow(unsafe_code, reason = "the kernel has written to memory that Rust takes for uninitialized")]

use std::io::{self, Write as _};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use rustix::net::RecvFlags;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net;

/// Who is served so often in a row is busy, and waits for nothing.
const BUSY: u32 = 4;

/// Whether the operating system is asked, whatever is known of events.
pub(super) type Look = Arc<AtomicBool>;

/// A connected socket.
pub(super) struct Socket {
    tcp: TcpStream,
    readable: Event,
    writable: Event,
}

impl Socket {
    /// Takes a stream that is connected. While `look` is set, nothing is believed of events, which may be late: whoever asks whether a
    /// connection was closed wants to know it as it is.
    pub(super) fn new(tcp: net::TcpStream, look: Look) -> io::Result<Self> {
        let poll_readable: PollReady = |events, cx| events.poll_read_ready(cx);
        let poll_writable: PollReady = |events, cx| events.poll_write_ready(cx);
        let readable =
            Event { poll: poll_readable, interest: Interest::READABLE, events: None, served: 0, look: look.clone() };
        let writable = Event { poll: poll_writable, interest: Interest::WRITABLE, events: None, served: 0, look };
        Ok(Self { tcp: tcp.into_std()?, readable, writable })
    }
}

type PollReady = fn(&net::TcpStream, &mut Context<'_>) -> Poll<io::Result<()>>;

/// What has to happen before the operating system takes or gives more.
struct Event {
    poll: PollReady,
    interest: Interest,
    /// The socket once more, registered since somebody waited and until nobody has to for a while.
    events: Option<net::TcpStream>,
    /// How often in a row nobody had to wait.
    served: u32,
    look: Look,
}

impl Event {
    /// Does `work` as soon as it does not block.
    fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        tcp: &TcpStream,
        mut work: impl FnMut() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        if self.events.is_none() || self.look.load(Ordering::Relaxed) {
            match uninterrupted(&mut work) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.served = 0,
                done => return Poll::Ready(self.serve(done)),
            }
        }
        let events = match &mut self.events {
            Some(events) => events,
            none => none.insert(net::TcpStream::from_std(tcp.try_clone()?)?),
        };
        loop {
            ready!((self.poll)(events, cx))?;
            // Its event is forgotten only if nothing came of it, and nothing new has come meanwhile.
            match events.try_io(self.interest, || uninterrupted(&mut work)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.served = 0,
                done => return Poll::Ready(self.serve(done)),
            }
        }
    }

    /// Who is busy needs no events.
    fn serve<T>(&mut self, done: T) -> T {
        self.served += 1;
        if self.served >= BUSY {
            self.events = None;
        }
        done
    }
}

fn uninterrupted<T>(work: &mut impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match work() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { tcp, readable, .. } = self.get_mut();
        readable.poll(cx, tcp, || {
            // SAFETY: `recv` writes to it, and never reads it.
            let room = unsafe { buffer.unfilled_mut() };
            let ((written, _), _) = rustix::net::recv(&*tcp, room, RecvFlags::empty())?;
            let length = written.len();
            // SAFETY: `recv` has just written so many bytes.
            unsafe { buffer.assume_init(length) };
            buffer.advance(length);
            Ok(())
        })
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { tcp, writable, .. } = self.get_mut();
        writable.poll(cx, tcp, || (&*tcp).write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { tcp, writable, .. } = self.get_mut();
        writable.poll(cx, tcp, || (&*tcp).write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.tcp.shutdown(Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn pair() -> (Socket, net::TcpStream) {
        let listener = net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ours = net::TcpStream::connect(listener.local_addr().unwrap());
        let (ours, theirs) = tokio::join!(ours, listener.accept());
        (Socket::new(ours.unwrap(), Look::default()).unwrap(), theirs.unwrap().0)
    }

    #[tokio::test]
    async fn bytes_pass_in_both_directions_until_the_end() {
        let (mut ours, mut theirs) = pair().await;
        let sent: Vec<u8> = (0..8_000_000_u32).map(|n| n as u8).collect();
        let echo = async {
            let (mut read, mut write) = theirs.split();
            tokio::io::copy(&mut read, &mut write).await.unwrap();
            write.shutdown().await.unwrap();
        };
        let (mut reading, mut writing) = tokio::io::split(&mut ours);
        let mut received = Vec::new();
        let send = async {
            writing.write_all(&sent).await.unwrap();
            writing.shutdown().await.unwrap();
        };
        let (_, (), length) = tokio::join!(echo, send, reading.read_to_end(&mut received));
        assert_eq!(length.unwrap(), sent.len());
        assert!(received == sent);
    }

    #[tokio::test]
    async fn who_waits_is_registered_and_who_is_busy_is_not() {
        let (mut ours, mut theirs) = pair().await;
        let mut buffer = [0; 8];
        for _ in 0..2 * BUSY {
            let wait = futures_util::poll!(Box::pin(ours.read(&mut buffer)));
            assert!(wait.is_pending() && ours.readable.events.is_some() && ours.writable.events.is_none());
            theirs.write_all(b"x").await.unwrap();
            assert_eq!(ours.read(&mut buffer).await.unwrap(), 1);
        }
        theirs.write_all(&[0; 100]).await.unwrap();
        theirs.shutdown().await.unwrap();
        // One read has to wait for its event.
        for _ in 0..=BUSY {
            ours.read_exact(&mut buffer).await.unwrap();
        }
        assert!(ours.readable.events.is_none());
        let mut rest = Vec::new();
        assert_eq!(ours.read_to_end(&mut rest).await.unwrap(), 100 - 8 * (BUSY as usize + 1));
    }

    #[tokio::test]
    async fn an_end_is_seen_at_once_by_who_looks() {
        let (mut ours, theirs) = pair().await;
        let mut buffer = [0; 8];
        assert!(futures_util::poll!(Box::pin(ours.read(&mut buffer))).is_pending());
        // On this one thread nobody has told of events between the end and the look.
        let theirs = theirs.into_std().unwrap();
        drop(theirs);
        assert!(futures_util::poll!(Box::pin(ours.read(&mut buffer))).is_pending());
        ours.readable.look.store(true, Ordering::Relaxed);
        let seen = futures_util::poll!(Box::pin(ours.read(&mut buffer)));
        assert!(matches!(seen, Poll::Ready(Ok(0))), "{seen:?}");
    }

    #[tokio::test]
    async fn a_reset_is_an_error() {
        let (mut ours, theirs) = pair().await;
        ours.write_all(b"unread").await.unwrap();
        theirs.readable().await.unwrap();
        drop(theirs);
        let error = ours.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}
