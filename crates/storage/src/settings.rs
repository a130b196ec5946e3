//! How one endpoint is to be used: what a backend gets from the configuration.

use std::path::PathBuf;
use std::time::Duration;

use crate::{Algorithm, Durability, Publish, Secret};

/// Settings of one endpoint. The defaults are those of `config/defaults/law.toml`.
#[derive(Clone)]
#[non_exhaustive]
pub struct EndpointSettings {
    /// What is shown to the endpoint, and to no other host.
    pub credential: Credential,
    /// Whether nobody has named the credential: it was found where such are kept. Then it is left out where it would travel
    /// unencrypted, which is an error otherwise.
    pub found: bool,
    /// A file or a hashed directory of certificate authorities, in addition to the system's. One of the grid is believed, where there is
    /// one, if none is named.
    pub ca: Option<PathBuf>,
    /// How files get their names; none is what the endpoint is known to do best.
    pub publish: Option<Publish>,
    /// The name of the kind of server; none is found out.
    pub quirks: Option<String>,
    /// The checksum that the storage is asked for; none is its cheapest.
    pub checksum: Option<Algorithm>,
    /// Whether a checksum goes along with what is uploaded, where the protocol has a place for it.
    pub send_checksums: bool,
    /// The address of the service, for a URL that names only a bucket.
    pub endpoint: Option<String>,
    /// The region of the service.
    pub region: Option<String>,
    /// Whether a bucket is a part of the path, and not of the host; none is what is usual at the service.
    pub path_style: Option<bool>,
    /// Whether local files are synced to disk.
    pub durability: Durability,
    /// Limits of waiting.
    pub timeouts: Timeouts,
    /// The most requests at once: so many that bring a file, so many that stream one, and so many others.
    pub concurrency: usize,
}

impl Default for EndpointSettings {
    fn default() -> Self {
        Self {
            credential: Credential::None,
            found: false,
            ca: None,
            publish: None,
            quirks: None,
            checksum: None,
            send_checksums: true,
            endpoint: None,
            region: None,
            path_style: None,
            durability: Durability::Full,
            timeouts: Timeouts::default(),
            concurrency: 32,
        }
    }
}

/// Who asks.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Credential {
    /// Nobody in particular.
    #[default]
    None,
    /// A user with a password (RFC 7617).
    Basic {
        /// The user's name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A bearer token (RFC 6750).
    Bearer(Secret),
    /// A bearer token in a file, which is read again whenever it changes.
    BearerFile(PathBuf),
    /// Bearer tokens of oidc-agent, which renews them.
    OidcAgent {
        /// Where it listens; none is that it does not run.
        socket: Option<PathBuf>,
        /// Its short name of the account.
        account: String,
    },
    /// A certificate or a proxy (RFC 3820) and its key, in PEM: files that are read again when they change.
    Certificate {
        /// The certificate, and those that it is signed by.
        chain: PathBuf,
        /// The key, which may be in the same file.
        key: PathBuf,
    },
    /// An access key of S3.
    AccessKey {
        /// Its name.
        id: String,
        /// The key itself.
        secret: Secret,
        /// What a temporary key comes with.
        token: Option<Secret>,
    },
    /// The access key that Amazon's own tools would use: of the environment, of a profile, of a role of the job or of the machine.
    Aws {
        /// The profile; none is the usual one.
        profile: Option<String>,
    },
    /// What the own tools of the service would use: of the environment, of their files, of a role of the job or of the machine.
    Tools,
    /// A refresh token of Dropbox, which gives access tokens, and the app that it was given to.
    Dropbox {
        /// The key of the app.
        app_key: String,
        /// The secret of the app, where it has one.
        app_secret: Option<Secret>,
        /// The refresh token.
        refresh_token: Secret,
    },
    /// A file with logins at Dropbox, one for each app, which is read when one is needed.
    DropboxLogin {
        /// The file.
        file: PathBuf,
        /// The key of the app; without it there must be one login alone.
        app_key: Option<String>,
    },
    /// Who logs in by SSH, and with which key, where its own configuration is not to say so.
    Ssh {
        /// The name of the user.
        user: Option<String>,
        /// The file of the private key.
        key: Option<PathBuf>,
    },
    /// A netrc file, which has users and passwords of some hosts.
    Netrc(PathBuf),
}

/// Limits of waiting; none is infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For the TLS handshake.
    pub tls: Duration,
    /// From the end of a request to the first byte of its answer.
    pub first_byte: Duration,
    /// Without a byte in either direction while a body travels.
    pub stall: Duration,
    /// For `100 Continue`; then the body is sent all the same.
    pub continue_wait: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            tls: Duration::from_secs(10),
            first_byte: Duration::from_secs(60),
            stall: Duration::from_secs(20),
            continue_wait: Duration::from_secs(60),
        }
    }
}
