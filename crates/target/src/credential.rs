//! Which credential goes to a storage.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use law_backends::auth::{
    FoundIdentity, FoundToken, Identity, Lifetime, dropbox_file, find_identity, find_netrc, find_token,
    has_aws_profile, oidc_token, read_dropbox_file, read_token, ticket_times,
};
use law_backends::opendal::SERVICES;
use law_config::{AuthMethod, FileSystemSettings};
use law_storage::{Credential, RemoteUrl, Result, Secret};

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

/// The same choice as [`credential`], in words, for a door with encryption or without.
///
/// # Errors
/// `Unauthenticated` for a token or a certificate that cannot be read, and an agent that gives no token.
pub(crate) fn report(settings: &FileSystemSettings, doors: &[&RemoteUrl], encrypted: bool) -> Result<CredentialReport> {
    let Chosen { credential, source, found } = credential(settings, doors);
    if found && !encrypted && !is_key(&credential) {
        return Ok(CredentialReport::none());
    }
    let claims = match credential {
        Credential::Bearer(token) => Claims::of(token.expose()),
        Credential::AccessKey { token: Some(ticket), .. } => {
            let [begins, expires] = ticket_times(ticket.expose());
            Claims { begins, expires, ..Claims::default() }
        }
        Credential::BearerFile(path) => Claims::of(read_token(&path)?.expose()),
        Credential::OidcAgent { socket, account } => Claims::of(oidc_token(socket.as_deref(), &account)?.expose()),
        Credential::Certificate { chain, key } => {
            // One that is too old has been read, and says when it ended.
            let Lifetime { subject, expires } = Identity::new(chain, key).lifetime()?;
            Claims { subject, expires, ..Claims::default() }
        }
        Credential::DropboxLogin { file, app_key } => {
            read_dropbox_file(&file, app_key.as_deref())?;
            Claims::default()
        }
        _ => Claims::default(),
    };
    Ok(CredentialReport { source, found, claims })
}

/// Whether it never travels in the clear: it signs, or goes to one service alone, which is reached with encryption.
fn is_key(credential: &Credential) -> bool {
    use Credential::{AccessKey, Aws, Dropbox, DropboxLogin, Ssh, Tools};
    matches!(credential, AccessKey { .. } | Aws { .. } | Dropbox { .. } | DropboxLogin { .. } | Ssh { .. } | Tools)
}

/// The credential of a storage with these doors: the first in the configured order that its settings name, else the first that is found where such
/// are kept. What the configuration of somebody else names is not followed, and what was found does not go there.
pub(crate) fn credential(settings: &FileSystemSettings, doors: &[&RemoteUrl]) -> Chosen {
    let methods = settings.auth.iter().take_while(|method| **method != AuthMethod::None);
    let kind = Kind::of(doors);
    if kind == Kind::Ssh {
        return of_ssh(settings);
    }
    let methods: Vec<AuthMethod> = methods.filter(|method| settings.trusted && kind.takes(**method)).copied().collect();
    let hosts: Vec<&str> = doors.iter().map(|door| door.host()).collect();
    let named = methods.iter().find_map(|method| named(*method, kind, settings));
    let first = named.or_else(|| methods.iter().find_map(|method| found(*method, kind, settings, &hosts)));
    first.unwrap_or(Chosen { credential: Credential::None, source: None, found: false })
}

/// Whom credentials are shown to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A service of S3, which takes nothing but keys.
    Bucket,
    /// Dropbox, which takes its own tokens.
    Dropbox,
    /// An object store of others: keys, and tokens that somebody has named.
    Store,
    /// A host that is logged in to, in whatever way `ssh` does it.
    Ssh,
    /// A storage of the grid, or a web server.
    Web,
}

impl Kind {
    fn of(doors: &[&RemoteUrl]) -> Self {
        match doors.first().map(|door| door.scheme().name()) {
            Some("s3") => Self::Bucket,
            Some("dropbox") => Self::Dropbox,
            Some("sftp") => Self::Ssh,
            Some(scheme) if SERVICES.iter().any(|service| service.scheme == scheme) => Self::Store,
            _ => Self::Web,
        }
    }

    fn takes(self, method: AuthMethod) -> bool {
        match self {
            Self::Bucket => method == AuthMethod::S3,
            Self::Dropbox => method == AuthMethod::Token,
            Self::Store => matches!(method, AuthMethod::Token | AuthMethod::S3),
            Self::Ssh => false,
            Self::Web => method != AuthMethod::S3,
        }
    }
}

/// What the settings say of who logs in; `ssh` itself knows the rest.
fn of_ssh(settings: &FileSystemSettings) -> Chosen {
    let (user, key) = (settings.user.clone(), settings.key.clone());
    if !settings.trusted || (user.is_none() && key.is_none()) {
        return Chosen::found(Credential::Ssh { user: None, key: None }, "keys and agents that ssh itself finds");
    }
    let missing = |key: &Path| if key.exists() { "" } else { ", which is not there" };
    let of_key = |key: &PathBuf| format!("key of {}{}", key.display(), missing(key));
    let source = key.as_ref().map_or_else(|| "keys and agents that ssh itself finds".to_owned(), of_key);
    Chosen::named(Credential::Ssh { user, key }, source)
}

fn named(method: AuthMethod, kind: Kind, settings: &FileSystemSettings) -> Option<Chosen> {
    match method {
        AuthMethod::Token if settings.refresh_token.is_some() && settings.app_key.is_some() => {
            let (app_key, token) = (settings.app_key.clone()?, settings.refresh_token.as_ref()?.expose());
            let app_secret = settings.app_secret.as_ref().map(|secret| Secret::new(secret.expose()));
            let source = format!("refresh token of the settings, for the app {app_key}");
            let refresh_token = Secret::new(token);
            Some(Chosen::named(Credential::Dropbox { app_key, app_secret, refresh_token }, source))
        }
        AuthMethod::Token => match (&settings.token, &settings.token_file) {
            (Some(token), _) => {
                let secret = Secret::new(token.expose().trim());
                Some(Chosen::named(Credential::Bearer(secret), "bearer token of the settings"))
            }
            (None, Some(file)) => Some(Chosen::named(Credential::BearerFile(file.clone()), of_file(file))),
            (None, None) => {
                let account = settings.oidc_account.clone()?;
                let source = format!("bearer token of the account {account} of oidc-agent");
                Some(Chosen::named(Credential::OidcAgent { socket: agent_socket(), account }, source))
            }
        },
        AuthMethod::X509 => {
            let chain = settings.certificate.as_ref()?;
            let (credential, source) = certificate(chain, settings.key.as_ref().unwrap_or(chain));
            Some(Chosen::named(credential, source))
        }
        AuthMethod::Basic => {
            let password = Secret::new(settings.password.as_ref()?.expose());
            let user = settings.user.clone()?;
            let source = format!("password of {user}");
            Some(Chosen::named(Credential::Basic { user, password }, source))
        }
        AuthMethod::S3 => key(kind, settings),
        _ => None,
    }
}

fn found(method: AuthMethod, kind: Kind, settings: &FileSystemSettings, hosts: &[&str]) -> Option<Chosen> {
    match method {
        AuthMethod::Token if kind == Kind::Dropbox => {
            // One that cannot be used is told of by whoever uses it: nobody else is to be asked in its place.
            let file = dropbox_file(&environment).filter(|file| file.exists())?;
            let app_key = settings.app_key.clone();
            let app = app_key.as_ref().map(|app| format!(", for the app {app}")).unwrap_or_default();
            let source = format!("login of {}{app}", file.display());
            Some(Chosen::found(Credential::DropboxLogin { file, app_key }, source))
        }
        // Those of the grid are nothing to object stores.
        AuthMethod::Token if kind == Kind::Store => None,
        AuthMethod::Token => Some(match find_token(&environment, user())? {
            FoundToken::Text(token) => Chosen::found(Credential::Bearer(token), "bearer token of $BEARER_TOKEN"),
            FoundToken::Named(file) | FoundToken::File(file) => {
                let source = of_file(&file);
                Chosen::found(Credential::BearerFile(file), source)
            }
        }),
        AuthMethod::X509 => {
            let FoundIdentity { chain, key } = find_identity(&environment, user())?;
            let (credential, source) = certificate(&chain, &key);
            Some(Chosen::found(credential, source))
        }
        AuthMethod::Netrc => {
            let file = find_netrc(&environment, user(), hosts)?;
            let source = format!("password of {}", file.display());
            Some(Chosen::found(Credential::Netrc(file), source))
        }
        AuthMethod::S3 if kind == Kind::Store => {
            Some(Chosen::found(Credential::Tools, "what the own tools of the service would use, if there is something"))
        }
        AuthMethod::S3 => Some(Chosen::found(Credential::Aws { profile: None }, aws_source())),
        _ => None,
    }
}

fn key(kind: Kind, settings: &FileSystemSettings) -> Option<Chosen> {
    if let Some(profile) = settings.profile.as_ref().filter(|_| kind == Kind::Bucket) {
        let credential = Credential::Aws { profile: Some(profile.clone()) };
        return Some(Chosen::named(credential, of_profile(profile)));
    }
    let id = settings.access_key.clone()?;
    let secret = match &settings.secret_key {
        Some(secret) => Secret::new(secret.expose()),
        // A ticket of Azure needs no key.
        None if kind == Kind::Store && settings.session_token.is_some() => Secret::new(""),
        None => return None,
    };
    // A ticket of Azure is often copied with the question mark that stands before it in a URL.
    let whole =
        |token: &str| Secret::new(if kind == Kind::Store { token.trim().trim_start_matches('?') } else { token });
    let token = settings.session_token.as_ref().map(|token| whole(token.expose()));
    let source = match (&settings.secret_key, kind) {
        (None, _) => format!("SAS of the settings, for the account {id}"),
        (_, Kind::Store) if token.is_some() => format!("SAS of the settings, with the account key of {id}"),
        _ => format!("access key {id} of the settings"),
    };
    Some(Chosen::named(Credential::AccessKey { id, secret, token }, source))
}

/// Where the access key is from that nobody has named, as far as that can be told without asking anybody.
fn aws_source() -> String {
    if let Some(id) = environment("AWS_ACCESS_KEY_ID").filter(|id| !id.is_empty()) {
        let is_whole = environment("AWS_SECRET_ACCESS_KEY").is_some_and(|secret| !secret.is_empty());
        let half = if is_whole { "" } else { ", of no use without $AWS_SECRET_ACCESS_KEY" };
        return format!("access key {} of $AWS_ACCESS_KEY_ID{half}", id.to_string_lossy());
    }
    match environment("AWS_PROFILE").filter(|profile| !profile.is_empty()) {
        Some(profile) => of_profile(&profile.to_string_lossy()) + " ($AWS_PROFILE)",
        None => "access key of ~/.aws, or of a role of the job or of the machine, if there is one".into(),
    }
}

fn of_profile(name: &str) -> String {
    let missing = if has_aws_profile(&environment, name) { "" } else { ", which is in no file" };
    format!("access key of the profile {name}{missing}")
}

fn agent_socket() -> Option<PathBuf> {
    environment("OIDC_SOCK").filter(|socket| !socket.is_empty()).map(PathBuf::from)
}

fn of_file(file: &Path) -> String {
    format!("bearer token of {}", file.display())
}

fn certificate(chain: &Path, key: &Path) -> (Credential, String) {
    let kind = if chain == key { "proxy" } else { "certificate" };
    (Credential::Certificate { chain: chain.into(), key: key.into() }, format!("{kind} of {}", chain.display()))
}

fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}
