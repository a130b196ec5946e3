//! Access tokens: one that was given, or those that a refresh token gives, each for four hours.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use law_storage::{Call, Credential, Error, ErrorKind, Result, Secret};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::sync::Mutex;

use super::Account;
use super::answers::Granted;
use super::status::foreign;
use crate::auth::{read_dropbox_file, read_token};
use crate::http::{Client, Request, of_service};

/// A token that ends this soon is not used any more.
const MARGIN: Duration = Duration::from_secs(120);

/// The longest answer about tokens.
const LONGEST: usize = 64 * 1024;

/// Where access tokens are from.
pub(super) struct Tokens {
    credential: Credential,
    /// The last one, and until when it may be used.
    last: Mutex<Option<(Secret, Option<Instant>)>>,
}

impl Tokens {
    pub(super) fn of(credential: &Credential) -> Self {
        Self { credential: credential.clone(), last: Mutex::default() }
    }
}

impl Account {
    /// A token that is good now, as far as is known here.
    ///
    /// # Errors
    /// `Unauthenticated` if there is none, or the refresh token is not accepted.
    pub(super) async fn token(&self, call: &Call) -> Result<Secret> {
        match &self.tokens.credential {
            Credential::Bearer(token) => return Ok(token.clone()),
            Credential::BearerFile(file) => return read_token(file),
            Credential::Dropbox { .. } | Credential::DropboxLogin { .. } => {}
            _ => {
                let error = Error::new(ErrorKind::Unauthenticated, "nobody is named").at(&self.shown);
                return Err(error.hint("law login dropbox, or token in [fs.NAME]"));
            }
        }
        let mut last = call.bound(async { Ok(self.tokens.last.lock().await) }).await?;
        if let Some((token, until)) = &*last
            && until.is_none_or(|until| Instant::now() < until)
        {
            return Ok(token.clone());
        }
        let fresh = self.refreshed(call).await?;
        Ok(last.insert(fresh).0.clone())
    }

    /// Forgets a token that the service calls too old. False if no other can be had.
    pub(super) async fn forget(&self, token: &Secret) -> bool {
        if !matches!(self.tokens.credential, Credential::Dropbox { .. } | Credential::DropboxLogin { .. }) {
            return false;
        }
        let mut last = self.tokens.last.lock().await;
        if last.as_ref().is_some_and(|(known, _)| known.expose() == token.expose()) {
            *last = None;
        }
        true
    }

    async fn refreshed(&self, call: &Call) -> Result<(Secret, Option<Instant>)> {
        // Whoever logs in again meanwhile is followed.
        let login = match &self.tokens.credential {
            Credential::DropboxLogin { file, app_key } => &read_dropbox_file(file, app_key.as_deref())?,
            named => named,
        };
        let Credential::Dropbox { app_key, app_secret, refresh_token } = login else {
            return Err(Error::new(ErrorKind::Internal, "a token that cannot be refreshed"));
        };
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose()),
            ("client_id", app_key.as_str()),
        ];
        form.extend(app_secret.as_ref().map(|secret| ("client_secret", secret.expose())));
        let granted = granted(&self.api, call, &form).await.map_err(|error| match error.kind() {
            ErrorKind::Unauthenticated if error.hint_text().is_none() => {
                error.hint("law login dropbox makes a new one")
            }
            _ => error,
        })?;
        let until = granted.expires_in.map(|seconds| Duration::from_secs(seconds).saturating_sub(MARGIN));
        Ok((Secret::new(granted.access_token), until.and_then(|time| Instant::now().checked_add(time))))
    }
}

/// Why there is no token, in the words of RFC 6749 section 5.2; without any, whoever has answered is somebody else.
fn not_granted(status: StatusCode, why: &str) -> Error {
    let kind = match status {
        StatusCode::NOT_FOUND if why.is_empty() => return foreign(),
        status if status.is_client_error() => ErrorKind::Unauthenticated,
        _ => ErrorKind::Unavailable,
    };
    let plain: String = why.chars().filter(|character| !character.is_control()).take(80).collect();
    let error = Error::new(kind, format!("no access token is given (HTTP {} {plain})", status.as_u16()));
    match why {
        "invalid_client" => error.hint("app_key or app_secret is not what Dropbox knows"),
        _ => error,
    }
}

/// Asks for tokens (RFC 6749 section 4.1.3 and 6).
pub(super) async fn granted(client: &Client, call: &Call, form: &[(&str, &str)]) -> Result<Granted> {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
    let body: Vec<String> = form.iter().map(pair).collect();
    let address = client.home().path(&law_storage::Path::parse("oauth2/token").map_err(Error::from)?);
    let shown = address.to_string();
    // What the form tells may go nowhere in the clear.
    let secrets = form.iter().filter(|(name, _)| !matches!(*name, "grant_type" | "client_id"));
    let mut request = Request::new(Method::POST, address)
        .staying()
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
        .bytes(Bytes::from(body.join("&")));
    for (_, secret) in secrets {
        request = request.confiding(Secret::new(*secret));
    }
    let answer = client.send(call, &request, Duration::ZERO).await.map_err(of_service)?;
    let status = answer.status;
    if !status.is_success() {
        let words = answer.words(LONGEST).await;
        let why = serde_json::from_str::<serde_json::Value>(&words).ok();
        let why = why.and_then(|why| why["error"].as_str().map(str::to_owned)).unwrap_or_default();
        return Err(not_granted(status, &why).at(shown));
    }
    let json = call.bound(answer.body.collect(LONGEST)).await?;
    serde_json::from_slice(&json)
        .map_err(|error| Error::new(ErrorKind::Malformed, "an answer without a token").at(shown).because(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_believed_is_told() {
        let app = not_granted(StatusCode::BAD_REQUEST, "invalid_client");
        assert_eq!(app.kind(), ErrorKind::Unauthenticated);
        assert!(app.hint_text().unwrap().starts_with("app_key or app_secret"));
        let code = not_granted(StatusCode::BAD_REQUEST, "invalid_grant");
        assert_eq!((code.kind(), code.hint_text()), (ErrorKind::Unauthenticated, None));
        assert_eq!(not_granted(StatusCode::NOT_FOUND, "").kind(), ErrorKind::Malformed);
        assert_eq!(not_granted(StatusCode::BAD_GATEWAY, "").kind(), ErrorKind::Unavailable);
    }
}
