//! The services of this build: how a URL names a place there, who asks, and what is particular about them.
//!
//! What a service can do else is told by OpenDAL, service by service ([`Capability`]).

#[allow(unused_imports, reason = "a build without any of the services is possible")]
use ::opendal::services;
use ::opendal::{Capability, HttpTransporter, Operator};
use law_storage::{Algorithm, EndpointSettings, Error, ErrorKind, Location, NameRules, Path, Result, Url};

use super::credential::{self, Environment};
use super::transport::Transport;
use crate::http::Origin;

/// Names and values, as OpenDAL wants a service described.
pub(super) type Options = Vec<(&'static str, String)>;

/// One row.
pub(super) struct Service {
    pub(super) scheme: &'static str,
    /// As people call it.
    pub(super) name: &'static str,
    /// What the host of a URL is.
    pub(super) container: &'static str,
    /// OpenDAL's name for that.
    option: &'static str,
    /// The address where nobody has set one; none if there is none.
    address: Option<&'static str>,
    pub(super) digests: &'static [Algorithm],
    pub(super) names: NameRules,
    /// A dot at the end of a name is lost.
    loses_dots: bool,
    /// A write may say what type the content has.
    pub(super) names_type: bool,
    credential: credential::Rule,
    make: fn(Vec<(String, String)>) -> ::opendal::Result<Operator>,
}

/// What travels in JSON and XML.
const NAMES: NameRules = NameRules { controls: false, ..NameRules::TEXT };

/// The longest key of all these services.
const LONGEST: usize = 1024;

#[allow(dead_code, reason = "a build without any of the services is possible")]
const PLAIN: Service = Service {
    scheme: "",
    name: "",
    container: "bucket",
    option: "bucket",
    address: None,
    digests: &[],
    names: NAMES,
    loses_dots: false,
    names_type: true,
    credential: credential::NOBODY,
    make: |_| Err(::opendal::Error::new(::opendal::ErrorKind::Unsupported, "")),
};

static ALL: &[Service] = &[
    #[cfg(feature = "gcs")]
    Service {
        scheme: "gcs",
        name: "Google Cloud Storage",
        address: Some("https://storage.googleapis.com"),
        digests: &[Algorithm::Md5],
        // Its own metadata would have to be told another way.
        names_type: false,
        credential: credential::GOOGLE,
        make: |options| Operator::from_iter::<services::Gcs>(options),
        ..PLAIN
    },
    #[cfg(feature = "azblob")]
    Service {
        scheme: "azblob",
        name: "Azure Blob Storage",
        container: "container",
        option: "container",
        digests: &[Algorithm::Md5],
        names: NameRules { forbidden: b"\\", ..NAMES },
        loses_dots: true,
        credential: credential::AZURE,
        make: |options| Operator::from_iter::<services::Azblob>(options),
        ..PLAIN
    },
    #[cfg(feature = "swift")]
    Service {
        scheme: "swift",
        name: "OpenStack Swift",
        container: "container",
        option: "container",
        credential: credential::SWIFT,
        make: |options| Operator::from_iter::<services::Swift>(options),
        ..PLAIN
    },
    #[cfg(feature = "oss")]
    Service {
        scheme: "oss",
        name: "Alibaba OSS",
        credential: credential::OSS,
        make: |options| Operator::from_iter::<services::Oss>(options),
        ..PLAIN
    },
    #[cfg(feature = "obs")]
    Service {
        scheme: "obs",
        name: "Huawei OBS",
        credential: credential::OBS,
        make: |options| Operator::from_iter::<services::Obs>(options),
        ..PLAIN
    },
    #[cfg(feature = "cos")]
    Service {
        scheme: "cos",
        name: "Tencent COS",
        credential: credential::COS,
        make: |options| Operator::from_iter::<services::Cos>(options),
        ..PLAIN
    },
];

/// A service that OpenDAL has and this client is prepared for.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// As it stands before `://`; the feature of the build is called the same.
    pub scheme: &'static str,
    /// As people call it.
    pub name: &'static str,
    /// Whether it is in this build.
    pub compiled: bool,
}

const fn known(scheme: &'static str, name: &'static str, compiled: bool) -> Known {
    Known { scheme, name, compiled }
}

/// All of them.
pub const SERVICES: [Known; 6] = [
    known("azblob", "Azure Blob Storage", cfg!(feature = "azblob")),
    known("cos", "Tencent COS", cfg!(feature = "cos")),
    known("gcs", "Google Cloud Storage", cfg!(feature = "gcs")),
    known("obs", "Huawei OBS", cfg!(feature = "obs")),
    known("oss", "Alibaba OSS", cfg!(feature = "oss")),
    known("swift", "OpenStack Swift", cfg!(feature = "swift")),
];

/// The schemes of this build.
pub(super) fn schemes() -> &'static [&'static str] {
    &[
        #[cfg(feature = "gcs")]
        "gcs",
        #[cfg(feature = "azblob")]
        "azblob",
        #[cfg(feature = "swift")]
        "swift",
        #[cfg(feature = "oss")]
        "oss",
        #[cfg(feature = "obs")]
        "obs",
        #[cfg(feature = "cos")]
        "cos",
    ]
}

impl Service {
    /// The row of a scheme.
    pub(super) fn of(scheme: &str) -> Option<&'static Self> {
        ALL.iter().find(|service| service.scheme == scheme)
    }

    /// Who may ask, and how that is told.
    pub(super) fn credential(&self) -> &credential::Rule {
        &self.credential
    }

    /// Makes the operator of a bucket. Nothing is asked.
    pub(super) fn operator(&self, bucket: &str, settings: &EndpointSettings) -> Result<Operator> {
        let environment = Environment::of_process();
        let (endpoint, options) = credential::options(self, settings, &environment)?;
        let endpoint = settings.endpoint.clone().or(endpoint).or(self.address.map(Into::into));
        let endpoint = endpoint.ok_or_else(|| {
            let message = format!("it is not known where {} is", self.name);
            Error::new(ErrorKind::InvalidInput, message).hint(self.credential.where_it_is)
        })?;
        let transport = Transport::to(address(&endpoint)?, settings, self.credential.sends(&settings.credential))?;
        let place = [(self.option, bucket.to_owned()), ("endpoint", endpoint.trim_end_matches('/').to_owned())];
        let all = place.into_iter().chain(options).map(|(name, value)| (name.to_owned(), value));
        // What OpenDAL has against options may show them.
        let wrong = |_| Error::new(ErrorKind::InvalidInput, format!("{} is not set up right", self.name));
        let operator = (self.make)(all.collect()).map_err(wrong)?;
        let context = operator.context().with_http_transport(HttpTransporter::new(transport));
        Ok(operator.with_context(context))
    }

    /// What it can do, as OpenDAL tells it of a bucket that need not exist.
    pub(super) fn can(&self) -> Capability {
        let place = [(self.option, "x"), ("endpoint", "https://localhost")];
        let options = place.map(|(name, value)| (name.to_owned(), value.to_owned()));
        (self.make)(options.into()).map(|operator| operator.info().capability()).unwrap_or_default()
    }

    /// Refuses what cannot be a key, or would become another one.
    pub(super) fn check_name(&self, path: &Path) -> Result<()> {
        if path.as_bytes().len() >= LONGEST {
            return Err(Error::new(ErrorKind::NameTooLong, format!("a path of {LONGEST} bytes or more")));
        }
        if let Some(refusal) = self.names.refusal(path) {
            return Err(refusal.error());
        }
        let odd = |end: fn(char) -> bool| path.to_str().is_some_and(|text| text.split('/').any(|s| s.ends_with(end)));
        if odd(char::is_whitespace) {
            return Err(Error::new(ErrorKind::InvalidInput, "a blank at the end of a name would be lost on the way"));
        }
        if self.loses_dots && odd(|c| c == '.') {
            return Err(Error::new(ErrorKind::InvalidInput, format!("{} loses a dot at the end of a name", self.name)));
        }
        Ok(())
    }
}

/// Host and port of the address of a service.
pub(super) fn address(text: &str) -> Result<Origin> {
    let wrong = || {
        let error = Error::new(ErrorKind::InvalidInput, format!("the endpoint `{text}` is no address of a service"));
        error.hint("endpoint = \"https://storage.site.example\"")
    };
    match Url::parse(text).map_err(|_| wrong())?.location() {
        Location::Remote(remote) if matches!(remote.scheme().name(), "http" | "https") && remote.user().is_none() => {
            Ok(Origin::of(remote))
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_has_one_row() {
        assert_eq!(ALL.iter().map(|service| service.scheme).collect::<Vec<_>>(), schemes());
        let compiled = |known: &&Known| known.compiled;
        let mut sorted = schemes().to_vec();
        sorted.sort_unstable();
        assert_eq!(SERVICES.iter().filter(compiled).map(|known| known.scheme).collect::<Vec<_>>(), sorted);
        for known in SERVICES.iter().filter(compiled) {
            assert_eq!(Service::of(known.scheme).map(|service| service.name), Some(known.name));
        }
        assert!(schemes().iter().all(|scheme| Service::of(scheme).is_some_and(|service| service.can().read)));
    }

    #[test]
    fn names_that_would_become_others_are_refused() {
        let Some(azure) = Service::of("azblob") else { return };
        for name in ["a ", "a /b", "a\u{a0}", "a.", "a./b", "a\\b", "a\nb"] {
            let error = azure.check_name(&Path::parse(name).unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name:?}");
        }
        for name in [" a", "a b", "a/ b", "..a", "a\u{200b}"] {
            assert!(azure.check_name(&Path::parse(name).unwrap()).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused_with_an_example() {
        for bad in ["storage.lab.example", "davs://storage.example", "https://", "https://me:secret@lab.example"] {
            let error = address(bad).unwrap_err();
            assert_eq!((error.kind(), error.hint_text().is_some()), (ErrorKind::InvalidInput, true), "{bad}");
        }
    }
}
