//! The file that logins at Dropbox leave: one for each app.

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

/// Where logins are kept: `$XDG_CONFIG_HOME/law/dropbox.json`, or `~/.config/law/dropbox.json`.
pub fn dropbox_file(environment: Environment<'_>) -> Option<PathBuf> {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(home.join("law/dropbox.json"))
}

/// One login.
struct Login {
    app_key: String,
    app_secret: Option<Secret>,
    refresh_token: Secret,
}

impl Login {
    fn of(value: &Value) -> Option<Self> {
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let app_secret = text("app_secret").map(Secret::new);
        Some(Self { app_key: text("app_key")?, app_secret, refresh_token: Secret::new(text("refresh_token")?) })
    }

    fn json(&self) -> Value {
        let secret = self.app_secret.as_ref().map(Secret::expose);
        json!({"app_key": self.app_key, "app_secret": secret, "refresh_token": self.refresh_token.expose()})
    }

    fn credential(self) -> Credential {
        let Self { app_key, app_secret, refresh_token } = self;
        Credential::Dropbox { app_key, app_secret, refresh_token }
    }
}

/// All that are kept: one for each app, or the only one, as a file had it that knew no others.
fn logins(bytes: &[u8]) -> Result<Vec<Login>, &'static str> {
    let value: Value = serde_json::from_slice(bytes).map_err(|_| "it is no JSON")?;
    let all = match value["logins"].as_array() {
        Some(list) => list.iter().map(Login::of).collect(),
        None => Login::of(&value).map(|login| vec![login]),
    };
    all.ok_or("it has no app_key and refresh_token")
}

/// The credential of the login of an app; without an app, of the only one.
///
/// # Errors
/// `Unauthenticated`, with the name of the file, if it cannot be read, if others than its owner may read it, if it is none of logins, and if it has
/// none of that app, or several where no app is named.
pub fn read_dropbox_file(path: &Path, app_key: Option<&str>) -> Result<Credential> {
    let mode = mode(path);
    if mode & 0o077 != 0 {
        let why = format!("others may read it (mode {mode:04o})");
        return Err(unusable(path, why).hint(format!("chmod 600 {}", path.display())));
    }
    let broken = |why: String| unusable(path, why).hint("law login dropbox makes a new one");
    let bytes = read_small(path, LONGEST).map_err(|error| broken(error.to_string()))?;
    let all = logins(&bytes).map_err(|why| broken(why.into()))?;
    chosen(path, all, app_key).map(Login::credential)
}

fn chosen(path: &Path, mut all: Vec<Login>, app_key: Option<&str>) -> Result<Login> {
    let place = match app_key {
        Some(app) => all.iter().position(|login| login.app_key == app),
        None => (all.len() == 1).then_some(0),
    };
    if let Some(place) = place {
        return Ok(all.swap_remove(place));
    }
    let apps: Vec<_> = all.iter().map(|login| login.app_key.as_str()).collect();
    Err(match app_key {
        Some(app) => unusable(path, format!("it has no login of the app {app}")).hint("law login dropbox NAME"),
        None if apps.is_empty() => unusable(path, "it has no login".into()).hint("law login dropbox NAME"),
        None => unusable(path, format!("it has logins of the apps {}, and none is named", apps.join(", ")))
            .hint("app_key in [fs.NAME] says which; law login dropbox NAME makes one of its app"),
    })
}

fn unusable(path: &Path, why: String) -> Error {
    Error::new(ErrorKind::Unauthenticated, "cannot use the login in").at(path.display()).because(why)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).map_or(0, |metadata| metadata.mode() & 0o777)
}

/// Keeps a login of an app beside those of others, for its owner alone. The file is whole or not there.
///
/// # Errors
/// Those of the disk.
pub fn write_dropbox_file(path: &Path, app_key: &str, app_secret: Option<&Secret>, token: &Secret) -> Result<()> {
    let login =
        Login { app_key: app_key.into(), app_secret: app_secret.cloned(), refresh_token: Secret::new(token.expose()) };
    let others = others(path, app_key);
    let all: Vec<Value> = others.iter().chain([&login]).map(Login::json).collect();
    let text = json!({"logins": all});
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

/// The logins of other apps. A file that is none has none, and what others may write is not believed.
fn others(path: &Path, app_key: &str) -> Vec<Login> {
    let bytes = if mode(path) & 0o022 == 0 { read_small(path, LONGEST).unwrap_or_default() } else { Vec::new() };
    let all = logins(&bytes).unwrap_or_default();
    all.into_iter().filter(|login| login.app_key != app_key).collect()
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
            let Credential::Dropbox { app_key, app_secret, refresh_token } =
                read_dropbox_file(&path, Some("key")).unwrap()
            else {
                panic!("another credential")
            };
            assert_eq!((app_key.as_str(), refresh_token.expose()), ("key", "token"));
            assert_eq!(app_secret.as_ref().map(Secret::expose), secret.as_ref().map(Secret::expose));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let Err(error) = read_dropbox_file(&path, None) else { panic!("it was read") };
        assert!(error.to_string().contains("others may read it") && error.hint_text().unwrap().contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "{\"app_key\": \"key\"}").unwrap();
        let Err(error) = read_dropbox_file(&path, None) else { panic!("it was read") };
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert!(error.to_string().contains("dropbox.json"), "{error}");
    }

    /// The refresh token that is used for an app, or why none is.
    fn token(path: &Path, app_key: Option<&str>) -> Result<String, Error> {
        match read_dropbox_file(path, app_key)? {
            Credential::Dropbox { refresh_token, .. } => Ok(refresh_token.expose().to_owned()),
            _ => panic!("another credential"),
        }
    }

    fn private(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    #[test]
    fn each_app_has_its_login_and_no_other() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("dropbox.json");
        private(&path, r#"{"app_key": "one", "app_secret": null, "refresh_token": "of one"}"#);
        assert_eq!(token(&path, None).unwrap(), "of one");
        let error = token(&path, Some("two")).unwrap_err();
        assert_eq!((error.kind(), error.hint_text()), (ErrorKind::Unauthenticated, Some("law login dropbox NAME")));
        assert!(error.to_string().contains("no login of the app two"), "{error}");
        for (app, new) in [("two", "of two"), ("one", "newer")] {
            write_dropbox_file(&path, app, None, &Secret::new(new)).unwrap();
        }
        let both = ["one", "two"].map(|app| token(&path, Some(app)).unwrap());
        assert_eq!(both, ["newer", "of two"]);
        let error = token(&path, None).unwrap_err();
        assert!(error.to_string().contains("apps two, one") && error.hint_text().is_some(), "{error}");
        assert!(!error.to_string().contains("newer"), "{error}");
    }

    #[test]
    fn what_others_may_have_written_is_not_kept() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("dropbox.json");
        private(&path, r#"{"app_key": "one", "refresh_token": "of somebody"}"#);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        write_dropbox_file(&path, "two", None, &Secret::new("mine")).unwrap();
        assert!(token(&path, Some("one")).is_err());
        private(&path, r#"{"logins": []}"#);
        assert_eq!(token(&path, None).unwrap_err().hint_text(), Some("law login dropbox NAME"));
    }
}
