//! The way to a refresh token: OAuth 2 for programs that cannot keep a secret (PKCE, RFC 7636).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use law_storage::{Call, EndpointSettings, Error, ErrorKind, Result, Secret};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rustls::crypto::ring;
use sha2::{Digest as _, Sha256};

use super::asking::origin;
use super::token::granted;
use crate::http::Client;

/// A login that has begun: whoever has the code of the page of [`address`](Self::address) can end it.
pub struct Login {
    app_key: String,
    app_secret: Option<Secret>,
    verifier: Secret,
    settings: EndpointSettings,
}

impl Login {
    /// Begins a login for an app. Asks nobody. The settings say where the service is, if it is not the usual one, and whom to believe.
    ///
    /// # Errors
    /// `Internal` if there is no source of random numbers.
    pub fn begin(app_key: &str, app_secret: Option<&Secret>, settings: &EndpointSettings) -> Result<Self> {
        let mut random = [0; 48];
        ring::default_provider()
            .secure_random
            .fill(&mut random)
            .map_err(|_| Error::new(ErrorKind::Internal, "no random numbers for a login"))?;
        let verifier = Secret::new(URL_SAFE_NO_PAD.encode(random));
        Ok(Self { app_key: app_key.into(), app_secret: app_secret.cloned(), verifier, settings: settings.clone() })
    }

    /// The page that asks the user, and tells a code.
    pub fn address(&self) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.expose()));
        let place = self.settings.endpoint.as_deref().unwrap_or("https://www.dropbox.com").trim_end_matches('/');
        let key = utf8_percent_encode(&self.app_key, NON_ALPHANUMERIC);
        format!(
            "{place}/oauth2/authorize?client_id={key}&response_type=code&code_challenge={challenge}\
             &code_challenge_method=S256&token_access_type=offline"
        )
    }

    /// The refresh token for a code.
    ///
    /// # Errors
    /// `Unauthenticated` if the service does not accept the code; those of the connection.
    pub async fn end(&self, call: &Call, code: &str) -> Result<Secret> {
        let address = self.settings.endpoint.as_deref().unwrap_or("https://api.dropboxapi.com");
        let mut plain = self.settings.clone();
        plain.credential = law_storage::Credential::None;
        let client = Client::new(origin(address)?, &plain)?;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.trim()),
            ("code_verifier", self.verifier.expose()),
            ("client_id", self.app_key.as_str()),
        ];
        form.extend(self.app_secret.as_ref().map(|secret| ("client_secret", secret.expose())));
        let refused = |error: Error| match error.kind() {
            ErrorKind::Unauthenticated if error.hint_text().is_none() => {
                error.hint("a code counts once, and for a few minutes: law login dropbox asks for another")
            }
            _ => error,
        };
        let granted = granted(&client, call, &form).await.map_err(refused)?;
        let missing = || Error::new(ErrorKind::Malformed, "an answer without a refresh token").at(address);
        granted.refresh_token.map(Secret::new).ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_tells_no_secret() {
        let login = Login::begin("my&app", Some(&Secret::new("hidden")), &EndpointSettings::default()).unwrap();
        let address = login.address();
        assert!(address.starts_with("https://www.dropbox.com/oauth2/authorize?client_id=my%26app&"), "{address}");
        assert!(!address.contains(login.verifier.expose()) && !address.contains("hidden"), "{address}");
        let other = Login::begin("my&app", None, &EndpointSettings::default()).unwrap();
        assert_ne!(other.verifier.expose(), login.verifier.expose());
    }
}
