//! One connection of a client: requests go up, answers come down, each as the script wants it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

use crate::body::{BodyReader, PumpError, Pumped, finish, pump};
use crate::fault::Fault;
use crate::head::{Framing, Receiver, RequestHead, ResponseHead};
use crate::made_up::MadeUp;
use crate::plan::{End, Plan, for_upload, instead_of_answer, request_as_sent};
use crate::proxy::Shared;

/// How long a closed connection still takes bytes, so that what was sent last is not destroyed by a reset.
const LINGER: Duration = Duration::from_secs(5);

/// Both directions of one connection.
struct Peer {
    receiver: Receiver,
    sender: OwnedWriteHalf,
}

impl Peer {
    fn new(stream: TcpStream) -> Self {
        // Small answers shall arrive at once; where the option is refused they arrive a little later.
        let _ = stream.set_nodelay(true);
        let (half, sender) = stream.into_split();
        Self { receiver: Receiver::new(half), sender }
    }

    /// Ends the stream and waits until the other side has ended its own, for a while.
    async fn close(mut self) {
        let _ = self.sender.shutdown().await;
        let ended = async {
            while matches!(self.receiver.fill().await, Ok(true)) {
                self.receiver.buffer.clear()
            }
        };
        let _ = tokio::time::timeout(LINGER, ended).await;
    }

    fn reset(self) {
        let _ = self.receiver.half.as_ref().set_zero_linger();
        self.sender.forget();
    }
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug)]
struct Ending {
    end: End,
    /// Whether the client's connection may carry another request.
    client_lives: bool,
    /// Whether the server's connection stands at the end of its answer.
    server_lives: bool,
    /// Whether the request's body goes up to its end even though the answer has been dealt with.
    upload_goes_on: bool,
}

impl Ending {
    const CLOSED: Self = Self::with(End::Close);

    const fn with(end: End) -> Self {
        Self { end, client_lives: false, server_lives: false, upload_goes_on: false }
    }
}

/// Serves one client until either side ends.
pub(crate) async fn serve(client: TcpStream, connection: u64, shared: Arc<Shared>) {
    let mut client = Peer::new(client);
    let mut server = None;
    loop {
        let Some(request) = next_request(&mut client, &mut server, &shared).await else { break };
        let exchange = Exchange::begin(&shared, connection, &request);
        let ending = exchange.run(&mut client, &mut server).await;
        exchange.ended(ending.end);
        if !ending.server_lives {
            server = None;
        }
        match ending.end {
            End::Finish if ending.client_lives => {}
            End::Finish | End::Close => break,
            End::Reset => return client.reset(),
            End::Stall => std::future::pending().await,
        }
    }
    drop(server);
    client.close().await;
}

/// The next request, unless the client goes, talks nonsense (told with a 400), or the server ends the idle connection.
async fn next_request(client: &mut Peer, server: &mut Option<Peer>, shared: &Shared) -> Option<RequestHead> {
    let server_speaks = async {
        match server {
            Some(server) => server.receiver.fill().await.is_ok(),
            None => std::future::pending().await,
        }
    };
    let head = tokio::select! {
        biased;
        head = client.receiver.request() => head,
        _ = server_speaks => return None,
    };
    match head {
        Ok(head) => head,
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            let answer = MadeUp::text(400, "Bad Request", &format!("law-faults at {}: {error}", shared.url));
            let _ = write_made_up(&mut client.sender, answer, "GET", false).await;
            None
        }
        Err(_) => None,
    }
}

async fn write_made_up(
    to: &mut OwnedWriteHalf,
    mut answer: MadeUp,
    method: &str,
    keeps_connection: bool,
) -> std::io::Result<()> {
    if !keeps_connection {
        answer.head.headers.set("Connection", "close");
    }
    let mut bytes = answer.head.to_bytes();
    if method != "HEAD" && !matches!(answer.head.status, 204 | 304) {
        bytes.extend_from_slice(&answer.body);
    }
    to.write_all(&bytes).await
}

/// How the request's body went up.
enum Upload {
    Whole,
    Cut(End),
    ClientGone,
    /// The server takes no more; its answer may still come.
    ServerGone,
}

/// A request and its fault.
struct Exchange<'a> {
    shared: &'a Shared,
    request: &'a RequestHead,
    request_framing: Framing,
    fault: Option<Fault>,
    /// Where the log keeps the request.
    record: usize,
}

impl<'a> Exchange<'a> {
    fn begin(shared: &'a Shared, connection: u64, request: &'a RequestHead) -> Self {
        let fault = shared.decide(request);
        let record = shared.record(connection, request, fault.clone());
        // A request whose framing is invalid is not parsed as a head at all.
        let request_framing = request.framing().unwrap_or(Framing::Empty);
        Self { shared, request, request_framing, fault, record }
    }

    async fn run(&self, client: &mut Peer, server: &mut Option<Peer>) -> Ending {
        if let Some(answer) = MadeUp::for_request(self.fault.as_ref(), self.request, &self.shared.url) {
            self.answered(answer.head.status);
            self.fired();
            return self.answer_alone(client, answer, server.is_some()).await;
        }
        let mut peer = match server.take() {
            Some(peer) => peer,
            None => match connect(self.shared.upstream).await {
                Ok(peer) => peer,
                Err(answer) => return self.answer_alone(client, answer, false).await,
            },
        };
        let ending = self.relay(client, &mut peer).await;
        // A stalled exchange keeps the server's connection open, too.
        if ending.server_lives || ending.end == End::Stall {
            *server = Some(peer);
        }
        Ending { server_lives: server.is_some(), ..ending }
    }

    /// Gives an answer that needs no server.
    async fn answer_alone(&self, client: &mut Peer, answer: MadeUp, server_lives: bool) -> Ending {
        let has_body = self.request_framing != Framing::Empty;
        let answers_early = has_body && self.request.waits_for_continue();
        if !answers_early && BodyReader::new(&mut client.receiver, self.request_framing).drain().await.is_err() {
            return Ending::CLOSED;
        }
        let client_lives = self.request.keeps_connection() && !answers_early;
        self.answered(answer.head.status);
        match write_made_up(&mut client.sender, answer, &self.request.method, client_lives).await {
            Ok(()) => Ending { client_lives, server_lives, ..Ending::with(End::Finish) },
            Err(_) => Ending::CLOSED,
        }
    }

    async fn relay(&self, client: &mut Peer, server: &mut Peer) -> Ending {
        let changed = request_as_sent(self.fault.as_ref(), self.request);
        if changed.is_some() {
            self.fired();
        }
        if server.sender.write_all(&changed.as_ref().unwrap_or(self.request).to_bytes()).await.is_err() {
            return Ending::CLOSED;
        }
        let upload = self.upload(&mut client.receiver, &mut server.sender);
        let answer = self.answer(&mut server.receiver, &mut client.sender);
        tokio::pin!(upload, answer);
        let (ending, upload) = tokio::select! {
            went = &mut upload => match went {
                Upload::Whole | Upload::ServerGone => (answer.await, went),
                Upload::ClientGone | Upload::Cut(_) => (Ending::CLOSED, went),
            },
            ending = &mut answer => {
                (ending, if ending.upload_goes_on { upload.await } else { Upload::Whole })
            }
        };
        match upload {
            Upload::Whole => ending,
            Upload::Cut(end) => Ending::with(end),
            // The answer has been passed on; what is left of the body belongs to no further request.
            Upload::ServerGone if ending.end == End::Finish => Ending::CLOSED,
            Upload::ServerGone => ending,
            Upload::ClientGone => Ending::CLOSED,
        }
    }

    async fn upload(&self, from: &mut Receiver, to: &mut OwnedWriteHalf) -> Upload {
        let (edit, after_cut) = for_upload(self.fault.as_ref(), self.request_framing);
        let mut body = BodyReader::new(from, self.request_framing);
        let pumped = pump(&mut body, to, self.request_framing, edit, |_, fired| self.passed(0, fired)).await;
        match pumped {
            Err(PumpError::Read) => Upload::ClientGone,
            Err(PumpError::Write) => Upload::ServerGone,
            Ok(Pumped::Cut) => {
                self.fired();
                Upload::Cut(after_cut)
            }
            Ok(Pumped::Whole) => match finish(to, self.request_framing, body.trailer()).await {
                Ok(()) => Upload::Whole,
                Err(_) => Upload::ServerGone,
            },
        }
    }

    async fn answer(&self, from: &mut Receiver, to: &mut OwnedWriteHalf) -> Ending {
        let mut head = loop {
            match from.response().await {
                Ok(Some(head)) if head.is_interim() => {
                    if self.passes(&head).await && to.write_all(&head.to_bytes()).await.is_err() {
                        return Ending::CLOSED;
                    }
                }
                Ok(Some(head)) => break head,
                Ok(None) => return Ending::CLOSED,
                Err(error) => return self.bad_gateway(to, &error).await,
            }
        };
        let framing = match head.framing(&self.request.method) {
            Ok(framing) => framing,
            Err(error) => return self.bad_gateway(to, &error).await,
        };
        self.delay().await;
        let mut body = BodyReader::new(from, framing);
        if let Some(end) = instead_of_answer(self.fault.as_ref(), framing) {
            let _ = body.drain().await;
            self.fired();
            return Ending { upload_goes_on: true, ..Ending::with(end) };
        }
        let server_keeps = head.keeps_connection() && framing != Framing::Close;
        let plan = match Plan::for_answer(self.fault.as_ref(), &mut head, framing, &mut body).await {
            Ok(plan) => plan,
            Err(error) => return self.bad_gateway(to, &error).await,
        };
        self.answered(head.status);
        if plan.fires_at_head {
            self.fired();
        }
        if to.write_all(&head.to_bytes()).await.is_err() {
            return Ending::CLOSED;
        }
        let client_lives = self.request.keeps_connection() && head.keeps_connection() && plan.framing != Framing::Close;
        self.send_body(to, plan, body, client_lives, server_keeps).await
    }

    async fn send_body(
        &self,
        to: &mut OwnedWriteHalf,
        plan: Plan,
        mut body: BodyReader<'_>,
        client_lives: bool,
        server_keeps: bool,
    ) -> Ending {
        let pumped = match pump(&mut body, to, plan.framing, plan.edit, |bytes, fired| self.passed(bytes, fired)).await
        {
            Ok(pumped) => pumped,
            Err(PumpError::Read | PumpError::Write) => return Ending::CLOSED,
        };
        let end = match pumped {
            Pumped::Whole => plan.after_whole,
            Pumped::Cut => {
                self.fired();
                plan.after_cut
            }
        };
        let trailer = plan.trailer.as_ref().unwrap_or(body.trailer());
        if end == End::Finish && finish(to, plan.framing, trailer).await.is_err() {
            return Ending::CLOSED;
        }
        let server_lives = server_keeps && pumped == Pumped::Whole;
        Ending { end, client_lives, server_lives, upload_goes_on: client_lives && end == End::Finish }
    }

    async fn bad_gateway(&self, to: &mut OwnedWriteHalf, error: &std::io::Error) -> Ending {
        let answer =
            MadeUp::text(502, "Bad Gateway", &format!("law-faults: answer of {}: {error}", self.shared.upstream));
        self.answered(502);
        let _ = write_made_up(to, answer, &self.request.method, false).await;
        Ending::CLOSED
    }

    /// Whether an interim answer is passed on; it may be held back before.
    async fn passes(&self, head: &ResponseHead) -> bool {
        match self.fault {
            Some(Fault::NoContinue) if head.status == 100 => {
                self.fired();
                false
            }
            Some(Fault::DelayContinue { millis }) if head.status == 100 => {
                self.fired();
                tokio::time::sleep(Duration::from_millis(millis)).await;
                true
            }
            _ => true,
        }
    }

    async fn delay(&self) {
        if let Some(Fault::Delay { millis }) = self.fault {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
    }

    fn passed(&self, bytes: u64, fired: bool) {
        self.shared.update(self.record, |seen| {
            seen.sent += bytes;
            seen.fired |= fired;
        });
    }

    fn fired(&self) {
        self.shared.update(self.record, |seen| seen.fired = true);
    }

    fn ended(&self, end: End) {
        self.shared.update(self.record, |seen| seen.ended = end != End::Stall);
    }

    fn answered(&self, status: u16) {
        self.shared.update(self.record, |seen| seen.status = Some(status));
    }
}

async fn connect(upstream: SocketAddr) -> Result<Peer, MadeUp> {
    let stream = TcpStream::connect(upstream).await;
    stream.map(Peer::new).map_err(|error| {
        MadeUp::text(502, "Bad Gateway", &format!("law-faults: the server at {upstream} cannot be reached: {error}"))
    })
}
