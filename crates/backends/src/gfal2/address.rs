//! URLs as the library takes them, and who asks.

use std::ffi::CString;

use law_storage::{Credential, Error, ErrorKind, Path, RemoteUrl, Result, Secret};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};

use super::Endpoint;
use crate::auth::read_token;

/// Everything but the unreserved characters of RFC 3986 and `/`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A URL for the library, and what must not be shown of it.
pub(super) struct Address {
    pub(super) url: CString,
    pub(super) secrets: Vec<String>,
}

impl Endpoint {
    /// Where `path` is, if such a name can be there.
    pub(super) fn address(&self, path: &Path) -> Result<Address> {
        self.check_name(path)?;
        let encoded = match self.rules.encodes {
            true => percent_encode(path.as_bytes(), ENCODED).to_string(),
            false => path.to_str().unwrap_or_default().to_owned(),
        };
        let slash = if self.rules.plugin == "xrootd" { "/" } else { "" };
        let mut url = format!("{}{slash}/{encoded}", base(&self.shown));
        let own = self.shown.query().map(|query| query.expose().to_owned());
        let token = self.token()?;
        let parameters: Vec<String> = own.iter().cloned().chain(token.as_ref().map(authorization)).collect();
        if !parameters.is_empty() {
            url = format!("{url}?{}", parameters.join("&"));
        }
        let secrets = parameters.into_iter().chain(token.map(|token| token.expose().to_owned())).collect();
        let url =
            CString::new(url).map_err(|error| Error::new(ErrorKind::InvalidInput, "a NUL byte").because(error))?;
        Ok(Address { url, secrets })
    }

    fn check_name(&self, path: &Path) -> Result<()> {
        if let Some(refusal) = self.rules.names.refusal(path) {
            return Err(refusal.error().at(self.url(path)));
        }
        if self.rules.trims && path.segments().any(|name| name.ends_with(b" ")) {
            let error =
                Error::new(ErrorKind::InvalidInput, "listings of this protocol lose a blank at the end of a name");
            return Err(error.at(self.url(path)));
        }
        Ok(())
    }

    /// The token that goes along with each URL, where it has its place there.
    fn token(&self) -> Result<Option<Secret>> {
        Ok(match &self.settings.credential {
            Credential::Bearer(token) if self.takes_tokens() => Some(token.clone()),
            Credential::BearerFile(file) if self.takes_tokens() => Some(read_token(file)?),
            _ => None,
        })
    }

    /// Tokens travel encrypted only.
    fn takes_tokens(&self) -> bool {
        self.shown.scheme().name() == "roots"
    }
}

/// A token as XRootD reads it.
fn authorization(token: &Secret) -> String {
    format!("authz=Bearer%20{}", utf8_percent_encode(token.expose(), ENCODED))
}

/// Scheme, user, host and port.
fn base(url: &RemoteUrl) -> String {
    let endpoint = url.endpoint();
    match (url.user(), endpoint.split_once("://")) {
        (Some(user), Some((scheme, host))) => format!("{scheme}://{}@{host}", utf8_percent_encode(user, ENCODED)),
        _ => endpoint,
    }
}

/// The options of a context that say who asks: group, key and value.
pub(super) fn options(credential: &Credential) -> Result<Vec<(&'static str, &'static str, CString)>> {
    let text = |value: &str| {
        CString::new(value).map_err(|error| Error::new(ErrorKind::InvalidInput, "a NUL byte").because(error))
    };
    let path = |value: &std::path::Path| text(&value.to_string_lossy());
    Ok(match credential {
        Credential::Certificate { chain, key } => {
            vec![("X509", "CERT", path(chain)?), ("X509", "KEY", path(key)?)]
        }
        _ => Vec::new(),
    })
}

/// Whether what somebody has named can be shown there.
///
/// # Errors
/// `InvalidInput`, with what can be.
pub(super) fn check_credential(url: &RemoteUrl, credential: &Credential, found: bool) -> Result<()> {
    let scheme = url.scheme().name();
    let fits = match credential {
        Credential::None | Credential::Certificate { .. } => true,
        Credential::Bearer(_) | Credential::BearerFile(_) => scheme == "roots",
        _ => false,
    };
    if fits || found {
        return Ok(());
    }
    let error = Error::new(ErrorKind::InvalidInput, format!("{scheme}:// takes no credential of this kind")).at(url);
    Err(error.hint("certificates and proxies go to all storage that gfal2 serves, tokens to roots://"))
}
