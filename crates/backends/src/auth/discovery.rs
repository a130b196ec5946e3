//! Where credentials are usually found.
//!
//! Bearer tokens: WLCG Bearer Token Discovery, <https://doi.org/10.5281/zenodo.3937438>. Certificates and proxies: where the tools of
//! Globus and VOMS have put them for twenty years.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use law_storage::Secret;

/// A token that was found.
pub enum FoundToken {
    /// In the environment variable `BEARER_TOKEN`.
    Text(Secret),
    /// In a file that exists, or that `BEARER_TOKEN_FILE` names.
    File(PathBuf),
}

/// The value of an environment variable.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The bearer token of the user with this number. A variable that is set and empty is not set. A file that somebody else has put at a
/// usual place is none, which is told; one that a variable names is believed, and may turn out to be missing.
pub fn find_token(environment: Environment<'_>, user: u32) -> Option<FoundToken> {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty());
    if let Some(token) = set("BEARER_TOKEN").and_then(|text| text.into_string().ok()) {
        return Some(FoundToken::Text(Secret::new(token.trim())));
    }
    if let Some(file) = set("BEARER_TOKEN_FILE") {
        return Some(FoundToken::File(file.into()));
    }
    let name = format!("bt_u{user}");
    let places = [set("XDG_RUNTIME_DIR").map(PathBuf::from), Some("/tmp".into())];
    let mut files = places.into_iter().flatten().map(|place| place.join(&name));
    files.find(|file| is_ours(file, user)).map(FoundToken::File)
}

/// The file of users and passwords: what `NETRC` names, else `~/.netrc`, if it is there and ours.
pub fn find_netrc(environment: Environment<'_>, user: u32) -> Option<PathBuf> {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("NETRC").or_else(|| Some(set("HOME")?.join(".netrc")).filter(|file| is_ours(file, user)))
}

/// The files of a certificate and its key, which are the same one for a proxy: those that `X509_USER_PROXY`, or `X509_USER_CERT` and
/// `X509_USER_KEY` name; else a proxy or, with a key without a password, a certificate at their usual places.
pub fn find_identity(environment: Environment<'_>, user: u32) -> Option<(PathBuf, PathBuf)> {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(proxy) = set("X509_USER_PROXY") {
        return Some((proxy.clone(), proxy));
    }
    if let (Some(certificate), Some(key)) = (set("X509_USER_CERT"), set("X509_USER_KEY")) {
        return Some((certificate, key));
    }
    let proxy = PathBuf::from(format!("/tmp/x509up_u{user}"));
    if is_ours(&proxy, user) {
        return Some((proxy.clone(), proxy));
    }
    let globus = set("HOME")?.join(".globus");
    let (certificate, key) = (globus.join("usercert.pem"), globus.join("userkey.pem"));
    // Whoever may read the certificate may: it is the key that is secret.
    let open = certificate.is_file()
        && is_ours(&key, user)
        && fs::read_to_string(&key).is_ok_and(|pem| !pem.contains("ENCRYPTED"));
    open.then_some((certificate, key))
}

/// The directory of the authorities of the grid: what `X509_CERT_DIR` names, else the usual one, if it is there.
pub fn find_authorities(environment: Environment<'_>) -> Option<PathBuf> {
    let named = environment("X509_CERT_DIR").filter(|value| !value.is_empty()).map(PathBuf::from);
    named.or_else(|| Some("/etc/grid-security/certificates".into())).filter(|directory| directory.is_dir())
}

/// Whether there is a file that the user or root has made. Who may read it besides is told.
fn is_ours(file: &Path, user: u32) -> bool {
    let Ok(metadata) = fs::metadata(file) else { return false };
    if metadata.uid() != user && metadata.uid() != 0 {
        tracing::warn!("{} is somebody else's, and is not used", file.display());
        return false;
    }
    if metadata.mode() & 0o077 != 0 {
        let (file, mode) = (file.display(), metadata.mode() & 0o7777);
        tracing::warn!("others may read {file} (mode {mode:04o}): chmod 600 {file}");
    }
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
            FoundToken::File(file) => file.display().to_string(),
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
        assert_eq!(found(&[("BEARER_TOKEN", ""), all[2]]).as_deref(), file.to_str());
    }

    #[test]
    fn what_somebody_else_has_made_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "token").unwrap();
        assert!(is_ours(&file, user()));
        assert_eq!(is_ours(&file, user() + 1), user() == 0, "root's are everybody's");
        assert!(!is_ours(&directory.path().join("none"), user()));
    }
}
