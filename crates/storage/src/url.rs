//! Where something is: local paths, URLs of every scheme of this field, and names of configured file systems.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, PathBuf};

use percent_encoding::{AsciiSet, CONTROLS, percent_decode, percent_encode};

use crate::{Error, ErrorKind, Path, Result, Secret};

/// A place that somebody typed: `./a`, `/a`, `file:///a`, `davs://host:port/path`, `s3://bucket/key`, `NAME:path`.
///
/// Parsing does no input or output. `Display` shows no secrets and can be parsed again (but for the secrets).
///
/// ```
/// use law_storage::{Location, Url};
/// let url = Url::parse("davs://alice:secret@door1.example:2880/pnfs/my%20file").unwrap();
/// assert_eq!(url.to_string(), "davs://alice:***@door1.example:2880/pnfs/my%20file");
/// assert!(matches!(Url::parse("wlcg:store/x").unwrap().location(), Location::Named { .. }));
/// assert!(matches!(Url::parse("./wlcg:store/x").unwrap().location(), Location::Local(_)));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    location: Location,
    trailing_slash: bool,
}

/// The three kinds of places.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// A path of this machine, as it was typed: absolute, or relative to the working directory.
    Local(PathBuf),
    /// A path on a configured file system.
    Named {
        /// The name in the configuration.
        name: String,
        /// The path below its base.
        path: Path,
    },
    /// A URL with a scheme.
    Remote(RemoteUrl),
}

/// A URL with a scheme and mostly a host. The parts are decoded; only [`Display`](fmt::Display) encodes.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteUrl {
    scheme: Scheme,
    user: Option<String>,
    password: Option<Secret>,
    host: String,
    port: Option<u16>,
    path: Path,
    query: Option<Secret>,
}

/// A scheme that this crate knows, in its plain spelling (`xroot` is `root`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scheme(&'static str);

/// How a scheme writes its host and path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Grammar {
    name: &'static str,
    plain: &'static str,
    encoded: bool,
    query: bool,
    needs_host: bool,
}

const fn grammar(name: &'static str, plain: &'static str) -> Grammar {
    Grammar { name, plain, encoded: false, query: false, needs_host: true }
}

const fn web(name: &'static str, plain: &'static str) -> Grammar {
    Grammar { encoded: true, query: true, ..grammar(name, plain) }
}

const fn hostless(name: &'static str) -> Grammar {
    Grammar { needs_host: false, ..grammar(name, name) }
}

const GRAMMARS: [Grammar; 30] = [
    web("dav", "dav"),
    web("davs", "davs"),
    web("webdav", "dav"),
    web("webdavs", "davs"),
    web("http", "http"),
    web("https", "https"),
    Grammar { query: true, ..grammar("root", "root") },
    Grammar { query: true, ..grammar("roots", "roots") },
    Grammar { query: true, ..grammar("xroot", "root") },
    Grammar { query: true, ..grammar("xroots", "roots") },
    grammar("s3", "s3"),
    grammar("s3a", "s3"),
    hostless("dropbox"),
    grammar("gsiftp", "gsiftp"),
    grammar("gridftp", "gsiftp"),
    Grammar { query: true, ..grammar("srm", "srm") },
    grammar("dcap", "dcap"),
    grammar("gsidcap", "gsidcap"),
    grammar("sftp", "sftp"),
    Grammar { query: true, ..hostless("mock") },
    grammar("gs", "gcs"),
    grammar("gcs", "gcs"),
    grammar("azblob", "azblob"),
    grammar("hdfs", "hdfs"),
    grammar("webhdfs", "webhdfs"),
    grammar("swift", "swift"),
    grammar("oss", "oss"),
    grammar("obs", "obs"),
    grammar("cos", "cos"),
    hostless("memory"),
];

impl Scheme {
    /// The scheme of that name, in lower or upper case.
    pub fn parse(name: &str) -> Option<Self> {
        grammar_of(name).map(|grammar| Self(grammar.plain))
    }

    /// Its plain name.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// Whether the connection is encrypted by the scheme itself.
    pub fn encrypted(self) -> bool {
        matches!(self.0, "davs" | "https" | "roots")
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

fn grammar_of(name: &str) -> Option<&'static Grammar> {
    GRAMMARS.iter().find(|grammar| grammar.name.eq_ignore_ascii_case(name))
}

impl Url {
    /// Reads what somebody typed. Bytes that are not UTF-8 can only be part of a local path.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] with the reason and, for a mistyped scheme, a suggestion.
    pub fn parse(text: impl AsRef<OsStr>) -> Result<Self> {
        let raw = text.as_ref();
        let trailing_slash = raw.as_bytes().ends_with(b"/") || raw.as_bytes().ends_with(b"/.");
        let location = match raw.to_str() {
            Some(text) => location(text)?,
            None => Location::Local(raw.into()),
        };
        Ok(Self { location, trailing_slash })
    }

    /// Which of the three kinds it is, with its parts.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Whether a `/` or `/.` was written at its end: a directory, and of a source what it has.
    pub fn trailing_slash(&self) -> bool {
        self.trailing_slash
    }
}

fn location(text: &str) -> Result<Location> {
    if text.is_empty() {
        return Err(invalid("an empty path", text));
    }
    if text.contains('\0') {
        return Err(invalid("a NUL byte in a path", &text.replace('\0', "\\0")));
    }
    let Some((prefix, rest)) = text.split_once(':').filter(|(prefix, _)| is_name(prefix)) else {
        return Ok(Location::Local(text.into()));
    };
    if prefix.eq_ignore_ascii_case("file") {
        return local_file(text, rest);
    }
    match (rest.strip_prefix("//"), grammar_of(prefix)) {
        (Some(rest), Some(grammar)) => remote(text, rest, grammar).map(Location::Remote),
        (Some(_), None) => Err(unknown_scheme(prefix, text)),
        (None, Some(_)) if rest.starts_with('/') => Err(missing_slash(prefix, text)),
        (None, _) => named(prefix, rest, text),
    }
}

/// A letter, then letters, digits, `_ . + -`.
fn is_name(prefix: &str) -> bool {
    prefix.starts_with(|c: char| c.is_ascii_alphabetic())
        && prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.+-".contains(&b))
}

fn local_file(text: &str, rest: &str) -> Result<Location> {
    let path = match rest.strip_prefix("//") {
        None => rest,
        Some(after) => {
            let slash = after.find('/').ok_or_else(|| invalid("a file URL without a path", text))?;
            if !matches!(&after[..slash], "" | "localhost") {
                return Err(invalid("a file URL that names another host", text).hint("write file:///path"));
            }
            &after[slash..]
        }
    };
    if !path.starts_with('/') {
        return Err(invalid("a file URL without an absolute path", text).hint("write file:///path, or ./path"));
    }
    Ok(Location::Local(OsStr::from_bytes(&decode(path, text)?).into()))
}

fn named(name: &str, rest: &str, text: &str) -> Result<Location> {
    let path = Path::parse(rest).map_err(|e| invalid(&e.to_string(), text))?;
    Ok(Location::Named { name: name.into(), path })
}

fn remote(text: &str, rest: &str, grammar: &Grammar) -> Result<RemoteUrl> {
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (path, query) = match tail.split_once('?') {
        Some((path, query)) if grammar.query => (path, Some(query)),
        _ => (tail, None),
    };
    let (user, password, host_port) = userinfo(authority, text)?;
    let (host, port) = host_and_port(host_port, text)?;
    if host.is_empty() && grammar.needs_host {
        return Err(invalid("a URL without a host", text));
    }
    let bytes = if grammar.encoded { decode(path, text)? } else { path.as_bytes().to_vec() };
    Ok(RemoteUrl {
        scheme: Scheme(grammar.plain),
        user,
        password,
        host,
        port,
        path: Path::parse(bytes).map_err(|e| invalid(&e.to_string(), text))?,
        query: query.map(Secret::new),
    })
}

type UserInfo<'a> = (Option<String>, Option<Secret>, &'a str);

fn userinfo<'a>(authority: &'a str, text: &str) -> Result<UserInfo<'a>> {
    let Some((userinfo, host)) = authority.rsplit_once('@') else {
        return Ok((None, None, authority));
    };
    let (user, password) = userinfo.split_once(':').map_or((userinfo, None), |(u, p)| (u, Some(p)));
    let decoded = |part: &str| {
        let bytes = decode(part, text)?;
        String::from_utf8(bytes).map_err(|_| invalid("a user or password that is not UTF-8", text))
    };
    Ok((Some(decoded(user)?), password.map(decoded).transpose()?.map(Secret::new), host))
}

fn host_and_port(text: &str, whole: &str) -> Result<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or_else(|| invalid("an IPv6 address without `]`", whole))?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| invalid("a bad IPv6 address", whole))?;
            (host, rest.strip_prefix(':').or((!rest.is_empty()).then_some(rest)))
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let good = |b: u8| b.is_ascii_alphanumeric() || b"-._:".contains(&b);
    if !host.bytes().all(good) {
        return Err(invalid("a host name with a character that it cannot have", whole));
    }
    let port = match port {
        None | Some("") => None,
        Some(port) => Some(port.parse().map_err(|_| invalid(&format!("a bad port `{port}`"), whole))?),
    };
    Ok((host.to_ascii_lowercase(), port))
}

/// Percent-decodes; a `%` that is no escape is refused, as it would mean two things.
fn decode(text: &str, whole: &str) -> Result<Vec<u8>> {
    let bytes = text.as_bytes();
    let hex = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_hexdigit);
    let broken = (0..bytes.len()).find(|&i| bytes[i] == b'%' && !(hex(i + 1) && hex(i + 2)));
    match broken {
        Some(_) => Err(invalid("a `%` that begins no escape", whole).hint("write %25 for a percent sign in a URL")),
        None => Ok(percent_decode(bytes).collect()),
    }
}

fn invalid(why: &str, text: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, why).at(hide_userinfo(text))
}

/// What was typed, without what may be a password or a token.
fn hide_userinfo(text: &str) -> String {
    let clean = text.split_once('?').map_or(text.to_owned(), |(before, _)| format!("{before}?..."));
    let Some((scheme, rest)) = clean.split_once("://") else {
        // No URL, but perhaps meant to be one: what stands before the last @ may be a password.
        return match (clean.split_once(':'), clean.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}:***@{host}"),
            _ => clean,
        };
    };
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}{}", &rest[authority.len()..]),
        None => clean,
    }
}

fn unknown_scheme(prefix: &str, text: &str) -> Error {
    let error = invalid(&format!("unknown scheme `{prefix}`"), text);
    let most = if prefix.len() > 3 { 2 } else { 1 };
    let near = GRAMMARS.iter().min_by_key(|g| distance(g.name, prefix)).filter(|g| distance(g.name, prefix) <= most);
    match near {
        Some(near) => error.hint(format!("did you mean {}://?", near.name)),
        None => error.hint(
            "known are file, dav, davs, http, https, root, roots, s3, gcs, azblob, dropbox, sftp, gsiftp, srm, ...",
        ),
    }
}

fn missing_slash(prefix: &str, text: &str) -> Error {
    invalid("a URL without `//` behind its scheme", text).hint(format!("write {prefix}://host/path"))
}

/// Edits (insert, delete, replace, swap neighbours count one each) between two short words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let swap = (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]).then(|| rows[i - 2][j - 2] + 1);
            row.push(replace.min(rows[i - 1][j] + 1).min(row[j - 1] + 1).min(swap.unwrap_or(usize::MAX)));
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

impl RemoteUrl {
    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The user, where one was written.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password, where one was written.
    pub fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }

    /// The host in lower case, an IPv6 address without brackets; the bucket for `s3`, empty for `dropbox`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, where one was written.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The path, decoded.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What stands behind `?`: kept as it was written, and never shown, as tickets and tokens are written there.
    pub fn query(&self) -> Option<&Secret> {
        self.query.as_ref()
    }

    /// Scheme, host and port alone: what identifies an endpoint. No user, no secrets.
    pub fn endpoint(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{host}{port}", self.scheme)
    }

    /// As [`endpoint`](Self::endpoint), but the same for all spellings of what is connected to: `dav://host` is `http://host:80`.
    pub fn server(&self) -> String {
        let (scheme, usual) = match self.scheme.name() {
            "dav" | "http" => ("http", Some(80)),
            "davs" | "https" => ("https", Some(443)),
            other => (other, None),
        };
        let port = self.port.or(usual).map(|port| format!(":{port}")).unwrap_or_default();
        format!("{scheme}://{}{port}", self.host.to_ascii_lowercase())
    }

    /// The same endpoint, user and secrets with another path.
    #[must_use]
    pub fn with_path(&self, path: Path) -> Self {
        Self { path, ..self.clone() }
    }
}

/// What stays readable in a shown path.
const SHOWN: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b'%').add(b'?').add(b'#');

/// A path as part of a URL, percent-encoded as a person would.
pub fn encode_path(path: &Path) -> String {
    encode_bytes(path.as_bytes())
}

/// Names of any bytes, percent-encoded as [`encode_path`] does: `/` stays.
pub fn encode_bytes(bytes: &[u8]) -> String {
    percent_encode(bytes, SHOWN).to_string()
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grammar = grammar_of(self.scheme.name());
        let endpoint = self.endpoint();
        let (scheme, host) = endpoint.split_once("://").unwrap_or_default();
        write!(f, "{scheme}://")?;
        if let Some(user) = &self.user {
            let secret = if self.password.is_some() { ":***" } else { "" };
            write!(f, "{user}{secret}@")?;
        }
        let double = if self.scheme.name().starts_with("root") { "/" } else { "" };
        write!(f, "{host}{double}/")?;
        if grammar.is_some_and(|g| g.encoded) {
            write!(f, "{}", encode_path(&self.path))?;
        } else {
            write!(f, "{}", self.path)?;
        }
        if self.query.is_some() { f.write_str("?***") } else { Ok(()) }
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteUrl({self})")
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => crate::path::show_bytes(show_local(path).as_os_str().as_bytes(), f),
            Self::Named { name, path } => write!(f, "{name}:{path}"),
            Self::Remote(url) => write!(f, "{url}"),
        }
    }
}

/// A relative path that would read as a name gets a `./`.
fn show_local(path: &std::path::Path) -> PathBuf {
    let first = path.components().next();
    let ambiguous = matches!(first, Some(Component::Normal(part)) if part.as_bytes().contains(&b':'));
    if ambiguous { PathBuf::from(".").join(path) } else { path.to_owned() }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.location)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::str::FromStr for Url {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

#[cfg(test)]
#[path = "url_tests.rs"]
mod tests;
