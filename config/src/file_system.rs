//! Settings of one file system.

use std::path::PathBuf;
use std::time::Duration;

use crate::cache::FileSystemCacheSettings;
use crate::doors::DoorSettings;
use crate::error::Result;
use crate::secret::Secret;
use crate::section::Section;
use crate::setting::{Address, RemotePath, Word};

/// `[fs.NAME]`. What each option means stands in `defaults/law.toml`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FileSystemSettings {
    /// Whether everything about it comes from you or the system: from files that you or root own and that not
    /// everybody may write, your environment, or the command line. Credentials that were discovered go nowhere else.
    pub trusted: bool,
    /// The absolute directory on the storage that paths start from.
    pub base: String,
    /// The endpoints, at least one.
    pub doors: Vec<DoorSettings>,
    /// How doors are chosen from.
    pub door_policy: DoorPolicy,
    /// Attempts per door and round after the first one.
    pub retries: u32,
    /// The time that a whole call may take.
    pub deadline: Duration,
    /// The checksum to ask for and to keep.
    pub checksum: Option<String>,
    /// How strictly transfers are compared.
    pub verify: Verify,
    /// Which credentials are tried, in this order.
    pub auth: Vec<AuthMethod>,
    /// For basic authentication.
    pub user: Option<String>,
    /// For basic authentication.
    pub password: Option<Secret>,
    /// A bearer token.
    pub token: Option<Secret>,
    /// A file with a bearer token.
    pub token_file: Option<PathBuf>,
    /// The short name of an account of oidc-agent.
    pub oidc_account: Option<String>,
    /// The user's certificate or proxy, PEM.
    pub certificate: Option<PathBuf>,
    /// The key of the certificate, PEM.
    pub key: Option<PathBuf>,
    /// The name of an access key of S3.
    pub access_key: Option<String>,
    /// An access key of S3.
    pub secret_key: Option<Secret>,
    /// What a temporary access key comes with.
    pub session_token: Option<Secret>,
    /// A profile of Amazon's tools.
    pub profile: Option<String>,
    /// The name of an app of Dropbox.
    pub app_key: Option<String>,
    /// The secret of an app of Dropbox.
    pub app_secret: Option<Secret>,
    /// What Dropbox gives a new token for.
    pub refresh_token: Option<Secret>,
    /// Certificate authorities: a file or a directory.
    pub ca: Option<PathBuf>,
    /// How a finished upload becomes visible.
    pub publish: Option<Publish>,
    /// The name of a kind of server.
    pub quirks: Option<String>,
    /// Whether local files are synced to disk.
    pub durability: Durability,
    /// The address of an S3 service.
    pub endpoint: Option<String>,
    /// The region of an S3 service.
    pub region: Option<String>,
    /// Whether a bucket is a part of the path, and not of the host.
    pub path_style: Option<bool>,
    /// Where the same storage is mounted on this machine.
    pub local_root: Option<PathBuf>,
    /// How long single steps may take.
    pub timeouts: Timeouts,
    /// Present where the cache is on.
    pub cache: Option<FileSystemCacheSettings>,
}

/// `[fs.NAME.timeouts]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// The TCP connection.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// From the end of a request to the first byte of its answer.
    pub first_byte: Duration,
    /// No byte at all in the middle of a transfer.
    pub stall: Duration,
    /// How long an upload waits for `100 Continue`.
    pub continue_wait: Duration,
}

/// How doors that are equally well are chosen from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoorPolicy {
    /// The better of two that are drawn, by latency and load.
    Adaptive,
    /// One after the other.
    RoundRobin,
    /// Drawn by their weights.
    Random,
}

/// How strictly transfers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Checksums where both sides have one, else sizes.
    Auto,
    /// Checksums; a side without one is a failure.
    Require,
    /// Sizes only.
    Size,
    /// Nothing.
    None,
}

/// A kind of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthMethod {
    /// A bearer token.
    Token,
    /// A client certificate or grid proxy.
    X509,
    /// User and password.
    Basic,
    /// User and password from a netrc file.
    Netrc,
    /// An access key of S3.
    S3,
    /// Anonymous.
    None,
}

/// How a finished upload becomes visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publish {
    /// To a temporary name, then moved.
    Rename,
    /// Straight to its name.
    Direct,
}

/// Whether local files are synced to disk when they are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// File and directory.
    Full,
    /// Whenever the kernel likes.
    None,
}

impl Word for DoorPolicy {
    const ALL: &'static [(&'static str, Self)] =
        &[("adaptive", Self::Adaptive), ("round-robin", Self::RoundRobin), ("random", Self::Random)];
}

impl Word for Verify {
    const ALL: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("require", Self::Require), ("size", Self::Size), ("none", Self::None)];
}

impl Word for AuthMethod {
    const ALL: &'static [(&'static str, Self)] = &[
        ("token", Self::Token),
        ("x509", Self::X509),
        ("basic", Self::Basic),
        ("netrc", Self::Netrc),
        ("s3", Self::S3),
        ("none", Self::None),
    ];
}

impl Word for Publish {
    const ALL: &'static [(&'static str, Self)] = &[("rename", Self::Rename), ("direct", Self::Direct)];
}

impl Word for Durability {
    const ALL: &'static [(&'static str, Self)] = &[("full", Self::Full), ("none", Self::None)];
}

impl FileSystemSettings {
    /// Doors may be missing here, as in `[fs."*"]`.
    pub(crate) fn read(mut section: Section<'_, '_>, trusted: bool) -> Result<Self> {
        let settings = Self {
            trusted,
            base: section.required::<RemotePath>("base")?.0,
            doors: section.optional("doors")?.unwrap_or_default(),
            door_policy: section.required("door_policy")?,
            retries: section.required("retries")?,
            deadline: section.required("deadline")?,
            checksum: section.optional("checksum")?,
            verify: section.required("verify")?,
            auth: section.required("auth")?,
            user: section.optional("user")?,
            password: section.optional("password")?,
            token: section.optional("token")?,
            token_file: section.optional("token_file")?,
            oidc_account: section.optional("oidc_account")?,
            certificate: section.optional("certificate")?,
            key: section.optional("key")?,
            access_key: section.optional("access_key")?,
            secret_key: section.optional("secret_key")?,
            session_token: section.optional("session_token")?,
            profile: section.optional("profile")?,
            app_key: section.optional("app_key")?,
            app_secret: section.optional("app_secret")?,
            refresh_token: section.optional("refresh_token")?,
            ca: section.optional("ca")?,
            publish: section.optional("publish")?,
            quirks: section.optional("quirks")?,
            durability: section.required("durability")?,
            endpoint: section.optional::<Address>("endpoint")?.map(|address| address.0),
            region: section.optional("region")?,
            path_style: section.optional("path_style")?,
            local_root: section.optional("local_root")?,
            timeouts: Timeouts::read(section.section("timeouts")?)?,
            cache: FileSystemCacheSettings::read(section.section("cache")?)?,
        };
        section.finish()?;
        Ok(settings)
    }
}

impl Timeouts {
    fn read(mut section: Section<'_, '_>) -> Result<Self> {
        let timeouts = Self {
            connect: section.required("connect")?,
            tls: section.required("tls")?,
            first_byte: section.required("first_byte")?,
            stall: section.required("stall")?,
            continue_wait: section.required("continue_wait")?,
        };
        section.finish()?;
        Ok(timeouts)
    }
}
