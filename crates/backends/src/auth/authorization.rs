//! What a client says of itself with each request.

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use law_storage::{Credential, Error, ErrorKind, Result, Secret};

use super::netrc::Netrc;
use super::oidc_agent::OidcAgent;
use super::token_file::TokenFile;

/// The `Authorization` header of one endpoint, which may change with a file.
pub struct Authorization(Kind);

enum Kind {
    None,
    Fixed(HeaderValue, Option<Secret>),
    File(Mutex<(TokenFile, Option<HeaderValue>)>),
    Agent(OidcAgent),
    Netrc { path: PathBuf, host: String, found: OnceLock<Option<HeaderValue>> },
}

impl Authorization {
    /// Nothing is said.
    pub fn none() -> Self {
        Self(Kind::None)
    }

    /// What `credential` means at `host`. Reads no file yet.
    ///
    /// # Errors
    /// `Unauthenticated` for what no header can have.
    pub fn of(credential: &Credential, host: &str) -> Result<Self> {
        Ok(Self(match credential {
            Credential::Basic { user, password } => Kind::Fixed(basic(user, password)?, None),
            Credential::Bearer(token) => Kind::Fixed(bearer(token)?, Some(token.clone())),
            Credential::BearerFile(path) => Kind::File(Mutex::new((TokenFile::new(path.clone()), None))),
            Credential::OidcAgent { socket, account } => Kind::Agent(OidcAgent::new(socket.clone(), account.clone())),
            Credential::Netrc(path) => {
                Kind::Netrc { path: path.clone(), host: host.to_owned(), found: OnceLock::new() }
            }
            _ => Kind::None,
        }))
    }

    /// Whether nothing is said: of a netrc file, that it does not have the host.
    pub fn is_none(&self) -> bool {
        match &self.0 {
            Kind::None => true,
            Kind::Fixed(..) | Kind::File(_) | Kind::Agent(_) => false,
            Kind::Netrc { .. } => matches!(self.value(), Ok(None)),
        }
    }

    /// Gets a token from an agent, if it is one of those and its time comes to an end.
    ///
    /// # Errors
    /// `Unauthenticated` if the agent gives none.
    pub async fn renew(&self) -> Result<()> {
        match &self.0 {
            Kind::Agent(agent) => agent.renew().await,
            _ => Ok(()),
        }
    }

    /// The value of the header as it is now, after [`renew`](Self::renew). A file that changed is read again.
    ///
    /// # Errors
    /// `Unauthenticated` for a file that cannot be read.
    pub fn value(&self) -> Result<Option<HeaderValue>> {
        match &self.0 {
            Kind::None => Ok(None),
            Kind::Fixed(value, _) => Ok(Some(value.clone())),
            Kind::File(file) => {
                // Both are set together, and a value that is missing is made again.
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let (token, new) = file.0.current()?;
                if new || file.1.is_none() {
                    file.1 = Some(bearer(&token)?);
                }
                Ok(file.1.clone())
            }
            Kind::Agent(agent) => bearer(&agent.token()?).map(Some),
            Kind::Netrc { path, host, found } => {
                if let Some(found) = found.get() {
                    return Ok(found.clone());
                }
                let value =
                    Netrc::read(path)?.entry(host).map(|entry| basic(&entry.user, &entry.password)).transpose()?;
                Ok(found.get_or_init(|| value).clone())
            }
        }
    }

    /// The bearer token as it is now, where that is what is sent.
    ///
    /// # Errors
    /// As [`value`](Self::value).
    pub fn bearer(&self) -> Result<Option<Secret>> {
        match &self.0 {
            Kind::Fixed(_, token) => Ok(token.clone()),
            Kind::File(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.0.current().map(|(token, new)| {
                    if new {
                        file.1 = None;
                    }
                    Some(token)
                })
            }
            Kind::Agent(agent) => agent.token().map(Some),
            Kind::None | Kind::Netrc { .. } => Ok(None),
        }
    }
}

fn basic(user: &str, password: &Secret) -> Result<HeaderValue> {
    header(&format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose()))))
}

fn bearer(token: &Secret) -> Result<HeaderValue> {
    header(&format!("Bearer {}", token.expose()))
}

fn header(text: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        Error::new(ErrorKind::Unauthenticated, "a password or token with characters that no header can have")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(authorization: &Authorization) -> String {
        let value = authorization.value().unwrap();
        value.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    #[test]
    fn each_credential_has_its_header() {
        let of = |credential| Authorization::of(&credential, "h").unwrap();
        assert!(of(Credential::None).is_none());
        let basic = of(Credential::Basic { user: "alice".into(), password: Secret::new("secret") });
        assert_eq!(sent(&basic), "Basic YWxpY2U6c2VjcmV0");
        assert!(basic.bearer().unwrap().is_none());
        let token = of(Credential::Bearer(Secret::new("abc")));
        assert_eq!((sent(&token).as_str(), token.bearer().unwrap().unwrap().expose()), ("Bearer abc", "abc"));
        assert!(Authorization::of(&Credential::Bearer(Secret::new("a\nb")), "h").is_err());
    }

    #[test]
    fn a_file_is_followed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "one").unwrap();
        let authorization = Authorization::of(&Credential::BearerFile(file.path().into()), "h").unwrap();
        assert_eq!(sent(&authorization), "Bearer one");
        std::fs::write(&file, "other").unwrap();
        assert_eq!(authorization.bearer().unwrap().unwrap().expose(), "other");
        assert_eq!(sent(&authorization), "Bearer other");
        std::fs::write(&file, "a third\nline").unwrap();
        assert!(authorization.value().is_err());
    }

    #[test]
    fn a_netrc_is_for_some_hosts() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "machine h login u password p").unwrap();
        let of = |host| Authorization::of(&Credential::Netrc(file.path().into()), host).unwrap();
        assert_eq!((sent(&of("h")).as_str(), sent(&of("g")).as_str()), ("Basic dTpw", ""));
        assert!(!of("h").is_none() && of("g").is_none());
    }
}
