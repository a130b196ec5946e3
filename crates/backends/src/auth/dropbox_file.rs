//! The file that a login at Dropbox leaves.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use law_storage::{Credential, Error, ErrorKind, Result, Secret};
use serde_json::{Value, json};

use super::discovery::Environment;
use super::small_file::read_small;

/// The longest file that is read.
const LONGEST: u64 = 64 * 1024;

/// Where a login is kept: `$XDG_CONFIG_HOME/law/dropbox.json`, or `~/.config/law/dropbox.json`.
pub fn dropbox_file(environment: Environment<'_>) -> Option<PathBuf> {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(home.join("law/dropbox.json"))
}

/// The credential of a login.
///
/// # Errors
/// `Unauthenticated`, with the name of the file, if it cannot be read, if others than its owner may read it, and if it is none of a login.
pub fn read_dropbox_file(path: &Path) -> Result<Credential> {
    let unusable = |why: &str| {
        let error = Error::new(ErrorKind::Unauthenticated, format!("cannot use {}: {why}", path.display()));
        error.hint("law login dropbox makes a new one")
    };
    let mode = fs::metadata(path).map_or(0, |metadata| metadata.mode() & 0o777);
    if mode & 0o077 != 0 {
        let why = format!("others may read it (mode {mode:04o})");
        return Err(unusable(&why).hint(format!("chmod 600 {}", path.display())));
    }
    let bytes = read_small(path, LONGEST).map_err(|error| unusable(&error.to_string()))?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| unusable("it is no JSON"))?;
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    match (text("app_key"), text("refresh_token")) {
        (Some(app_key), Some(token)) => Ok(Credential::Dropbox {
            app_key,
            app_secret: text("app_secret").map(Secret::new),
            refresh_token: Secret::new(token),
        }),
        _ => Err(unusable("it has no app_key and refresh_token")),
    }
}

/// Keeps a login, for its owner alone. The file is whole or not there.
///
/// # Errors
/// Those of the disk.
pub fn write_dropbox_file(path: &Path, app_key: &str, app_secret: Option<&Secret>, token: &Secret) -> Result<()> {
    let text =
        json!({"app_key": app_key, "app_secret": app_secret.map(Secret::expose), "refresh_token": token.expose()});
    let directory = path.parent().unwrap_or(Path::new("."));
    let temporary = path.with_extension(format!("{}.lawpart", std::process::id()));
    let write = || {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        // One that a killed process has left may be readable by others.
        let _ = fs::remove_file(&temporary);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(|error: std::io::Error| {
        let _ = fs::remove_file(&temporary);
        Error::from(error).at(path.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_login_is_kept_for_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let environment = |name: &str| (name == "HOME").then(|| home.path().into());
        let path = dropbox_file(&environment).unwrap();
        for secret in [None, Some(Secret::new("hidden"))] {
            write_dropbox_file(&path, "key", secret.as_ref(), &Secret::new("token")).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            let Credential::Dropbox { app_key, app_secret, refresh_token } = read_dropbox_file(&path).unwrap() else {
                panic!("another credential")
            };
            assert_eq!((app_key.as_str(), refresh_token.expose()), ("key", "token"));
            assert_eq!(app_secret.as_ref().map(Secret::expose), secret.as_ref().map(Secret::expose));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let Err(error) = read_dropbox_file(&path) else { panic!("it was read") };
        assert!(error.to_string().contains("others may read it") && error.hint_text().unwrap().contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "{\"app_key\": \"key\"}").unwrap();
        let Err(error) = read_dropbox_file(&path) else { panic!("it was read") };
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert!(error.to_string().contains("dropbox.json"), "{error}");
    }
}
