//! Absolute HTTP URLs, split once and for all.

use std::fmt;
use std::net::IpAddr;

use law_storage::{Error, ErrorKind, Path, RemoteUrl, Result, Secret};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// Everything but the unreserved characters of RFC 3986 and `/`: the one encoding that every server reads alike.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// What a redirect may have left unencoded, and must not stay so in a request line.
const UNSAFE: &AsciiSet =
    &percent_encoding::CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b'{').add(b'}').add(b'|');

/// Scheme, host and port: whom a credential belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    secure: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// The endpoint of a `dav`, `davs`, `http` or `https` URL.
    pub fn of(url: &RemoteUrl) -> Self {
        let secure = url.scheme().encrypted();
        let port = url.port().unwrap_or(if secure { 443 } else { 80 });
        Self { secure, host: url.host().into(), port }
    }

    /// Another host of the same service.
    pub(crate) fn with_host(&self, host: String) -> Self {
        Self { host, ..self.clone() }
    }

    /// Whether the connection is encrypted.
    pub fn secure(&self) -> bool {
        self.secure
    }

    /// The host name or address, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether nothing sent there can leave this machine.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// `host:port` for the `Host` header, without a default port.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let default = if self.secure { 443 } else { 80 };
        if self.port == default { host } else { format!("{host}:{}", self.port) }
    }

    /// `http://host:port`.
    pub fn base(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.authority())
    }

    /// A path at this endpoint.
    pub fn path(&self, path: &Path) -> Address {
        let target = format!("/{}", percent_encode(path.as_bytes(), ENCODED));
        Address { origin: self.clone(), target, query: None }
    }

    /// A path at this endpoint that is named as a collection, with a `/` at its end.
    pub fn collection(&self, path: &Path) -> Address {
        let mut address = self.path(path);
        if !address.target.ends_with('/') {
            address.target.push('/');
        }
        address
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base())
    }
}

/// An absolute URL as it is sent: the path is encoded, the query is kept to the letter and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    origin: Origin,
    target: String,
    query: Option<Secret>,
}

impl Address {
    /// Adds a query, as it was written.
    #[must_use]
    pub fn with_query(mut self, query: Option<Secret>) -> Self {
        self.query = query;
        self
    }

    /// A place below it, which is encoded already.
    #[must_use]
    pub fn below(&self, encoded: &str) -> Self {
        self.at(self.origin.clone(), &format!("{}/{encoded}", self.target.trim_end_matches('/')))
    }

    /// Where it goes.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The encoded path, which begins with `/`.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Whether it brings its own ticket, so that no credential of ours may be added to it.
    pub fn has_ticket(&self) -> bool {
        let marks = ["authz=", "X-Amz-Signature=", "xrdhttptk=", "dcache-http-uuid="];
        self.query.as_ref().is_some_and(|query| marks.iter().any(|mark| query.expose().contains(mark)))
    }

    /// The request line's target; it may hold a ticket.
    pub(super) fn request_target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{}", self.target, percent_encode(query.expose().as_bytes(), UNSAFE)),
            None => self.target.clone(),
        }
    }

    /// The URL with its query, which may hold a ticket.
    pub fn with_ticket(&self) -> Secret {
        Secret::new(format!("{}{}", self.origin.base(), self.request_target()))
    }

    /// The URL without its query, as headers such as `Destination` want it.
    pub fn absolute(&self) -> String {
        format!("{}{}", self.origin.base(), self.target)
    }

    /// Resolves the `Location` of a redirect, leniently: servers of this field leave spaces and quotes unescaped.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] if it is no HTTP URL at all.
    pub fn redirected(&self, location: &str) -> Result<Self> {
        let location = location.trim();
        if let Some(rest) = location.strip_prefix("//") {
            return self.parse_absolute(self.origin.secure, rest, location);
        }
        match location.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => self.parse_absolute(false, rest, location),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => self.parse_absolute(true, rest, location),
            Some((scheme, _)) if !scheme.contains('/') => Err(bad_location(location)),
            _ if location.starts_with('/') => Ok(self.at(self.origin.clone(), location)),
            _ => {
                let directory = self.target.rsplit_once('/').map_or("", |(directory, _)| directory);
                Ok(self.at(self.origin.clone(), &format!("{directory}/{location}")))
            }
        }
    }

    fn parse_absolute(&self, secure: bool, rest: &str, location: &str) -> Result<Self> {
        let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let host_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match host_port.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or_else(|| bad_location(location))?,
            None => host_port.split_at(host_port.find(':').unwrap_or(host_port.len())),
        };
        let port = match port.strip_prefix(':').filter(|port| !port.is_empty()) {
            Some(port) => port.parse().map_err(|_| bad_location(location))?,
            None => {
                if secure {
                    443
                } else {
                    80
                }
            }
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(bad_location(location));
        }
        let host = host.to_ascii_lowercase();
        Ok(self.at(Origin { secure, host, port }, if tail.is_empty() { "/" } else { tail }))
    }

    fn at(&self, origin: Origin, tail: &str) -> Self {
        let (path, query) = tail.split_once('?').map_or((tail, None), |(path, query)| (path, Some(query)));
        let path = path.split_once('#').map_or(path, |(path, _)| path);
        let mut target = percent_encode(path.as_bytes(), UNSAFE).to_string();
        if !target.starts_with('/') {
            target.insert(0, '/');
        }
        Self { origin, target, query: query.map(Secret::new) }
    }
}

fn bad_location(location: &str) -> Error {
    let shown: String = location.split('?').next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    Error::new(ErrorKind::Malformed, format!("a redirect to `{shown}`, which is no HTTP URL"))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.absolute())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self}{})", if self.query.is_some() { "?***" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Address {
        let origin = Origin { secure: true, host: "door".into(), port: 2880 };
        origin.path(&Path::parse("a/b").unwrap())
    }

    #[test]
    fn paths_are_encoded_so_that_every_server_reads_them_alike() {
        let path = Path::parse("sp ace/pct%41#h?+&\u{e9}").unwrap();
        assert_eq!(here().origin().path(&path).target(), "/sp%20ace/pct%2541%23h%3F%2B%26%C3%A9");
        assert_eq!(here().origin().collection(&Path::root()).target(), "/");
    }

    #[test]
    fn redirects_of_every_shape() {
        for (location, expected) in [
            ("http://pool:8080/x y\"z?ticket=1", "http://pool:8080/x%20y%22z"),
            ("HTTPS://Pool/x", "https://pool/x"),
            ("//pool/x", "https://pool/x"),
            ("/c", "https://door:2880/c"),
            ("c", "https://door:2880/a/c"),
            ("https://[2001:db8::1]:1094/x", "https://[2001:db8::1]:1094/x"),
            ("http://user:pw@pool", "http://pool/"),
            ("/p%C3%A9%20?a://b", "https://door:2880/p%C3%A9%20"),
        ] {
            assert_eq!(here().redirected(location).unwrap().to_string(), expected, "{location}");
        }
        for bad in ["ftp://x/y", "http://", "http://h:port/", "http://[::1/x", "http:///x"] {
            assert_eq!(here().redirected(bad).unwrap_err().kind(), ErrorKind::Malformed, "{bad}");
        }
    }

    #[test]
    fn queries_are_sent_but_not_shown() {
        let address = here().redirected("http://ds:1094/x?&xrdhttptk=hunter2").unwrap();
        assert_eq!(address.request_target(), "/x?&xrdhttptk=hunter2");
        assert!(address.has_ticket());
        assert!(!format!("{address} {address:?}").contains("hunter2"));
    }
}
