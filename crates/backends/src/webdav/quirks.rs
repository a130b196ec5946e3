//! What the servers of this field do differently: one table, nothing of it anywhere else.

use std::time::Duration;

use http::{HeaderMap, header};
use law_storage::{Algorithm, NameRules, NoClobber, Overwrite, Publish};

/// How hrefs in a listing spell a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hrefs {
    /// Percent-encoded, as RFC 4918 wants; an escape that is none is taken as it stands.
    Encoded,
    /// As they are (XrdHttp before 6): a `%` is a `%`.
    Raw,
}

/// How the `Destination` of MOVE and COPY spells a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destinations {
    /// Percent-encoded, as RFC 4918 wants.
    Encoded,
    /// As it is: XrdHttp, up to 6.1 at least, takes a `%20` for three characters. It also cuts spaces and non-ASCII
    /// letters off the end, so that a query, which it ignores, must stand there.
    Raw,
}

/// Which checksums a server offers over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offers {
    /// None, so that nobody need ask.
    Nothing,
    /// Perhaps: these are asked for, one a request, in this order.
    Perhaps(&'static [Algorithm]),
}

/// One kind of server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Quirks {
    /// Its name in the configuration (`quirks = "..."`).
    pub(super) name: &'static str,
    /// How its `Server` header begins, in lower case; empty if it can only be configured.
    server: &'static str,
    /// How hrefs spell paths.
    pub(super) hrefs: Hrefs,
    /// How the destination of MOVE spells a path.
    pub(super) destinations: Destinations,
    /// How files get their names.
    pub(super) publish: Publish,
    /// PUT over a file is atomic: the server itself has a temporary file. Where MOVE is not, files are replaced so.
    pub(super) puts_over: bool,
    /// What readers see while MOVE replaces a file.
    pub(super) move_over: Overwrite,
    /// What "never replace" guarantees.
    pub(super) no_clobber: NoClobber,
    /// DELETE of a directory takes everything below it along.
    pub(super) deletes_trees: bool,
    /// COPY works within the server.
    pub(super) copies: bool,
    /// It copies from and to other storages (WLCG's HTTP third-party copy). Others take `Destination` for one of their own files.
    pub(super) third_party: bool,
    /// A request that it redirects to another host was answered by one data server of many.
    pub(super) redirector: bool,
    /// How long to wait for `100 Continue`: dCache answers once a mover is ready.
    pub(super) continue_wait: Duration,
    /// How long a connection that it has closed needs to be forgotten.
    pub(super) settling: Duration,
    /// Which checksums it offers.
    pub(super) offers: Offers,
    /// It computes a few checksums at once, and never answers who asked for one too many (XrdHttp 5.5.3, measured);
    /// once it is computed, whoever asks again is answered.
    pub(super) forgets_checksums: bool,
    /// Under load it opens the file of an upload whose client is gone after that client has deleted it (XrdHttp 5.5.3,
    /// measured): an empty file comes back.
    pub(super) opens_late: bool,
    /// Which names it can hold.
    pub(super) names: NameRules,
    /// Which names can be made through a redirector. A data server tells it of a new name by a line of text, in which a
    /// space, `%` and `#` have meanings of their own: the redirector goes on saying that there is no such file.
    pub(super) names_by_redirector: NameRules,
    /// GET looks for the size and opens the file in two steps: what is replaced between them is the new content, cut to
    /// the size of the old (measured on rclone and XrdHttp). Every version that it tells is looked at again.
    pub(super) reads_in_two_steps: bool,
    /// The most parts of one multi-range request; 0 if it cannot.
    pub(super) ranges: usize,
}

const GRID: Offers = Offers::Perhaps(&[Algorithm::Adler32, Algorithm::Crc32c, Algorithm::Md5]);
const ANY: Offers = Offers::Perhaps(&[Algorithm::Adler32, Algorithm::Md5, Algorithm::Sha256, Algorithm::Crc32c]);
const QUICK: Duration = Duration::from_secs(5);
const TEXT_255: NameRules = NameRules { longest: Some(255), ..NameRules::TEXT };

/// Any server that is not in the table: nothing is taken for granted.
const UNKNOWN: Quirks = Quirks {
    name: "generic",
    server: "",
    hrefs: Hrefs::Encoded,
    destinations: Destinations::Encoded,
    publish: Publish::Rename,
    puts_over: false,
    move_over: Overwrite::Window,
    no_clobber: NoClobber::CheckThenAct,
    deletes_trees: true,
    copies: true,
    third_party: false,
    redirector: false,
    continue_wait: QUICK,
    settling: Duration::ZERO,
    offers: ANY,
    forgets_checksums: false,
    opens_late: false,
    names: NameRules::TEXT,
    names_by_redirector: NameRules::TEXT,
    reads_in_two_steps: true,
    ranges: 200,
};

/// Measured on XRootD 5.5.3, Apache 2.4, nginx 1.22 with dav-ext and rclone 1.60; the rest from their sources and
/// documentation, on the safe side where those are silent.
const TABLE: [Quirks; 9] = [
    Quirks {
        name: "xrootd",
        server: "xrootd",
        hrefs: Hrefs::Raw,
        destinations: Destinations::Raw,
        // An aborted PUT destroys the old file; MOVE over an existing file is rename(2).
        move_over: Overwrite::Atomic,
        deletes_trees: false,
        copies: false,
        third_party: true,
        redirector: true,
        // 5.5.3 closes the connection with every 404, and mixes it up with one that comes within microseconds: requests
        // are answered as others, or never.
        settling: Duration::from_millis(3),
        offers: GRID,
        forgets_checksums: true,
        opens_late: true,
        // `%3F` is cut off with all that follows, and stored without a word; a control character ends a header.
        names: NameRules { forbidden: b"?", controls: false, ..TEXT_255 },
        names_by_redirector: NameRules { forbidden: b"? %#", controls: false, ..TEXT_255 },
        // 1025 parts and more end in a cut connection.
        ranges: 256,
        ..UNKNOWN
    },
    Quirks {
        name: "eos",
        third_party: true,
        redirector: false,
        hrefs: Hrefs::Encoded,
        offers: GRID,
        names: TEXT_255,
        ..UNKNOWN
    },
    Quirks {
        name: "dcache",
        server: "dcache",
        third_party: true,
        continue_wait: Duration::from_secs(60),
        offers: GRID,
        names: TEXT_255,
        ranges: 0,
        ..UNKNOWN
    },
    Quirks {
        name: "storm",
        server: "storm",
        third_party: true,
        offers: Offers::Perhaps(&[Algorithm::Adler32]),
        names: TEXT_255,
        ..UNKNOWN
    },
    Quirks {
        name: "apache",
        server: "apache",
        // PUT goes to a temporary file and is renamed; MOVE over a file deletes it first. PUT with `If-None-Match: *`
        // looks when it begins, not when it ends.
        puts_over: true,
        reads_in_two_steps: false,
        offers: Offers::Nothing,
        names: TEXT_255,
        ..UNKNOWN
    },
    Quirks {
        name: "nginx",
        server: "nginx",
        reads_in_two_steps: false,
        move_over: Overwrite::Atomic,
        offers: Offers::Nothing,
        // Listings leave out what begins with a dot.
        names: NameRules { hidden: false, ..TEXT_255 },
        ..UNKNOWN
    },
    Quirks { name: "rclone", server: "rclone", offers: Offers::Nothing, names: TEXT_255, ..UNKNOWN },
    Quirks {
        name: "law",
        server: "law",
        reads_in_two_steps: false,
        puts_over: true,
        move_over: Overwrite::Atomic,
        offers: ANY,
        // Names are the bytes of the storage behind it.
        names: NameRules { longest: Some(255), ..NameRules::BYTES },
        ..UNKNOWN
    },
    Quirks { name: "nextcloud", offers: Offers::Nothing, names: TEXT_255, ..UNKNOWN },
];

impl Quirks {
    /// What readers see while a file is replaced in the best way that this kind of server has.
    pub(super) fn overwrite(&self) -> Overwrite {
        if self.puts_over { Overwrite::Atomic } else { self.move_over }
    }

    /// Whether PUT is the better way of replacing a file.
    pub(super) fn replaces_by_put(&self) -> bool {
        self.puts_over && self.move_over != Overwrite::Atomic
    }

    /// The row of a server that nothing is known of.
    pub(super) fn unknown() -> &'static Self {
        &UNKNOWN
    }

    /// The row of that name, for the configuration.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        TABLE.iter().chain([&UNKNOWN]).find(|row| row.name.eq_ignore_ascii_case(name))
    }

    /// The row whose servers announce themselves like that; none if the answer does not tell.
    pub(super) fn of_answer(headers: &HeaderMap) -> Option<&'static Self> {
        match headers.get(header::SERVER) {
            Some(server) => Some(Self::of_server(&String::from_utf8_lossy(server.as_bytes()))),
            // Go's WebDAV, and so rclone's, tells no name: only this, in its answer to OPTIONS.
            None if headers.contains_key("ms-author-via") => Self::named("rclone"),
            None => None,
        }
    }

    fn of_server(header: &str) -> &'static Self {
        let header = header.to_ascii_lowercase();
        TABLE.iter().find(|row| !row.server.is_empty() && header.starts_with(row.server)).unwrap_or(&UNKNOWN)
    }

    /// The names of all rows.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        TABLE.iter().chain([&UNKNOWN]).map(|row| row.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_known_by_their_header() {
        for (header, name) in [
            ("XrootD/v5.5.3", "xrootd"),
            ("Apache/2.4.66 (Debian)", "apache"),
            ("dCache/9.2.1", "dcache"),
            ("nginx/1.22.1", "nginx"),
            ("", "generic"),
            ("Jetty", "generic"),
        ] {
            assert_eq!(Quirks::of_server(header).name, name, "{header}");
        }
        let mut headers = HeaderMap::new();
        assert_eq!(Quirks::of_answer(&headers), None);
        headers.insert("ms-author-via", header::HeaderValue::from_static("DAV"));
        assert_eq!(Quirks::of_answer(&headers).map(|row| row.name), Some("rclone"));
        headers.insert(header::SERVER, header::HeaderValue::from_static("Apache"));
        assert_eq!(Quirks::of_answer(&headers).map(|row| row.name), Some("apache"));
    }

    #[test]
    fn whatever_is_direct_survives_an_abort() {
        for row in &TABLE {
            assert!(row.publish == Publish::Rename || row.puts_over, "{}", row.name);
        }
    }
}
