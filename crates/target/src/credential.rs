//! Which credential goes to a storage.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::SystemTime;

use law_backends::auth::{FoundToken, Identity, Lifetime, find_identity, find_netrc, find_token, read_token};
use law_config::{AuthMethod, FileSystemSettings};
use law_storage::{Credential, Result, Secret};

use crate::claims::Claims;

/// What can be said of a credential without showing it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CredentialReport {
    /// What it is and where it is from, such as `bearer token of /run/user/1000/bt_u1000`; none if there is none.
    pub source: Option<String>,
    /// Whether it was found at a usual place, and not named: then it goes nowhere without encryption.
    pub found: bool,
    /// What the token says of itself, if it is one that says something.
    pub claims: Claims,
}

impl CredentialReport {
    pub(crate) fn none() -> Self {
        Self::default()
    }

    pub(crate) fn typed() -> Self {
        Self { source: Some("user and password of the URL".into()), ..Self::default() }
    }

    /// When it ends by its own date, where it says one.
    pub fn expires(&self) -> Option<SystemTime> {
        self.claims.expires
    }
}

/// A credential, where it is from, and whether nobody has named it.
pub(crate) struct Chosen {
    pub(crate) credential: Credential,
    source: Option<String>,
    pub(crate) found: bool,
}

impl Chosen {
    fn named(credential: Credential, source: impl Into<String>) -> Self {
        Self { credential, source: Some(source.into()), found: false }
    }

    fn found(credential: Credential, source: impl Into<String>) -> Self {
        Self { found: true, ..Self::named(credential, source) }
    }
}

/// The same choice as [`credential`], in words.
///
/// # Errors
/// `Unauthenticated` for a token that cannot be read.
pub(crate) fn report(settings: &FileSystemSettings) -> Result<CredentialReport> {
    let Chosen { credential, source, found } = credential(settings);
    let claims = match credential {
        Credential::Bearer(token) => Claims::of(token.expose()),
        Credential::BearerFile(path) => Claims::of(read_token(&path)?.expose()),
        Credential::Certificate { chain, key } => {
            // One that is too old has been read, and says when it ended.
            let Lifetime { subject, expires } = Identity::new(chain, key).lifetime()?;
            Claims { subject, expires, ..Claims::default() }
        }
        _ => Claims::default(),
    };
    Ok(CredentialReport { source, found, claims })
}

/// The first credential in the configured order that is there. What the configuration of somebody else names is not
/// followed, and what was found does not go there.
pub(crate) fn credential(settings: &FileSystemSettings) -> Chosen {
    let first = settings.auth.iter().filter(|_| settings.trusted).find_map(|method| match method {
        AuthMethod::Token => token(settings),
        AuthMethod::X509 => certificate(settings),
        AuthMethod::Basic => basic(settings),
        AuthMethod::Netrc => netrc(),
        AuthMethod::None => Some(Chosen { credential: Credential::None, source: None, found: false }),
        _ => None,
    });
    first.unwrap_or(Chosen { credential: Credential::None, source: None, found: false })
}

fn token(settings: &FileSystemSettings) -> Option<Chosen> {
    if let Some(token) = &settings.token {
        let secret = Secret::new(token.expose().trim());
        return Some(Chosen::named(Credential::Bearer(secret), "bearer token of the settings"));
    }
    let of = |file: &PathBuf| format!("bearer token of {}", file.display());
    if let Some(file) = &settings.token_file {
        return Some(Chosen::named(Credential::BearerFile(file.clone()), of(file)));
    }
    Some(match find_token(&environment, user())? {
        FoundToken::Text(token) => Chosen::found(Credential::Bearer(token), "bearer token of $BEARER_TOKEN"),
        FoundToken::File(file) => {
            let source = of(&file);
            Chosen::found(Credential::BearerFile(file), source)
        }
    })
}

fn certificate(settings: &FileSystemSettings) -> Option<Chosen> {
    let of = |chain: &PathBuf, key: &PathBuf| {
        let kind = if chain == key { "proxy" } else { "certificate" };
        (Credential::Certificate { chain: chain.clone(), key: key.clone() }, format!("{kind} of {}", chain.display()))
    };
    if let Some(chain) = &settings.certificate {
        let (credential, source) = of(chain, settings.key.as_ref().unwrap_or(chain));
        return Some(Chosen::named(credential, source));
    }
    let (chain, key) = find_identity(&environment, user())?;
    let (credential, source) = of(&chain, &key);
    Some(Chosen::found(credential, source))
}

fn basic(settings: &FileSystemSettings) -> Option<Chosen> {
    let password = Secret::new(settings.password.as_ref()?.expose());
    let user = settings.user.clone()?;
    let source = format!("password of {user}");
    Some(Chosen::named(Credential::Basic { user, password }, source))
}

fn netrc() -> Option<Chosen> {
    let file = find_netrc(&environment, user())?;
    let source = format!("passwords of {}, if it has this host", file.display());
    Some(Chosen::found(Credential::Netrc(file), source))
}

fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}
