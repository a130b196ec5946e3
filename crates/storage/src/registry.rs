//! Which backend serves which scheme.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Backend, EndpointSettings, Error, ErrorKind, RemoteUrl, Result};

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
pub struct Registry(BTreeMap<&'static str, Arc<dyn Factory>>);

impl Registry {
    /// Without any.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more; for a scheme that is served already, the newer wins.
    #[must_use]
    pub fn with(mut self, factory: Arc<dyn Factory>) -> Self {
        self.0.extend(factory.schemes().iter().map(|&scheme| (scheme, factory.clone())));
        self
    }

    /// The schemes that are served, sorted.
    pub fn schemes(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    /// A backend for the endpoint of `url`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] with what would work instead, if nothing serves its scheme.
    pub fn open(&self, url: &RemoteUrl, settings: &EndpointSettings) -> Result<Arc<dyn Backend>> {
        match self.0.get(url.scheme().name()) {
            Some(factory) => factory.open(url, settings),
            None => Err(self.unserved(url)),
        }
    }

    fn unserved(&self, url: &RemoteUrl) -> Error {
        let scheme = url.scheme();
        let error = Error::new(ErrorKind::Unsupported, format!("no backend for {scheme}:// in this build")).at(url);
        if matches!(scheme.name(), "root" | "roots" | "srm" | "gsiftp" | "dcap" | "gsidcap") {
            return error.hint(format!(
                "most storage of this kind has a WebDAV door as well: try davs://{}/{}",
                url.host(),
                crate::url::encode_path(url.path())
            ));
        }
        let known: Vec<&str> = self.schemes().collect();
        error.hint(format!("this build serves {}", known.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Location, Url};

    #[test]
    fn an_unserved_scheme_names_what_works() {
        let url = Url::parse("root://xrd.example//store/x").unwrap();
        let Location::Remote(remote) = url.location() else { panic!() };
        let error = Registry::new().open(remote, &EndpointSettings::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.hint_text().unwrap().contains("davs://xrd.example/store/x"));
    }
}
