//! Servers that quote what they were sent: secrets in their words are hidden.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use law_storage::Secret;

/// Shorter texts stand in any sentence by chance.
const SHORTEST: usize = 4;

/// What was sent with a request, and no word of the server may show.
#[derive(Clone)]
pub struct Secrets {
    pub(super) authorization: Option<HeaderValue>,
    /// What belongs to another storage.
    pub(super) others: Vec<Secret>,
}

impl Secrets {
    /// `text` without them.
    pub fn hide(&self, text: &str) -> String {
        let others = self.others.iter().map(Secret::expose).filter(|secret| secret.len() >= SHORTEST);
        hidden(&others.fold(text.to_owned(), |text, secret| text.replace(secret, "***")), self.authorization.as_ref())
    }
}

/// `text` without the credential of a header, however it is written: as it was sent, or as a password alone.
fn hidden(text: &str, authorization: Option<&HeaderValue>) -> String {
    let sent = authorization.and_then(|value| value.to_str().ok()).and_then(|value| value.split_once(' '));
    let Some((scheme, secret)) = sent else { return text.to_owned() };
    let decoded = STANDARD.decode(secret).ok().filter(|_| scheme == "Basic");
    let pair = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let password = pair.split_once(':').map_or("", |(_, password)| password);
    let secrets = [secret, &pair, password].into_iter().filter(|secret| secret.len() >= SHORTEST);
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_not_shown() {
        let bearer = HeaderValue::from_static("Bearer MARKER.TOKEN");
        assert_eq!(
            hidden("you sent Bearer MARKER.TOKEN, twice MARKER.TOKEN", Some(&bearer)),
            "you sent Bearer ***, twice ***"
        );
        let basic = HeaderValue::from_static("Basic bWU6TUFSS0VSUEFTUw==");
        assert_eq!(
            hidden("Basic bWU6TUFSS0VSUEFTUw== is MARKERPASS of me:MARKERPASS", Some(&basic)),
            "Basic *** is *** of ***"
        );
        assert_eq!(hidden("nothing", None), "nothing");
        let secrets =
            Secrets { authorization: Some(bearer), others: vec![Secret::new("MARKER.OTHER"), Secret::new("a")] };
        assert_eq!(secrets.hide("MARKER.TOKEN and MARKER.OTHER at a place"), "*** and *** at a place");
    }
}
