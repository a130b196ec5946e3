//! What each scheme, or the plugin that serves it, can do and does in its own way.
//!
//! Measured with gfal2 2.21.3 on Globus GridFTP 13.24 and XRootD 5.5.3; `srm`, `dcap` and `gsidcap` are from the sources of the plugins, and take nothing
//! for granted.

use law_storage::{Algorithm, NameRules, Overwrite};

/// One row.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) schemes: &'static [&'static str],
    /// The plugin, as the library and the packages call it.
    pub(super) plugin: &'static str,
    /// Checksums that most storage of the kind has, the one to prefer first.
    pub(super) digests: &'static [Algorithm],
    pub(super) names: NameRules,
    /// Blanks at the end of a name are lost in listings.
    pub(super) trims: bool,
    /// Paths are percent-encoded in the URLs that the plugin takes.
    pub(super) encodes: bool,
    /// What a rename over a file shows; none if there is no renaming, and so no writing.
    pub(super) over: Option<Overwrite>,
    /// A call can be told to end.
    pub(super) cancels: bool,
    /// A transfer that is broken off can end the process, by an answer that comes late. So files are read in turn, from their beginning, and a
    /// context in which something was given up, or failed, is not used again.
    pub(super) fragile: bool,
    /// `ENODEV` stands for whatever the disk of the server has said, also for a file where a directory must be.
    pub(super) vague: bool,
    /// Who opens a file may get one that others still have open and that had the name before; its size can be had without asking.
    pub(super) opens_old: bool,
}

/// Control characters break the listings of every one of these protocols.
const NAMES: NameRules = NameRules { controls: false, longest: Some(255), ..NameRules::TEXT };

const PLAIN: Rules = Rules {
    schemes: &[],
    plugin: "",
    digests: &[],
    names: NAMES,
    trims: false,
    encodes: true,
    over: None,
    cancels: false,
    fragile: false,
    vague: false,
    opens_old: false,
};

static ALL: [Rules; 5] = [
    Rules {
        schemes: &["gsiftp"],
        plugin: "gridftp",
        digests: &[Algorithm::Adler32],
        trims: true,
        over: Some(Overwrite::Atomic),
        cancels: true,
        fragile: true,
        ..PLAIN
    },
    Rules {
        schemes: &["root", "roots"],
        plugin: "xrootd",
        digests: &[Algorithm::Adler32],
        // What follows it is taken for parameters, however it is written.
        names: NameRules { forbidden: b"?", ..NAMES },
        over: Some(Overwrite::Atomic),
        vague: true,
        opens_old: true,
        ..PLAIN
    },
    Rules {
        schemes: &["srm"],
        plugin: "srm",
        digests: &[Algorithm::Adler32],
        names: NameRules { forbidden: b"?", ..NAMES },
        over: Some(Overwrite::Window),
        ..PLAIN
    },
    Rules { schemes: &["dcap", "gsidcap"], plugin: "dcap", encodes: false, ..PLAIN },
    // It makes up what it says of the parameters of the URL.
    Rules { schemes: &["mock"], plugin: "mock", ..PLAIN },
];

impl Rules {
    /// Every scheme.
    pub(super) const SCHEMES: &'static [&'static str] = &["gsiftp", "root", "roots", "srm", "dcap", "gsidcap", "mock"];

    /// The row of a scheme.
    pub(super) fn of(scheme: &str) -> Option<&'static Self> {
        ALL.iter().find(|rules| rules.schemes.contains(&scheme))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_has_one_row() {
        let rows: Vec<&str> = ALL.iter().flat_map(|rules| rules.schemes).copied().collect();
        assert_eq!(rows, Rules::SCHEMES);
        assert_eq!(Rules::of("roots").map(|rules| rules.plugin), Some("xrootd"));
        assert!(Rules::of("hdfs").is_none());
    }
}
