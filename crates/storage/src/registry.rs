//! Which backend serves which scheme.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Backend, EndpointSettings, Error, ErrorKind, Path, RemoteUrl, Result, Secret};

/// Makes backends for the endpoints of some schemes.
pub trait Factory: Send + Sync {
    /// The plain names of the schemes ([`Scheme::name`](crate::Scheme::name)).
    fn schemes(&self) -> &'static [&'static str];

    /// A backend whose root is the endpoint's root. Does no input or output.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for settings that this backend cannot follow.
    fn open(&self, url: &RemoteUrl, settings: &EndpointSettings) -> Result<Arc<dyn Backend>>;
}

/// The factories that are compiled in.
#[derive(Clone, Default)]
pub struct Registry {
    served: BTreeMap<&'static str, Arc<dyn Factory>>,
    /// What would serve others.
    absent: BTreeMap<&'static str, String>,
}

impl Registry {
    /// Without any.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more; for a scheme that is served already, the newer wins.
    #[must_use]
    pub fn with(mut self, factory: Arc<dyn Factory>) -> Self {
        self.served.extend(factory.schemes().iter().map(|&scheme| (scheme, factory.clone())));
        self
    }

    /// With a hint for who names a scheme that another build would serve.
    #[must_use]
    pub fn without(mut self, scheme: &'static str, hint: String) -> Self {
        self.absent.insert(scheme, hint);
        self
    }

    /// The schemes that are served, sorted.
    pub fn schemes(&self) -> impl Iterator<Item = &'static str> {
        self.served.keys().copied()
    }

    /// A backend for the endpoint of `url`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] with what would work instead, if nothing serves its scheme.
    pub fn open(&self, url: &RemoteUrl, settings: &EndpointSettings) -> Result<Arc<dyn Backend>> {
        match self.served.get(url.scheme().name()) {
            Some(factory) => factory.open(url, settings),
            None => Err(self.unserved(url)),
        }
    }

    fn unserved(&self, url: &RemoteUrl) -> Error {
        let scheme = url.scheme();
        let error = Error::new(ErrorKind::Unsupported, format!("no backend for {scheme}:// in this build")).at(url);
        if let Some(hint) = webdav_doors(url).or_else(|| self.absent.get(scheme.name()).cloned()) {
            return error.hint(hint);
        }
        let known: Vec<&str> = self.schemes().collect();
        error.hint(format!("this build serves {}", known.join(", ")))
    }
}

/// What to try for the same file by WebDAV, where storage of that scheme mostly has such doors.
///
/// XRootD mostly serves it at the port of `root://`, which says nothing of other storages that speak that protocol; dCache mostly at 2880.
pub fn webdav_doors(url: &RemoteUrl) -> Option<String> {
    let dcache = webdav_door(url, 2880);
    match url.scheme().name() {
        "root" | "roots" => {
            let xrootd = webdav_door(url, url.port().unwrap_or(1094));
            Some(format!(
                "most such storage has a WebDAV door: try {xrootd} if it is XRootD, {dcache} if it is dCache; the site knows it"
            ))
        }
        "srm" | "gsiftp" | "dcap" | "gsidcap" => Some(format!(
            "most storage of this kind has a WebDAV door as well: try {dcache}; the port is a guess, the site knows it"
        )),
        _ => None,
    }
}

fn webdav_door(url: &RemoteUrl, port: u16) -> String {
    // In its long form a URL of SRM has the path behind this word: srm://host:8443/srm/managerv2?SFN=/path.
    let named =
        url.query().map(Secret::expose).and_then(|query| query.split('&').find_map(|it| it.strip_prefix("SFN=")));
    let path = named.filter(|_| url.scheme().name() == "srm").and_then(|path| Path::parse(path).ok());
    let path = crate::url::encode_path(path.as_ref().unwrap_or(url.path()));
    let host = if url.host().contains(':') { format!("[{}]", url.host()) } else { url.host().to_owned() };
    format!("davs://{host}:{port}/{path}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Location, Url};

    #[test]
    fn an_unserved_scheme_names_what_works() {
        for (typed, door) in [
            ("root://xrd.example//store/x y", "davs://xrd.example:1094/store/x%20y if it is XRootD,"),
            ("root://se.example:1094//pnfs/x", " davs://se.example:2880/pnfs/x if it is dCache;"),
            ("roots://xrd.example:1095//store/x", "davs://xrd.example:1095/store/x if it is XRootD,"),
            ("root://[::1]//x", "davs://[::1]:1094/x if it is XRootD,"),
            ("srm://se.example:8443/srm/managerv2?SFN=/pnfs/x", "davs://se.example:2880/pnfs/x;"),
            ("srm://se.example:8443/pnfs/x", "davs://se.example:2880/pnfs/x;"),
            ("gsiftp://se.example/pnfs/x", "davs://se.example:2880/pnfs/x;"),
        ] {
            let url = Url::parse(typed).unwrap();
            let Location::Remote(remote) = url.location() else { panic!() };
            let error = Registry::new().open(remote, &EndpointSettings::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.hint_text().unwrap().contains(door), "{error}: {:?}", error.hint_text());
        }
    }
}
