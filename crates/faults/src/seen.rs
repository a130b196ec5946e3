//! What the proxy saw.

use std::fmt;

use crate::fault::Fault;
use crate::script::path_of;

/// One request, in the order in which the heads arrived. A record is updated while its request goes on.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// The number of the client's connection, from 1 and without the refused ones: equal numbers mean keep-alive.
    pub connection: u64,
    /// The method.
    pub method: String,
    /// The request target as sent, query included. It may hold a secret (`?authz=`); `Debug` leaves the query out.
    pub target: String,
    /// All headers with names in lower case. Of `authorization`, `proxy-authorization` and `cookie` only the
    /// scheme is kept: `Bearer ***`.
    pub headers: Vec<(String, String)>,
    /// The fault that the script chose, if any.
    pub fault: Option<Fault>,
    /// Whether that fault has really changed something: an offset behind the end of a body never fires.
    pub fired: bool,
    /// The status that the client was given, once its head is sent (interim answers do not count).
    pub status: Option<u16>,
    /// How many bytes of the server's answer, without its head, were passed on to the client.
    pub sent: u64,
    /// Whether the exchange is over, for better or worse. One that stalls never is.
    pub ended: bool,
}

impl Seen {
    /// The first header with this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// One line for people: method, path without query, status, fault.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {} {}", self.connection, self.method, path_of(&self.target))?;
        if let Some(status) = self.status {
            write!(f, " {status}")?;
        }
        match &self.fault {
            Some(fault) if self.fired => write!(f, " [{fault}]"),
            Some(fault) => write!(f, " [{fault}: not reached]"),
            None => Ok(()),
        }
    }
}

/// A header as the log keeps it.
pub(crate) fn shown_header(name: &str, value: &[u8]) -> (String, String) {
    let name = name.to_ascii_lowercase();
    let value = String::from_utf8_lossy(value);
    let shown = match name.as_str() {
        "authorization" | "proxy-authorization" if value.contains(' ') => {
            format!("{} ***", value.split(' ').next().unwrap_or_default())
        }
        "authorization" | "proxy-authorization" | "cookie" => "***".to_owned(),
        _ => value.into_owned(),
    };
    (name, shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_kept() {
        assert_eq!(shown_header("Authorization", b"Bearer eyJ0"), ("authorization".into(), "Bearer ***".into()));
        assert_eq!(shown_header("authorization", b"eyJ0").1, "***");
        assert_eq!(shown_header("Cookie", b"a=b").1, "***");
        assert_eq!(shown_header("Range", b"bytes=0-1").1, "bytes=0-1");
    }
}
