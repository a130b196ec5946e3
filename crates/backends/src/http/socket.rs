//! A TCP socket that asks the operating system for events only while somebody waits for one.
//!
//! tokio's own stream is told of every packet that arrives, also while its reader is busy with the last ones: for a file of a
//! gigabyte some thousand wake-ups that nobody wants, a tenth of the CPU time of a copy.

#![allow(unsafe_code, reason = "the kernel has written to memory that Rust takes for uninitialized")]

use std::io::{self, Write as _};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::net::RecvFlags;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net;

/// A connected socket.
pub(super) struct Socket {
    tcp: TcpStream,
    readable: Event,
    writable: Event,
}

impl Socket {
    /// Takes a stream that is connected.
    pub(super) fn new(tcp: net::TcpStream) -> io::Result<Self> {
        let poll_readable: PollReady = |events, cx| events.poll_read_ready(cx);
        let poll_writable: PollReady = |events, cx| events.poll_write_ready(cx);
        let [readable, writable] = [poll_readable, poll_writable].map(|poll| Event { poll, events: None });
        Ok(Self { tcp: tcp.into_std()?, readable, writable })
    }
}

type PollReady = fn(&net::TcpStream, &mut Context<'_>) -> Poll<io::Result<()>>;

/// What has to happen before the operating system takes or gives more.
struct Event {
    poll: PollReady,
    /// The socket once more, registered for as long as somebody waits.
    events: Option<net::TcpStream>,
}

impl Event {
    /// Does `work` as soon as it does not block.
    fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        tcp: &TcpStream,
        mut work: impl FnMut() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            match work() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => {
                    self.events = None;
                    return Poll::Ready(done);
                }
            }
            // A registration that has told of its event would tell of it for ever.
            let events = match self.events.take() {
                Some(events) => events,
                None => net::TcpStream::from_std(tcp.try_clone()?)?,
            };
            let ready = (self.poll)(&events, cx);
            if ready.is_pending() {
                self.events = Some(events);
            }
            ready!(ready)?;
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
        (Socket::new(ours.unwrap()).unwrap(), theirs.unwrap().0)
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
    async fn nothing_is_registered_while_nobody_waits() {
        let (mut ours, mut theirs) = pair().await;
        let mut buffer = [0; 8];
        for _ in 0..3 {
            let wait = futures_util::poll!(Box::pin(ours.read(&mut buffer)));
            assert!(wait.is_pending() && ours.readable.events.is_some());
            theirs.write_all(b"x").await.unwrap();
            assert_eq!(ours.read(&mut buffer).await.unwrap(), 1);
            assert!(ours.readable.events.is_none() && ours.writable.events.is_none());
        }
        drop(theirs);
        assert_eq!(ours.read(&mut buffer).await.unwrap(), 0);
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
