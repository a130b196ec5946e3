//! Which credential goes to a storage.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use law_config::{AuthMethod, FileSystemSettings};
use law_storage::{Credential, Error, ErrorKind, Result, Secret};

/// Bytes: servers refuse headers that are much shorter.
const LONGEST_TOKEN: u64 = 64 * 1024;

/// What can be said of a credential without showing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialReport {
    /// What it is and where it is from, such as `bearer token of /run/user/1000/bt_u1000`; none if there is none.
    pub source: Option<String>,
    /// When it ends by its own date, where it says one.
    pub expires: Option<SystemTime>,
}

impl CredentialReport {
    pub(crate) fn none() -> Self {
        Self { source: None, expires: None }
    }

    pub(crate) fn typed() -> Self {
        Self { source: Some("user and password of the URL".into()), expires: None }
    }
}

/// The same choice as [`credential`], in words.
///
/// # Errors
/// `Unauthenticated` for a token that cannot be read.
pub(crate) fn report(settings: &FileSystemSettings) -> Result<CredentialReport> {
    Ok(match credential(settings)? {
        Credential::Bearer(token) => {
            let source = match (&settings.token, &settings.token_file) {
                (None, Some(file)) => format!("bearer token of {}", file.display()),
                _ => "bearer token of the settings".into(),
            };
            CredentialReport { source: Some(source), expires: expiry(token.expose()) }
        }
        Credential::Basic { user, .. } => {
            CredentialReport { source: Some(format!("password of {user}")), expires: None }
        }
        _ => CredentialReport::none(),
    })
}

/// The time `exp` of a JSON Web Token (RFC 7519); none for what is no such token. Nothing is verified: the storage does that.
fn expiry(token: &str) -> Option<SystemTime> {
    let mut parts = token.split('.');
    let payload = parts.nth(1).filter(|_| parts.next().is_some())?;
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    let seconds = claims.get("exp")?.as_f64().filter(|seconds| (0.0..1e12).contains(seconds))?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs_f64(seconds))
}

/// The first credential in the configured order that is there. What the configuration of somebody else names is not
/// followed.
pub(crate) fn credential(settings: &FileSystemSettings) -> Result<Credential> {
    if !settings.trusted {
        return Ok(Credential::None);
    }
    for method in &settings.auth {
        let found = match method {
            AuthMethod::Token => token(settings)?,
            AuthMethod::Basic => basic(settings),
            _ => None,
        };
        if let Some(found) = found {
            return Ok(found);
        }
    }
    Ok(Credential::None)
}

fn token(settings: &FileSystemSettings) -> Result<Option<Credential>> {
    let secret = |text: &str| Credential::Bearer(Secret::new(text.trim()));
    if let Some(token) = &settings.token {
        return Ok(Some(secret(token.expose())));
    }
    let Some(file) = &settings.token_file else { return Ok(None) };
    // A file that was named and cannot be read is an error, never a reason to go on as somebody else.
    let text = read_token(file).map_err(|e| {
        Error::new(ErrorKind::Unauthenticated, "cannot read the token in").at(file.display()).because(e)
    })?;
    Ok(Some(secret(&text)))
}

/// What is no regular file could wait for ever, or never end.
fn read_token(path: &std::path::Path) -> std::io::Result<String> {
    use std::io::Read as _;
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    let mut text = String::new();
    std::fs::File::open(path)?.take(LONGEST_TOKEN + 1).read_to_string(&mut text)?;
    match text.trim() {
        _ if text.len() as u64 > LONGEST_TOKEN => Err(std::io::Error::other("it is longer than any token")),
        "" => Err(std::io::Error::other("it is empty")),
        _ => Ok(text),
    }
}

fn basic(settings: &FileSystemSettings) -> Option<Credential> {
    let password = Secret::new(settings.password.as_ref()?.expose());
    Some(Credential::Basic { user: settings.user.clone()?, password })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        format!("e30.{}.signature", URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn a_token_says_when_it_ends() {
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        assert_eq!(expiry(&token(r#"{"sub": "me", "exp": 1800000000}"#)), Some(end));
        for other in
            ["", "opaque", "a.b", "a.b.c", "..", &token("{}"), &token(r#"{"exp": "soon"}"#), &token(r#"{"exp": -1}"#)]
        {
            assert_eq!(expiry(other), None, "{other}");
        }
        assert_eq!(expiry(&token(r#"{"exp": 1e300}"#)), None);
    }
}
