//! How OpenDAL's requests travel: by the client that all web protocols here share.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use ::opendal::{Buffer, HttpBody, HttpTransport};
use futures_util::{Stream, StreamExt as _};
use http::request::Parts;
use http::{HeaderName, Method, StatusCode, header};
use law_storage::{ByteStream, Call, Credential, EndpointSettings, Error, ErrorKind, Path, Result};

use super::status::Carried;
use crate::http::status::{of_status, outcome, page, retry_after};
use crate::http::{Address, Answer, Client, Origin, Request, Upload, of_service};
use crate::pieces::Chunks;

/// What services need to say that they want a body.
const CONTINUE_WAIT: Duration = Duration::from_secs(1);
/// A body of this size goes along without being asked for.
const SMALL: usize = 64 * 1024;
/// How much of an answer is read to find its reason.
const REASON: usize = 16 * 1024;

/// What Azure says of a copy that it goes on with after its answer.
const COPY_STATUS: HeaderName = HeaderName::from_static("x-ms-copy-status");
const ERROR_CODE: HeaderName = HeaderName::from_static("x-ms-error-code");

pub(super) struct Transport(Client);

impl Transport {
    /// To a service. Requests are signed already, but for those that a bearer token goes along with.
    pub(super) fn to(service: Origin, settings: &EndpointSettings, bearer: bool) -> Result<Self> {
        let mut settings = settings.clone();
        if !bearer {
            settings.credential = Credential::None;
        }
        Client::new(service, &settings).map(Self)
    }

    async fn send(&self, request: http::Request<Buffer>) -> Result<http::Response<HttpBody>> {
        let (head, body) = request.into_parts();
        let address = self.0.home().path(&Path::root()).redirected(&head.uri.to_string())?;
        check_secrecy(&address, &head)?;
        let size = body.len();
        let chunks = Chunks(Iterator::collect(body));
        let upload = Upload::new(&chunks, size as u64, Vec::new());
        let asked = asked(&head, address);
        let asked = match size {
            0 => asked,
            1..=SMALL => asked.bytes(chunks.0.concat()),
            _ => asked.upload(&upload),
        };
        let answer = self.0.send(&Call::new(), &asked, CONTINUE_WAIT).await.map_err(of_service)?;
        if means_more_than_no(answer.status) { response(answer, &head).await } else { Err(refused(answer).await) }
    }
}

impl HttpTransport for Transport {
    async fn fetch(&self, request: http::Request<Buffer>) -> ::opendal::Result<http::Response<HttpBody>> {
        self.send(request).await.map_err(Carried::pack)
    }
}

fn asked<'a>(head: &Parts, address: Address) -> Request<'a> {
    let mut asked = Request::new(head.method.clone(), address).staying();
    for (name, value) in &head.headers {
        if ![header::HOST, header::CONTENT_LENGTH].contains(name) {
            asked = asked.header(name.clone(), value.clone());
        }
    }
    let conditional = [header::IF_MATCH, header::IF_NONE_MATCH].iter().any(|name| head.headers.contains_key(name));
    if conditional && head.method == Method::PUT {
        // Doing it twice is to be refused the second time.
        asked = asked.once();
    }
    if head.method == Method::GET { asked.streamed() } else { asked }
}

/// What says who asks does not leave the machine unencrypted; a signature may, as it is worth nothing for another request.
fn check_secrecy(address: &Address, head: &Parts) -> Result<()> {
    let bearer = head.headers.get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"Bearer "));
    let ticket = head.uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("sig=")));
    if !(bearer || ticket) || address.origin().secure() || address.origin().is_loopback() {
        return Ok(());
    }
    let message = "a token would travel unencrypted to";
    Err(Error::new(ErrorKind::Unauthenticated, message).at(address.origin()).hint("use https:// in `endpoint`"))
}

/// Whether OpenDAL makes something of the status: what is missing or in the way, a condition, an upload that goes on.
fn means_more_than_no(status: StatusCode) -> bool {
    status.is_success() || matches!(status.as_u16(), 304 | 308 | 404 | 409 | 410 | 412 | 416)
}

async fn refused(answer: Answer) -> Error {
    let status = answer.status;
    let outcome = if answer.is_to_a_question() { law_storage::Outcome::NotDone } else { outcome(status) };
    let wait = answer.text(header::RETRY_AFTER).and_then(|text| retry_after(&text));
    let code = answer.text(ERROR_CODE).unwrap_or_default();
    let html = answer.is_page();
    let words = answer.words(REASON).await;
    let reason = match code.is_empty() {
        false => Some(code.clone()),
        true => reason(&words).filter(|_| !html),
    };
    let error = of_status(status, reason.as_deref()).with_outcome(outcome);
    let error = match code.as_str() {
        "AuthenticationFailed" | "InvalidAuthenticationInfo" | "NoAuthenticationInformation" => {
            error.with_kind(ErrorKind::Unauthenticated).hint("law fs token show tells who asks")
        }
        _ => error,
    };
    wait.into_iter().fold(error, Error::retry_after)
}

/// Google's words (`{"error": {"message": "..."}}`), or the code of an answer in XML. Foreign text: nothing in it moves a cursor.
fn reason(words: &str) -> Option<String> {
    const LONGEST: usize = 160;
    let json: Option<serde_json::Value> = serde_json::from_str(words).ok();
    let told = match &json {
        Some(json) => json.pointer("/error/message").and_then(serde_json::Value::as_str),
        None => words.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code),
    };
    told.map(|told| told.chars().filter(|c| !c.is_control()).take(LONGEST).collect())
}

async fn response(answer: Answer, head: &Parts) -> Result<http::Response<HttpBody>> {
    if answer.is_page() && answer.status.is_success() && head.method != Method::GET {
        let status = answer.status;
        answer.body.discard().await;
        return Err(page(status));
    }
    let question = matches!(head.method, Method::GET | Method::HEAD);
    match answer.text(COPY_STATUS).filter(|_| question).as_deref() {
        Some("pending") => return Err(Error::new(ErrorKind::Unavailable, "the service still copies to")),
        Some("failed" | "aborted") => {
            return Err(Error::new(ErrorKind::Integrity, "the service has not ended its copy to"));
        }
        _ => {}
    }
    let length = answer.text(header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
    let mut response = http::Response::builder().status(answer.status);
    if let Some(headers) = response.headers_mut() {
        headers.clone_from(&answer.headers);
    }
    let (body, length) = match head.method {
        Method::HEAD => {
            answer.body.discard().await;
            (futures_util::stream::empty().boxed(), None)
        }
        _ => (answer.body.into_stream(), length),
    };
    let body = HttpBody::new(Chunked(Mutex::new(body)), length);
    response.body(body).map_err(|error| Error::new(ErrorKind::Internal, "an answer that is none").because(error))
}

/// A body, which OpenDAL wants to be shareable.
struct Chunked(Mutex<ByteStream>);

impl Stream for Chunked {
    type Item = ::opendal::Result<Buffer>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let stream = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        stream.poll_next_unpin(cx).map(|item| item.map(|item| item.map(Buffer::from).map_err(Carried::pack)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_give_reasons_in_their_own_ways() {
        let json = r#"{"error": {"code": 403, "message": "me\u001b does not have access"}}"#;
        assert_eq!(reason(json).as_deref(), Some("me does not have access"));
        assert_eq!(reason("<?xml?><Error><Code>AccessDenied</Code></Error>").as_deref(), Some("AccessDenied"));
        assert_eq!(reason("no"), None);
    }

    #[test]
    fn tokens_do_not_travel_in_the_clear() {
        let ask = |url: &str| {
            let request = http::Request::get(url).header(header::AUTHORIZATION, "Bearer secret").body(()).unwrap();
            let home = crate::opendal::services::address("http://127.0.0.1:1").unwrap();
            let address = home.path(&Path::root()).redirected(url).unwrap();
            check_secrecy(&address, &request.into_parts().0)
        };
        assert!(ask("https://storage.example/b").is_ok() && ask("http://127.0.0.1:9/b").is_ok());
        let error = ask("http://storage.example/b").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert!(!error.to_string().contains("secret"));
    }
}
