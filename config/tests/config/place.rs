//! A directory with a system, a home and a project, and an environment that sees nothing else.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use law_config::{Config, Environment, Error};
use tempfile::TempDir;

/// Enough to be a file system.
pub(crate) const STANZA: &str = "[fs.wlcg]\ndoors = [\"davs://d.example\"]\n";

pub(crate) struct Place {
    pub(crate) directory: TempDir,
    pub(crate) environment: Environment,
}

impl Place {
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let root = directory.path().canonicalize().unwrap();
        for name in ["etc/law.toml.d", "home/.config/law", "home/project/sub"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        let variables = [("USER", "me"), ("XDG_RUNTIME_DIR", "/run/user/1000")];
        let environment = Environment {
            variables: variables.map(|(name, value)| (name.into(), value.into())).into(),
            working_directory: root.join("home/project/sub"),
            home: Some(root.join("home")),
            system_directory: root.join("etc"),
            user: fs::metadata(&root).unwrap().uid(),
        };
        Self { directory, environment }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(name)
    }

    /// Writes a private file.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        set_mode(&path, 0o600);
        path
    }

    /// Writes the user's own law.toml.
    pub(crate) fn user(&self, content: impl AsRef<[u8]>) -> PathBuf {
        self.write("home/.config/law/law.toml", content)
    }

    /// Writes a project's law.toml above the working directory.
    pub(crate) fn project(&self, content: impl AsRef<[u8]>) -> PathBuf {
        self.write("home/project/law.toml", content)
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.variables.insert(name.into(), value.into());
    }

    pub(crate) fn load(&self) -> Config {
        Config::load(&self.environment, &[]).unwrap()
    }

    pub(crate) fn load_with(&self, overrides: &[&str]) -> Config {
        Config::load(&self.environment, overrides).unwrap()
    }

    pub(crate) fn error(&self) -> Error {
        Config::load(&self.environment, &[]).unwrap_err()
    }

    /// The error without the directory in front of its files.
    pub(crate) fn message(&self) -> String {
        let root = format!("{}/", self.directory.path().canonicalize().unwrap().display());
        self.error().to_string().replace(&root, "")
    }

    /// Makes a file somebody else's: root gives it away, anybody else becomes another user.
    pub(crate) fn give_away(&mut self, path: &Path) {
        if self.environment.user == 0 {
            std::os::unix::fs::lchown(path, Some(54321), None).unwrap();
        } else {
            self.environment.user += 1;
        }
    }
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The origin of a key, as people see it, without the directory.
pub(crate) fn origin(config: &Config, place: &Place, key: &str) -> String {
    let root = format!("{}/", place.directory.path().canonicalize().unwrap().display());
    config.origin(key).unwrap().to_string().replace(&root, "")
}
