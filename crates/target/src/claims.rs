//! What a token says of itself.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The claims of a JSON Web Token (RFC 7519) that matter to whoever uses it, in the words of the WLCG profile
/// (<https://doi.org/10.5281/zenodo.3460258>). Nothing is verified: the storage does that. All are empty for other tokens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claims {
    /// Who made it.
    pub issuer: Option<String>,
    /// Whom it speaks for.
    pub subject: Option<String>,
    /// What it allows, such as `storage.read:/`.
    pub scopes: Vec<String>,
    /// For whom it is made.
    pub audience: Vec<String>,
    /// From when on it counts.
    pub begins: Option<SystemTime>,
    /// When it ends.
    pub expires: Option<SystemTime>,
}

impl Claims {
    /// Reads a token.
    pub fn of(token: &str) -> Self {
        let Some(claims) = payload(token) else { return Self::default() };
        let text = |name: &str| claims[name].as_str().map(plain);
        Self {
            issuer: text("iss"),
            subject: text("sub"),
            // SciTokens and WLCG write one text, others a list.
            scopes: words(claims.get("scope").or_else(|| claims.get("scp"))),
            audience: words(claims.get("aud")),
            begins: time(&claims["nbf"]),
            expires: time(&claims["exp"]),
        }
    }
}

fn payload(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let payload = parts.nth(1).filter(|_| parts.next().is_some())?;
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// The words of a text, or of a list of texts.
fn words(value: Option<&Value>) -> Vec<String> {
    let split = |text: &str| text.split_whitespace().map(plain).collect::<Vec<_>>();
    match value {
        Some(Value::String(text)) => split(text),
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).flat_map(split).collect(),
        _ => Vec::new(),
    }
}

/// A token is foreign text: nothing in it moves a cursor.
fn plain(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

fn time(value: &Value) -> Option<SystemTime> {
    let seconds = value.as_f64().filter(|seconds| (0.0..1e12).contains(seconds))?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs_f64(seconds))
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
        assert_eq!(Claims::of(&token(r#"{"sub": "me", "exp": 1800000000}"#)).expires, Some(end));
        for other in
            ["", "opaque", "a.b", "a.b.c", "..", &token("{}"), &token(r#"{"exp": "soon"}"#), &token(r#"{"exp": -1}"#)]
        {
            assert_eq!(Claims::of(other), Claims::default(), "{other}");
        }
        assert_eq!(Claims::of(&token(r#"{"exp": 1e300}"#)).expires, None);
    }

    #[test]
    fn scopes_are_words_however_they_are_written() {
        for payload in [r#"{"scope": "storage.read:/ x"}"#, r#"{"scp": ["storage.read:/", "x"]}"#] {
            assert_eq!(Claims::of(&token(payload)).scopes, ["storage.read:/", "x"]);
        }
        let claims = Claims::of(&token(r#"{"iss": "https://i\u001b[2J", "sub": "me", "aud": "any", "scope": 7}"#));
        assert_eq!((claims.issuer.as_deref(), claims.subject.as_deref()), (Some("https://i[2J"), Some("me")));
        assert_eq!((claims.audience, claims.scopes), (vec!["any".to_owned()], vec![]));
    }
}
