//! What this build can speak to, and what else there would be. Nothing is asked but this machine.

use law_backends::{gfal2, opendal};
use law_storage::{Capabilities, Durability, EndpointSettings, Location, RemoteUrl, Url};

use crate::build::{local, registry};

/// One scheme of URLs, and what serves it.
#[derive(Debug, Clone)]
pub struct BackendReport {
    /// As it stands before `://`.
    pub scheme: &'static str,
    /// The backend, as the folder of its sources is called.
    pub backend: &'static str,
    /// What it can do, as far as that is known before a server was asked; none if it is not in this build.
    pub capabilities: Option<Capabilities>,
    /// Whether this machine has all that it needs.
    pub ready: bool,
    /// What it needs: a feature of the build, or a library of the machine.
    pub needs: Option<String>,
}

/// Every scheme, in the order of their names; the local disk first.
pub fn backends() -> Vec<BackendReport> {
    let disk = local(Durability::Full).backend().capabilities();
    let disk = BackendReport { scheme: "file", backend: "local", capabilities: Some(disk), ready: true, needs: None };
    let has_gfal2 = gfal2::is_here();
    let mut others: Vec<BackendReport> = registry().schemes().map(|scheme| of_build(scheme, has_gfal2)).collect();
    others.extend(opendal::SERVICES.iter().filter(|service| !service.compiled).map(absent));
    others.sort_by_key(|report| report.scheme);
    std::iter::once(disk).chain(others).collect()
}

fn of_build(scheme: &'static str, has_gfal2: bool) -> BackendReport {
    let backend = example(scheme).and_then(|url| registry().open(&url, &EndpointSettings::default()).ok());
    let needs = gfal2::package(scheme).map(|plugin| match has_gfal2 {
        true => format!("gfal2 is here; its plugin is in the package {plugin}"),
        false => format!("gfal2 is not here: install libgfal2-2 (Debian) or gfal2 (Red Hat), and {plugin}"),
    });
    let ready = needs.is_none() || has_gfal2;
    let capabilities = backend.map(|backend| backend.capabilities());
    BackendReport { scheme, backend: folder(scheme), capabilities, ready, needs }
}

fn absent(service: &opendal::Known) -> BackendReport {
    let needs = Some(format!("not in this build: cargo install --features {}", service.scheme));
    BackendReport { scheme: service.scheme, backend: "opendal", capabilities: None, ready: false, needs }
}

fn folder(scheme: &str) -> &'static str {
    match scheme {
        "s3" => "s3",
        "dropbox" => "dropbox",
        "sftp" => "sftp",
        scheme if gfal2::package(scheme).is_some() => "gfal2",
        scheme if opendal::SERVICES.iter().any(|service| service.scheme == scheme) => "opendal",
        _ => "webdav",
    }
}

fn example(scheme: &str) -> Option<RemoteUrl> {
    match Url::parse(format!("{scheme}://example/")).ok()?.location() {
        Location::Remote(url) => Some(url.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_of_the_build_tells_what_it_can_do() {
        let all = backends();
        for scheme in registry().schemes() {
            let report = all.iter().find(|report| report.scheme == scheme).unwrap();
            assert!(report.capabilities.is_some(), "{scheme}");
        }
        let folders: Vec<_> = all.iter().map(|report| report.backend).collect();
        for folder in ["local", "webdav", "s3", "dropbox", "opendal", "sftp", "gfal2"] {
            assert!(folders.contains(&folder), "{folder}");
        }
    }

    #[test]
    fn what_is_not_in_the_build_names_its_feature() {
        for report in backends().iter().filter(|report| report.capabilities.is_none()) {
            let needs = report.needs.as_deref().unwrap();
            assert!(!report.ready && needs.ends_with(&format!("--features {}", report.scheme)), "{needs}");
        }
    }
}
