//! Where credentials are usually found.
//!
//! Bearer tokens: WLCG Bearer Token Discovery, <https://doi.org/10.5281/zenodo.3937438>. Certificates and proxies: where the tools of
//! Globus and VOMS have put them for twenty years.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use law_storage::{Result, Secret};

use super::small_file::warn_if_open;
use super::{Identity, Netrc, read_token};

/// A token that was found.
pub enum FoundToken {
    /// In the environment variable `BEARER_TOKEN`.
    Text(Secret),
    /// In the file that `BEARER_TOKEN_FILE` names, which may turn out to be missing: that is an error.
    Named(PathBuf),
    /// In a file at a usual place, which can be read.
    File(PathBuf),
}

/// The value of an environment variable.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The bearer token of the user with this number. A variable that is set and empty is not set. What is at a usual place and is somebody
/// else's, a link, or cannot be read, is none, which is told: who lies around must not be in the way.
pub fn find_token(environment: Environment<'_>, user: u32) -> Option<FoundToken> {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty());
    let text = set("BEARER_TOKEN").and_then(|text| text.into_string().ok());
    if let Some(token) = text.filter(|text| !text.trim().is_empty()) {
        return Some(FoundToken::Text(Secret::new(token.trim())));
    }
    if let Some(file) = set("BEARER_TOKEN_FILE") {
        return Some(FoundToken::Named(file.into()));
    }
    let name = format!("bt_u{user}");
    let places = [set("XDG_RUNTIME_DIR").map(PathBuf::from), Some("/tmp".into())];
    let files = places.into_iter().flatten().map(|place| place.join(&name));
    let good = |file: &PathBuf| is_ours(file, user, Links::Refused) && usable(file, read_token(file).map(drop));
    files.into_iter().find(good).map(FoundToken::File)
}

/// The file of users and passwords, if it has one of these hosts: what `NETRC` names, which may turn out to be missing: that is an error; else
/// `~/.netrc`, if it is there, ours and readable.
pub fn find_netrc(environment: Environment<'_>, user: u32, hosts: &[&str]) -> Option<PathBuf> {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let usual = || Some(set("HOME")?.join(".netrc")).filter(|file| is_ours(file, user, Links::Followed));
    let named = set("NETRC");
    let is_named = named.is_some();
    let file = named.or_else(usual)?;
    let netrc = Netrc::read(&file);
    let has = netrc.as_ref().map_or(is_named, |netrc| hosts.iter().any(|host| netrc.entry(host).is_some()));
    (has && (is_named || usable(&file, netrc.map(drop)))).then_some(file)
}

/// The files of a certificate and its key, which are the same one for a proxy.
pub struct FoundIdentity {
    /// The certificate, and those that it is signed by.
    pub chain: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Those that `X509_USER_PROXY`, or `X509_USER_CERT` and `X509_USER_KEY` name, which may turn out to be missing or too old: that is an
/// error; else a proxy or, with a key without a password, a certificate at their usual places, if they can be used.
pub fn find_identity(environment: Environment<'_>, user: u32) -> Option<FoundIdentity> {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(proxy) = set("X509_USER_PROXY") {
        return Some(FoundIdentity { chain: proxy.clone(), key: proxy });
    }
    if let (Some(chain), Some(key)) = (set("X509_USER_CERT"), set("X509_USER_KEY")) {
        return Some(FoundIdentity { chain, key });
    }
    let good = |chain: &Path, key: &Path| usable(chain, Identity::new(chain, key).check().map(drop));
    let proxy = PathBuf::from(format!("/tmp/x509up_u{user}"));
    if is_ours(&proxy, user, Links::Refused) && good(&proxy, &proxy) {
        return Some(FoundIdentity { chain: proxy.clone(), key: proxy });
    }
    let globus = set("HOME")?.join(".globus");
    let (chain, key) = (globus.join("usercert.pem"), globus.join("userkey.pem"));
    // Most such keys have a password, which is nothing to complain about. Whoever may read the certificate may: the key is secret.
    let open = chain.is_file() && fs::read_to_string(&key).is_ok_and(|pem| !pem.contains("ENCRYPTED"));
    (open && is_ours(&key, user, Links::Followed) && good(&chain, &key)).then_some(FoundIdentity { chain, key })
}

/// Whether it can be used; why not is told.
fn usable(file: &Path, looked: Result<()>) -> bool {
    if let Err(error) = &looked {
        tracing::warn!("{} is not used: {error}", file.display());
    }
    looked.is_ok()
}

/// The directory of the authorities of the grid: what `X509_CERT_DIR` names, else the usual one, if it is there.
pub fn find_authorities(environment: Environment<'_>) -> Option<PathBuf> {
    let named = environment("X509_CERT_DIR").filter(|value| !value.is_empty()).map(PathBuf::from);
    named.or_else(|| Some("/etc/grid-security/certificates".into())).filter(|directory| directory.is_dir())
}

/// Whether a link counts: in a directory that everybody may write to, it may lead to a file of ours that is meant for somebody else.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Links {
    Followed,
    Refused,
}

/// Whether there is a file that the user has made. Who may read it besides is told.
fn is_ours(file: &Path, user: u32, links: Links) -> bool {
    let looked = if links == Links::Followed { fs::metadata(file) } else { fs::symlink_metadata(file) };
    let Ok(metadata) = looked else { return false };
    if metadata.uid() != user || !metadata.is_file() {
        tracing::warn!("{} is somebody else's, or no file, and is not used", file.display());
        return false;
    }
    warn_if_open(file, &metadata);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn found(variables: &[(&str, &str)]) -> Option<String> {
        let environment =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        find_token(&environment, user()).map(|found| match found {
            FoundToken::Text(token) => token.expose().to_owned(),
            FoundToken::Named(file) | FoundToken::File(file) => file.display().to_string(),
        })
    }

    #[test]
    fn the_order_is_that_of_the_wlcg() {
        let directory = tempfile::tempdir().unwrap();
        let runtime = directory.path().to_str().unwrap();
        let file = directory.path().join(format!("bt_u{}", user()));
        fs::write(&file, "token").unwrap();
        let all = [("BEARER_TOKEN", " t "), ("BEARER_TOKEN_FILE", "/f"), ("XDG_RUNTIME_DIR", runtime)];
        assert_eq!(found(&all).as_deref(), Some("t"));
        assert_eq!(found(&all[1..]).as_deref(), Some("/f"));
        assert_eq!(found(&all[2..]).as_deref(), file.to_str());
        assert_eq!(found(&[("BEARER_TOKEN", " "), all[2]]).as_deref(), file.to_str());
        fs::write(&file, "").unwrap();
        assert_eq!(found(&all[2..]), None, "what cannot be used is in nobody's way");
    }

    #[test]
    fn a_netrc_without_the_host_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(".netrc");
        fs::write(&file, b"machine h login \xfcser password p").unwrap();
        let home = directory.path().as_os_str().to_owned();
        let environment = move |name: &str| (name == "HOME").then(|| home.clone());
        assert_eq!(find_netrc(&environment, user(), &["g", "h"]), Some(file));
        assert_eq!(find_netrc(&environment, user(), &["g"]), None);
        let missing = |name: &str| (name == "NETRC").then(|| "/no/such/netrc".into());
        assert_eq!(find_netrc(&missing, user(), &["g"]), Some("/no/such/netrc".into()), "an error for who reads it");
    }

    #[test]
    fn what_somebody_else_has_made_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "token").unwrap();
        assert!(is_ours(&file, user(), Links::Refused));
        assert!(!is_ours(&file, user() + 1, Links::Followed) && !is_ours(directory.path(), user(), Links::Followed));
        assert!(!is_ours(&directory.path().join("none"), user(), Links::Followed));
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(is_ours(&link, user(), Links::Followed) && !is_ours(&link, user(), Links::Refused));
    }
}
