//! Certificates of users, and the proxies that stand for them (RFC 3820): who asks, as TLS knows it.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use law_storage::{Error, ErrorKind, Result};
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::small_file::read_small;

/// A chain of certificates and the key of its first, which are read again when one of the files changes.
///
/// A proxy goes with the whole chain in its file. The usual ways of `rustls` refuse it, as they read the first certificate as that of a
/// server; so it is handed over as it is, and the storage decides.
pub struct Identity {
    chain: PathBuf,
    key: PathBuf,
    read: Mutex<Option<Read>>,
}

type Read = (Stamps, Arc<CertifiedKey>, Lifetime);

/// Which content the files have.
type Stamps = [(u64, u64, i64, i64); 2];

/// Whose certificate it is, and until when all of the chain counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lifetime {
    /// The name of the first certificate.
    pub subject: Option<String>,
    /// The earliest end of those of the chain; none if that cannot be read.
    pub expires: Option<SystemTime>,
}

impl Identity {
    /// That of two files in PEM, which may be the same one. Reads nothing yet.
    pub fn new(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { chain: chain.into(), key: key.into(), read: Mutex::new(None) }
    }

    /// Makes sure that it can be shown now.
    ///
    /// # Errors
    /// `Unauthenticated` if a file cannot be read, has no certificate or no key that can be used, or if its time is over.
    pub fn check(&self) -> Result<Lifetime> {
        let (_, lifetime) = self.current()?;
        match lifetime.expires.filter(|end| *end <= SystemTime::now()) {
            None => Ok(lifetime),
            Some(end) => {
                let message = format!("the certificate expired on {} in", httpdate::fmt_http_date(end));
                let error = Error::new(ErrorKind::Unauthenticated, message).at(self.chain.display());
                Err(error.hint("a new proxy is made by voms-proxy-init, or as your site says"))
            }
        }
    }

    /// Whose it is and until when, also if that is over.
    ///
    /// # Errors
    /// `Unauthenticated` if a file cannot be read, or has no certificate or no key that can be used.
    pub fn lifetime(&self) -> Result<Lifetime> {
        self.current().map(|(_, lifetime)| lifetime)
    }

    fn current(&self) -> Result<(Arc<CertifiedKey>, Lifetime)> {
        // It is replaced as a whole.
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        match self.renewed(read.as_ref().map(|(seen, ..)| *seen)) {
            Ok(Some(new)) => *read = Some(new),
            Ok(None) => {}
            // Whoever renews a file in place leaves it unfinished for a moment: what it had counts until it has something else.
            Err(error) if read.is_none() => return Err(error),
            Err(_) => {}
        }
        let missing = || Error::new(ErrorKind::Internal, "a certificate that was not read");
        read.as_ref().map(|(_, key, lifetime)| (key.clone(), lifetime.clone())).ok_or_else(missing)
    }

    /// What the files have, if that is something else than before.
    fn renewed(&self, before: Option<Stamps>) -> Result<Option<Read>> {
        let stamps = [stamp(&self.chain)?, stamp(&self.key)?];
        if before == Some(stamps) {
            return Ok(None);
        }
        self.load().map(|(key, lifetime)| Some((stamps, key, lifetime)))
    }

    fn load(&self) -> Result<(Arc<CertifiedKey>, Lifetime)> {
        let (chain, key) = (content(&self.chain)?, content(&self.key)?);
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(&chain).filter_map(|certificate| certificate.ok()).collect();
        if chain.is_empty() {
            return Err(Error::new(ErrorKind::Unauthenticated, "no certificate in").at(self.chain.display()));
        }
        let unusable = || Error::new(ErrorKind::Unauthenticated, "no key that can be used in").at(self.key.display());
        let signing = PrivateKeyDer::from_pem_slice(&key).map_err(|e| {
            unusable()
                .because(e)
                .hint("a key with a password has to be made a proxy first: voms-proxy-init, or openssl")
        })?;
        let signing = rustls::crypto::ring::sign::any_supported_type(&signing)
            .map_err(|e| unusable().because(e).hint("RSA keys need 2048 bits at least: voms-proxy-init -bits 2048"))?;
        if !is_key_of(&chain[0], &*signing) {
            let message = "the certificate belongs to another key than that in";
            let error = Error::new(ErrorKind::Unauthenticated, message).at(self.key.display());
            return Err(error.hint(format!("the certificate is that of {}", self.chain.display())));
        }
        let lifetime = lifetime(&chain);
        Ok((Arc::new(CertifiedKey::new(chain, signing)), lifetime))
    }
}

/// Whether a certificate is that of this key; what cannot be read is for the storage to judge.
fn is_key_of(certificate: &CertificateDer<'_>, key: &dyn SigningKey) -> bool {
    let certificate = Certificate::from_der(certificate).ok();
    let certified = certificate.map(|it| it.tbs_certificate.subject_public_key_info.subject_public_key);
    let public = key.public_key();
    // How the algorithm is written may differ; the key itself may not.
    let of_key = public.as_deref().and_then(|der| SubjectPublicKeyInfoRef::from_der(der).ok());
    let (Some(certified), Some(of_key)) = (certified, of_key) else { return true };
    certified.raw_bytes() == of_key.subject_public_key.raw_bytes()
}

/// Certificates that cannot be read say nothing: the storage reads them.
fn lifetime(chain: &[CertificateDer<'_>]) -> Lifetime {
    let parsed: Vec<Certificate> = chain.iter().filter_map(|der| Certificate::from_der(der).ok()).collect();
    let end =
        |certificate: &Certificate| -> Duration { certificate.tbs_certificate.validity.not_after.to_unix_duration() };
    Lifetime {
        subject: parsed.first().map(|first| first.tbs_certificate.subject.to_string()),
        expires: parsed.iter().map(end).min().map(|since| SystemTime::UNIX_EPOCH + since),
    }
}

fn stamp(path: &Path) -> Result<(u64, u64, i64, i64)> {
    let metadata = fs::metadata(path).map_err(|e| unreadable(path, e))?;
    Ok((metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec()))
}

/// The bytes of a file that is no longer than any chain.
fn content(path: &Path) -> Result<Vec<u8>> {
    read_small(path, 1024 * 1024).map_err(|e| unreadable(path, e))
}

fn unreadable(path: &Path, cause: io::Error) -> Error {
    Error::new(ErrorKind::Unauthenticated, "cannot read the certificate in").at(path.display()).because(cause)
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        // Whoever connects has checked it a moment ago.
        self.current().ok().map(|(key, _)| key)
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.chain.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_identity_is_refused_with_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("proxy");
        let kind = |identity: &Identity| identity.check().unwrap_err();
        let identity = Identity::new(&path, &path);
        assert!(kind(&identity).to_string().contains("proxy"));
        for content in [
            "",
            "text",
            "-----BEGIN CERTIFICATE-----\nAAAA\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            fs::write(&path, content).unwrap();
            let error = kind(&identity);
            assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{content:?}");
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        }
        assert!(Identity::new("/dev/zero", "/dev/zero").check().is_err());
    }
}
