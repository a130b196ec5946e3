//! Logins at Dropbox.

use std::path::PathBuf;

use law_backends::auth::{dropbox_file, write_dropbox_file};
use law_backends::dropbox::Login;
use law_storage::{Call, Error, ErrorKind, Result, Secret};

use crate::file_systems::{FileSystems, misconfigured};

impl FileSystems {
    /// Begins a login at Dropbox, for the app of the configured file system of that name, or else for the first that has one.
    ///
    /// # Errors
    /// `InvalidInput` for a name that is not configured, and if no app is.
    pub fn dropbox_login(&self, name: Option<&str>, app_key: Option<&str>) -> Result<DropboxLogin> {
        let named = name.map(|name| self.config().file_system(name).map_err(misconfigured)).transpose()?;
        let trusted = self.config().file_systems.values().find(|fs| fs.app_key.is_some() && fs.trusted);
        let settings = named.or(trusted).unwrap_or(&self.config().every);
        if !settings.trusted {
            let error = Error::new(ErrorKind::InvalidInput, "somebody else's configuration says where to log in");
            return Err(error.hint("law config trust FILE, if you trust it"));
        }
        let app_key = app_key.map(str::to_owned).or_else(|| settings.app_key.clone()).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "it is not known which app of Dropbox asks")
                .hint("--app-key KEY, or app_key in [fs.NAME]; https://www.dropbox.com/developers/apps makes one")
        })?;
        // That of another app would be a wrong one.
        let of_this = settings.app_key.as_ref().is_none_or(|of_settings| *of_settings == app_key);
        let app_secret = settings.app_secret.as_ref().filter(|_| of_this).map(|secret| Secret::new(secret.expose()));
        let endpoint = self.endpoint_settings(settings, &[])?;
        let login = Login::begin(&app_key, app_secret.as_ref(), &endpoint)?;
        Ok(DropboxLogin { login, app_key, app_secret })
    }
}

/// A login at Dropbox that has begun.
pub struct DropboxLogin {
    login: Login,
    app_key: String,
    app_secret: Option<Secret>,
}

impl DropboxLogin {
    /// The page that asks the user, and tells a code.
    pub fn address(&self) -> String {
        self.login.address()
    }

    /// Gets a refresh token for the code, and keeps it for this user alone. The file that has it now.
    ///
    /// # Errors
    /// `Unauthenticated` if the code is not accepted; those of the connection and of the disk.
    pub async fn end(self, call: &Call, code: &str) -> Result<PathBuf> {
        let no_home = || Error::new(ErrorKind::InvalidInput, "there is no place for a login: HOME is not set");
        let file = dropbox_file(&|name| std::env::var_os(name)).ok_or_else(no_home)?;
        let token = self.login.end(call, code).await?;
        write_dropbox_file(&file, &self.app_key, self.app_secret.as_ref(), &token)?;
        Ok(file)
    }
}
