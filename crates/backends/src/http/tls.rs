//! Whom to believe.

use std::path::Path;
use std::sync::Arc;

use law_storage::{Error, ErrorKind, Result, Status};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::auth::{Identity, find_authorities};

/// A TLS configuration that believes the system's authorities and those of `ca`: a PEM file, or a directory of them
/// such as `/etc/grid-security/certificates`, which is believed where it is there if none is named. A server that asks who we are is
/// shown `identity`.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] if `ca` has no certificate.
pub(super) fn client_config(ca: Option<&Path>, identity: Option<Arc<Identity>>) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(ca) = ca {
        let (good, _) = roots.add_parsable_certificates(load(ca)?);
        if good == 0 {
            return Err(Error::new(ErrorKind::InvalidInput, "no certificate authority in").at(ca.display()));
        }
    } else if let Some(grid) = find_authorities(&|name| std::env::var_os(name)) {
        // Nobody has named it, so that nothing depends on it.
        roots.add_parsable_certificates(load(&grid).unwrap_or_default());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::new(ErrorKind::Internal, "no TLS version is usable").because(e))?
        .with_root_certificates(roots);
    let resumes_nothing = identity.is_some();
    let mut config = match identity {
        Some(identity) => builder.with_client_cert_resolver(identity),
        None => builder.with_no_client_auth(),
    };
    if resumes_nothing {
        // A session that is taken up again would go on with a certificate that was renewed meanwhile.
        config.resumption = rustls::client::Resumption::disabled();
    }
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn load(ca: &Path) -> Result<Vec<CertificateDer<'static>>> {
    // A file that is missing here must never read as "the storage has no such file".
    let unreadable = |e: std::io::Error| {
        let error = Error::new(ErrorKind::InvalidInput, "cannot read the certificate authorities in").at(ca.display());
        error.because(e).hint("option `ca` of the file system")
    };
    if !std::fs::metadata(ca).map_err(unreadable)?.is_dir() {
        return Ok(certificates_of(&std::fs::read(ca).map_err(unreadable)?));
    }
    let mut all = Vec::new();
    for entry in std::fs::read_dir(ca).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if is_authority(&path) {
            // One unreadable authority among hundreds is no reason to believe none of them.
            all.extend(std::fs::read(&path).map(|pem| certificates_of(&pem)).unwrap_or_default());
        }
    }
    Ok(all)
}

/// Hashed names (`1a2b3c4d.0`) and PEM files; not the CRLs and policies that lie beside them.
fn is_authority(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    matches!(extension, "pem" | "crt") || (extension.len() == 1 && extension.bytes().all(|b| b.is_ascii_digit()))
}

fn certificates_of(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).filter_map(|certificate| certificate.ok()).collect()
}

const WITHOUT_TLS: &str = "a server without TLS is reached by dav:// or http://";

/// The same error of a service whose address is an option, and not a door.
pub(crate) fn of_service(error: Error) -> Error {
    match error.hint_text() == Some(WITHOUT_TLS) {
        true => error.hint("a service without TLS is reached by endpoint = \"http://...\" in [fs.NAME]"),
        false => error,
    }
}

/// A handshake that failed, with what to do about an authority that is not known.
pub(super) fn handshake_error(error: std::io::Error, host: &str) -> Error {
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let untrusted = matches!(cause, Some(rustls::Error::InvalidCertificate(_)));
    let base = if untrusted {
        Error::new(ErrorKind::Unavailable, format!("the certificate of {host} is not trusted"))
            .hint("if its authority is your site's, name it: ca = \"/path/to/ca.pem\" in [fs.NAME], or --ca")
    } else {
        Error::new(ErrorKind::Unavailable, format!("no TLS connection to {host}")).hint(WITHOUT_TLS)
    };
    base.because(error).with_status(Status::Exhausted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_authorities_are_loaded_from_a_directory() {
        for (name, expected) in
            [("1a2b3c4d.0", true), ("x.pem", true), ("1a2b3c4d.r0", false), ("1a2b3c4d.signing_policy", false)]
        {
            assert_eq!(is_authority(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(client_config(Some(file.path()), None).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(client_config(Some(Path::new("/no/such/ca")), None).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
