//! Credentials of which a half is missing: no reason to ask as somebody else.

use law_config::FileSystemSettings;
use law_storage::{Error, ErrorKind, Result};

/// What is there, what is missing, and what stands for its value.
type Half = (&'static str, &'static str, &'static str);

/// Refuses half of a credential of `[fs.NAME]` for a door of this scheme.
///
/// # Errors
/// `InvalidInput`, with what is missing.
pub(crate) fn check(name: &str, settings: &FileSystemSettings, scheme: &str) -> Result<()> {
    let half = match scheme {
        // The key is one of SSH.
        "sftp" => None,
        _ if settings.key.is_some() && settings.certificate.is_none() => Some(("a key", "certificate", "FILE")),
        "s3" if settings.profile.is_some() => None,
        "s3" | "oss" | "obs" | "cos" => of_key(settings, true),
        // The access key alone names the account.
        "azblob" => of_key(settings, false),
        "dropbox" if settings.refresh_token.is_some() && settings.app_key.is_none() => {
            Some(("a refresh_token", "app_key", "KEY"))
        }
        _ => None,
    };
    let Some((there, missing, value)) = half else { return Ok(()) };
    let message = format!("[fs.{name}] has {there} and no {missing}");
    Err(Error::new(ErrorKind::InvalidInput, message).hint(format!("{missing} = \"{value}\"")))
}

fn of_key(settings: &FileSystemSettings, needs_secret: bool) -> Option<Half> {
    let (id, secret) = (settings.access_key.is_some(), settings.secret_key.is_some());
    match (id, secret, settings.session_token.is_some()) {
        (true, false, _) if needs_secret => Some(("an access_key", "secret_key", "...")),
        (false, true, _) => Some(("a secret_key", "access_key", "...")),
        (false, false, true) => Some(("a session_token", "access_key", "...")),
        _ => None,
    }
}
