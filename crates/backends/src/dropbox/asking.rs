//! Asking: calls with JSON, content up, content down.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, header};
use law_storage::{Call, Error, ErrorKind, Location, Operation, Outcome, Path, Result, Secret, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Account;
use super::status::Refused;
use crate::http::{Answer, Client, Origin, Request, Upload, at_place, of_service};

const ARGUMENT: HeaderName = HeaderName::from_static("dropbox-api-arg");

/// The longest answer to a call: a page of a listing.
const LONGEST: usize = 32 * 1024 * 1024;

/// The address of a service.
pub(super) fn origin(address: &str) -> Result<Origin> {
    match Url::parse(address)?.location() {
        Location::Remote(remote) if matches!(remote.scheme().name(), "http" | "https") => Ok(Origin::of(remote)),
        _ => Err(Error::new(ErrorKind::InvalidInput, format!("the endpoint `{address}` is no address of a service"))),
    }
}

/// What a call says, and what it is about.
pub(super) struct Asked<'a> {
    pub(super) endpoint: &'static str,
    pub(super) argument: Value,
    pub(super) path: &'a Path,
    pub(super) operation: Operation,
}

impl Asked<'_> {
    /// Whether it changes nothing.
    pub(super) fn is_a_question(&self) -> bool {
        const QUESTIONS: [&str; 6] = [
            "files/get_metadata",
            "files/list_folder",
            "files/list_folder/continue",
            "files/delete_batch/check",
            "files/download",
            "users/get_space_usage",
        ];
        QUESTIONS.contains(&self.endpoint)
    }

    /// What a failure of it means.
    fn failed(&self, error: Error) -> Error {
        if self.is_a_question() { error.with_outcome(Outcome::NotDone) } else { error }
    }
}

impl Account {
    /// A call without content.
    pub(super) async fn call<T: DeserializeOwned>(&self, call: &Call, asked: &Asked<'_>) -> Result<T, Refused> {
        let body = Bytes::from(asked.argument.to_string());
        let request = |address, token: &Secret| {
            let json = HeaderValue::from_static("application/json");
            Ok(with_token(Request::new(Method::POST, address), token)?
                .header(header::CONTENT_TYPE, json)
                .bytes(body.clone()))
        };
        let answer = self.ask(call, &self.api, asked, request).await?;
        self.json(call, asked, answer).await
    }

    /// A call that brings content.
    pub(super) async fn upload<T: DeserializeOwned>(
        &self,
        call: &Call,
        asked: &Asked<'_>,
        upload: &Upload<'_>,
    ) -> Result<T, Refused> {
        let request = |address, token: &Secret| {
            let bytes = HeaderValue::from_static("application/octet-stream");
            Ok(with_token(Request::new(Method::POST, address), token)?
                .header(header::CONTENT_TYPE, bytes)
                .header(ARGUMENT, header_of(&asked.argument)?)
                .upload(upload))
        };
        let answer = self.ask(call, &self.content, asked, request).await?;
        self.json(call, asked, answer).await
    }

    /// A call that is answered with content.
    pub(super) async fn download(
        &self,
        call: &Call,
        asked: &Asked<'_>,
        range: Option<HeaderValue>,
    ) -> Result<Answer, Refused> {
        let request = |address, token: &Secret| {
            let request = with_token(Request::new(Method::POST, address), token)?
                .streamed()
                .header(ARGUMENT, header_of(&asked.argument)?);
            Ok(match &range {
                Some(range) => request.header(header::RANGE, range.clone()),
                None => request,
            })
        };
        self.ask(call, &self.content, asked, request).await
    }

    /// The answer; with a fresh token, if the service calls the last one too old.
    async fn ask<'r>(
        &self,
        call: &Call,
        client: &Client,
        asked: &Asked<'_>,
        request: impl Fn(crate::http::Address, &Secret) -> Result<Request<'r>>,
    ) -> Result<Answer, Refused> {
        let path = Path::parse("2").and_then(|path| Ok(path.join(&Path::parse(asked.endpoint)?)));
        let path = path.map_err(|error| Refused::Error(Error::from(error)))?;
        let mut fresh = false;
        loop {
            let token = self.token(call).await.map_err(Refused::Error)?;
            let request = request(client.home().path(&path), &token).map_err(Refused::Error)?;
            let sent = client.send(call, &request, CONTINUE_WAIT.min(self.settings.timeouts.continue_wait)).await;
            let answer = sent.map_err(|error| {
                Refused::Error(at_place(of_service(error), self.url(asked.path)).during(asked.operation))
            })?;
            if answer.status.is_success() && !answer.is_page() {
                return Ok(answer);
            }
            let refused = Refused::read(answer, asked).await;
            if fresh || !refused.is_expired() || !self.forget(&token).await {
                return Err(refused);
            }
            fresh = true;
        }
    }

    async fn json<T: DeserializeOwned>(&self, call: &Call, asked: &Asked<'_>, answer: Answer) -> Result<T, Refused> {
        // It has been done, if it was to be done, and what was made of it is not known.
        let shown = |error: Error| {
            let error = asked.failed(error.with_outcome(Outcome::Unknown));
            Refused::Error(error.instead_at(self.url(asked.path)).during(asked.operation))
        };
        let json = call.bound(answer.body.collect(LONGEST)).await.map_err(shown)?;
        serde_json::from_slice(&json)
            .map_err(|error| shown(Error::new(ErrorKind::Malformed, "an answer that is not of Dropbox").because(error)))
    }
}

/// What the service needs to say that it wants a body.
const CONTINUE_WAIT: Duration = Duration::from_secs(1);

fn with_token<'a>(request: Request<'a>, token: &Secret) -> Result<Request<'a>> {
    let value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
        .map_err(|_| Error::new(ErrorKind::Unauthenticated, "a token that no header can hold"))?;
    Ok(request.staying().header(header::AUTHORIZATION, value).confiding(token.clone()))
}

/// JSON as a header: all that is not plain ASCII is written as an escape.
fn header_of(argument: &Value) -> Result<HeaderValue> {
    let mut plain = String::new();
    for character in argument.to_string().chars() {
        if character.is_ascii_graphic() || character == ' ' {
            plain.push(character);
            continue;
        }
        let mut units = [0; 2];
        character.encode_utf16(&mut units).iter().for_each(|unit| plain.push_str(&format!("\\u{unit:04x}")));
    }
    HeaderValue::try_from(plain)
        .map_err(|error| Error::new(ErrorKind::Internal, "what no header can hold").because(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_argument_is_ascii_and_means_the_same() {
        let argument = json!({"path": "/\u{e9}\u{1f600}\u{7f} \"x"});
        let header = header_of(&argument).unwrap();
        assert!(header.to_str().unwrap().contains("\\u00e9\\ud83d\\ude00\\u007f"), "{header:?}");
        assert_eq!(serde_json::from_str::<Value>(header.to_str().unwrap()).unwrap(), argument);
    }
}
